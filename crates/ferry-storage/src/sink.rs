//! Files being written: in which way, octet by octet, and how that ends.

use std::fs::File;
use std::sync::Arc;

use crate::{BoxFut, FsError, whole};

/// How an upload meets what is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteMode {
    /// The whole file anew, whether or not the name exists. What happens while it is written and
    /// when it breaks off is said by [`Upload`].
    Create(Upload),
    /// As `Create`, but the name must not exist: [`FsError::Exists`] otherwise (STOU). The name is
    /// taken from the start, with an empty file, so that no two such uploads ever get the same.
    CreateNew(Upload),
    /// In place from an offset not beyond the end ([`FsError::BadOffset`] beyond the end,
    /// [`FsError::NotFound`] when there is no file and the offset is not 0). What followed is cut
    /// off with the first octets written, or by the commit: an upload that never begins loses
    /// nothing.
    At(u64),
    /// As `At`, but what follows the octets written stays: a part of a file is replaced (RANG).
    Over(u64),
    /// In place at the end; a missing file is made.
    Append,
}

/// What an upload of a whole file does until it is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Upload {
    /// Aside, named when complete. Broken off: under a new name what arrived is kept there, an
    /// existing file stays as it was.
    #[default]
    Atomic,
    /// Aside, named when complete. Broken off: nothing is kept.
    Discard,
    /// Straight into the named file, truncated first; what arrived stays.
    Direct,
}

/// A file being written. Octets go in by [`write`](Sink::write); then exactly one of
/// [`commit`](Sink::commit) and [`abandon`](Sink::abandon). Dropping it without either keeps
/// nothing that was aside, as there is no time to wait for a name; no hidden file stays behind, and
/// neither does a name that the write made in place if it never began.
pub trait Sink: Send {
    /// Writes all of `buf` behind what was written before and gives the buffer back (its content
    /// is then unspecified, its capacity kept).
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)>;

    /// Takes what is in `file` from octet `at` on, at most `max` octets, on one thread that may
    /// block. Soon back with the number of octets taken; 0 means that the file ends there. [`None`]
    /// where that cannot be had, or not now; [`write`](Self::write) always works.
    fn write_from_file<'a>(
        &'a mut self,
        file: &'a Arc<File>,
        at: u64,
        max: u64,
    ) -> Option<BoxFut<'a, Result<u64, FsError>>> {
        let _ = (file, at, max);
        None
    }

    /// The file of this machine that is written to, with the cursor where the next octet goes, for
    /// a [`ByteSource`](crate::ByteSource) that can write to it by itself. [`None`] where there is
    /// no such file, or where somebody has to see what is written.
    fn lend_file(&mut self) -> BoxFut<'_, Result<Option<File>, FsError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Goes on at that offset of the file, in octets: for files that come as numbered pages
    /// (RFC 959 §3.1.2.3). What is skipped beyond the end reads as zeros once something is written
    /// behind it. [`FsError::Unsupported`] where writing is in order only, which is also what an
    /// implementation without this method says, and with [`WriteMode::Append`].
    fn seek(&mut self, offset: u64) -> BoxFut<'_, Result<(), FsError>> {
        let _ = offset;
        Box::pin(std::future::ready(Err(FsError::Unsupported)))
    }

    /// Makes what was written the file of that name. When this returns, readers see all of it.
    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>>;

    /// Writes the last octets and commits, with fewer changes of thread where the medium allows;
    /// the same as one after the other, and as [`abandon`](Self::abandon) where writing fails.
    fn finish(self: Box<Self>, buf: Vec<u8>) -> BoxFut<'static, Result<(), FsError>>
    where
        Self: 'static,
    {
        Box::pin(whole::finish(self, buf))
    }

    /// Whether what has been written would be there under its name if the write broke off now, so
    /// that it can be resumed. Never where that is not certain; an implementation without this
    /// method says so, too.
    fn outlasts(&self) -> bool {
        false
    }

    /// Ends the write before it is complete; what becomes of it, [`Upload`] says. Returns whether
    /// what arrived is now there under the name.
    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>>;
}
