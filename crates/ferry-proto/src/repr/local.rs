//! Type local with n bits (RFC 959 §3.1.1.4): logical bytes, packed one behind the other, most
//! significant bit first, into transfer bytes of eight bits, with zero bits at the end.
//!
//! How a file holds logical bytes is ours to choose and to tell: **a file is the packed form
//! itself**. Its bits, read in order, are the logical bytes; what is received is stored as it is.
//! So `L 8`, and any n that divides the file's bits, is the same as image, and a file of 36-bit
//! words takes four and a half octets a word, as it does on the connection.
//!
//! When a file is sent, its last logical byte may be incomplete. It is completed with zero bits,
//! unless what there is of it is fewer than eight zero bits: these are the padding of an earlier
//! transfer (or tell nothing). Hence nothing is ever lost, what was received in whole logical bytes
//! is sent again octet for octet, and a file that was completed once is not completed again.

/// Completes the last logical byte of a file or record. Holds nothing but a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToNetwork {
    bits: u16,
    /// Bits so far of the logical byte that is incomplete.
    partial: u16,
    last: u8,
}

impl ToNetwork {
    /// Starts a file of logical bytes of `bits` bits.
    #[must_use]
    pub fn new(bits: u8) -> Self {
        Self { bits: u16::from(bits.max(1)), partial: 0, last: 0 }
    }

    /// Starts at an offset of such a file, for a restart.
    #[must_use]
    pub fn at(bits: u8, offset: u64) -> Self {
        let mut started = Self::new(bits);
        let rest = offset % u64::from(started.bits);
        started.partial = u16::try_from(rest * 8 % u64::from(started.bits)).unwrap_or(0);
        // What stands before the offset is not known, and so it is not taken for padding.
        started.last = u8::MAX;
        started
    }

    /// Appends `input` as it is.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let Some(last) = input.last() else { return };
        self.last = *last;
        // Every `bits` octets are whole logical bytes, so only the rest counts: under 255 octets.
        let rest = u16::try_from(input.len() % usize::from(self.bits)).unwrap_or(0);
        self.partial = (self.partial + 8 * rest) % self.bits;
        out.extend_from_slice(input);
    }

    /// Appends what completes the last logical byte (32 octets at most), and starts anew.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let partial = core::mem::take(&mut self.partial);
        let padding = partial < 8 && self.last.trailing_zeros() >= u32::from(partial);
        if partial > 0 && !padding {
            let missing = usize::from((self.bits - partial).div_ceil(8));
            out.resize(out.len() + missing, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn sent(bits: u8, file: &[u8], size: usize) -> Vec<u8> {
        let (mut out, mut transducer) = (Vec::new(), ToNetwork::new(bits));
        file.chunks(size).for_each(|chunk| transducer.push(chunk, &mut out));
        transducer.finish(&mut out);
        out
    }

    fn bits_of(octets: &[u8]) -> Vec<bool> {
        let of = |octet: &u8| (0..8).rev().map(|i| octet >> i & 1 == 1).collect::<Vec<_>>();
        octets.iter().flat_map(of).collect()
    }

    /// Logical bytes packed as the RFC says, without any of our code.
    fn packed(bits: u8, logical: &[Vec<bool>]) -> Vec<u8> {
        let mut flat: Vec<bool> = logical.concat();
        assert_eq!(flat.len(), logical.len() * usize::from(bits));
        flat.resize(flat.len().next_multiple_of(8), false);
        let octet = |bits: &[bool]| bits.iter().fold(0, |octet, bit| octet << 1 | u8::from(*bit));
        flat.chunks(8).map(octet).collect()
    }

    #[test]
    fn only_incomplete_logical_bytes_are_completed() {
        let cases: &[(u8, &[u8], usize)] = &[
            (36, b"", 0),
            (36, &[1; 9], 9),
            (36, &[1; 10], 14),
            (36, &[1, 2, 3, 4, 0x50], 5),
            (36, &[1, 2, 3, 4, 0x51], 9),
            (16, &[0; 3], 4),
            (7, &[1], 2),
            (7, &[2], 1),
            (255, &[1], 32),
            (255, &[1; 32], 64),
            (1, &[1], 1),
        ];
        for (bits, file, len) in cases {
            let wire = sent(*bits, file, 99);
            assert_eq!(wire.len(), *len, "L {bits}, {file:?}");
            assert!(wire.starts_with(file) && wire[file.len()..].iter().all(|b| *b == 0));
        }
    }

    proptest! {
        #[test]
        fn logical_bytes_that_were_stored_are_sent_again(
            bits in 1u8..=255,
            logical in vec(vec(any::<bool>(), 255), 0..20),
            size in 1usize..99,
        ) {
            let logical: Vec<_> = logical.iter().map(|l| l[..usize::from(bits)].to_vec()).collect();
            let wire = packed(bits, &logical);
            prop_assert_eq!(sent(bits, &wire, size), wire);
        }

        #[test]
        fn no_bit_of_any_file_is_lost(
            bits in 1u8..=255,
            file in vec(any::<u8>(), 0..99),
            size in 1usize..99,
        ) {
            let wire = sent(bits, &file, size);
            prop_assert_eq!(&sent(bits, &wire, size), &wire);
            let whole = wire.len() * 8 / usize::from(bits) * usize::from(bits);
            // What a receiver that counts logical bytes keeps.
            prop_assert!(bits_of(&wire)[whole..].iter().all(|bit| !bit));
            prop_assert!(wire.starts_with(&file));
        }

        #[test]
        fn eight_bits_change_nothing(file in vec(any::<u8>(), 0..99)) {
            prop_assert_eq!(sent(8, &file, 7), file);
        }
    }
}
