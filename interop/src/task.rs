//! What a client can be asked to do. Directories are absolute and plain; the names in them may be
//! odd.

use std::path::PathBuf;

/// One request to a client.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_enums, reason = "every client driver must know every task")]
#[allow(missing_docs, reason = "the fields are what their names say")]
pub enum Task {
    /// Print the names in a directory, by every listing command the client has.
    List { dir: String },
    /// Fetch `dir/name` to the local file `to`, continuing what is there if `resume`.
    Get { dir: String, name: String, to: PathBuf, resume: bool },
    /// Send the local file `from` as `dir/name`, continuing what is there if `resume`.
    Put { from: PathBuf, dir: String, name: String, resume: bool },
    /// Rename within a directory.
    Rename { dir: String, from: String, to: String },
    /// Delete a file.
    Delete { dir: String, name: String },
    /// Make a directory.
    MakeDir { dir: String, name: String },
    /// Remove an empty directory.
    RemoveDir { dir: String, name: String },
}

impl Task {
    /// The directory it works in.
    #[must_use]
    pub fn dir(&self) -> &str {
        match self {
            Self::List { dir }
            | Self::Get { dir, .. }
            | Self::Put { dir, .. }
            | Self::Rename { dir, .. }
            | Self::Delete { dir, .. }
            | Self::MakeDir { dir, .. }
            | Self::RemoveDir { dir, .. } => dir,
        }
    }
}

/// Where the tests break a transfer of `len` octets that is to be resumed: not on any boundary.
#[must_use]
pub fn half(len: u64) -> u64 {
    len / 2 - 1
}
