//! Values written the same way on the command line and in the configuration file: durations,
//! sizes, port ranges, addresses, names. Pure functions from text.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ferry_proto::host;
use ferry_proto::network::{Network, NetworkError};
use ferry_server::options::{Public, Timetable};

use crate::secret::{PASSWORD_LEN_MAX, Password};

/// A value that cannot be: what is wrong with it and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) what: String,
    pub(crate) right: String,
}

impl Wrong {
    pub(crate) fn new(what: impl Into<String>, right: impl Into<String>) -> Self {
        Self { what: what.into(), right: right.into() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.right)
    }
}

impl std::error::Error for Wrong {}

/// The longest time-out; beyond a week somebody meant something else.
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(7 * 86_400);

/// `90`, `90s`, `5m`, `1h30m`: from one second to a week.
pub(crate) fn duration(text: &str) -> Result<Duration, Wrong> {
    let right = "write a number of seconds, or something like \"90s\", \"5m\" or \"1h30m\"";
    let wrong = || Wrong::new("not a duration", right);
    let secs = if let Ok(secs) = text.parse::<u64>() {
        secs
    } else {
        let mut total = 0_u64;
        let mut rest = text;
        while !rest.is_empty() {
            let unit_at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, from_unit) = rest.split_at(unit_at);
            let mut after = from_unit.chars();
            let factor = match after.next() {
                Some('s') => 1,
                Some('m') => 60,
                Some('h') => 3600,
                Some('d') => 86_400,
                _ => return Err(wrong()),
            };
            let number = number.parse::<u64>().map_err(|_| wrong())?;
            total = number.saturating_mul(factor).saturating_add(total);
            rest = after.as_str();
        }
        if text.is_empty() {
            return Err(wrong());
        }
        total
    };
    seconds(secs)
}

/// A duration given as a number of seconds.
pub(crate) fn seconds(secs: u64) -> Result<Duration, Wrong> {
    let duration = Duration::from_secs(secs);
    if secs == 0 {
        return Err(Wrong::new("no time at all", "the least is 1 second"));
    }
    if duration > DURATION_MAX {
        return Err(Wrong::new("longer than a week", "the most is 7 days"));
    }
    Ok(duration)
}

/// `4096`, `64K`, `16M`, `2G`: octets, in powers of 1024.
pub(crate) fn size(text: &str) -> Result<u64, Wrong> {
    let wrong = || {
        Wrong::new("not a size", "write a number of octets, or something like \"64K\" or \"16M\"")
    };
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let shift = match text.strip_prefix(digits) {
        Some("") => 0,
        Some("K") => 10,
        Some("M") => 20,
        Some("G") => 30,
        _ => return Err(wrong()),
    };
    let number = digits.parse::<u64>().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

/// `500000`, `500K`, `1.5M`, `off`, or rates by the time of day: octets a second.
pub(crate) fn rate(text: &str) -> Result<Timetable, Wrong> {
    let right = "write octets a second, or something like \"500K\", \"2M\", \"off\" or \
                 \"08:00-18:00 2M, else 20M\"";
    Timetable::parse(text).map_err(|_| Wrong::new("not a rate", right))
}

/// `50000-50999`, or one port.
pub(crate) fn ports(text: &str) -> Result<RangeInclusive<u16>, Wrong> {
    let right = "write two ports from 1 to 65535, the lower first, as in \"50000-50999\"";
    let wrong = |what| Wrong::new(what, right);
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong("not a range of ports"));
    let (low, high) = (port(low)?, port(high)?);
    if low == 0 {
        return Err(wrong("port 0 cannot be listened on"));
    }
    if low > high {
        return Err(wrong("a range that ends before it begins"));
    }
    Ok(low..=high)
}

/// An address to listen on; without a port, another setting says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenAt {
    pub(crate) ip: IpAddr,
    pub(crate) port: Option<u16>,
}

/// `192.0.2.7`, `192.0.2.7:2121`, `2001:db8::7`, `[2001:db8::7]:2121`.
pub(crate) fn listen_at(text: &str) -> Result<ListenAt, Wrong> {
    if let Ok(at) = text.parse::<SocketAddr>() {
        return Ok(ListenAt { ip: at.ip(), port: Some(at.port()) });
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().map(|ip| ListenAt { ip, port: None }).map_err(|_| {
        Wrong::new(
            "not an IP address",
            "write 192.0.2.7, 192.0.2.7:2121, 2001:db8::7 or [2001:db8::7]:2121",
        )
    })
}

/// The address announced in 227 replies, which can only carry IPv4, or a name for it.
pub(crate) fn public_address(text: &str) -> Result<Public, Wrong> {
    // The last part of a name is never a number (RFC 1123 §2.1), so a mistyped address is none.
    let named = host::is_valid(text.as_bytes())
        && text
            .trim_end_matches('.')
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().any(|b| !b.is_ascii_digit()));
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) if !v4.is_unspecified() => Ok(Public::Ip(v4)),
        Ok(IpAddr::V6(_)) => Err(Wrong::new(
            "an IPv6 address",
            "write the IPv4 address seen from outside; IPv6 clients use EPSV, which names none",
        )),
        Err(_) if named => Ok(Public::Name(text.to_owned())),
        _ => Err(Wrong::new(
            "not an address peers can connect to",
            "write the IPv4 address seen from outside, as in 203.0.113.5, or a name for it",
        )),
    }
}

/// `10.0.0.0/24`, `2001:db8::/32`, or one address.
pub(crate) fn network(text: &str) -> Result<Network, Wrong> {
    text.parse().map_err(|wrong: NetworkError| {
        let right = "write a network as in \"10.0.0.0/24\" or \"2001:db8::/32\", or one address";
        Wrong::new(wrong.to_string(), right)
    })
}

/// The longest name of an account, in octets.
const NAME_LEN_MAX: usize = 64;

/// A name someone can log in with: it must survive a command line and be readable in a log.
pub(crate) fn user_name(text: &str) -> Result<String, Wrong> {
    let right = "write 1 to 64 letters, digits or signs, without control characters";
    if text.is_empty() {
        return Err(Wrong::new("an empty name", right));
    }
    if text.len() > NAME_LEN_MAX {
        return Err(Wrong::new("a name longer than 64 octets", right));
    }
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(Wrong::new("a name no client could send", right));
    }
    Ok(text.to_owned())
}

/// A password someone can log in with: one line of text.
pub(crate) fn password(text: &str) -> Result<Password, Wrong> {
    let right = "write 1 to 255 octets without line ends";
    if text.is_empty() {
        return Err(Wrong::new("an empty password", right));
    }
    if text.len() > PASSWORD_LEN_MAX {
        return Err(Wrong::new("a password longer than 255 octets", right));
    }
    if text.contains(['\r', '\n', '\0']) {
        return Err(Wrong::new("a password no client could send", right));
    }
    Ok(Password::new(text.to_owned()))
}

/// Who a flag lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserArg {
    pub(crate) name: String,
    pub(crate) password: Option<Password>,
}

/// `alice` or `alice:secret`; the password may hold further colons.
pub(crate) fn user_arg(text: &str) -> Result<UserArg, Wrong> {
    let (name, given) = match text.split_once(':') {
        Some((name, given)) => (name, Some(given)),
        None => (text, None),
    };
    Ok(UserArg { name: user_name(name)?, password: given.map(password).transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_numbers_with_units() {
        let cases = [
            ("1", Some(1)),
            ("300", Some(300)),
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h30m", Some(5400)),
            ("7d", Some(604_800)),
            ("8d", None),
            ("0", None),
            ("0s", None),
            ("", None),
            ("m", None),
            ("5 m", None),
            ("5m3", None),
            ("5x", None),
            ("-5", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ];
        for (text, want) in cases {
            assert_eq!(duration(text).ok().map(|d| d.as_secs()), want, "{text:?}");
        }
    }

    #[test]
    fn sizes_are_octets_or_numbers_with_binary_units() {
        let cases = [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("64K", Some(65_536)),
            ("16M", Some(16 << 20)),
            ("2G", Some(2 << 30)),
            ("K", None),
            ("1KM", None),
            ("1k", None),
            ("", None),
            ("99999999999G", None),
        ];
        for (text, want) in cases {
            assert_eq!(size(text).ok(), want, "{text:?}");
        }
    }

    #[test]
    fn port_ranges_go_upwards_and_start_above_zero() {
        let cases = [
            ("50000-50999", Some(50_000..=50_999)),
            ("50000", Some(50_000..=50_000)),
            ("1-65535", Some(1..=65_535)),
            ("0-10", None),
            ("10-1", None),
            ("1-65536", None),
            ("a-b", None),
            ("", None),
            ("1-2-3", None),
        ];
        for (text, want) in cases {
            assert_eq!(ports(text).ok(), want, "{text:?}");
        }
    }

    #[test]
    fn listening_addresses_are_read_with_and_without_port() {
        let cases = [
            ("192.0.2.7", Some(("192.0.2.7", None))),
            ("192.0.2.7:2121", Some(("192.0.2.7", Some(2121)))),
            ("2001:db8::7", Some(("2001:db8::7", None))),
            ("[2001:db8::7]", Some(("2001:db8::7", None))),
            ("[2001:db8::7]:2121", Some(("2001:db8::7", Some(2121)))),
            ("0.0.0.0:0", Some(("0.0.0.0", Some(0)))),
            ("example.org", None),
            ("192.0.2.7:", None),
            ("192.0.2.7:70000", None),
            ("", None),
        ];
        for (text, want) in cases {
            let want = want.map(|(ip, port)| ListenAt { ip: ip.parse().unwrap(), port });
            assert_eq!(listen_at(text).ok(), want, "{text:?}");
        }
    }

    #[test]
    fn only_an_ipv4_address_or_a_name_can_be_announced() {
        let ip = Public::Ip([203, 0, 113, 5].into());
        assert_eq!(public_address("203.0.113.5"), Ok(ip));
        for name in ["ftp.example.org", "gateway", "3com.example"] {
            assert_eq!(public_address(name), Ok(Public::Name(name.to_owned())));
        }
        for text in
            ["2001:db8::7", "0.0.0.0", "203.0.113", "203.0.113.256", "a b", "ftp://x", "x:21", ""]
        {
            assert!(public_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_that_is_none_is_told_why() {
        assert!(network("10.0.0.0/24").is_ok() && network("::1").is_ok());
        for (text, why) in [
            ("10.0.0.1/24", "an address with bits behind the prefix"),
            ("10.0.0.0/33", "a prefix longer than the address"),
            ("everyone", "not a network"),
        ] {
            assert_eq!(network(text).unwrap_err().what, why);
        }
    }

    #[test]
    fn users_are_names_with_an_optional_password() {
        let given = |name: &str, password: Option<&str>| UserArg {
            name: name.to_owned(),
            password: password.map(|p| Password::new(p.to_owned())),
        };
        assert_eq!(user_arg("alice"), Ok(given("alice", None)));
        assert_eq!(user_arg("alice:a:b c"), Ok(given("alice", Some("a:b c"))));
        for wrong in ["", ":x", "alice:", " alice", "a\nb", "alice:a\nb", "a\u{1b}[2J"] {
            assert!(user_arg(wrong).is_err(), "{wrong:?}");
        }
        assert!(user_arg(&"x".repeat(65)).is_err());
        assert!(user_arg(&format!("a:{}", "x".repeat(256))).is_err());
    }
}
