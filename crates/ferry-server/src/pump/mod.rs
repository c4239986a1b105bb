//! The data path: octets between a [`Wire`] and storage, for one transfer at a time.
//!
//! Every wait for the peer has a deadline, re-armed whenever an octet moves; waits for storage have
//! none, for a slow disk is not the peer's fault (whoever calls may drop the future at any time).
//! Nothing here looks at single octets except what TYPE, STRU and MODE ask for, through
//! `ferry_proto::repr`. Replies, data connection set-up and commits are the session's work.

mod ahead;
mod buffers;
mod decode;
mod flow;
mod loan;
mod pipe;
mod receive;
mod sealed;
mod send;
mod sendfile;
mod source;
mod straight;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::time::Duration;

use ferry_proto::repr::FormatError;
use ferry_storage::FsError;
use tokio::time::timeout;

pub(crate) use self::ahead::Ahead;
pub(crate) use self::decode::{Marked, decode_file};
pub(crate) use self::flow::Flow;
pub(crate) use self::receive::{CloseNotify, Receiving, receive_file};
pub(crate) use self::send::{Encoding, Lines, send_file, send_lines};
use crate::wire::{Received, Wire};

/// Octets that are moved before other tasks of the same thread get their turn.
const TURN: usize = 1 << 20;

/// Why a transfer broke off.
#[derive(Debug)]
pub(crate) enum PumpError {
    /// The data connection broke (426).
    Peer(io::Error),
    /// Nothing moved for too long (426).
    Stalled,
    /// The transfer was told to stop; what had arrived is written.
    Stopped,
    /// TLS on the data connection failed (426).
    Tls(rustls::Error),
    /// The connection ended without the close_notify that was asked for (426).
    Truncated,
    /// What came, or what was to be sent, is not of the representation's form.
    Format(FormatError),
    /// Reading or writing the file failed (451, 452, 552).
    Storage(FsError),
}

impl fmt::Display for PumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer(_) => "the data connection broke",
            Self::Stopped => "aborted",
            Self::Stalled => "the data connection stood still for too long",
            Self::Tls(_) => "TLS failed on the data connection",
            Self::Truncated => "the data connection ended without close_notify",
            Self::Format(_) => "the data is not of the form it should be",
            Self::Storage(_) => "storage failed",
        })
    }
}

impl std::error::Error for PumpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Peer(e) => Some(e),
            Self::Tls(e) => Some(e),
            Self::Format(e) => Some(e),
            Self::Storage(e) => Some(e),
            Self::Stalled | Self::Stopped | Self::Truncated => None,
        }
    }
}

impl From<io::Error> for PumpError {
    /// An error of a connection; [`Wire`] hands those of TLS on inside.
    fn from(e: io::Error) -> Self {
        match e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => Self::Tls(tls.clone()),
            None => Self::Peer(e),
        }
    }
}

impl From<FormatError> for PumpError {
    fn from(e: FormatError) -> Self {
        Self::Format(e)
    }
}

impl From<FsError> for PumpError {
    fn from(e: FsError) -> Self {
        Self::Storage(e)
    }
}

/// How a peer that was sent everything ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerEnd {
    /// It closed, too.
    Closed,
    /// It reset the connection, or its TLS failed: perhaps it did not want the end, perhaps it
    /// left only our close_notify unread, as many clients do.
    Reset,
    /// It did not close in time.
    Waited,
}

/// Ends our direction once everything is sent (close_notify, then FIN), then waits at most `close`
/// for the peer's end, dropping what it sends: closing with octets unread makes the system send a
/// reset, which can overtake the end of the data.
///
/// A peer that knows the end of a file by its form may be gone before ours is sent (lftp in MODE Z
/// is): that is a reset like any other.
///
/// # Errors
/// The end could not be sent in time.
pub(crate) async fn finish(
    wire: &mut Wire,
    stall: Duration,
    close: Duration,
) -> Result<PeerEnd, PumpError> {
    wire.notify_close();
    match flush(wire, stall).await {
        Err(PumpError::Peer(_)) => return Ok(PeerEnd::Reset),
        done => done?,
    }
    if wire.end_write().is_err() {
        return Ok(PeerEnd::Reset);
    }
    Ok(timeout(close, drain(wire)).await.unwrap_or(PeerEnd::Waited))
}

/// Waits at most `close` for the end of a peer that has sent a whole file.
///
/// # Errors
/// It sent more.
pub(crate) async fn nothing_more(wire: &mut Wire, close: Duration) -> Result<(), PumpError> {
    let mut octet = [0; 1];
    match timeout(close, wire.read(&mut octet)).await {
        Ok(Ok(Received::Bytes(_))) => Err(FormatError::TrailingData.into()),
        // The file is whole, however the connection ends.
        _ => Ok(()),
    }
}

/// Reads and drops until the peer's end.
async fn drain(wire: &mut Wire) -> PeerEnd {
    let mut scratch = [0; 512];
    loop {
        match wire.read(&mut scratch).await {
            Ok(Received::Bytes(_)) => {}
            Ok(Received::Eof | Received::Truncated) => return PeerEnd::Closed,
            Err(_) => return PeerEnd::Reset,
        }
    }
}

/// Sends what TLS still holds.
pub(crate) async fn flush(wire: &mut Wire, stall: Duration) -> Result<(), PumpError> {
    write_step(wire, stall, |wire, at_once| Ok(wire.try_flush(at_once)?)).await
}

/// Repeats `step`, which writes, until it does not block; waits at most `stall` in between. When
/// that has passed, `step` is called with `true`: it is to ask the system itself, see
/// [`crate::tls::write_at_once`]; only if that moves nothing either is it a stall.
async fn write_step<T>(
    wire: &mut Wire,
    stall: Duration,
    mut step: impl FnMut(&mut Wire, bool) -> Result<T, PumpError>,
) -> Result<T, PumpError> {
    let mut at_once = false;
    loop {
        let sent_before = wire.sent_under_tls();
        match step(wire, at_once) {
            Err(PumpError::Peer(e)) if e.kind() == io::ErrorKind::WouldBlock => {
                if at_once && wire.sent_under_tls() == sent_before {
                    return Err(PumpError::Stalled);
                }
            }
            other => return other,
        }
        match timeout(stall, wire.writable()).await {
            Ok(result) => {
                result?;
                at_once = false;
            }
            Err(_) => at_once = true,
        }
    }
}

/// Waits at most `limit` for something to read; whether there may be.
async fn readable_within(wire: &Wire, limit: Duration) -> io::Result<bool> {
    match timeout(limit, poll_fn(|cx| wire.poll_readable(cx))).await {
        Ok(result) => result.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// Lets other tasks run each time [`TURN`] octets have moved: neither a socket that is always
/// ready nor cached file content would ever make this one wait.
#[derive(Debug, Default)]
struct Turn(usize);

impl Turn {
    async fn moved(&mut self, octets: usize) {
        self.0 = self.0.saturating_add(octets);
        if self.0 >= TURN {
            self.0 = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// No machine has lengths that do not fit.
fn widen(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
