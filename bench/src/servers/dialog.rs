//! A control connection of the load generator: blocking, cheap, in order, and no more of FTP than
//! the figures need.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustls::HandshakeKind;

use super::security::{Secured, Security};
use super::server::Server;

/// The longest a busy server may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(20);
const READ_LEN: usize = 64 * 1024;
/// The longest line of a reply.
const LINE_MAX: usize = 16 * 1024;

/// A connection, plain or under TLS.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<Secured>),
}

/// A control connection.
#[derive(Debug)]
pub(super) struct Control {
    stream: Stream,
    at: SocketAddr,
    security: Option<Security>,
    /// What was read and not yet looked at: `octets[from..]`.
    octets: Vec<u8>,
    from: usize,
    /// Data connections that did not resume the session; strict servers allow none.
    pub(super) full: u32,
}

/// Connects, with deadlines.
///
/// # Errors
/// Nobody listens.
pub(super) fn connect(at: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&at, SILENCE_MAX)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Control {
    /// A session that is logged in and ready for transfers (TYPE I; under TLS PROT P).
    ///
    /// # Errors
    /// The server says no.
    pub(super) fn ready(server: &Server, security: Option<&Security>) -> io::Result<Self> {
        let mut control = Self::log_in(server, security)?;
        if security.is_some() {
            control.command("PBSZ 0")?;
            control.command("PROT P")?;
        }
        control.command("TYPE I")?;
        Ok(control)
    }

    /// A session that is logged in.
    ///
    /// # Errors
    /// The server says no.
    pub(super) fn log_in(server: &Server, security: Option<&Security>) -> io::Result<Self> {
        let stream = Stream::Plain(connect(server.at)?);
        let octets = Vec::new();
        let mut control =
            Self { stream, at: server.at, security: security.cloned(), octets, from: 0, full: 0 };
        control.done("the greeting")?;
        if let Some(security) = security {
            control.command("AUTH TLS")?;
            let Stream::Plain(stream) = control.stream else {
                return Err(io::Error::other("TLS within TLS"));
            };
            control.stream = Stream::Tls(Box::new(security.secure(stream)?));
        }
        control.command(&format!("USER {}", server.user))?;
        control.command(&format!("PASS {}", server.password))?;
        Ok(control)
    }

    /// Sends a command and waits for its last reply, which must not be a refusal.
    ///
    /// # Errors
    /// It is one, or none comes.
    pub(super) fn command(&mut self, line: &str) -> io::Result<String> {
        self.send(&format!("{line}\r\n"))?;
        self.done(line)
    }

    /// Sends whole lines.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) fn send(&mut self, lines: &str) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(lines.as_bytes()),
            Stream::Tls(stream) => {
                stream.write_all(lines.as_bytes())?;
                stream.flush()
            }
        }
    }

    /// Waits for the last reply to `what`.
    ///
    /// # Errors
    /// It is a refusal, or none comes.
    pub(super) fn done(&mut self, what: &str) -> io::Result<String> {
        loop {
            let line = self.reply()?;
            match line.as_bytes().first() {
                Some(b'1') => {}
                Some(b'2' | b'3') => return Ok(line),
                _ => return Err(io::Error::other(format!("{what}: {line}"))),
            }
        }
    }

    /// Waits for the go-ahead of a transfer.
    ///
    /// # Errors
    /// It is refused.
    pub(super) fn begun(&mut self, what: &str) -> io::Result<()> {
        let line = self.reply()?;
        if line.starts_with('1') {
            return Ok(());
        }
        Err(io::Error::other(format!("{what}: {line}")))
    }

    /// A passive data connection, not yet secured.
    ///
    /// # Errors
    /// The server has none.
    pub(super) fn data(&mut self) -> io::Result<TcpStream> {
        let said = self.command("EPSV")?;
        let port = said.rsplit('|').nth(1).and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| io::Error::other(format!("EPSV: {said}")))?;
        connect(SocketAddr::new(self.at.ip(), port))
    }

    /// Secures a data connection if the control connection is secured.
    ///
    /// # Errors
    /// The handshake fails.
    pub(super) fn secure(&mut self, data: TcpStream) -> io::Result<Stream> {
        let Some(security) = &self.security else { return Ok(Stream::Plain(data)) };
        let secured = security.secure(data)?;
        self.full += u32::from(secured.conn.handshake_kind() != Some(HandshakeKind::Resumed));
        Ok(Stream::Tls(Box::new(secured)))
    }

    /// Whether another data connection can be secured.
    pub(super) fn can_secure(&self) -> bool {
        self.security.as_ref().is_none_or(|security| security.tickets() > 0)
    }

    /// Whether the control connection itself resumed an earlier one.
    pub(super) fn resumed(&self) -> bool {
        matches!(&self.stream, Stream::Tls(stream)
            if stream.conn.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// The last line of the next reply.
    fn reply(&mut self) -> io::Result<String> {
        loop {
            let line = self.line()?;
            let octets = line.as_bytes();
            if octets.len() >= 3
                && octets.iter().take(3).all(u8::is_ascii_digit)
                && octets.get(3) != Some(&b'-')
            {
                return Ok(line);
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            let rest = self.octets.get(self.from..).unwrap_or_default();
            if let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
                let line = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
                let line = line.trim_end().to_owned();
                self.from += end + 1;
                return Ok(line);
            }
            if rest.len() > LINE_MAX {
                return Err(io::Error::other("a reply without end"));
            }
            self.octets.drain(..self.from);
            self.from = 0;
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let before = self.octets.len();
        self.octets.resize(before + READ_LEN, 0);
        let room = self.octets.get_mut(before..).unwrap_or_default();
        let got = match &mut self.stream {
            Stream::Plain(stream) => stream.read(room),
            Stream::Tls(stream) => stream.read(room),
        };
        self.octets.truncate(before + *got.as_ref().unwrap_or(&0));
        match got {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server has gone")),
            other => other.map(drop),
        }
    }

    /// The connection alone, with no TLS left at this end.
    pub(super) fn into_tcp(self) -> TcpStream {
        match self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.sock,
        }
    }

    /// Lets go of the buffer: an idle session of ours needs none.
    pub(super) fn rest(&mut self) {
        self.octets.drain(..self.from);
        self.from = 0;
        self.octets.shrink_to_fit();
    }
}
