//! Mode block (RFC 959 §3.4.2): the file as blocks with a header of three octets.
//!
//! ```text
//! +------------+-----------+-----------+----------------
//! | descriptor | count, most significant first | octets
//! +------------+-----------+-----------+----------------
//! ```
//!
//! The end of the file is announced, so the connection may stay open for the next one: a decoder
//! never touches what follows the last block.

use super::FormatError;
use super::marker::{MARKER_MAX, Marker};
use super::step::{Mark, Progress, Sides, Turns, starve, transfer};

/// The bits of a descriptor, in block and in compressed mode. They combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Descriptor(u8);

impl Descriptor {
    pub(super) const END_OF_RECORD: Self = Self(0x80);
    pub(super) const END_OF_FILE: Self = Self(0x40);
    pub(super) const SUSPECT: Self = Self(0x20);
    pub(super) const MARKER: Self = Self(0x10);
    pub(super) const NONE: Self = Self(0);

    pub(super) fn read(octet: u8) -> Result<Self, FormatError> {
        if octet & 0x0f == 0 { Ok(Self(octet)) } else { Err(FormatError::UnknownDescriptor(octet)) }
    }

    pub(super) fn octet(self) -> u8 {
        self.0
    }

    pub(super) fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }

    pub(super) fn with(self, bits: Self) -> Self {
        Self(self.0 | bits.0)
    }

    /// Takes bits out; true when one was there.
    pub(super) fn clear(&mut self, bits: Self) -> bool {
        let had = self.has(bits);
        self.0 &= !bits.0;
        had
    }
}

/// From a file to blocks. Holds nothing back; each call adds three octets for each 65,535 or part
/// of them, so give it as much at a time as there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Encoder;

impl Encoder {
    /// Appends octets of the file.
    pub fn push(self, octets: &[u8], out: &mut Vec<u8>) {
        for block in octets.chunks(COUNT_MAX) {
            append(Descriptor::NONE, block, out);
        }
    }

    /// Appends the last octets of a record, if any are left.
    pub fn end_record(self, octets: &[u8], out: &mut Vec<u8>) {
        let last = octets.len().saturating_sub(1) / COUNT_MAX * COUNT_MAX;
        let (before, last) = octets.split_at(last);
        self.push(before, out);
        append(Descriptor::END_OF_RECORD, last, out);
    }

    /// Appends a restart marker.
    pub fn marker(self, marker: &Marker, out: &mut Vec<u8>) {
        append(Descriptor::MARKER, marker.text(), out);
    }

    /// Appends the end of the file.
    pub fn finish(self, out: &mut Vec<u8>) {
        append(Descriptor::END_OF_FILE, b"", out);
    }
}

const COUNT_MAX: usize = 0xffff;

fn append(descriptor: Descriptor, octets: &[u8], out: &mut Vec<u8>) {
    // No block is longer than its count can say.
    let [high, low] = u16::try_from(octets.len()).unwrap_or(u16::MAX).to_be_bytes();
    out.extend_from_slice(&[descriptor.octet(), high, low]);
    out.extend_from_slice(octets);
}

/// From blocks to a file. Holds a header or a marker, [`MARKER_MAX`] octets at most. Records and
/// markers are told whatever the structure; who has no use for them ignores them.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    state: State,
    descriptor: Descriptor,
    left: u16,
    marker: Vec<u8>,
    closed: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Descriptor,
    CountHigh,
    CountLow,
    Data,
    Marker,
    /// The block's octets are done, what its descriptor says of its end is not.
    Closing,
    Ended,
}

impl Turns for Decoder {
    #[inline]
    fn turn(&mut self, sides: &mut Sides<'_, '_>) -> Result<Option<Progress>, FormatError> {
        match self.state {
            State::Ended => return Ok(Some(Progress::Mark(Mark::EndOfFile))),
            State::Closing => return Ok(self.end_block().map(Progress::Mark)),
            State::Data | State::Marker if self.left == 0 => {
                let was_marker = matches!(self.state, State::Marker);
                self.state = State::Closing;
                if was_marker {
                    let marker = Marker::new(&core::mem::take(&mut self.marker))?;
                    return Ok(Some(Progress::Mark(Mark::Restart(marker))));
                }
            }
            _ if sides.is_hungry() => return starve(self.closed),
            State::Data if sides.is_full() => return Ok(Some(Progress::Full)),
            State::Data => self.taken(sides.transfer(usize::from(self.left))),
            State::Marker => {
                let taken = transfer(sides.input, &mut self.marker, usize::from(self.left));
                self.taken(taken);
            }
            State::Descriptor | State::CountHigh | State::CountLow => {
                let Some(octet) = sides.take() else { return Ok(None) };
                if self.header(octet)? {
                    return Ok(Some(Progress::Mark(Mark::Suspect)));
                }
            }
        }
        Ok(None)
    }

    fn end_input(&mut self) {
        self.closed = true;
    }
}

impl Decoder {
    /// Takes an octet of a header; true when the block is suspect.
    fn header(&mut self, octet: u8) -> Result<bool, FormatError> {
        match self.state {
            State::Descriptor => {
                self.descriptor = Descriptor::read(octet)?;
                self.state = State::CountHigh;
                return Ok(false);
            }
            State::CountHigh => {
                self.left = u16::from(octet) << 8;
                self.state = State::CountLow;
                return Ok(false);
            }
            _ => self.left |= u16::from(octet),
        }
        self.state = State::Data;
        if self.descriptor.has(Descriptor::MARKER) {
            if usize::from(self.left) > MARKER_MAX {
                return Err(FormatError::BadMarker);
            }
            self.state = State::Marker;
        }
        Ok(self.descriptor.clear(Descriptor::SUSPECT))
    }

    fn taken(&mut self, octets: usize) {
        self.left -= u16::try_from(octets).unwrap_or(self.left).min(self.left);
    }

    fn end_block(&mut self) -> Option<Mark> {
        if self.descriptor.clear(Descriptor::END_OF_RECORD) {
            return Some(Mark::EndOfRecord);
        }
        if self.descriptor.has(Descriptor::END_OF_FILE) {
            self.state = State::Ended;
            return Some(Mark::EndOfFile);
        }
        self.state = State::Descriptor;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::Transducer as _;
    use super::super::step::tests::{Case, Run, run};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn decoded(wire: &[u8], size: usize, room: usize) -> Run {
        run(&mut Decoder::default(), wire, size, room)
    }

    #[test]
    fn descriptors_say_what_ends_with_the_block() {
        use Mark::{EndOfFile, EndOfRecord, Restart, Suspect};
        let restart = Restart(Marker::new(b"12").unwrap());
        let cases: &[Case<'_>] = &[
            (b"\x40\0\0", b"", &[(0, EndOfFile)]),
            (b"\0\0\x01a\x40\0\x01b", b"ab", &[(2, EndOfFile)]),
            (b"\xc0\0\x01a", b"a", &[(1, EndOfRecord), (1, EndOfFile)]),
            (b"\x80\0\0\0\0\0\x40\0\0", b"", &[(0, EndOfRecord), (0, EndOfFile)]),
            (b"\x60\0\x01a", b"a", &[(0, Suspect), (1, EndOfFile)]),
            (b"\0\0\x01a\x50\0\x0212", b"a", &[(1, restart.clone()), (1, EndOfFile)]),
            (b"\xf0\0\x0212", b"", &[(0, Suspect), (0, restart), (0, EndOfRecord), (0, EndOfFile)]),
        ];
        for (wire, octets, marks) in cases {
            let want = Run { octets: octets.to_vec(), marks: marks.to_vec(), end: Ok(()) };
            assert_eq!(decoded(wire, 99, 99), want, "{}", wire.escape_ascii());
        }
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        let long = [&b"\x10\0\x80"[..], &[b'x'; 128]].concat();
        let cases: &[(&[u8], FormatError)] = &[
            (b"", FormatError::Truncated),
            (b"\x40\0", FormatError::Truncated),
            (b"\x40\0\x01", FormatError::Truncated),
            (b"\0\0\x01a", FormatError::Truncated),
            (b"\x80\0\x01a", FormatError::Truncated),
            (b"\x01\0\0", FormatError::UnknownDescriptor(1)),
            (b"\xc8\0\0", FormatError::UnknownDescriptor(0xc8)),
            (b"\x10\0\0", FormatError::BadMarker),
            (b"\x10\0\x01 ", FormatError::BadMarker),
            (&long, FormatError::BadMarker),
        ];
        for (wire, error) in cases {
            assert_eq!(decoded(wire, 99, 99).end, Err(*error), "{}", wire.escape_ascii());
        }
    }

    #[test]
    fn what_follows_the_last_block_is_left_alone() {
        let mut input = &b"\x40\0\x01anext"[..];
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for _ in 0..3 {
            let progress = decoder.step(&mut input, &mut out, 99);
            assert_eq!(progress, Ok(Progress::Mark(Mark::EndOfFile)));
            assert_eq!((input, &out[..]), (&b"next"[..], &b"a"[..]));
        }
    }

    #[test]
    fn blocks_are_as_long_as_a_count_can_say() {
        let file = vec![b'x'; 3 * COUNT_MAX];
        for len in [0, 1, COUNT_MAX, COUNT_MAX + 1, 2 * COUNT_MAX, 3 * COUNT_MAX] {
            let mut wire = Vec::new();
            Encoder.end_record(&file[..len], &mut wire);
            Encoder.finish(&mut wire);
            let got = decoded(&wire, 1 << 20, 1 << 20);
            assert_eq!(got.octets.len(), len);
            assert_eq!(got.marks, [(len, Mark::EndOfRecord), (len, Mark::EndOfFile)]);
            assert_eq!(wire.len(), len + 3 + 3 * len.div_ceil(COUNT_MAX).max(1));
        }
    }

    proptest! {
        #[test]
        fn records_and_markers_come_back(
            parts in vec((vec(any::<u8>(), 0..9), 0u8..3), 0..9),
            size in 1usize..9,
        ) {
            let (mut wire, mut want) = (Vec::new(), Run::empty());
            let marker = Marker::new(b"m").unwrap();
            for (octets, what) in &parts {
                want.octets.extend_from_slice(octets);
                match what {
                    0 => Encoder.push(octets, &mut wire),
                    1 => {
                        Encoder.end_record(octets, &mut wire);
                        want.marks.push((want.octets.len(), Mark::EndOfRecord));
                    }
                    _ => {
                        Encoder.push(octets, &mut wire);
                        Encoder.marker(&marker, &mut wire);
                        want.marks.push((want.octets.len(), Mark::Restart(marker.clone())));
                    }
                }
            }
            Encoder.finish(&mut wire);
            want.marks.push((want.octets.len(), Mark::EndOfFile));
            prop_assert_eq!(decoded(&wire, size, 10 - size), want);
            for cut in 0..wire.len() {
                prop_assert_eq!(decoded(&wire[..cut], 3, 3).end, Err(FormatError::Truncated));
            }
        }

        #[test]
        fn chunks_and_room_make_no_difference(
            wire in vec(prop_oneof![4 => Just(0u8), 1 => Just(0x80), 1 => 0u8..99], 0..60),
            size in 1usize..9,
            room in 1usize..9,
        ) {
            let (whole, parts) = (decoded(&wire, 99, 99), decoded(&wire, size, room));
            prop_assert_eq!(whole, parts);
        }
    }
}
