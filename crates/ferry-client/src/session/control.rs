//! The control connection after log-in: one task that writes command lines, reads replies and
//! hands each to whoever waits for it, in order. Commands may be sent ahead (pipelined); what a
//! reply means is not known here.
//!
//! Waits: a command's first reply must begin within its patience once it is the next to be
//! answered, and be whole within the same time. Behind a 1yz reply the one who moves the data does
//! the waiting; if nobody does any more (the future was dropped), the last reply still has to come
//! within a while, or the session ends.

mod driver;
mod noop;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ferry_proto::reply_reader::IncomingReply;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::session::login::LoggedIn;
use crate::settings::Watcher;
use driver::Driver;

/// How long a line that ends in CR alone is waited on for its LF.
pub(super) const CR_MAX: Duration = Duration::from_millis(500);

/// Why a session is of no more use.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    pub(crate) kind: ErrorKind,
    pub(crate) what: String,
    pub(crate) reply: Option<IncomingReply>,
}

impl Gone {
    fn new(kind: ErrorKind, what: &str) -> Self {
        Self { kind, what: what.to_owned(), reply: None }
    }

    pub(crate) fn error(&self) -> Error {
        let error = Error::new(self.kind, self.what.clone());
        match &self.reply {
            Some(reply) => error.with_reply(reply.clone()),
            None => error,
        }
    }
}

/// One command on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    line: Vec<u8>,
    patience: Duration,
    early: Option<oneshot::Sender<IncomingReply>>,
    last: oneshot::Sender<Result<IncomingReply, Gone>>,
    /// Told when the line has left this program.
    written: Option<oneshot::Sender<()>>,
    /// Given back when the last reply is there.
    turn: Option<OwnedSemaphorePermit>,
    sent: Option<Instant>,
    /// Nobody waits for the last reply any more, and the driver has seen that.
    abandoned: bool,
}

/// What the one who sent a command waits with.
#[derive(Debug)]
pub(crate) struct Ticket {
    early: Option<oneshot::Receiver<IncomingReply>>,
    last: oneshot::Receiver<Result<IncomingReply, Gone>>,
}

/// A command's reply so far.
#[derive(Debug)]
pub(crate) enum Progress {
    /// 1yz: more is to come.
    Early(IncomingReply),
    /// The last one.
    Last(IncomingReply),
}

impl Ticket {
    /// For a reply that is here already.
    pub(crate) fn answered(reply: IncomingReply) -> Self {
        let (to, last) = oneshot::channel();
        drop(to.send(Ok(reply)));
        Self { early: None, last }
    }

    /// The next reply: the 1yz reply once, then the last.
    pub(crate) async fn next(&mut self) -> Result<Progress> {
        if let Some(early) = &mut self.early {
            let reply = early.await;
            self.early = None;
            if let Ok(reply) = reply {
                return Ok(Progress::Early(reply));
            }
        }
        self.last().await.map(Progress::Last)
    }

    /// The last reply, whatever it says. There is only one: later calls are errors.
    pub(crate) async fn last(&mut self) -> Result<IncomingReply> {
        if self.last.is_terminated() {
            return Err(Error::new(ErrorKind::Closed, "the reply was taken before"));
        }
        match (&mut self.last).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(gone)) => Err(gone.error()),
            Err(_) => Err(Error::new(ErrorKind::Closed, "the connection has ended")),
        }
    }
}

/// A command line and how to wait for its reply.
pub(crate) fn outgoing(line: Vec<u8>, patience: Duration) -> (Outgoing, Ticket) {
    let (early_to, early) = oneshot::channel();
    let (last_to, last) = oneshot::channel();
    let outgoing = Outgoing {
        line,
        patience,
        early: Some(early_to),
        last: last_to,
        written: None,
        turn: None,
        sent: None,
        abandoned: false,
    };
    (outgoing, Ticket { early: Some(early), last })
}

impl Outgoing {
    /// And what ends when the line has left this program, or will not any more.
    pub(crate) fn telling(mut self) -> (Self, oneshot::Receiver<()>) {
        let (written_to, written) = oneshot::channel();
        self.written = Some(written_to);
        (self, written)
    }

    /// Holds a turn until the last reply is there.
    pub(crate) fn holding(mut self, turn: Option<OwnedSemaphorePermit>) -> Self {
        self.turn = turn;
        self
    }
}

enum Order {
    /// These lines, nothing between them.
    Batch(Vec<Outgoing>),
    /// ABOR, and find the place again.
    Abort(oneshot::Sender<Result<(), Gone>>),
    /// End at once.
    Kill(Gone),
}

/// The handle of a control connection; its task ends with the last one.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    orders: mpsc::UnboundedSender<Order>,
    gone: Arc<OnceLock<Gone>>,
}

impl Control {
    /// Takes a connection that is logged in. `times` are the time-out and how long the connection
    /// may be quiet beside a transfer before NOOP is said. `under_way` is a command that was sent.
    pub(crate) fn start(
        on: LoggedIn,
        times: (Duration, Option<Duration>),
        watcher: Option<Arc<dyn Watcher>>,
        id: u64,
        under_way: Option<Outgoing>,
    ) -> Self {
        let LoggedIn { wire, reader, ahead, .. } = on;
        let (orders, incoming) = mpsc::unbounded_channel();
        let gone = Arc::new(OnceLock::new());
        let driver = Driver::new((wire, reader), incoming, Arc::clone(&gone), times, (watcher, id));
        let driver = driver.with(under_way, ahead);
        drop(tokio::spawn(driver.run()));
        Self { orders, gone }
    }

    /// Sends these lines with nothing between them.
    pub(crate) fn send(&self, batch: Vec<Outgoing>) {
        // If the task is gone, the tickets say so.
        drop(self.orders.send(Order::Batch(batch)));
    }

    /// Sends ABOR and waits until the next command's reply will be the next reply.
    pub(crate) async fn abort(&self) -> Result<()> {
        let (done_to, done) = oneshot::channel();
        drop(self.orders.send(Order::Abort(done_to)));
        match done.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(gone)) => Err(gone.error()),
            Err(_) => Err(self.why().map_or_else(
                || Error::new(ErrorKind::Closed, "the connection has ended"),
                |gone| gone.error(),
            )),
        }
    }

    /// Ends the session at once: it is in a state that nobody can know.
    pub(crate) fn kill(&self, kind: ErrorKind, what: &str) {
        drop(self.orders.send(Order::Kill(Gone::new(kind, what))));
    }

    /// Why the session has ended, if it has.
    pub(crate) fn why(&self) -> Option<Gone> {
        self.gone.get().cloned()
    }

    /// Waits until the session has ended.
    pub(crate) async fn ended(&self) {
        self.orders.closed().await;
    }

    /// Whether the session has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.orders.is_closed() || self.gone.get().is_some()
    }
}
