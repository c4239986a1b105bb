//! What the tests of this crate share: loopback connections, a certificate, rustls clients that
//! block (run them by `spawn_blocking`), a storage sink and a link that moves when told to.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use ferry_storage::{BoxFut, FsError, Sink};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::{PrivatePkcs8KeyDer, ServerName};

use crate::net::{Link, Net, Purpose};
use crate::tcp::Tcp;
use crate::tls::{TlsSetup, write_at_once};
use crate::wire::Wire;

/// A server's end of a loopback connection, and the client's.
pub(crate) async fn pair() -> (Wire, TcpStream) {
    let door = Tcp::new().listen((Ipv4Addr::LOCALHOST, 0).into(), Purpose::Data).unwrap();
    let client = TcpStream::connect(door.local_addr().unwrap()).unwrap();
    let (link, _) = poll_fn(|cx| door.poll_accept(cx)).await.unwrap();
    (Wire::new(link), client)
}

/// A server's TLS with a fresh certificate for `localhost`, and what trusts it.
pub(crate) fn certified() -> (TlsSetup, RootCertStore) {
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".into(), "other".into()]).unwrap();
    let cert = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(cert.clone()).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    (TlsSetup::new(vec![cert], key.into()).unwrap(), roots)
}

/// A client that trusts the certificate and remembers sessions.
pub(crate) fn client_config(
    roots: RootCertStore,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A rustls client on a blocking socket.
pub(crate) struct Client {
    pub(crate) tls: ClientConnection,
    pub(crate) tcp: TcpStream,
}

impl Client {
    /// Shakes hands.
    pub(crate) fn connect(config: &Arc<ClientConfig>, tcp: TcpStream) -> io::Result<Self> {
        Self::connect_to("localhost", config, tcp)
    }

    /// Shakes hands under another server name.
    pub(crate) fn connect_to(
        name: &'static str,
        config: &Arc<ClientConfig>,
        mut tcp: TcpStream,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(name).unwrap();
        let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        while tls.wants_write() {
            tls.write_tls(&mut tcp)?;
        }
        Ok(Self { tls, tcp })
    }

    /// Sends all of it.
    pub(crate) fn send(&mut self, octets: &[u8]) {
        rustls::Stream::new(&mut self.tls, &mut self.tcp).write_all(octets).unwrap();
    }

    /// Reads to the end; an error if that came without close_notify.
    pub(crate) fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut got = Vec::new();
        rustls::Stream::new(&mut self.tls, &mut self.tcp).read_to_end(&mut got)?;
        Ok(got)
    }

    /// Sends close_notify, and nothing else: TCP stays open both ways.
    pub(crate) fn notify_close(&mut self) {
        self.tls.send_close_notify();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp).unwrap();
        }
    }
}

/// Runs `work`, which blocks, beside the test.
pub(crate) fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

/// Reads the rest and drops the socket.
pub(crate) fn read_plain(mut tcp: TcpStream) -> io::Result<Vec<u8>> {
    let mut got = Vec::new();
    tcp.read_to_end(&mut got)?;
    Ok(got)
}

/// Octets that do not repeat with any power of two, so that a misplaced chunk shows.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    let octet = |i: usize| ((i * 31) ^ (i / 251) ^ (i / 65_521)).to_le_bytes()[0];
    (0..len).map(octet).collect()
}

/// A sink in memory, which fails once it holds more than `room`.
pub(crate) struct Collected {
    pub(crate) octets: Vec<u8>,
    pub(crate) room: usize,
}

impl Default for Collected {
    fn default() -> Self {
        Self { octets: Vec::new(), room: usize::MAX }
    }
}

impl Sink for Collected {
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        if buf.len() > self.room - self.octets.len() {
            return Box::pin(async { (buf, Err(FsError::NoSpace)) });
        }
        self.octets.extend_from_slice(&buf);
        Box::pin(async { (buf, Ok(())) })
    }

    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(async { Ok(()) })
    }

    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        Box::pin(async { Ok(false) })
    }
}

/// What each attempt to write to a [`Stubborn`] link meets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attempt {
    /// No room.
    Full,
    /// Room for this many octets.
    Takes(usize),
}

/// A link that never reports itself ready and takes what its script says; then it is full.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stubborn {
    pub(crate) script: Arc<Mutex<VecDeque<Attempt>>>,
    pub(crate) taken: Arc<Mutex<Vec<u8>>>,
}

impl Link for Stubborn {
    fn poll_readable(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn try_read(&self, _buf: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn poll_writable(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        match self.script.lock().unwrap().pop_front() {
            Some(Attempt::Takes(n)) => {
                let n = n.min(buf.len());
                self.taken.lock().unwrap().extend_from_slice(&buf[..n]);
                Ok(n)
            }
            Some(Attempt::Full) | None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_abrupt(&self) {}

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A link to a real socket that, once told to [`begin`](Sluggish::begin), never reports room to
/// write and takes a thousand octets at every second attempt.
#[derive(Debug, Clone)]
pub(crate) struct Sluggish {
    inner: Arc<dyn Link>,
    begun: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
}

impl Sluggish {
    /// From now on.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }
}

/// A [`Sluggish`] server's end, and the client's.
pub(crate) async fn sluggish() -> (Sluggish, TcpStream) {
    let door = Tcp::new().listen((Ipv4Addr::LOCALHOST, 0).into(), Purpose::Data).unwrap();
    let client = TcpStream::connect(door.local_addr().unwrap()).unwrap();
    let (link, _) = poll_fn(|cx| door.poll_accept(cx)).await.unwrap();
    (Sluggish { inner: link.into(), begun: Arc::default(), full: Arc::default() }, client)
}

impl Link for Sluggish {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_readable(cx)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.try_read(buf)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.begun.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        self.inner.poll_writable(cx)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        if !self.begun.load(Ordering::Relaxed) {
            return self.inner.try_write(buf);
        }
        if self.full.fetch_xor(true, Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        write_at_once(&*self.inner, &buf[..buf.len().min(1000)])
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.inner.shutdown_write()
    }

    fn set_abrupt(&self) {
        self.inner.set_abrupt();
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}
