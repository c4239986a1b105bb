//! Why a storage operation did not happen. Which reply that becomes is the caller's business.

use std::fmt;

/// Why a storage operation did not happen, by outcome; the caller turns it into a reply code.
#[derive(Debug)]
#[non_exhaustive]
pub enum FsError {
    /// Nothing has that name, or a component on the way is missing, is not a directory, loops, or
    /// leads out of the root.
    NotFound,
    /// The operation is not allowed.
    Denied,
    /// The name is taken and may not be replaced.
    Exists,
    /// The directory still has entries.
    NotEmpty,
    /// The operation needs a regular file.
    NotFile,
    /// The operation needs a directory.
    NotDir,
    /// The name cannot be stored here: too long, or octets this storage refuses.
    BadName,
    /// A rename into the directory's own inside.
    IntoItself,
    /// The start offset lies beyond the end of the file.
    BadOffset,
    /// No space is left on the medium.
    NoSpace,
    /// A quota is used up.
    Quota,
    /// Someone else holds it; the same request may succeed later.
    Busy,
    /// This storage cannot do that at all.
    Unsupported,
    /// The account must first say more of itself (ACCT, RFC 959 §4.1.1).
    NeedsAccount,
    /// Reading or writing the medium failed.
    Io(std::io::Error),
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such file or directory",
            Self::Denied => "permission denied",
            Self::Exists => "already exists",
            Self::NotEmpty => "directory not empty",
            Self::NotFile => "not a regular file",
            Self::NotDir => "not a directory",
            Self::BadName => "name not allowed",
            Self::IntoItself => "a directory cannot be moved into itself",
            Self::BadOffset => "start offset beyond the end of the file",
            Self::NoSpace => "no space left",
            Self::Quota => "quota used up",
            Self::Busy => "busy, try again later",
            Self::Unsupported => "not supported here",
            Self::NeedsAccount => "an account is needed",
            Self::Io(_) => "input/output error",
        })
    }
}

impl std::error::Error for FsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(e),
            _ => None,
        }
    }
}
