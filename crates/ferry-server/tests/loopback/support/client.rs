//! A client of the simplest kind: blocking sockets with time-outs, one reply at a time, and no
//! opinion about what the server should do.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::tls::{TlsPeer, TlsStream, over_tls};

/// The longest that any single wait of a client may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, plain or under TLS.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// A client.
pub(crate) struct Client {
    wire: Option<Wire>,
    unread: Vec<u8>,
    peer: Option<Arc<TlsPeer>>,
    /// What the last PASV named.
    last: Option<SocketAddr>,
}

/// One whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// All its lines with their line ends.
    pub(crate) raw: Vec<u8>,
}

impl Reply {
    /// For a person.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

impl Client {
    /// Connects and reads the greeting.
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let mut client = Self::silent(to);
        let greeting = client.reply();
        assert_eq!(greeting.code, 220, "{}", greeting.text());
        client
    }

    /// Connects and reads nothing yet.
    pub(crate) fn silent(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect(to).unwrap())
    }

    /// Over a connection of any kind, on which nothing has been read.
    pub(crate) fn over(tcp: TcpStream) -> Self {
        let tcp = patient(tcp);
        Self { wire: Some(Wire::Plain(tcp)), unread: Vec::new(), peer: None, last: None }
    }

    fn wire(&mut self) -> &mut Wire {
        self.wire.as_mut().unwrap()
    }

    /// The socket underneath.
    pub(crate) fn tcp(&mut self) -> &TcpStream {
        match self.wire() {
            Wire::Plain(tcp) => tcp,
            Wire::Tls(tls) => &tls.sock,
        }
    }

    /// Sends octets as they are.
    pub(crate) fn send(&mut self, octets: &[u8]) {
        self.try_send(octets).unwrap();
    }

    /// Sends octets as they are, to a server that may have closed.
    pub(crate) fn try_send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.wire().write_all(octets)?;
        self.wire().flush()
    }

    /// Sends one command.
    pub(crate) fn say(&mut self, command: impl AsRef<[u8]>) {
        self.send(&[command.as_ref(), b"\r\n"].concat());
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> Reply {
        self.try_reply().expect("a reply")
    }

    /// The next reply, unless the connection ends first.
    pub(crate) fn try_reply(&mut self) -> io::Result<Reply> {
        loop {
            if let Some(len) = whole_reply(&self.unread) {
                let rest = self.unread.split_off(len);
                let raw = std::mem::replace(&mut self.unread, rest);
                let code = std::str::from_utf8(&raw[..3]).unwrap().parse().unwrap();
                return Ok(Reply { code, raw });
            }
            self.read_more()?;
        }
    }

    /// The next octets, however many there are.
    pub(crate) fn octets(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len {
            self.read_more().unwrap();
        }
        let rest = self.unread.split_off(len);
        std::mem::replace(&mut self.unread, rest)
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut chunk = [0; 8192];
        match self.wire().read(&mut chunk)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.unread.extend_from_slice(&chunk[..n]);
                Ok(())
            }
        }
    }

    /// A command and its reply.
    pub(crate) fn ask(&mut self, command: impl AsRef<[u8]>) -> Reply {
        self.say(command);
        self.reply()
    }

    /// A command that must be answered with this code.
    pub(crate) fn ok(&mut self, command: &str, code: u16) -> Reply {
        let reply = self.ask(command);
        assert_eq!(reply.code, code, "{command}: {}", reply.text());
        reply
    }

    /// The next reply must have this code.
    pub(crate) fn expect(&mut self, code: u16) -> Reply {
        let reply = self.reply();
        assert_eq!(reply.code, code, "{}", reply.text());
        reply
    }

    /// Whether the server neither says anything nor closes for so long. Only for what needs TLS or
    /// real sockets; else it is a matter for a conversation, whose clock does not make anyone wait.
    pub(crate) fn stays_quiet_for(&mut self, time: Duration) -> bool {
        self.tcp().set_read_timeout(Some(time)).unwrap();
        let came = self.read_more();
        self.tcp().set_read_timeout(Some(PATIENCE)).unwrap();
        let quiet = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
        self.unread.is_empty() && came.is_err_and(|e| quiet.contains(&e.kind()))
    }

    /// Everything up to the end of the connection; an error if it did not end cleanly.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = std::mem::take(&mut self.unread);
        self.wire().read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// As [`rest`](Self::rest), but a reset counts as an end, too.
    pub(crate) fn rest_or_reset(&mut self) -> Vec<u8> {
        let start = std::mem::take(&mut self.unread);
        [start, until_end(self.wire())].concat()
    }

    /// USER and PASS.
    pub(crate) fn log_in(&mut self, name: &str) {
        self.ok(&format!("USER {name}"), 331);
        self.ok(&format!("PASS {name}'s password"), 230);
    }

    /// AUTH TLS and the handshake.
    pub(crate) fn secure(&mut self, peer: &Arc<TlsPeer>) {
        self.ok("AUTH TLS", 234);
        self.shake_hands(peer);
    }

    /// The handshake alone.
    pub(crate) fn shake_hands(&mut self, peer: &Arc<TlsPeer>) {
        assert!(self.unread.is_empty(), "octets in the clear behind 234");
        let Some(Wire::Plain(tcp)) = self.wire.take() else {
            panic!("already under TLS");
        };
        self.wire = Some(Wire::Tls(over_tls(peer, tcp).unwrap()));
        self.peer = Some(Arc::clone(peer));
    }

    /// Ends the sending direction: close_notify under TLS, then FIN.
    pub(crate) fn finish(&mut self) {
        self.wire().end().unwrap();
    }

    /// Where PASV says to connect to.
    pub(crate) fn passive(&mut self) -> SocketAddr {
        self.passive_by("PASV")
    }

    /// Where PASV, or a command like it, says to connect to.
    pub(crate) fn passive_by(&mut self, command: &str) -> SocketAddr {
        let reply = self.ok(command, 227);
        let text = reply.text();
        let inner = text.split(['(', ')']).nth(1).unwrap();
        let n: Vec<u8> = inner.split(',').map(|n| n.parse().unwrap()).collect();
        let at = SocketAddr::from(([n[0], n[1], n[2], n[3]], u16::from_be_bytes([n[4], n[5]])));
        self.last = Some(at);
        at
    }

    /// A connection to where the last PASV said.
    pub(crate) fn connect_again(&self) -> TcpStream {
        patient(TcpStream::connect(self.last.unwrap()).unwrap())
    }

    /// PASV, and the connection it asks for.
    pub(crate) fn data(&mut self) -> TcpStream {
        patient(TcpStream::connect(self.passive()).unwrap())
    }

    /// The handshake of a data connection, if the control connection is under TLS.
    pub(crate) fn protect(&self, data: TcpStream) -> io::Result<Wire> {
        Ok(match &self.peer {
            Some(peer) => Wire::Tls(over_tls(peer, data)?),
            None => Wire::Plain(data),
        })
    }

    /// A command that may move data: sends `upload` if the server asks for it, else reads all
    /// there is. The last reply, and what came.
    pub(crate) fn transfer(
        &mut self,
        command: impl AsRef<[u8]>,
        upload: Option<&[u8]>,
    ) -> (Reply, Vec<u8>) {
        let data = self.data();
        let first = self.ask(command);
        if first.code != 150 {
            return (first, Vec::new());
        }
        let mut data = self.protect(data).unwrap();
        if let Some(content) = upload {
            data.write_all(content).unwrap();
            data.end().unwrap();
        }
        let came = until_end(&mut data);
        if upload.is_none() {
            // A server is still asked to read our own end.
            let _ = data.end();
        }
        drop(data);
        (self.reply(), came)
    }

    /// A download that must succeed.
    pub(crate) fn fetch(&mut self, command: &str) -> Vec<u8> {
        let (reply, came) = self.transfer(command, None);
        assert_eq!(reply.code, 226, "{command}: {}", reply.text());
        came
    }

    /// An upload that must succeed.
    pub(crate) fn store(&mut self, command: &str, content: &[u8]) {
        let (reply, _) = self.transfer(command, Some(content));
        assert_eq!(reply.code, 226, "{command}: {}", reply.text());
    }

    /// PORT for a socket of the test's own on the address of this end.
    pub(crate) fn active(&mut self) -> TcpListener {
        let ip = self.tcp().local_addr().unwrap().ip();
        let listener = TcpListener::bind(SocketAddr::new(ip, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let family = if ip.is_ipv4() { 1 } else { 2 };
        self.ok(&format!("EPRT |{family}|{ip}|{port}|"), 200);
        listener
    }
}

impl Wire {
    /// Ends the sending direction: close_notify under TLS, then FIN.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.shutdown(Shutdown::Write),
            Self::Tls(tls) => {
                tls.conn.send_close_notify();
                tls.flush()?;
                tls.sock.shutdown(Shutdown::Write)
            }
        }
    }
}

/// Reads to the end, whatever kind of end it is.
pub(crate) fn until_end(from: &mut impl Read) -> Vec<u8> {
    let mut got = Vec::new();
    match from.read_to_end(&mut got) {
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            panic!("the other end neither sends nor closes")
        }
        _ => got,
    }
}

/// A connection from a chosen address of this machine.
pub(crate) fn connect_from(ip: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(ip, 0).into())?;
    socket.connect(&to.into())?;
    Ok(patient(socket.into()))
}

/// Gives every wait of a socket its bound.
fn patient(tcp: TcpStream) -> TcpStream {
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.set_write_timeout(Some(PATIENCE)).unwrap();
    tcp.set_nodelay(true).unwrap();
    // Most connections of a test end at once: none shall wait for its last octets.
    SockRef::from(&tcp).set_linger(None).unwrap();
    tcp
}

/// The length of the reply at the start of `octets`, if it is whole.
fn whole_reply(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    let code = octets.get(..3)?;
    for line in octets.split_inclusive(|&b| b == b'\n') {
        if !line.ends_with(b"\r\n") {
            return None;
        }
        at += line.len();
        if line.starts_with(code) && line.get(3) == Some(&b' ') {
            return Some(at);
        }
    }
    None
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buf),
            Self::Tls(tls) => tls.read(buf),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(buf),
            Self::Tls(tls) => tls.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
