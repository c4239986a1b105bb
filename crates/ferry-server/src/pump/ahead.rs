//! What was read from a connection before it was asked for: the beginning of the next file, where
//! the connection outlives one (MODE B).

use std::io;

use super::buffers::Buffer;

/// Octets that wait to be taken, in the buffer they were read into; small files that came with one
/// read are not copied from one transfer to the next.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    buf: Buffer,
    /// How many of those read were taken.
    taken: usize,
}

impl Ahead {
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
        if self.buf.capacity() == 0 {
            self.buf = Buffer::borrow();
        }
        &mut self.buf
    }

    /// Reads by `read` as [`refill`](Self::refill) does, at the time when nothing waits; how many
    /// octets `read` says to have read.
    pub(crate) fn read(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut scratch = [0; LOOKED];
        let n = read(&mut scratch)?;
        if n > 0 {
            let buf = self.refill();
            if let (Some(to), Some(from)) = (buf.whole().get_mut(..n), scratch.get(..n)) {
                to.copy_from_slice(from);
            }
            buf.set_filled(n);
        }
        Ok(n)
    }

    /// Gives the buffer back unless something waits in it.
    pub(super) fn settle(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// Octets that are read while no transfer runs: enough to see whether the peer has closed.
const LOOKED: usize = 512;
