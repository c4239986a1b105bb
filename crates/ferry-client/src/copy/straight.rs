//! The short way between a connection and a file of this machine: one side is given the other's
//! file, and no buffer passes through here.

use std::sync::Arc;

use ferry_storage::{FsError, Sink};

use super::options::{Job, Step};
use super::pump::{Moved, Stop, step};
use super::reader::Reader;

/// The most that is moved before progress is told and a stop is seen, in octets; the time that a
/// connection takes for it is bounded, too.
const BURST: u64 = 256 << 20;

/// Before this much has come the file may be a small one, for which nothing is gained.
const SHORT_DOWN: u64 = 64 << 10;

/// A sink may gather this much before it knows where it goes.
const SHORT_UP: u64 = 320 << 10;

/// Octets of the first buffer, where the short way is not open yet, and of the others.
const PIECES: (usize, usize) = (64 << 10, 256 << 10);

/// Moves what can be moved this way and adds it to `moved`. Gives the reader back where there is no
/// such way or it has ended; [`None`] at the end of the file, of the range or after a stop.
pub(super) async fn move_on(
    mut reader: Reader,
    sink: &mut dyn Sink,
    len: Option<u64>,
    job: &Job<'_>,
    (each, stop): (&(dyn Fn(u64) + Sync), &Stop),
    moved: &mut Moved,
) -> Result<Option<Reader>, FsError> {
    let (mut lent, mut buf) = (None, Vec::new());
    loop {
        let left = len.map_or(u64::MAX, |len| len.saturating_sub(moved.octets));
        if left == 0 || stop.is_set() {
            return Ok(None);
        }
        let max = left.min(step(job) as u64).min(BURST);
        let (straight, short) = match &mut reader {
            Reader::File { ended: true, .. } => (Some(0), 0),
            Reader::File { file, at, .. } => {
                let writing = sink.write_from_file(file, *at, max);
                let n = if let Some(writing) = writing { Some(writing.await?) } else { None };
                *at = at.saturating_add(n.unwrap_or(0));
                (n, SHORT_UP)
            }
            Reader::Stream(_) if moved.octets < SHORT_DOWN => (None, SHORT_DOWN),
            Reader::Stream(stream) => {
                if lent.is_none() {
                    lent = sink.lend_file().await?.map(Arc::new);
                }
                let reading = lent.as_ref().and_then(|file| stream.read_to_file(file, max));
                (if let Some(reading) = reading { Some(reading.await?) } else { None }, 0)
            }
        };
        let n = match straight {
            Some(n) => n,
            None if moved.octets < short => {
                piece(&mut reader, sink, &mut buf, (moved.octets, max)).await?
            }
            None => return Ok(Some(reader)),
        };
        if n == 0 {
            let early = len.is_some_and(|len| moved.octets < len);
            let eof = || FsError::Io(std::io::ErrorKind::UnexpectedEof.into());
            return if early { Err(eof()) } else { Ok(None) };
        }
        moved.octets += n;
        job.progress.on(&Step::Moved(n));
        each(n);
        for limit in &job.options.limits {
            limit.pass(usize::try_from(n).unwrap_or(usize::MAX)).await;
        }
    }
}

/// Moves a buffer the ordinary way.
async fn piece(
    reader: &mut Reader,
    sink: &mut dyn Sink,
    buf: &mut Vec<u8>,
    (moved, max): (u64, u64),
) -> Result<u64, FsError> {
    let want = if moved == 0 { PIECES.0 } else { PIECES.1 };
    let want = usize::try_from(max).map_or(want, |max| max.min(want));
    let read = reader.next(std::mem::take(buf), want).await?;
    let n = read.len() as u64;
    if n > 0 {
        let (lent, written) = sink.write(read).await;
        *buf = lent;
        written?;
    }
    Ok(n)
}
