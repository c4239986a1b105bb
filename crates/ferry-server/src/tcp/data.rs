//! Data ports, and the connections to them, that the runtime hears of only when somebody has to
//! wait.
//!
//! A client connects as soon as it hears of the port and says only then what for, so that whoever
//! accepts finds its connection waiting; and a small file fits into the connection at once, so that
//! its client's end is all there is to wait for. Otherwise the runtime would be told of each port,
//! wake up for who comes to it while nobody waits, and be told to forget it.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use super::TcpLink;
use crate::net::{Link, Listener};

/// A socket of which the runtime hears when it has to.
#[derive(Debug)]
struct Lazy<S, T> {
    untold: Mutex<Option<S>>,
    told: OnceLock<T>,
}

impl<S, T> Lazy<S, T> {
    fn new(socket: S) -> Self {
        Self { untold: Mutex::new(Some(socket)), told: OnceLock::new() }
    }

    fn untold(&self) -> MutexGuard<'_, Option<S>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the runtime, if that has not been done.
    fn told(&self, tell: impl FnOnce(S) -> io::Result<T>) -> io::Result<&T> {
        if let Some(told) = self.told.get() {
            return Ok(told);
        }
        let mut untold = self.untold();
        match untold.take() {
            Some(socket) => {
                let told = tell(socket)?;
                Ok(self.told.get_or_init(|| told))
            }
            // By another thread meanwhile; or it failed before, and the socket is gone.
            None => self.told.get().ok_or_else(|| io::ErrorKind::NotConnected.into()),
        }
    }
}

/// A port for one data connection.
#[derive(Debug)]
pub(super) struct DataDoor {
    at: SocketAddr,
    socket: Lazy<std::net::TcpListener, TcpListener>,
}

impl DataDoor {
    /// `asked` is where it is, but for a port that the system chose.
    pub(super) fn new(socket: std::net::TcpListener, asked: SocketAddr) -> io::Result<Self> {
        let at = if asked.port() == 0 { socket.local_addr()? } else { asked };
        Ok(Self { at, socket: Lazy::new(socket) })
    }

    /// Who is there already; [`None`] where the runtime has to be asked.
    fn accept(&self) -> Option<io::Result<(Box<dyn Link>, SocketAddr)>> {
        let untold = self.socket.untold();
        match untold.as_ref()?.accept() {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
            accepted => Some(accepted.and_then(|(stream, peer)| {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                Ok((Box::new(DataLink::new(stream)) as Box<dyn Link>, peer))
            })),
        }
    }
}

impl Listener for DataDoor {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Box<dyn Link>, SocketAddr)>> {
        if let Some(accepted) = self.accept() {
            return Poll::Ready(accepted);
        }
        let told = self.socket.told(TcpListener::from_std)?;
        let (stream, peer) = ready!(told.poll_accept(cx))?;
        stream.set_nodelay(true)?;
        Poll::Ready(Ok((Box::new(TcpLink(stream)), peer)))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.at)
    }
}

/// A data connection.
#[derive(Debug)]
struct DataLink {
    socket: Lazy<std::net::TcpStream, TcpStream>,
    /// Somebody has waited. Until then the system itself is asked, even where the runtime has heard
    /// of the connection: it does not know yet what may be done.
    waited: AtomicBool,
}

impl DataLink {
    fn new(stream: std::net::TcpStream) -> Self {
        Self { socket: Lazy::new(stream), waited: AtomicBool::new(false) }
    }

    fn told(&self) -> io::Result<&TcpStream> {
        self.socket.told(TcpStream::from_std)
    }

    fn waiting(&self) -> io::Result<&TcpStream> {
        self.waited.store(true, Ordering::Relaxed);
        self.told()
    }

    /// What `ask` has to say of the socket, whoever has it.
    fn with<T>(&self, ask: impl FnOnce(SockRef<'_>) -> io::Result<T>) -> io::Result<T> {
        if let Some(told) = self.socket.told.get() {
            return ask(SockRef::from(told));
        }
        if let Some(untold) = self.socket.untold().as_ref() {
            return ask(SockRef::from(untold));
        }
        ask(SockRef::from(self.told()?))
    }

    /// What `ask` has to say as long as nobody has waited.
    fn past_runtime<T>(
        &self,
        ask: impl FnOnce(SockRef<'_>) -> rustix::io::Result<T>,
    ) -> Option<io::Result<T>> {
        let asked = !self.waited.load(Ordering::Relaxed);
        asked.then(|| self.with(|socket| Ok(ask(socket)?)))
    }
}

impl Link for DataLink {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waiting()?.poll_read_ready(cx)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self.past_runtime(|socket| recv(&*socket, &mut *buf, RecvFlags::empty())) {
            Some(done) => done.map(|(octets, _)| octets),
            None => self.told()?.try_read(buf),
        }
    }

    fn try_read_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.with(|socket| Ok(recv(&*socket, buf, RecvFlags::empty())?.0))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waiting()?.poll_write_ready(cx)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        match self.past_runtime(|socket| send(&*socket, buf, SendFlags::NOSIGNAL)) {
            Some(done) => done,
            None => self.told()?.try_write(buf),
        }
    }

    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut nothing = SendAncillaryBuffer::default();
        let now = |socket: SockRef<'_>| sendmsg(&*socket, bufs, &mut nothing, SendFlags::NOSIGNAL);
        match self.past_runtime(now) {
            Some(done) => done,
            None => self.told()?.try_write_vectored(bufs),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.with(|socket| socket.shutdown(Shutdown::Write))
    }

    fn set_abrupt(&self) {
        // Fails only where the connection is gone already.
        let _ = self.with(|socket| socket.set_linger(Some(Duration::ZERO)));
    }

    fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        let _ = self.with(|socket| Ok(rustix::net::sockopt::set_tcp_quickack(&*socket, true)?));
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.with(|socket| address(&socket.local_addr()?))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.with(|socket| address(&socket.peer_addr()?))
    }

    fn tcp(&self) -> Option<&TcpStream> {
        self.told().ok()
    }
}

fn address(of: &socket2::SockAddr) -> io::Result<SocketAddr> {
    of.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read as _, Write as _};
    use std::net::Ipv4Addr;

    use super::*;
    use crate::net::{Net as _, Purpose};
    use crate::tcp::Tcp;

    async fn pair() -> (Box<dyn Link>, std::net::TcpStream) {
        let door = Tcp::new().listen((Ipv4Addr::LOCALHOST, 0).into(), Purpose::Data).unwrap();
        let client = std::net::TcpStream::connect(door.local_addr().unwrap()).unwrap();
        (poll_fn(|cx| door.poll_accept(cx)).await.unwrap().0, client)
    }

    async fn read(link: &dyn Link) -> Vec<u8> {
        let mut buf = [0; 16];
        loop {
            match link.try_read(&mut buf) {
                Ok(octets) => return buf[..octets].to_vec(),
                Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
            }
            poll_fn(|cx| link.poll_readable(cx)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn it_moves_octets_before_the_runtime_has_heard_of_it_and_afterwards() {
        let (link, mut client) = pair().await;
        let mut got = [0; 5];
        for heard in [false, true] {
            assert_eq!(link.try_read(&mut got).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            assert_eq!(link.try_read_now(&mut got).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            if heard {
                poll_fn(|cx| link.poll_writable(cx)).await.unwrap();
            } else {
                assert!(link.tcp().is_some(), "the runtime has heard of it, and knows nothing yet");
            }
            assert_eq!(link.try_write(b"hello").unwrap(), 5);
            client.read_exact(&mut got).unwrap();
            assert_eq!(&got, b"hello");
            client.write_all(b"there").unwrap();
            assert_eq!(read(&*link).await, b"there");
            assert_eq!(link.peer_addr().unwrap(), client.local_addr().unwrap());
            assert_eq!(link.local_addr().unwrap(), client.peer_addr().unwrap());
        }
        link.shutdown_write().unwrap();
        assert_eq!(client.read(&mut got).unwrap(), 0);
        drop(client);
        assert_eq!(read(&*link).await, b"");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_waited_for() {
        let (link, mut client) = pair().await;
        let mut sent = 0;
        while let Ok(octets) = link.try_write(&[7; 65536]) {
            sent += octets;
        }
        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            client.read_to_end(&mut all).map(|_| all.len())
        });
        poll_fn(|cx| link.poll_writable(cx)).await.unwrap();
        sent += link.try_write(b"more").unwrap();
        link.shutdown_write().unwrap();
        assert_eq!(reading.join().unwrap().unwrap(), sent);
    }

    #[tokio::test]
    async fn an_abrupt_close_is_a_reset() {
        for heard in [false, true] {
            let (link, mut client) = pair().await;
            assert_eq!(heard, heard && link.tcp().is_some());
            link.set_abrupt();
            drop(link);
            let error = client.read(&mut [0; 1]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
    }
}
