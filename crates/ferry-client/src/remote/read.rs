//! Files of a server as sources of octets.

use std::fs::File;
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use ferry_storage::{BoxFut, ByteSource, FsError, Octets, Source};

use tokio::sync::OwnedSemaphorePermit;

use super::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Lease, Use};
use crate::session::{BLOCK_FILE_MAX, Download};

/// The longest file that is fetched whole into memory with others behind it.
const SMALL_MAX: u64 = BLOCK_FILE_MAX as u64;

/// How much of a longer one is waited for before it counts as begun.
const FIRST_LEN: usize = 64 * 1024;

pub(super) async fn open(remote: &Remote, path: &FtpPath, from: u64) -> Result<Source> {
    let told = remote.0.sizes.take(path);
    let keeps = remote.0.pool.known().read(crate::session::capabilities::Capabilities::keeps_data);
    let small_max = remote.small_max(path).unwrap_or(SMALL_MAX);
    if keeps && from == 0 && told.is_some_and(|size| size <= small_max) {
        let octets = usize::try_from(told.unwrap_or(0)).unwrap_or(usize::MAX);
        let room = remote.0.pool.room(octets).await;
        let fetched = remote
            .with(Use::SmallDown, |lease| async move { lease.fetch_small(path.as_bytes()).await })
            .await;
        match fetched {
            Ok(octets) => {
                let len = octets.len() as u64;
                return Ok(Source::Stream {
                    stream: Box::new(Whole { octets: Octets::new(octets), _room: room }),
                    len,
                });
            }
            // It has grown since it was listed.
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => return Err(error),
        }
    }
    let (lease, download, size, first) = remote
        .with(if from > 0 { Use::Part } else { Use::Download }, |lease| async move {
            let asking = size_on(&lease, path, told);
            let (size, mut download) = if lease.pipelines() {
                // Both within one round trip.
                let beginning = lease.download(path.as_bytes(), from);
                let (size, download) = Box::pin(async { tokio::join!(asking, beginning) }).await;
                (check_offset(size?, from)?, download?)
            } else {
                let size = check_offset(asking.await?, from)?;
                (size, lease.download(path.as_bytes(), from).await?)
            };
            if let Some(size) = size.filter(|size| *size >= from && *size > 0) {
                download.expect(size - from);
            }
            // What goes wrong goes wrong at the first octet, where all can still be done again.
            let mut first = vec![0; FIRST_LEN];
            let n = Box::pin(download.read(&mut first)).await?;
            first.truncate(n);
            Ok((lease, download, size, first))
        })
        .await?;
    let len = size.or_else(|| download.size().map(|size| size + from));
    let stream = Box::new(Coming { download, first: Octets::new(first), _lease: lease });
    Ok(Source::Stream { stream, len: len.unwrap_or(0) })
}

/// The size of a file, asked for on this session: another may be more than the server allows, and
/// whoever copies needs to know how much is to come.
async fn size_on(lease: &Lease, path: &FtpPath, told: Option<u64>) -> Result<Option<u64>> {
    if told.is_some() {
        return Ok(told);
    }
    match lease.size(path.as_bytes()).await {
        Err(error) if error.reply().is_some() && !error.may_pass() => Ok(None),
        size => size,
    }
}

/// The size again, if a file of it can be read from there on.
fn check_offset(size: Option<u64>, from: u64) -> Result<Option<u64>> {
    match size {
        Some(size) if from > size => {
            Err(Error::new(ErrorKind::BadOffset, "the file is shorter than that"))
        }
        size => Ok(size),
    }
}

/// A file that is here already.
struct Whole {
    octets: Octets,
    _room: Option<OwnedSemaphorePermit>,
}

impl ByteSource for Whole {
    fn read(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)> {
        self.octets.read(buf)
    }
}

/// A file on its way.
struct Coming {
    download: Download,
    /// What came first.
    first: Octets,
    _lease: Lease,
}

impl ByteSource for Coming {
    fn read(&mut self, mut buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)> {
        Box::pin(async move {
            let n = self.first.give(&mut buf);
            if n > 0 {
                return (buf, Ok(n));
            }
            self.first = Octets::default();
            let read = self.download.read(&mut buf).await.map_err(FsError::from);
            (buf, read)
        })
    }

    fn read_to_file<'a>(
        &'a mut self,
        file: &'a Arc<File>,
        max: u64,
    ) -> Option<BoxFut<'a, Result<u64, FsError>>> {
        // Small files are not worth another thread.
        let begun = self.first.is_empty() && self.download.received() >= FIRST_LEN as u64;
        if !begun || !self.download.is_straight() {
            return None;
        }
        Some(Box::pin(
            async move { self.download.read_to_file(file, max).await.map_err(FsError::from) },
        ))
    }
}
