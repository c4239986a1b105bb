//! Where a client is told to connect to for data (227, 228, 229): which of the server's addresses
//! it sees, and which port, where a router, a container or a balancer lies in between.
//!
//! Names are looked up here, beside the sessions: these only read the last good answer.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_proto::addr::is_private;
use ferry_proto::network::Network;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::events::{Event, Observer, SessionId};
use crate::net::Net;
use crate::options::{Options, Public};

/// How often names are looked up: a router at home may get another address any night.
const LOOK_UP_EVERY: Duration = Duration::from_secs(60);

/// How long one look-up may take.
const LOOK_UP_MAX: Duration = Duration::from_secs(10);

/// How long the first look-ups may hold up the first connection, all together.
const FIRST_MAX: Duration = Duration::from_secs(5);

/// Who is told, and how they came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// The client.
    pub(crate) peer: IpAddr,
    /// The address it connected to, as far as the server knows: that of a balancer, if one said so.
    pub(crate) local: IpAddr,
    /// The server's own address on that connection.
    pub(crate) socket: IpAddr,
}

/// What clients are told.
#[derive(Debug)]
pub(crate) struct PublicAddresses {
    everyone: Option<Entry>,
    /// Longest prefix first.
    by_network: Vec<(Network, Entry)>,
    names: Vec<Name>,
    first_inside: u16,
    first_outside: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
enum Entry {
    Ip(Ipv4Addr),
    /// The one of this number.
    Name(usize),
}

#[derive(Debug)]
struct Name {
    name: String,
    known: Mutex<Known>,
}

/// What is known of a name.
#[derive(Debug, Default)]
struct Known {
    /// The last good answer.
    ip: Option<Ipv4Addr>,
    /// Whether the last look-up failed, and that was said.
    failing: bool,
}

impl PublicAddresses {
    pub(crate) fn new(options: &Options) -> Self {
        let mut names: Vec<Name> = Vec::new();
        let mut entry = |public: &Public| match public {
            Public::Ip(ip) => Entry::Ip(*ip),
            Public::Name(name) => {
                let known = names.iter().position(|other| other.name == *name);
                Entry::Name(known.unwrap_or_else(|| {
                    names.push(Name { name: name.clone(), known: Mutex::default() });
                    names.len() - 1
                }))
            }
        };
        let first_inside = match options.shared_data_port {
            Some(port) => port,
            None => *options.passive_ports.start(),
        };
        let everyone = options.public_address.as_ref().map(&mut entry);
        let rules = options.public_for.iter();
        let mut by_network: Vec<_> = rules.map(|(net, public)| (*net, entry(public))).collect();
        by_network.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix()));
        Self { everyone, by_network, names, first_inside, first_outside: options.outside_ports }
    }

    /// What to tell of the data port `port`. An IPv4 client is never told an IPv6 address.
    pub(crate) fn announced(&self, ends: Ends, port: u16) -> SocketAddr {
        let rule = self.by_network.iter().find(|(network, _)| network.contains(ends.peer));
        let outside = rule.is_some() || !is_private(ends.peer);
        let entry = match rule {
            Some((_, entry)) => Some(*entry),
            None => self.everyone.filter(|_| outside),
        };
        let ip = match (ends.peer, ends.local) {
            (IpAddr::V4(_), local) => match entry.and_then(|entry| self.ip(entry)) {
                Some(public) => public.into(),
                None if local.is_ipv4() => local,
                None => Ipv4Addr::UNSPECIFIED.into(),
            },
            (IpAddr::V6(_), local) => local,
        };
        // An IPv6 address that the whole Internet can reach is reached as it is: what has other
        // ports outside is the one IPv4 address of a router, or a container of private addresses.
        let mapped = outside && (ends.socket.is_ipv4() || is_private(ends.socket));
        SocketAddr::new(ip, if mapped { self.outside(port) } else { port })
    }

    fn ip(&self, entry: Entry) -> Option<Ipv4Addr> {
        match entry {
            Entry::Ip(ip) => Some(ip),
            Entry::Name(number) => self.names.get(number).and_then(|name| name.known().ip),
        }
    }

    /// The port outside that a router maps to `port`.
    fn outside(&self, port: u16) -> u16 {
        match self.first_outside {
            Some(first) => first.saturating_add(port.saturating_sub(self.first_inside)),
            None => port,
        }
    }

    /// Looks all names up for the first time, within [`FIRST_MAX`].
    pub(crate) async fn look_up_first(&self, net: &dyn Net, observer: &dyn Observer) {
        let _ = timeout(FIRST_MAX, self.look_up(net, observer)).await;
    }

    /// Looks all names up again and again; ends at once where there are none.
    pub(crate) async fn keep_current(&self, net: &dyn Net, observer: &dyn Observer) {
        if self.names.is_empty() {
            return;
        }
        let mut tick = interval(LOOK_UP_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and what it is for has been done.
        tick.tick().await;
        loop {
            tick.tick().await;
            self.look_up(net, observer).await;
        }
    }

    async fn look_up(&self, net: &dyn Net, observer: &dyn Observer) {
        for name in &self.names {
            let found = match timeout(LOOK_UP_MAX, net.resolve(&name.name)).await {
                Ok(found) => found,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            if let Some(what) = name.learn(found) {
                observer.on(SessionId(0), &Event::Noticed { what: &what });
            }
        }
    }
}

impl Name {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an answer; what an operator should hear of it.
    fn learn(&self, found: io::Result<Vec<IpAddr>>) -> Option<String> {
        let name = &self.name;
        let mut known = self.known();
        let v4 = found.map(|ips| {
            let all = ips.into_iter().filter_map(|ip| match ip.to_canonical() {
                IpAddr::V4(v4) => Some(v4),
                IpAddr::V6(_) => None,
            });
            let all: Vec<Ipv4Addr> = all.collect();
            // Where a name has several, clients should not be told another one every minute.
            let same = known.ip.filter(|ip| all.contains(ip));
            same.or_else(|| all.first().copied())
        });
        let why = match v4 {
            Ok(Some(ip)) => {
                let news = (known.ip != Some(ip) || known.failing)
                    .then(|| format!("the public address {name} is {ip}"));
                *known = Known { ip: Some(ip), failing: false };
                return news;
            }
            Ok(None) => "it has no IPv4 address".to_owned(),
            Err(error) => error.to_string(),
        };
        if std::mem::replace(&mut known.failing, true) {
            return None;
        }
        let meanwhile = match known.ip {
            Some(ip) => format!("clients are told {ip} as before"),
            None => "clients are told the address they connected to".to_owned(),
        };
        Some(format!("the public address {name} cannot be looked up: {why}; {meanwhile}"))
    }
}

#[cfg(test)]
mod tests;
