//! Many small files over one data connection (MODE B, RFC 959 §3.4.2): commands are sent ahead,
//! and the files follow each other without a connection, a handshake or a round trip between them.
//!
//! A session that does this does nothing else with data. Files are whole in memory, so that a slow
//! reader or writer of one never holds up the next; [`BLOCK_FILE_MAX`] bounds each. Whatever goes
//! wrong beside a plain refusal ends the session: which octets belong to which file is then
//! unknown, and the files that were under way are asked for again elsewhere.
//!
//! Here is what a session offers of this, and what is queued; [`mover`] has the data connection.

mod mover;

use ferry_proto::reply_reader::IncomingReply;
use tokio::sync::{mpsc, oneshot};

use self::mover::Mover;
use super::control::{Outgoing, Ticket};
use super::files::{Stat, stat_of_reply};
use super::joining::Joining;
use super::{Session, refused};
use crate::error::{Error, ErrorKind, Result};

/// The longest file that is moved this way, in octets.
pub const BLOCK_FILE_MAX: usize = 1 << 20;

/// The longest listing that comes over a data connection shared with others; it is in memory whole.
pub(crate) const LISTING_MAX: usize = 16 << 20;

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
        drop(tokio::spawn(Mover::new(self.clone(), queue).run(direction, way)));
        Blocks { jobs, direction }
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
