//! One connection, in the clear or under TLS. Waiting and trying are apart: what waits moves
//! nothing, what moves never waits, so a future that is dropped loses nothing.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::handshake;
use super::tls::{Purpose, Tls, TlsFacts};
use super::tls_stream::TlsStream;
use crate::error::Result;

/// What [`finish_write`](Wire::finish_write) reads and drops at a time.
const DROP_LEN: usize = 4 << 10;

/// What reading brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// This many octets; 0 only for an empty buffer.
    Bytes(usize),
    /// The peer said that this was all: FIN in the clear, close_notify under TLS.
    Eof,
    /// The connection ended without saying so: TLS without close_notify (RFC 8446 §6.1), or a
    /// reset. What came before may not be all.
    Truncated,
}

/// One connection.
pub(crate) struct Wire {
    tcp: TcpStream,
    tls: Option<Box<TlsStream>>,
}

impl Wire {
    /// In the clear.
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self { tcp, tls: None }
    }

    /// Shakes hands as TLS client, whoever made the TCP connection (RFC 4217 §7), for at most
    /// `patience` in all. Nothing read from the peer in the clear may still be waiting to be
    /// looked at: whoever is in between could have sent it.
    ///
    /// For [`ErrorKind::Certificate`](crate::ErrorKind) see [`Tls::ask`].
    ///
    /// # Errors
    /// [`ErrorKind`](crate::ErrorKind) `Certificate`, `Tls`, `Closed` or `Timeout`. The connection
    /// is gone, and the peer has been told why.
    pub(crate) async fn secure(
        self,
        tls: &Tls,
        purpose: Purpose,
        patience: Duration,
    ) -> Result<Self> {
        let stream = handshake::run(&self.tcp, tls, purpose, patience).await?;
        Ok(Self { tcp: self.tcp, tls: Some(stream) })
    }

    /// What the handshake came to.
    pub(crate) fn facts(&self) -> Option<&TlsFacts> {
        self.tls.as_deref().map(TlsStream::facts)
    }

    /// The connection below.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Whether it is under TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Waits until [`try_read`](Self::try_read) is worth trying; that may find nothing all the
    /// same.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.tls {
            Some(tls) => tls.poll_readable(&self.tcp, cx),
            None => self.tcp.poll_read_ready(cx),
        }
    }

    /// Reads what is there. Under TLS a buffer of 64 KiB or more takes many records with one
    /// system call.
    ///
    /// # Errors
    /// `WouldBlock`, or what ended the connection; a reset is [`Received::Truncated`].
    pub(crate) fn try_read(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        if buf.is_empty() {
            return Ok(Received::Bytes(0));
        }
        let read = match &mut self.tls {
            Some(tls) => tls.try_read(&self.tcp, buf),
            None => self.tcp.try_read(buf).map(|n| match n {
                0 => Received::Eof,
                n => Received::Bytes(n),
            }),
        };
        match read {
            Err(e) if is_cut(&e) => Ok(Received::Truncated),
            read => read,
        }
    }

    /// Reads as soon as something is there. Loses nothing when dropped. No deadline: the caller
    /// sets one.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read), but never `WouldBlock`.
    pub(crate) async fn read(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        loop {
            match self.try_read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            poll_fn(|cx| self.poll_readable(cx)).await?;
        }
    }

    /// Waits until [`try_write`](Self::try_write) or [`try_flush`](Self::try_flush) is worth
    /// trying.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(cx)
    }

    /// Takes as much of `buf` as fits: that much is on its way or, under TLS, goes out with later
    /// calls, at the latest with [`try_flush`](Self::try_flush).
    ///
    /// # Errors
    /// `WouldBlock`, then nothing was taken; or what ended the connection.
    pub(crate) fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => tls.try_write(&self.tcp, buf),
            None => self.tcp.try_write(buf),
        }
    }

    /// Sends TLS records that are still queued.
    ///
    /// # Errors
    /// `WouldBlock` while some are left (others may have gone), or what ended the connection.
    pub(crate) fn try_flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.try_flush(&self.tcp),
            None => Ok(()),
        }
    }

    /// Writes all of `buf` and flushes. When dropped, how much went is not known. No deadline: the
    /// caller sets one.
    ///
    /// # Errors
    /// What ended the connection.
    pub(crate) async fn write_all(&mut self, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match self.try_write(buf) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => buf = buf.get(n..).unwrap_or_default(),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.poll_writable(cx)).await?;
                }
                Err(e) => return Err(e),
            }
        }
        self.flush().await
    }

    /// Ends our direction: what is queued, close_notify, FIN. Then reads and drops until the peer
    /// ends, too, or `patience` is over: what it sent unasked (tickets of TLS 1.3) would otherwise
    /// make our system reset the connection, and the end of an upload be lost with it.
    ///
    /// # Errors
    /// What is queued could not be sent: the connection failed, or it took longer than `patience`.
    /// How the peer ends, or whether, is not an error.
    pub(crate) async fn finish_write(&mut self, patience: Duration) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.notify_close();
        }
        timeout(patience, self.flush()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        match SockRef::from(&self.tcp).shutdown(Shutdown::Write) {
            // The peer was faster, and its system cut the connection: it has what it wanted, or
            // its reply will say that it has not.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => return Ok(()),
            ended => ended?,
        }
        let until = Instant::now() + patience;
        let mut dropped = vec![0; DROP_LEN];
        while let Ok(Ok(Received::Bytes(_))) = timeout_at(until, self.read(&mut dropped)).await {}
        Ok(())
    }

    /// Says close_notify if that can be done at once; for a connection that nothing more is
    /// expected of.
    pub(crate) fn say_goodbye(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.notify_close();
            let _ = tls.try_flush(&self.tcp);
        }
    }

    /// Control: takes in what TLS itself has sent meanwhile (tickets), as far as it has arrived.
    /// Payload that came along stays to be read; so does every failure.
    pub(crate) fn drain_tickets(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.drain(&self.tcp);
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.try_flush() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.poll_writable(cx)).await?;
                }
                done => return done,
            }
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("tcp", &self.tcp).field("tls", &self.facts()).finish()
    }
}

/// Whether the peer, or someone on the way, cut the connection.
fn is_cut(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}
