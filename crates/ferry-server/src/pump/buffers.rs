//! The buffers of transfers: all of one size, kept for the next transfer up to a bound. A transfer
//! holds two at most; an idle session none.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// The size of a buffer. Larger ones are slower (they leave the second-level cache), smaller ones
/// make more trips to the blocking pool.
pub(super) const CHUNK: usize = 256 << 10;

/// Buffers kept while nobody uses them: 16 MiB in all.
const KEPT_MAX: usize = 64;

static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A buffer on loan; it goes back when dropped. The vector may be taken out to cross threads, and
/// is simply lost if it does not come back.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    octets: Vec<u8>,
    /// How many of them were read from a connection. Apart from the vector's length, which would
    /// have to be made anew, with zeros, for the next to be read.
    filled: usize,
}

impl Buffer {
    /// Borrows one with at least [`CHUNK`] octets of room; its length is anything.
    pub(super) fn borrow() -> Self {
        let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { octets: kept.unwrap_or_else(|| Vec::with_capacity(CHUNK)), filled: 0 }
    }

    /// Octets as if they had been read from a connection.
    pub(super) fn holding(octets: Vec<u8>) -> Self {
        Self { filled: octets.len(), octets }
    }

    /// Makes all [`CHUNK`] octets accessible. Costs nothing for those that were before.
    pub(super) fn whole(&mut self) -> &mut [u8] {
        self.octets.resize(CHUNK, 0);
        &mut self.octets
    }

    /// Notes that the first `n` octets were read from a connection.
    pub(super) fn set_filled(&mut self, n: usize) {
        self.filled = n;
    }

    /// What was read from a connection.
    pub(super) fn filled(&self) -> &[u8] {
        self.octets.get(..self.filled).unwrap_or_default()
    }

    /// Takes what was read from a connection out, to lend it.
    pub(super) fn lend_filled(&mut self) -> Vec<u8> {
        self.octets.truncate(self.filled);
        self.lend()
    }

    /// What was read from a connection, for good: the vector itself only if that is most of it.
    pub(super) fn give_filled(&mut self) -> Vec<u8> {
        if self.filled < CHUNK / 4 { self.filled().to_vec() } else { self.lend_filled() }
    }

    /// Takes the vector out, to lend it.
    pub(super) fn lend(&mut self) -> Vec<u8> {
        self.filled = 0;
        std::mem::take(&mut self.octets)
    }

    /// Puts a lent vector back.
    pub(super) fn put_back(&mut self, vec: Vec<u8>) {
        self.octets = vec;
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.octets
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Twice the size is what line ends in type ASCII can make of it; more is let go.
        if (CHUNK..=2 * CHUNK).contains(&self.octets.capacity()) {
            let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT_MAX {
                kept.push(self.lend());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_buffers_are_kept_than_the_bound() {
        let all: Vec<Buffer> = (0..2 * KEPT_MAX).map(|_| Buffer::borrow()).collect();
        drop(all);
        let mut oversized = Buffer::borrow();
        oversized.reserve(4 * CHUNK);
        drop(oversized);
        let kept = KEPT.lock().unwrap();
        assert!(kept.len() <= KEPT_MAX);
        assert!(kept.iter().all(|b| b.capacity() <= 2 * CHUNK));
    }
}
