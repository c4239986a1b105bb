//! The data connection of a session that moves many small files: how it comes about, and what is
//! received and sent over it, job after job.

use std::ops::Range;
use std::sync::atomic::Ordering;

use ferry_proto::client::replies;
use ferry_proto::repr::block::{Decoder, Encoder};
use ferry_proto::repr::{Mark, Progress as Step, Transducer as _};
use tokio::sync::mpsc;

use super::{Direction, Job, Way};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{self, Received, Wire};
use crate::session::capabilities::Known;
use crate::session::control::{Progress, Ticket};
use crate::session::joining::Joining;
use crate::session::{Session, refused};

/// How much is read at a time.
const READ_LEN: usize = 128 * 1024;

/// How much is gathered before it is written.
const WRITE_LEN: usize = 128 * 1024;

/// What a job is to bring.
struct Wanted<'a> {
    verb: &'static str,
    path: &'a [u8],
    most: usize,
}

/// Works through the jobs of a session, one after the other.
pub(super) struct Mover {
    session: Session,
    queue: mpsc::UnboundedReceiver<Job>,
    /// What is read into, and which octets of it stand behind the last file: the beginning of the
    /// next.
    buf: Vec<u8>,
    ahead: Range<usize>,
}

impl Mover {
    pub(super) fn new(session: Session, queue: mpsc::UnboundedReceiver<Job>) -> Self {
        Self { session, queue, buf: Vec::new(), ahead: 0..0 }
    }

    pub(super) async fn run(mut self, direction: Direction, way: Way) {
        let opened = match way {
            Way::Port { mode, epsv } => self.open(mode, epsv).await,
            Way::Joining { joining, words } => self.take(joining, words).await,
        };
        let result = match opened {
            Ok(wire) => match direction {
                Direction::Down => self.receive(wire).await,
                Direction::Up => self.send(wire).await,
            },
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            // What was wrong with one file is no verdict on those behind it.
            let kind = match error.kind() {
                kind @ (ErrorKind::Timeout | ErrorKind::Data) => kind,
                _ => ErrorKind::Closed,
            };
            self.session.0.control.kill(kind, &error.to_string());
        }
        // Jobs that are left find their channels closed.
    }

    async fn take(&mut self, joining: Joining, words: Vec<Ticket>) -> Result<Wire> {
        for mut word in words {
            let reply = word.last().await?;
            if reply.code >= 400 {
                return Err(Error::new(ErrorKind::Closed, "the session was not let in"));
            }
        }
        self.session.0.trusts.store(false, Ordering::Relaxed);
        let taken = joining.joined(&self.session).await;
        match taken {
            Ok((wire, octets)) => {
                (self.ahead, self.buf) = (0..octets.len(), octets);
                Ok(wire)
            }
            Err(error) => {
                // Another way may do, unless it was but one connection too many.
                if error.reply().is_none_or(|reply| reply.code != 421) {
                    self.session.0.known.lock().joins = Known::No;
                }
                Err(error)
            }
        }
    }

    async fn open(&self, mode: Option<Ticket>, mut epsv: Ticket) -> Result<Wire> {
        if let Some(mut mode) = mode {
            let reply = mode.last().await?;
            if reply.code >= 300 {
                return Err(refused("MODE", b"B", reply));
            }
        }
        let reply = epsv.last().await?;
        let Some(port) = replies::extended_passive_port(&reply).filter(|_| reply.code < 300) else {
            return Err(refused("EPSV", b"", reply));
        };
        let session = &self.session.0;
        let at = self.session.peer_at(port);
        let connecting = net::connect_data(at, &session.site.host, &session.settings);
        let Ok(stream) = tokio::time::timeout(session.settings.timeout, connecting).await else {
            return Err(Error::new(ErrorKind::Data, "the data connection could not be made"));
        };
        self.session.secure_data(stream?).await
    }

    /// The next job; [`None`] when the session or the data connection is at its end.
    async fn next(&mut self, wire: &mut Wire) -> Option<Job> {
        if let Ok(job) = self.queue.try_recv() {
            return Some(job);
        }
        tokio::select! {
            biased;
            job = self.queue.recv() => job,
            // A server closes a data connection that has been idle for a while.
            () = idle(wire) => {
                self.queue.close();
                None
            }
            () = self.session.0.control.ended() => None,
        }
    }

    async fn receive(&mut self, mut wire: Wire) -> Result<()> {
        self.buf.resize(READ_LEN.max(self.buf.len()), 0);
        while let Some(job) = self.next(&mut wire).await {
            let Job::Fetch { verb, path, most, mut ticket, done } = job else { continue };
            let wanted = Wanted { verb, path: &path, most };
            let result = self.fetch(&mut wire, &wanted, &mut ticket).await;
            let broken = result.as_ref().is_err_and(|error| error.reply().is_none());
            let again = result.as_ref().err().map(|error| (error.kind(), error.to_string()));
            drop(done.send(result));
            if broken && let Some((kind, what)) = again {
                return Err(Error::new(kind, what));
            }
        }
        self.unqueue();
        Ok(())
    }

    /// What came in between closing and the last look has been sent and will not be answered.
    fn unqueue(&mut self) {
        if self.queue.try_recv().is_ok() {
            self.session.0.control.kill(ErrorKind::Closed, "the data connection was closed");
        }
    }

    async fn fetch(
        &mut self,
        wire: &mut Wire,
        wanted: &Wanted<'_>,
        ticket: &mut Ticket,
    ) -> Result<Vec<u8>> {
        let Wanted { verb, path, most } = *wanted;
        if let Progress::Last(reply) = ticket.next().await? {
            // Refused, and nothing of it is on the data connection.
            return match reply.code {
                400.. => Err(refused(verb, path, reply)),
                _ => Err(Error::new(ErrorKind::Protocol, "a file came without its first reply")),
            };
        }
        let mut file = Vec::new();
        let mut decoder = Decoder::default();
        let timeout = self.session.timeout();
        loop {
            let mut input = self.buf.get(self.ahead.clone()).unwrap_or_default();
            let whole = decode(&mut decoder, &mut input, &mut file, most)?;
            self.ahead.start = self.ahead.end - input.len();
            if whole {
                break;
            }
            let read = tokio::time::timeout(timeout, wire.read(&mut self.buf)).await;
            let n = match read {
                Ok(Ok(Received::Bytes(n))) => n,
                Ok(_) => {
                    // The last reply says why, if it comes.
                    let reply = ticket.last().await?;
                    if reply.code >= 400 {
                        self.session.0.control.kill(ErrorKind::Data, "the data connection ended");
                        return Err(refused(verb, path, reply));
                    }
                    let what = "the data connection ended within a file";
                    return Err(Error::new(ErrorKind::Truncated, what));
                }
                Err(_) => {
                    return Err(Error::new(ErrorKind::Timeout, "no data came for too long"));
                }
            };
            self.ahead = 0..n;
        }
        let reply = ticket.last().await?;
        if reply.code < 400 { Ok(file) } else { Err(refused(verb, path, reply)) }
    }

    async fn send(&mut self, mut wire: Wire) -> Result<()> {
        let mut out = Vec::with_capacity(WRITE_LEN * 2);
        while let Some(job) = self.next(&mut wire).await {
            let mut next = Some(job);
            // What is waiting goes out together.
            while let Some(Job::Store { octets }) = next {
                Encoder::default().push(&octets, &mut out);
                Encoder::default().finish(&mut out);
                next = match out.len() {
                    0..WRITE_LEN => self.queue.try_recv().ok(),
                    _ => None,
                };
            }
            self.write(&mut wire, &out).await?;
            out.clear();
            out.shrink_to(WRITE_LEN * 2);
        }
        self.unqueue();
        Ok(())
    }

    async fn write(&self, wire: &mut Wire, mut octets: &[u8]) -> Result<()> {
        while !octets.is_empty() {
            let (piece, rest) = octets.split_at(octets.len().min(WRITE_LEN));
            let writing = tokio::time::timeout(self.session.timeout(), wire.write_all(piece));
            match writing.await {
                Ok(Ok(())) => octets = rest,
                Ok(Err(e)) => {
                    let what = "the data connection broke off";
                    return Err(Error::new(ErrorKind::Data, what).with_source(e));
                }
                Err(_) => {
                    let what = "the server has not taken data for too long";
                    return Err(Error::new(ErrorKind::Timeout, what));
                }
            }
        }
        Ok(())
    }
}

/// Waits for the end of a data connection that nothing is expected on.
async fn idle(wire: &mut Wire) {
    let mut octet = [0; 1];
    // Octets nobody asked for end it as well.
    _ = wire.read(&mut octet).await;
}

/// Takes what is there; true at the end of the file.
fn decode(
    decoder: &mut Decoder,
    input: &mut &[u8],
    file: &mut Vec<u8>,
    most: usize,
) -> Result<bool> {
    loop {
        let room = (most + 1).saturating_sub(file.len());
        let step = decoder.step(input, file, room).map_err(|e| {
            Error::new(ErrorKind::Protocol, "the data connection does not hold blocks")
                .with_source(e)
        })?;
        match step {
            Step::Hungry => return Ok(false),
            Step::Full => {
                return Err(Error::new(ErrorKind::Unsupported, "the file is too long for this"));
            }
            Step::Mark(Mark::EndOfFile) => return Ok(true),
            Step::Mark(_) => {}
            _ => return Err(Error::new(ErrorKind::Protocol, "unknown mark")),
        }
    }
}
