//! The server as a whole: binds the listeners, accepts control connections within the limits and
//! gives each its session task.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ferry_proto::addr::canonical_ip;
use ferry_proto::date::UnixTime;
use ferry_proto::reply::Reply;
use ferry_proto::server::Rules;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::auth::Authenticator;
use crate::entropy::Entropy;
use crate::events::{Event, Observer, SessionId};
use crate::hosts::{Host, Hosts, VirtualHost};
use crate::net::{Link, Listener, Net, Purpose};
use crate::options::{ListenTls, Options, RequireTls};
use crate::registry::{Full, Registry};
use crate::session::{self, Control};
use crate::tls::TlsSetup;

/// Tells the time of day (for listings and MDTM, not for time-outs).
pub trait WallClock: Send + Sync + std::fmt::Debug + 'static {
    /// Now.
    fn now(&self) -> UnixTime;
}

/// What a server is made of.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Setup {
    /// What the operator decided.
    pub options: Options,
    /// The network to listen on.
    pub net: Arc<dyn Net>,
    /// Who decides on log-ins.
    pub auth: Arc<dyn Authenticator>,
    /// Certificate and key; without them AUTH TLS is refused.
    pub tls: Option<TlsSetup>,
    /// Hosts of other names on the same listeners.
    pub hosts: Vec<VirtualHost>,
    /// The time of day.
    pub clock: Arc<dyn WallClock>,
    /// Who hears of events.
    pub observer: Arc<dyn Observer>,
    /// Seed of every random choice that is not cryptography (passive ports, STOU names): from the
    /// system for a real server, fixed for a replay.
    pub seed: u64,
}

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) hosts: Hosts,
    pub(crate) net: Arc<dyn Net>,
    pub(crate) clock: Arc<dyn WallClock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) entropy: Arc<Entropy>,
    /// Told when transfers must stop, too.
    pub(crate) ending: Notify,
    started: Instant,
    next_session: AtomicU64,
}

impl Shared {
    fn new(setup: Setup) -> Self {
        let Setup { options, net, auth, tls, hosts, clock, observer, seed } = setup;
        let rules = Rules {
            tls: tls.is_some(),
            login_needs_tls: options.require_tls != RequireTls::No,
            data_needs_tls: options.require_tls == RequireTls::Both,
            wrong_passwords: options.limits.wrong_passwords,
            default_data_port: options.default_data_port,
            anonymous: auth.welcomes_anonymous(),
            banner: options.banner.clone(),
            idle_secs: options.limits.idle.as_secs(),
            login_secs: options.limits.login.as_secs(),
            ccc: options.ccc,
            long_addresses: options.long_addresses,
            umask: u16::try_from(options.umask & 0o777).unwrap_or(0o022),
            idle_max_secs: options.limits.idle_max.as_secs(),
            sets_created: auth.sets_created(),
        };
        let registry = Arc::new(Registry::new(&options.limits));
        let main = Host::new(rules, auth, options.charset, options.names.clone(), tls);
        Self {
            options,
            hosts: Hosts::new(main, hosts),
            net,
            clock,
            observer,
            registry,
            entropy: Arc::new(Entropy::new(seed)),
            ending: Notify::new(),
            started: Instant::now(),
            next_session: AtomicU64::new(1),
        }
    }

    /// Longest command line without its CRLF.
    pub(crate) fn line_limit(&self) -> usize {
        self.options.limits.line.saturating_sub(2)
    }

    /// Whole seconds since the server started.
    pub(crate) fn second(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX)
    }

    /// The first whole second after `at`.
    pub(crate) fn second_of(&self, at: Instant) -> u32 {
        let since = at.saturating_duration_since(self.started);
        u32::try_from(since.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// A server whose listeners are bound.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<(Box<dyn Listener>, ListenTls)>,
    stop: Arc<Stop>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Notify,
    grace: OnceLock<Duration>,
}

/// Lets anyone ask a running server to end.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    stop: Arc<Stop>,
}

impl Handle {
    /// Stops accepting; idle sessions get 421 at once, transfers may finish within `grace`.
    pub fn shut_down(&self, grace: Duration) {
        // Only the first call counts: who asks twice has already been heard.
        let _ = self.stop.grace.set(grace);
        self.stop.asked.notify_one();
    }

    /// Sessions open now.
    #[must_use]
    pub fn sessions(&self) -> u32 {
        self.shared.registry.sessions()
    }
}

impl Server {
    /// Binds every listener; nothing is accepted yet.
    ///
    /// # Errors
    /// An address cannot be bound; the error says which.
    pub fn bind(setup: Setup) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for listen in &setup.options.listen {
            if listen.tls == ListenTls::Implicit && setup.tls.is_none() {
                let text = format!("{} wants TLS, but there is no certificate", listen.at);
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            let bound = setup.net.listen(listen.at, Purpose::Control).map_err(|e| {
                io::Error::new(e.kind(), format!("cannot listen on {}: {e}", listen.at))
            })?;
            listeners.push((bound, listen.tls));
        }
        Ok(Self { shared: Arc::new(Shared::new(setup)), listeners, stop: Arc::default() })
    }

    /// Where it listens, in the order of [`Options::listen`], with the real ports.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|(l, _)| l.local_addr().ok()).collect()
    }

    /// A handle to end it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { shared: Arc::clone(&self.shared), stop: Arc::clone(&self.stop) }
    }

    /// Serves until [`Handle::shut_down`]; returns when the last session has ended.
    pub async fn run(self) {
        let Self { shared, listeners, stop } = self;
        let mut tasks = JoinSet::new();
        for (listener, how) in listeners {
            tasks.spawn(accept_all(Arc::clone(&shared), listener, how));
        }
        let registry = Arc::clone(&shared.registry);
        let sweeping = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut tick = interval(Duration::from_secs(1));
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                sweeping.registry.sweep(sweeping.second());
            }
        });
        stop.asked.notified().await;
        tasks.shutdown().await;
        registry.drain();
        let grace = stop.grace.get().copied().unwrap_or_default();
        if timeout(grace, all_gone(&registry)).await.is_err() {
            shared.ending.notify_waiters();
            // Transfers are told to stop; what is left is their clean-up.
            let _ = timeout(shared.options.limits.close, all_gone(&registry)).await;
        }
    }
}

/// Waits until no session is left, reminding those that were busy when draining began.
async fn all_gone(registry: &Registry) {
    while registry.sessions() != 0 {
        registry.drain();
        sleep(Duration::from_millis(20)).await;
    }
}

async fn accept_all(shared: Arc<Shared>, listener: Box<dyn Listener>, how: ListenTls) {
    let mut short = false;
    loop {
        match poll_fn(|cx| listener.poll_accept(cx)).await {
            Ok((link, peer)) => {
                short = false;
                welcome(&shared, link, peer, how);
            }
            Err(error) => {
                // Out of descriptors, mostly: live sessions go on, new ones wait in the backlog.
                if !short {
                    short = true;
                    let what = format!("cannot accept connections for now: {error}");
                    shared.observer.on(SessionId(0), &Event::Noticed { what: &what });
                }
                sleep(Duration::from_millis(250)).await;
            }
        }
    }
}

/// Gives a new connection its session, or turns it away.
fn welcome(shared: &Arc<Shared>, link: Box<dyn Link>, peer: SocketAddr, how: ListenTls) {
    let id = SessionId(shared.next_session.fetch_add(1, Ordering::Relaxed));
    let ip = canonical_ip(peer.ip());
    match shared.registry.admit(ip, &shared.options.limits, shared.second()) {
        Ok(place) => {
            let control = Control::new(Arc::clone(shared), place, id, link, peer, how);
            tokio::spawn(session::serve(control, how));
        }
        Err(full) => {
            let limits = &shared.options.limits;
            let (why, text) = match full {
                Full::Banned => (
                    "too many wrong passwords from its address",
                    Reply::new(421, "Too many wrong passwords from your address; try again later."),
                ),
                Full::Server => ("the server is full", too_many("users", limits.sessions)),
                Full::Address => (
                    "too many sessions from one address",
                    too_many("sessions from your address", limits.per_address),
                ),
            };
            shared.observer.on(id, &Event::Refused { peer, why });
            if how == ListenTls::Explicit {
                let mut reply = Vec::new();
                text.write(&mut reply);
                // A fresh connection has room for one line; if it has not, nothing is lost.
                let _ = link.try_write(&reply);
                let _ = link.shutdown_write();
            }
        }
    }
}

fn too_many(what: &str, allowed: u32) -> Reply {
    Reply::new(421, format!("Too many {what}: {allowed} allowed. Try again later."))
}
