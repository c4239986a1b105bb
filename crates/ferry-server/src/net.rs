//! The network as the engine sees it: a few object-safe traits, so that the same sessions run over
//! TCP and over an in-memory network with a paused clock. No FTP here.

use std::fmt;
use std::future::{Future, ready};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A boxed future.
pub type BoxFut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One open byte stream. Readiness and transfer are apart (first wait without a buffer, then try
/// with a borrowed one), so that a silent peer costs no buffer.
///
/// Only one task waits on a link at a time.
pub trait Link: Send + Sync + fmt::Debug + 'static {
    /// Waits until [`try_read`](Self::try_read) is worth trying (octets, end or error).
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads what is there; 0 means the peer has finished sending.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is there yet; else the connection broke.
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// As [`try_read`](Self::try_read), past the runtime, which hears of what has come only when
    /// its own thread looks: for threads that wait by other means.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    fn try_read_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self.tcp() {
            Some(tcp) => Ok(rustix::net::recv(tcp, buf, rustix::net::RecvFlags::empty())?.0),
            None => self.try_read(buf),
        }
    }

    /// Waits until [`try_write`](Self::try_write) is worth trying.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Writes as much as fits now.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing fits; else the connection broke.
    fn try_write(&self, buf: &[u8]) -> io::Result<usize>;

    /// As [`try_write`](Self::try_write), out of several buffers.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        bufs.iter().find(|buf| !buf.is_empty()).map_or(Ok(0), |buf| self.try_write(buf))
    }

    /// Ends the sending direction (FIN); reading goes on.
    ///
    /// # Errors
    /// The connection is already broken.
    fn shutdown_write(&self) -> io::Result<()>;

    /// Makes the close that follows an abrupt one (RST): the peer must not take what it has for
    /// the whole.
    fn set_abrupt(&self);

    /// Acknowledges what has come at once instead of waiting to do it along with data of our own.
    /// A peer that holds back its last small segment until then (Nagle) would else wait 40 ms.
    fn acknowledge(&self) {}

    /// This end's address, as the peer knows it.
    ///
    /// # Errors
    /// The connection is already gone.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// This end's address on this machine: another one where a balancer lies in between.
    ///
    /// # Errors
    /// The connection is already gone.
    fn socket_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    /// The connection is already gone.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// The TCP stream underneath, where there is one: lets the engine use `sendfile`.
    fn tcp(&self) -> Option<&tokio::net::TcpStream> {
        None
    }
}

/// In the place of a link that is elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Away;

impl Away {
    fn error() -> io::Error {
        io::ErrorKind::NotConnected.into()
    }
}

impl Link for Away {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(Self::error()))
    }

    fn try_read(&self, _: &mut [u8]) -> io::Result<usize> {
        Err(Self::error())
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(Self::error()))
    }

    fn try_write(&self, _: &[u8]) -> io::Result<usize> {
        Err(Self::error())
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Err(Self::error())
    }

    fn set_abrupt(&self) {}

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(Self::error())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(Self::error())
    }
}

/// A listening socket.
pub trait Listener: Send + Sync + fmt::Debug + 'static {
    /// Waits for the next connection.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Box<dyn Link>, SocketAddr)>>;

    /// Where it listens.
    ///
    /// # Errors
    /// The socket is already gone.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// What a listening socket is for; sockets are set up accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Control connections: long backlog, keep-alive on what it accepts.
    Control,
    /// One passive data connection.
    Data,
    /// The passive data connections of all sessions: long backlog.
    SharedData,
}

/// A network: what can be listened on and connected to.
pub trait Net: Send + Sync + fmt::Debug + 'static {
    /// Binds and listens; when this returns, a peer can connect. Port 0 asks for any free port.
    ///
    /// # Errors
    /// The address cannot be bound.
    fn listen(&self, at: SocketAddr, purpose: Purpose) -> io::Result<Box<dyn Listener>>;

    /// Connects to `to`, from `from` if given (address and port; port 0 for any).
    fn connect(
        &self,
        from: Option<SocketAddr>,
        to: SocketAddr,
    ) -> BoxFut<'_, io::Result<Box<dyn Link>>>;

    /// The addresses that a name stands for.
    ///
    /// # Errors
    /// The name has none, or nobody can be asked; a network without names never can.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFut<'a, io::Result<Vec<IpAddr>>> {
        let text = format!("there are no names in this network, {name} neither");
        Box::pin(ready(Err(io::Error::new(io::ErrorKind::Unsupported, text))))
    }
}
