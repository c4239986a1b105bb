//! Mode compressed (RFC 959 §3.4.3): strings of octets, repeated octets and repeated fillers, with
//! escapes that carry the descriptors of block mode.
//!
//! ```text
//! 0nnnnnnn   n octets follow           11nnnnnn   n fillers
//! 10nnnnnn   the octet that follows,   00 d       descriptor d applies to the string
//!            n times                              that follows
//! ```
//!
//! The RFC does not say how a descriptor stands where no string follows. Here an end-of-file escape
//! is the last thing before the connection closes when there is no last string, and an
//! end-of-record escape directly followed by another escape ends a record that has no (more)
//! octets; `00 00` is the escape that says nothing else. The receiver takes the file as complete
//! right after the one string behind an end-of-file escape.

use super::FormatError;
use super::block::Descriptor;
use super::marker::{MARKER_MAX, Marker};
use super::step::{Mark, Progress, Transducer, take, transfer};

/// The most octets of one literal string.
const LITERAL_MAX: usize = 127;
/// The most repetitions of one octet.
const RUN_MAX: u8 = 63;
/// From this length a run is shorter than its octets as part of a literal, which it interrupts.
const RUN_MIN: u8 = 4;

/// From a file to strings. Holds the last string back, since only the end tells that it was the
/// last: 190 octets at most. An octet becomes two at most, the end of a record adds four.
#[derive(Debug, Clone)]
pub struct Encoder {
    filler: u8,
    literal: Vec<u8>,
    run: (u8, u8),
    /// The pending string, or none, is the last of a record.
    record_ended: bool,
    /// An end-of-record escape was sent without a string, which must not take the next one.
    bare_escape: bool,
}

impl Encoder {
    /// Starts a file; the filler is the space of the type's character set, or zero.
    #[must_use]
    pub fn new(filler: u8) -> Self {
        Self { filler, literal: Vec::new(), run: (0, 0), record_ended: false, bare_escape: false }
    }

    /// Appends what octets of the file become, but for the last string.
    pub fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        if self.record_ended && !octets.is_empty() {
            self.send_last(Descriptor::END_OF_RECORD, out);
        }
        let mut rest = octets;
        while let Some((octet, after)) = rest.split_first() {
            let (repeated, times) = self.run;
            if times > 0 && repeated == *octet && times < RUN_MAX {
                self.run.1 += 1;
                rest = after;
                continue;
            }
            self.settle_run(out);
            // Octets unlike those behind them are no runs; the one that is, or the last, begins one.
            let begins = rest.windows(2).position(|pair| matches!(pair, [a, b] if a == b));
            let (singles, run) = rest.split_at(begins.unwrap_or(rest.len() - 1));
            self.extend_literal(singles, out);
            if let Some((octet, after)) = run.split_first() {
                self.run = (*octet, 1);
                rest = after;
            }
        }
    }

    /// Ends a record.
    pub fn end_record(&mut self, out: &mut Vec<u8>) {
        if self.record_ended {
            self.send_last(Descriptor::END_OF_RECORD, out);
        }
        self.record_ended = true;
    }

    /// Appends all that was held back and a restart marker.
    pub fn marker(&mut self, marker: &Marker, out: &mut Vec<u8>) {
        if self.record_ended {
            self.send_last(Descriptor::END_OF_RECORD, out);
        } else if self.run.1 > 0 {
            self.send_last(Descriptor::NONE, out);
        }
        out.extend_from_slice(&[0, Descriptor::MARKER.octet()]);
        self.bare_escape = false;
        self.literal.extend_from_slice(marker.text());
        self.send_literal(out);
    }

    /// Appends what was held back, as the last of the file.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let record = if self.record_ended { Descriptor::END_OF_RECORD } else { Descriptor::NONE };
        self.send_last(record.with(Descriptor::END_OF_FILE), out);
    }

    /// Sends all that is pending, the last string of it under `descriptor`.
    fn send_last(&mut self, descriptor: Descriptor, out: &mut Vec<u8>) {
        let is_run = self.run.1 >= self.run_min();
        if !is_run {
            self.settle_run(out);
        } else if !self.literal.is_empty() {
            self.send_literal(out);
        }
        let is_bare = !is_run && self.literal.is_empty();
        if descriptor != Descriptor::NONE {
            out.extend_from_slice(&[0, descriptor.octet()]);
            self.bare_escape = false;
        }
        if is_run {
            self.send_run(out);
        } else if !is_bare {
            self.send_literal(out);
        }
        self.bare_escape = is_bare && descriptor.has(Descriptor::END_OF_RECORD);
        self.record_ended = false;
    }

    /// Makes the run a string, or part of the literal before it; afterwards there is no run, and
    /// the literal is not empty unless the run was a string.
    fn settle_run(&mut self, out: &mut Vec<u8>) {
        if self.run.1 >= self.run_min() {
            if !self.literal.is_empty() {
                self.send_literal(out);
            }
            self.send_run(out);
            return;
        }
        let (octet, times) = core::mem::take(&mut self.run);
        for _ in 0..times {
            self.extend_literal(&[octet], out);
        }
    }

    fn extend_literal(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let mut rest = octets;
        while !rest.is_empty() {
            if self.literal.len() == LITERAL_MAX {
                self.send_literal(out);
            }
            let missing = LITERAL_MAX - self.literal.len();
            transfer(&mut rest, &mut self.literal, missing);
        }
    }

    fn run_min(&self) -> u8 {
        // Fillers are one octet, and two where the literal goes on afterwards.
        if self.run.0 == self.filler { RUN_MIN - 1 } else { RUN_MIN }
    }

    fn send_literal(&mut self, out: &mut Vec<u8>) {
        self.separate(out);
        // Never more than LITERAL_MAX.
        out.push(u8::try_from(self.literal.len()).unwrap_or(0));
        out.append(&mut self.literal);
    }

    fn send_run(&mut self, out: &mut Vec<u8>) {
        self.separate(out);
        let (octet, times) = core::mem::take(&mut self.run);
        if octet == self.filler {
            out.push(0xc0 | times);
        } else {
            out.extend_from_slice(&[0x80 | times, octet]);
        }
    }

    fn separate(&mut self, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.bare_escape) {
            out.extend_from_slice(&[0, Descriptor::NONE.octet()]);
        }
    }
}

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
    fn starve(&mut self) -> Result<Progress, FormatError> {
        if !self.closed {
            return Ok(Progress::Hungry);
        }
        let complete = matches!(self.state, State::Start)
            && self.descriptor.has(Descriptor::END_OF_FILE)
            && !self.descriptor.has(Descriptor::MARKER);
        match self.end_string() {
            Ok(Some(mark)) if complete => Ok(Progress::Mark(mark)),
            _ => Err(FormatError::Truncated),
        }
    }

    /// Moves octets of a string to the file or to the marker.
    fn give(&mut self, input: &mut &[u8], out: &mut Vec<u8>, end: usize) {
        let is_marker = self.descriptor.has(Descriptor::MARKER);
        let (sink, most) = if is_marker {
            let most = MARKER_MAX - self.marker.len().min(MARKER_MAX);
            (&mut self.marker, most)
        } else {
            let most = end.saturating_sub(out.len());
            (out, most)
        };
        let (left, given) = match self.state {
            State::Literal(left) => (left, transfer(input, sink, most.min(usize::from(left)))),
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

impl Transducer for Decoder {
    fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Progress, FormatError> {
        let end = out.len().saturating_add(room);
        loop {
            match self.state {
                State::Ended if input.is_empty() => return Ok(Progress::Mark(Mark::EndOfFile)),
                State::Ended => return Err(FormatError::TrailingData),
                State::Closing => {
                    if let Some(mark) = self.end_string()? {
                        return Ok(Progress::Mark(mark));
                    }
                }
                State::Run(..) if out.len() >= end => return Ok(Progress::Full),
                State::Run(..) => self.give(input, out, end),
                _ if input.is_empty() => return self.starve(),
                State::Literal(_) if out.len() >= end => return Ok(Progress::Full),
                State::Literal(_) => self.give(input, out, end),
                State::Start => {
                    let mark = take(input).map(|octet| self.start(octet)).transpose()?.flatten();
                    if let Some(mark) = mark {
                        return Ok(Progress::Mark(mark));
                    }
                }
                State::Escaped => {
                    if let Some(octet) = take(input) {
                        self.descriptor = self.descriptor.with(Descriptor::read(octet)?);
                        self.state = State::Start;
                    }
                }
                State::Repeat(times) => {
                    if let Some(octet) = take(input) {
                        self.state = State::Run(octet, times);
                    }
                }
            }
        }
    }

    fn close(&mut self) {
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::{Case, Run, run};
    use super::*;
    use proptest::prelude::*;

    fn decoded(wire: &[u8], size: usize, room: usize) -> Run {
        run(&mut Decoder::new(b' '), wire, size, room)
    }

    fn encoded(file: &[u8], size: usize) -> Vec<u8> {
        let (mut encoder, mut wire) = (Encoder::new(b' '), Vec::new());
        file.chunks(size).for_each(|chunk| encoder.push(chunk, &mut wire));
        encoder.finish(&mut wire);
        wire
    }

    #[test]
    fn strings_runs_and_fillers_are_read() {
        use Mark::{EndOfFile, EndOfRecord, Restart, Suspect};
        let restart = Restart(Marker::new(b"12").unwrap());
        let cases: &[Case<'_>] = &[
            (b"\0\x40", b"", &[(0, EndOfFile)]),
            (b"\0\xc0", b"", &[(0, EndOfRecord), (0, EndOfFile)]),
            (b"\x02ab\0\x40\x01c", b"abc", &[(3, EndOfFile)]),
            (b"\0\x40\x83x", b"xxx", &[(3, EndOfFile)]),
            (b"\x01a\0\xc0\xc2", b"a  ", &[(3, EndOfRecord), (3, EndOfFile)]),
            (
                b"\0\x80\x01a\0\x80\0\x40",
                b"a",
                &[(1, EndOfRecord), (1, EndOfRecord), (1, EndOfFile)],
            ),
            (b"\0\x80\0\0\x01a\0\x40", b"a", &[(0, EndOfRecord), (1, EndOfFile)]),
            (b"\0\x40\0\x80\x01a", b"a", &[(1, EndOfRecord), (1, EndOfFile)]),
            (b"\0\x10\x0212\0\x40", b"", &[(0, restart), (0, EndOfFile)]),
            (b"\0\x60\x01a", b"a", &[(0, Suspect), (1, EndOfFile)]),
        ];
        for (wire, octets, marks) in cases {
            let want = Run { octets: octets.to_vec(), marks: marks.to_vec(), end: Ok(()) };
            assert_eq!(decoded(wire, 99, 99), want, "{}", wire.escape_ascii());
        }
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        let cases: &[(&[u8], FormatError)] = &[
            (b"", FormatError::Truncated),
            (b"\x01a", FormatError::Truncated),
            (b"\0", FormatError::Truncated),
            (b"\0\x80", FormatError::Truncated),
            (b"\0\x50", FormatError::Truncated),
            (b"\0\x40\x02a", FormatError::Truncated),
            (b"\0\x40\x82", FormatError::Truncated),
            (b"\x80a", FormatError::ZeroLength),
            (b"\xc0", FormatError::ZeroLength),
            (b"\0\x01", FormatError::UnknownDescriptor(1)),
            (b"\0\x10\0", FormatError::BadMarker),
            (b"\0\x10\xc1", FormatError::BadMarker),
            (b"\0\x40\x01ab", FormatError::TrailingData),
        ];
        for (wire, error) in cases {
            assert_eq!(decoded(wire, 99, 99).end, Err(*error), "{}", wire.escape_ascii());
        }
    }

    #[test]
    fn the_last_string_stands_behind_the_end_of_file_escape() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"", b"\0\x40"),
            (b"ab", b"\0\x40\x02ab"),
            (b"xxxxx", b"\0\x40\x85x"),
            (b"xxx", b"\0\x40\x03xxx"),
            (b"ab     ", b"\x02ab\0\x40\xc5"),
            (b"xxxxxab", b"\x85x\0\x40\x02ab"),
        ];
        for (file, wire) in cases {
            assert_eq!(&encoded(file, 1), wire, "{}", file.escape_ascii());
        }
        assert_eq!(encoded(&[0; 1 << 16], 99).len(), (1usize << 16).div_ceil(63) * 2 + 2);
    }

    /// Escapes more often than not.
    fn wire() -> impl Strategy<Value = Vec<u8>> {
        let descriptor = prop_oneof![Just(0x80u8), Just(0x10), Just(0x40)];
        let octet = prop_oneof![1 => Just(0u8), 3 => descriptor, 2 => 0u8..5, 1 => any::<u8>()];
        proptest::collection::vec(octet, 0..60)
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![1 => Just(b' '), 1 => Just(0), 1 => any::<u8>()];
        let run = (octet, prop_oneof![4 => 1usize..6, 1 => 1usize..200]);
        let runs = proptest::collection::vec(run, 0..50);
        runs.prop_map(|runs| runs.into_iter().flat_map(|(b, n)| vec![b; n]).collect())
    }

    proptest! {
        #[test]
        fn any_file_comes_back(file in text(), size in 1usize..300, room in 1usize..99) {
            let wire = encoded(&file, size);
            prop_assert!(wire.len() <= file.len() + file.len() / 64 + 4, "grew");
            prop_assert_eq!(&encoded(&file, 7), &wire);
            let got = decoded(&wire, size, room);
            let marks = vec![(file.len(), Mark::EndOfFile)];
            prop_assert_eq!(got, Run { octets: file, marks, end: Ok(()) });
        }

        #[test]
        fn records_and_markers_come_back(
            parts in proptest::collection::vec((text(), 0u8..4), 0..9),
            size in 1usize..99,
        ) {
            let mut encoder = Encoder::new(b' ');
            let (mut wire, mut want) = (Vec::new(), Run::empty());
            let marker = Marker::new(b"mmmmmm").unwrap();
            for (octets, what) in &parts {
                let octets = if octets.len() > 99 { &[][..] } else { octets };
                encoder.push(octets, &mut wire);
                want.octets.extend_from_slice(octets);
                let mark = match what {
                    0 => continue,
                    1 | 2 => {
                        encoder.end_record(&mut wire);
                        Mark::EndOfRecord
                    }
                    _ => {
                        encoder.marker(&marker, &mut wire);
                        Mark::Restart(marker.clone())
                    }
                };
                want.marks.push((want.octets.len(), mark));
            }
            encoder.finish(&mut wire);
            want.marks.push((want.octets.len(), Mark::EndOfFile));
            prop_assert_eq!(decoded(&wire, size, 100 - size), want);
        }

        #[test]
        fn a_cut_anywhere_is_noticed_unless_all_octets_are_there(file in text()) {
            let wire = encoded(&file, 99);
            for cut in 0..wire.len() {
                let got = decoded(&wire[..cut], 99, 99);
                // The one string behind the escape may be what is missing: then the escape stands
                // last, as it does in a file that ends without a string.
                let bare = wire[..cut].ends_with(b"\0\x40") && got.end.is_ok();
                prop_assert!(bare || got.end == Err(FormatError::Truncated));
            }
        }

        #[test]
        fn chunks_and_room_make_no_difference(
            wire in wire(),
            size in 1usize..9,
            room in 1usize..9,
        ) {
            prop_assert_eq!(decoded(&wire, size, room), decoded(&wire, 99, 999));
        }
    }
}
