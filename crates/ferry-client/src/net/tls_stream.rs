//! TLS after the handshake: octets between a socket and rustls, never waiting. No buffer of its
//! own: bulk reads use the caller's, and rustls keeps what is less than a record.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll};

use rustls::ClientConnection;
use tokio::net::TcpStream;

use super::tls::TlsFacts;
use super::wire::Received;

/// What rustls may hold encrypted but unsent: eight records, one `writev`.
const SEND_BUFFER_MAX: usize = 128 << 10;

/// Reads into buffers at least this long take many records with one system call.
const BULK_READ_MIN: usize = 64 << 10;

/// What one record can hold beside what a bulk read brings: it may have been read in part before.
const RECORD_MAX: usize = 18 << 10;

/// Payload that may wait decrypted while tickets are looked for: no reply is longer.
const DRAIN_MAX: usize = 8 << 10;

/// This end of an established TLS connection.
pub(super) struct TlsStream {
    conn: ClientConnection,
    facts: TlsFacts,
    notified: bool,
}

impl TlsStream {
    /// Takes over a connection whose handshake is complete.
    pub(super) fn new(mut conn: ClientConnection, facts: TlsFacts) -> Box<Self> {
        conn.set_buffer_limit(Some(SEND_BUFFER_MAX));
        Box::new(Self { conn, facts, notified: false })
    }

    pub(super) fn facts(&self) -> &TlsFacts {
        &self.facts
    }

    /// See [`Wire::poll_readable`](super::Wire::poll_readable).
    pub(super) fn poll_readable(
        &self,
        tcp: &TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.conn.wants_read() {
            return Poll::Ready(Ok(()));
        }
        tcp.poll_read_ready(cx)
    }

    /// See [`Wire::try_read`](super::Wire::try_read).
    pub(super) fn try_read(&mut self, tcp: &TcpStream, buf: &mut [u8]) -> io::Result<Received> {
        loop {
            match self.conn.reader().read(buf) {
                Ok(0) => return Ok(Received::Eof),
                Ok(n) => return Ok(Received::Bytes(n)),
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(Received::Truncated);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
            if buf.len() >= BULK_READ_MIN {
                let n = self.read_bulk(tcp, buf)?;
                if n > 0 {
                    return Ok(Received::Bytes(n));
                }
            } else {
                self.conn.read_tls(&mut Socket(tcp))?;
                self.process(tcp)?;
            }
        }
    }

    /// Encrypts as much of `buf` as fits and sends as much of that as can be sent.
    pub(super) fn try_write(&mut self, tcp: &TcpStream, buf: &[u8]) -> io::Result<usize> {
        self.try_flush(tcp)?;
        let accepted = self.conn.writer().write(buf)?;
        match self.try_flush(tcp) {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => Err(e),
            _ => Ok(accepted),
        }
    }

    /// Sends what is encrypted; `WouldBlock` while some of it is left (some may have gone).
    pub(super) fn try_flush(&mut self, tcp: &TcpStream) -> io::Result<()> {
        flush(&mut self.conn, tcp)
    }

    /// Queues close_notify, once.
    pub(super) fn notify_close(&mut self) {
        if !self.notified {
            self.conn.send_close_notify();
            self.notified = true;
        }
    }

    /// Works through the records that have arrived until payload waits that should be read first.
    pub(super) fn drain(&mut self, tcp: &TcpStream) {
        loop {
            match self.conn.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() < DRAIN_MAX => {}
                _ => return,
            }
            match self.conn.read_tls(&mut Socket(tcp)) {
                Ok(n) if n > 0 => {}
                _ => return,
            }
        }
    }

    /// Reads up to half of `buf` in ciphertext with one system call, into its back, and leaves the
    /// payload at its front. 0: none in there, or the connection ended.
    fn read_bulk(&mut self, tcp: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        let middle = buf.len() - (buf.len() - RECORD_MAX) / 2;
        let Some((front, back)) = buf.split_at_mut_checked(middle) else {
            return Ok(0);
        };
        let arrived = tcp.try_read(back)?;
        let mut ciphertext = back.get(..arrived).unwrap_or_default();
        if arrived == 0 {
            // Tells rustls of the end of the stream.
            self.conn.read_tls(&mut ciphertext)?;
            return Ok(0);
        }
        let mut filled = 0;
        while !ciphertext.is_empty() {
            if self.conn.read_tls(&mut ciphertext)? == 0 {
                break; // close_notify: whatever follows it does not count
            }
            self.process(tcp)?;
            filled += match self.conn.reader().read(front.get_mut(filled..).unwrap_or_default()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
                taken => taken?,
            };
        }
        Ok(filled)
    }

    /// Lets rustls work through what was read; sends its alert if it fails, and its key update.
    fn process(&mut self, tcp: &TcpStream) -> io::Result<()> {
        let result = self.conn.process_new_packets();
        if result.is_ok() && !self.notified {
            // rustls keeps its answer to a key update until something is written.
            let _nothing = self.conn.writer().write(&[])?;
        }
        // A connection that can no longer be written to may still have much to read.
        let _sent = self.try_flush(tcp);
        result.map(|_| ()).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// Sends what rustls holds, as far as the socket takes it.
pub(super) fn flush(conn: &mut ClientConnection, tcp: &TcpStream) -> io::Result<()> {
    while conn.wants_write() {
        if conn.write_tls(&mut Socket(tcp))? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// A socket as rustls wants to see it.
pub(super) struct Socket<'a>(pub(super) &'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
