//! The scripted server's data connections: where the client will be met, and the connection itself.
//! Futures made here borrow nothing of the control connection, so that it can be heard meanwhile.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::act::Ear;
use super::wire::Wire;

/// How long the connections that fill a deaf port's queue are waited for.
const FILL: Duration = Duration::from_millis(50);

/// Where data goes.
#[derive(Debug, Default)]
pub(crate) struct Data {
    listener: Option<TcpListener>,
    /// The port a client is told.
    pub(crate) port: u16,
    /// What fills the queue of a deaf port.
    fill: Vec<TcpStream>,
    /// What keeps the number of a port that refuses.
    bound: Option<TcpSocket>,
    target: Option<SocketAddr>,
    wire: Option<Wire>,
}

impl Data {
    /// Forgets what was and opens a passive port.
    pub(crate) async fn listen(&mut self, ear: Ear) -> io::Result<()> {
        *self = Self::default();
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        if ear == Ear::Refusing {
            // Bound and not listening: nobody else gets the port, and a SYN is answered by RST.
            self.port = socket.local_addr()?.port();
            self.bound = Some(socket);
            return Ok(());
        }
        let listener = socket.listen(if ear == Ear::Deaf { 0 } else { 16 })?;
        let addr = listener.local_addr()?;
        self.port = addr.port();
        self.listener = Some(listener);
        if ear == Ear::Deaf {
            // With its queue full, the kernel drops what else knocks.
            while let Ok(one) = tokio::time::timeout(FILL, TcpStream::connect(addr)).await {
                self.fill.push(one?);
            }
        }
        Ok(())
    }

    /// Forgets what was and will connect to there.
    pub(crate) fn call(&mut self, target: SocketAddr) {
        *self = Self { target: Some(target), ..Self::default() };
    }

    /// Makes the TCP connection unless there is one.
    pub(crate) async fn tcp(&mut self) -> io::Result<()> {
        if self.wire.is_some() {
            return Ok(());
        }
        let tcp = match (&self.listener, self.target) {
            (Some(listener), _) => listener.accept().await?.0,
            (None, Some(target)) => TcpStream::connect(target).await?,
            (None, None) => return Err(io::Error::other("no data connection was prepared")),
        };
        self.listener = None;
        self.wire = Some(Wire::new(tcp));
        Ok(())
    }

    /// Shakes hands on it; whether a session was resumed.
    pub(crate) async fn tls(&mut self, config: Arc<ServerConfig>) -> io::Result<bool> {
        self.wire()?.accept_tls(config).await
    }

    pub(crate) fn wire(&mut self) -> io::Result<&mut Wire> {
        self.wire.as_mut().ok_or_else(|| io::Error::other("there is no data connection"))
    }

    /// Whether there is a connection or the promise of one.
    pub(crate) fn is_ready(&self) -> bool {
        self.listener.is_some() || self.target.is_some() || self.wire.is_some()
    }

    /// Ends it: properly, or by FIN alone.
    pub(crate) async fn close(&mut self, properly: bool) -> io::Result<()> {
        self.target = None;
        let Some(mut wire) = self.wire.take() else {
            return Ok(());
        };
        let closed = if properly { wire.close().await } else { wire.fin().await };
        // Ends when the client closes, at the latest with the test.
        drop(tokio::spawn(wire.drain()));
        closed
    }

    pub(crate) fn reset(&mut self) {
        if let Some(wire) = self.wire.take() {
            wire.set_reset();
        }
        *self = Self::default();
    }
}
