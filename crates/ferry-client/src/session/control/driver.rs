//! The task that owns a control connection: writes what is to be sent, reads replies, and knows who
//! has waited too long.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use ferry_proto::client::fault::{self, Fault};
use ferry_proto::client::line;
use ferry_proto::client::resync::{Place, Resync};
use ferry_proto::reply_reader::{IncomingReply, ReplyError, ReplyReader};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::noop::{ANSWER_MAX, Noop, Whose};
use super::{CR_MAX, Gone, Order, Outgoing};
use crate::error::ErrorKind;
use crate::net::{Received, Wire};
use crate::settings::{Watcher, WireEvent};

/// How long the last reply of an abandoned transfer may take, unless the time-out is shorter.
const ABANDONED_MAX: Duration = Duration::from_secs(15);

/// The most commands that wait for replies; more stay in the channel.
const WAITING_MAX: usize = 1024;

/// The most octets waiting to be written; more stay in the channel.
const UNSENT_MAX: usize = 64 * 1024;

/// How much is read at a time.
const READ_LEN: usize = 16 * 1024;

/// The most buffers read in a row before anything else has its turn: a flood of replies must not
/// keep the order to end the session from being heard.
const READS_MAX: u8 = 16;

/// The most replies in a row that nobody asked for, further 1yz replies of a command among them.
const UNASKED_MAX: u32 = 64;

pub(super) struct Driver {
    wire: Wire,
    reader: ReplyReader,
    /// What was read before.
    ahead: Vec<u8>,
    orders: mpsc::UnboundedReceiver<Order>,
    unsent: Vec<u8>,
    /// Who waits for that to have left.
    unsent_for: Vec<oneshot::Sender<()>>,
    /// What was written may still be inside the TLS layer.
    flushing: bool,
    /// When something was last written while something waited to be.
    written: Instant,
    waiting: VecDeque<Outgoing>,
    head_since: Instant,
    mid_since: Option<Instant>,
    resync: Option<(Resync, oneshot::Sender<Result<(), Gone>>)>,
    unasked: u32,
    timeout: Duration,
    watcher: Option<Arc<dyn Watcher>>,
    id: u64,
    gone: Arc<OnceLock<Gone>>,
    no_more: bool,
    /// How long the connection may be quiet beside a transfer, and since when it is.
    keep_alive: Duration,
    quiet_since: Instant,
    noop: Noop,
    /// What waits for the answer to a NOOP.
    held: Vec<Vec<Outgoing>>,
    /// More has come than is read in one go; orders come first for once.
    flooded: bool,
}

enum Event {
    Order(Option<Order>),
    Readable,
    Writable,
    Abandoned,
    Quiet,
    /// For NOOP, or for what tells whether it will be answered.
    Due,
    Broken,
}

impl Driver {
    pub(super) fn new(
        (wire, reader): (Wire, ReplyReader),
        orders: mpsc::UnboundedReceiver<Order>,
        gone: Arc<OnceLock<Gone>>,
        (timeout, keep_alive): (Duration, Option<Duration>),
        (watcher, id): (Option<Arc<dyn Watcher>>, u64),
    ) -> Self {
        Self {
            wire,
            reader,
            ahead: Vec::new(),
            orders,
            unsent: Vec::new(),
            unsent_for: Vec::new(),
            flushing: false,
            written: Instant::now(),
            waiting: VecDeque::new(),
            head_since: Instant::now(),
            mid_since: None,
            resync: None,
            unasked: 0,
            timeout,
            watcher,
            id,
            gone,
            no_more: false,
            keep_alive: keep_alive.unwrap_or_default(),
            quiet_since: Instant::now(),
            noop: Noop::new(keep_alive.is_some()),
            held: Vec::new(),
            flooded: false,
        }
    }

    /// With a command that was sent before, and what has been read of what answers it.
    pub(super) fn with(mut self, under_way: Option<Outgoing>, ahead: Vec<u8>) -> Self {
        if let Some(mut outgoing) = under_way {
            outgoing.sent = Some(Instant::now());
            self.waiting.push_back(outgoing);
            self.ahead = ahead;
        }
        self
    }

    pub(super) async fn run(mut self) {
        let ahead = std::mem::take(&mut self.ahead);
        let mut begun = self.feed(&ahead);
        let why = loop {
            if let Err(why) = std::mem::replace(&mut begun, Ok(())) {
                break why;
            }
            if self.no_more && self.waiting.is_empty() && self.unsent.is_empty() && !self.flushing {
                break Gone::new(ErrorKind::Closed, "the connection was closed");
            }
            let deadline = self.deadline();
            let quiet = self.reader.is_mid_reply().then(|| Instant::now() + CR_MAX);
            let due = self.due();
            let event = tokio::select! {
                event = poll_fn(|cx| self.poll(cx)) => event,
                () = wait_until(deadline) => {
                    break Gone::new(ErrorKind::Timeout, "the server does not answer");
                }
                () = wait_until(quiet) => Event::Quiet,
                () = wait_until(due) => Event::Due,
            };
            if matches!(event, Event::Order(Some(Order::Batch(_)))) && !self.waiting.is_empty() {
                // What others are about to send goes into the same segment. The server is busy with
                // what it has, so that nobody waits for this.
                tokio::task::yield_now().await;
            }
            if let Err(why) = self.on(event) {
                break why;
            }
        };
        drop(self.gone.set(why.clone()));
        for waiting in self.waiting.drain(..) {
            drop(waiting.last.send(Err(why.clone())));
        }
        for waiting in self.held.drain(..).flatten() {
            drop(waiting.last.send(Err(why.clone())));
        }
        if let Some((_, done)) = self.resync.take() {
            drop(done.send(Err(why.clone())));
        }
        self.orders.close();
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Batch(batch) => {
                    for outgoing in batch {
                        drop(outgoing.last.send(Err(why.clone())));
                    }
                }
                Order::Abort(done) => drop(done.send(Err(why.clone()))),
                Order::Kill(_) => {}
            }
        }
    }

    /// When somebody has waited too long.
    fn deadline(&self) -> Option<Instant> {
        let stuck = (self.flushing || !self.unsent.is_empty()).then(|| self.written + self.timeout);
        let reply = if self.noop.is_fenced() {
            Some(self.head_since + self.timeout)
        } else if self.resync.is_some() {
            Some(self.head_since + self.timeout.min(ABANDONED_MAX))
        } else if let Some(since) = self.mid_since {
            Some(since + self.waiting.front().map_or(self.timeout, |head| head.patience))
        } else {
            match self.waiting.front() {
                // With a transfer under way it counts from when that was seen: see `poll`.
                Some(head) if head.abandoned || (head.early.is_some() && head.last.is_closed()) => {
                    Some(self.head_since + self.timeout.min(ABANDONED_MAX))
                }
                Some(head) if head.early.is_some() => Some(self.head_since + head.patience),
                _ => None,
            }
        };
        [stuck, reply].into_iter().flatten().min()
    }

    /// When NOOP is to be said, or what stands behind one that was not answered.
    fn due(&self) -> Option<Instant> {
        if self.resync.is_some() || !self.unsent.is_empty() || self.flushing {
            return None;
        }
        match self.waiting.front() {
            Some(head) if self.noop.is_ready() => {
                let alone = self.waiting.len() == 1;
                let moving = head.early.is_none() && !head.abandoned && !head.last.is_closed();
                (alone && moving).then(|| self.quiet_since + self.keep_alive)
            }
            None if self.noop.is_asked() => {
                Some(self.head_since + ANSWER_MAX.min(self.timeout / 2))
            }
            _ => None,
        }
    }

    /// Says something of our own.
    fn say(&mut self, line: &[u8]) {
        if let Some(watcher) = &self.watcher {
            watcher.on(self.id, &WireEvent::Command(line));
        }
        self.unsent.extend_from_slice(line);
        self.unsent.extend_from_slice(b"\r\n");
        (self.written, self.quiet_since) = (Instant::now(), Instant::now());
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.flushing || !self.unsent.is_empty() {
            match self.wire.poll_writable(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Event::Writable),
                Poll::Ready(Err(_)) => return Poll::Ready(Event::Broken),
                Poll::Pending => {}
            }
        }
        if std::mem::take(&mut self.flooded)
            && let Poll::Ready(order) = self.orders.poll_recv(cx)
        {
            return Poll::Ready(Event::Order(order));
        }
        match self.wire.poll_readable(cx) {
            Poll::Ready(Ok(())) => return Poll::Ready(Event::Readable),
            Poll::Ready(Err(_)) => return Poll::Ready(Event::Broken),
            Poll::Pending => {}
        }
        if let Some(head) = self.waiting.front_mut()
            && head.early.is_none()
            && !head.abandoned
            && head.last.poll_closed(cx).is_ready()
        {
            head.abandoned = true;
            return Poll::Ready(Event::Abandoned);
        }
        let many = self.waiting.len().max(self.held.len());
        let room = many < WAITING_MAX && self.unsent.len() < UNSENT_MAX;
        if room && !self.no_more {
            return self.orders.poll_recv(cx).map(Event::Order);
        }
        Poll::Pending
    }

    fn on(&mut self, event: Event) -> Result<(), Gone> {
        match event {
            Event::Order(None) => self.no_more = true,
            Event::Order(Some(Order::Batch(batch))) if self.noop.holds() => self.held.push(batch),
            Event::Order(Some(Order::Batch(batch))) => {
                self.take(batch);
                // What is waiting goes out in one segment.
                while self.waiting.len() < WAITING_MAX && self.unsent.len() < UNSENT_MAX {
                    match self.orders.try_recv() {
                        Ok(Order::Batch(batch)) => self.take(batch),
                        Ok(other) => return self.on(Event::Order(Some(other))),
                        Err(_) => break,
                    }
                }
            }
            Event::Order(Some(Order::Abort(done))) => self.abort(done)?,
            Event::Order(Some(Order::Kill(why))) => return Err(why),
            Event::Readable => self.read()?,
            Event::Writable => self.write()?,
            // The wait for its last reply begins.
            Event::Abandoned => self.head_since = Instant::now(),
            Event::Quiet => {
                if let Some(reply) = self.reader.on_silence().map_err(|e| broken(&e))? {
                    self.mid_since = None;
                    self.on_reply(reply)?;
                }
            }
            Event::Due if self.noop.is_ready() => {
                self.say(b"NOOP");
                self.noop.said();
            }
            Event::Due => {
                self.say(b"PWD");
                self.noop.fenced();
                self.head_since = Instant::now();
            }
            Event::Broken => return Err(self.ended()),
        }
        Ok(())
    }

    fn ended(&mut self) -> Gone {
        if let Ok(Some(reply)) = self.reader.on_eof() {
            match self.on_reply(reply) {
                Ok(()) => {}
                Err(why) => return why,
            }
        }
        Gone::new(ErrorKind::Closed, "the server closed the connection")
    }

    fn take(&mut self, batch: Vec<Outgoing>) {
        if self.unsent.is_empty() {
            self.written = Instant::now();
        }
        if self.waiting.is_empty() {
            self.head_since = Instant::now();
        }
        self.quiet_since = Instant::now();
        for mut outgoing in batch {
            if let Some(watcher) = &self.watcher {
                watcher.on(self.id, &WireEvent::Command(&line::shown(&outgoing.line)));
            }
            self.unsent.append(&mut outgoing.line);
            self.unsent_for.extend(outgoing.written.take());
            outgoing.sent = Some(Instant::now());
            self.waiting.push_back(outgoing);
        }
    }

    fn abort(&mut self, done: oneshot::Sender<Result<(), Gone>>) -> Result<(), Gone> {
        if self.waiting.len() > 1 || self.noop.is_fenced() {
            // Which of the replies to come belong to whom, nobody can tell.
            return Err(Gone::new(ErrorKind::Cancelled, "the transfer was aborted"));
        }
        if let Some(head) = self.waiting.pop_front() {
            let why = Gone::new(ErrorKind::Cancelled, "the transfer was aborted");
            drop(head.last.send(Err(why)));
        }
        if let Some(watcher) = &self.watcher {
            watcher.on(self.id, &WireEvent::Command(b"ABOR"));
        }
        self.unsent.extend_from_slice(b"ABOR\r\nPWD\r\n");
        self.written = Instant::now();
        self.head_since = Instant::now();
        self.resync = Some((Resync::default(), done));
        if self.noop.is_asked() {
            self.noop.aborted();
            self.take_held();
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Gone> {
        loop {
            let result = match self.unsent.is_empty() {
                true => return self.flush(),
                false => self.wire.try_write(&self.unsent),
            };
            match result {
                Ok(n) => {
                    self.unsent.drain(..n);
                    self.written = Instant::now();
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return self.broken_write(),
            }
        }
    }

    fn flush(&mut self) -> Result<(), Gone> {
        let result = self.wire.try_flush();
        self.flushing = false;
        match result {
            Ok(()) => {
                for waits in self.unsent_for.drain(..) {
                    let _ = waits.send(());
                }
                Ok(())
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                self.flushing = true;
                Ok(())
            }
            Err(_) => self.broken_write(),
        }
    }

    /// What cannot be written may still have been answered: `421`, mostly.
    fn broken_write(&mut self) -> Result<(), Gone> {
        self.unsent.clear();
        self.read()?;
        Err(self.ended())
    }

    fn read(&mut self) -> Result<(), Gone> {
        let mut buf = [0; READ_LEN];
        for _ in 0..READS_MAX {
            match self.wire.try_read(&mut buf) {
                Ok(Received::Bytes(0)) => return Ok(()),
                Ok(Received::Bytes(n)) => self.feed(buf.get(..n).unwrap_or_default())?,
                Ok(Received::Eof | Received::Truncated) => return Err(self.ended()),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(self.ended()),
            }
        }
        self.flooded = true;
        Ok(())
    }

    fn feed(&mut self, mut input: &[u8]) -> Result<(), Gone> {
        loop {
            let reply = self.reader.feed(&mut input).map_err(|e| broken(&e))?;
            match reply {
                Some(reply) => {
                    self.mid_since = None;
                    self.on_reply(reply)?;
                }
                None => break,
            }
        }
        if self.reader.is_mid_reply() {
            self.mid_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    fn on_reply(&mut self, reply: IncomingReply) -> Result<(), Gone> {
        self.tell(&reply);
        (self.head_since, self.quiet_since) = (Instant::now(), Instant::now());
        if reply.code == 421 {
            return Err(Self::closing(reply));
        }
        if let Some((resync, _)) = &mut self.resync {
            match resync.on_reply(reply.code) {
                Place::Before => {}
                Place::Found => {
                    if let Some((_, done)) = self.resync.take() {
                        drop(done.send(Ok(())));
                    }
                }
                Place::Lost => {
                    let what = "the server's answers to ABOR make no sense";
                    return Err(Gone::new(ErrorKind::Protocol, what));
                }
            }
            return Ok(());
        }
        if reply.code >= 200 && self.noop.on_reply(reply.code) == Whose::Ours {
            if !self.noop.holds() {
                self.take_held();
            }
            return Ok(());
        }
        let Some(head) = self.waiting.front_mut() else {
            return self.on_unasked();
        };
        if (100..200).contains(&reply.code) {
            let Some(early) = head.early.take() else {
                return self.on_unasked();
            };
            drop(early.send(reply));
            return Ok(());
        }
        self.unasked = 0;
        if let Some(head) = self.waiting.pop_front() {
            // In this order: who waits for the turn may send as soon as it is free.
            drop(head.early);
            drop(head.turn);
            drop(head.last.send(Ok(reply)));
        }
        Ok(())
    }

    fn take_held(&mut self) {
        for batch in std::mem::take(&mut self.held) {
            self.take(batch);
        }
    }

    fn on_unasked(&mut self) -> Result<(), Gone> {
        self.unasked += 1;
        let what = "the server sends replies that nobody asked for";
        match self.unasked {
            0..UNASKED_MAX => Ok(()),
            _ => Err(Gone::new(ErrorKind::Protocol, what)),
        }
    }

    fn closing(reply: IncomingReply) -> Gone {
        let kind = match fault::of(&reply) {
            Fault::TooMany => ErrorKind::TooMany,
            _ => ErrorKind::Closed,
        };
        Gone { kind, what: "the server ended the session".to_owned(), reply: Some(reply) }
    }

    fn tell(&self, reply: &IncomingReply) {
        let Some(watcher) = &self.watcher else {
            return;
        };
        let sent = self.waiting.front().and_then(|head| head.sent);
        let took = sent.map_or(Duration::ZERO, |sent| sent.elapsed());
        crate::session::tell_reply(&**watcher, self.id, reply, took);
    }
}

fn broken(error: &ReplyError) -> Gone {
    Gone::new(ErrorKind::Protocol, &error.to_string())
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
