//! What the kernel's error numbers mean to a storage. The only place that says so.

use std::io;

use rustix::io::Errno;

use crate::FsError;

impl From<Errno> for FsError {
    fn from(e: Errno) -> Self {
        match e {
            // EXDEV is how openat2 says that a path leads out of the root; a loop or a file in
            // the middle of a path is as little there as a missing name.
            Errno::NOENT | Errno::NOTDIR | Errno::XDEV | Errno::LOOP => Self::NotFound,
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::Denied,
            Errno::EXIST => Self::Exists,
            Errno::NOTEMPTY => Self::NotEmpty,
            // ENXIO: a socket, or a FIFO that nobody reads, opened for writing.
            Errno::ISDIR | Errno::NXIO => Self::NotFile,
            Errno::NAMETOOLONG | Errno::ILSEQ | Errno::INVAL => Self::BadName,
            Errno::NOSPC => Self::NoSpace,
            Errno::DQUOT | Errno::FBIG => Self::Quota,
            // EAGAIN: still racing with renames after all retries, or a lease held elsewhere.
            Errno::BUSY | Errno::TXTBSY | Errno::MFILE | Errno::NFILE | Errno::AGAIN => Self::Busy,
            Errno::NOSYS | Errno::OPNOTSUPP => Self::Unsupported,
            other => Self::Io(other.into()),
        }
    }
}

/// As above, for what the standard library's file operations return.
pub(super) fn of_io(e: io::Error) -> FsError {
    match Errno::from_io_error(&e) {
        Some(errno) => errno.into(),
        None => FsError::Io(e),
    }
}
