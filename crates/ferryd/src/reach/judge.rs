//! What the facts mean: what is wrong, with what to do about it, and what an operator should know.
//! No I/O here.

use std::net::{IpAddr, SocketAddr};

use ferry_proto::addr::is_private;
use ferry_server::options::{DataResumption, Public};

use super::facts::{Facts, State};
use super::{data_ports, span};

/// Sessions for each data port: a session holds one only from PASV until its data connection has
/// come, which is a small part of its time.
const SESSIONS_A_PORT: u32 = 10;

/// Below this, ports are for whoever the system permits.
const PORTS_FOR_ALL: u16 = 1024;

/// Ports named one by one.
const NAMED_MAX: usize = 8;

/// The verdict: whole sentences.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// What keeps clients away.
    pub(super) wrong: Vec<String>,
    /// What may matter.
    pub(super) known: Vec<String>,
}

/// Judges everything.
pub(super) fn judge(facts: &Facts) -> Verdict {
    let mut verdict = Verdict::default();
    names(facts, &mut verdict);
    controls(facts, &mut verdict);
    addresses(facts, &mut verdict);
    ports(facts, &mut verdict);
    shared_port(facts, &mut verdict);
    proxies(facts, &mut verdict);
    in_between(facts, &mut verdict);
    verdict
}

fn names(facts: &Facts, verdict: &mut Verdict) {
    for (name, found) in &facts.names {
        match found {
            Ok(ips) if ips.iter().any(IpAddr::is_ipv4) => {}
            Ok(_) => verdict.wrong.push(format!(
                "The public name {name} has no IPv4 address, and PASV can name no other: give it \
                 an A record, or write the address itself."
            )),
            Err(why) => verdict.wrong.push(format!(
                "The public name {name} cannot be looked up ({why}): clients are told the address \
                 they connect to until it can. Check its spelling and this machine's resolver."
            )),
        }
    }
}

fn controls(facts: &Facts, verdict: &mut Verdict) {
    for (listen, state) in &facts.controls {
        let at = listen.at;
        match state {
            State::Free => {}
            State::Serving => verdict.known.push(format!(
                "An FTP server answers at {at} already, perhaps this one: stop it to have the \
                 control port tried as well."
            )),
            State::Taken => verdict.wrong.push(format!(
                "Port {} is taken by another program: end that one, or choose another port.",
                at.port()
            )),
            State::Forbidden if at.port() < PORTS_FOR_ALL => verdict.wrong.push(format!(
                "Port {} is below {PORTS_FOR_ALL}, which this user may not listen on: give the \
                 service CAP_NET_BIND_SERVICE, or choose a port from {PORTS_FOR_ALL} up.",
                at.port()
            )),
            State::Forbidden => {
                verdict.wrong.push(format!("Listening on {at} is not permitted here."));
            }
            State::NotHere => verdict.wrong.push(format!(
                "{} is not an address of this machine, so it cannot be listened on: listen on an \
                 address the machine has, or on all, and name the other as public_address.",
                at.ip()
            )),
            State::Failed(why) => verdict.wrong.push(format!("Cannot listen on {at}: {why}.")),
        }
    }
    for at in &facts.unreached {
        verdict.wrong.push(format!(
            "{at} is this machine's own, and yet it does not reach itself there: a packet filter \
             of the machine may be in the way."
        ));
    }
}

fn addresses(facts: &Facts, verdict: &mut Verdict) {
    let listening = facts.listening();
    if !listening.is_empty() && listening.iter().all(IpAddr::is_loopback) {
        verdict.wrong.push(
            "Only loopback addresses are listened on, so only this machine can connect.".to_owned(),
        );
        return;
    }
    let shown = |ips: &[IpAddr]| ips.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    let outer: Vec<IpAddr> = listening.iter().copied().filter(|ip| !is_private(*ip)).collect();
    match &facts.options.public_address {
        Some(public) => {
            if let Some(ip) = facts.ip_of(public) {
                public_address(facts, public, ip.into(), verdict);
            }
        }
        None if outer.is_empty() && !listening.is_empty() => {
            let inner: Vec<_> = listening.iter().copied().filter(|ip| !ip.is_loopback()).collect();
            let place = if facts.in_container { "in a container" } else { "behind a router" };
            verdict.wrong.push(format!(
                "This machine has private addresses only ({}), so it is {place}, and clients \
                 outside would be told to connect to those: set public_address to the address \
                 they see, or to a name for it.",
                shown(&inner)
            ));
        }
        None if !outer.iter().any(IpAddr::is_ipv4) => verdict.known.push(
            "Only IPv6 addresses are public here: clients that speak IPv4 alone cannot come from \
             outside unless a public_address leads here."
                .to_owned(),
        ),
        None => {}
    }
}

fn public_address(facts: &Facts, public: &Public, ip: IpAddr, verdict: &mut Verdict) {
    if is_private(ip) {
        verdict.wrong.push(format!(
            "The public address {public} is private ({ip}): nobody outside can connect to it. \
             Name the address that clients outside see."
        ));
    } else if !facts.own.contains(&ip) {
        verdict.known.push(format!(
            "{ip} is not an address of this machine, so what the router in between does cannot be \
             tried from here. Try it from outside: curl -v ftp://{ip}:{}/",
            facts.control_port(ip).unwrap_or(21)
        ));
    }
}

fn ports(facts: &Facts, verdict: &mut Verdict) {
    let ports = data_ports(&facts.options);
    let controls: Vec<SocketAddr> = facts.controls.iter().map(|(listen, _)| listen.at).collect();
    if let Some(both) = controls.iter().find(|at| ports.contains(&at.port())) {
        verdict.wrong.push(format!(
            "Port {} is both a control port and a data port: choose another for one of them.",
            both.port()
        ));
    }
    let is_control = |at: &SocketAddr| controls.iter().any(|control| control.port() == at.port());
    let failed = |wanted: fn(&State) -> bool| -> Vec<u16> {
        let all = facts.data.iter().filter(|(at, state)| wanted(state) && !is_control(at));
        let mut ports: Vec<u16> = all.map(|(at, _)| at.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    let taken = failed(|state| matches!(state, State::Taken));
    if !taken.is_empty() {
        let serving = facts.controls.iter().any(|(_, state)| *state == State::Serving);
        let text = format!("Of the data ports {}, taken now: {}", span(&ports), list(&taken));
        if serving {
            verdict.known.push(format!("{text}; by the server that runs, perhaps."));
        } else {
            verdict.wrong.push(format!(
                "{text}. Another program listens on them: end it, or choose other ports."
            ));
        }
    }
    let forbidden = failed(|state| matches!(state, State::Forbidden));
    if !forbidden.is_empty() {
        verdict.wrong.push(format!(
            "Of the data ports {}, not permitted: {}. Ports below {PORTS_FOR_ALL} need \
             CAP_NET_BIND_SERVICE; choose higher ones.",
            span(&ports),
            list(&forbidden)
        ));
    }
    let count = u32::from(ports.end() - ports.start()) + 1;
    let sessions = facts.options.limits.sessions;
    if facts.options.shared_data_port.is_none() && sessions > count * SESSIONS_A_PORT {
        verdict.wrong.push(format!(
            "{count} data ports are few for {sessions} sessions: allow {} ports or more, fewer \
             sessions, or use one shared_data_port.",
            sessions.div_ceil(SESSIONS_A_PORT)
        ));
    }
}

fn shared_port(facts: &Facts, verdict: &mut Verdict) {
    let options = &facts.options;
    if options.shared_data_port.is_some() && options.data_resumption != DataResumption::Strict {
        verdict.known.push(
            "Sessions of one address wait for each other at the shared data port. With \
             resumption = \"strict\" those under TLS need not."
                .to_owned(),
        );
    }
}

fn proxies(facts: &Facts, verdict: &mut Verdict) {
    let options = &facts.options;
    if options.proxies.is_empty() {
        return;
    }
    let networks: Vec<String> = options.proxies.iter().map(ToString::to_string).collect();
    let ports = span(&data_ports(options));
    verdict.known.push(format!(
        "Connections from {} must begin with a PROXY header and are turned away without one. \
         Clients that come through are told the address they connected to there, unless \
         public_address is set; whoever else is in those networks can say to be anyone.",
        networks.join(", ")
    ));
    verdict.known.push(if options.data_proxy {
        format!(
            "The balancer must send data connections ({ports}) here, too, and to this machine \
                 whenever it sent the control connection here."
        )
    } else {
        format!(
            "Data connections ({ports}) must reach this machine with the clients' own \
                 addresses; if they come through the balancer, set data_proxy = true."
        )
    });
}

fn in_between(facts: &Facts, verdict: &mut Verdict) {
    let options = &facts.options;
    let translated = options
        .public_address
        .as_ref()
        .and_then(|public| facts.ip_of(public))
        .is_some_and(|ip| !facts.own.contains(&ip.into()));
    let all_private = facts.listening().iter().all(|ip| is_private(*ip));
    let ports = data_ports(options);
    let outer = facts.outside(*ports.start())..=facts.outside(*ports.end());
    if facts.has_tls && (translated || all_private) && !facts.listening().is_empty() {
        verdict.known.push(format!(
            "Under TLS no router can read along and open data ports by itself: forward the control \
             port and {} for good.",
            span(&outer)
        ));
    }
    if facts.in_container {
        verdict.known.push(format!(
            "This is a container: publish the ports, as with -p {0}:{0} -p {1}:{2}. If all clients \
             seem to come from one private address, that of its gateway, name that one in a \
             public_address table.",
            facts.controls.first().map_or(21, |(listen, _)| listen.at.port()),
            span(&outer),
            span(&ports)
        ));
    }
    if facts.global_v6().is_some() {
        let mapped = if options.outside_ports.is_some() {
            " They are told the ports as they are here, not those of outside_ports."
        } else {
            ""
        };
        verdict.known.push(format!(
            "IPv6 clients use EPSV, which names a port and no address: the packet filter must let \
             {} in over IPv6, too.{mapped}",
            span(&ports)
        ));
    }
}

/// Ports in runs, and how many more there are.
fn list(ports: &[u16]) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*port) => *last = *port,
            _ => runs.push((*port, *port)),
        }
    }
    let shown = runs.iter().take(NAMED_MAX).map(|(first, last)| span(&(*first..=*last)));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if runs.len() > NAMED_MAX {
        text.push_str(" and others");
    }
    text
}
