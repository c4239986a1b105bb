//! Data in MODE Z: the zlib stream on one side, the octets of the file on the other. How much may
//! come out of a stream, and what its end means for a transfer, is known to `download` and
//! `upload`.

use std::ops::Range;

use ferry_proto::repr::FormatError;
use ferry_proto::repr::deflate::{Decoder, Encoder, Level, Limits};
use ferry_proto::repr::{Progress, Transducer as _};

/// How much of a stream is read at a time, and how much is made at a time.
const PIECE: usize = 64 * 1024;

/// So much of a stream is gathered before it is sent.
const SEND_MIN: usize = 16 * 1024;

/// The first octet of every zlib stream with a window of the usual 32 KiB (RFC 1950 §2.2).
const ZLIB: u8 = 0x78;

/// A stream being received.
#[derive(Debug)]
pub(super) struct Inflating {
    decoder: Decoder,
    kind: Kind,
    raw: Vec<u8>,
    /// Which octets of it wait.
    waiting: Range<usize>,
    out: Vec<u8>,
    begun: bool,
    made: bool,
    state: State,
}

/// What the data connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stream,
    /// Its first octets will tell: RFC 3659 has MLSD in MODE S whatever the mode, and some servers
    /// hold to that.
    Unseen,
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Broken,
}

impl Inflating {
    /// Before the first octet; `sniffs` where it may turn out not to be compressed.
    pub(super) fn new(sniffs: bool) -> Self {
        // How much is too much is not the stream's to say: a ratio may be any.
        let limits = Limits { output_max: u64::MAX, ratio_max: u64::MAX, ratio_free: u64::MAX };
        Self {
            decoder: Decoder::new(limits),
            kind: if sniffs { Kind::Unseen } else { Kind::Stream },
            raw: vec![0; PIECE],
            waiting: 0..0,
            out: Vec::new(),
            begun: false,
            made: false,
            state: State::Open,
        }
    }

    /// Where the next octets of the connection go; never empty once [`take`](Self::take) has given
    /// nothing.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.waiting.is_empty() {
            self.waiting = 0..0;
        }
        self.raw.get_mut(self.waiting.end..).unwrap_or_default()
    }

    /// So many octets were put there.
    pub(super) fn filled(&mut self, octets: usize) {
        self.begun |= octets > 0;
        self.waiting.end = self.raw.len().min(self.waiting.end + octets);
    }

    /// Gives the next octets of the file; 0 when more of the stream is needed.
    pub(super) fn take(&mut self, buf: &mut [u8]) -> Result<usize, FormatError> {
        let mut input = self.raw.get(self.waiting.clone()).unwrap_or_default();
        if self.kind == Kind::Unseen {
            self.kind = match input {
                [] | [ZLIB] => return Ok(0),
                // A multiple of 31, and no preset dictionary.
                [ZLIB, flags, ..]
                    if u16::from_be_bytes([ZLIB, *flags]).is_multiple_of(31)
                        && flags & 0x20 == 0 =>
                {
                    Kind::Stream
                }
                _ => Kind::Plain,
            };
        }
        if self.kind == Kind::Plain {
            let n = input.len().min(buf.len());
            give(input, buf, n);
            self.waiting.start += n;
            return Ok(n);
        }
        self.out.clear();
        let step = self.decoder.step(&mut input, &mut self.out, buf.len().min(PIECE));
        self.waiting.start = self.waiting.end - input.len();
        self.made |= !self.out.is_empty();
        match step {
            Ok(Progress::Mark(_)) if input.is_empty() => self.state = State::Ended,
            Ok(Progress::Mark(_)) => {
                self.state = State::Broken;
                // What came before the end is the file's, and it is all of it; but who sends more
                // is not to be trusted with where it ends.
                return Err(FormatError::TrailingData);
            }
            Ok(_) => {}
            Err(error) => {
                self.state = State::Broken;
                return Err(error);
            }
        }
        let n = self.out.len().min(buf.len());
        give(&self.out, buf, n);
        Ok(n)
    }

    /// Whether nothing has come on the connection.
    pub(super) fn is_untouched(&self) -> bool {
        !self.begun
    }

    /// Whether it began as a stream does.
    pub(super) fn has_made(&self) -> bool {
        self.made
    }

    /// Whether it is the end of the connection alone that tells the end of what it carries.
    pub(super) fn is_plain(&self) -> bool {
        self.kind == Kind::Plain
    }

    /// Whether the stream is whole, checksum and all.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Ended
    }
}

fn give(from: &[u8], to: &mut [u8], n: usize) {
    if let (Some(to), Some(from)) = (to.get_mut(..n), from.get(..n)) {
        to.copy_from_slice(from);
    }
}

/// A stream being sent.
#[derive(Debug)]
pub(super) struct Deflating {
    encoder: Encoder,
    out: Vec<u8>,
}

impl Deflating {
    pub(super) fn new(level: Level) -> Self {
        Self { encoder: Encoder::new(level), out: Vec::new() }
    }

    /// Compresses from the front of `octets` until there is enough to be sent, which is given, or
    /// until all is taken.
    pub(super) fn push(&mut self, octets: &mut &[u8]) -> Result<Option<Vec<u8>>, FormatError> {
        let room = PIECE.saturating_sub(self.out.len());
        let full = self.encoder.step(octets, &mut self.out, room)? == Progress::Full;
        let enough = full || self.out.len() >= SEND_MIN;
        Ok(enough.then(|| std::mem::take(&mut self.out)))
    }

    /// What is left, piece by piece; [`None`] behind the last.
    pub(super) fn finish(&mut self) -> Result<Option<Vec<u8>>, FormatError> {
        self.encoder.close();
        let room = PIECE.saturating_sub(self.out.len());
        _ = self.encoder.step(&mut &[][..], &mut self.out, room)?;
        let piece = std::mem::take(&mut self.out);
        Ok((!piece.is_empty()).then_some(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(octets: &[u8]) -> Vec<u8> {
        let mut deflating = Deflating::new(Level::default());
        let (mut rest, mut wire) = (octets, Vec::new());
        while !rest.is_empty() {
            wire.extend(deflating.push(&mut rest).unwrap().unwrap_or_default());
        }
        while let Some(piece) = deflating.finish().unwrap() {
            wire.extend(piece);
        }
        wire
    }

    /// What comes out of a connection that carries `wire` in pieces, and whether it is whole.
    fn taken(
        wire: &[u8],
        sniffs: bool,
        pieces: usize,
        room: usize,
    ) -> Result<(Vec<u8>, bool), FormatError> {
        let mut inflating = Inflating::new(sniffs);
        let (mut out, mut buf) = (Vec::new(), vec![0; room]);
        for piece in wire.chunks(pieces) {
            inflating.room()[..piece.len()].copy_from_slice(piece);
            inflating.filled(piece.len());
            loop {
                match inflating.take(&mut buf)? {
                    0 => break,
                    n => out.extend_from_slice(&buf[..n]),
                }
            }
        }
        Ok((out, inflating.is_whole() || inflating.is_plain()))
    }

    #[test]
    fn octets_behind_the_end_of_a_stream_are_an_error() {
        let wire = [stream(b"hello"), b"!".to_vec()].concat();
        for pieces in [1, 3, 99] {
            assert_eq!(taken(&wire, false, pieces, 99), Err(FormatError::TrailingData));
        }
    }

    #[test]
    fn what_a_listing_begins_with_tells_whether_it_is_compressed() {
        let zipped = stream(b"type=file; a\r\n");
        let cases: [(&[u8], &[u8], bool); 6] = [
            (&zipped, b"type=file; a\r\n", true),
            (b"type=file; a\r\n", b"type=file; a\r\n", true),
            (b"x.hidden=0; a\r\n", b"x.hidden=0; a\r\n", true),
            (b" a\r\n", b" a\r\n", true),
            (b"x", b"", false),
            (&zipped[..9], b"", false),
        ];
        for (wire, want, whole) in cases {
            for pieces in [1, 2, 99] {
                let got = taken(wire, true, pieces, 99).unwrap();
                assert_eq!(got.1, whole, "{}", wire.escape_ascii());
                assert!(!whole || got.0 == want, "{}", wire.escape_ascii());
            }
        }
    }

    proptest! {
        #[test]
        fn any_file_comes_back_in_any_pieces(
            file in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..3000),
                (any::<u8>(), 0usize..200_000).prop_map(|(octet, n)| vec![octet; n]),
            ],
            sniffs: bool,
            pieces in 1usize..PIECE,
            room in 64usize..PIECE * 2,
        ) {
            let wire = stream(&file);
            prop_assert_eq!(taken(&wire, sniffs, pieces, room), Ok((file, true)));
            let cut = taken(&wire[..wire.len() - 1], sniffs, pieces, room);
            prop_assert!(!cut.unwrap().1, "cut off, and whole all the same");
        }
    }
}
