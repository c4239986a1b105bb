//! One TCP connection of the scripted server, plain or under TLS. Reading may be given up at any
//! await without losing octets. What is said over it is in `control` and `data`.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;

use rustls::{HandshakeKind, ServerConfig, ServerConnection};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

/// Gives rustls what the socket has, without waiting.
struct Now<'a>(&'a TcpStream);

impl Read for Now<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}

impl Write for Now<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        // What a scene sends by itself must come by itself.
        let _ = tcp.set_nodelay(true);
        Self { tcp, tls: None }
    }

    /// Shakes hands; whether a session was resumed.
    pub(crate) async fn accept_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<bool> {
        let mut tls = Box::new(ServerConnection::new(config).map_err(io::Error::other)?);
        while tls.is_handshaking() {
            flush(&self.tcp, &mut tls).await?;
            if !tls.is_handshaking() {
                break;
            }
            if fill(&self.tcp, &mut tls).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        flush(&self.tcp, &mut tls).await?;
        let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
        self.tls = Some(tls);
        Ok(resumed)
    }

    /// Some octets; 0 at FIN, under TLS at close_notify. FIN alone is an error there.
    pub(crate) async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(tls) = &mut self.tls else {
                self.tcp.readable().await?;
                match self.tcp.try_read(buf) {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                    done => return done,
                }
            };
            match tls.reader().read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            flush(&self.tcp, tls).await?;
            fill(&self.tcp, tls).await?;
        }
    }

    pub(crate) async fn write(&mut self, mut octets: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            while !octets.is_empty() {
                self.tcp.writable().await?;
                match self.tcp.try_write(octets) {
                    Ok(n) => octets = octets.get(n..).unwrap_or_default(),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    Err(e) => return Err(e),
                }
            }
            return Ok(());
        };
        while !octets.is_empty() {
            let n = tls.writer().write(octets)?;
            octets = octets.get(n..).unwrap_or_default();
            flush(&self.tcp, tls).await?;
        }
        Ok(())
    }

    /// close_notify under TLS, then FIN.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            flush(&self.tcp, tls).await?;
        }
        self.fin().await
    }

    /// FIN alone.
    pub(crate) async fn fin(&mut self) -> io::Result<()> {
        poll_fn(|context| Pin::new(&mut self.tcp).poll_shutdown(context)).await
    }

    /// RST instead of FIN, as soon as this is dropped.
    pub(crate) fn set_reset(&self) {
        let _ = self.tcp.set_zero_linger();
    }

    /// Reads and forgets until the client has closed, so that the kernel sends no RST for octets
    /// nobody read.
    pub(crate) async fn drain(mut self) {
        let mut buf = vec![0; 4096];
        while matches!(self.tcp.readable().await, Ok(())) {
            match self.tcp.try_read(&mut buf) {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.tls = None;
    }
}

/// Sends what TLS has to send.
async fn flush(tcp: &TcpStream, tls: &mut ServerConnection) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(&mut Now(tcp)) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => tcp.writable().await?,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Takes what has come for TLS; 0 at FIN.
async fn fill(tcp: &TcpStream, tls: &mut ServerConnection) -> io::Result<usize> {
    loop {
        tcp.readable().await?;
        match tls.read_tls(&mut Now(tcp)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
            Ok(n) => {
                if let Err(e) = tls.process_new_packets() {
                    let _ = flush(tcp, tls).await;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, e));
                }
                return Ok(n);
            }
        }
    }
}
