//! From a file to simple pages.

use super::super::step::transfer;
use super::super::{FormatError, local};
use super::bits::Packer;
use super::{Geometry, HEADER_LEN, LAST_PAGE, SIMPLE_PAGE, max_field};

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
    /// the last logical byte is zero bits, as [`local`] says.
    ///
    /// # Errors
    /// [`FormatError::PageOverflow`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        if !self.page.is_empty() {
            let octets = core::mem::take(&mut self.page);
            let mut local = local::ToNetwork::new(self.geometry.bits);
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
