//! From the peer to storage through a decoder (TYPE, STRU, MODE): octets, and the marks between
//! them.

use ferry_proto::repr::pipeline::Receiver;
use ferry_proto::repr::{Mark, Marker, Progress, RestartPoint, Transducer as _};
use ferry_storage::Sink;
use tokio::sync::mpsc;

use super::ahead::Ahead;
use super::buffers::{Buffer, CHUNK};
use super::receive::{GATHER, ROOM_MIN, Receiving, Round, write};
use super::{PumpError, widen};

/// A marker that came, with the place in the file that is safe with it.
pub(crate) type Marked = (Marker, RestartPoint);

/// An upload that came to its end.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// The last octets of the file, not yet written.
    pub(crate) rest: Vec<u8>,
    /// TLS ended without close_notify, and that is allowed.
    pub(crate) truncated: bool,
    /// The peer said of some octets that it doubts them.
    pub(crate) suspect: bool,
    /// The connection has ended.
    pub(crate) ended: bool,
}

/// Receives until the file is whole, beginning with `ahead`, which came before, and leaves there
/// what came behind: the next file, where the connection outlives one, and a mistake elsewhere.
/// Writes to `sink` all that arrived when the transfer breaks, and all but the last octets when it
/// does not; the caller abandons, or finishes with those.
/// Each marker goes to `marks` when what stands before it is written.
///
/// # Errors
/// The peer or storage failed, nothing moved for too long, or what came is not of the form.
pub(crate) async fn decode_file(
    from: &mut Receiving<'_>,
    sink: &mut dyn Sink,
    decoder: &mut Receiver,
    ahead: &mut Ahead,
    marks: Option<&mpsc::Sender<Marked>>,
) -> Result<Decoded, PumpError> {
    // Limits held it up when it was read.
    from.flow.count(widen(ahead.rest().len()));
    let mut decoding = Decoding { decoder, out: Buffer::borrow_room(), marks, suspect: false };
    let (mut truncated, mut ended) = (false, false);
    loop {
        let mut input = ahead.rest();
        let whole = decoding.take(&mut input, sink).await;
        let left = input.len();
        ahead.leave(left);
        match whole {
            Ok(false) => {}
            Ok(true) => break,
            Err(error) => {
                // What came before is good, and the mistake is what is told.
                let _ = write(sink, &mut decoding.out).await;
                return Err(error);
            }
        }
        let worth_writing = decoding.out.len() >= ROOM_MIN;
        let patience = if decoding.out.is_empty() { from.flow.stall } else { GATHER };
        // The decoder has all that came already, and must have it as soon as it comes: the end of
        // a file is in it, and the peer may wait for our word on that.
        let reading = async { Ok(from.fill(ahead.refill(), (patience, None)).await) };
        let round = if worth_writing {
            let (round, ()) = tokio::try_join!(reading, write(sink, &mut decoding.out))?;
            decoding.out.clear();
            round
        } else {
            reading.await?
        };
        match round {
            Round::More => {}
            Round::Silent if decoding.out.is_empty() && !worth_writing => {
                return Err(PumpError::Stalled);
            }
            Round::Silent => {
                write(sink, &mut decoding.out).await?;
                decoding.out.clear();
            }
            Round::End { truncated: unannounced } => {
                (truncated, ended) = (unannounced, true);
                decoding.decoder.close();
            }
            Round::Broken(error) => {
                let mut input = ahead.rest();
                // What came before is good, and the break is what is told.
                drop(decoding.take(&mut input, sink).await);
                write(sink, &mut decoding.out).await?;
                return Err(error);
            }
        }
    }
    if truncated {
        truncated = from.end(true)?;
    }
    from.flow.uncount(widen(ahead.rest().len()));
    ahead.settle();
    let rest = decoding.out.give();
    Ok(Decoded { rest, truncated, suspect: decoding.suspect, ended })
}

struct Decoding<'a> {
    decoder: &'a mut Receiver,
    out: Buffer,
    marks: Option<&'a mpsc::Sender<Marked>>,
    suspect: bool,
}

impl Decoding<'_> {
    /// Decodes what has come; whether the file is whole. What is not yet worth writing stays in
    /// `out`.
    async fn take(&mut self, input: &mut &[u8], sink: &mut dyn Sink) -> Result<bool, PumpError> {
        loop {
            if CHUNK.saturating_sub(self.out.len()) < ROOM_MIN {
                self.write(sink).await?;
            }
            let room = CHUNK.saturating_sub(self.out.len());
            match self.decoder.step(input, &mut self.out, room)? {
                Progress::Hungry => return Ok(false),
                Progress::Full | Progress::Mark(Mark::EndOfRecord) => {}
                Progress::Mark(Mark::EndOfFile) => return Ok(true),
                Progress::Mark(Mark::Place(offset)) => {
                    self.write(sink).await?;
                    sink.seek(offset).await?;
                }
                Progress::Mark(Mark::Restart(marker)) => {
                    self.write(sink).await?;
                    if let Some(marks) = self.marks {
                        // Nobody listens any more only when the session ends.
                        let _ = marks.send((marker, self.decoder.restart_point())).await;
                    }
                }
                Progress::Mark(_) => self.suspect = true,
                _ => return Ok(false),
            }
        }
    }

    async fn write(&mut self, sink: &mut dyn Sink) -> Result<(), PumpError> {
        write(sink, &mut self.out).await?;
        self.out.clear();
        Ok(())
    }
}
