//! From storage to the peer: files and listings.

use ferry_proto::repr::pipeline::Encoder;
use ferry_proto::repr::{Progress, Transducer as _};
use ferry_storage::{BoxFut, FsError, Source};

use super::buffers::{Buffer, CHUNK};
use super::flow::Flow;
use super::source::Reader;
use super::{PumpError, Turn, flush, sendfile, widen, write_step};
use crate::wire::Wire;

/// Listing text is gathered to this much before it is sent.
const LINES_MIN: usize = CHUNK / 4;

/// So much of a file is read and written before `sendfile` is tried again, where others had the
/// threads for that.
const PIECE: u64 = 4 << 20;

/// Octets of a file after which a restart marker is due.
const MARKED: usize = 1 << 20;

/// Listing text made batch by batch.
pub(crate) trait Lines: Send {
    /// Appends some more whole lines to `out`; false when there are no more. A batch may be empty
    /// (every name hidden) but should stay well below a megabyte.
    fn next<'a>(&'a mut self, out: &'a mut Vec<u8>) -> BoxFut<'a, Result<bool, FsError>>;
}

/// Sends a file from where `source` stands to the length it had when it was opened, and returns
/// when the system has taken all of it; [`finish`](super::finish) is the next step. Returns how
/// many octets there were as they are on the connection (before TLS).
///
/// # Errors
/// The peer, TLS or storage failed, or nothing moved for `stall`; a file that became shorter
/// meanwhile is an error of storage.
pub(crate) async fn send_file(
    wire: &mut Wire,
    source: Source,
    encoding: Option<Encoding>,
    flow: &mut Flow<'_>,
) -> Result<u64, PumpError> {
    let before = flow.moved();
    let mut reader = Reader::new(source)?;
    if let Some(encoding) = encoding {
        encode_through(wire, &mut reader, encoding, flow).await?;
        return Ok(flow.moved() - before);
    }
    // At a low rate a burst would be a trip to another thread for a packet.
    while let Reader::File(file) = &mut reader
        && sendfile::is_worth_it(file)
        && flow.pace.portion() >= widen(CHUNK)
        && wire.tcp().is_some()
        && sendfile::send(wire, file, flow).await? == sendfile::Left::Crowded
    {
        let mut piece = Reader::File(file.take(PIECE));
        send_through(wire, &mut piece, flow).await?;
    }
    send_through(wire, &mut reader, flow).await?;
    Ok(flow.moved() - before)
}

/// What the octets of a file go through on their way out.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// TYPE, STRU and MODE.
    pub(crate) encoder: Box<Encoder>,
    /// Whether to put restart markers between the octets, where the mode has any.
    pub(crate) markers: bool,
}

/// Reads the next buffer while the last is being sent.
async fn send_through(
    wire: &mut Wire,
    reader: &mut Reader,
    flow: &mut Flow<'_>,
) -> Result<(), PumpError> {
    let (mut full, mut other) = (Buffer::borrow_room(), Buffer::borrow_room());
    let first = reader.next(full.lend()).await?;
    full.put_back(first);
    while !full.is_empty() {
        let reading = async { reader.next(other.lend()).await.map_err(PumpError::from) };
        let (next, ()) = tokio::try_join!(reading, write(wire, &full, flow))?;
        other.put_back(next);
        std::mem::swap(&mut full, &mut other);
    }
    flush(wire, flow.stall).await
}

/// The same through an encoder.
async fn encode_through(
    wire: &mut Wire,
    reader: &mut Reader,
    encoding: Encoding,
    flow: &mut Flow<'_>,
) -> Result<(), PumpError> {
    let Encoding { mut encoder, markers } = encoding;
    let (mut full, mut other) = (Buffer::borrow_room(), Buffer::borrow_room());
    let mut encoded = Buffer::borrow_room();
    let mut unmarked = 0;
    let first = reader.next(full.lend()).await?;
    full.put_back(first);
    while !full.is_empty() {
        let mut input = full.as_slice();
        while encoder.step(&mut input, &mut encoded, CHUNK)? == Progress::Full {
            write(wire, &encoded, flow).await?;
            encoded.clear();
        }
        unmarked += full.len();
        if markers && unmarked >= MARKED && encoder.mark_restart(&mut encoded) {
            unmarked = 0;
        }
        if reader.is_over() {
            // What is left goes out with the end: a small file with one call.
            break;
        }
        if reader.may_be_over() {
            let next = reader.next(other.lend()).await?;
            other.put_back(next);
            if other.is_empty() {
                break;
            }
            write(wire, &encoded, flow).await?;
        } else {
            let reading = async { reader.next(other.lend()).await.map_err(PumpError::from) };
            let (next, ()) = tokio::try_join!(reading, write(wire, &encoded, flow))?;
            other.put_back(next);
        }
        encoded.clear();
        std::mem::swap(&mut full, &mut other);
    }
    encode_end(wire, &mut encoder, &mut encoded, flow).await?;
    flush(wire, flow.stall).await
}

/// Ends the file in the encoder and sends what comes of that behind what is encoded already.
async fn encode_end(
    wire: &mut Wire,
    encoder: &mut Encoder,
    encoded: &mut Buffer,
    flow: &mut Flow<'_>,
) -> Result<(), PumpError> {
    encoder.close();
    while encoder.step(&mut &[][..], encoded, CHUNK)? == Progress::Full {
        write(wire, encoded, flow).await?;
        encoded.clear();
    }
    write(wire, encoded, flow).await
}

/// Sends a listing as it is made. Memory: one batch and one buffer. Returns the octets sent.
///
/// # Errors
/// As [`send_file`].
pub(crate) async fn send_lines(
    wire: &mut Wire,
    lines: &mut dyn Lines,
    mut encoder: Option<&mut Encoder>,
    flow: &mut Flow<'_>,
) -> Result<u64, PumpError> {
    let before = flow.moved();
    let mut text = Buffer::borrow_room();
    let mut encoded = Buffer::default();
    // What comes first goes out at once: whoever waits sees that something comes.
    let mut enough = 1;
    loop {
        let more = lines.next(&mut text).await?;
        if text.len() >= enough || !more {
            if !text.is_empty() {
                enough = LINES_MIN;
            }
            match &mut encoder {
                None => write(wire, &text, flow).await?,
                Some(encoder) => {
                    let mut input = text.as_slice();
                    encoded.clear();
                    while encoder.step(&mut input, &mut encoded, CHUNK)? == Progress::Full {
                        write(wire, &encoded, flow).await?;
                        encoded.clear();
                    }
                    write(wire, &encoded, flow).await?;
                    encoded.clear();
                }
            }
            text.clear();
        }
        if !more {
            if let Some(encoder) = encoder {
                encode_end(wire, encoder, &mut encoded, flow).await?;
            }
            flush(wire, flow.stall).await?;
            return Ok(flow.moved() - before);
        }
    }
}

/// Writes all of `buf`, counting what is taken.
async fn write(wire: &mut Wire, mut buf: &[u8], flow: &mut Flow<'_>) -> Result<(), PumpError> {
    let mut turn = Turn::default();
    while !buf.is_empty() {
        let granted = flow.grant(buf.len()).await;
        let now = buf.get(..granted).unwrap_or(buf);
        let step = |wire: &mut Wire, at_once| Ok(wire.try_write(now, at_once)?);
        let n = write_step(wire, flow.stall, step).await?;
        buf = buf.get(n..).unwrap_or_default();
        flow.went(widen(n));
        turn.moved(n).await;
    }
    Ok(())
}
