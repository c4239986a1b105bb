//! Reading a file in order, a buffer at a time, without holding up the runtime's threads.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

#[cfg(target_os = "linux")]
use ferry_storage::local::is_in_memory;
use ferry_storage::{ByteSource, FsError, Source};

#[cfg(target_os = "linux")]
use rustix::io::ReadWriteFlags;

use super::buffers::CHUNK;
use super::widen;

/// What is left to read of a [`Source`].
pub(super) enum Reader {
    /// A file of this machine.
    File(FileReader),
    /// Octets on demand.
    Stream {
        /// Where they come from.
        stream: Box<dyn ByteSource>,
        /// How many are expected, and how many have come; there may be more.
        expected: u64,
        come: u64,
    },
}

/// A file of this machine, from `at` to the length it had when it was opened.
pub(super) struct FileReader {
    pub(super) file: Arc<File>,
    pub(super) at: u64,
    pub(super) end: u64,
    /// Whether it is in memory; unknown before the first reading.
    in_memory: Option<bool>,
}

impl Reader {
    /// Starts where the source says.
    pub(super) fn new(source: Source) -> Result<Self, FsError> {
        match source {
            Source::File { file, from, len } => Ok(Self::File(FileReader {
                file: Arc::new(file),
                at: from,
                end: len,
                in_memory: None,
            })),
            Source::Stream { stream, len } => Ok(Self::Stream { stream, expected: len, come: 0 }),
            _ => Err(FsError::Unsupported),
        }
    }

    /// Whether all has been read. A stream tells only by its end.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::File(file) if file.at >= file.end)
    }

    /// Whether all that was expected has been read, so that the next reading will hardly wait.
    pub(super) fn may_be_over(&self) -> bool {
        matches!(self, Self::Stream { expected, come, .. } if come >= expected)
    }

    /// Reads the next octets into `buf`, over what it held; an empty one means the end.
    pub(super) async fn next(&mut self, mut buf: Vec<u8>) -> Result<Vec<u8>, FsError> {
        match self {
            Self::File(file) => file.next(buf).await,
            Self::Stream { stream, expected, come } => {
                // Clearing a large buffer would cost more than reading a small file.
                let most = usize::try_from(*expected).unwrap_or(CHUNK).saturating_add(1);
                buf.resize(CHUNK.min(most.max(4096)), 0);
                let (mut buf, result) = stream.read(buf).await;
                buf.truncate(result?);
                *come = come.saturating_add(widen(buf.len()));
                Ok(buf)
            }
        }
    }
}

impl FileReader {
    /// The next octets, `most` of them at most, for another to read.
    pub(super) fn take(&mut self, most: u64) -> Self {
        let (file, at) = (Arc::clone(&self.file), self.at);
        self.at = at.saturating_add(most).min(self.end);
        Self { file, at, end: self.at, in_memory: self.in_memory }
    }

    /// Reads the next octets into `buf`, at once if they are in memory, else on the blocking pool.
    async fn next(&mut self, mut buf: Vec<u8>) -> Result<Vec<u8>, FsError> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        buf.resize(CHUNK.min(left), 0);
        if buf.is_empty() {
            return Ok(buf);
        }
        let in_memory = *self.in_memory.get_or_insert_with(|| is_in_memory(&self.file));
        let done = read_at_once(&self.file, &mut buf, self.at, in_memory);
        if done < buf.len() {
            let (file, at) = (Arc::clone(&self.file), self.at);
            let reading = tokio::task::spawn_blocking(move || {
                let rest = buf.get_mut(done..).unwrap_or_default();
                file.read_exact_at(rest, at.saturating_add(widen(done))).map(|()| buf)
            });
            // The pool ends only with the runtime, and this task with it.
            buf = reading.await.map_err(io::Error::other).flatten().map_err(FsError::Io)?;
        }
        self.at = self.at.saturating_add(widen(buf.len()));
        Ok(buf)
    }
}

/// Reads what the system has in memory. Whatever goes wrong here shows when it is read in earnest.
#[cfg(target_os = "linux")]
fn read_at_once(file: &File, buf: &mut [u8], at: u64, in_memory: bool) -> usize {
    // A file system in memory does not know the flag.
    let flags = if in_memory { ReadWriteFlags::empty() } else { ReadWriteFlags::NOWAIT };
    rustix::io::preadv2(file, &mut [IoSliceMut::new(buf)], at, flags).unwrap_or(0)
}

/// Other systems cannot say.
#[cfg(not(target_os = "linux"))]
fn read_at_once(_file: &File, _buf: &mut [u8], _at: u64, _in_memory: bool) -> usize {
    0
}

/// Other systems cannot say.
#[cfg(not(target_os = "linux"))]
fn is_in_memory(_file: &File) -> bool {
    false
}
