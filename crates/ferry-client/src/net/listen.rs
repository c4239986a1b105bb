//! Data connections that the server makes (PORT, EPRT).

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::error::{Error, ErrorKind, Result};

/// How many strangers are turned away before the wait is given up.
const STRANGERS_MAX: usize = 64;

/// A port of ours that one server may connect to, once.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    at: SocketAddr,
}

impl Listening {
    /// Listens on a port that the system chooses.
    pub(crate) fn bind(local: IpAddr) -> io::Result<Self> {
        let local = local.to_canonical();
        // A link-local address alone does not say on which link.
        let on = match local {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            ip => ip,
        };
        let listener = std::net::TcpListener::bind((on, 0))?;
        listener.set_nonblocking(true)?;
        let at = SocketAddr::new(local, listener.local_addr()?.port());
        Ok(Self { listener: TcpListener::from_std(listener)?, at })
    }

    /// Where.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.at
    }

    /// Waits for the server; connections from elsewhere are closed.
    pub(crate) async fn accept_from(&self, peer: IpAddr, wait: Duration) -> Result<TcpStream> {
        let accepting = async {
            for _ in 0..STRANGERS_MAX {
                let (stream, from) = self.listener.accept().await?;
                if from.ip().to_canonical() == peer.to_canonical() {
                    _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
            }
            Err(io::Error::other("only strangers connect"))
        };
        match tokio::time::timeout(wait, accepting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(e)) => {
                Err(Error::new(ErrorKind::Data, "no data connection came in").with_source(e))
            }
            Err(_) => Err(Error::new(ErrorKind::Data, "the server does not connect to us")),
        }
    }
}
