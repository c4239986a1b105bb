//! A data connection between two transfers: mode block leaves it open behind a file (RFC 959
//! §3.4.2), so that the next file needs no connection, and no TLS handshake, of its own.

use std::io;
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::pump::Ahead;
use crate::wire::{Received, Wire};

/// Octets that are read while no transfer runs: enough to see whether the peer has closed.
const LOOKED: usize = 512;

/// An open data connection that waits for the next transfer.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) wire: Wire,
    /// What came behind the last file: the beginning of the next. Bounded by what one read of a
    /// transfer can bring.
    pub(crate) ahead: Ahead,
    /// Whether TLS is on, and if so whether it resumed, for logs.
    pub(crate) tls: Option<bool>,
    /// Closed unused after this.
    pub(crate) expires: Instant,
}

impl Kept {
    /// Waits until there is something to [`look`](Self::is_open) at; never while octets wait
    /// already, for then the connection is in use.
    pub(crate) fn poll_touched(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ahead.is_empty() { self.wire.poll_readable(cx).map(|_| ()) } else { Poll::Pending }
    }

    /// Ends the connection, and says so under TLS, as far as that is possible at once.
    pub(crate) fn close(mut self) {
        self.wire.notify_close();
        // The peer may be gone, and nothing is owed any more.
        let _ = self.wire.try_flush(true).and_then(|()| self.wire.end_write());
    }

    /// Whether the connection is still there, as far as can be told at once.
    pub(crate) fn is_open(&mut self) -> bool {
        if !self.ahead.is_empty() {
            return true;
        }
        let mut scratch = [0; LOOKED];
        match self.wire.try_read(&mut scratch) {
            Ok(Received::Bytes(n)) => {
                self.ahead = Ahead::of(scratch.get(..n).unwrap_or_default());
                true
            }
            Ok(Received::Eof | Received::Truncated) => false,
            Err(e) => e.kind() == io::ErrorKind::WouldBlock,
        }
    }
}
