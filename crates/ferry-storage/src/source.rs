//! Files being read: on this machine, or octets on demand.

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use crate::{BoxFut, FsError, Octets};

/// An open file for reading, from the offset asked for.
#[non_exhaustive]
pub enum Source {
    /// A regular file of this machine: the engine may use `sendfile` or `pread` on it. Its own
    /// cursor is not used; read at explicit offsets, starting at `from`.
    File {
        /// The open file.
        file: File,
        /// Where to start, in octets.
        from: u64,
        /// Length of the whole file when it was opened, in octets.
        len: u64,
    },
    /// Anything else: octets on demand.
    Stream {
        /// Where they come from; already at the offset asked for.
        stream: Box<dyn ByteSource>,
        /// Length of the whole file when it was opened, in octets.
        len: u64,
    },
}

impl Source {
    /// A file that is in memory whole.
    #[must_use]
    pub fn of_octets(octets: Vec<u8>) -> Self {
        let len = octets.len() as u64;
        Self::Stream { stream: Box::new(Octets::new(octets)), len }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { from, len, .. } => write!(f, "Source::File({from}..{len})"),
            Self::Stream { len, .. } => write!(f, "Source::Stream(..{len})"),
        }
    }
}

/// Octets on demand.
pub trait ByteSource: Send {
    /// Fills `buf` from its start, at most its present length, and gives it back with the number
    /// of octets read; 0 means the end. The buffer is lent so that it may cross threads.
    fn read(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)>;

    /// Writes what comes next to `file`, at its cursor, on one thread that may block, so that no
    /// octet changes threads on its way: at most `max` octets, and soon back with fewer. 0 means
    /// the end. [`None`] where that cannot be had, or not now; [`read`](Self::read) always works.
    fn read_to_file<'a>(
        &'a mut self,
        file: &'a Arc<File>,
        max: u64,
    ) -> Option<BoxFut<'a, Result<u64, FsError>>> {
        let _ = (file, max);
        None
    }
}
