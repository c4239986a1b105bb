//! The network of the operating system: [`Net`] over TCP by tokio. How sockets are set up, and why,
//! is said here once.

mod data;

use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use self::data::DataDoor;
use crate::net::{BoxFut, Link, Listener, Net, Purpose};

/// Connections that may wait to be accepted where many come; the system cuts it to its own limit.
const LONG_BACKLOG: i32 = 4096;

/// Data connections that may wait: one is taken, a few strangers must not keep it out.
const DATA_BACKLOG: i32 = 4;

/// Silence after which a control connection is probed: routers that translate addresses forget a
/// connection that is quiet during a long transfer.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// TCP over IPv4 and IPv6.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Tcp;

impl Tcp {
    /// The network of this machine. Must be used within a tokio runtime.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Net for Tcp {
    fn listen(&self, at: SocketAddr, purpose: Purpose) -> io::Result<Box<dyn Listener>> {
        let socket = non_blocking(Domain::for_address(at))?;
        if at.is_ipv6() {
            // An IPv4 peer never shows up as an IPv6 address: there is a listener for each.
            socket.set_only_v6(true)?;
        }
        // A restart must not wait for the old connections' TIME_WAIT, and each download leaves its
        // passive port in it for a minute: a thousand ports would be used up by 17 files a second.
        socket.set_reuse_address(true)?;
        socket.bind(&at.into())?;
        socket.listen(match purpose {
            Purpose::Control | Purpose::SharedData => LONG_BACKLOG,
            Purpose::Data => DATA_BACKLOG,
        })?;
        Ok(match purpose {
            Purpose::Data => Box::new(DataDoor::new(socket.into(), at)?),
            Purpose::Control | Purpose::SharedData => {
                let inner = TcpListener::from_std(socket.into())?;
                Box::new(TcpDoor { inner, purpose })
            }
        })
    }

    fn connect(
        &self,
        from: Option<SocketAddr>,
        to: SocketAddr,
    ) -> BoxFut<'_, io::Result<Box<dyn Link>>> {
        Box::pin(async move {
            let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            if let Some(from) = from {
                if from.is_ipv4() != to.is_ipv4() {
                    return Err(io::Error::from(io::ErrorKind::InvalidInput));
                }
                // All active data connections share one port, and each leaves it in TIME_WAIT.
                socket.set_reuseaddr(true)?;
                socket.bind(from)?;
            }
            link(socket.connect(to).await?, Purpose::Data)
        })
    }

    fn resolve<'a>(&'a self, name: &'a str) -> BoxFut<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|at| at.ip()).collect())
        })
    }
}

/// A listening socket.
#[derive(Debug)]
struct TcpDoor {
    inner: TcpListener,
    purpose: Purpose,
}

impl Listener for TcpDoor {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Box<dyn Link>, SocketAddr)>> {
        self.inner
            .poll_accept(cx)
            .map(|accepted| accepted.and_then(|(s, peer)| Ok((link(s, self.purpose)?, peer))))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A socket that nobody waits for.
fn non_blocking(domain: Domain) -> io::Result<Socket> {
    let (kind, protocol) = (Type::STREAM, Some(Protocol::TCP));
    #[cfg(target_os = "linux")]
    {
        Socket::new(domain, kind.nonblocking(), protocol)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let socket = Socket::new(domain, kind, protocol)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Sets a new connection up for its purpose.
fn link(stream: TcpStream, purpose: Purpose) -> io::Result<Box<dyn Link>> {
    // Nagle's algorithm against delayed acknowledgements costs 40 ms for each small file.
    stream.set_nodelay(true)?;
    if purpose == Purpose::Control {
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_IDLE))?;
        // Clients send the last octet before ABOR as urgent data (RFC 959 §4.1.3); left out of
        // line it would be lost.
        socket.set_out_of_band_inline(true)?;
    }
    Ok(Box::new(TcpLink(stream)))
}

/// A TCP connection.
#[derive(Debug)]
struct TcpLink(TcpStream);

impl Link for TcpLink {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(cx)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        SockRef::from(&self.0).shutdown(Shutdown::Write)
    }

    fn set_abrupt(&self) {
        // Fails only where the connection is gone already.
        let _ = SockRef::from(&self.0).set_linger(Some(Duration::ZERO));
    }

    fn acknowledge(&self) {
        // A hint: where it fails, or the system has no such option, the peer only waits.
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.0, true);
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    fn tcp(&self) -> Option<&TcpStream> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn socket(link: &dyn Link) -> SockRef<'_> {
        SockRef::from(link.tcp().unwrap())
    }

    async fn accept(door: &dyn Listener) -> Box<dyn Link> {
        poll_fn(|cx| door.poll_accept(cx)).await.unwrap().0
    }

    #[test]
    fn a_link_is_no_larger_than_its_stream() {
        assert_eq!(size_of::<TcpLink>(), size_of::<TcpStream>());
        assert!(size_of::<TcpLink>() <= 40, "{}", size_of::<TcpLink>());
    }

    #[tokio::test]
    async fn control_connections_are_probed_and_take_urgent_data_in_line() {
        let door = Tcp::new().listen((Ipv4Addr::LOCALHOST, 0).into(), Purpose::Control).unwrap();
        let mut client = std::net::TcpStream::connect(door.local_addr().unwrap()).unwrap();
        let link = accept(&*door).await;
        assert!(socket(&*link).keepalive().unwrap());
        assert_eq!(socket(&*link).tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
        assert!(socket(&*link).tcp_nodelay().unwrap());

        client.write_all(b"AB").unwrap();
        SockRef::from(&client).send_out_of_band(b"O").unwrap();
        client.write_all(b"R").unwrap();
        drop(client);
        let mut got = Vec::new();
        let mut buf = [0; 16];
        loop {
            poll_fn(|cx| link.poll_readable(cx)).await.unwrap();
            match link.try_read(&mut buf) {
                Ok(0) => break,
                Ok(n) => got.extend_from_slice(&buf[..n]),
                Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert_eq!(got, b"ABOR");
    }

    #[tokio::test]
    async fn both_families_may_listen_on_one_port() {
        let net = Tcp::new();
        // Somebody else may have the port in the other family already; then another one will do.
        for _ in 0..50 {
            let Ok(six) = net.listen((Ipv6Addr::UNSPECIFIED, 0).into(), Purpose::Control) else {
                return; // a machine without IPv6
            };
            let port = six.local_addr().unwrap().port();
            if net.listen((Ipv4Addr::UNSPECIFIED, port).into(), Purpose::Control).is_ok() {
                return;
            }
        }
        panic!("no port that both families may listen on");
    }

    #[tokio::test]
    async fn a_data_port_lets_in_who_was_there_before_and_who_comes_later() {
        let door = Tcp::new().listen((Ipv4Addr::LOCALHOST, 0).into(), Purpose::Data).unwrap();
        let at = door.local_addr().unwrap();
        let early = std::net::TcpStream::connect(at).unwrap();
        assert_eq!(accept(&*door).await.peer_addr().unwrap(), early.local_addr().unwrap());

        for _ in 0..2 {
            let mut waiting = std::pin::pin!(accept(&*door));
            assert!(now(&mut waiting).await.is_none(), "nobody is there");
            let late = std::net::TcpStream::connect(at).unwrap();
            assert_eq!(waiting.await.peer_addr().unwrap(), late.local_addr().unwrap());
        }
    }

    /// What a future has to say now.
    async fn now<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        poll_fn(|cx| {
            Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn names_are_looked_up_by_the_system() {
        let net = Tcp::new();
        assert_eq!(net.resolve("192.0.2.7").await.unwrap(), [IpAddr::from([192, 0, 2, 7])]);
        assert!(net.resolve("no such name").await.is_err());
    }

    #[tokio::test]
    async fn connecting_uses_the_address_asked_for() {
        let net = Tcp::new();
        let door = net.listen((Ipv4Addr::LOCALHOST, 0).into(), Purpose::Data).unwrap();
        let to = door.local_addr().unwrap();
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let from = free.local_addr().unwrap();
        drop(free);
        let ours = net.connect(Some(from), to).await.unwrap();
        let (theirs, peer) = poll_fn(|cx| door.poll_accept(cx)).await.unwrap();
        assert_eq!((ours.local_addr().unwrap(), peer), (from, from));
        assert_eq!(theirs.local_addr().unwrap(), to);

        let other_family = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
        let refused = net.connect(Some(other_family), to).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn an_abrupt_close_is_a_reset() {
        let door = Tcp::new().listen((Ipv4Addr::LOCALHOST, 0).into(), Purpose::Data).unwrap();
        let mut client = std::net::TcpStream::connect(door.local_addr().unwrap()).unwrap();
        let link = accept(&*door).await;
        link.set_abrupt();
        drop(link);
        let error = client.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
