//! A file of this machine to a plain TCP connection without passing through the process: a third
//! to a tenth of the CPU time of reading and writing.
//!
//! A page that is not in memory blocks the thread until the disk has brought it, a megabyte at
//! most; the system reads ahead of sequential use, so that is rare.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferry_storage::FsError;
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::source::FileReader;
use super::{PumpError, TURN, Turn, widen, write_step};
use crate::wire::Wire;

/// Whether `sendfile` did the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything was sent.
    Sent,
    /// It is not possible with this file; nothing was sent by this call.
    Unable,
}

/// Sends the rest of `file`.
pub(super) async fn send(
    wire: &mut Wire,
    file: &mut FileReader,
    stall: Duration,
    progress: &AtomicU64,
) -> Result<Outcome, PumpError> {
    let mut turn = Turn::default();
    while file.at < file.end {
        let sent = write_step(wire, stall, |wire, at_once| match wire.plain_tcp() {
            Some(tcp) => slice(tcp, file, at_once),
            None => Ok(None),
        });
        match sent.await? {
            None => return Ok(Outcome::Unable),
            // The file ends earlier than it did when it was opened.
            Some(0) => return Err(FsError::Io(io::ErrorKind::UnexpectedEof.into()).into()),
            Some(n) => {
                progress.fetch_add(widen(n), Ordering::Relaxed);
                turn.moved(n).await;
            }
        }
    }
    Ok(Outcome::Sent)
}

/// Sends what fits now, a [`TURN`] at most; `None` where this file cannot be sent this way.
fn slice(
    tcp: &TcpStream,
    file: &mut FileReader,
    at_once: bool,
) -> Result<Option<usize>, PumpError> {
    let left = usize::try_from(file.end - file.at).unwrap_or(TURN).min(TURN);
    let from = &*file.file;
    let at = &mut file.at;
    let mut call = || rustix::fs::sendfile(tcp, from, Some(&mut *at), left);
    let sent = if at_once {
        call().map_err(io::Error::from)
    } else {
        tcp.try_io(Interest::WRITABLE, || call().map_err(io::Error::from))
    };
    let e = match sent {
        Ok(n) => return Ok(Some(n)),
        Err(e) => e,
    };
    match e.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(None),
        Some(Errno::IO | Errno::STALE | Errno::NXIO | Errno::NODATA | Errno::NOMEM) => {
            Err(FsError::Io(e).into())
        }
        _ => Err(PumpError::Peer(e)),
    }
}
