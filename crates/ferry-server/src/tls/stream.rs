//! TLS after the handshake: octets between a [`Link`] and rustls, never waiting.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::task::{Context, Poll};

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use rustls::Connection;

use super::records::Records;
use crate::net::Link;
use crate::wire::Received;

/// What rustls may hold encrypted but unsent: eight records, one `writev`.
const SEND_BUFFER_MAX: usize = 128 << 10;

/// Reads into buffers at least this long take many records with one system call.
const BULK_READ_MIN: usize = 64 << 10;

/// What one record can hold beside what a bulk read brings: it may have been read in part before.
const RECORD_MAX: usize = 18 << 10;

/// This end of an established TLS connection.
pub(crate) struct TlsStream {
    pub(super) conn: Connection,
    notified: bool,
    pub(super) leaving: bool,
    /// Where in the peer's records reading is.
    pub(super) records: Records,
    sent: u64,
}

impl TlsStream {
    /// Takes over a connection whose handshake is complete.
    /// `records` has followed what was read from its peer so far.
    pub(super) fn new(mut conn: Connection, records: Records) -> Box<Self> {
        conn.set_buffer_limit(Some(SEND_BUFFER_MAX));
        Box::new(Self { conn, notified: false, leaving: false, records, sent: 0 })
    }

    /// Reads payload, as far as it is there; ciphertext comes by `receive`.
    pub(crate) fn try_read(
        &mut self,
        link: &dyn Link,
        buf: &mut [u8],
        receive: Receive,
    ) -> io::Result<Received> {
        if buf.is_empty() {
            return Ok(Received::Bytes(0));
        }
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
                let n = self.read_bulk(link, buf, receive)?;
                if n > 0 {
                    return Ok(Received::Bytes(n));
                }
            } else {
                let records = &mut self.records;
                let read = self.conn.read_tls(&mut Followed { link, records, receive });
                if let Err(e) = read {
                    return Err(self.blocked(link, e));
                }
                self.process(link)?;
            }
        }
    }

    /// Encrypts as much of `buf` as fits and sends as much of that as can be sent. Octets accepted
    /// here go out with later calls, at the latest with [`try_flush`](Self::try_flush).
    pub(crate) fn try_write(
        &mut self,
        link: &dyn Link,
        buf: &[u8],
        at_once: bool,
    ) -> io::Result<usize> {
        self.try_flush(link, at_once)?;
        let accepted = self.conn.writer().write(buf)?;
        match self.try_flush(link, at_once) {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => Err(e),
            _ => Ok(accepted),
        }
    }

    /// Sends what is encrypted; `WouldBlock` while some of it is left (some may have gone).
    pub(crate) fn try_flush(&mut self, link: &dyn Link, at_once: bool) -> io::Result<()> {
        while self.conn.wants_write() {
            match self.conn.write_tls(&mut LinkIo { link, at_once })? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => self.sent = self.sent.saturating_add(n.try_into().unwrap_or(u64::MAX)),
            }
        }
        Ok(())
    }

    /// Queues close_notify, once.
    pub(crate) fn notify_close(&mut self) {
        self.conn.send_close_notify();
        self.notified = true;
    }

    /// Waits until [`try_read`](Self::try_read) is worth trying: payload or an end is there,
    /// octets arrived, or an answer of TLS itself (a key update) can be sent.
    pub(crate) fn poll_readable(
        &self,
        link: &dyn Link,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.conn.wants_read() {
            return Poll::Ready(Ok(()));
        }
        if self.leaving {
            return link.poll_readable(cx);
        }
        if self.conn.wants_write() && link.poll_writable(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        link.poll_readable(cx)
    }

    /// Octets of records sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Reads up to half of `buf` in ciphertext with one system call, into its back, and leaves the
    /// payload at its front. 0: none in there, or the connection ended.
    fn read_bulk(
        &mut self,
        link: &dyn Link,
        buf: &mut [u8],
        receive: Receive,
    ) -> io::Result<usize> {
        let middle = buf.len() - (buf.len() - RECORD_MAX) / 2;
        let Some((front, back)) = buf.split_at_mut_checked(middle) else {
            return Ok(0);
        };
        let arrived = match receive(link, back) {
            Ok(n) => n,
            Err(e) => return Err(self.blocked(link, e)),
        };
        self.records.pass(back.get(..arrived).unwrap_or_default());
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
            self.process(link)?;
            filled += self.take(front.get_mut(filled..).unwrap_or_default())?;
        }
        Ok(filled)
    }

    /// Takes payload that is already decrypted.
    fn take(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.conn.reader().read(buf) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }

    /// Lets rustls work through what was read; sends its alert if it fails, and its key update.
    fn process(&mut self, link: &dyn Link) -> io::Result<()> {
        let result = self.conn.process_new_packets();
        if result.is_ok() && !self.notified {
            // rustls keeps its answer to a key update until something is written.
            let _nothing = self.conn.writer().write(&[])?;
        }
        if let Err(e) = self.try_flush(link, false)
            && e.kind() != io::ErrorKind::WouldBlock
            && result.is_ok()
        {
            return Err(e);
        }
        result.map(|_| ()).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    /// Nothing to read: the time to send what TLS itself still has to say.
    fn blocked(&mut self, link: &dyn Link, read: io::Error) -> io::Error {
        match self.try_flush(link, false) {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => e,
            _ => read,
        }
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("notified", &self.notified).finish_non_exhaustive()
    }
}

/// How ciphertext is taken from a link.
pub(crate) type Receive = fn(&dyn Link, &mut [u8]) -> io::Result<usize>;

/// A link that is read while its records are followed.
pub(super) struct Followed<'a> {
    pub(super) link: &'a dyn Link,
    pub(super) records: &'a mut Records,
    pub(super) receive: Receive,
}

impl Read for Followed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = (self.receive)(self.link, buf)?;
        self.records.pass(buf.get(..n).unwrap_or_default());
        Ok(n)
    }
}

/// A link as rustls wants to see it.
pub(super) struct LinkIo<'a> {
    pub(super) link: &'a dyn Link,
    /// See [`write_at_once`].
    pub(super) at_once: bool,
}

impl Write for LinkIo<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.at_once { write_at_once(self.link, buf) } else { self.link.try_write(buf) }
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let tcp = if self.at_once { self.link.tcp() } else { None };
        match tcp {
            Some(tcp) => {
                let mut nothing = SendAncillaryBuffer::default();
                Ok(sendmsg(tcp, bufs, &mut nothing, SendFlags::NOSIGNAL)?)
            }
            None => self.link.try_write_vectored(bufs),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes without asking whether the link is ready: the system calls a socket writable only when
/// a third of its buffer is free, and with a slow peer and a large buffer that can take longer
/// than any sensible time-out although octets flow all the time.
pub(crate) fn write_at_once(link: &dyn Link, buf: &[u8]) -> io::Result<usize> {
    match link.tcp() {
        Some(tcp) => Ok(rustix::net::send(tcp, buf, SendFlags::NOSIGNAL)?),
        None => link.try_write(buf),
    }
}
