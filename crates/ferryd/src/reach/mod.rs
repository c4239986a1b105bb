//! `check-reachability`: what a client outside would be told, and what is wrong with it.
//!
//! [`facts`] finds out what can be found out on this machine, [`judge`] says what that means, and
//! the text is put together here. Nothing is served, and nobody but this machine is connected to.

mod facts;
mod judge;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;

use ferry_proto::addr::{self, is_private};
use ferry_server::options::{ListenTls, Options, Public, RequireTls};

use self::facts::Facts;
use self::judge::Verdict;

/// Columns of a line of text.
const WIDTH: usize = 92;

/// What is printed, and whether anything is wrong.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) is_well: bool,
}

/// Finds out whether clients can reach a server of these options.
pub(crate) async fn check(options: Options, has_tls: bool) -> Report {
    report(&Box::pin(facts::gather(options, has_tls)).await)
}

fn report(facts: &Facts) -> Report {
    let verdict = judge::judge(facts);
    let mut out = String::new();
    listeners(&mut out, facts);
    outside(&mut out, facts);
    for (network, public) in &facts.options.public_for {
        let ip =
            facts.ip_of(public).map_or_else(|| "nothing known".to_owned(), |ip| ip.to_string());
        row(
            &mut out,
            "except",
            &format!("clients of {network}, who are told {}", with(public, &ip)),
        );
    }
    inside(&mut out, facts);
    findings(&mut out, &verdict);
    Report { text: out, is_well: verdict.wrong.is_empty() }
}

fn listeners(out: &mut String, facts: &Facts) {
    let _ = writeln!(out, "Control connections");
    for (listen, state) in &facts.controls {
        let tls = match listen.tls {
            ListenTls::Implicit => "implicit TLS",
            _ if !facts.has_tls => "no TLS",
            _ if facts.options.require_tls == RequireTls::No => "explicit TLS",
            _ => "explicit TLS, required",
        };
        row(out, &listen.at.to_string(), &format!("{tls}; {}", state.text()));
    }
}

fn outside(out: &mut String, facts: &Facts) {
    let ports = data_ports(&facts.options);
    let example = if ports.start() == ports.end() { "" } else { ", with its first data port" };
    let _ = writeln!(out, "\nA client outside is told{example}");
    let first = facts.outside(*ports.start());
    let told = facts.told_outside();
    if let Some(ip) = told {
        let control = facts.control_port(ip.into());
        let shown = match &facts.options.public_address {
            Some(public) => with(public, &ip.to_string()),
            None => ip.to_string(),
        };
        if let Some(port) = control {
            row(out, "connect to", &format!("{shown} port {port}"));
        }
        let text = addr::passive_text(SocketAddrV4::new(ip, first));
        row(out, "PASV", &format!("227 {text}"));
    }
    let epsv = format!("229 {}", addr::extended_passive_text(first));
    if told.is_some() {
        row(out, "EPSV", &epsv);
    }
    if let Some(ip) = facts.global_v6() {
        let at = facts.control_port(ip.into());
        let at = at.map_or_else(String::new, |port| SocketAddr::new(ip.into(), port).to_string());
        let text = addr::extended_passive_text(*ports.start());
        row(out, "over IPv6", &format!("{at}, EPSV 229 {text}"));
    }
    let inner = span(&ports);
    let shared =
        if facts.options.shared_data_port.is_some() { ", shared by all sessions" } else { "" };
    let how = if facts.options.outside_ports.is_some() {
        let outer = span(&(first..=facts.outside(*ports.end())));
        format!("{outer}{shared}; the router must map them to {inner} here, in order")
    } else {
        format!("{inner}{shared}; what lies in between must let them through as they are")
    };
    row(out, "data ports", &how);
}

fn inside(out: &mut String, facts: &Facts) {
    let differs = facts.options.public_address.is_some() || facts.options.outside_ports.is_some();
    let inner = facts.own.iter().filter(|ip| is_private(**ip) && !ip.is_loopback());
    let inner = inner.copied().find_map(as_v4);
    if let (true, Some(ip)) = (differs, inner) {
        let _ = writeln!(out, "\nA client inside, of private networks, is told");
        let text = addr::passive_text(SocketAddrV4::new(ip, *data_ports(&facts.options).start()));
        row(out, "PASV", &format!("227 {text}"));
    }
}

fn findings(out: &mut String, verdict: &Verdict) {
    if verdict.wrong.is_empty() {
        let _ = writeln!(out, "\nNothing is wrong, as far as this machine can tell.");
    } else {
        let _ = writeln!(out, "\nWrong");
        for (number, text) in verdict.wrong.iter().enumerate() {
            item(out, &format!("{:>2}. ", number + 1), text);
        }
    }
    if !verdict.known.is_empty() {
        let _ = writeln!(out, "\nTo know");
        verdict.known.iter().for_each(|text| item(out, "  - ", text));
    }
}

/// A public address and what it is now.
fn with(public: &Public, ip: &str) -> String {
    match public {
        Public::Name(name) => format!("{name} ({ip})"),
        _ => ip.to_owned(),
    }
}

/// The ports on which data connections come in here.
fn data_ports(options: &Options) -> RangeInclusive<u16> {
    options.shared_data_port.map_or_else(|| options.passive_ports.clone(), |port| port..=port)
}

fn span(ports: &RangeInclusive<u16>) -> String {
    let (first, last) = (ports.start(), ports.end());
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn as_v4(ip: IpAddr) -> Option<Ipv4Addr> {
    match ip {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

fn row(out: &mut String, name: &str, text: &str) {
    item(out, &format!("  {name:<14} "), text);
}

/// Text behind a mark, broken into lines that begin under each other.
fn item(out: &mut String, mark: &str, text: &str) {
    let indent = mark.chars().count();
    let mut column = indent;
    out.push_str(mark);
    for (number, word) in text.split(' ').enumerate() {
        let len = word.chars().count();
        if number > 0 && column + 1 + len > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if number > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out.push('\n');
}
