//! Where one TLS record ends and the next begins (RFC 8446 §5.1), followed without looking inside:
//! only so can TLS end in the middle of a connection without an octet too many being read.

/// Octets before a record's content: type, version, length.
const HEADER: usize = 5;

/// A place in a stream of records.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Records {
    /// Octets of the header seen, 0 to 5.
    header: u8,
    /// From the header: the content's length, as far as it has been seen.
    length: u16,
    /// Octets of the content still to come, once the header is whole.
    content: u16,
}

impl Records {
    /// Whether nothing of the next record has been seen.
    pub(super) fn at_boundary(self) -> bool {
        self.header == 0
    }

    /// Octets that belong to the record for certain: at least 1.
    pub(super) fn missing(self) -> usize {
        match usize::from(self.header) {
            0 => 1,
            HEADER => usize::from(self.content),
            seen => HEADER - seen,
        }
    }

    /// Takes note of what was read.
    pub(super) fn pass(&mut self, mut octets: &[u8]) {
        while let Some((&first, rest)) = octets.split_first() {
            if usize::from(self.header) < HEADER {
                // The last two octets of the header are the length.
                self.length = self.length << 8 | u16::from(first);
                self.header += 1;
                octets = rest;
                if usize::from(self.header) == HEADER {
                    self.content = self.length;
                }
            } else {
                let step = octets.len().min(usize::from(self.content));
                self.content -= u16::try_from(step).unwrap_or(0);
                octets = octets.get(step..).unwrap_or_default();
            }
            if usize::from(self.header) == HEADER && self.content == 0 {
                *self = Self::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(len: usize) -> Vec<u8> {
        let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
        [&[0x17, 3, 3, high, low][..], &vec![0xff; len]].concat()
    }

    proptest! {
        #[test]
        fn boundaries_are_found_however_the_stream_is_cut(
            lens in proptest::collection::vec(0..700_usize, 1..6),
            cuts in proptest::collection::vec(1..300_usize, 1..40),
        ) {
            let stream = lens.iter().map(|len| record(*len)).collect::<Vec<_>>().concat();
            let ends: Vec<usize> = lens
                .iter()
                .scan(0, |at, len| { *at += len + HEADER; Some(*at) })
                .collect();
            let (mut records, mut at) = (Records::default(), 0);
            for cut in cuts.iter().cycle() {
                let next = (at + cut).min(stream.len());
                records.pass(&stream[at..next]);
                at = next;
                prop_assert_eq!(records.at_boundary(), ends.contains(&at), "at {}", at);
                let end = ends.iter().find(|end| **end > at).copied();
                if let Some(end) = end {
                    prop_assert!((1..=end - at).contains(&records.missing()));
                } else {
                    break;
                }
            }
        }
    }
}
