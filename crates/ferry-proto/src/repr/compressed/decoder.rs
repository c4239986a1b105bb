//! From strings to a file.

use super::super::FormatError;
use super::super::block::Descriptor;
use super::super::marker::{MARKER_MAX, Marker};
use super::super::step::{Mark, Progress, Sides, Turns, starve, transfer};

/// From strings to a file. Holds a marker, [`MARKER_MAX`] octets at most; an octet becomes 63, in
/// steps as there is room.
#[derive(Debug, Clone)]
pub struct Decoder {
    filler: u8,
    state: State,
    /// What applies to the string that follows, or is being read.
    descriptor: Descriptor,
    marker: Vec<u8>,
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Start,
    Escaped,
    /// So many octets of a literal are to come.
    Literal(u8),
    /// The octet to be repeated is to come.
    Repeat(u8),
    /// An octet and how many of it are still to be given.
    Run(u8, u8),
    /// The string is complete, what its descriptor says of its end is not.
    Closing,
    Ended,
}

impl Decoder {
    /// Starts a file; the filler is the space of the type's character set, or zero.
    #[must_use]
    pub fn new(filler: u8) -> Self {
        Self {
            filler,
            state: State::Start,
            descriptor: Descriptor::NONE,
            marker: Vec::new(),
            closed: false,
        }
    }

    /// Reads the octet that begins a string or an escape.
    fn start(&mut self, octet: u8) -> Result<Option<Mark>, FormatError> {
        if octet == 0 {
            self.state = State::Escaped;
            if self.descriptor.has(Descriptor::MARKER) {
                return Err(FormatError::BadMarker);
            }
            let record_ends = !self.descriptor.has(Descriptor::END_OF_FILE)
                && self.descriptor.clear(Descriptor::END_OF_RECORD);
            return Ok(record_ends.then_some(Mark::EndOfRecord));
        }
        self.state = match (octet >> 6, octet & 0x3f) {
            (0b10 | 0b11, 0) => return Err(FormatError::ZeroLength),
            (0b10, times) => State::Repeat(times),
            (0b11, times) => State::Run(self.filler, times),
            _ => State::Literal(octet),
        };
        Ok(self.descriptor.clear(Descriptor::SUSPECT).then_some(Mark::Suspect))
    }

    /// The mark behind a string or, once the connection has closed, behind a bare escape.
    fn end_string(&mut self) -> Result<Option<Mark>, FormatError> {
        if self.descriptor.clear(Descriptor::MARKER) {
            let marker = Marker::new(&core::mem::take(&mut self.marker))?;
            return Ok(Some(Mark::Restart(marker)));
        }
        if self.descriptor.clear(Descriptor::END_OF_RECORD) {
            return Ok(Some(Mark::EndOfRecord));
        }
        if self.descriptor.has(Descriptor::END_OF_FILE) {
            self.state = State::Ended;
            return Ok(Some(Mark::EndOfFile));
        }
        self.state = State::Start;
        Ok(None)
    }

    /// What to do without input.
    fn starve(&mut self) -> Result<Option<Progress>, FormatError> {
        if !self.closed {
            return starve(self.closed);
        }
        let complete = matches!(self.state, State::Start)
            && self.descriptor.has(Descriptor::END_OF_FILE)
            && !self.descriptor.has(Descriptor::MARKER);
        match self.end_string() {
            Ok(Some(mark)) if complete => Ok(Some(Progress::Mark(mark))),
            _ => starve(self.closed),
        }
    }

    /// Moves octets of a string to the file or to the marker.
    fn give(&mut self, sides: &mut Sides<'_, '_>) {
        let is_marker = self.descriptor.has(Descriptor::MARKER);
        let (sink, most) = if is_marker {
            let most = MARKER_MAX - self.marker.len().min(MARKER_MAX);
            (&mut self.marker, most)
        } else {
            let room = sides.room();
            (&mut *sides.out, room)
        };
        let (left, given) = match self.state {
            State::Literal(left) => {
                (left, transfer(sides.input, sink, most.min(usize::from(left))))
            }
            State::Run(octet, left) => {
                let given = most.min(usize::from(left));
                sink.resize(sink.len() + given, octet);
                (left, given)
            }
            _ => (0, 0),
        };
        let left = left - u8::try_from(given).unwrap_or(left).min(left);
        self.state = match self.state {
            State::Run(octet, _) if left > 0 => State::Run(octet, left),
            _ if left > 0 => State::Literal(left),
            _ => State::Closing,
        };
    }
}

impl Turns for Decoder {
    #[inline]
    fn turn(&mut self, sides: &mut Sides<'_, '_>) -> Result<Option<Progress>, FormatError> {
        match self.state {
            State::Ended => return sides.ended(),
            State::Closing => {
                if let Some(mark) = self.end_string()? {
                    return Ok(Some(Progress::Mark(mark)));
                }
            }
            State::Run(..) if sides.is_full() => return Ok(Some(Progress::Full)),
            State::Run(..) => self.give(sides),
            _ if sides.is_hungry() => return self.starve(),
            State::Literal(_) if sides.is_full() => return Ok(Some(Progress::Full)),
            State::Literal(_) => self.give(sides),
            State::Start => {
                let mark = sides.take().map(|octet| self.start(octet)).transpose()?.flatten();
                if let Some(mark) = mark {
                    return Ok(Some(Progress::Mark(mark)));
                }
            }
            State::Escaped => {
                if let Some(octet) = sides.take() {
                    self.descriptor = self.descriptor.with(Descriptor::read(octet)?);
                    self.state = State::Start;
                }
            }
            State::Repeat(times) => {
                if let Some(octet) = sides.take() {
                    self.state = State::Run(octet, times);
                }
            }
        }
        Ok(None)
    }

    fn end_input(&mut self) {
        self.closed = true;
    }
}
