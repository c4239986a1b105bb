//! Mode Z: the whole transfer as one zlib stream (RFC 1950), as the deflate draft for FTP has it.
//!
//! Both directions work in steps of bounded output and hold what the format makes them hold: a
//! compressor some 270 KiB, a decompressor some 50 KiB.

use core::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::FormatError;
use super::step::{Mark, Progress, Sides, Turns, starve};

/// Output made at a time. Small, since it is cleared beforehand.
const PIECE: usize = 16 << 10;

/// How hard to compress: 0 (not at all) to 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(u8);

impl Level {
    /// The level of that number, if there is one.
    #[must_use]
    pub fn new(level: u8) -> Option<Self> {
        (level <= 9).then_some(Self(level))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

/// 6, the customary balance.
impl Default for Level {
    fn default() -> Self {
        Self(6)
    }
}

/// From a file to a zlib stream.
pub struct Encoder {
    stream: Compress,
    closed: bool,
    ended: bool,
}

impl Encoder {
    /// Starts a file.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self {
            stream: Compress::new(Compression::new(u32::from(level.0)), true),
            closed: false,
            ended: false,
        }
    }
}

impl Turns for Encoder {
    #[inline]
    fn turn(&mut self, sides: &mut Sides<'_, '_>) -> Result<Option<Progress>, FormatError> {
        if self.ended {
            return sides.ended();
        }
        if sides.is_full() {
            return Ok(Some(Progress::Full));
        }
        let flush = if self.closed { FlushCompress::Finish } else { FlushCompress::None };
        let piece = piece(&mut self.stream, sides, |stream, input, out| {
            // Only a stream used wrongly fails.
            stream.compress(input, out, flush).map_err(|_| FormatError::BadDeflate)
        });
        match piece.status? {
            Status::StreamEnd => {
                self.ended = true;
                Ok(Some(Progress::Mark(Mark::EndOfFile)))
            }
            _ if sides.is_hungry() && !piece.is_full && !self.closed => Ok(Some(Progress::Hungry)),
            _ => Ok(None),
        }
    }

    fn end_input(&mut self) {
        self.closed = true;
    }
}

/// When a stream is taken for an attack. Where exactly it is stopped depends on how it was
/// chunked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain limits; a configuration builds it")]
pub struct Limits {
    /// The most octets that may come out.
    pub output_max: u64,
    /// How many times as many octets may come out as went in. Deflate never makes more than 1032
    /// of one.
    pub ratio_max: u64,
    /// Octets that may come out at any ratio.
    pub ratio_free: u64,
}

/// No total, and 250 octets of one beyond the first 256 MiB: such a stream is all but constant.
impl Default for Limits {
    fn default() -> Self {
        Self { output_max: u64::MAX, ratio_max: 250, ratio_free: 256 << 20 }
    }
}

/// From a zlib stream to a file.
pub struct Decoder {
    stream: Decompress,
    limits: Limits,
    closed: bool,
    ended: bool,
}

impl Decoder {
    /// Starts a file.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { stream: Decompress::new(true), limits, closed: false, ended: false }
    }

    fn within_limits(&self) -> bool {
        let (taken, made) = (self.stream.total_in(), self.stream.total_out());
        let usual =
            made <= self.limits.ratio_free || made <= taken.saturating_mul(self.limits.ratio_max);
        usual && made <= self.limits.output_max
    }
}

impl Turns for Decoder {
    #[inline]
    fn turn(&mut self, sides: &mut Sides<'_, '_>) -> Result<Option<Progress>, FormatError> {
        if self.ended {
            return sides.ended();
        }
        if sides.is_full() {
            return Ok(Some(Progress::Full));
        }
        let piece = piece(&mut self.stream, sides, |stream, input, out| {
            let status = stream.decompress(input, out, FlushDecompress::None);
            status.map_err(|_| FormatError::BadDeflate)
        });
        if !self.within_limits() {
            return Err(FormatError::BombSuspected);
        }
        match piece.status? {
            Status::StreamEnd => {
                self.ended = true;
                Ok(Some(Progress::Mark(Mark::EndOfFile)))
            }
            _ if sides.is_hungry() && !piece.is_full => starve(self.closed),
            _ if piece.is_idle => Err(FormatError::BadDeflate),
            _ => Ok(None),
        }
    }

    fn end_input(&mut self) {
        self.closed = true;
    }
}

/// What came of one call of a stream.
struct Piece {
    status: Result<Status, FormatError>,
    /// All the room it was given is used.
    is_full: bool,
    /// It neither took nor made anything.
    is_idle: bool,
}

/// The octets a stream has taken and made in all.
trait Totals {
    fn totals(&self) -> (u64, u64);
}

impl Totals for Compress {
    fn totals(&self) -> (u64, u64) {
        (self.total_in(), self.total_out())
    }
}

impl Totals for Decompress {
    fn totals(&self) -> (u64, u64) {
        (self.total_in(), self.total_out())
    }
}

/// Lets a stream take input and make a piece of output by one `call`.
fn piece<S: Totals>(
    stream: &mut S,
    sides: &mut Sides<'_, '_>,
    call: impl FnOnce(&mut S, &[u8], &mut [u8]) -> Result<Status, FormatError>,
) -> Piece {
    let before = stream.totals();
    let start = sides.out.len();
    sides.out.resize(sides.end.min(start + PIECE), 0);
    let room = sides.out.get_mut(start..).unwrap_or_default();
    let most = room.len();
    let status = call(stream, sides.input, room);
    let after = stream.totals();
    let (taken, made) = (distance(before.0, after.0), distance(before.1, after.1));
    sides.out.truncate(start + made);
    *sides.input = sides.input.get(taken..).unwrap_or_default();
    Piece { status, is_full: made >= most, is_idle: taken == 0 && made == 0 }
}

/// How far a counter went in one call, which is no further than a slice is long.
fn distance(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("taken", &self.stream.total_in()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("made", &self.stream.total_out()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::{Run, run};
    use super::*;
    use proptest::prelude::*;

    fn decoded(wire: &[u8], size: usize, room: usize) -> Run {
        run(&mut Decoder::new(Limits::default()), wire, size, room)
    }

    fn encoded(level: u8, file: &[u8], size: usize, room: usize) -> Vec<u8> {
        let got = run(&mut Encoder::new(Level::new(level).unwrap()), file, size, room);
        assert_eq!((got.end, got.marks.len()), (Ok(()), 1));
        got.octets
    }

    #[test]
    fn there_are_ten_levels() {
        assert!((0..=9).all(|n| Level::new(n).is_some_and(|level| level.number() == n)));
        assert!(Level::new(10).is_none() && Level::default().number() == 6);
        let file: Vec<u8> = (0..50_000u32).flat_map(|i| (i / 7).to_be_bytes()).collect();
        let len = |level| encoded(level, &file, file.len(), 1 << 20).len();
        assert!(len(0) > file.len() && len(1) < file.len() && len(9) <= len(1));
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        let good = encoded(6, b"hello hello hello", 99, 99);
        let mut sum = good.clone();
        *sum.last_mut().unwrap() ^= 1;
        let dictionary = b"\x78\xbb\0\0\0\x01";
        let cases: &[(&[u8], FormatError)] = &[
            (b"", FormatError::Truncated),
            (&good[..1], FormatError::Truncated),
            (&good[..good.len() - 1], FormatError::Truncated),
            (b"hello", FormatError::BadDeflate),
            (dictionary, FormatError::BadDeflate),
            (b"\x1f\x8b\x08\0\0\0\0\0", FormatError::BadDeflate),
            (&sum, FormatError::BadDeflate),
            (&[&good[..], b"x"].concat(), FormatError::TrailingData),
        ];
        for (wire, error) in cases {
            for size in [1, 99] {
                assert_eq!(decoded(wire, size, 99).end, Err(*error), "{}", wire.escape_ascii());
            }
        }
    }

    #[test]
    fn bombs_are_stopped_by_ratio_and_by_total() {
        let wire = encoded(9, &vec![0; 8 << 20], 1 << 20, 1 << 20);
        let total = Limits { output_max: 1 << 20, ratio_max: 9999, ratio_free: 0 };
        let ratio = Limits { output_max: u64::MAX, ratio_max: 500, ratio_free: 1 << 20 };
        for limits in [total, ratio] {
            let got = run(&mut Decoder::new(limits), &wire, 999, 4096);
            assert_eq!(got.end, Err(FormatError::BombSuspected));
            assert!(got.octets.len() <= (1 << 20) + PIECE);
        }
        let enough = Limits { output_max: 8 << 20, ratio_max: 500, ratio_free: 8 << 20 };
        assert_eq!(run(&mut Decoder::new(enough), &wire, 999, 4096).end, Ok(()));
    }

    proptest! {
        #[test]
        fn any_file_comes_back(
            file in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..2000),
                (any::<u8>(), 0usize..100_000).prop_map(|(b, n)| vec![b; n]),
            ],
            level in 0u8..=9,
            size in 1usize..999,
            room in 1usize..9999,
        ) {
            let wire = encoded(level, &file, size, room);
            let marks = vec![(file.len(), Mark::EndOfFile)];
            prop_assert_eq!(decoded(&wire, size, room), Run { octets: file, marks, end: Ok(()) });
            for cut in (0..wire.len()).step_by(wire.len() / 20 + 1) {
                prop_assert_eq!(decoded(&wire[..cut], 999, 9999).end, Err(FormatError::Truncated));
            }
        }

        #[test]
        fn garbage_gives_the_same_in_any_chunks(
            wire in proptest::collection::vec(any::<u8>(), 1..200),
            size in 1usize..99,
        ) {
            let wire = [b"\x78\x9c", &wire[..]].concat();
            let (got, whole) = (decoded(&wire, size, 999), decoded(&wire, 999, 10_000));
            prop_assert_eq!(got.end.is_ok(), whole.end.is_ok());
            // How much comes out before an error is up to the library.
            let common = got.octets.len().min(whole.octets.len());
            prop_assert_eq!(&got.octets[..common], &whole.octets[..common]);
        }
    }
}
