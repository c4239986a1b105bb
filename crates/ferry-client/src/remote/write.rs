//! Files of a server as sinks of octets. Small ones are gathered first: they are then sent whole,
//! one behind the other, and can be sent again when a session breaks.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferry_proto::path::FtpPath;
use ferry_storage::{BoxFut, FsError, Sink, Storage as _, WriteMode};

use super::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Lease, Use};
use crate::session::capabilities::Ranges;
use crate::session::{Upload, UploadHow};

/// How much is gathered before an upload is begun.
const GATHERED_MAX: usize = 256 * 1024;

pub(super) async fn open(
    remote: &Remote,
    path: &FtpPath,
    mode: WriteMode,
) -> Result<Box<dyn Sink>, FsError> {
    if path.is_root() {
        return Err(FsError::NotFile);
    }
    // What a listing has told is over.
    let _ = remote.0.sizes.take(path);
    let how = match mode {
        WriteMode::Create(_) => UploadHow::Create,
        WriteMode::CreateNew(_) => {
            match remote.stat(path, false).await {
                Ok(_) => return Err(FsError::Exists),
                Err(FsError::NotFound) => {}
                Err(error) => return Err(error),
            }
            UploadHow::Create
        }
        WriteMode::At(0) => UploadHow::Create,
        WriteMode::At(offset) => {
            let size = remote
                .with(Use::Command, |lease| async move { lease.size(path.as_bytes()).await })
                .await?;
            match size {
                Some(size) if offset > size => return Err(FsError::BadOffset),
                _ => UploadHow::At(offset),
            }
        }
        WriteMode::Append => UploadHow::Append,
        // At the start STOR alone would do, and cut off what follows.
        WriteMode::Over(from) if from > 0 => {
            match remote.0.pool.known().read(|known| known.ranges) {
                Ranges::Rang => UploadHow::Over(from),
                Ranges::Rest => UploadHow::At(from),
                _ => return Err(FsError::Unsupported),
            }
        }
        _ => return Err(FsError::Unsupported),
    };
    Ok(Box::new(ToServer {
        remote: remote.clone(),
        path: path.clone(),
        how,
        gathered: Vec::new(),
        running: None,
        failed: false,
    }))
}

struct ToServer {
    remote: Remote,
    path: FtpPath,
    how: UploadHow,
    gathered: Vec<u8>,
    running: Option<(Lease, Upload)>,
    failed: bool,
}

impl ToServer {
    /// Ends what is under way; the reset tells the server that this is not the end. Some (ProFTPD)
    /// forget a TLS session of which a connection ended like that, and take no further data
    /// connections of the same control connection.
    fn break_off(&mut self) {
        if let Some((lease, upload)) = self.running.take() {
            drop(upload);
            if lease.is_protected() {
                self.remote.0.pool.retire(&lease);
            }
        }
    }

    async fn take(&mut self, octets: &[u8]) -> Result<()> {
        if self.failed {
            return Err(Error::new(ErrorKind::Closed, "the upload has failed"));
        }
        if let Some((_, upload)) = &mut self.running {
            return upload.write(octets).await;
        }
        self.gathered.extend_from_slice(octets);
        if self.gathered.len() <= GATHERED_MAX {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.gathered);
        let (lease, mut upload) = self.begin().await?;
        upload.write(&gathered).await?;
        self.running = Some((lease, upload));
        Ok(())
    }

    /// A command of somebody else between REST and STOR would make the server forget REST.
    fn wanted(&self) -> Use {
        match self.how {
            UploadHow::At(_) | UploadHow::Over(_) => Use::Alone,
            _ => Use::Upload,
        }
    }

    async fn begin(&self) -> Result<(Lease, Upload)> {
        let (path, how) = (self.path.as_bytes(), self.how);
        self.remote
            .with(self.wanted(), |lease| async move {
                let upload = lease.upload(path, how).await?;
                Ok((lease, upload))
            })
            .await
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        if self.failed {
            return Err(Error::new(ErrorKind::Closed, "the upload has failed"));
        }
        if let Some((_lease, upload)) = self.running.take() {
            return Box::pin(upload.finish()).await.map(drop);
        }
        let (path, how, gathered) = (self.path.as_bytes(), self.how, self.gathered.as_slice());
        let most = self.remote.small_max(&self.path);
        let small = how == UploadHow::Create
            && most.is_none_or(|most| gathered.len() as u64 <= most)
            && self
                .remote
                .0
                .pool
                .known()
                .read(crate::session::capabilities::Capabilities::keeps_data);
        if small {
            let _room = self.remote.0.pool.room(gathered.len()).await;
            return self
                .remote
                .with(Use::SmallUp, |lease| async move {
                    lease.store_small(path, gathered.to_vec()).await
                })
                .await;
        }
        let lost = AtomicBool::new(false);
        let once = |lease: Lease| {
            let lost = &lost;
            async move {
                let mut upload = lease.upload(path, how).await?;
                upload.write(gathered).await?;
                let done = Box::pin(upload.conclude()).await;
                if upload.is_taken() && done.as_ref().is_err_and(|e| e.reply().is_none()) {
                    lost.store(true, Ordering::Relaxed);
                }
                done.map(drop)
            }
        };
        if how == UploadHow::Append {
            // Twice would be twice.
            return once(self.remote.0.pool.lease(Use::Upload).await?).await;
        }
        match self.remote.with(self.wanted(), once).await {
            // Who lets nothing be written over refuses what it has already.
            Err(error)
                if lost.load(Ordering::Relaxed)
                    && is_refusal(&error)
                    && self.is_whole(gathered.len()).await =>
            {
                Ok(())
            }
            done => done,
        }
    }

    /// Whether the file is as long as it should be with so many octets.
    async fn is_whole(&self, octets: usize) -> bool {
        let path = self.path.as_bytes();
        let from = match self.how {
            UploadHow::At(from) => from,
            UploadHow::Create => 0,
            // What follows may have been there before.
            _ => return false,
        };
        let ask = |lease: Lease| async move { lease.size(path).await };
        let size = self.remote.with(Use::Command, ask).await;
        size.is_ok_and(|size| size == Some(from + octets as u64))
    }
}

/// Whether the server has said no, for good, and neither for want of space nor of TLS.
fn is_refusal(error: &Error) -> bool {
    use ErrorKind::{BadName, Denied, Exists, Refused};
    error.reply().is_some() && matches!(error.kind(), BadName | Denied | Exists | Refused)
}

impl Drop for ToServer {
    fn drop(&mut self) {
        self.break_off();
    }
}

impl Sink for ToServer {
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        Box::pin(async move {
            let result = self.take(&buf).await;
            if result.is_err() {
                self.failed = true;
                self.break_off();
            }
            (buf, result.map_err(FsError::from))
        })
    }

    fn write_from_file<'a>(
        &'a mut self,
        file: &'a Arc<File>,
        at: u64,
        max: u64,
    ) -> Option<BoxFut<'a, Result<u64, FsError>>> {
        let straight = self.running.as_ref().is_some_and(|(_, upload)| upload.is_straight());
        if self.failed || !straight {
            return None;
        }
        Some(Box::pin(async move {
            let Some((_, upload)) = &mut self.running else { return Ok(0) };
            let written = upload.write_from_file(file, at, max).await;
            if written.is_err() {
                self.failed = true;
                self.break_off();
            }
            written.map_err(FsError::from)
        }))
    }

    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(async move { self.finish().await.map_err(FsError::from) })
    }

    fn abandon(mut self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        Box::pin(async move {
            let begun = self.running.is_some();
            self.break_off();
            Ok(begun)
        })
    }
}
