//! The one permission decision: account × operation × canonical path → allowed or why not.

use ferry_proto::path::FtpPath;

use crate::{Access, Account};

/// What is about to be done at the storage layer. Commands do not appear here: RETR, and whatever
/// later reads a file under another name, are all [`Op::Read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Look at metadata.
    Stat,
    /// Read a directory.
    List,
    /// Read a file.
    Read,
    /// Make a new file or replace or extend one.
    Write,
    /// Make a directory.
    MakeDir,
    /// Remove a directory.
    RemoveDir,
    /// Remove a file or link.
    RemoveFile,
    /// Take a name away by renaming.
    RenameFrom,
    /// Give a name by renaming.
    RenameTo,
    /// Change times or permission bits.
    SetMeta,
}

impl Op {
    /// Every operation, for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::Stat,
        Self::List,
        Self::Read,
        Self::Write,
        Self::MakeDir,
        Self::RemoveDir,
        Self::RemoveFile,
        Self::RenameFrom,
        Self::RenameTo,
        Self::SetMeta,
    ];

    /// Whether the operation leaves the tree as it was.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Stat | Self::List | Self::Read)
    }
}

/// Why an operation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The account may only read.
    ReadOnly,
    /// The name holds control octets, which no name made here may hold.
    BadName,
    /// No name with control octets is ever shown, so it is as if it were not there.
    Hidden,
}

/// Decides whether `account` may do `op` on `path`.
///
/// # Errors
/// [`Refusal`] says why not.
pub fn decide(account: &Account, op: Op, path: &FtpPath) -> Result<(), Refusal> {
    if path.has_control() {
        let makes_a_name = matches!(op, Op::Write | Op::MakeDir | Op::RenameTo);
        return Err(if makes_a_name { Refusal::BadName } else { Refusal::Hidden });
    }
    if !op.is_read() && account.access != Access::ReadWrite {
        return Err(Refusal::ReadOnly);
    }
    Ok(())
}
