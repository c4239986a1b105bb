//! Moving between a connection and a file of this machine on one thread that may block. Nothing
//! awaits here, and nobody is waited for longer than [`LINGER`].
//!
//! Handing every buffer from the thread that reads the connection to one that writes the file
//! costs two wake-ups and moves the octets from the cache of one core to that of another. With
//! both on one thread a core is free for the server or for the next transfer.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::Instant;

#[cfg(target_os = "linux")]
use super::pipe::Pipe;
use super::{Received, Secured, Wire, would_block};

/// How long a burst may take before somebody may look at what else there is.
const LONGEST: Duration = Duration::from_millis(50);

/// How long a burst waits for the peer before it gives its thread back.
const LINGER: Duration = Duration::from_millis(20);

/// Octets that are taken before they are written: half of the second-level cache of most machines.
const ROOM: usize = 512 << 10;

/// Octets of a file that are read, and under TLS encrypted, at a time. Reading and sending them
/// takes three times the processor time of `sendfile`, and half the time on the clock to a server
/// on the same machine (1 GiB: 0.7 s against 1.3 s): what was read is in the cache when it is sent,
/// and still is when it is received. A client has a core for that.
const PIECE: usize = 64 << 10;

/// Octets that may lie unsent where the peer is a process of the same machine: what was written a
/// moment ago is still in the cache when it is read there (0.5 GiB in the clear to vsftpd: 0.28 s
/// against 0.35 s).
const UNSENT: u32 = 64 << 10;

/// How long a thread that sends to a process of the same machine under TLS stays awake when it has
/// to wait, giving way to whoever can run. While it slept, a processor would be idle, and waking
/// one up takes longer than such a peer's next step, above all in a virtual machine (0.5 GiB to
/// vsftpd, where two processes pass every record between them: 1.5 s against 2.3 s).
const AWAKE: Duration = Duration::from_micros(500);

/// How often it looks meanwhile, at most: a clock that a test has stopped ends nothing.
const LOOKS: u32 = 2000;

/// Whose turn it is to write to a file. Of several ranges of one file the system lets one be
/// written at a time and has the others spin, on processors that the server may need (2 GiB from
/// vsftpd: 1.8 s of processor time against 2.1 s).
static TURNS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

/// Which side of a burst failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The file of this machine.
    File(io::Error),
    /// The connection.
    Wire(io::Error),
}

/// What a burst has brought.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    /// Octets of payload that are in the file, or in the hands of the system.
    pub(crate) octets: u64,
    /// The end of the stream ([`Received::Eof`] or [`Received::Truncated`]), or of the file.
    pub(crate) end: Option<Received>,
}

impl Wire {
    /// Receives and writes to `file` at its cursor, `max` octets at most. Blocks.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn receive_to(
        &mut self,
        file: &File,
        buf: &mut Vec<u8>,
        max: u64,
    ) -> io::Result<Burst> {
        let (mut burst, started) = (Burst::default(), Instant::now());
        let turn = turn_for(file)?;
        let mut carrier = self.carrier(buf);
        while burst.octets < max && burst.end.is_none() && started.elapsed() < LONGEST {
            let room = usize::try_from(max - burst.octets).map_or(ROOM, |left| left.min(ROOM));
            let (filled, end) = match &mut carrier {
                #[cfg(target_os = "linux")]
                Carrier::Pipe(pipe) => pipe.fill(&self.tcp, room),
                Carrier::Buffer(buf) => self.fill(buf, room, started),
            };
            {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                carrier.empty_into(file, filled)?;
            }
            if carrier.is_useless() {
                self.takes_pipes = false;
                carrier = self.carrier(buf);
            }
            burst.octets += filled as u64;
            match end {
                Ok(end) => burst.end = end,
                Err(e) if would_block(&e) => match is_ready(&self.tcp, PollFlags::IN, LINGER) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) => burst.end = Some(Received::Truncated),
                },
                // A reset, or what TLS cannot make sense of: what came before is good.
                Err(_) => burst.end = Some(Received::Truncated),
            }
        }
        Ok(burst)
    }

    /// By what octets get to a file.
    fn carrier<'a>(&self, buf: &'a mut Vec<u8>) -> Carrier<'a> {
        #[cfg(target_os = "linux")]
        if let Some(pipe) = self.takes_pipes.then(Pipe::new).flatten() {
            return Carrier::Pipe(pipe);
        }
        buf.resize(ROOM, 0);
        Carrier::Buffer(buf)
    }

    /// Reads until `room` is used up, or nothing more is there. What came before an error counts.
    fn fill(
        &mut self,
        buf: &mut [u8],
        room: usize,
        started: Instant,
    ) -> (usize, io::Result<Option<Received>>) {
        let mut filled = 0;
        // A read of a few octets is worth less than a write of what is there.
        while filled < room && (room - filled >= room / 4 || filled == 0) {
            let into = buf.get_mut(filled..room).unwrap_or_default();
            let received = match &mut self.tls {
                None => receive(&self.tcp, into).map(|n| match n {
                    0 => Received::Eof,
                    n => Received::Bytes(n),
                }),
                Some(tls) => tls.try_read(&self.tcp, into, receive),
            };
            match received {
                Ok(Received::Bytes(n)) => filled += n,
                Ok(end) => return (filled, Ok(Some(end))),
                Err(e) => return (filled, Err(e)),
            }
            if started.elapsed() >= LONGEST {
                break;
            }
        }
        (filled, Ok(None))
    }

    /// Sends what is in `file` from octet `at` on, `max` octets at most; 0 with an end means that
    /// the file ends there. Blocks.
    pub(crate) fn send_from(&mut self, file: &File, at: u64, max: u64) -> Result<Burst, Failed> {
        let (mut burst, started) = (Burst::default(), Instant::now());
        let mut piece = Piece::default();
        let near = self.is_near();
        if near {
            // Where the system does not have it, more lies unsent; that is no failure.
            let _unset = socket2::SockRef::from(&self.tcp).set_tcp_notsent_lowat(UNSENT);
        }
        while burst.octets < max && started.elapsed() < LONGEST {
            let (from, left) = (at + burst.octets, max - burst.octets);
            let sent = match &mut self.tls {
                None => piece.hold(file, from, left).and_then(|held| {
                    if held.is_empty() {
                        return Ok(0);
                    }
                    send(&self.tcp, held, SendFlags::NOSIGNAL).map_err(|e| Failed::Wire(e.into()))
                }),
                Some(tls) => tls.send_piece(&self.tcp, (file, from, left), &mut piece),
            };
            piece.sent(sent.as_ref().map_or(0, |n| *n));
            match sent {
                Ok(0) => {
                    burst.end = Some(Received::Eof);
                    break;
                }
                Ok(n) => burst.octets += n as u64,
                Err(Failed::Wire(e)) if would_block(&e) => {
                    if !self.takes_more(near).map_err(Failed::Wire)? {
                        break;
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(burst)
    }

    /// Waits until the peer takes more, at most [`LINGER`].
    fn takes_more(&self, near: bool) -> io::Result<bool> {
        let began = Instant::now();
        // In the clear the peer does better with the other processor to itself: 4 GiB to ferryd
        // took 2.2 s so, and 4.3 s with a sender that stayed awake.
        let mut looks = if near && self.tls.is_some() { LOOKS } else { 0 };
        while looks > 0 && began.elapsed() < AWAKE {
            if is_ready(&self.tcp, PollFlags::OUT, Duration::ZERO)? {
                return Ok(true);
            }
            thread::yield_now();
            looks -= 1;
        }
        is_ready(&self.tcp, PollFlags::OUT, LINGER)
    }

    /// Whether the peer is a process of this machine.
    fn is_near(&self) -> bool {
        match (self.tcp.local_addr(), self.tcp.peer_addr()) {
            (Ok(local), Ok(peer)) => local.ip() == peer.ip(),
            _ => false,
        }
    }

    /// Waits until a burst has something to receive.
    pub(crate) async fn until_readable(&self) -> io::Result<()> {
        if self.tls.as_ref().is_some_and(|tls| !tls.conn.wants_read()) {
            return Ok(());
        }
        self.until(Interest::READABLE, PollFlags::IN).await
    }

    /// Waits until a burst can send something.
    pub(crate) async fn until_writable(&self) -> io::Result<()> {
        self.until(Interest::WRITABLE, PollFlags::OUT).await
    }

    /// The runtime does not see what bursts read and write, so what it knows of the socket has to
    /// be looked at.
    async fn until(&self, interest: Interest, flags: PollFlags) -> io::Result<()> {
        let look = || match is_ready(&self.tcp, flags, Duration::ZERO)? {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        };
        self.tcp.async_io(interest, look).await
    }
}

/// Holds what has come until it is in a file.
enum Carrier<'a> {
    #[cfg(target_os = "linux")]
    Pipe(Pipe),
    Buffer(&'a mut Vec<u8>),
}

impl Carrier<'_> {
    fn empty_into(&mut self, mut file: &File, filled: usize) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Pipe(pipe) => pipe.empty_into(file, filled),
            Self::Buffer(buf) => file.write_all(buf.get(..filled).unwrap_or_default()),
        }
    }

    /// Whether it has turned out not to be one.
    fn is_useless(&self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Pipe(pipe) => pipe.is_useless(),
            Self::Buffer(_) => false,
        }
    }
}

impl Secured {
    /// Encrypts a piece and sends it. What the system does not take yet goes first the next time.
    fn send_piece(
        &mut self,
        tcp: &TcpStream,
        (file, from, max): (&File, u64, u64),
        piece: &mut Piece,
    ) -> Result<usize, Failed> {
        self.flush_by(tcp).map_err(Failed::Wire)?;
        let held = piece.hold(file, from, max)?;
        let taken = self.conn.writer().write(held).map_err(Failed::Wire)?;
        match self.flush_by(tcp) {
            Err(e) if !would_block(&e) => Err(Failed::Wire(e)),
            _ => Ok(taken),
        }
    }

    fn flush_by(&mut self, tcp: &TcpStream) -> io::Result<()> {
        while self.conn.wants_write() {
            if self.conn.write_tls(&mut Direct(tcp))? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

/// A connection as rustls wants to write to it, past the runtime.
struct Direct<'a>(&'a TcpStream);

impl io::Write for Direct<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(send(self.0, buf, SendFlags::NOSIGNAL)?)
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        Ok(rustix::io::writev(self.0, bufs)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The turn of a file, which some others may share.
fn turn_for(file: &File) -> io::Result<&'static Mutex<()>> {
    let [first, others @ ..] = &TURNS;
    let at = usize::try_from(file.metadata()?.ino() % TURNS.len() as u64).unwrap_or(0);
    Ok(at.checked_sub(1).and_then(|at| others.get(at)).unwrap_or(first))
}

fn receive(tcp: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    let (n, _) = recv(tcp, buf, RecvFlags::empty())?;
    Ok(n)
}

fn is_ready(tcp: &TcpStream, flags: PollFlags, wait: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(tcp, flags)];
    let wait = Timespec::try_from(wait).unwrap_or_default();
    match poll(&mut fds, Some(&wait)) {
        Ok(n) => Ok(n > 0),
        Err(Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Octets of a file that are on their way.
#[derive(Default)]
struct Piece {
    buf: Vec<u8>,
    sent: usize,
}

impl Piece {
    /// What is left of it, or the next one: from octet `from` of the file on, `max` octets at most.
    fn hold(&mut self, file: &File, from: u64, max: u64) -> Result<&[u8], Failed> {
        if self.sent >= self.buf.len() {
            let len = usize::try_from(max).map_or(PIECE, |max| max.min(PIECE));
            self.buf.resize(len, 0);
            let n = loop {
                match file.read_at(&mut self.buf, from) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    other => break other.map_err(Failed::File)?,
                }
            };
            self.buf.truncate(n);
            self.sent = 0;
        }
        Ok(self.buf.get(self.sent..).unwrap_or_default())
    }

    fn sent(&mut self, octets: usize) {
        self.sent += octets;
    }
}
