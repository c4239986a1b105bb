//! One session's driver: moves octets between the control connection and the session machine,
//! waits, and carries out what the machine asks. Every decision is the machine's.
//!
//! Between commands a session holds no buffer: it waits for readability, for the sweep
//! ([`crate::registry`]) or for the end of the server, and only then borrows what it needs.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use ferry_proto::command::{CommandError, is_foreign_first_octet};
use ferry_proto::line::{LineEvent, LineReader};
use ferry_proto::path::FtpPath;
use ferry_proto::repr::Representation;
use ferry_proto::server::{
    Action, Ask, DataVia, End, LoginRefusal, Outcome, Plan, ServerSession, canonical,
};
use ferry_proto::verb::Verb;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::data::{self, Passive};
use crate::events::{Event, SessionId};
use crate::guard::Guarded;
use crate::input::Input;
use crate::net::Link;
use crate::opened::{self, Ready};
use crate::ops::Session;
use crate::options::ListenTls;
use crate::registry::{LoggedIn, Place};
use crate::server::Shared;
use crate::tls::{Channel, SessionTls};
use crate::transfer::{self, Connection, Done, Job, Via};
use crate::wire::{Received, Wire};

/// Octets read from the control connection at a time.
const READ_CHUNK: usize = 4096;

/// Replies gathered before they are sent while more commands wait.
const REPLIES_GATHERED: usize = 16 << 10;

/// A session between the kernel and the machine. What an idle session costs is this, its task and
/// the kernel's socket.
#[derive(Debug)]
pub(crate) struct Control {
    shared: Arc<Shared>,
    place: Place,
    id: SessionId,
    machine: ServerSession,
    wire: Wire,
    lines: LineReader,
    tls: Option<Box<SessionTls>>,
    tls_version: Option<&'static str>,
    /// The account's storage behind its guard, while someone is logged in.
    guard: Option<Arc<Guarded>>,
    /// The log-in counted against the account's own limit, if it has one.
    counted: Option<Box<LoggedIn>>,
    passive: Option<Box<Passive>>,
    /// Second of the server's life in which the connection was accepted.
    since: u32,
    /// Second in which a command was last dealt with.
    heard: u32,
    /// Nothing has been read yet.
    fresh: bool,
    why_closed: &'static str,
}

/// What exists only while commands are dealt with.
#[derive(Debug, Default)]
struct Work {
    input: Input,
    actions: VecDeque<Action>,
    replies: Vec<u8>,
    ready: Option<Opening>,
    eof: bool,
}

/// An opened transfer and what to report of it.
#[derive(Debug)]
struct Opening {
    ready: Ready,
    verb: Verb,
    representation: Representation,
}

/// Why an idle session wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    Readable,
    Broken,
    TimedOut,
    PassiveExpired,
    Dismissed,
}

/// The connection cannot be used any more.
#[derive(Debug)]
struct Gone;

/// Serves one control connection until it ends.
pub(crate) async fn serve(mut control: Box<Control>, how: ListenTls) {
    if Box::pin(control.open(how)).await.is_ok() {
        loop {
            let wake = poll_fn(|cx| control.poll_idle(cx)).await;
            if Box::pin(control.attend(wake)).await.is_err() {
                break;
            }
        }
    }
    let why = control.why_closed;
    control.report(&Event::Closed { why });
}

impl Control {
    pub(crate) fn new(
        shared: Arc<Shared>,
        place: Place,
        id: SessionId,
        link: Box<dyn Link>,
        peer: SocketAddr,
        how: ListenTls,
    ) -> Box<Self> {
        let umask = u16::try_from(shared.options.umask & 0o777).unwrap_or(0o022);
        let implicit = how == ListenTls::Implicit;
        let now = shared.second();
        Box::new(Self {
            machine: ServerSession::new(peer, umask, implicit),
            shared,
            place,
            id,
            wire: Wire::new(link),
            lines: LineReader::default(),
            tls: None,
            tls_version: None,
            guard: None,
            counted: None,
            passive: None,
            since: now,
            heard: now,
            fresh: true,
            why_closed: "the peer closed the connection",
        })
    }

    fn report(&self, event: &Event<'_>) {
        self.shared.observer.on(self.id, event);
    }

    /// The handshake of implicit TLS, then the greeting.
    async fn open(&mut self, how: ListenTls) -> Result<(), Gone> {
        let peer = self.machine.peer();
        self.report(&Event::Connected { peer });
        if how == ListenTls::Implicit {
            self.secure(&[]).await?;
        }
        let limits = &self.shared.options.limits;
        let (here, allowed) = (self.shared.registry.sessions(), limits.sessions);
        let mut work = Work::default();
        self.machine
            .greeting(&self.shared.rules, here, allowed)
            .write(&mut work.replies);
        self.flush(&mut work).await
    }

    fn poll_idle(&self, cx: &mut Context<'_>) -> Poll<Wake> {
        let now = self.shared.second();
        let deadline = self.deadline();
        if now >= deadline {
            return Poll::Ready(Wake::TimedOut);
        }
        let expires = self
            .passive
            .as_ref()
            .map(|p| self.shared.second_of(p.expires));
        if expires.is_some_and(|at| now >= at) {
            return Poll::Ready(Wake::PassiveExpired);
        }
        let at = expires.map_or(deadline, |at| at.min(deadline));
        self.place.slot().sleep_until(at, cx.waker());
        if self.shared.registry.is_draining() {
            return Poll::Ready(Wake::Dismissed);
        }
        self.wire.poll_readable(cx).map(|result| match result {
            Ok(()) => Wake::Readable,
            Err(_) => Wake::Broken,
        })
    }

    /// The second in which patience ends; one is added so that rounding never ends it early.
    fn deadline(&self) -> u32 {
        let limits = &self.shared.options.limits;
        let whole = |d: Duration| u32::try_from(d.as_secs()).unwrap_or(u32::MAX);
        let (from, patience) = if self.machine.is_logged_in() {
            (self.heard, limits.idle)
        } else {
            (self.since, limits.login)
        };
        from.saturating_add(whole(patience)).saturating_add(1)
    }

    /// Deals with why the session woke; afterwards it is idle again.
    async fn attend(&mut self, wake: Wake) -> Result<(), Gone> {
        let mut work = Work::default();
        let mut actions = Vec::new();
        match wake {
            Wake::Readable => {
                self.read_and_obey(&mut work).await?;
                self.heard = self.shared.second();
                return Ok(());
            }
            Wake::Broken => {
                self.why_closed = "the connection broke";
                return Err(Gone);
            }
            Wake::PassiveExpired => {
                self.passive = None;
                self.machine.passive_expired();
                return Ok(());
            }
            Wake::TimedOut => self.machine.timed_out(&self.shared.rules, &mut actions),
            Wake::Dismissed => self.machine.dismissed(&mut actions),
        }
        work.actions.extend(actions);
        self.perform(&mut work).await
    }

    async fn read_and_obey(&mut self, work: &mut Work) -> Result<(), Gone> {
        loop {
            let limit = self.shared.line_limit();
            while let Some(event) = work.input.next(&mut self.lines, limit) {
                self.obey(work, event).await?;
            }
            if work.eof {
                self.flush(work).await?;
                return Err(Gone);
            }
            if !self.read(work)? {
                return self.flush(work).await;
            }
            self.perform(work).await?;
        }
    }

    /// Reads once; whether there was anything.
    fn read(&mut self, work: &mut Work) -> Result<bool, Gone> {
        let mut chunk = [0; READ_CHUNK];
        let room = work.input.room().min(READ_CHUNK);
        match self
            .wire
            .try_read(chunk.get_mut(..room).unwrap_or_default())
        {
            Ok(Received::Bytes(n)) => {
                let got = chunk.get(..n).unwrap_or_default();
                if self.fresh && got.first().copied().is_some_and(is_foreign_first_octet) {
                    let mut actions = Vec::new();
                    self.machine.foreign(&mut actions);
                    work.actions.extend(actions);
                }
                self.fresh &= n == 0;
                work.input.push(got);
                Ok(true)
            }
            Ok(Received::Eof | Received::Truncated) => {
                work.eof = true;
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(_) => {
                self.why_closed = "the connection broke";
                Err(Gone)
            }
        }
    }

    async fn obey(&mut self, work: &mut Work, event: LineEvent) -> Result<(), Gone> {
        let rules = &self.shared.rules;
        let mut actions = Vec::new();
        match event {
            LineEvent::Line(line) => {
                if work.eof && uses_data(&line) {
                    self.flush(work).await?;
                    return Err(Gone);
                }
                self.machine.command(&line, rules, 0, &mut actions);
            }
            LineEvent::TooLong => {
                self.machine
                    .bad_line(CommandError::TooLong, rules, &mut actions);
            }
            LineEvent::Nul => self
                .machine
                .bad_line(CommandError::Nul, rules, &mut actions),
            LineEvent::Answer(octets) => work.replies.extend_from_slice(&octets),
        }
        work.actions.extend(actions);
        self.perform(work).await?;
        if work.replies.len() > REPLIES_GATHERED {
            self.flush(work).await
        } else {
            Ok(())
        }
    }

    async fn flush(&mut self, work: &mut Work) -> Result<(), Gone> {
        if work.replies.is_empty() {
            return Ok(());
        }
        let stall = self.shared.options.limits.stall;
        let sent = timeout(stall, self.wire.write_all(&work.replies)).await;
        work.replies.clear();
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => {
                self.why_closed = "the connection broke";
                Err(Gone)
            }
            Err(_) => {
                self.why_closed = "the peer does not read its replies";
                Err(Gone)
            }
        }
    }

    /// Performs what the machine wants, in order, until it wants nothing more.
    async fn perform(&mut self, work: &mut Work) -> Result<(), Gone> {
        while let Some(action) = work.actions.pop_front() {
            match action {
                Action::Reply(reply) => reply.write(&mut work.replies),
                Action::Ask(ask) => {
                    let outcome = Box::pin(self.answer(ask, work)).await?;
                    let mut actions = Vec::new();
                    self.machine
                        .conclude(outcome, &self.shared.rules, &mut actions);
                    work.actions.extend(actions);
                }
                Action::StartTls => {
                    self.flush(work).await?;
                    self.start_tls(work).await?;
                }
                Action::Forget => self.forget(),
                Action::CloseData => self.passive = None,
                Action::DropOpened => work.ready = None,
                // Only a running transfer can be aborted, and that is where it is looked for.
                Action::AbortTransfer => {}
                Action::Close(why) => {
                    self.why_closed = why;
                    self.flush(work).await?;
                    self.close().await;
                    return Err(Gone);
                }
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.guard = None;
        self.counted = None;
    }

    /// Our end of the connection, then a short wait for the peer's: closing while octets are
    /// unread would reset the connection and could take the last reply with it.
    async fn close(&mut self) {
        self.passive = None;
        self.forget();
        let limit = self.shared.options.limits.close;
        let farewell = async {
            let mut scratch = [0; 512];
            let mut unread = 0;
            self.wire.close_write().await?;
            while unread < crate::input::INPUT_MAX {
                match self.wire.read(&mut scratch).await? {
                    Received::Bytes(n) => unread += n,
                    Received::Eof | Received::Truncated => break,
                }
            }
            io::Result::Ok(())
        };
        // The peer may be gone or silent; either way nothing is owed any more.
        let _ = timeout(limit, farewell).await;
    }

    /// What a client pipelined behind AUTH was sent in the clear, perhaps by someone else: it is
    /// taken for the start of the handshake or ends the connection, but is never obeyed
    /// (CVE-2011-0411 and its kin).
    async fn start_tls(&mut self, work: &mut Work) -> Result<(), Gone> {
        let early = work.input.take_raw();
        if early.first().is_some_and(|&b| b != 0x16) || self.lines.is_mid_line() {
            let what = "commands were sent in the clear behind AUTH; closed";
            self.report(&Event::Noticed { what });
            self.why_closed = "plain text behind AUTH";
            return Err(Gone);
        }
        self.secure(&early).await?;
        self.lines = LineReader::default();
        self.machine.tls_up();
        Ok(())
    }

    async fn secure(&mut self, early: &[u8]) -> Result<(), Gone> {
        self.why_closed = "the TLS handshake failed";
        let Some(setup) = &self.shared.tls else {
            return Err(Gone);
        };
        let resumption = self.shared.options.data_resumption;
        let Ok(tls) = setup.session(resumption) else {
            return Err(Gone);
        };
        let limit = self.shared.options.limits.handshake;
        let handshake = self.wire.accept_tls(tls.offer(Channel::Control), early);
        match timeout(limit, handshake).await {
            Ok(Ok(facts)) => {
                self.tls_version = Some(facts.version);
                self.tls = Some(Box::new(tls));
                self.why_closed = "the peer closed the connection";
                // The first octet under TLS is one the peer meant for FTP.
                self.fresh = false;
                Ok(())
            }
            Ok(Err(error)) => {
                let source = std::error::Error::source(&error);
                let what = source.map_or_else(|| error.to_string(), |s| format!("{error}: {s}"));
                self.report(&Event::Noticed { what: &what });
                Err(Gone)
            }
            Err(_) => Err(Gone),
        }
    }

    async fn answer(&mut self, ask: Ask, work: &mut Work) -> Result<Outcome, Gone> {
        Ok(match ask {
            Ask::Login { user, password } => {
                self.flush(work).await?;
                self.login(&user, &password).await
            }
            Ask::Pause(secs) => {
                self.flush(work).await?;
                sleep(Duration::from_secs(secs)).await;
                Outcome::Done
            }
            Ask::Listen { announce } => self.listen(announce),
            Ask::Open(plan) => self.open_transfer(*plan, work).await,
            Ask::Move { via, protect } => {
                self.flush(work).await?;
                Box::pin(self.run_transfer(via, protect, work)).await?
            }
            other => match self.session() {
                Some(session) => {
                    let told = told(&other);
                    let outcome = session.perform(other).await;
                    if let (Outcome::Done, Some((verb, path, to))) = (&outcome, &told) {
                        self.report(&Event::Changed {
                            verb,
                            path,
                            to: to.as_ref(),
                        });
                    }
                    outcome
                }
                None => Outcome::Failed(ferry_proto::server::Failure::Denied),
            },
        })
    }

    async fn login(&mut self, user: &[u8], password: &[u8]) -> Outcome {
        let ip = self.machine.peer().ip();
        let limit = self.shared.options.limits.login;
        let verdict = timeout(limit, self.shared.auth.login(user, password, ip)).await;
        let Ok(Some(login)) = verdict else {
            self.report(&Event::LoginFailed { user });
            return Outcome::LoginRefused(LoginRefusal::Wrong);
        };
        let account = login.account;
        let counted = self
            .shared
            .registry
            .log_in(&account.name, account.sessions_max);
        if account.sessions_max.is_some() && counted.is_none() {
            self.report(&Event::LoginFailed { user });
            return Outcome::LoginRefused(LoginRefusal::TooManySessions);
        }
        self.report(&Event::LoggedIn {
            user: &account.name,
            anonymous_hint: account.anonymous.then_some(password),
            tls: self.tls_version,
        });
        let home = account.home.clone();
        let guard = Arc::new(Guarded::new(account, login.storage));
        self.guard = Some(guard);
        self.counted = counted.map(Box::new);
        Outcome::LoggedIn(home)
    }

    fn listen(&mut self, announce: bool) -> Outcome {
        let options = &self.shared.options;
        let peer = self.machine.peer().ip();
        let listening = self.wire.local_addr().and_then(|local| {
            let local = canonical(local).ip();
            let (net, entropy) = (&*self.shared.net, &self.shared.entropy);
            let listener = data::open_passive(net, entropy, options, local)?;
            Ok((local, listener.local_addr()?.port(), listener))
        });
        match listening {
            Ok((local, port, listener)) => {
                let expires = tokio::time::Instant::now() + options.limits.passive_unused;
                self.passive = Some(Box::new(Passive { listener, expires }));
                let ip = if announce {
                    data::announced(options, local, peer)
                } else {
                    local
                };
                Outcome::Listening(SocketAddr::new(ip, port))
            }
            Err(error) => {
                let what = format!("no passive port could be opened: {error}");
                self.report(&Event::Noticed { what: &what });
                Outcome::Failed(ferry_proto::server::Failure::NoPort)
            }
        }
    }

    fn session(&self) -> Option<Session> {
        let options = &self.shared.options;
        Some(Session {
            guard: Arc::clone(self.guard.as_ref()?),
            entropy: Arc::clone(&self.shared.entropy),
            now: self.shared.clock.now(),
            uploads: options.uploads,
            show_hidden: options.show_hidden,
            ascii_size_scan: options.limits.ascii_size_scan,
            ascii_restart_scan: options.limits.ascii_restart_scan,
            stat_entries: options.limits.stat_entries,
        })
    }

    async fn open_transfer(&self, plan: Plan, work: &mut Work) -> Outcome {
        let Some(session) = self.session() else {
            return Outcome::Failed(ferry_proto::server::Failure::Denied);
        };
        let (verb, representation) = (plan.verb, plan.representation);
        let path = about(&plan);
        match opened::open(&session, plan).await {
            Ok(ready) => {
                let (wire_len, stored_as) = (ready.wire_len, ready.stored_as.clone());
                work.ready = Some(Opening {
                    ready,
                    verb,
                    representation,
                });
                Outcome::Opened {
                    wire_len,
                    stored_as,
                }
            }
            Err(refused) => {
                let why = match &refused {
                    crate::ops::Refused::Storage(error) => error.to_string(),
                    crate::ops::Refused::TooCostly => String::from("too costly"),
                };
                if let Some(path) = path {
                    self.report(&Event::Transferred {
                        verb: verb.name(),
                        path: &path,
                        bytes: 0,
                        took: Duration::ZERO,
                        tls: None,
                        failed: Some(&why),
                    });
                }
                Outcome::Failed(refused.failure())
            }
        }
    }

    /// Runs a transfer while the control connection is still listened to.
    async fn run_transfer(
        &mut self,
        via: DataVia,
        protect: bool,
        work: &mut Work,
    ) -> Result<Outcome, Gone> {
        let Some(Opening {
            ready,
            verb,
            representation,
        }) = work.ready.take()
        else {
            return Ok(Outcome::Ended(End::Broken));
        };
        let (moved, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let path = ready.path.clone();
        let via = match via {
            DataVia::Active(to) => Via::Active(to),
            DataVia::Passive => self
                .passive
                .take()
                .map_or(Via::Nowhere, |p| Via::Passive(p.listener)),
        };
        let connection = Connection {
            shared: Arc::clone(&self.shared),
            session: self.id,
            via,
            tls: self.tls.as_deref().filter(|_| protect).cloned(),
            peer: self.machine.peer().ip(),
            local: canonical(self.wire.local_addr().map_err(|_| Gone)?),
        };
        let (moving, stop) = (Arc::clone(&moved), Arc::clone(&stop));
        let job = Job {
            connection,
            ready,
            representation,
            moved: moving,
            stop,
        };
        let done = Box::pin(self.watch_transfer(job, work)).await?;
        self.report(&Event::Transferred {
            verb: verb.name(),
            path: &path,
            bytes: moved.load(Ordering::Relaxed),
            took: done.took,
            tls: done.tls,
            failed: done.why.as_deref(),
        });
        Ok(Outcome::Ended(done.end))
    }

    async fn watch_transfer(&mut self, job: Job, work: &mut Work) -> Result<Done, Gone> {
        let shared = Arc::clone(&self.shared);
        let (moved, stop) = (Arc::clone(&job.moved), Arc::clone(&job.stop));
        let limit = shared.line_limit();
        let mut transfer = Box::pin(transfer::run(job));
        let mut gone = None;
        loop {
            work.input.look_ahead(&mut self.lines, limit);
            while let Some(line) = work.input.take_ahead(|c| self.machine.overtakes(c)) {
                if self.overtake(&line, &moved, &stop, work).await.is_err() {
                    gone = Some(Gone);
                }
            }
            // A control connection that ends takes its transfer with it, unless QUIT was said.
            if gone.is_some() || (work.eof && !work.input.has_quit()) {
                stop.notify_one();
            }
            let listen = gone.is_none() && !work.eof && work.input.room() > 0;
            tokio::select! {
                biased;
                done = &mut transfer => {
                    return gone.map_or(Ok(done), Err);
                }
                () = shared.ending.notified() => stop.notify_one(),
                ready = poll_fn(|cx| self.wire.poll_readable(cx)), if listen => {
                    if ready.is_err() || self.read(work).is_err() {
                        gone = Some(Gone);
                    }
                }
            }
        }
    }

    /// ABOR or STAT while data moves: answered at once, before the transfer's own reply.
    async fn overtake(
        &mut self,
        line: &[u8],
        moved: &AtomicU64,
        stop: &Notify,
        work: &mut Work,
    ) -> Result<(), Gone> {
        let mut actions = Vec::new();
        let so_far = moved.load(Ordering::Relaxed);
        self.machine
            .command(line, &self.shared.rules, so_far, &mut actions);
        for action in actions {
            match action {
                Action::Reply(reply) => reply.write(&mut work.replies),
                Action::AbortTransfer => stop.notify_one(),
                _ => {}
            }
        }
        self.flush(work).await
    }
}

fn uses_data(line: &[u8]) -> bool {
    let word = line.split(|&b| b == b' ').next().unwrap_or_default();
    Verb::find(word).is_some_and(|v| v.info().data)
}

/// What a transfer is about, for logs.
fn about(plan: &Plan) -> Option<FtpPath> {
    use ferry_proto::server::Transfer;
    Some(match &plan.what {
        Transfer::Retrieve { path, .. }
        | Transfer::Store { path, .. }
        | Transfer::Append { path, .. }
        | Transfer::Facts { path, .. } => path.clone(),
        Transfer::StoreUnique { dir, .. } => dir.clone(),
        Transfer::List { targets, .. } => targets.first()?.path.clone(),
    })
}

/// What to report of a change that succeeds.
fn told(ask: &Ask) -> Option<(&'static str, FtpPath, Option<FtpPath>)> {
    Some(match ask {
        Ask::MakeDir(path, _) => ("MKD", path.clone(), None),
        Ask::RemoveDir(path) => ("RMD", path.clone(), None),
        Ask::Delete(path) => ("DELE", path.clone(), None),
        Ask::Rename(from, to) => ("RNTO", from.clone(), Some(to.clone())),
        Ask::ChangeMode(path, _) => ("SITE CHMOD", path.clone(), None),
        Ask::SetTimes { path, .. } => ("MFMT", path.clone(), None),
        _ => return None,
    })
}
