//! The server as a whole: binds the listeners, accepts control connections within the limits and
//! gives each its session task.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ferry_proto::date::UnixTime;
use ferry_proto::rate::DAY_SECS;
use ferry_proto::reply::Reply;
use ferry_proto::server::Rules;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::auth::Authenticator;
use crate::dispatch;
use crate::entropy::Entropy;
use crate::events::{Event, Observer, SessionId};
use crate::hosts::{Host, Hosts, VirtualHost};
use crate::joining::Joining;
use crate::net::{Link, Listener, Net, Purpose};
use crate::options::{Listen, ListenTls, Options, RequireTls};
use crate::pace::Limiters;
use crate::proxied::{self, NoHeader, Origin};
use crate::public::PublicAddresses;
use crate::registry::{Full, Registry};
use crate::session::{self, Control};
use crate::shared_port::SharedPort;
use crate::tls::TlsSetup;

/// Tells the time of day (for listings and MDTM, not for time-outs).
pub trait WallClock: Send + Sync + std::fmt::Debug + 'static {
    /// Now.
    fn now(&self) -> UnixTime;

    /// The second of the day that bandwidth limits go by: of the local day, if whoever implements
    /// this knows where that is. By default the day is that of UTC.
    fn second_of_day(&self) -> u32 {
        u32::try_from(self.now().secs.rem_euclid(i64::from(DAY_SECS))).unwrap_or(0)
    }
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
    /// How fast octets may go.
    pub(crate) limiters: Limiters,
    /// What clients are told of where to connect to.
    pub(crate) public: PublicAddresses,
    /// The data port of all sessions, if they share one.
    pub(crate) shared_port: Option<Arc<SharedPort>>,
    /// Data connections that come to the control port.
    pub(crate) joining: Arc<Joining>,
    /// Told when transfers must stop, too.
    pub(crate) ending: Notify,
    started: Instant,
    next_session: AtomicU64,
}

impl Shared {
    fn new(setup: Setup, shared_port: Option<Arc<SharedPort>>) -> Self {
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
            fxp: options.fxp && options.shared_data_port.is_none(),
            partners: options.fxp_partners.clone(),
            umask: u16::try_from(options.umask & 0o777).unwrap_or(0o022),
            idle_max_secs: options.limits.idle_max.as_secs(),
            sets_created: auth.sets_created(),
            // Behind a balancer, the second connection may come to another server.
            joins: options.proxies.is_empty(),
        };
        let registry = Arc::new(Registry::new(&options.limits));
        let public = PublicAddresses::new(&options);
        let joining = Joining::new(options.data_peer);
        let limiters = Limiters::new(&options.bandwidth, Arc::clone(&clock));
        let main = Host::new(rules, auth, options.charset, options.names.clone(), tls);
        Self {
            options,
            hosts: Hosts::new(main, hosts),
            net,
            clock,
            observer,
            registry,
            entropy: Arc::new(Entropy::new(seed)),
            limiters,
            public,
            shared_port,
            joining,
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
    data_listeners: Vec<Box<dyn Listener>>,
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
            let bound = bind(&*setup.net, listen.at, Purpose::Control)?;
            listeners.push((bound, listen.tls));
        }
        let mut data_listeners = Vec::new();
        for at in shared_data_addresses(&setup.options) {
            data_listeners.push(bind(&*setup.net, at, Purpose::SharedData)?);
        }
        let at: Vec<_> = data_listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        let shared_port = setup.options.shared_data_port;
        let shared_port = shared_port.map(|_| SharedPort::new(at, &setup.options));
        let shared = Arc::new(Shared::new(setup, shared_port));
        Ok(Self { shared, listeners, data_listeners, stop: Arc::default() })
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
        let Self { shared, listeners, data_listeners, stop } = self;
        let (mut tasks, mut lasting) = (JoinSet::new(), JoinSet::new());
        if let Some(port) = &shared.shared_port {
            for listener in data_listeners {
                lasting.spawn(dispatch::run(Arc::clone(&shared), Arc::clone(port), listener));
            }
        }
        // The first client already must be told the right address.
        shared.public.look_up_first(&*shared.net, &*shared.observer).await;
        let looking_up = Arc::clone(&shared);
        tasks.spawn(async move {
            looking_up.public.keep_current(&*looking_up.net, &*looking_up.observer).await;
        });
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
        lasting.shutdown().await;
    }
}

fn bind(net: &dyn Net, at: SocketAddr, purpose: Purpose) -> io::Result<Box<dyn Listener>> {
    net.listen(at, purpose)
        .map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {at}: {e}")))
}

/// Where the shared data port is listened on: every address that control connections come to, but
/// once where one stands for all of its family.
fn shared_data_addresses(options: &Options) -> Vec<SocketAddr> {
    let Some(port) = options.shared_data_port else {
        return Vec::new();
    };
    let all = |ip: IpAddr| {
        let any = |l: &Listen| l.at.ip().is_unspecified() && l.at.is_ipv4() == ip.is_ipv4();
        options.listen.iter().any(any)
    };
    let mut ips: Vec<IpAddr> = options.listen.iter().map(|listen| listen.at.ip()).collect();
    ips.retain(|ip| ip.is_unspecified() || !all(*ip));
    ips.sort_unstable();
    ips.dedup();
    ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}

/// Waits until no session is left, reminding those that were busy when draining began.
async fn all_gone(registry: &Registry) {
    while registry.sessions() != 0 {
        registry.drain();
        sleep(Duration::from_millis(20)).await;
    }
}

/// Connections of trusted proxies that may be without a header at one time, for each listener.
const HEADERS_MAX: usize = 1024;

async fn accept_all(shared: Arc<Shared>, listener: Box<dyn Listener>, how: ListenTls) {
    let mut short = false;
    let mut unknown = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = poll_fn(|cx| listener.poll_accept(cx)) => accepted,
            Some(_) = unknown.join_next() => continue,
        };
        match accepted {
            Ok((link, peer)) => {
                short = false;
                if !proxied::is_proxy(&shared.options, peer) {
                    welcome(&shared, link, Origin::direct(peer), how);
                } else if unknown.len() < HEADERS_MAX {
                    unknown.spawn(introduce(Arc::clone(&shared), link, peer, how));
                } else {
                    let why = "too many connections of trusted proxies without a header";
                    refuse(&shared, peer, why);
                }
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

/// Lets a trusted proxy say whose connection it is, before anything else is said or counted.
async fn introduce(shared: Arc<Shared>, link: Box<dyn Link>, peer: SocketAddr, how: ListenTls) {
    match proxied::origin(&*link, peer).await {
        Ok(origin) => welcome(&shared, link, origin, how),
        Err(NoHeader::Nothing) => {}
        Err(why) => refuse(&shared, peer, why.why()),
    }
}

fn refuse(shared: &Shared, peer: SocketAddr, why: &'static str) {
    let id = SessionId(shared.next_session.fetch_add(1, Ordering::Relaxed));
    shared.observer.on(id, &Event::Refused { peer, why });
}

/// Gives a new connection its session, or turns it away.
fn welcome(shared: &Arc<Shared>, link: Box<dyn Link>, origin: Origin, how: ListenTls) {
    let id = SessionId(shared.next_session.fetch_add(1, Ordering::Relaxed));
    let peer = origin.source;
    match shared.registry.admit(peer, &shared.options.limits, shared.second()) {
        Ok(place) => {
            let link = origin.told_by(link);
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
