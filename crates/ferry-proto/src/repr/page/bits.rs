//! Logical bytes that are no whole octets: bits put behind bits, and taken in order.

use super::super::step::take;

/// Puts bits behind bits; holds fewer than eight.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Packer {
    held: u16,
    pub(super) count: u32,
}

impl Packer {
    /// Appends the low `bits` (at most eight) of `octet`, the others of which are zero.
    pub(super) fn push(&mut self, octet: u8, bits: u32, out: &mut Vec<u8>) {
        self.held = self.held << bits | u16::from(octet);
        self.count += bits;
        if self.count >= 8 {
            self.count -= 8;
            let [_, full] = (self.held >> self.count).to_be_bytes();
            out.push(full);
            self.held &= (1 << self.count) - 1;
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.count > 0 {
            self.push(0, 8 - self.count, out);
        }
    }
}

/// Takes bits in order; holds fewer than eight between octets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unpacker {
    held: u16,
    pub(super) count: u32,
}

impl Unpacker {
    /// Takes `bits` bits (at most eight), if there are so many.
    pub(super) fn take(&mut self, bits: u32, input: &mut &[u8]) -> Option<u8> {
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
