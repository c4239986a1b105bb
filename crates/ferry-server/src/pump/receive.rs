//! From the peer to storage, octets as they come.

use std::io;
use std::time::Duration;

use ferry_storage::Sink;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::buffers::{Buffer, CHUNK};
use super::flow::Flow;
use super::straight::Way;
use super::{PumpError, Turn, readable_within, widen};
use crate::wire::{Received, Wire};

/// A buffer with less room than this goes to storage.
pub(super) const ROOM_MIN: usize = 64 << 10;

/// How long to wait for more once something has come: writing every packet by itself would cost a
/// trip to the blocking pool for each.
pub(super) const GATHER: Duration = Duration::from_millis(100);

/// What to make of a TLS connection that ends without close_notify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseNotify {
    /// The end of the file; many small devices never send it.
    Lenient,
    /// A broken transfer.
    Strict,
}

/// An upload that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    /// The last octets, not yet written.
    pub(crate) rest: Vec<u8>,
    /// Octets on the connection (before TLS).
    pub(crate) octets: u64,
    /// TLS ended without close_notify, and that is allowed.
    pub(crate) truncated: bool,
}

/// How one round of reading ended.
pub(super) enum Round {
    /// Worth looking at; there may be more.
    More,
    /// Nothing came for as long as was said.
    Silent,
    /// The file is complete.
    End { truncated: bool },
    /// The transfer broke; what came before is good.
    Broken(PumpError),
}

/// An upload under way: where it comes from, and what bounds and stops it.
#[derive(Debug)]
pub(crate) struct Receiving<'a> {
    pub(crate) wire: &'a mut Wire,
    pub(crate) flow: Flow<'a>,
    pub(crate) policy: CloseNotify,
    pub(crate) stop: &'a Notify,
}

/// Receives until the peer's end and writes to `sink` all that arrived when the transfer breaks,
/// and all but the last octets when it does not; the caller abandons, or finishes with those. At a
/// clean end our own end is sent at once (close_notify, FIN), before the commit: some clients wait
/// for it.
///
/// # Errors
/// The peer or storage failed, nothing moved for too long, or close_notify is missing and the
/// policy is strict.
pub(crate) async fn receive_file(
    mut from: Receiving<'_>,
    sink: &mut dyn Sink,
) -> Result<Upload, PumpError> {
    let before = from.flow.moved();
    let (mut filling, mut writing) = (Buffer::borrow(), Buffer::borrow());
    let patience = (from.flow.stall, Some(GATHER));
    let mut round = from.fill(&mut filling, patience).await;
    let mut way = Way::Unknown;
    let end = loop {
        // What arrived becomes what is written, and the other buffer is free for reading.
        std::mem::swap(&mut filling, &mut writing);
        if !matches!(round, Round::More) {
            break round;
        }
        // Who sends whole buffers without a pause is worth a thread.
        if writing.filled().len() > CHUNK - ROOM_MIN && way.is_straight(&from, sink).await? {
            write_filled(sink, &mut writing).await?;
            round = from.straight(&way, &mut filling).await?;
            continue;
        }
        // A failed write ends the transfer at once; a failed read lets the write finish first.
        let reading = async { Ok(from.fill(&mut filling, patience).await) };
        let (next, ()) = tokio::try_join!(reading, write_filled(sink, &mut writing))?;
        round = next;
    };
    let ended = match end {
        Round::Broken(e) => Err(e),
        Round::Silent => Err(PumpError::Stalled),
        Round::End { truncated } => from.end(truncated),
        Round::More => Ok(false),
    };
    let truncated = match ended {
        Ok(truncated) => truncated,
        Err(e) => {
            write_filled(sink, &mut writing).await?;
            return Err(e);
        }
    };
    from.close_write().await;
    let octets = from.flow.moved() - before;
    Ok(Upload { octets, rest: writing.give_filled(), truncated })
}

impl Receiving<'_> {
    /// Whether an end that TLS did not announce is one.
    pub(super) fn end(&self, truncated: bool) -> Result<bool, PumpError> {
        match self.policy {
            CloseNotify::Strict if truncated => Err(PumpError::Truncated),
            _ => Ok(truncated),
        }
    }

    /// Our end of the connection. Best effort: the peer may be gone already, and has lost nothing
    /// if it is.
    pub(super) async fn close_write(&mut self) {
        let _ = timeout(self.flow.stall, self.wire.close_write()).await;
    }

    /// Fills `buf` from the start until it is worth looking at.
    /// Waits for the first octets as long as `patience` says first, and for more as long as it says
    /// then, or not at all. Being told to stop loses nothing.
    pub(super) async fn fill(
        &mut self,
        buf: &mut Buffer,
        patience: (Duration, Option<Duration>),
    ) -> Round {
        let mut filled = 0;
        let stop = self.stop;
        let paced = async {
            let round = self.fill_up(buf, &mut filled, patience).await;
            self.flow.pace.came(widen(filled)).await;
            round
        };
        let round = tokio::select! {
            biased;
            () = stop.notified() => Round::Broken(PumpError::Stopped),
            round = paced => round,
        };
        buf.set_filled(filled);
        round
    }

    async fn fill_up(
        &mut self,
        buf: &mut Buffer,
        filled: &mut usize,
        (first, then): (Duration, Option<Duration>),
    ) -> Round {
        let mut turn = Turn::default();
        let most = usize::try_from(self.flow.pace.portion()).map_or(CHUNK, |most| most.min(CHUNK));
        loop {
            let room = buf.whole().get_mut(*filled..most).unwrap_or_default();
            if room.is_empty() || most == CHUNK && room.len() < ROOM_MIN {
                return Round::More;
            }
            match self.wire.try_read(room) {
                Ok(Received::Bytes(n)) => {
                    *filled += n;
                    self.flow.count(widen(n));
                    turn.moved(n).await;
                }
                Ok(Received::Eof) => return Round::End { truncated: false },
                Ok(Received::Truncated) => return Round::End { truncated: true },
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let limit = if *filled == 0 { Some(first) } else { then };
                    let Some(limit) = limit else {
                        return Round::More;
                    };
                    self.wire.acknowledge();
                    match readable_within(self.wire, limit).await {
                        Ok(true) => {}
                        Ok(false) if *filled == 0 => return Round::Silent,
                        Ok(false) => return Round::More,
                        Err(e) => return Round::Broken(e.into()),
                    }
                }
                Err(e) => return Round::Broken(e.into()),
            }
        }
    }
}

/// Lends what was read to storage.
async fn write_filled(sink: &mut dyn Sink, buf: &mut Buffer) -> Result<(), PumpError> {
    if buf.filled().is_empty() {
        return Ok(());
    }
    let (vec, result) = sink.write(buf.lend_filled()).await;
    buf.put_back(vec);
    result.map_err(PumpError::from)
}

/// Lends the buffer to storage.
pub(super) async fn write(sink: &mut dyn Sink, buf: &mut Buffer) -> Result<(), PumpError> {
    if buf.is_empty() {
        return Ok(());
    }
    let (vec, result) = sink.write(buf.lend()).await;
    buf.put_back(vec);
    result.map_err(PumpError::from)
}
