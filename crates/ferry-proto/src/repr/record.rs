//! Structure record where the mode has no marks of its own (RFC 959 §3.4.1): FF is the escape octet
//! that says where records and the file end. The same form keeps records apart in files that were
//! stored in the types image and local.
//!
//! ```text
//! FF 01  end of record      FF 03  both, in this order
//! FF 02  end of file        FF FF  the octet FF
//! ```

use memchr::memchr;

use super::FormatError;
use super::step::{Mark, Progress, Sides, Turns, starve, take};

const ESCAPE: u8 = 0xff;
const END_OF_RECORD: u8 = 1;
const END_OF_FILE: u8 = 2;
const END_OF_BOTH: u8 = 3;

/// From records to the escaped form. Holds nothing back; an octet becomes two at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Encoder;

impl Encoder {
    /// Appends octets of a record.
    pub fn push(self, octets: &[u8], out: &mut Vec<u8>) {
        out.reserve(octets.len());
        let mut rest = octets;
        while let Some(at) = memchr(ESCAPE, rest) {
            let (head, tail) = rest.split_at(at + 1);
            out.extend_from_slice(head);
            out.push(ESCAPE);
            rest = tail;
        }
        out.extend_from_slice(rest);
    }

    /// Appends the end of a record.
    pub fn end_record(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[ESCAPE, END_OF_RECORD]);
    }

    /// Appends the end of the file.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[ESCAPE, END_OF_FILE]);
    }
}

/// From the escaped form to records. Holds one octet at most.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    state: State,
    closed: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Data,
    /// FF was read.
    Escaped,
    /// `FF 03` was read and its first mark given.
    Ending,
    Ended,
}

impl Turns for Decoder {
    #[inline]
    fn turn(&mut self, sides: &mut Sides<'_, '_>) -> Result<Option<Progress>, FormatError> {
        match self.state {
            State::Ending => {
                self.state = State::Ended;
                return Ok(Some(Progress::Mark(Mark::EndOfFile)));
            }
            State::Ended => return sides.ended(),
            _ if sides.is_hungry() => return starve(self.closed),
            _ if sides.is_full() => return Ok(Some(Progress::Full)),
            State::Data => {
                let most = memchr(ESCAPE, sides.input).unwrap_or(sides.input.len());
                if sides.transfer(most) == most && sides.take().is_some() {
                    self.state = State::Escaped;
                }
            }
            State::Escaped => {
                self.state = State::Data;
                match sides.take() {
                    Some(ESCAPE) => sides.out.push(ESCAPE),
                    Some(END_OF_RECORD) => return Ok(Some(Progress::Mark(Mark::EndOfRecord))),
                    Some(END_OF_FILE) => self.state = State::Ending,
                    Some(END_OF_BOTH) => {
                        self.state = State::Ending;
                        return Ok(Some(Progress::Mark(Mark::EndOfRecord)));
                    }
                    Some(other) => return Err(FormatError::BadEscape(other)),
                    None => self.state = State::Escaped,
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
    /// Whether no escape is half read, so that decoding could begin anew here.
    #[must_use]
    pub fn is_between(&self) -> bool {
        !matches!(self.state, State::Escaped)
    }
}

/// How much of a file is searched to learn whether it is of the escaped form.
pub const SCAN_MAX: u64 = 256 << 20;

/// Whether a file may be of the escaped form, by its last two octets: worth asking before all of it
/// is read.
#[must_use]
pub fn may_end_with(tail: [u8; 2]) -> bool {
    matches!(tail, [ESCAPE, END_OF_FILE | END_OF_BOTH])
}

/// Learns, octet by octet, whether a file is wholly of the escaped form. Only such a file is sent
/// as its records; any other is one record.
#[derive(Debug, Clone, Default)]
pub struct Scanner {
    escaped: bool,
    ended: bool,
    wrong: bool,
}

impl Scanner {
    /// Reads the next octets of the file; false when it cannot be of the form whatever follows.
    pub fn push(&mut self, octets: &[u8]) -> bool {
        let mut rest = octets;
        while !self.wrong {
            if !self.escaped && !self.ended {
                let Some(at) = memchr(ESCAPE, rest) else { break };
                rest = rest.get(at + 1..).unwrap_or_default();
                self.escaped = true;
            }
            let Some(octet) = take(&mut rest) else { break };
            match octet {
                _ if self.ended => self.wrong = true,
                ESCAPE | END_OF_RECORD => self.escaped = false,
                END_OF_FILE | END_OF_BOTH => (self.escaped, self.ended) = (false, true),
                _ => self.wrong = true,
            }
        }
        !self.wrong
    }

    /// Whether all that was read is of the form, from beginning to end.
    #[must_use]
    pub fn is_records(&self) -> bool {
        self.ended && !self.wrong
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::{Case, Run, run};
    use super::*;
    use proptest::prelude::*;

    fn decoded(wire: &[u8], size: usize, room: usize) -> Run {
        run(&mut Decoder::default(), wire, size, room)
    }

    fn scanned(wire: &[u8], size: usize) -> bool {
        let mut scanner = Scanner::default();
        let fits = wire.chunks(size).all(|chunk| scanner.push(chunk));
        assert!(fits || !scanner.is_records());
        scanner.is_records()
    }

    #[test]
    fn escapes_end_records_and_the_file() {
        use Mark::{EndOfFile, EndOfRecord};
        let cases: &[Case<'_>] = &[
            (b"\xff\x02", b"", &[(0, EndOfFile)]),
            (b"\xff\x03", b"", &[(0, EndOfRecord), (0, EndOfFile)]),
            (b"ab\xff\x01c\xff\x03", b"abc", &[(2, EndOfRecord), (3, EndOfRecord), (3, EndOfFile)]),
            (b"\xff\xff\xff\x02", b"\xff", &[(1, EndOfFile)]),
            (b"\xff\xff\x02\xff\x02", b"\xff\x02", &[(2, EndOfFile)]),
        ];
        for (wire, octets, marks) in cases {
            let want = Run { octets: octets.to_vec(), marks: marks.to_vec(), end: Ok(()) };
            assert_eq!(decoded(wire, 99, 99), want, "{}", wire.escape_ascii());
            assert!(scanned(wire, 1));
        }
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        let cases: &[(&[u8], FormatError)] = &[
            (b"", FormatError::Truncated),
            (b"ab", FormatError::Truncated),
            (b"ab\xff", FormatError::Truncated),
            (b"ab\xff\x01", FormatError::Truncated),
            (b"\xff\x04", FormatError::BadEscape(4)),
            (b"\xff\x00", FormatError::BadEscape(0)),
            (b"\xff\x02x", FormatError::TrailingData),
        ];
        for (wire, error) in cases {
            assert_eq!(decoded(wire, 99, 99).end, Err(*error), "{}", wire.escape_ascii());
            assert!(!scanned(wire, 1));
        }
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![4 => 0u8..4, 3 => Just(0xff), 1 => any::<u8>()];
        proptest::collection::vec(octet, 0..40)
    }

    proptest! {
        #[test]
        fn records_come_back(
            records in proptest::collection::vec(text(), 0..6),
            size in 1usize..9,
        ) {
            let (mut wire, mut marks, mut at) = (Vec::new(), Vec::new(), 0);
            for record in &records {
                record.chunks(size).for_each(|chunk| Encoder.push(chunk, &mut wire));
                Encoder.end_record(&mut wire);
                at += record.len();
                marks.push((at, Mark::EndOfRecord));
            }
            Encoder.finish(&mut wire);
            marks.push((at, Mark::EndOfFile));
            let want = Run { octets: records.concat(), marks, end: Ok(()) };
            prop_assert_eq!(decoded(&wire, size, 10 - size), want);
            prop_assert!(scanned(&wire, size));
            prop_assert!(may_end_with([wire[wire.len() - 2], wire[wire.len() - 1]]));
            for cut in 0..wire.len() {
                prop_assert_eq!(decoded(&wire[..cut], size, 5).end, Err(FormatError::Truncated));
            }
        }

        #[test]
        fn chunks_and_room_make_no_difference(
            wire in text(),
            size in 1usize..9,
            room in 1usize..9,
        ) {
            let whole = decoded(&wire, 99, 99);
            prop_assert_eq!(scanned(&wire, size), whole.end.is_ok());
            prop_assert_eq!(decoded(&wire, size, room), whole);
        }
    }
}
