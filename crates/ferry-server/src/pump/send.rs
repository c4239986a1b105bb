//! From storage to the peer: files and listings.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferry_proto::repr::Encoder;
use ferry_storage::{BoxFut, FsError, Source};

use super::buffers::{Buffer, CHUNK};
use super::source::Reader;
use super::{PumpError, Turn, flush, sendfile, widen, write_step};
use crate::wire::Wire;

/// Listing text is gathered to this much before it is sent.
const LINES_MIN: usize = CHUNK / 4;

/// Listing text made batch by batch.
pub(crate) trait Lines: Send {
    /// Appends some more whole lines to `out`; false when there are no more. A batch may be empty
    /// (every name hidden) but should stay well below a megabyte.
    fn next<'a>(&'a mut self, out: &'a mut Vec<u8>) -> BoxFut<'a, Result<bool, FsError>>;
}

/// Sends a file from where `source` stands to the length it had when it was opened, and returns
/// when the system has taken all of it; [`finish`](super::finish) is the next step. `progress`
/// counts octets as they are on the connection (before TLS). Returns how many there were.
///
/// # Errors
/// The peer, TLS or storage failed, or nothing moved for `stall`; a file that became shorter
/// meanwhile is an error of storage.
pub(crate) async fn send_file(
    wire: &mut Wire,
    source: Source,
    encoder: Encoder,
    progress: &AtomicU64,
    stall: Duration,
) -> Result<u64, PumpError> {
    let before = progress.load(Ordering::Relaxed);
    let mut reader = Reader::new(source)?;
    if encoder.is_identity()
        && wire.plain_tcp().is_some()
        && let Reader::File(file) = &mut reader
        && sendfile::send(wire, file, stall, progress).await? == sendfile::Outcome::Sent
    {
        return Ok(progress.load(Ordering::Relaxed) - before);
    }
    send_through(wire, &mut reader, encoder, progress, stall).await?;
    Ok(progress.load(Ordering::Relaxed) - before)
}

/// Reads the next buffer while the last is being sent.
async fn send_through(
    wire: &mut Wire,
    reader: &mut Reader,
    encoder: Encoder,
    progress: &AtomicU64,
    stall: Duration,
) -> Result<(), PumpError> {
    let mut encoder = (!encoder.is_identity()).then_some(encoder);
    let (mut full, mut other) = (Buffer::borrow(), Buffer::borrow());
    let mut encoded = Buffer::default();
    if encoder.is_some() {
        encoded = Buffer::borrow();
    }
    let first = reader.next(full.lend()).await?;
    full.put_back(first);
    while !full.is_empty() {
        let payload = match &mut encoder {
            None => full.as_slice(),
            Some(encoder) => {
                encoded.clear();
                encoder.push(&full, &mut encoded);
                encoded.as_slice()
            }
        };
        let reading = async { reader.next(other.lend()).await.map_err(PumpError::from) };
        let (next, ()) = tokio::try_join!(reading, write(wire, payload, progress, stall))?;
        other.put_back(next);
        std::mem::swap(&mut full, &mut other);
    }
    flush(wire, stall).await
}

/// Sends a listing as it is made. Memory: one batch and one buffer. Returns the octets sent.
///
/// # Errors
/// As [`send_file`].
pub(crate) async fn send_lines(
    wire: &mut Wire,
    lines: &mut dyn Lines,
    progress: &AtomicU64,
    stall: Duration,
) -> Result<u64, PumpError> {
    let before = progress.load(Ordering::Relaxed);
    let mut text = Buffer::borrow();
    text.clear();
    loop {
        let more = lines.next(&mut text).await?;
        if text.len() >= LINES_MIN || !more {
            write(wire, &text, progress, stall).await?;
            text.clear();
        }
        if !more {
            flush(wire, stall).await?;
            return Ok(progress.load(Ordering::Relaxed) - before);
        }
    }
}

/// Writes all of `buf`, counting what is taken.
async fn write(
    wire: &mut Wire,
    mut buf: &[u8],
    progress: &AtomicU64,
    stall: Duration,
) -> Result<(), PumpError> {
    let mut turn = Turn::default();
    while !buf.is_empty() {
        let step = |wire: &mut Wire, at_once| Ok(wire.try_write(buf, at_once)?);
        let n = write_step(wire, stall, step).await?;
        buf = buf.get(n..).unwrap_or_default();
        progress.fetch_add(widen(n), Ordering::Relaxed);
        turn.moved(n).await;
    }
    Ok(())
}
