//! Octets that are in memory already, given out as they are asked for.

use std::fmt;

use crate::{BoxFut, ByteSource, FsError};

/// Octets in memory, given out from the first to the last.
#[derive(Default)]
pub struct Octets {
    octets: Vec<u8>,
    given: usize,
}

impl Octets {
    /// All of them are to be given out.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self { octets, given: 0 }
    }

    /// Copies what comes next to `buf`, as much as it takes; how many octets that were. 0 for a
    /// `buf` with room means that all have been given out.
    pub fn give(&mut self, buf: &mut [u8]) -> usize {
        let rest = self.octets.get(self.given..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.given += n;
        n
    }

    /// Whether all have been given out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.given >= self.octets.len()
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Octets({} of {} given)", self.given, self.octets.len())
    }
}

impl ByteSource for Octets {
    fn read(&mut self, mut buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)> {
        let n = self.give(&mut buf);
        Box::pin(std::future::ready((buf, Ok(n))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_given_out_once_and_in_order() {
        let mut octets = Octets::new(b"abcde".to_vec());
        let mut buf = [0; 2];
        let mut all = Vec::new();
        while !octets.is_empty() {
            let n = octets.give(&mut buf);
            all.extend_from_slice(&buf[..n]);
        }
        assert_eq!(all, b"abcde");
        assert_eq!((octets.give(&mut buf), octets.give(&mut [])), (0, 0));
    }
}
