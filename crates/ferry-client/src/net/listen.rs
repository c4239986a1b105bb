//! Active mode: a socket that the server connects to. Who connects is looked at before anything
//! else; strangers are dropped.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::connect::{tune, words};
use crate::error::{Error, ErrorKind, Result};

/// A socket that waits for one data connection.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Listening {
    /// Listens at the control connection's own address, on a port of the system's choice.
    ///
    /// # Errors
    /// No such address of ours, or no sockets left.
    pub(crate) fn bind(local: IpAddr) -> io::Result<Self> {
        let local = local.to_canonical();
        // A link-local address alone does not say on which link.
        let at = match local {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            ip => ip,
        };
        let listener = std::net::TcpListener::bind((at, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let addr = SocketAddr::new(local, listener.local_addr()?.port());
        Ok(Self { listener, addr })
    }

    /// What to tell the server.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits for a connection from `peer`; others are dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Data`]: nobody came in time, or the system failed.
    pub(crate) async fn accept_from(&self, peer: IpAddr, patience: Duration) -> Result<TcpStream> {
        let accept = async {
            loop {
                match self.listener.accept().await {
                    Ok((tcp, from)) if from.ip().to_canonical() == peer.to_canonical() => {
                        return Ok(tcp);
                    }
                    Ok(_stranger) => {}
                    // It came and went again.
                    Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(e) => return Err(e),
                }
            }
        };
        let tcp = timeout(patience, accept)
            .await
            .map_err(|_elapsed| {
                let secs = patience.as_secs_f32();
                let what = format!("the server made no data connection to us within {secs} s");
                Error::new(ErrorKind::Data, what)
            })?
            .map_err(|e| {
                let what = format!("no data connection can be taken: {}", words(&e));
                Error::new(ErrorKind::Data, what).with_source(e)
            })?;
        tune(&tcp);
        Ok(tcp)
    }
}
