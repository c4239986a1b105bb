//! Random choices that are not cryptography but must not be guessed: passive ports (RFC 2577 §6)
//! and the names STOU makes up. And the key that hides inode numbers in the `unique` fact.

use std::hash::Hasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// SipHash in counter mode over a secret seed: without the seed no output tells another, and with
/// a fixed seed a whole run repeats.
#[derive(Debug)]
pub(crate) struct Entropy {
    seed: u64,
    drawn: AtomicU64,
}

impl Entropy {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }

    /// The next number.
    pub(crate) fn next(&self) -> u64 {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed);
        self.keyed(0x6665_7272_7920_6f6e, &[n])
    }

    /// A keyed digest of an identity: equal for equal input, says nothing else about it.
    pub(crate) fn unique(&self, identity: (u64, u64)) -> u64 {
        self.keyed(0x6665_7272_7920_6964, &[identity.0, identity.1])
    }

    #[allow(deprecated, reason = "the only SipHash in std that takes a key, and it stays")]
    fn keyed(&self, purpose: u64, words: &[u64]) -> u64 {
        let mut sip = std::hash::SipHasher::new_with_keys(self.seed, purpose);
        for word in words {
            sip.write_u64(*word);
        }
        sip.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_repeats_and_another_does_not() {
        let draw = |seed| {
            let e = Entropy::new(seed);
            [e.next(), e.next(), e.unique((1, 2))]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let e = Entropy::new(1);
        assert_ne!(e.next(), e.next());
    }
}
