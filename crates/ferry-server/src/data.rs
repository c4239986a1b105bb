//! Making data connections: passive ports, whom to accept on them, and connecting out
//! (RFC 959 §3.3, RFC 1579, RFC 2577; docs/protocol.md). What then moves is not here.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};

use ferry_proto::addr::{canonical_ip, same_network};
use ferry_proto::server::{Rules, is_partner};
use tokio::time::Instant;

use crate::entropy::Entropy;
use crate::net::{Link, Listener, Net, Purpose};
use crate::options::{DataPeer, Options};
use crate::proxied::{self, NoHeader};
use crate::shared_port::Claim;

/// How many ports of the passive range are tried before giving up.
const PORT_TRIES: u32 = 64;

/// Where the peer is to connect for a passive transfer.
#[derive(Debug)]
pub(crate) struct Passive {
    pub(crate) door: Door,
    /// Closed unused after this.
    pub(crate) expires: Instant,
}

/// By what way its connection comes in.
#[derive(Debug)]
pub(crate) enum Door {
    /// A port of its own.
    Own(Box<dyn Listener>),
    /// The port that all sessions share.
    Shared(Claim),
    /// The control port, under a name.
    Named(crate::joining::Awaited),
}

/// A data connection, and what was read of it before it was known whose it is.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) link: Box<dyn Link>,
    pub(crate) early: Vec<u8>,
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

/// Whether a connection from `peer` may be one of the client whose control connection comes from
/// `control`.
pub(crate) fn is_welcome(rule: DataPeer, peer: IpAddr, control: IpAddr) -> bool {
    match rule {
        DataPeer::Any => true,
        DataPeer::SameNet => peer == control || same_network(peer, control),
        DataPeer::Strict => peer == control,
    }
}

/// Who may come to a passive port.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The control connection's peer.
    pub(crate) control: IpAddr,
    /// Who else may pass for that peer.
    pub(crate) rule: DataPeer,
    /// The rules by which another server may come in its place (FXP), if one may.
    pub(crate) partners: Option<&'a Rules>,
}

impl Expected<'_> {
    fn includes(&self, ip: IpAddr) -> bool {
        is_welcome(self.rule, ip, self.control)
            || self.partners.is_some_and(|rules| is_partner(ip, self.control, rules))
    }
}

/// Waits for the peer on a passive port of its own, and tells its address, too. Strangers are
/// closed at once and the wait goes on, so that they can neither take the transfer nor end it.
pub(crate) async fn accept(
    listener: &dyn Listener,
    options: &Options,
    expected: Expected<'_>,
    mut stranger: impl FnMut(&dyn fmt::Display),
) -> io::Result<(Box<dyn Link>, IpAddr)> {
    loop {
        let (link, from) = poll_fn(|cx| listener.poll_accept(cx)).await?;
        // One at a time will do: a balancer's header is in its first segment.
        let source = if options.data_proxy && proxied::is_proxy(options, from) {
            proxied::origin(&*link, from).await.map(|origin| origin.source)
        } else {
            Ok(from)
        };
        match source {
            Ok(source) if expected.includes(canonical_ip(source.ip())) => {
                return Ok((link, canonical_ip(source.ip())));
            }
            Ok(source) => stranger(&source.ip()),
            Err(NoHeader::Nothing) => {}
            Err(why) => stranger(&format_args!("{} ({why})", from.ip())),
        }
        link.set_abrupt();
    }
}

/// Connects out, from the port below the control port where that is permitted (L−1, RFC 959 §3.3),
/// else from any.
pub(crate) async fn connect(
    net: &dyn Net,
    local: SocketAddr,
    to: SocketAddr,
) -> io::Result<Box<dyn Link>> {
    // A client behind a balancer may be of another family than the balancer is here.
    if local.is_ipv4() != to.is_ipv4() {
        return net.connect(None, to).await;
    }
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
