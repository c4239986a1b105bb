//! Where a directory served from flags is listened for: which ports are tried, on which addresses,
//! and what people are told about it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ferry_server::options::{Listen, ListenTls};

use crate::cli::Serve;
use crate::values::ListenAt;

/// Tried in turn where `--port` is not given: the registered port, and what people use instead.
const PORT_FTP: u16 = 21;
const PORTS_INSTEAD: std::ops::RangeInclusive<u16> = 2121..=2129;

/// The ports for listeners that name none.
pub(crate) fn ports_to_try(flags: &Serve) -> Vec<u16> {
    match flags.port {
        Some(port) => vec![port],
        None if port_matters(flags) => std::iter::once(PORT_FTP).chain(PORTS_INSTEAD).collect(),
        None => vec![PORT_FTP],
    }
}

/// Whether some listener has no port of its own.
fn port_matters(flags: &Serve) -> bool {
    flags.listen.is_empty() || flags.listen.iter().any(|at| at.port.is_none())
}

/// Where to listen when `port` is tried.
pub(crate) fn listeners(flags: &Serve, port: u16, has_ipv6: bool) -> Vec<Listen> {
    let everywhere = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
        .map(|ip: IpAddr| ListenAt { ip, port: None });
    let everywhere = everywhere.get(..if has_ipv6 { 2 } else { 1 }).unwrap_or_default();
    let at = if flags.listen.is_empty() { everywhere } else { &flags.listen };
    let mut listen: Vec<Listen> = at
        .iter()
        .map(|at| Listen {
            at: SocketAddr::new(at.ip, at.port.unwrap_or(port)),
            tls: ListenTls::Explicit,
        })
        .collect();
    if let Some(implicit) = flags.implicit_port {
        let mut ips: Vec<IpAddr> = at.iter().map(|at| at.ip).collect();
        ips.sort_unstable();
        ips.dedup();
        listen.extend(
            ips.into_iter()
                .map(|ip| Listen { at: SocketAddr::new(ip, implicit), tls: ListenTls::Implicit }),
        );
    }
    listen
}

/// Whether a port is not to be had, rather than the address wrong.
pub(crate) fn may_try_another(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::AddrInUse)
}

/// What to say about the port that was found.
pub(crate) fn note(flags: &Serve, port: u16) -> Option<String> {
    let first_instead = *PORTS_INSTEAD.start();
    if flags.port.is_some() || !port_matters(flags) || port == PORT_FTP {
        None
    } else if port == first_instead {
        Some(format!("Port {PORT_FTP} is not to be had, so this is port {port}."))
    } else {
        Some(format!(
            "Neither port {PORT_FTP} nor {first_instead} is to be had, so this is port {port}."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser as _;

    fn flags(line: &str) -> Serve {
        let words = ["ferryd"].into_iter().chain(line.split_whitespace());
        Cli::try_parse_from(words.chain(["dir"])).unwrap().serve
    }

    fn listening(line: &str, port: u16, has_ipv6: bool) -> Vec<String> {
        listeners(&flags(line), port, has_ipv6)
            .iter()
            .map(|l| format!("{} {:?}", l.at, l.tls))
            .collect()
    }

    #[test]
    fn the_usual_port_is_tried_first_and_others_only_if_none_is_named() {
        let others: Vec<u16> = [21].into_iter().chain(2121..=2129).collect();
        assert_eq!(ports_to_try(&flags("")), others);
        assert_eq!(ports_to_try(&flags("--listen 127.0.0.1")), others);
        assert_eq!(ports_to_try(&flags("--port 2200")), [2200]);
        assert_eq!(ports_to_try(&flags("--listen 127.0.0.1:99")), [21], "of no consequence");
    }

    #[test]
    fn a_port_nobody_asked_for_is_explained() {
        assert_eq!(note(&flags(""), 21), None);
        assert_eq!(note(&flags("--port 2121"), 2121), None);
        assert_eq!(
            note(&flags(""), 2121).unwrap(),
            "Port 21 is not to be had, so this is port 2121."
        );
        assert_eq!(
            note(&flags(""), 2123).unwrap(),
            "Neither port 21 nor 2121 is to be had, so this is port 2123."
        );
    }

    #[test]
    fn listeners_are_everywhere_unless_addresses_are_named() {
        assert_eq!(listening("", 21, true), ["0.0.0.0:21 Explicit", "[::]:21 Explicit"]);
        assert_eq!(listening("", 21, false), ["0.0.0.0:21 Explicit"]);
        assert_eq!(
            listening("--listen 192.0.2.7 --listen [::1]:99", 2121, true),
            ["192.0.2.7:2121 Explicit", "[::1]:99 Explicit"]
        );
        assert_eq!(
            listening("--listen 127.0.0.1:1 --listen 127.0.0.1:2 --implicit-port 990", 21, true),
            ["127.0.0.1:1 Explicit", "127.0.0.1:2 Explicit", "127.0.0.1:990 Implicit"]
        );
    }

    #[test]
    fn only_a_port_that_is_not_to_be_had_makes_another_be_tried() {
        use io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        assert!(may_try_another(&AddrInUse.into()) && may_try_another(&PermissionDenied.into()));
        assert!(!may_try_another(&AddrNotAvailable.into()));
    }
}
