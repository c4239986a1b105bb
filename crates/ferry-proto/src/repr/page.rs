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

mod bits;
mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;

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

/// The largest number a field of so many bits can hold, as far as we count.
fn max_field(bits: u8) -> u64 {
    u64::MAX.unbounded_shr(64 - u32::from(bits).min(64))
}
