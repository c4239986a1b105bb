//! The end of TLS on a connection that goes on in the clear (CCC, REIN; RFC 4217 §12.3 and §13).
//!
//! After our close_notify the peer may still send records, then its own close_notify, then plain
//! text; some peers leave out the close_notify. So records are read one by one, never an octet
//! beyond the end of one, until the peer's close_notify or an octet that begins no record. Nothing
//! waits here and nothing is kept: whoever reads next, however much later, reads on.

use std::io::{self, Read};

use super::TlsStream;
use crate::net::Link;

/// The types of record there are, from change_cipher_spec to heartbeat; no command begins so.
const RECORD_TYPES: std::ops::RangeInclusive<u8> = 0x14..=0x18;

/// Octets of a record read at a time; what follows is a close_notify, or little more.
const STEP: usize = 512;

/// What reading brings while TLS ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// This many octets that the peer had sent under TLS.
    Payload(usize),
    /// TLS has ended; nothing that follows it has been read.
    Over,
    /// The peer went on without close_notify; this octet is the first in the clear.
    Plain(u8),
}

impl TlsStream {
    /// From now on only reading matters; close_notify has gone out.
    pub(crate) fn leave(&mut self) {
        self.leaving = true;
    }

    /// Whether TLS is ending.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Reads what is left of TLS, as far as it is there.
    pub(crate) fn try_leave(&mut self, link: &dyn Link, buf: &mut [u8]) -> io::Result<Leaving> {
        if buf.is_empty() {
            return Ok(Leaving::Payload(0));
        }
        loop {
            match self.conn.reader().read(buf) {
                Ok(0) => return Ok(Leaving::Over),
                Ok(n) => return Ok(Leaving::Payload(n)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
            let mut octets = [0; STEP];
            let room = self.records.missing().min(STEP);
            let got = link.try_read(octets.get_mut(..room).unwrap_or_default())?;
            let mut octets = octets.get(..got).unwrap_or_default();
            match octets.first() {
                // The end of the connection, which the link will tell again.
                None => return Ok(Leaving::Over),
                Some(&first) if self.records.at_boundary() && !RECORD_TYPES.contains(&first) => {
                    return Ok(Leaving::Plain(first));
                }
                Some(_) => {}
            }
            self.records.pass(octets);
            while !octets.is_empty() && self.conn.read_tls(&mut octets)? > 0 {
                self.conn
                    .process_new_packets()
                    .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            }
        }
    }
}
