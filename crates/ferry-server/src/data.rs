//! Making data connections: passive ports, whom to accept on them, and connecting out
//! (RFC 959 §3.3, RFC 1579, RFC 2577; docs/protocol.md). What then moves is not here.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ferry_proto::addr::{canonical_ip, is_private, same_network};
use tokio::time::Instant;

use crate::entropy::Entropy;
use crate::net::{Link, Listener, Net, Purpose};
use crate::options::{DataPeer, Options};

/// How many ports of the passive range are tried before giving up.
const PORT_TRIES: u32 = 64;

/// An open passive port.
#[derive(Debug)]
pub(crate) struct Passive {
    pub(crate) listener: Box<dyn Listener>,
    /// Closed unused after this.
    pub(crate) expires: Instant,
}

/// Opens a port of the passive range on the control connection's own address, chosen at random so
/// that nobody can be there first (port stealing, RFC 2577 §6).
pub(crate) fn open_passive(
    net: &dyn Net,
    entropy: &Entropy,
    options: &Options,
    local: IpAddr,
) -> io::Result<Box<dyn Listener>> {
    let (first, last) = (*options.passive_ports.start(), *options.passive_ports.end());
    let count = u64::from(last.saturating_sub(first)) + 1;
    let mut error = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORT_TRIES {
        let step = u16::try_from(entropy.next() % count).unwrap_or(0);
        let at = SocketAddr::new(local, first.saturating_add(step));
        match net.listen(at, Purpose::Data) {
            Ok(listener) => return Ok(listener),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => error = e,
            Err(e) => return Err(e),
        }
    }
    Err(error)
}

/// The address that 227 names: the public one for peers outside private networks, else the
/// control connection's own.
pub(crate) fn announced(options: &Options, local: IpAddr, peer: IpAddr) -> IpAddr {
    let public = options.public_address.filter(IpAddr::is_ipv4);
    match public {
        Some(public) if !is_private(peer) => public,
        // Behind NAT, a peer inside reaches us directly; one that is itself private but of
        // another network comes through the same router and needs no translation either.
        _ if local.is_ipv4() => local,
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

fn is_welcome(rule: DataPeer, peer: IpAddr, control: IpAddr) -> bool {
    match rule {
        DataPeer::Any => true,
        DataPeer::SameNet => peer == control || same_network(peer, control),
        DataPeer::Strict => peer == control,
    }
}

/// Waits for the peer on the passive port. Strangers are closed at once and the wait goes on, so
/// that they can neither take the transfer nor end it.
pub(crate) async fn accept(
    listener: &dyn Listener,
    rule: DataPeer,
    control: IpAddr,
    mut stranger: impl FnMut(SocketAddr),
) -> io::Result<Box<dyn Link>> {
    loop {
        let (link, from) = poll_fn(|cx| listener.poll_accept(cx)).await?;
        if is_welcome(rule, canonical_ip(from.ip()), control) {
            return Ok(link);
        }
        link.set_abrupt();
        stranger(from);
    }
}

/// Connects out, from the port below the control port where that is permitted (L−1, RFC 959 §3.3),
/// else from any.
pub(crate) async fn connect(
    net: &dyn Net,
    local: SocketAddr,
    to: SocketAddr,
) -> io::Result<Box<dyn Link>> {
    let from = SocketAddr::new(local.ip(), local.port().saturating_sub(1));
    match net.connect(Some(from), to).await {
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::AddrInUse
                    | io::ErrorKind::AddrNotAvailable
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            net.connect(Some(SocketAddr::new(local.ip(), 0)), to).await
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(s: &str) -> IpAddr {
        s.parse().unwrap()
    }

    #[test]
    fn the_public_address_is_told_to_the_outside_only() {
        let with = Options { public_address: Some(ip("203.0.113.9")), ..Options::default() };
        let cases = [
            (&with, "10.0.0.5", "198.51.100.7", "203.0.113.9"),
            (&with, "10.0.0.5", "10.0.0.77", "10.0.0.5"),
            (&with, "127.0.0.1", "127.0.0.1", "127.0.0.1"),
            (&Options::default(), "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ];
        for (options, local, peer, want) in cases {
            assert_eq!(announced(options, ip(local), ip(peer)), ip(want), "{local} {peer}");
        }
    }

    #[test]
    fn data_peers_are_judged_by_the_rule() {
        let cases = [
            (DataPeer::Strict, "192.0.2.1", true),
            (DataPeer::Strict, "192.0.2.2", false),
            (DataPeer::SameNet, "192.0.2.2", true),
            (DataPeer::SameNet, "192.0.3.2", false),
            (DataPeer::Any, "198.51.100.1", true),
        ];
        for (rule, peer, want) in cases {
            assert_eq!(is_welcome(rule, ip(peer), ip("192.0.2.1")), want, "{rule:?} {peer}");
        }
    }
}
