//! What was read from a connection before it was asked for: the beginning of the next file, where
//! the connection outlives one (MODE B).

use super::buffers::{Buffer, CHUNK};

/// Less than this is kept in a vector of its own: who sends a few octets and falls silent must not
/// hold a buffer.
const SMALL: usize = CHUNK / 8;

/// Octets that wait to be taken, in the buffer they were read into; small files that came with one
/// read are not copied from one transfer to the next.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    buf: Buffer,
    /// How many of those read were taken.
    taken: usize,
}

impl Ahead {
    /// These octets.
    pub(crate) fn of(octets: &[u8]) -> Self {
        Self { buf: Buffer::holding(octets.to_vec()), taken: 0 }
    }

    /// What waits.
    pub(super) fn rest(&self) -> &[u8] {
        self.buf.filled().get(self.taken..).unwrap_or_default()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Takes all but the last `left` octets.
    pub(super) fn leave(&mut self, left: usize) {
        self.taken = self.buf.filled().len().saturating_sub(left);
    }

    /// The buffer, for more; what waited in it is gone.
    pub(super) fn refill(&mut self) -> &mut Buffer {
        self.taken = 0;
        if self.buf.capacity() < CHUNK {
            self.buf = Buffer::borrow();
        }
        &mut self.buf
    }

    /// Gives the buffer back unless much waits in it: the connection may be idle from now on.
    pub(super) fn settle(&mut self) {
        if self.rest().len() < SMALL {
            *self = Self::of(self.rest());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: usize) -> Ahead {
        let mut ahead = Ahead::default();
        let buf = ahead.refill();
        buf.whole().fill(7);
        buf.set_filled(octets);
        ahead
    }

    #[test]
    fn what_waits_is_never_much_less_than_what_is_held_for_it() {
        for (came, left) in [(CHUNK, CHUNK), (CHUNK, SMALL), (CHUNK, SMALL - 1), (9, 3), (9, 0)] {
            let mut ahead = read(came);
            ahead.leave(left);
            ahead.settle();
            assert_eq!(ahead.rest(), vec![7; left]);
            // Buffers may have grown to twice their size.
            assert!(ahead.buf.capacity() <= 16 * left, "{left}: {}", ahead.buf.capacity());
        }
    }

    #[test]
    fn a_whole_buffer_is_read_into_whatever_waited() {
        let mut ahead = Ahead::of(b"few");
        assert_eq!(ahead.refill().whole().len(), CHUNK);
    }
}
