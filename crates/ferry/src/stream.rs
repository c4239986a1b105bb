//! Octets between storages and standard input and output.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use ferry_client::copy::{Limiter, Progress, Step};
use ferry_storage::{ByteSource, FsError, Sink, Source};

/// Octets moved at a time.
const CHUNK: usize = 128 << 10;

/// What is left to read of a source.
pub(crate) enum Reader {
    File { file: Arc<File>, at: u64 },
    Stream(Box<dyn ByteSource>),
}

impl Reader {
    pub(crate) fn new(source: Source) -> Result<Self, FsError> {
        match source {
            Source::File { file, from, .. } => Ok(Self::File { file: Arc::new(file), at: from }),
            Source::Stream { stream, .. } => Ok(Self::Stream(stream)),
            _ => Err(FsError::Unsupported),
        }
    }

    /// The next octets, over what `buf` held; none means the end.
    pub(crate) async fn next(&mut self, mut buf: Vec<u8>) -> Result<Vec<u8>, FsError> {
        buf.resize(CHUNK, 0);
        match self {
            Self::Stream(stream) => {
                let (mut buf, read) = stream.read(buf).await;
                buf.truncate(read?);
                Ok(buf)
            }
            Self::File { file, at } => {
                let (open, from) = (Arc::clone(file), *at);
                let buf = blocking(move || {
                    let n = open.read_at(&mut buf, from)?;
                    buf.truncate(n);
                    Ok(buf)
                })
                .await
                .map_err(FsError::Io)?;
                *at = at.saturating_add(buf.len() as u64);
                Ok(buf)
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(job).await.map_err(io::Error::other)?
}

/// Waits until `octets` more may have gone.
pub(crate) async fn pass(limits: &[Arc<Limiter>], octets: usize) {
    for limit in limits {
        limit.pass(octets).await;
    }
}

/// Tells that so many octets have gone.
pub(crate) fn moved(progress: &dyn Progress, octets: usize) {
    progress.on(&Step::Moved(octets as u64));
}

/// Moves standard input into a file and makes it whole. Returns how many octets. When reading
/// fails, nothing is made whole.
pub(crate) async fn standard_input_to(
    mut sink: Box<dyn Sink>,
    limits: &[Arc<Limiter>],
    progress: &dyn Progress,
) -> Result<u64, FsError> {
    let (mut buf, mut total) = (Vec::new(), 0);
    loop {
        let lent = buf;
        let read = blocking(move || {
            let mut buf = lent;
            buf.resize(CHUNK, 0);
            let n = io::stdin().lock().read(&mut buf)?;
            buf.truncate(n);
            Ok(buf)
        })
        .await;
        buf = match read {
            Ok(buf) => buf,
            Err(e) => {
                sink.abandon().await?;
                return Err(FsError::Io(e));
            }
        };
        if buf.is_empty() {
            sink.commit().await?;
            return Ok(total);
        }
        let len = buf.len();
        pass(limits, len).await;
        let (back, written) = sink.write(buf).await;
        written?;
        buf = back;
        total += len as u64;
        moved(progress, len);
    }
}
