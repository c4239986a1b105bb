//! Structure page (RFC 959 §3.1.2.3): the file as numbered pages, each behind a header whose fields
//! are one logical byte each.
//!
//! ```text
//! header length | page index | data length | page type | (access control) | data …
//! ```
//!
//! A page is 4 KiB where that is a whole number of logical bytes, otherwise 512 logical bytes (what
//! TOPS-20 sends, RFC 959 appendix I), and fewer where one logical byte cannot say so many: with
//! eight bits the length and the index go up to 255, so pages have 248 octets and the file ends at
//! 62 KiB. Larger files want a larger byte, `TYPE L 32` for one. Below four bits there are no
//! pages: the header length does not fit.
//!
//! Logical bytes of a size that is no multiple of eight are packed across octets, headers too. Page
//! i holds the file from i times the page size on. Descriptor pages (type 2) say nothing about our
//! files and are skipped; the access control of type 3 likewise, its data is kept.

use super::FormatError;
use super::step::{Mark, Progress, Transducer, take, transfer};

const HEADER_LEN: u64 = 4;
const HEADER_LEN_ACCESS: u64 = 5;
const LAST_PAGE: u64 = 0;
const SIMPLE_PAGE: u64 = 1;
const DESCRIPTOR_PAGE: u64 = 2;
const ACCESS_PAGE: u64 = 3;

/// What our pages hold where logical bytes divide it.
const PAGE_BITS: u64 = 4096 * 8;
/// What they hold elsewhere, in logical bytes.
const PAGE_LEN: u64 = 512;

/// The size of pages for one size of logical bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    bits: u8,
    /// Logical bytes of a full page; always a multiple of eight.
    len: u64,
}

impl Geometry {
    /// Pages of logical bytes of `bits` bits; none below four.
    #[must_use]
    pub fn new(bits: u8) -> Option<Self> {
        let wanted = if PAGE_BITS.is_multiple_of(u64::from(bits)) {
            PAGE_BITS / u64::from(bits)
        } else {
            PAGE_LEN
        };
        // The largest multiple of eight that the length field can say.
        let most = 1u64.checked_shl(u32::from(bits)).map_or(u64::MAX, |all| all.saturating_sub(8));
        (bits >= 4).then_some(Self { bits, len: wanted.min(most) })
    }

    /// Octets of the file in a full page: 4 to 16,320.
    #[must_use]
    pub fn page_octets(self) -> u64 {
        self.len * u64::from(self.bits) / 8
    }

    /// The largest file whose pages can all be numbered.
    #[must_use]
    pub fn file_max(self) -> u64 {
        let pages = 1u64.checked_shl(u32::from(self.bits)).unwrap_or(u64::MAX);
        pages.saturating_mul(self.page_octets())
    }
}

/// From a file to simple pages. Holds one page.
#[derive(Debug, Clone)]
pub struct Encoder {
    geometry: Geometry,
    index: u64,
    page: Vec<u8>,
    packer: Packer,
}

impl Encoder {
    /// Starts a file.
    #[must_use]
    pub fn new(geometry: Geometry) -> Self {
        Self { geometry, index: 0, page: Vec::new(), packer: Packer::default() }
    }

    /// Appends the pages that octets of the file complete. Half as much again as was given, at
    /// most, and a page.
    ///
    /// # Errors
    /// [`FormatError::PageOverflow`].
    pub fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), FormatError> {
        let size = usize::try_from(self.geometry.page_octets()).unwrap_or(usize::MAX);
        let mut rest = octets;
        while !rest.is_empty() {
            let missing = size - self.page.len().min(size);
            transfer(&mut rest, &mut self.page, missing);
            if self.page.len() == size {
                self.simple_page(self.geometry.len, out)?;
            }
        }
        Ok(())
    }

    /// Appends the page that is not full, if there is one, and the last page. What is missing in
    /// the last logical byte is zero bits, as [`local`](super::local) says.
    ///
    /// # Errors
    /// [`FormatError::PageOverflow`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        if !self.page.is_empty() {
            let octets = core::mem::take(&mut self.page);
            let mut local = super::local::ToNetwork::new(self.geometry.bits);
            local.push(&octets, &mut self.page);
            local.finish(&mut self.page);
            let bits = u64::try_from(self.page.len()).unwrap_or(u64::MAX).saturating_mul(8);
            self.simple_page(bits / u64::from(self.geometry.bits), out)?;
        }
        self.header(0, 0, LAST_PAGE, out);
        self.packer.finish(out);
        Ok(())
    }

    /// Sends the first `len` logical bytes of the page.
    fn simple_page(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), FormatError> {
        if self.index > max_field(self.geometry.bits) {
            return Err(FormatError::PageOverflow);
        }
        self.header(self.index, len, SIMPLE_PAGE, out);
        let mut left = len * u64::from(self.geometry.bits);
        if self.packer.count == 0 && left.is_multiple_of(8) {
            out.append(&mut self.page);
        }
        for octet in &self.page {
            // Eight, but for the last octet of a page that is not full.
            let bits = u32::try_from(left.min(8)).unwrap_or(8);
            left -= u64::from(bits);
            self.packer.push(octet.unbounded_shr(8 - bits), bits, out);
        }
        self.page.clear();
        self.index = self.index.saturating_add(1);
        Ok(())
    }

    fn header(&mut self, index: u64, len: u64, kind: u64, out: &mut Vec<u8>) {
        for field in [HEADER_LEN, index, len, kind] {
            let mut left = u32::from(self.geometry.bits);
            while left > 0 {
                let bits = (left - 1) % 8 + 1;
                left -= bits;
                let [.., octet] = field.unbounded_shr(left).to_be_bytes();
                self.packer.push(octet & u8::MAX >> (8 - bits), bits, out);
            }
        }
    }
}

/// The largest number a field of so many bits can hold, as far as we count.
fn max_field(bits: u8) -> u64 {
    u64::MAX.unbounded_shr(64 - u32::from(bits).min(64))
}

/// Puts bits behind bits; holds fewer than eight.
#[derive(Debug, Clone, Copy, Default)]
struct Packer {
    held: u16,
    count: u32,
}

impl Packer {
    /// Appends the low `bits` (at most eight) of `octet`, the others of which are zero.
    fn push(&mut self, octet: u8, bits: u32, out: &mut Vec<u8>) {
        self.held = self.held << bits | u16::from(octet);
        self.count += bits;
        if self.count >= 8 {
            self.count -= 8;
            let [_, full] = (self.held >> self.count).to_be_bytes();
            out.push(full);
            self.held &= (1 << self.count) - 1;
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.count > 0 {
            self.push(0, 8 - self.count, out);
        }
    }
}

/// Takes bits in order; holds fewer than eight between octets.
#[derive(Debug, Clone, Copy, Default)]
struct Unpacker {
    held: u16,
    count: u32,
}

impl Unpacker {
    /// Takes `bits` bits (at most eight), if there are so many.
    fn take(&mut self, bits: u32, input: &mut &[u8]) -> Option<u8> {
        if self.count < bits {
            self.held = self.held << 8 | u16::from(take(input)?);
            self.count += 8;
        }
        self.count -= bits;
        let [_, taken] = (self.held >> self.count).to_be_bytes();
        self.held &= (1 << self.count) - 1;
        Some(taken)
    }
}

/// From pages to the file, with a [`Mark::Place`] before each page that does not continue where the
/// one before ended. Holds a header.
#[derive(Debug, Clone)]
pub struct Decoder {
    geometry: Geometry,
    sequential: bool,
    unpacker: Unpacker,
    state: State,
    /// The fields read so far of a header, and how many.
    header: [u64; 4],
    fields: usize,
    /// Where the octets that come next would stand.
    at: u64,
    next_index: u64,
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// So many bits of a field are to come, behind those of this value.
    Field {
        left: u32,
        value: u64,
    },
    /// So many bits of header fields that say nothing to us, and then the page.
    Extra {
        left: u64,
    },
    /// So many bits of data are to come.
    Data {
        left: u64,
    },
    /// So many bits of data that are not the file's.
    Skip {
        left: u64,
    },
    Ended,
}

impl Decoder {
    /// Starts a file.
    #[must_use]
    pub fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            sequential: false,
            unpacker: Unpacker::default(),
            state: State::Field { left: u32::from(geometry.bits), value: 0 },
            header: [0; 4],
            fields: 0,
            at: 0,
            next_index: 0,
            closed: false,
        }
    }

    /// Starts a file whose pages must come in order, none left out, since its octets depend on
    /// those before: text.
    #[must_use]
    pub fn sequential(geometry: Geometry) -> Self {
        Self { sequential: true, ..Self::new(geometry) }
    }

    fn bits(&self) -> u64 {
        u64::from(self.geometry.bits)
    }

    fn next_field(&self) -> State {
        State::Field { left: u32::from(self.geometry.bits), value: 0 }
    }

    /// Takes a field of the header.
    fn field(&mut self, value: u64) -> Result<(), FormatError> {
        if let Some(field) = self.header.get_mut(self.fields) {
            *field = value;
        }
        self.fields += 1;
        self.state = self.next_field();
        if self.fields < self.header.len() {
            return Ok(());
        }
        self.fields = 0;
        let [header_len, _, len, kind] = self.header;
        let fits = match kind {
            LAST_PAGE => header_len == HEADER_LEN && len == 0,
            SIMPLE_PAGE => header_len == HEADER_LEN && len <= self.geometry.len,
            DESCRIPTOR_PAGE => header_len >= HEADER_LEN,
            ACCESS_PAGE => header_len == HEADER_LEN_ACCESS && len <= self.geometry.len,
            other => return Err(FormatError::UnknownPageType(other)),
        };
        if !fits {
            return Err(FormatError::BadPageHeader);
        }
        self.state = State::Extra { left: (header_len - HEADER_LEN).saturating_mul(self.bits()) };
        Ok(())
    }

    /// Begins a page whose header is read.
    fn page(&mut self) -> Result<Option<Mark>, FormatError> {
        let [_, index, len, kind] = self.header;
        let left = len.saturating_mul(self.bits());
        match kind {
            LAST_PAGE => {
                self.state = State::Ended;
                return Ok(Some(Mark::EndOfFile));
            }
            DESCRIPTOR_PAGE => {
                self.state = State::Skip { left };
                return Ok(None);
            }
            _ => self.state = State::Data { left },
        }
        let octets = left.div_ceil(8);
        if self.sequential {
            let in_order = index == self.next_index;
            self.next_index = self.next_index.saturating_add(1);
            return in_order.then_some(None).ok_or(FormatError::BadPageHeader);
        }
        let start = index.checked_mul(self.geometry.page_octets());
        let end = start.and_then(|start| start.checked_add(octets));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(FormatError::BadPageHeader);
        };
        if i64::try_from(end).is_err() {
            return Err(FormatError::BadPageHeader);
        }
        let placed = (start != self.at).then_some(Mark::Place(start));
        self.at = end;
        Ok(placed)
    }

    /// Moves data to the file; false when there is no input for it.
    fn data(&mut self, left: u64, input: &mut &[u8], out: &mut Vec<u8>, end: usize) -> bool {
        let whole = usize::try_from(left / 8).unwrap_or(usize::MAX);
        if self.unpacker.count == 0 && whole > 0 {
            let moved = transfer(input, out, whole.min(end.saturating_sub(out.len())));
            self.state = State::Data { left: left - u64::try_from(moved).unwrap_or(0) * 8 };
            return moved > 0;
        }
        let bits = u32::try_from(left.min(8)).unwrap_or(8);
        let Some(octet) = self.unpacker.take(bits, input) else { return false };
        out.push(octet.unbounded_shl(8 - bits));
        self.state = State::Data { left: left - u64::from(bits) };
        true
    }

    /// Takes bits that are of no use; how many are left, or `None` when there is no input.
    fn skip(&mut self, left: u64, input: &mut &[u8]) -> Option<u64> {
        let whole = usize::try_from(left / 8).unwrap_or(usize::MAX).min(input.len());
        if self.unpacker.count == 0 && whole > 0 {
            *input = input.get(whole..).unwrap_or_default();
            return Some(left - u64::try_from(whole).unwrap_or(0) * 8);
        }
        let bits = u32::try_from(left.min(8)).unwrap_or(8);
        self.unpacker.take(bits, input)?;
        Some(left - u64::from(bits))
    }

    fn starve(&self) -> Result<Progress, FormatError> {
        if self.closed { Err(FormatError::Truncated) } else { Ok(Progress::Hungry) }
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
                State::Field { left: 0, value } => self.field(value)?,
                State::Field { left, value } => {
                    let bits = (left - 1) % 8 + 1;
                    let Some(octet) = self.unpacker.take(bits, input) else {
                        return self.starve();
                    };
                    if value.leading_zeros() < bits {
                        // A number beyond all that files and pages have.
                        return Err(FormatError::BadPageHeader);
                    }
                    self.state =
                        State::Field { left: left - bits, value: value << bits | u64::from(octet) };
                }
                State::Extra { left: 0 } => {
                    if let Some(mark) = self.page()? {
                        return Ok(Progress::Mark(mark));
                    }
                }
                State::Extra { left } => match self.skip(left, input) {
                    Some(left) => self.state = State::Extra { left },
                    None => return self.starve(),
                },
                State::Skip { left: 0 } | State::Data { left: 0 } => self.state = self.next_field(),
                State::Skip { left } => match self.skip(left, input) {
                    Some(left) => self.state = State::Skip { left },
                    None => return self.starve(),
                },
                State::Data { .. } if out.len() >= end => return Ok(Progress::Full),
                State::Data { left } => {
                    if !self.data(left, input, out, end) {
                        return self.starve();
                    }
                }
                State::Ended if input.is_empty() => return Ok(Progress::Mark(Mark::EndOfFile)),
                State::Ended => return Err(FormatError::TrailingData),
            }
        }
    }

    fn close(&mut self) {
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::tests::{Run, run};
    use super::*;
    use proptest::prelude::*;

    fn decoded(bits: u8, wire: &[u8], size: usize, room: usize) -> Run {
        run(&mut Decoder::new(Geometry::new(bits).unwrap()), wire, size, room)
    }

    fn encoded(bits: u8, file: &[u8], size: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(Geometry::new(bits).unwrap());
        let mut wire = Vec::new();
        file.chunks(size).for_each(|chunk| encoder.push(chunk, &mut wire).unwrap());
        encoder.finish(&mut wire).unwrap();
        wire
    }

    #[test]
    fn pages_are_of_a_size_their_header_can_tell() {
        let cases = [
            (4, 4),
            (7, 105),
            (8, 248),
            (9, 567),
            (16, 4096),
            (32, 4096),
            (36, 2304),
            (255, 16320),
        ];
        for (bits, octets) in cases {
            assert_eq!(Geometry::new(bits).unwrap().page_octets(), octets, "L {bits}");
        }
        assert!((0..4).all(|bits| Geometry::new(bits).is_none()));
        for bits in 4..=255 {
            let geometry = Geometry::new(bits).unwrap();
            assert!(geometry.len.is_multiple_of(8) && geometry.len <= max_field(bits), "L {bits}");
        }
        assert_eq!(Geometry::new(8).unwrap().file_max(), 256 * 248);
        assert_eq!(Geometry::new(32).unwrap().file_max(), 4096 << 32);
        assert_eq!(Geometry::new(64).unwrap().file_max(), u64::MAX);
    }

    #[test]
    fn pages_carry_headers_of_logical_bytes() {
        assert_eq!(encoded(8, b"", 1), [4, 0, 0, 0]);
        assert_eq!(encoded(8, b"abc", 1), *b"\x04\0\x03\x01abc\x04\0\0\0");
        assert_eq!(encoded(16, b"abc", 9), *b"\0\x04\0\0\0\x02\0\x01abc\0\0\x04\0\0\0\0\0\0");
        // 4 0 1 1, ten bits of data (one of them missing), 4 0 0 0, and zeros up to the octet.
        let bits = "0000000100_0000000000_0000000010_0000000001_0110000101_1000000000\
                    _0000000100_0000000000_0000000000_0000000000";
        let bits: Vec<u8> = bits.bytes().filter(|b| *b != b'_').map(|b| b - b'0').collect();
        let octet = |bits: &[u8]| bits.iter().enumerate().fold(0, |o, (i, bit)| o | bit << (7 - i));
        let want: Vec<u8> = bits.chunks(8).map(octet).collect();
        assert_eq!(encoded(10, b"\x61\x60", 9), want);
    }

    #[test]
    fn pages_are_placed_by_their_index() {
        let page = |index: u8, octets: &[u8]| {
            [&[4, index, u8::try_from(octets.len()).unwrap(), 1], octets].concat()
        };
        let last = vec![4, 0, 0, 0];
        let wire = [page(2, b"cc"), page(0, &[b'a'; 248]), page(1, b"b"), page(9, b""), last];
        let marks = vec![
            (0, Mark::Place(496)),
            (2, Mark::Place(0)),
            (251, Mark::Place(2232)),
            (251, Mark::EndOfFile),
        ];
        let octets = [&b"cc"[..], &[b'a'; 248], b"b"].concat();
        assert_eq!(decoded(8, &wire.concat(), 5, 5), Run { octets, marks, end: Ok(()) });
    }

    #[test]
    fn descriptors_are_skipped_and_access_controls_too() {
        let wire = b"\x06\xff\x03\x02xxyyy\x05\0\x01\x03!a\x04\x07\0\0";
        let marks = vec![(1, Mark::EndOfFile)];
        let want = Run { octets: b"a".to_vec(), marks, end: Ok(()) };
        assert_eq!(decoded(8, wire, 1, 1), want);
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        let cases: &[(u8, &[u8], FormatError)] = &[
            (8, b"", FormatError::Truncated),
            (8, b"\x04\0", FormatError::Truncated),
            (8, b"\x04\0\x01\x01", FormatError::Truncated),
            (8, b"\x04\0\x01\x01a", FormatError::Truncated),
            (8, b"\x03\0\0\0", FormatError::BadPageHeader),
            (8, b"\x05\0\0\0", FormatError::BadPageHeader),
            (8, b"\x04\0\x01\0", FormatError::BadPageHeader),
            (8, b"\x05\0\0\x01", FormatError::BadPageHeader),
            (8, b"\x04\0\xf9\x01", FormatError::BadPageHeader),
            (8, b"\x04\0\0\x03", FormatError::BadPageHeader),
            (8, b"\x03\0\0\x02", FormatError::BadPageHeader),
            (8, b"\x04\0\0\x04", FormatError::UnknownPageType(4)),
            (8, b"\x04\0\0\0\0", FormatError::TrailingData),
            (72, b"\x01\0\0\0\0\0\0\0\0", FormatError::BadPageHeader),
            (
                64,
                b"\0\0\0\0\0\0\0\x04\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01",
                FormatError::BadPageHeader,
            ),
        ];
        for (bits, wire, error) in cases {
            let got = decoded(*bits, wire, 99, 99).end;
            assert_eq!(got, Err(*error), "{bits}: {}", wire.escape_ascii());
        }
    }

    #[test]
    fn text_is_refused_out_of_sequence_and_files_beyond_the_last_page() {
        let mut decoder = Decoder::sequential(Geometry::new(8).unwrap());
        let wire = b"\x04\0\x01\x01a\x04\x01\x01\x01b\x04\x01\0\x01";
        let got = run(&mut decoder, wire, 99, 99);
        assert_eq!((&got.octets[..], got.end), (&b"ab"[..], Err(FormatError::BadPageHeader)));
        let geometry = Geometry::new(8).unwrap();
        let max = usize::try_from(geometry.file_max()).unwrap();
        let (mut encoder, mut wire) = (Encoder::new(geometry), Vec::new());
        assert_eq!(encoder.push(&vec![0; max], &mut wire), Ok(()));
        assert_eq!(encoder.push(b"x", &mut wire), Ok(()));
        assert_eq!(encoder.finish(&mut wire), Err(FormatError::PageOverflow));
    }

    proptest! {
        #[test]
        fn any_file_comes_back(
            bits in prop_oneof![Just(8u8), Just(32), Just(36), 8u8..=255],
            len in 0usize..20_000,
            seed: u8,
            size in 1usize..5000,
        ) {
            let octet = |i: usize| u8::try_from(i * 31 % 251).unwrap() ^ seed;
            let file: Vec<u8> = (0..len).map(octet).collect();
            let wire = encoded(bits, &file, size);
            prop_assert_eq!(&encoded(bits, &file, 20_000), &wire);
            let got = decoded(bits, &wire, size, 5001 - size);
            prop_assert_eq!(&got.end, &Ok(()));
            prop_assert_eq!(got.marks, vec![(got.octets.len(), Mark::EndOfFile)]);
            // What completes the last logical byte is all that was added, and only once.
            prop_assert!(got.octets.starts_with(&file) && got.octets.len() <= len + 32);
            prop_assert!(got.octets[len..].iter().all(|b| *b == 0));
            prop_assert!(bits != 8 || got.octets.len() == len);
            prop_assert_eq!(&encoded(bits, &got.octets, size), &wire);
            for cut in (0..wire.len()).step_by(wire.len() / 20 + 1) {
                let end = decoded(bits, &wire[..cut], 999, 999).end;
                prop_assert_eq!(end, Err(FormatError::Truncated));
            }
        }

        #[test]
        fn chunks_and_room_make_no_difference(
            bits in 4u8..20,
            wire in proptest::collection::vec(prop_oneof![Just(0u8), Just(4), any::<u8>()], 0..60),
            size in 1usize..9,
            room in 1usize..9,
        ) {
            let wire = [encoded(bits, &[], 1), wire].concat();
            for wire in [&wire[..], &wire[1..], &wire[wire.len() / 2..]] {
                prop_assert_eq!(decoded(bits, wire, size, room), decoded(bits, wire, 99, 999));
            }
        }
    }
}
