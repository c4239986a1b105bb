//! Under which addresses and URLs this host can be reached.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ferry_server::net::Net as _;
use ferry_server::options::{ListenTls, Public};
use ferry_server::tcp::Tcp;

use crate::secret::Password;

/// The addresses of every interface that a URL can name: no link-local IPv6, which means nothing
/// without a scope.
pub(crate) fn of_this_host() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let mut ips: Vec<IpAddr> = interfaces
        .filter(|interface| interface.flags.contains(getifaddrs::InterfaceFlags::UP))
        .filter_map(|interface| interface.address.ip_addr())
        .filter(can_be_named)
        .collect();
    sort(&mut ips);
    ips
}

/// What the system calls this host.
pub(crate) fn host_name() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

/// How long a look-up of a name may take where somebody waits for it.
const LOOK_UP_MAX: Duration = Duration::from_secs(5);

/// The addresses that a name stands for.
pub(crate) async fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    let net = Tcp::new();
    match tokio::time::timeout(LOOK_UP_MAX, net.resolve(name)).await {
        Ok(found) => found,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
    }
}

/// The IPv4 address that a public address is now.
pub(crate) async fn of_public(public: &Public) -> Option<IpAddr> {
    match public {
        Public::Ip(ip) => Some((*ip).into()),
        Public::Name(name) => look_up(name).await.ok()?.into_iter().find(IpAddr::is_ipv4),
        _ => None,
    }
}

/// Whether IPv6 sockets can be made here; containers often have none.
pub(crate) fn has_ipv6() -> bool {
    std::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok()
}

fn can_be_named(ip: &IpAddr) -> bool {
    !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// IPv4 before IPv6 (people can type it), loopback last, none twice.
fn sort(ips: &mut Vec<IpAddr>) {
    ips.sort_by_key(|ip| (ip.is_loopback(), *ip));
    ips.dedup();
}

/// An address to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) at: SocketAddr,
    pub(crate) tls: ListenTls,
}

/// Where peers can connect to: the listeners, with wildcards replaced by the host's addresses; the
/// public address before all, loopback last.
pub(crate) fn endpoints(
    listeners: &[Endpoint],
    host: &[IpAddr],
    public: Option<IpAddr>,
) -> Vec<Endpoint> {
    let mut found: Vec<Endpoint> = Vec::new();
    for listener in listeners {
        let ip = listener.at.ip();
        let mut ips: Vec<IpAddr> = match ip.is_unspecified() {
            true => host.iter().copied().filter(|h| h.is_ipv4() == ip.is_ipv4()).collect(),
            false => vec![ip],
        };
        if let Some(public) = public
            && ip.is_ipv4()
            && !ip.is_loopback()
        {
            ips.push(public);
        }
        let port = listener.at.port();
        found.extend(
            ips.into_iter().map(|ip| Endpoint { at: (ip, port).into(), tls: listener.tls }),
        );
    }
    let key = |e: &Endpoint| {
        let ip = e.at.ip();
        (Some(ip) != public, ip.is_loopback(), ip, e.tls == ListenTls::Implicit, e.at.port())
    };
    found.sort_by_key(key);
    found.dedup();
    found
}

/// The URLs of an endpoint, to paste into a client: `ftp` (unless TLS is required) and `ftpes` for
/// explicit TLS, `ftps` for implicit TLS.
pub(crate) fn urls(
    endpoint: &Endpoint,
    login: Option<(&str, Option<&Password>)>,
    tls_required: bool,
) -> Vec<String> {
    let schemes: &[&str] = match endpoint.tls {
        ListenTls::Implicit => &["ftps"],
        _ if tls_required => &["ftpes"],
        _ => &["ftp", "ftpes"],
    };
    let user_info = login.map_or_else(String::new, |(name, password)| {
        let mut text = percent_encoded(name);
        if let Some(password) = password {
            text.push(':');
            text.push_str(&percent_encoded(password.reveal()));
        }
        text.push('@');
        text
    });
    schemes.iter().map(|scheme| format!("{scheme}://{user_info}{}/", endpoint.at)).collect()
}

/// As RFC 3986 §3.2.1 wants user names: everything but unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(at: &str, tls: ListenTls) -> Endpoint {
        Endpoint { at: at.parse().unwrap(), tls }
    }

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn addresses_are_sorted_for_people() {
        let mut found = ips(&["::1", "127.0.0.1", "2001:db8::7", "192.0.2.7", "10.0.0.1", "::1"]);
        sort(&mut found);
        assert_eq!(found, ips(&["10.0.0.1", "192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"]));
    }

    #[test]
    fn link_local_addresses_mean_nothing_without_a_scope() {
        assert!(!can_be_named(&"fe80::1".parse().unwrap()));
        for ip in ips(&["fd00::1", "2001:db8::1", "::1", "169.254.1.1"]) {
            assert!(can_be_named(&ip), "{ip}");
        }
    }

    #[test]
    fn wildcards_stand_for_every_address_of_their_family() {
        let host = ips(&["192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"]);
        let listeners = [
            endpoint("0.0.0.0:2121", ListenTls::Explicit),
            endpoint("[::]:2121", ListenTls::Explicit),
            endpoint("0.0.0.0:990", ListenTls::Implicit),
        ];
        let found: Vec<_> = endpoints(&listeners, &host, None)
            .iter()
            .map(|e| format!("{} {:?}", e.at, e.tls))
            .collect();
        assert_eq!(
            found,
            [
                "192.0.2.7:2121 Explicit",
                "192.0.2.7:990 Implicit",
                "[2001:db8::7]:2121 Explicit",
                "127.0.0.1:2121 Explicit",
                "127.0.0.1:990 Implicit",
                "[::1]:2121 Explicit",
            ]
        );
    }

    #[test]
    fn the_public_address_comes_first_and_loopback_listeners_have_none() {
        let public = Some("203.0.113.5".parse().unwrap());
        let host = ips(&["10.0.0.2", "127.0.0.1"]);
        let at = |listener: &str| -> Vec<String> {
            endpoints(&[endpoint(listener, ListenTls::Explicit)], &host, public)
                .iter()
                .map(|e| e.at.to_string())
                .collect()
        };
        assert_eq!(at("0.0.0.0:21"), ["203.0.113.5:21", "10.0.0.2:21", "127.0.0.1:21"]);
        assert_eq!(at("127.0.0.1:21"), ["127.0.0.1:21"]);
        assert_eq!(at("[2001:db8::7]:21"), ["[2001:db8::7]:21"]);
    }

    #[test]
    fn urls_can_be_pasted() {
        let secret = Password::new("abcd-efgh".to_owned());
        let odd = Password::new("p@ss:w/rd é".to_owned());
        let v4 = endpoint("192.0.2.7:2121", ListenTls::Explicit);
        let v6 = endpoint("[2001:db8::7]:21", ListenTls::Explicit);
        let implicit = endpoint("192.0.2.7:990", ListenTls::Implicit);
        assert_eq!(
            urls(&v4, Some(("ferry", Some(&secret))), false),
            ["ftp://ferry:abcd-efgh@192.0.2.7:2121/", "ftpes://ferry:abcd-efgh@192.0.2.7:2121/",]
        );
        assert_eq!(
            urls(&v6, Some(("a b", Some(&odd))), true),
            ["ftpes://a%20b:p%40ss%3Aw%2Frd%20%C3%A9@[2001:db8::7]:21/",]
        );
        assert_eq!(urls(&implicit, Some(("bob", None)), false), ["ftps://bob@192.0.2.7:990/"]);
        assert_eq!(urls(&v4, None, false), ["ftp://192.0.2.7:2121/", "ftpes://192.0.2.7:2121/"]);
    }

    #[test]
    fn this_host_has_addresses_that_can_be_named() {
        assert!(of_this_host().iter().all(can_be_named));
    }
}
