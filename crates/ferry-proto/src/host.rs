//! Names of hosts as HOST (RFC 7151 §3) and SNI (RFC 6066 §3) give them: their form, and when two
//! of them are the same. Which names a server answers to is not decided here.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name of a host, in octets (RFC 1035 §2.3.4).
const NAME_MAX: usize = 253;

/// Whether `text` can be the argument of HOST: a name of letters, digits and hyphens in labels
/// (international ones as A-labels), an IPv4 address, or an IPv6 address in brackets. A port is no
/// part of it.
#[must_use]
pub fn is_valid(text: &[u8]) -> bool {
    address(text).is_some() || is_name(text)
}

/// The address that a literal stands for.
#[must_use]
pub fn address(text: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(text).ok()?;
    match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// Whether two names are of one host: case does not count, nor does a dot at the end.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let bare = |name| <[u8]>::strip_suffix(name, b".").unwrap_or(name);
    bare(a).eq_ignore_ascii_case(bare(b))
}

fn is_name(text: &[u8]) -> bool {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && label.first() != Some(&b'-')
            && label.last() != Some(&b'-')
    };
    // A name whose last label is a number would be an address with a mistake in it.
    let numeric = |label: &[u8]| label.iter().all(u8::is_ascii_digit);
    text.len() <= NAME_MAX
        && text.split(|&b| b == b'.').all(label)
        && !text.rsplit(|&b| b == b'.').next().is_some_and(numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_literals_are_told_from_what_is_neither() {
        for good in
            ["a", "ftp.example.org", "FTP.Example.ORG.", "xn--bcher-kva.example", "10.0.0.1"]
        {
            assert!(is_valid(good.as_bytes()), "{good}");
        }
        assert_eq!(address(b"[2001:db8::1]"), Some("2001:db8::1".parse().unwrap()));
        for bad in
            ["", ".", "a..b", "-a.b", "a b", "a:21", "10.0.0.1:21", "10.0.0.256", "::1", "[1]"]
        {
            assert!(!is_valid(bad.as_bytes()), "{bad}");
        }
        assert!(!is_valid(&[b'a'; 64]) && !is_valid("ä.example".as_bytes()));
    }

    #[test]
    fn case_and_a_dot_at_the_end_make_no_other_host() {
        assert!(same(b"ftp.Example.org.", b"FTP.example.org"));
        assert!(!same(b"ftp.example.org", b"ftp.example.com"));
    }
}
