//! A network in memory: any address may listen and connect, every delay and every cut between
//! octets is drawn from one seed, and every attempt to connect is written down.
//!
//! It runs on a current-thread tokio runtime whose clock is paused, so time passes only when
//! nobody has anything left to do. A listener on `[::]` hears IPv4 too and then sees its addresses
//! in their IPv6 form, as on most systems.

mod conn;
mod link;
mod listener;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ferry_server::net::{BoxFut, Link, Listener, Net, Purpose};
use tokio::time::Instant;

use self::conn::{Conn, Side, Weather};
pub use self::link::{End, SimLink};
use self::listener::Queue;
pub use self::listener::SimListener;
use crate::rng::Rng;

/// Where the engine connects from when it names no IPv4 address (RFC 5737).
pub const ENGINE_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// Where the engine connects from when it names no IPv6 address (RFC 3849).
pub const ENGINE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The first port given to who asks for any.
const FIRST_FREE_PORT: u16 = 40_000;

/// How long a dialler waits before it tries a full backlog again.
const SYN_RETRY: Duration = Duration::from_secs(1);

/// How a host that listens nowhere answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Host {
    /// With a reset: connection refused.
    #[default]
    Refuses,
    /// A router on the way says that there is no such host.
    Unreachable,
    /// Not at all.
    Silent,
}

/// Who tried to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Party {
    /// The server under test, through [`Net::connect`].
    Engine,
    /// The test, through [`SimNet::dial`].
    Client,
}

/// One attempt to connect, whatever became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// When, since the network was made.
    pub at: Duration,
    /// Who.
    pub by: Party,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct World {
    started: Instant,
    rng: Rng,
    weather: Weather,
    listeners: BTreeMap<SocketAddr, Arc<Mutex<Queue>>>,
    hosts: BTreeMap<IpAddr, Host>,
    unbindable: BTreeMap<SocketAddr, io::ErrorKind>,
    open: Vec<Weak<Mutex<Conn>>>,
    attempts: Vec<Attempt>,
    names: BTreeMap<String, Vec<IpAddr>>,
    next_port: u16,
}

impl World {
    fn free_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = port.checked_add(1).unwrap_or(FIRST_FREE_PORT);
        port
    }

    fn may_bind(&self, at: SocketAddr) -> io::Result<()> {
        let any = SocketAddr::new(unspecified(at.ip()), at.port());
        match self.unbindable.get(&at).or_else(|| self.unbindable.get(&any)) {
            Some(kind) => Err((*kind).into()),
            None => Ok(()),
        }
    }

    /// Who listens at `to`, and whether on an IPv6 socket that hears IPv4 too.
    fn listener(&self, to: SocketAddr) -> Option<(Arc<Mutex<Queue>>, bool)> {
        let at = |ip| self.listeners.get(&SocketAddr::new(ip, to.port())).map(Arc::clone);
        let plain = at(to.ip()).or_else(|| at(unspecified(to.ip())));
        if let Some(queue) = plain {
            return Some((queue, false));
        }
        let IpAddr::V4(ip) = to.ip() else { return None };
        let mapped = at(ip.to_ipv6_mapped().into());
        mapped.or_else(|| at(Ipv6Addr::UNSPECIFIED.into())).map(|queue| (queue, true))
    }

    /// Whether a connection between these two exists (RFC 9293 §3.3.1: the pair is its name).
    fn is_open(&mut self, from: SocketAddr, to: SocketAddr) -> bool {
        self.open.retain(|c| c.strong_count() > 0);
        self.open.iter().filter_map(Weak::upgrade).any(|c| {
            let conn = c.lock().unwrap_or_else(PoisonError::into_inner);
            conn.addr(Side::Dialler) == from && conn.addr(Side::Acceptor) == to
        })
    }

    fn delay(&mut self) -> Duration {
        let weather = self.weather;
        weather.latency(&mut self.rng)
    }
}

/// A network; clones are the same network.
#[derive(Debug, Clone)]
pub struct SimNet {
    world: Arc<Mutex<World>>,
}

impl SimNet {
    /// The network of this seed. Seed 0 is calm: no delays, nothing cut.
    ///
    /// # Panics
    /// Outside a tokio runtime whose clock is paused, as every use of it would.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let weather = Weather::of(seed, &mut rng);
        let world = World {
            started: Instant::now(),
            rng,
            weather,
            listeners: BTreeMap::new(),
            hosts: BTreeMap::new(),
            unbindable: BTreeMap::new(),
            open: Vec::new(),
            attempts: Vec::new(),
            names: BTreeMap::new(),
            next_port: FIRST_FREE_PORT,
        };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides how `ip` answers where nobody listens.
    pub fn set_host(&self, ip: IpAddr, how: Host) {
        self.world().hosts.insert(ip, how);
    }

    /// Makes a name stand for this address from now on, or for nothing.
    pub fn set_name(&self, name: &str, ip: Option<IpAddr>) {
        self.world().names.insert(name.to_owned(), ip.into_iter().collect());
    }

    /// Makes binding `at` fail, for listening and as a source; an unspecified address means every
    /// address of its family.
    pub fn refuse_bind(&self, at: SocketAddr, why: io::ErrorKind) {
        self.world().unbindable.insert(at, why);
    }

    /// Every attempt to connect so far.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.world().attempts.clone()
    }

    /// Virtual time since the network was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.world().started.elapsed()
    }

    /// Listens as a client does for an active data connection.
    ///
    /// # Errors
    /// The address is taken.
    pub fn listen_at(&self, at: SocketAddr, backlog: usize) -> io::Result<SimListener> {
        let mut world = self.world();
        let at = if at.port() == 0 { SocketAddr::new(at.ip(), world.free_port()) } else { at };
        world.may_bind(at)?;
        let any = SocketAddr::new(unspecified(at.ip()), at.port());
        let same_port = |l: &&SocketAddr| l.port() == at.port() && l.is_ipv4() == at.is_ipv4();
        let mut rivals = world.listeners.keys().filter(same_port);
        let clash = rivals.any(|l| *l == at || *l == any || at == any);
        if clash {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let queue = Arc::new(Mutex::new(Queue::new(backlog)));
        world.listeners.insert(at, Arc::clone(&queue));
        Ok(SimListener::new(queue, at, Arc::downgrade(&self.world)))
    }

    /// Connects as a client, from any address; port 0 asks for any.
    ///
    /// # Errors
    /// As a real network's: refused, unreachable, address in use.
    pub async fn dial(&self, from: SocketAddr, to: SocketAddr) -> io::Result<SimLink> {
        self.open(Party::Client, from, to).await
    }

    async fn open(&self, by: Party, from: SocketAddr, to: SocketAddr) -> io::Result<SimLink> {
        let (from, there, back) = self.set_out(by, from, to)?;
        tokio::time::sleep(there).await;
        loop {
            match self.arrive(from, to) {
                Ok(Some(link)) => {
                    tokio::time::sleep(back).await;
                    return Ok(link);
                }
                Ok(None) => tokio::time::sleep(SYN_RETRY).await,
                Err(kind) => {
                    tokio::time::sleep(back).await;
                    return Err(kind.into());
                }
            }
        }
    }

    /// Binds the source and writes the attempt down; the delays there and back.
    fn set_out(
        &self,
        by: Party,
        from: SocketAddr,
        to: SocketAddr,
    ) -> io::Result<(SocketAddr, Duration, Duration)> {
        let mut world = self.world();
        let from = if from.port() == 0 {
            SocketAddr::new(from.ip(), world.free_port())
        } else {
            world.may_bind(from)?;
            from
        };
        if from.is_ipv4() != to.is_ipv4() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if world.is_open(from, to) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let at = world.started.elapsed();
        world.attempts.push(Attempt { at, by, from, to });
        Ok((from, world.delay(), world.delay()))
    }

    /// What the SYN meets: a listener, a full backlog (`None`: nobody answers), or a refusal.
    fn arrive(&self, from: SocketAddr, to: SocketAddr) -> Result<Option<SimLink>, io::ErrorKind> {
        let mut world = self.world();
        let Some((queue, mapped)) = world.listener(to) else {
            return match world.hosts.get(&to.ip()).copied().unwrap_or_default() {
                Host::Refuses => Err(io::ErrorKind::ConnectionRefused),
                Host::Unreachable => Err(io::ErrorKind::HostUnreachable),
                Host::Silent => Ok(None),
            };
        };
        let rng = world.rng.fork();
        let (near, far) = SimLink::pair(Conn::new(from, to, world.weather, rng), mapped);
        world.open.push(near.downgrade());
        let offered = queue.lock().unwrap_or_else(PoisonError::into_inner).offer(far);
        Ok(offered.is_ok().then_some(near))
    }
}

impl Net for SimNet {
    fn listen(&self, at: SocketAddr, purpose: Purpose) -> io::Result<Box<dyn Listener>> {
        let backlog = if purpose == Purpose::Data { 4 } else { 128 };
        Ok(Box::new(self.listen_at(at, backlog)?))
    }

    fn connect(
        &self,
        from: Option<SocketAddr>,
        to: SocketAddr,
    ) -> BoxFut<'_, io::Result<Box<dyn Link>>> {
        let from = from.unwrap_or_else(|| match to {
            SocketAddr::V4(_) => SocketAddr::new(ENGINE_V4.into(), 0),
            SocketAddr::V6(_) => SocketAddr::new(ENGINE_V6.into(), 0),
        });
        Box::pin(async move {
            let link = self.open(Party::Engine, from, to).await?;
            Ok(Box::new(link) as Box<dyn Link>)
        })
    }

    fn resolve<'a>(&'a self, name: &'a str) -> BoxFut<'a, io::Result<Vec<IpAddr>>> {
        let found = self.world().names.get(name).cloned().unwrap_or_default();
        let found = if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) };
        Box::pin(std::future::ready(found))
    }
}

const fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
