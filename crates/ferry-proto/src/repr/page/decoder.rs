//! From pages to the file.

use super::super::FormatError;
use super::super::step::{Mark, Progress, Sides, Turns, starve};
use super::bits::Unpacker;
use super::{
    ACCESS_PAGE, DESCRIPTOR_PAGE, Geometry, HEADER_LEN, HEADER_LEN_ACCESS, LAST_PAGE, SIMPLE_PAGE,
};

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
    fn data(&mut self, left: u64, sides: &mut Sides<'_, '_>) -> bool {
        let whole = usize::try_from(left / 8).unwrap_or(usize::MAX);
        if self.unpacker.count == 0 && whole > 0 {
            let moved = sides.transfer(whole);
            self.state = State::Data { left: left - u64::try_from(moved).unwrap_or(0) * 8 };
            return moved > 0;
        }
        let bits = u32::try_from(left.min(8)).unwrap_or(8);
        let Some(octet) = self.unpacker.take(bits, sides.input) else { return false };
        sides.out.push(octet.unbounded_shl(8 - bits));
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
}

impl Turns for Decoder {
    #[inline]
    fn turn(&mut self, sides: &mut Sides<'_, '_>) -> Result<Option<Progress>, FormatError> {
        match self.state {
            State::Field { left: 0, value } => self.field(value)?,
            State::Field { left, value } => {
                let bits = (left - 1) % 8 + 1;
                let Some(octet) = self.unpacker.take(bits, sides.input) else {
                    return starve(self.closed);
                };
                if value.leading_zeros() < bits {
                    // A number beyond all that files and pages have.
                    return Err(FormatError::BadPageHeader);
                }
                self.state =
                    State::Field { left: left - bits, value: value << bits | u64::from(octet) };
            }
            State::Extra { left: 0 } => return Ok(self.page()?.map(Progress::Mark)),
            State::Extra { left } => match self.skip(left, sides.input) {
                Some(left) => self.state = State::Extra { left },
                None => return starve(self.closed),
            },
            State::Skip { left: 0 } | State::Data { left: 0 } => self.state = self.next_field(),
            State::Skip { left } => match self.skip(left, sides.input) {
                Some(left) => self.state = State::Skip { left },
                None => return starve(self.closed),
            },
            State::Data { .. } if sides.is_full() => return Ok(Some(Progress::Full)),
            State::Data { left } => {
                if !self.data(left, sides) {
                    return starve(self.closed);
                }
            }
            State::Ended => return sides.ended(),
        }
        Ok(None)
    }

    fn end_input(&mut self) {
        self.closed = true;
    }
}
