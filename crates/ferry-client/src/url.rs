//! URLs of FTP servers (RFC 1738 §3.2) as sites. Pure; nothing is looked up here.

use std::fmt;

use ferry_proto::path::ForPeople;

use crate::secret::Secret;
use crate::site::{Security, Site};

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Url {
    /// The server and who logs in. `ftp://` is explicit TLS, demanded where somebody in particular
    /// logs in; `ftpes://` demands it always, `ftps://` is TLS from the first octet.
    pub site: Site,
    /// The decoded path: absolute if it begins with a slash, else seen from the directory after
    /// log-in; empty for that directory.
    pub path: Vec<u8>,
    /// What stands behind `#`, as it was written.
    pub fragment: Option<String>,
}

/// Why a text is no such URL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is missing or another.
    Scheme,
    /// There is no host.
    NoHost,
    /// That is no name or address of a host.
    Host(String),
    /// That is no port.
    Port(String),
    /// A line end or NUL is in the name, the password or the path.
    Control,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("only ftp://, ftpes:// and ftps:// are spoken here"),
            Self::NoHost => f.write_str("the URL has no host"),
            Self::Host(host) => write!(f, "\"{host}\" is no name or address of a host"),
            Self::Port(port) => write!(f, "\"{port}\" is no port; write a number from 1 to 65535"),
            Self::Control => f.write_str("line ends and NUL cannot be sent in names or passwords"),
        }
    }
}

impl std::error::Error for UrlError {}

impl Url {
    /// Reads `scheme://[user[:password]@]host[:port][/path][#fragment]`. Names, passwords and paths
    /// may hold `%XX`; a `#` in them must be written so.
    ///
    /// # Errors
    /// What is wrong with it; no error holds the password.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment.to_owned())),
            None => (rest, None),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // The last one: a password may have been typed with its `@` as it is.
        let (login, host_port) = match authority.rsplit_once('@') {
            Some((login, host_port)) => (Some(login), host_port),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
            None => (None, None),
            Some(Ok((user, password))) => (Some(user), Some(Secret::new(decode(password)))),
            Some(Err(user)) => (Some(user), None),
        };
        let (host, port) = host_and_port(host_port)?;
        let user = user.map(decode).filter(|user| !user.is_empty());
        let mut site = Site { port, user, password, ..Site::new(host) };
        site.security = match scheme.to_ascii_lowercase().as_str() {
            "ftp" if site.is_anonymous() && site.password.is_none() => Security::Opportunistic,
            "ftp" | "ftpes" => Security::Explicit,
            "ftps" => Security::Implicit,
            _ => return Err(UrlError::Scheme),
        };
        let path = decode(path);
        let sendable = |octets: &[u8]| !octets.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
        let all = [
            site.user.as_deref().unwrap_or_default(),
            site.password.as_ref().map(Secret::reveal).unwrap_or_default(),
            &path,
        ];
        if !all.into_iter().all(sendable) {
            return Err(UrlError::Control);
        }
        Ok(Self { site, path, fragment })
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), UrlError> {
    let bad = |text: &str| UrlError::Host(ForPeople(text.as_bytes()).to_string());
    let is_v6 = text.starts_with('[');
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or_else(|| bad(text))?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let name = String::from_utf8(decode(host)).map_err(|_| bad(host))?;
    let fits = |c: char| match is_v6 {
        // With a zone: `fe80::1%eth0`.
        true => c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '%' | '-' | '_'),
        false => !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | '[' | ']' | '?' | '#'),
    };
    if !name.chars().all(fits) {
        return Err(bad(host));
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(bad(text)),
        Some("") => None,
        Some(digits) => {
            let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
            let number = digits.parse().ok().filter(|&port: &u16| port > 0 && all_digits);
            Some(number.ok_or_else(|| UrlError::Port(ForPeople(digits.as_bytes()).to_string()))?)
        }
    };
    Ok((name, port))
}

/// The octets with `%XX` decoded. A `%` before anything else is itself, since names with one are
/// typed as they are.
#[must_use]
pub fn decode(text: &str) -> Vec<u8> {
    let octets = text.as_bytes();
    let digit = |at: usize| {
        let octet = octets.get(at).copied()?;
        char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    };
    let (mut out, mut at) = (Vec::with_capacity(octets.len()), 0);
    while let Some(&octet) = octets.get(at) {
        match (octet, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            _ => {
                out.push(octet);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_taken_apart() {
        use Security::{Explicit, Implicit, Opportunistic};
        let cases = [
            ("ftp://h", Opportunistic, "h", None, None, None, "", None),
            ("FTP://u@h:2121/a/b", Explicit, "h", Some(2121), Some("u"), None, "a/b", None),
            ("ftp://ftp:x@h//a", Explicit, "h", None, Some("ftp"), Some("x"), "/a", None),
            ("ftpes://h/%2Fa%23#x=1", Explicit, "h", None, None, None, "/a#", Some("x=1")),
            (
                "ftps://u:p@s%3A@[::1]:9",
                Implicit,
                "::1",
                Some(9),
                Some("u"),
                Some("p@s:"),
                "",
                None,
            ),
            ("ftp://h:/100%", Opportunistic, "h", None, None, None, "100%", None),
        ];
        for (text, security, host, port, user, password, path, fragment) in cases {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.site.security, url.site.host.as_str()), (security, host), "{text}");
            assert_eq!(url.site.port, port, "{text}");
            assert_eq!(url.site.user.as_deref(), user.map(str::as_bytes), "{text}");
            let shown = url.site.password.as_ref().map(Secret::reveal);
            assert_eq!(shown, password.map(str::as_bytes), "{text}");
            assert_eq!((url.path.as_slice(), url.fragment.as_deref()), (path.as_bytes(), fragment));
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        let cases = [
            ("h/a", UrlError::Scheme),
            ("http://h", UrlError::Scheme),
            ("ftp:///a", UrlError::NoHost),
            ("ftp://u@/a", UrlError::NoHost),
            ("ftp://h h/", UrlError::Host("h h".into())),
            ("ftp://[::1/", UrlError::Host("[::1".into())),
            ("ftp://h:0/", UrlError::Port("0".into())),
            ("ftp://h:+1/", UrlError::Port("+1".into())),
            ("ftp://u%0d@h/", UrlError::Control),
            ("ftp://h/a%00", UrlError::Control),
        ];
        for (text, want) in cases {
            assert_eq!(Url::parse(text), Err(want), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_cannot_be_sent_comes_out(text in "ftps?://[ -~%\r\n]{0,40}") {
            if let Ok(url) = Url::parse(&text) {
                prop_assert!(!url.site.host.is_empty());
                prop_assert!(!url.path.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
            }
        }
    }
}
