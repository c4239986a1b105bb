//! What can be found out on this machine about who reaches it: its addresses, what names stand
//! for, which ports can be had, and whether it reaches itself.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use ferry_proto::addr::is_private;
use ferry_server::net::{Listener, Net as _, Purpose};
use ferry_server::options::{Listen, Options, Public};
use ferry_server::tcp::Tcp;
use tokio::time::timeout;

use super::{as_v4, data_ports};
use crate::addresses::{self, Endpoint};
use crate::nofile::{self, Cap};

/// How long this machine may take to reach itself, or a server on it to greet.
const SHORT: Duration = Duration::from_secs(2);

/// Files by which container engines say that they are there.
const CONTAINER_MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Everything that was found out.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) options: Options,
    pub(super) has_tls: bool,
    /// The addresses of this machine, loopback last.
    pub(super) own: Vec<IpAddr>,
    /// What the public names stand for, or why for nothing.
    pub(super) names: Vec<(String, Result<Vec<IpAddr>, String>)>,
    pub(super) controls: Vec<(Listen, State)>,
    /// Data ports that are not free.
    pub(super) data: Vec<(SocketAddr, State)>,
    /// Announced addresses of this machine that it does not reach.
    pub(super) unreached: Vec<SocketAddr>,
    pub(super) in_container: bool,
}

/// What became of listening somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Free,
    /// Something there greets like an FTP server.
    Serving,
    Taken,
    Forbidden,
    NotHere,
    Failed(String),
}

impl State {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::Taken,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::AddrNotAvailable => Self::NotHere,
            _ => Self::Failed(error.to_string()),
        }
    }

    /// For a person.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Free => "free to listen on",
            Self::Serving => "an FTP server answers there already",
            Self::Taken => "taken by another program",
            Self::Forbidden => "not permitted",
            Self::NotHere => "not an address of this machine",
            Self::Failed(why) => why,
        }
    }
}

/// Finds it out.
pub(super) async fn gather(mut options: Options, has_tls: bool) -> Facts {
    if let Cap::Fewer(sessions) = nofile::cap(options.limits.sessions, false, nofile::raise()) {
        options.limits.sessions = sessions;
    }
    let own = addresses::of_this_host();
    let mut names: Vec<(String, Result<Vec<IpAddr>, String>)> = Vec::new();
    let publics = options.public_address.iter();
    for public in publics.chain(options.public_for.iter().map(|(_, public)| public)) {
        if let Public::Name(name) = public
            && !names.iter().any(|(known, _)| known == name)
        {
            let found = addresses::look_up(name).await.map_err(|e| e.to_string());
            names.push((name.clone(), found));
        }
    }
    let (mut controls, mut held) = (Vec::new(), Vec::new());
    for listen in &options.listen {
        let (mut listen, mut state) = (*listen, State::Free);
        match Tcp::new().listen(listen.at, Purpose::Control) {
            Ok(listener) => {
                listen.at = listener.local_addr().unwrap_or(listen.at);
                held.push(listener);
            }
            Err(error) => state = State::of(&error),
        }
        if state == State::Taken && greets(listen.at).await {
            state = State::Serving;
        }
        controls.push((listen, state));
    }
    let data = taken_data_ports(&options);
    held.extend(free_data_port(&options, &data));
    let in_container = CONTAINER_MARKS.iter().any(|mark| Path::new(mark).exists());
    let mut facts =
        Facts { options, has_tls, own, names, controls, data, unreached: Vec::new(), in_container };
    facts.unreached = unreached(&facts, &held).await;
    facts
}

/// Which data ports cannot be listened on, on every address that control connections come to.
fn taken_data_ports(options: &Options) -> Vec<(SocketAddr, State)> {
    let ips = control_addresses(options);
    let mut taken = Vec::new();
    for at in ips.iter().flat_map(|ip| data_ports(options).map(|port| SocketAddr::new(*ip, port))) {
        if let Err(error) = Tcp::new().listen(at, Purpose::Data) {
            taken.push((at, State::of(&error)));
        }
    }
    taken
}

/// Whether something at `at` begins as an FTP server does.
async fn greets(at: SocketAddr) -> bool {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let greeting = async {
        let link = Tcp::new().connect(None, SocketAddr::new(ip, at.port())).await?;
        let mut start = [0; 4];
        let mut len = 0;
        while let Some(room) = start.get_mut(len..).filter(|room| !room.is_empty()) {
            match link.try_read(room) {
                Ok(0) => break,
                Ok(n) => len += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| link.poll_readable(cx)).await?;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(start.starts_with(b"220") || start.starts_with(b"120"))
    };
    timeout(SHORT, greeting).await.is_ok_and(|greets: io::Result<bool>| greets.unwrap_or(false))
}

/// Listens on the first data port that is free, where control connections come to.
fn free_data_port(options: &Options, taken: &[(SocketAddr, State)]) -> Vec<Box<dyn Listener>> {
    let is_free = |port: &u16| !taken.iter().any(|(at, _)| at.port() == *port);
    let Some(port) = data_ports(options).find(is_free) else {
        return Vec::new();
    };
    let ips = control_addresses(options).into_iter();
    ips.filter_map(|ip| Tcp::new().listen((ip, port).into(), Purpose::Data).ok()).collect()
}

/// The addresses that control connections come to, each once.
fn control_addresses(options: &Options) -> Vec<IpAddr> {
    let mut ips: Vec<IpAddr> = options.listen.iter().map(|listen| listen.at.ip()).collect();
    ips.sort_unstable();
    ips.dedup();
    ips
}

/// Which of the addresses clients are told lie on this machine and are not reached by it, while
/// the listeners are `held`.
async fn unreached(facts: &Facts, held: &[Box<dyn Listener>]) -> Vec<SocketAddr> {
    let listeners: Vec<Endpoint> = held
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|at| Endpoint { at, tls: ferry_server::options::ListenTls::Explicit })
        .collect();
    let public = facts.options.public_address.as_ref().and_then(|public| facts.ip_of(public));
    let mut lost = Vec::new();
    for endpoint in addresses::endpoints(&listeners, &facts.own, public.map(IpAddr::V4)) {
        let here = facts.own.contains(&endpoint.at.ip());
        if here && !matches!(timeout(SHORT, Tcp::new().connect(None, endpoint.at)).await, Ok(Ok(_)))
        {
            lost.push(endpoint.at);
        }
    }
    lost
}

impl Facts {
    /// The IPv4 address that a public address is now.
    pub(super) fn ip_of(&self, public: &Public) -> Option<Ipv4Addr> {
        match public {
            Public::Ip(ip) => Some(*ip),
            Public::Name(name) => {
                let (_, found) = self.names.iter().find(|(known, _)| known == name)?;
                found.as_ref().ok()?.iter().copied().find_map(as_v4)
            }
            _ => None,
        }
    }

    /// The addresses of this machine that control connections can come to.
    pub(super) fn listening(&self) -> Vec<IpAddr> {
        let heard = |ip: &&IpAddr| self.control_port(**ip).is_some();
        let mut ips: Vec<IpAddr> = self.own.iter().filter(heard).copied().collect();
        let named = self.controls.iter().map(|(listen, _)| listen.at.ip());
        ips.extend(named.filter(|ip| !ip.is_unspecified()));
        ips.sort_by_key(|ip| (ip.is_loopback(), is_private(*ip), *ip));
        ips.dedup();
        ips
    }

    /// The IPv4 address that a client outside is told, if there is one.
    pub(super) fn told_outside(&self) -> Option<Ipv4Addr> {
        let public = self.options.public_address.as_ref().and_then(|public| self.ip_of(public));
        public.or_else(|| self.listening().into_iter().find_map(as_v4))
    }

    /// The IPv6 address under which the whole Internet may find this machine.
    pub(super) fn global_v6(&self) -> Option<Ipv6Addr> {
        self.listening().into_iter().find_map(|ip| match ip {
            IpAddr::V6(v6) if !is_private(ip) => Some(v6),
            _ => None,
        })
    }

    /// The control port for clients that are told `ip`: the first listener that hears its family.
    pub(super) fn control_port(&self, ip: IpAddr) -> Option<u16> {
        let own = self.own.contains(&ip);
        let hears = |at: SocketAddr| {
            let any = at.ip().is_unspecified() && at.is_ipv4() == ip.is_ipv4();
            at.ip() == ip || any || (!own && at.is_ipv4() == ip.is_ipv4())
        };
        self.controls.iter().map(|(listen, _)| listen.at).find(|at| hears(*at)).map(|at| at.port())
    }

    /// The port outside for one inside.
    pub(super) fn outside(&self, port: u16) -> u16 {
        let first = *data_ports(&self.options).start();
        let mapped = self.options.outside_ports;
        mapped.map_or(port, |outside| outside.saturating_add(port.saturating_sub(first)))
    }
}
