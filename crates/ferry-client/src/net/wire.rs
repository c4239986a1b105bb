//! One connection, plain or under TLS. Waiting and trying are apart, so that a wait can be dropped
//! without losing octets.

mod burst;
#[cfg(target_os = "linux")]
mod pipe;

use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read as _, Write as _};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConnection;
use tokio::net::TcpStream;

pub(crate) use burst::{Burst, Failed};

use super::tls::TlsFacts;

/// What rustls may hold encrypted but unsent: eight records, one system call.
const SEND_BUFFER_MAX: usize = 128 << 10;

/// Reads into buffers at least this long take many records with one system call.
const BULK_READ_MIN: usize = 64 << 10;

/// What one record can hold beside what a bulk read brings: it may have been read in part before.
const RECORD_MAX: usize = 18 << 10;

/// What reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// This many octets (0 only for an empty buffer).
    Bytes(usize),
    /// The peer has finished sending, and said so: FIN in the clear, close_notify under TLS.
    Eof,
    /// TLS ended without close_notify, or the connection was reset.
    Truncated,
}

/// A connection, plain or under TLS.
pub(crate) struct Wire {
    tcp: TcpStream,
    tls: Option<Box<Secured>>,
    /// What comes may go to files through pipes, as far as is known.
    takes_pipes: bool,
}

struct Secured {
    conn: ClientConnection,
    facts: TlsFacts,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("tcp", &self.tcp).field("tls", &self.tls.is_some()).finish()
    }
}

fn would_block(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::WouldBlock
}

impl Wire {
    /// A connection in the clear.
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self { tcp, tls: None, takes_pipes: true }
    }

    pub(super) fn secured(tcp: TcpStream, mut conn: ClientConnection, facts: TlsFacts) -> Self {
        conn.set_buffer_limit(Some(SEND_BUFFER_MAX));
        Self { tcp, tls: Some(Box::new(Secured { conn, facts })), takes_pipes: false }
    }

    /// What the handshake has brought about, under TLS.
    pub(crate) fn facts(&self) -> Option<&TlsFacts> {
        self.tls.as_ref().map(|tls| &tls.facts)
    }

    /// The certificate that the server has shown.
    pub(super) fn certificate(&self) -> Option<&rustls_pki_types::CertificateDer<'static>> {
        self.tls.as_ref()?.conn.peer_certificates()?.first()
    }

    /// The connection below.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// The connection below, of a wire in the clear.
    pub(super) fn into_tcp(self) -> Option<TcpStream> {
        self.tls.is_none().then_some(self.tcp)
    }

    /// Waits until [`try_read`](Self::try_read) is worth trying. It may still find nothing.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(tls) = &self.tls {
            if !tls.conn.wants_read() {
                return Poll::Ready(Ok(()));
            }
            if tls.conn.wants_write() && self.tcp.poll_write_ready(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
        }
        self.tcp.poll_read_ready(cx)
    }

    /// Waits until [`try_write`](Self::try_write) or [`try_flush`](Self::try_flush) is worth
    /// trying.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(cx)
    }

    /// Reads what is there; `WouldBlock` when nothing is.
    pub(crate) fn try_read(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        if buf.is_empty() {
            return Ok(Received::Bytes(0));
        }
        let result = match &mut self.tls {
            Some(tls) => tls.try_read(&self.tcp, buf, |tcp, into| tcp.try_read(into)),
            None => self.tcp.try_read(buf).map(|n| match n {
                0 => Received::Eof,
                n => Received::Bytes(n),
            }),
        };
        match result {
            Err(e) if is_reset(&e) => Ok(Received::Truncated),
            other => other,
        }
    }

    /// Waits for something and reads it.
    pub(crate) async fn read(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        loop {
            match self.try_read(buf) {
                Err(e) if would_block(&e) => poll_fn(|cx| self.poll_readable(cx)).await?,
                other => return other,
            }
        }
    }

    /// Takes as much of `buf` as can be sent or, under TLS, held. What is held goes out with later
    /// calls, at the latest with [`try_flush`](Self::try_flush).
    pub(crate) fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.tcp.try_write(buf);
        };
        tls.try_flush(&self.tcp)?;
        let accepted = tls.conn.writer().write(buf)?;
        match tls.try_flush(&self.tcp) {
            Err(e) if !would_block(&e) => Err(e),
            _ => Ok(accepted),
        }
    }

    /// Sends what is held; `WouldBlock` while some of it is left.
    pub(crate) fn try_flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.try_flush(&self.tcp),
            None => Ok(()),
        }
    }

    /// Sends all of `buf`.
    pub(crate) async fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        let mut rest = buf;
        while !rest.is_empty() {
            match self.try_write(rest) {
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(e) if would_block(&e) => poll_fn(|cx| self.poll_writable(cx)).await?,
                Err(e) => return Err(e),
            }
        }
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.try_flush() {
                Err(e) if would_block(&e) => poll_fn(|cx| self.poll_writable(cx)).await?,
                other => return other,
            }
        }
    }

    /// Says that everything was sent (close_notify, FIN), then reads to the peer's end for at most
    /// `wait`: its tickets are worth having, and an unread one would turn our close into a reset
    /// that takes the last octets with it. A peer that does not close is no error.
    pub(crate) async fn finish_write(&mut self, wait: Duration) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.conn.send_close_notify();
        }
        match tokio::time::timeout(wait, self.flush()).await {
            Ok(flushed) => flushed?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
        socket2::SockRef::from(&self.tcp).shutdown(std::net::Shutdown::Write)?;
        let drained = tokio::time::timeout(wait, async {
            let mut buf = vec![0; 4096];
            loop {
                match self.read(&mut buf).await? {
                    Received::Bytes(_) => {}
                    Received::Eof => return Ok(()),
                    Received::Truncated if self.tls.is_some() && !self.was_reset() => {
                        return Ok(());
                    }
                    Received::Truncated => return Err(io::ErrorKind::ConnectionReset.into()),
                }
            }
        });
        drained.await.unwrap_or(Ok(()))
    }

    /// Whether the connection below has failed, as opposed to ended.
    fn was_reset(&self) -> bool {
        let mut octet = [0];
        self.tcp.try_read(&mut octet).is_err()
    }

    /// Ends the connection so that the peer knows it was not finished: by a reset.
    pub(crate) fn reset(self) {
        let _unset = socket2::SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
    }
}

fn is_reset(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

impl Secured {
    fn try_read(
        &mut self,
        tcp: &TcpStream,
        buf: &mut [u8],
        receive: Receive,
    ) -> io::Result<Received> {
        loop {
            match self.conn.reader().read(buf) {
                Ok(0) => return Ok(Received::Eof),
                Ok(n) => return Ok(Received::Bytes(n)),
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(Received::Truncated);
                }
                Err(e) if would_block(&e) => {}
                Err(e) => return Err(e),
            }
            if buf.len() >= BULK_READ_MIN {
                let n = self.read_bulk(tcp, buf, receive)?;
                if n > 0 {
                    return Ok(Received::Bytes(n));
                }
            } else {
                self.conn.read_tls(&mut ReadBy(tcp, receive))?;
                self.process(tcp)?;
            }
        }
    }

    /// Reads up to half of `buf` in ciphertext with one system call, into its back, and leaves the
    /// payload at its front. 0: none in there, or the connection ended.
    fn read_bulk(
        &mut self,
        tcp: &TcpStream,
        buf: &mut [u8],
        receive: Receive,
    ) -> io::Result<usize> {
        let middle = buf.len() - (buf.len() - RECORD_MAX) / 2;
        let Some((front, back)) = buf.split_at_mut_checked(middle) else {
            return Ok(0);
        };
        let arrived = receive(tcp, back)?;
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
            let into = front.get_mut(filled..).unwrap_or_default();
            filled += match self.conn.reader().read(into) {
                Err(e) if would_block(&e) => 0,
                other => other?,
            };
        }
        Ok(filled)
    }

    /// Lets rustls work through what was read; sends its alert if it fails, and its key update.
    fn process(&mut self, tcp: &TcpStream) -> io::Result<()> {
        let result = self.conn.process_new_packets();
        if let Err(e) = self.try_flush(tcp)
            && !would_block(&e)
            && result.is_ok()
            // A peer that has closed may still have sent something to read.
            && !is_reset(&e)
        {
            return Err(e);
        }
        result.map(|_| ()).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    fn try_flush(&mut self, tcp: &TcpStream) -> io::Result<()> {
        while self.conn.wants_write() {
            if self.conn.write_tls(&mut TcpIo(tcp))? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

/// How ciphertext is taken from a connection: by way of the runtime, or past it.
type Receive = fn(&TcpStream, &mut [u8]) -> io::Result<usize>;

struct ReadBy<'a>(&'a TcpStream, Receive);

impl io::Read for ReadBy<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (self.1)(self.0, buf)
    }
}

/// A TCP connection as rustls wants to see it.
pub(super) struct TcpIo<'a>(pub(super) &'a TcpStream);

impl io::Read for TcpIo<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}

impl io::Write for TcpIo<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
