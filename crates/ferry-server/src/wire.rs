//! One connection as the session sees it: a [`Link`], plain or under TLS. Reading and writing are
//! split into waiting and trying, so that a silent peer costs no buffer; 24 octets when plain.
//!
//! No deadlines here: callers put a time-out around every wait. A read that is dropped loses
//! nothing. A write that is dropped may have sent a part; the connection is then only good for
//! closing.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::task::{Context, Poll};

use crate::net::{Away, Link};
use crate::tls::{
    self, Choose, Fingerprint, Leaving, Receive, SessionTls, TlsFacts, TlsFailure, TlsOffer,
    TlsStream,
};

/// What reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// This many octets (0 only for an empty buffer).
    Bytes(usize),
    /// The peer has finished sending, and said so.
    Eof,
    /// TCP ended under TLS without close_notify: what came before may not be the whole.
    Truncated,
}

/// A connection, plain or under TLS.
#[derive(Debug)]
pub(crate) struct Wire {
    link: Box<dyn Link>,
    tls: Option<Box<TlsStream>>,
}

impl Wire {
    /// A plain connection.
    pub(crate) fn new(link: Box<dyn Link>) -> Self {
        Self { link, tls: None }
    }

    /// Shakes hands as the TLS server. `early` was read from the connection before and is taken as
    /// the start of the handshake. When this fails the peer has been told why and the connection
    /// is only good for dropping.
    pub(crate) async fn accept_tls(
        &mut self,
        offer: TlsOffer,
        early: &[u8],
    ) -> Result<TlsFacts, TlsFailure> {
        let mut offer = Some(Box::new(offer));
        self.accept_tls_for(&mut |_| offer.take().map(|offer| *offer), early).await
    }

    /// As [`accept_tls`](Self::accept_tls), with what is chosen for the name that the client asks
    /// for (SNI).
    pub(crate) async fn accept_tls_for(
        &mut self,
        choose: &mut Choose<'_>,
        early: &[u8],
    ) -> Result<TlsFacts, TlsFailure> {
        let (stream, facts) = Box::pin(tls::accept(&*self.link, choose, early)).await?;
        self.tls = Some(stream);
        Ok(facts)
    }

    /// Shakes hands as the TLS client of the server at `to`. When this fails the connection is only
    /// good for dropping.
    pub(crate) async fn connect_tls(
        &mut self,
        tls: &SessionTls,
        to: IpAddr,
    ) -> Result<Option<Fingerprint>, TlsFailure> {
        let (stream, shown) = Box::pin(tls::connect(&*self.link, tls.as_client(), to)).await?;
        self.tls = Some(stream);
        Ok(shown)
    }

    /// Ends TLS without ending the connection: close_notify goes out, and everything written after
    /// it goes in the clear. What the peer still sends under TLS is read as before, and then what
    /// it sends in the clear; see [`tls::Leaving`].
    pub(crate) async fn stop_tls(&mut self) -> io::Result<()> {
        self.notify_close();
        self.flush().await?;
        if let Some(tls) = &mut self.tls {
            tls.leave();
        }
        Ok(())
    }

    /// TLS as far as writing goes: not while it is ending.
    fn writing(&mut self) -> Option<&mut TlsStream> {
        self.tls.as_deref_mut().filter(|tls| !tls.is_leaving())
    }

    /// Waits until [`try_read`](Self::try_read) is worth trying. It may still find nothing.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.tls {
            None => self.link.poll_readable(cx),
            Some(tls) => tls.poll_readable(&*self.link, cx),
        }
    }

    /// Reads what is there; `WouldBlock` when nothing is.
    pub(crate) fn try_read(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        self.read_by(buf, Link::try_read)
    }

    /// The same by [`Link::try_read_now`].
    pub(crate) fn try_read_now(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        self.read_by(buf, Link::try_read_now)
    }

    fn read_by(&mut self, buf: &mut [u8], receive: Receive) -> io::Result<Received> {
        match &mut self.tls {
            Some(tls) if tls.is_leaving() => self.try_leave(buf),
            Some(tls) => tls.try_read(&*self.link, buf, receive),
            None => Ok(match receive(&*self.link, buf)? {
                0 if !buf.is_empty() => Received::Eof,
                n => Received::Bytes(n),
            }),
        }
    }

    /// Gives the connection to another thread, which will put it back.
    pub(crate) fn lend(&mut self) -> Self {
        std::mem::replace(self, Self::new(Box::new(Away)))
    }

    fn try_leave(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        let Some(tls) = &mut self.tls else {
            return self.try_read(buf);
        };
        let leaving = tls.try_leave(&*self.link, buf)?;
        if let Leaving::Payload(n) = leaving {
            return Ok(Received::Bytes(n));
        }
        self.tls = None;
        match (leaving, buf.first_mut()) {
            (Leaving::Plain(octet), Some(first)) => {
                *first = octet;
                Ok(Received::Bytes(1))
            }
            _ => self.try_read(buf),
        }
    }

    /// Waits for something and reads it.
    pub(crate) async fn read(&mut self, buf: &mut [u8]) -> io::Result<Received> {
        loop {
            match self.try_read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.poll_readable(cx)).await?;
                }
                other => return other,
            }
        }
    }

    /// Waits until [`try_write`](Self::try_write) or [`try_flush`](Self::try_flush) is worth
    /// trying.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.link.poll_writable(cx)).await
    }

    /// Writes as much as fits; `WouldBlock` when nothing does. Under TLS what is accepted may wait
    /// in memory (bounded) until the next write or flush. `at_once` asks the system even where it
    /// has not reported the connection writable, see [`tls::write_at_once`].
    pub(crate) fn try_write(&mut self, buf: &[u8], at_once: bool) -> io::Result<usize> {
        match self.tls.as_deref_mut().filter(|tls| !tls.is_leaving()) {
            Some(tls) => tls.try_write(&*self.link, buf, at_once),
            None if at_once => tls::write_at_once(&*self.link, buf),
            None => self.link.try_write(buf),
        }
    }

    /// Sends what waits in memory; `WouldBlock` while some of it is left (some may have gone).
    pub(crate) fn try_flush(&mut self, at_once: bool) -> io::Result<()> {
        match self.tls.as_deref_mut().filter(|tls| !tls.is_leaving()) {
            Some(tls) => tls.try_flush(&*self.link, at_once),
            None => Ok(()),
        }
    }

    /// Octets of TLS records sent so far, to see whether writes that block move anything.
    pub(crate) fn sent_under_tls(&self) -> u64 {
        self.tls.as_ref().map_or(0, |tls| tls.sent())
    }

    /// Writes all of `buf` and sends it; one system call where the peer keeps up.
    pub(crate) async fn write_all(&mut self, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match self.try_write(buf, false) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => buf = buf.get(n..).unwrap_or_default(),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable().await?,
                Err(e) => return Err(e),
            }
        }
        self.flush().await
    }

    /// Ends our direction: close_notify under TLS, then FIN. Reading goes on.
    pub(crate) async fn close_write(&mut self) -> io::Result<()> {
        self.notify_close();
        self.flush().await?;
        self.end_write()
    }

    /// The first step of [`close_write`](Self::close_write): queues close_notify under TLS, to go
    /// out with the next flush.
    pub(crate) fn notify_close(&mut self) {
        if let Some(tls) = self.writing() {
            tls.notify_close();
        }
    }

    /// The last step of [`close_write`](Self::close_write): FIN.
    pub(crate) fn end_write(&self) -> io::Result<()> {
        self.link.shutdown_write()
    }

    /// Gives the connection up: it ends with a reset, so that the peer does not take what it has
    /// for the whole.
    pub(crate) fn abort(self) {
        self.link.set_abrupt();
    }

    /// See [`Link::acknowledge`].
    pub(crate) fn acknowledge(&self) {
        self.link.acknowledge();
    }

    /// This end's address, as the peer knows it.
    pub(crate) fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.link.local_addr()
    }

    /// See [`Link::socket_addr`].
    pub(crate) fn socket_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.link.socket_addr()
    }

    /// The TCP stream below, if there is one.
    pub(crate) fn tcp(&self) -> Option<&tokio::net::TcpStream> {
        self.link.tcp()
    }

    /// The TCP stream, where nothing lies between it and the payload.
    pub(crate) fn plain_tcp(&self) -> Option<&tokio::net::TcpStream> {
        if self.tls.is_some() { None } else { self.link.tcp() }
    }

    /// Whether TLS is on.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    async fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.try_flush(false) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable().await?,
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests;
