//! From the peer to storage.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferry_proto::repr::Representation;
use ferry_storage::Sink;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::buffers::Buffer;
use super::{PumpError, Turn, readable_within, widen};
use crate::wire::{Received, Wire};

/// A buffer with less room than this goes to storage.
const ROOM_MIN: usize = 64 << 10;

/// How long to wait for more once something has come: writing every packet by itself would cost a
/// trip to the blocking pool for each.
const GATHER: Duration = Duration::from_millis(100);

/// What to make of a TLS connection that ends without close_notify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseNotify {
    /// The end of the file; many small devices never send it.
    Lenient,
    /// A broken transfer.
    Strict,
}

/// An upload that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upload {
    /// Octets on the connection (before TLS).
    pub(crate) octets: u64,
    /// TLS ended without close_notify, and that is allowed.
    pub(crate) truncated: bool,
}

/// How one round of reading ended.
enum Round {
    /// Worth writing; there may be more.
    More,
    /// The file is complete.
    End { truncated: bool },
    /// The transfer broke; what came before is good.
    Broken(PumpError),
}

/// Receives until the peer's end and writes to `sink` all that arrived, also when the transfer
/// then breaks; the caller commits or abandons. At a clean end our own end is sent at once
/// (close_notify, FIN), before the commit: some clients wait for it.
///
/// # Errors
/// The peer, TLS or storage failed, nothing moved for `stall`, or close_notify is missing and
/// `policy` is strict.
pub(crate) async fn receive_file(
    wire: &mut Wire,
    sink: &mut dyn Sink,
    representation: Representation,
    progress: &AtomicU64,
    stall: Duration,
    policy: CloseNotify,
    stop: &Notify,
) -> Result<Upload, PumpError> {
    let before = progress.load(Ordering::Relaxed);
    let mut decoder = (!representation.is_identity()).then(|| representation.decoder());
    let (mut filling, mut writing) = (Buffer::borrow(), Buffer::borrow());
    let mut round = fill(wire, &mut filling, stall, progress, stop).await;
    let end = loop {
        // What arrived becomes what is written, and the other buffer is free for reading.
        match &mut decoder {
            None => std::mem::swap(&mut filling, &mut writing),
            Some(decoder) => {
                writing.clear();
                decoder.push(&filling, &mut writing);
                if !matches!(round, Round::More) {
                    decoder.finish(&mut writing);
                }
            }
        }
        if !matches!(round, Round::More) {
            write(sink, &mut writing).await?;
            break round;
        }
        // A failed write ends the transfer at once; a failed read lets the write finish first.
        let reading = async { Ok(fill(wire, &mut filling, stall, progress, stop).await) };
        let (next, ()) = tokio::try_join!(reading, write(sink, &mut writing))?;
        round = next;
    };
    let truncated = match end {
        Round::Broken(e) => return Err(e),
        Round::End { truncated: true } if policy == CloseNotify::Strict => {
            return Err(PumpError::Truncated);
        }
        Round::End { truncated } => truncated,
        Round::More => false,
    };
    // Best effort: the peer may be gone already, and has lost nothing if it is.
    let _ = timeout(stall, wire.close_write()).await;
    Ok(Upload { octets: progress.load(Ordering::Relaxed) - before, truncated })
}

/// Fills `buf` from the start until it is worth writing; its length is then what was read. Being
/// told to stop loses nothing of it.
async fn fill(
    wire: &mut Wire,
    buf: &mut Buffer,
    stall: Duration,
    progress: &AtomicU64,
    stop: &Notify,
) -> Round {
    let mut filled = 0;
    let round = tokio::select! {
        biased;
        () = stop.notified() => Round::Broken(PumpError::Stopped),
        round = fill_up(wire, buf, &mut filled, stall, progress) => round,
    };
    buf.truncate(filled);
    round
}

async fn fill_up(
    wire: &mut Wire,
    buf: &mut Buffer,
    filled: &mut usize,
    stall: Duration,
    progress: &AtomicU64,
) -> Round {
    let mut turn = Turn::default();
    loop {
        let room = buf.whole().get_mut(*filled..).unwrap_or_default();
        if room.len() < ROOM_MIN {
            return Round::More;
        }
        match wire.try_read(room) {
            Ok(Received::Bytes(n)) => {
                *filled += n;
                progress.fetch_add(widen(n), Ordering::Relaxed);
                turn.moved(n).await;
            }
            Ok(Received::Eof) => return Round::End { truncated: false },
            Ok(Received::Truncated) => return Round::End { truncated: true },
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let limit = if *filled == 0 { stall } else { GATHER };
                wire.acknowledge();
                match readable_within(wire, limit).await {
                    Ok(true) => {}
                    Ok(false) if *filled == 0 => return Round::Broken(PumpError::Stalled),
                    Ok(false) => return Round::More,
                    Err(e) => return Round::Broken(e.into()),
                }
            }
            Err(e) => return Round::Broken(e.into()),
        }
    }
}

/// Lends the buffer to storage.
async fn write(sink: &mut dyn Sink, buf: &mut Buffer) -> Result<(), PumpError> {
    if buf.is_empty() {
        return Ok(());
    }
    let (vec, result) = sink.write(buf.lend()).await;
    buf.put_back(vec);
    result.map_err(PumpError::from)
}
