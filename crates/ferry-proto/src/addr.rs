//! Addresses on the control connection: PORT, EPRT, EPSV, 227 and 229, both ways (RFC 959 §4.1.2,
//! RFC 2428), and the pure predicates the address policy is made of.
//!
//! What a client is answered and whom a server connects to is not decided here. What we send is
//! strict; what a client of ours reads from foreign servers is taken in every form seen in use.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

use crate::date::decimal;

/// Why an address argument is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddrError {
    /// It does not follow the grammar (501).
    Syntax,
    /// It names a network protocol other than 1 (IPv4) and 2 (IPv6) (522).
    UnknownFamily,
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not an address",
            Self::UnknownFamily => "network protocol not supported",
        })
    }
}

impl core::error::Error for AddrError {}

/// What EPSV asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EpsvArg {
    /// No argument: the family of the control connection.
    Any,
    /// Protocol 1.
    V4,
    /// Protocol 2.
    V6,
    /// `ALL`: from now on only EPSV sets up data connections.
    All,
}

/// Reads the argument of PORT: `h1,h2,h3,h4,p1,p2`.
///
/// # Errors
/// [`AddrError::Syntax`] unless it is six numbers of one to three digits, each at most 255.
pub fn parse_port(arg: &[u8]) -> Result<SocketAddrV4, AddrError> {
    let arg = trim(arg);
    let (octets, used) = six_octets(arg, 0).ok_or(AddrError::Syntax)?;
    if used == arg.len() { Ok(from_octets(octets)) } else { Err(AddrError::Syntax) }
}

/// Writes the argument of PORT.
#[must_use]
pub fn port_argument(addr: SocketAddrV4) -> String {
    let [a, b, c, d] = addr.ip().octets();
    let [p, q] = addr.port().to_be_bytes();
    format!("{a},{b},{c},{d},{p},{q}")
}

/// Reads the argument of EPRT: `|family|address|port|`, where any octet 33–126 may stand for `|`.
/// A zone after `%` in an IPv6 address means nothing to another machine and is dropped.
///
/// # Errors
/// [`AddrError::UnknownFamily`] for a family number that is not 1 or 2, else
/// [`AddrError::Syntax`] for whatever does not follow the grammar.
pub fn parse_eprt(arg: &[u8]) -> Result<SocketAddr, AddrError> {
    let arg = trim(arg);
    let (&delimiter, rest) = arg.split_first().ok_or(AddrError::Syntax)?;
    if !(33..=126).contains(&delimiter) {
        return Err(AddrError::Syntax);
    }
    let mut fields = rest.split(|b| *b == delimiter);
    let mut field = || fields.next().ok_or(AddrError::Syntax);
    let (family, host, port, end) = (field()?, field()?, field()?, field()?);
    if !end.is_empty() || fields.next().is_some() {
        return Err(AddrError::Syntax);
    }
    let host = core::str::from_utf8(host).map_err(|_| AddrError::Syntax)?;
    let ip = match decimal(family).ok_or(AddrError::Syntax)? {
        1 => host.parse::<Ipv4Addr>().map(IpAddr::V4),
        2 => {
            let host = host.split_once('%').map_or(host, |(address, _zone)| address);
            host.parse::<Ipv6Addr>().map(IpAddr::V6)
        }
        _ => return Err(AddrError::UnknownFamily),
    };
    Ok(SocketAddr::new(ip.map_err(|_| AddrError::Syntax)?, port_number(port)?))
}

/// Writes the argument of EPRT, without any zone.
#[must_use]
pub fn eprt_argument(addr: SocketAddr) -> String {
    let family = if addr.is_ipv4() { 1 } else { 2 };
    format!("|{family}|{}|{}|", addr.ip(), addr.port())
}

/// Reads the argument of EPSV; empty when there is none.
///
/// # Errors
/// [`AddrError::UnknownFamily`] for a number that is not 1 or 2, [`AddrError::Syntax`] for
/// anything else but `ALL`.
pub fn parse_epsv_argument(arg: &[u8]) -> Result<EpsvArg, AddrError> {
    match trim(arg) {
        b"" => Ok(EpsvArg::Any),
        b"1" => Ok(EpsvArg::V4),
        b"2" => Ok(EpsvArg::V6),
        word if word.eq_ignore_ascii_case(b"ALL") => Ok(EpsvArg::All),
        word if word.iter().all(u8::is_ascii_digit) => Err(AddrError::UnknownFamily),
        _ => Err(AddrError::Syntax),
    }
}

/// The text of a 227 reply, in the one form that every client and every firewall reads.
#[must_use]
pub fn passive_text(addr: SocketAddrV4) -> String {
    format!("Entering Passive Mode ({}).", port_argument(addr))
}

/// The text of a 229 reply.
#[must_use]
pub fn extended_passive_text(port: u16) -> String {
    format!("Entering Extended Passive Mode (|||{port}|)")
}

/// Reads a 227 reply as a client must: the first run of six comma-separated numbers up to 255,
/// with or without parentheses, blanks allowed around the commas. [`None`] without such a run or
/// when the port is 0.
#[must_use]
pub fn parse_passive(text: &[u8]) -> Option<SocketAddrV4> {
    let starts = (0..text.len()).filter(|&i| {
        let digit = |i: usize| text.get(i).is_some_and(u8::is_ascii_digit);
        digit(i) && !(i > 0 && digit(i - 1))
    });
    let (octets, _) = starts.into_iter().find_map(|i| six_octets(text, i))?;
    let addr = from_octets(octets);
    (addr.port() != 0).then_some(addr)
}

/// Reads a 229 reply as a client must: `ddd port d` with any delimiter `d`, after the first `(`
/// or, where there is none, anywhere. [`None`] without it or when the port is 0.
#[must_use]
pub fn parse_extended_passive(text: &[u8]) -> Option<u16> {
    let open = text.iter().position(|b| *b == b'(');
    let text = open.and_then(|i| text.get(i + 1..)).unwrap_or(text);
    (0..text.len()).find_map(|i| {
        let (&[a, b, c], rest) = text.get(i..)?.split_first_chunk()?;
        if a != b || b != c || !(33..=126).contains(&a) || a.is_ascii_digit() {
            return None;
        }
        let len = rest.iter().take(6).take_while(|b| b.is_ascii_digit()).count();
        let port = port_number(rest.get(..len)?).ok()?;
        (port != 0 && rest.get(len) == Some(&a)).then_some(port)
    })
}

/// An IPv4 address that came as `::ffff:a.b.c.d` (as on a socket for both families) as IPv4.
#[must_use]
pub fn canonical_ip(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// Whether nobody on the public Internet can reach the address: RFC 1918, RFC 6598 (100.64/10),
/// loopback, link-local, and IPv6 unique local addresses.
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match canonical_ip(ip) {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local(),
    }
}

/// Whether both addresses lie in one /24 (IPv4) or /64 (IPv6).
#[must_use]
pub fn same_network(a: IpAddr, b: IpAddr) -> bool {
    match (canonical_ip(a), canonical_ip(b)) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a.to_bits() >> 8 == b.to_bits() >> 8,
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() >> 64 == b.to_bits() >> 64,
        _ => false,
    }
}

/// Six numbers from `start` on and where they end. Each start looks at no octet twice, so trying
/// every start of a text stays linear.
fn six_octets(text: &[u8], start: usize) -> Option<([u8; 6], usize)> {
    let mut at = start;
    let mut octets = [0; 6];
    let blanks = |at: usize| -> usize {
        text.get(at..).unwrap_or_default().iter().take_while(|b| **b == b' ').count()
    };
    for (i, octet) in octets.iter_mut().enumerate() {
        if i > 0 {
            at += blanks(at);
            if text.get(at) != Some(&b',') {
                return None;
            }
            at += 1;
            at += blanks(at);
        }
        let digits = text.get(at..)?;
        let len = digits.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
        let number = if len <= 3 {
            decimal(digits.get(..len)?)?
        } else {
            return None;
        };
        *octet = u8::try_from(number).ok()?;
        at += len;
    }
    Some((octets, at))
}

fn from_octets([a, b, c, d, p, q]: [u8; 6]) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([p, q]))
}

fn port_number(digits: &[u8]) -> Result<u16, AddrError> {
    if digits.len() > 5 {
        return Err(AddrError::Syntax);
    }
    decimal(digits).and_then(|n| u16::try_from(n).ok()).ok_or(AddrError::Syntax)
}

fn trim(arg: &[u8]) -> &[u8] {
    let start = arg.iter().take_while(|b| **b == b' ').count();
    let arg = arg.get(start..).unwrap_or_default();
    let end = arg.iter().rev().take_while(|b| **b == b' ').count();
    arg.get(..arg.len() - end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v4(text: &str) -> SocketAddrV4 {
        text.parse().unwrap()
    }

    #[test]
    fn port_wants_six_numbers_and_nothing_else() {
        assert_eq!(parse_port(b"127,0,0,1,4,1"), Ok(v4("127.0.0.1:1025")));
        assert_eq!(parse_port(b" 10,0,0,255,255,255 "), Ok(v4("10.0.0.255:65535")));
        assert_eq!(parse_port(b"010,000,0,1,0,0"), Ok(v4("10.0.0.1:0")));
        for wrong in ["", "1,2,3,4,5", "1,2,3,4,5,6,7", "1,2,3,4,5,256", "1,2,3,4,5,-6", "a"] {
            assert_eq!(parse_port(wrong.as_bytes()), Err(AddrError::Syntax), "{wrong}");
        }
        for wrong in ["1,2,3,4,5,6,", "1,,3,4,5,6", "1,2,3,4,5,+6", "0001,2,3,4,5,6", "1.2.3.4:5"] {
            assert_eq!(parse_port(wrong.as_bytes()), Err(AddrError::Syntax), "{wrong}");
        }
    }

    #[test]
    fn eprt_takes_any_delimiter_and_both_families() {
        let ok: &[(&str, &str)] = &[
            ("|1|132.235.1.2|6275|", "132.235.1.2:6275"),
            ("|2|1080::8:800:200C:417A|5282|", "[1080::8:800:200c:417a]:5282"),
            ("!1!10.0.0.1!80!", "10.0.0.1:80"),
            ("|2|fe80::1%eth0|5282|", "[fe80::1]:5282"),
            (" |1|10.0.0.1|0| ", "10.0.0.1:0"),
        ];
        for (arg, want) in ok {
            assert_eq!(parse_eprt(arg.as_bytes()), Ok(want.parse().unwrap()), "{arg}");
        }
        let wrong = [
            "",
            "|",
            "|1|10.0.0.1|80",
            "1|10.0.0.1|80|",
            "|1|::1|80|",
            "|2|10.0.0.1|80|",
            "|1|10.0.0.1|65536|",
            "|1|10.0.0.1|+80|",
            "|1|10.0.0.1||",
            "|x|10.0.0.1|80|",
            "|1|10.0.0.1|80||",
            "|1|10.0.0.1|80|x",
            "||10.0.0.1|80|",
            "|1|host|80|",
            ":2:fe80::1:80:",
            "|1|10.0.0.1%1|80|",
        ];
        for arg in wrong {
            assert_eq!(parse_eprt(arg.as_bytes()), Err(AddrError::Syntax), "{arg}");
        }
        assert_eq!(parse_eprt(b"|3|whatever|80|"), Err(AddrError::UnknownFamily));
    }

    #[test]
    fn epsv_names_a_family_or_all() {
        assert_eq!(parse_epsv_argument(b""), Ok(EpsvArg::Any));
        assert_eq!(parse_epsv_argument(b" 1 "), Ok(EpsvArg::V4));
        assert_eq!(parse_epsv_argument(b"2"), Ok(EpsvArg::V6));
        assert_eq!(parse_epsv_argument(b"all"), Ok(EpsvArg::All));
        assert_eq!(parse_epsv_argument(b"3"), Err(AddrError::UnknownFamily));
        assert_eq!(parse_epsv_argument(b"ALLE"), Err(AddrError::Syntax));
    }

    #[test]
    fn passive_replies_are_read_in_every_form_seen() {
        let want = Some(v4("10.0.0.1:1025"));
        let cases: &[(&str, Option<SocketAddrV4>)] = &[
            ("Entering Passive Mode (10,0,0,1,4,1).", want),
            ("227 Entering Passive Mode 10,0,0,1,4,1", want),
            ("=10,0,0,1,4,1", want),
            ("Passive (10, 0, 0, 1, 4, 1)", want),
            ("2 listeners, of which: 10,0,0,1,4,1.", want),
            ("(300,0,0,1,4,1)", None),
            ("(10,0,0,1,0,0)", None),
            ("(10,0,0,1,4", None),
            ("(|||1025|)", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_passive(text.as_bytes()), *want, "{text}");
        }
    }

    #[test]
    fn extended_passive_replies_are_read_in_every_form_seen() {
        let cases: &[(&str, Option<u16>)] = &[
            ("Entering Extended Passive Mode (|||6446|)", Some(6446)),
            ("Extended Passive !!!6446!", Some(6446)),
            ("229 |||6446|", Some(6446)),
            ("(!!!6446!)", Some(6446)),
            ("(||||6446|)", Some(6446)),
            ("... (|||6446|)", Some(6446)),
            ("(|||0|)", None),
            ("(|||65536|)", None),
            ("(|||644600|)", None),
            ("(|||6446)", None),
            ("(||6446|)", None),
            ("(111644611)", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_extended_passive(text.as_bytes()), *want, "{text}");
        }
    }

    #[test]
    fn predicates_see_through_mapped_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let private = [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.9.9",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.2",
            "169.254.1.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ];
        let public = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "::ffff:8.8.8.8"];
        assert!(private.iter().all(|a| is_private(ip(a))));
        assert!(!public.iter().any(|a| is_private(ip(a))));
        assert_eq!(canonical_ip(ip("::ffff:1.2.3.4")), ip("1.2.3.4"));
        assert_eq!(canonical_ip(ip("::1.2.3.4")), ip("::1.2.3.4"));
        assert!(same_network(ip("10.0.0.1"), ip("::ffff:10.0.0.255")));
        assert!(!same_network(ip("10.0.0.1"), ip("10.0.1.1")));
        assert!(same_network(ip("2001:db8::1"), ip("2001:db8::ffff:0:0:1")));
        assert!(!same_network(ip("2001:db8::1"), ip("2001:db8:0:1::1")));
        assert!(!same_network(ip("10.0.0.1"), ip("fd00::1")));
    }

    proptest! {
        #[test]
        fn printed_addresses_read_back(ip in any::<IpAddr>(), port in any::<u16>()) {
            let addr = SocketAddr::new(ip, port);
            prop_assert_eq!(parse_eprt(eprt_argument(addr).as_bytes()), Ok(addr));
            if let SocketAddr::V4(addr) = addr {
                prop_assert_eq!(parse_port(port_argument(addr).as_bytes()), Ok(addr));
                let read = parse_passive(passive_text(addr).as_bytes());
                prop_assert_eq!(read, (port != 0).then_some(addr));
            }
            let read = parse_extended_passive(extended_passive_text(port).as_bytes());
            prop_assert_eq!(read, (port != 0).then_some(port));
        }

        #[test]
        fn whatever_is_accepted_prints_and_reads_the_same(arg in "[|!12:.,%a-f0-9 ]{0,40}") {
            if let Ok(addr) = parse_eprt(arg.as_bytes()) {
                prop_assert_eq!(parse_eprt(eprt_argument(addr).as_bytes()), Ok(addr));
            }
            if let Ok(addr) = parse_port(arg.as_bytes()) {
                prop_assert_eq!(parse_port(port_argument(addr).as_bytes()), Ok(addr));
            }
        }
    }
}
