//! Reading a [`Source`] in order, a lent buffer at a time.

use std::fs::File;
use std::io;
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use ferry_storage::{ByteSource, FsError, Source, Storage};

/// What is left to read of a [`Source`].
pub(crate) enum Reader {
    /// A file of this machine, from `at` on; `ended` once a read has found its end.
    File { file: Arc<File>, at: u64, ended: bool },
    /// Octets on demand.
    Stream(Box<dyn ByteSource>),
}

impl Reader {
    /// Starts where the source says.
    pub(crate) fn new(source: Source) -> Result<Self, FsError> {
        match source {
            Source::File { file, from, .. } => {
                Ok(Self::File { file: Arc::new(file), at: from, ended: false })
            }
            Source::Stream { stream, .. } => Ok(Self::Stream(stream)),
            _ => Err(FsError::Unsupported),
        }
    }

    /// Whether this is a file of this machine.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// Reads at most `want` octets into `buf`, over what it held; an empty one means the end.
    pub(crate) async fn next(&mut self, buf: Vec<u8>, want: usize) -> Result<Vec<u8>, FsError> {
        let (mut buf, n) = self.fill(buf, want).await?;
        buf.truncate(n);
        Ok(buf)
    }

    /// Reads at most `want` octets into `buf`, which may be longer, and says how many; 0 means
    /// the end. So a buffer that is used again need not be cleared again.
    pub(crate) async fn fill(
        &mut self,
        mut buf: Vec<u8>,
        want: usize,
    ) -> Result<(Vec<u8>, usize), FsError> {
        buf.resize(want, 0);
        match self {
            Self::File { ended: true, .. } => Ok((buf, 0)),
            Self::File { file, at, ended } => {
                let (open, from) = (Arc::clone(file), *at);
                let job = move || {
                    let n = read_at(&open, &mut buf, from)?;
                    Ok::<_, io::Error>((buf, n))
                };
                let done = ferry_storage::blocking::run(job).await;
                let (buf, n) = done.flatten().map_err(FsError::Io)?;
                *at = at.saturating_add(n as u64);
                // Spares small files the second hop.
                *ended = n < want;
                Ok((buf, n))
            }
            Self::Stream(stream) => {
                let (buf, done) = stream.read(buf).await;
                Ok((buf, done?))
            }
        }
    }

    /// Reads `len` octets, or as many as there are before the end.
    pub(crate) async fn exactly(&mut self, len: usize) -> Result<Vec<u8>, FsError> {
        let (mut all, mut buf) = (Vec::with_capacity(len), Vec::new());
        while all.len() < len {
            buf = self.next(buf, len - all.len()).await?;
            if buf.is_empty() {
                break;
            }
            all.extend_from_slice(&buf);
        }
        Ok(all)
    }
}

/// The octets `from..from + len` of a file, or those before its end.
pub(crate) async fn range(
    storage: &dyn Storage,
    path: &FtpPath,
    from: u64,
    len: usize,
) -> Result<Vec<u8>, FsError> {
    Reader::new(storage.read(path, from).await?)?.exactly(len).await
}

/// Fills `buf` unless the file ends before.
#[cfg(unix)]
fn read_at(file: &File, buf: &mut [u8], from: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt as _;
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, from.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Fills `buf` unless the file ends before. Nobody else uses this file's cursor.
#[cfg(not(unix))]
fn read_at(mut file: &File, buf: &mut [u8], from: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _};
    file.seek(io::SeekFrom::Start(from))?;
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            n => done += n,
        }
    }
    Ok(done)
}
