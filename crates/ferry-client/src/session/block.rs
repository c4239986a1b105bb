//! Many small files over one data connection (MODE B, RFC 959 §3.4.2): commands are sent ahead,
//! and the files follow each other without a connection, a handshake or a round trip between them.
//!
//! A session that does this does nothing else with data. Files are whole in memory, so that a slow
//! reader or writer of one never holds up the next; [`BLOCK_FILE_MAX`] bounds each. Whatever goes
//! wrong beside a plain refusal ends the session: which octets belong to which file is then
//! unknown, and the files that were under way are asked for again elsewhere.

use std::ops::Range;
use std::sync::atomic::Ordering;

use ferry_proto::client::replies;
use ferry_proto::reply_reader::IncomingReply;
use ferry_proto::repr::block::{Decoder, Encoder};
use ferry_proto::repr::{Mark, Progress as Step, Transducer as _};
use tokio::sync::{mpsc, oneshot};

use super::capabilities::Known;
use super::control::{Outgoing, Progress, Ticket};
use super::files::{Stat, stat_of_reply};
use super::joining::Joining;
use super::{Session, refused};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{self, Received, Wire};

/// The longest file that is moved this way, in octets.
pub const BLOCK_FILE_MAX: usize = 1 << 20;

/// The longest listing that comes over a data connection shared with others; it is in memory whole.
pub(crate) const LISTING_MAX: usize = 16 << 20;

/// How much is read at a time.
const READ_LEN: usize = 128 * 1024;

/// How much is gathered before it is written.
const WRITE_LEN: usize = 128 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Down,
    Up,
}

impl Direction {
    fn of(up: bool) -> Self {
        if up { Self::Up } else { Self::Down }
    }
}

/// The handle of the task that moves files.
#[derive(Debug)]
pub(super) struct Blocks {
    jobs: mpsc::UnboundedSender<Job>,
    direction: Direction,
}

/// How a session comes to its data connection.
enum Way {
    /// By an answer to EPSV, and one to MODE before it.
    Port { mode: Option<Ticket>, epsv: Ticket },
    /// It is being made beside the log-in.
    Joining { joining: Joining, words: Vec<Ticket> },
}

/// What was asked of a directory before anything else.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) stat: Option<Stat>,
    pub(crate) listing: oneshot::Receiver<Result<Vec<u8>>>,
}

type Jobs = (mpsc::UnboundedSender<Job>, mpsc::UnboundedReceiver<Job>);

enum Job {
    Fetch {
        verb: &'static str,
        path: Vec<u8>,
        most: usize,
        ticket: Ticket,
        done: oneshot::Sender<Result<Vec<u8>>>,
    },
    Store {
        octets: Vec<u8>,
    },
}

impl Session {
    /// Whether small files can be moved this way.
    #[must_use]
    pub fn keeps_data(&self) -> bool {
        self.0.known.read(super::Capabilities::keeps_data)
    }

    /// Receives a whole small file. Many of these may be under way at once.
    ///
    /// # Errors
    /// What the server says; [`ErrorKind::Unsupported`] for a file longer than
    /// [`BLOCK_FILE_MAX`], which ends the session.
    pub async fn fetch_small(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.fetch_block("RETR", path, BLOCK_FILE_MAX).await
    }

    /// The octets of a listing (MLSD), of at most `most`. Many of these and of small files may be
    /// under way at once.
    pub(crate) async fn fetch_listing(&self, path: &[u8], most: usize) -> Result<Vec<u8>> {
        self.fetch_block("MLSD", path, most).await
    }

    async fn fetch_block(&self, verb: &'static str, path: &[u8], most: usize) -> Result<Vec<u8>> {
        let (done_to, done) = oneshot::channel();
        let (outgoing, ticket) = self.outgoing(verb, path)?;
        let job = Job::Fetch { verb, path: path.to_vec(), most, ticket, done: done_to };
        self.enqueue(Direction::Down, outgoing, job)?;
        match done.await {
            Ok(result) => result,
            Err(_) => Err(self.gone()),
        }
    }

    /// Sends a whole small file. Many of these may be under way at once.
    ///
    /// # Errors
    /// The server's refusal; the session's end, and then the file may be there or not.
    pub async fn store_small(&self, path: &[u8], octets: Vec<u8>) -> Result<()> {
        let (outgoing, mut ticket) = self.outgoing("STOR", path)?;
        self.enqueue(Direction::Up, outgoing, Job::Store { octets })?;
        let reply = ticket.last().await?;
        if reply.code < 400 { Ok(()) } else { Err(refused("STOR", path, reply)) }
    }

    /// Makes the data connection for small files that will come or go.
    pub(super) fn expect_small(&self, up: bool) -> Result<()> {
        let mut block = lock(&self.0.block);
        if block.is_none() {
            let mut batch = Vec::new();
            *block = Some(self.begin(Direction::of(up), &mut batch)?);
            self.0.control.send(batch);
        }
        Ok(())
    }

    fn gone(&self) -> Error {
        let ended = || Error::new(ErrorKind::Closed, "the session has ended");
        self.0.control.why().map_or_else(ended, |gone| gone.error())
    }

    /// Sends the command and queues what is to be done with its data, in one order for both.
    fn enqueue(&self, direction: Direction, command: Outgoing, job: Job) -> Result<()> {
        let mut block = lock(&self.0.block);
        let mut batch = Vec::new();
        let usable = block
            .as_ref()
            .is_some_and(|blocks| blocks.direction == direction && !blocks.jobs.is_closed());
        if !usable {
            if block.as_ref().is_some_and(|blocks| !blocks.jobs.is_closed()) {
                let what = "files go the other way on this session";
                return Err(Error::new(ErrorKind::Unsupported, what));
            }
            *block = Some(self.begin(direction, &mut batch)?);
        }
        batch.push(command);
        // Before the command: its octets must never meet a connection that expects none.
        if let Some(blocks) = &*block {
            drop(blocks.jobs.send(job));
        }
        self.0.control.send(batch);
        Ok(())
    }

    fn begin(&self, direction: Direction, batch: &mut Vec<Outgoing>) -> Result<Blocks> {
        let mode = self.small_form_commands(batch)?;
        let (outgoing, epsv) = self.outgoing("EPSV", b"")?;
        batch.push(outgoing);
        Ok(self.move_to(direction, Way::Port { mode, epsv }))
    }

    /// Makes the data connection that an answer to EPSV offers.
    pub(super) fn begin_at(&self, up: bool, epsv: IncomingReply) {
        let way = Way::Port { mode: None, epsv: Ticket::answered(epsv) };
        *lock(&self.0.block) = Some(self.move_to(Direction::of(up), way));
    }

    /// Takes the data connection that is being made beside the log-in.
    /// `words` wait for the answers to what logs in; `look` is what was asked of a directory with
    /// it: the answer to MLST, and MLSD, which is under way.
    pub(super) fn begin_joined(
        &self,
        up: bool,
        joining: Joining,
        words: Vec<Ticket>,
        look: Option<(Option<IncomingReply>, Ticket)>,
    ) {
        let (jobs, queue) = mpsc::unbounded_channel();
        if let Some((stat, ticket)) = look {
            let (done, listing) = oneshot::channel();
            let (verb, path, most) = ("MLSD", Vec::new(), LISTING_MAX);
            drop(jobs.send(Job::Fetch { verb, path, most, ticket, done }));
            let stat = stat.as_ref().filter(|reply| reply.code < 300).and_then(stat_of_reply);
            *lock(&self.0.look) = Some(Look { stat, listing });
        }
        let way = Way::Joining { joining, words };
        *lock(&self.0.block) = Some(self.move_by(Direction::of(up), way, (jobs, queue)));
    }

    /// Gives that away.
    pub(crate) fn take_look(&self) -> Option<Look> {
        lock(&self.0.look).take()
    }

    fn move_to(&self, direction: Direction, way: Way) -> Blocks {
        self.move_by(direction, way, mpsc::unbounded_channel())
    }

    fn move_by(&self, direction: Direction, way: Way, (jobs, queue): Jobs) -> Blocks {
        let mover = Mover { session: self.clone(), queue, buf: Vec::new(), ahead: 0..0 };
        drop(tokio::spawn(mover.run(direction, way)));
        Blocks { jobs, direction }
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What a job is to bring.
struct Wanted<'a> {
    verb: &'static str,
    path: &'a [u8],
    most: usize,
}

struct Mover {
    session: Session,
    queue: mpsc::UnboundedReceiver<Job>,
    /// What is read into, and which octets of it stand behind the last file: the beginning of the
    /// next.
    buf: Vec<u8>,
    ahead: Range<usize>,
}

impl Mover {
    async fn run(mut self, direction: Direction, way: Way) {
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
