//! The buffers of transfers: all of one size, kept for the next transfer up to a bound. A transfer
//! holds two at most; an idle session none.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The size of a buffer. Larger ones are slower (they leave the second-level cache), smaller ones
/// make more trips to the blocking pool.
pub(super) const CHUNK: usize = 256 << 10;

/// Buffers of a kind kept while nobody uses them: 16 MiB in all for both.
const KEPT_MAX: usize = 32;

/// Those all of whose octets can be read into at once.
static WHOLE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Those of which only room is certain: to be read into at once they would have to be filled with
/// zeros first, however small the file.
static ROOM: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn lock(kept: &Mutex<Vec<Vec<u8>>>) -> MutexGuard<'_, Vec<Vec<u8>>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

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
        let kept = lock(&WHOLE).pop();
        Self { octets: kept.unwrap_or_else(|| Vec::with_capacity(CHUNK)), filled: 0 }
    }

    /// Borrows one as [`borrow`](Self::borrow) does, empty.
    pub(super) fn borrow_room() -> Self {
        let mut octets = lock(&ROOM).pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
        octets.clear();
        Self { octets, filled: 0 }
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

    /// All there is, for good: the vector itself only if that is most of it.
    pub(super) fn give(&mut self) -> Vec<u8> {
        if self.octets.len() < CHUNK / 4 { self.octets.clone() } else { self.lend() }
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
            let whole = self.octets.len() >= CHUNK;
            let mut kept = lock(if whole { &WHOLE } else { &ROOM });
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
        let all: Vec<Buffer> = (0..2 * KEPT_MAX).map(|_| Buffer::borrow_room()).collect();
        drop(all);
        let mut oversized = Buffer::borrow_room();
        oversized.reserve(4 * CHUNK);
        drop(oversized);
        let kept = lock(&ROOM);
        assert!(kept.len() <= KEPT_MAX);
        assert!(kept.iter().all(|b| b.capacity() <= 2 * CHUNK));
    }

    #[test]
    fn a_buffer_that_can_be_read_into_at_once_stays_so() {
        let mut read = Buffer::borrow();
        read.whole();
        drop(read);
        assert!(lock(&WHOLE).iter().all(|b| b.len() >= CHUNK));
    }
}
