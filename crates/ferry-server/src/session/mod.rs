//! One session's driver: moves octets between the control connection and the session machine,
//! waits, and carries out what the machine asks. Every decision is the machine's.
//!
//! Between commands a session holds no buffer: it waits for readability, for the sweep
//! ([`crate::registry`]) or for the end of the server, and only then borrows what it needs.

mod answer;
mod join;
mod moving;
mod names;
mod obey;
mod passive;
mod place;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ferry_proto::line::LineReader;
use ferry_proto::server::{Action, ServerSession};
use ferry_proto::verb::Verb;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::data::Passive;
use crate::errand::Errand;
use crate::events::{Event, SessionId};
use crate::guard::Guarded;
use crate::hosts::HostId;
use crate::input::Input;
use crate::joining::Joined;
use crate::kept::Kept;
use crate::net::Link;
use crate::opened::Ready;
use crate::options::ListenTls;
use crate::registry::{LoggedIn, Place};
use crate::server::Shared;
use crate::tls::SessionTls;
use crate::wire::Wire;

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
    /// The account's storage behind its guard, while someone is logged in.
    guard: Option<Arc<Guarded>>,
    /// The log-in counted against the account's own limit, if it has one.
    counted: Option<Box<LoggedIn>>,
    /// What the next transfer may use, if there is something.
    next_data: Option<Box<NextData>>,
    /// Second of the server's life in which the connection was accepted, or who was logged in left.
    since: u32,
    /// The host it is with.
    host: HostId,
    /// Nothing has been read yet.
    fresh: bool,
}

/// What the next transfer may use; never both at once.
#[derive(Debug)]
enum NextData {
    /// A port to which the peer connects.
    Passive(Passive),
    /// The data connection that the last transfer left open.
    Kept(Kept),
}

/// What exists only while commands are dealt with.
#[derive(Debug, Default)]
struct Work {
    input: Input,
    actions: VecDeque<Action>,
    replies: Vec<u8>,
    /// Since when replies are held back.
    held: Option<Instant>,
    ready: Option<Opening>,
    /// Who expects this connection as a data connection.
    expecting: Option<oneshot::Sender<Joined>>,
    eof: bool,
}

/// How long replies may wait for others.
const HELD_MAX: Duration = Duration::from_millis(2);

impl Work {
    /// Whether replies may wait for those of the commands behind, which are here already.
    fn may_hold(&mut self) -> bool {
        let now = Instant::now();
        let since = *self.held.get_or_insert(now);
        self.input.waits()
            && self.replies.len() < obey::REPLIES_GATHERED
            && now.saturating_duration_since(since) < HELD_MAX
    }
}

/// An opened transfer and what to report of it.
#[derive(Debug)]
struct Opening {
    ready: Ready,
    verb: Verb,
}

/// Why an idle session wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    Readable,
    Broken,
    TimedOut,
    PassiveExpired,
    /// Something came on the data connection that was kept, or nobody used it in time.
    KeptTouched,
    Dismissed,
}

/// The connection cannot be used any more.
#[derive(Debug)]
struct Gone(&'static str);

/// The usual end.
const CLOSED: &str = "the peer closed the connection";

/// A connection that failed.
const BROKE: &str = "the connection broke";

/// Serves one control connection until it ends.
pub(crate) async fn serve(mut control: Box<Control>, how: ListenTls) {
    let mut lives = Box::pin(control.open(how)).await;
    while lives.is_ok() {
        let wake = poll_fn(|cx| control.poll_idle(cx)).await;
        let attending = async move {
            let lives = control.attend(wake).await;
            (control, lives)
        };
        (control, lives) = Errand::new(attending).await;
    }
    let Gone(why) = lives.err().unwrap_or(Gone(CLOSED));
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
            lines: LineReader::with_telnet(shared.options.telnet),
            shared,
            place,
            id,
            wire: Wire::new(link),
            tls: None,
            guard: None,
            counted: None,
            next_data: None,
            since: now,
            host: 0,
            fresh: true,
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
            let certified = self.secure(&[]).await?;
            self.machine.set_certified(certified);
        }
        let limits = &self.shared.options.limits;
        let (here, allowed) = (self.shared.registry.sessions(), limits.sessions);
        let mut work = Work::default();
        self.machine
            .greeting(self.shared.hosts.rules(self.host), here, allowed)
            .write(&mut work.replies);
        self.flush(&mut work).await
    }

    fn poll_idle(&self, cx: &mut Context<'_>) -> Poll<Wake> {
        let now = self.shared.second();
        let deadline = self.deadline();
        if now >= deadline {
            return Poll::Ready(Wake::TimedOut);
        }
        let mut at = deadline;
        match self.next_data.as_deref() {
            None => {}
            Some(NextData::Passive(passive)) => {
                let expires = self.shared.second_of(passive.expires);
                if now >= expires {
                    return Poll::Ready(Wake::PassiveExpired);
                }
                at = at.min(expires);
            }
            Some(NextData::Kept(kept)) => {
                let expires = self.shared.second_of(kept.expires);
                if now >= expires || kept.poll_touched(cx).is_ready() {
                    return Poll::Ready(Wake::KeptTouched);
                }
                at = at.min(expires);
            }
        }
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
            let idle = self.machine.idle_secs(self.shared.hosts.rules(self.host));
            (self.place.slot().seen.heard(), u32::try_from(idle).unwrap_or(u32::MAX))
        } else {
            (self.since, whole(limits.login))
        };
        from.saturating_add(patience).saturating_add(1)
    }

    fn is_overdue(&self) -> bool {
        self.shared.second() >= self.deadline()
    }

    /// Whether the data connection that was kept is still open; forgets it if not.
    fn look_at_kept(&mut self) {
        if let Some(NextData::Kept(kept)) = self.next_data.as_deref_mut() {
            let expired = self.shared.second() >= self.shared.second_of(kept.expires);
            if expired || !kept.is_open() {
                self.close_data();
                self.machine.kept_ended();
            }
        }
    }

    /// Closes the passive port, or the data connection that was kept.
    fn close_data(&mut self) {
        if let Some(NextData::Kept(kept)) = self.next_data.take().map(|next| *next) {
            kept.close();
        }
    }

    /// Deals with why the session woke; afterwards it is idle again.
    async fn attend(&mut self, wake: Wake) -> Result<(), Gone> {
        let mut work = Work::default();
        let mut actions = Vec::new();
        match wake {
            Wake::Readable => {
                self.read_and_obey(&mut work).await?;
                self.place.slot().seen.hear(self.shared.second());
                return Ok(());
            }
            Wake::Broken => {
                return Err(Gone(BROKE));
            }
            Wake::PassiveExpired => {
                self.close_data();
                self.machine.passive_expired();
                return Ok(());
            }
            Wake::KeptTouched => {
                self.look_at_kept();
                return Ok(());
            }
            Wake::TimedOut => {
                self.machine.timed_out(self.shared.hosts.rules(self.host), &mut actions)
            }
            Wake::Dismissed => self.machine.dismissed(&mut actions),
        }
        work.actions.extend(actions);
        self.perform(&mut work).await
    }
}
