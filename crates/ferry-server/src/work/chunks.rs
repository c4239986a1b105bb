//! A file in order, a chunk at a time, off the async threads.

use std::io;
use std::os::unix::fs::FileExt as _;

use ferry_storage::{ByteSource, FsError, Source};

/// What is read at a time: enough that the hop to another thread does not count.
const CHUNK: usize = 512 << 10;

/// What is left to read of a [`Source`].
pub(super) struct Chunks {
    source: Option<Source>,
    at: u64,
}

impl Chunks {
    /// Starts where the source says.
    pub(super) fn new(source: Source) -> Self {
        let at = match &source {
            Source::File { from, .. } => *from,
            _ => 0,
        };
        Self { source: Some(source), at }
    }

    /// The next octets, `most` at most, in `buf`; none at the end.
    pub(super) async fn next(&mut self, mut buf: Vec<u8>, most: u64) -> Result<Vec<u8>, FsError> {
        buf.resize(CHUNK.min(usize::try_from(most).unwrap_or(CHUNK)), 0);
        match self.source.take() {
            _ if buf.is_empty() => Ok(buf),
            Some(Source::Stream { mut stream, len }) => {
                let (mut buf, read) = ByteSource::read(&mut *stream, buf).await;
                buf.truncate(read?);
                self.source = Some(Source::Stream { stream, len });
                Ok(buf)
            }
            Some(Source::File { file, from, len }) => {
                let at = self.at;
                let (file, mut buf, read) = off_thread(move || {
                    let read = file.read_at(&mut buf, at);
                    (file, buf, read)
                })
                .await?;
                buf.truncate(read.map_err(FsError::Io)?);
                self.at = at.saturating_add(u64::try_from(buf.len()).unwrap_or(0));
                self.source = Some(Source::File { file, from, len });
                Ok(buf)
            }
            _ => Err(FsError::Unsupported),
        }
    }
}

/// Runs what takes its time on the blocking pool, which ends only with the runtime.
pub(super) async fn off_thread<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FsError> {
    tokio::task::spawn_blocking(job).await.map_err(|e| FsError::Io(io::Error::other(e)))
}
