//! Reading the header of the PROXY protocol from a connection that must begin with one, and not an
//! octet more. Who must is said here, too; what a header means is in `ferry_proto::proxy`.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use ferry_proto::addr::canonical_ip;
use ferry_proto::proxy::{self, Header, Progress, ProxyError};
use ferry_proto::server::canonical;
use tokio::time::timeout;

use crate::net::Link;
use crate::options::Options;

/// How long a balancer may take over its header, which it sends before anything else.
const HEADER_MAX: Duration = Duration::from_secs(5);

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client.
    pub(crate) source: SocketAddr,
    /// Where it connected to, if a balancer said so.
    pub(crate) destination: Option<SocketAddr>,
}

impl Origin {
    /// That of a connection without a header.
    pub(crate) fn direct(peer: SocketAddr) -> Self {
        Self { source: peer, destination: None }
    }

    /// The link as the client knows it: its addresses are those of the header, if there was one.
    pub(crate) fn told_by(self, link: Box<dyn Link>) -> Box<dyn Link> {
        match self.destination {
            Some(local) => Box::new(Relayed { link, local, peer: self.source }),
            None => link,
        }
    }
}

/// A link through a balancer. Sessions without one pay nothing for it.
#[derive(Debug)]
struct Relayed {
    link: Box<dyn Link>,
    local: SocketAddr,
    peer: SocketAddr,
}

impl Link for Relayed {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_readable(cx)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.link.try_read(buf)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_writable(cx)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.link.try_write(buf)
    }

    fn try_write_vectored(&self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.link.try_write_vectored(bufs)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.link.shutdown_write()
    }

    fn set_abrupt(&self) {
        self.link.set_abrupt();
    }

    fn acknowledge(&self) {
        self.link.acknowledge();
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn socket_addr(&self) -> io::Result<SocketAddr> {
        self.link.socket_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }

    fn tcp(&self) -> Option<&tokio::net::TcpStream> {
        self.link.tcp()
    }
}

/// Why there is no header.
#[derive(Debug)]
pub(crate) enum NoHeader {
    /// The connection ended before its first octet, as when a balancer looks whether anyone is
    /// there: nothing worth a line in a log.
    Nothing,
    /// It broke, or ended too early.
    Broken,
    /// It did not come in time.
    Late,
    /// Something else came.
    Wrong(ProxyError),
}

impl fmt::Display for NoHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why())
    }
}

impl NoHeader {
    /// For a person.
    pub(crate) fn why(&self) -> &'static str {
        match self {
            Self::Nothing => "a trusted proxy connected and said nothing",
            Self::Broken => "a trusted proxy broke off its PROXY header",
            Self::Late => "a trusted proxy sent no PROXY header in time",
            Self::Wrong(ProxyError::NotProxy) => "a trusted proxy sent no PROXY header",
            Self::Wrong(_) => "a trusted proxy sent a PROXY header that cannot be read",
        }
    }
}

/// Whether connections from there begin with a header. Nobody else's header is ever believed: it
/// is then what a client says, and no command.
pub(crate) fn is_proxy(options: &Options, peer: SocketAddr) -> bool {
    let ip = canonical_ip(peer.ip());
    options.proxies.iter().any(|network| network.contains(ip))
}

/// Reads the header that a connection from `peer`, a trusted proxy, must begin with.
pub(crate) async fn origin(link: &dyn Link, peer: SocketAddr) -> Result<Origin, NoHeader> {
    match timeout(HEADER_MAX, header(link)).await {
        Ok(Ok(Header::Proxied { source, destination })) => {
            Ok(Origin { source: canonical(source), destination: Some(canonical(destination)) })
        }
        // Its own connection, or one it knows nothing of: the socket's addresses count.
        Ok(Ok(_)) => Ok(Origin::direct(peer)),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(NoHeader::Late),
    }
}

async fn header(link: &dyn Link) -> Result<Header, NoHeader> {
    let mut came = Vec::new();
    loop {
        let more = match proxy::read(&came) {
            Ok(Progress::Wants(more)) => more,
            Ok(Progress::Whole(header)) => return Ok(header),
            Ok(_) => return Err(NoHeader::Broken),
            Err(wrong) => return Err(NoHeader::Wrong(wrong)),
        };
        let at = came.len();
        came.resize(at + more, 0);
        let got = loop {
            match link.try_read(came.get_mut(at..).unwrap_or_default()) {
                Ok(0) if at == 0 => return Err(NoHeader::Nothing),
                Ok(0) => return Err(NoHeader::Broken),
                Ok(n) => break n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let ready = poll_fn(|cx| link.poll_readable(cx)).await;
                    ready.map_err(|_| NoHeader::Broken)?;
                }
                Err(_) if at == 0 => return Err(NoHeader::Nothing),
                Err(_) => return Err(NoHeader::Broken),
            }
        };
        came.truncate(at + got);
    }
}
