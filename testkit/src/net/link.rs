//! One end of a simulated connection, for the engine ([`Link`]) and for the test (async helpers).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use ferry_server::net::Link;
use tokio::time::{Instant, Sleep};

use super::conn::{Conn, LinePart, Ready, Side};

type Timer = Mutex<Option<Pin<Box<Sleep>>>>;

/// One end of a connection. Dropping it closes it.
#[derive(Debug)]
pub struct SimLink {
    conn: Arc<Mutex<Conn>>,
    side: Side,
    /// Whether this end's socket is an IPv6 one that carries IPv4 (RFC 4291 §2.5.5.2).
    mapped: bool,
    /// Wakes a waiting reader when the next segment arrives.
    arrival: Timer,
    /// Wakes a waiting writer when a reset arrives.
    breakage: Timer,
    /// A line that has arrived in part; kept here so that a read given up loses nothing.
    partial: Mutex<Vec<u8>>,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The peer finished sending (FIN).
    Finished,
    /// The peer broke the connection (RST).
    Reset,
}

impl SimLink {
    /// Both ends; `mapped` says that the accepting socket shows IPv4 addresses as IPv6 ones.
    pub(crate) fn pair(conn: Conn, mapped: bool) -> (Self, Self) {
        let conn = Arc::new(Mutex::new(conn));
        let near = Self::new(Arc::clone(&conn), Side::Dialler, false);
        (near, Self::new(conn, Side::Acceptor, mapped))
    }

    const fn new(conn: Arc<Mutex<Conn>>, side: Side, mapped: bool) -> Self {
        Self {
            conn,
            side,
            mapped,
            arrival: Mutex::new(None),
            breakage: Mutex::new(None),
            partial: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn downgrade(&self) -> std::sync::Weak<Mutex<Conn>> {
        Arc::downgrade(&self.conn)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Conn, Side, Instant) -> T) -> T {
        let now = Instant::now();
        f(&mut self.conn.lock().unwrap_or_else(PoisonError::into_inner), self.side, now)
    }

    /// This end's address.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.seen(self.with(|c, side, _| c.addr(side)))
    }

    /// The other end's address.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.seen(self.with(|c, side, _| c.addr(side.other())))
    }

    /// Sends all of `bytes`, in pieces as the seed says, waiting while the peer does not read.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.with(|c, side, now| c.write_cut(side, now, bytes)) {
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    std::future::poll_fn(|cx| self.poll_writable(cx)).await?;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Sends all of `bytes` in one segment.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn send_whole(&self, bytes: &[u8]) -> io::Result<()> {
        self.with(|c, side, now| c.write_whole(side, now, bytes))
    }

    /// The next line, without its line end; `None` when the stream ends before a line begins.
    ///
    /// # Errors
    /// The connection is broken, or the stream ends within a line.
    pub async fn recv_line(&self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let part = self.with(|c, side, now| c.read_line(side, now, &mut self.partial_line()));
            match part {
                Ok(LinePart::Whole) => {
                    let mut line = std::mem::take(&mut *self.partial_line());
                    line.pop();
                    if line.last() == Some(&b'\r') {
                        line.pop();
                    }
                    return Ok(Some(line));
                }
                Ok(LinePart::Begun) => {}
                Ok(LinePart::Over) => {
                    let left = std::mem::take(&mut *self.partial_line());
                    if left.is_empty() {
                        return Ok(None);
                    }
                    let what = format!(
                        "the stream ended within the line {:?}",
                        left.escape_ascii().to_string()
                    );
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    std::future::poll_fn(|cx| self.poll_readable(cx)).await?;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads what comes next; 0 is the end of the stream.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.try_read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    std::future::poll_fn(|cx| self.poll_readable(cx)).await?;
                }
                done => return done,
            }
        }
    }

    /// Everything up to the end, and how it ended.
    ///
    /// # Errors
    /// Only for what cannot happen to a simulated connection.
    pub async fn recv_to_end(&self) -> io::Result<(Vec<u8>, End)> {
        let mut all = Vec::new();
        let mut buf = vec![0; 4096];
        loop {
            match self.recv(&mut buf).await {
                Ok(0) => return Ok((all, End::Finished)),
                Ok(n) => all.extend_from_slice(buf.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => {
                    return Ok((all, End::Reset));
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Finishes sending (FIN); reading goes on.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn finish(&self) -> io::Result<()> {
        self.with(|c, side, now| c.finish(side, now))
    }

    /// Closes in an orderly way.
    pub fn close(self) {
        drop(self);
    }

    /// Breaks the connection (RST).
    pub fn reset(self) {
        self.set_abrupt();
    }

    const fn seen(&self, addr: SocketAddr) -> SocketAddr {
        match addr.ip() {
            IpAddr::V4(ip) if self.mapped => {
                SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), addr.port())
            }
            _ => addr,
        }
    }

    fn partial_line(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.partial.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        timer: &Timer,
        check: impl Fn(&mut Conn, Side, Instant, &mut Context<'_>) -> Ready,
    ) -> Poll<io::Result<()>> {
        let mut timer = timer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match self.with(|c, side, now| check(c, side, now, cx)) {
                Ready::Now => {
                    *timer = None;
                    return Poll::Ready(Ok(()));
                }
                Ready::Unknown => {
                    *timer = None;
                    return Poll::Pending;
                }
                Ready::At(at) => {
                    let sleep = timer.insert(Box::pin(tokio::time::sleep_until(at)));
                    if sleep.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl Link for SimLink {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, &self.arrival, |c, side, now, cx| {
            c.watch_reads(side, cx.waker());
            c.readable(side, now)
        })
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.with(|c, side, now| c.read(side, now, buf))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, &self.breakage, |c, side, now, cx| {
            c.watch_writes(side, cx.waker());
            c.writable(side, now)
        })
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.with(|c, side, now| c.write(side, now, buf))
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.finish()
    }

    fn set_abrupt(&self) {
        self.with(|c, side, _| c.set_abrupt(side));
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer())
    }
}

impl Drop for SimLink {
    fn drop(&mut self) {
        self.with(|c, side, now| c.close(side, now));
    }
}
