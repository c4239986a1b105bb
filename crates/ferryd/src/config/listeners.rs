//! `[[listen]]`: where to accept connections.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use ferry_server::options::{Listen, ListenTls};
use toml::de::DeTable;

use super::diagnose::Problems;
use super::file::NEED_TLS;
use super::read;
use super::section::Section;
use crate::addresses;
use crate::values::Wrong;

const LISTEN_KEYS: &[&str] = &["address", "port", "tls"];

/// Reads every `[[listen]]` of `tables`.
pub(super) fn read<'a>(
    tables: &[(&'a DeTable<'a>, Range<usize>)],
    has_tls: bool,
    problems: &mut Problems,
) -> Vec<Listen> {
    let mut listen: Vec<Listen> = Vec::new();
    for (table, at) in tables {
        let section = Section::open("[[listen]]", table, at.clone(), LISTEN_KEYS, problems);
        for one in listener(&section, has_tls, problems) {
            let twice = listen.iter().any(|other| other.at == one.at && one.at.port() != 0);
            if twice {
                let wrong = Wrong::new(
                    format!("{} is listened on twice", one.at),
                    "give each [[listen]] an address or port of its own",
                );
                problems.add(at.clone(), wrong);
            }
            listen.push(one);
        }
    }
    listen
}

/// Where to listen when the file does not say.
pub(super) fn usual() -> Vec<Listen> {
    let on = |ip| Listen { at: SocketAddr::new(ip, PORT_EXPLICIT), tls: ListenTls::Explicit };
    everywhere().map(on).collect()
}

/// The registered ports of ftp and ftps.
const PORT_EXPLICIT: u16 = 21;
const PORT_IMPLICIT: u16 = 990;

/// One `[[listen]]`, which without an address stands for both families.
fn listener(section: &Section<'_>, has_tls: bool, problems: &mut Problems) -> Vec<Listen> {
    let address = section.get("address", problems, read::address);
    let port = section.get("port", problems, |value| read::number::<u16>(value, 0..=65_535));
    let tls = section.get("tls", problems, |value| {
        let words = [("explicit", ListenTls::Explicit), ("implicit", ListenTls::Implicit)];
        read::word(value, &words)
    });
    if let Some((ListenTls::Implicit, at)) = &tls
        && !has_tls
    {
        problems.add(at.clone(), Wrong::new("implicit TLS but there is no [tls]", NEED_TLS));
    }
    let tls = tls.map_or(ListenTls::Explicit, |(tls, _)| tls);
    let usual = if tls == ListenTls::Implicit { PORT_IMPLICIT } else { PORT_EXPLICIT };
    let port = port.map_or(usual, |(port, _)| port);
    let ips: Vec<IpAddr> = match address {
        Some((ip, _)) => vec![ip],
        // A wrong address was noted; both families would only add mistakes that are none.
        None if section.has("address") => Vec::new(),
        None => everywhere().collect(),
    };
    ips.into_iter().map(|ip| Listen { at: SocketAddr::new(ip, port), tls }).collect()
}

/// Every address of this host, IPv6 where it is to be had.
fn everywhere() -> impl Iterator<Item = IpAddr> {
    let v6 = addresses::has_ipv6().then_some(Ipv6Addr::UNSPECIFIED.into());
    std::iter::once(Ipv4Addr::UNSPECIFIED.into()).chain(v6)
}
