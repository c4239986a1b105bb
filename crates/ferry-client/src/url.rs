//! URLs of FTP servers (RFC 1738 §3.2): read, shown without their password, and turned into the
//! [`Site`] they mean. Pure; what is typed besides URLs (bookmarks, local paths) is the caller's.

use std::fmt;
use std::ops::Range;

use ferry_proto::path::ForPeople;

use crate::secret::Secret;
use crate::site::{Security, Site};

/// Which protection a URL's scheme asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "callers decide on each")]
pub enum Scheme {
    /// `ftp`: decided by who logs in, and by [`Protection`].
    Ftp,
    /// `ftpes`: AUTH TLS (RFC 4217), or nothing.
    Explicit,
    /// `ftps`: TLS from the first octet.
    Implicit,
}

impl Scheme {
    /// As a URL has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ftp => "ftp",
            Self::Explicit => "ftpes",
            Self::Implicit => "ftps",
        }
    }
}

/// What was said about protection besides the scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between these")]
pub enum Protection {
    /// Nothing: what the scheme and the log-in ask for.
    #[default]
    Usual,
    /// In the clear where the scheme does not say otherwise.
    Plain,
    /// Never in the clear, for anonymous log-ins either.
    Tls,
}

/// A path on a server, and how to get there.
///
/// ```
/// use ferry_client::Security;
/// use ferry_client::url::{Protection, Url};
///
/// let url = Url::parse(b"ftp://alice:secret@files.example.org:2121/in/today")?;
/// assert_eq!(url.path.octets(), b"in/today");
/// assert_eq!(url.to_string(), "ftp://alice@files.example.org:2121/in/today");
/// // A password never goes in the clear unless that is asked for.
/// assert_eq!(url.site(Protection::Usual).security, Security::Explicit);
/// # Ok::<(), ferry_client::url::UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Url {
    /// What it begins with.
    pub scheme: Scheme,
    /// Name or address, without brackets.
    pub host: String,
    /// The port, if it is named.
    pub port: Option<u16>,
    /// Who logs in, if that is said.
    pub user: Option<Vec<u8>>,
    /// The password, if it is in the URL: where others may see it.
    pub password: Option<Secret>,
    /// What follows the host.
    pub path: UrlPath,
    /// `;type=a`: with line ends converted (RFC 1738 §3.2.2).
    pub text: bool,
}

/// Why text is not the URL of an FTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// There is no `scheme://`.
    NoScheme,
    /// Another protocol's scheme.
    Scheme(String),
    /// There is no host.
    NoHost,
    /// What no host can be called.
    Host(String),
    /// What is no port.
    Port(String),
    /// What is no port, and may be a password: there is an `@` behind the next slash.
    Slash,
    /// A line end or NUL in a name, a password or a path.
    Control,
    /// A `;type=` of neither text nor octets.
    Type(String),
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = "ftp://, ftpes:// (TLS by AUTH) and ftps:// (TLS from the start)";
        match self {
            Self::NoScheme => write!(f, "a URL begins with a scheme; there are {known}"),
            Self::Scheme(scheme) => write!(f, "{scheme}:// is not spoken here; only {known}"),
            Self::NoHost => f.write_str("the URL has no host"),
            Self::Host(host) => write!(f, "\"{host}\" is no name or address of a host"),
            Self::Port(port) => write!(f, "\"{port}\" is no port; write a number from 1 to 65535"),
            Self::Slash => f.write_str(
                "what follows the host is no port; if it is a password, write / in it as %2F",
            ),
            Self::Control => f.write_str("line ends and NUL cannot be sent in names or passwords"),
            Self::Type(kind) => {
                write!(f, "\";type={kind}\" is not understood; write ;type=a or ;type=i")
            }
        }
    }
}

impl std::error::Error for UrlError {}

/// The path of a URL, without the slash that only ends the host (RFC 1738 §3.2.2): `/a` is `a` in
/// the directory after log-in, `/%2Fa` and, as everyone writes it, `//a` are from the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UrlPath {
    encoded: Vec<u8>,
}

impl UrlPath {
    /// The path as the server is told it, which is empty for the directory after log-in.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        decode(&self.encoded)
    }

    /// Each octet of it, and whether it was written as `%XX`: how a wildcard is told from a letter.
    pub fn quoted(&self) -> impl Iterator<Item = (u8, bool)> + '_ {
        Decoded(&self.encoded)
    }
}

/// The scheme of a URL, as it is written, and what follows `://`; [`None`] for what is none.
///
/// ```
/// use ferry_client::url::split_scheme;
///
/// assert_eq!(split_scheme(b"ftps://h/a"), Some(("ftps", &b"h/a"[..])));
/// assert_eq!(split_scheme(b"a/b"), None);
/// ```
#[must_use]
pub fn split_scheme(octets: &[u8]) -> Option<(&str, &[u8])> {
    let at = octets.windows(3).position(|window| window == b"://")?;
    let (scheme, rest) = (octets.get(..at)?, octets.get(at + 3..)?);
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let first = scheme.first().is_some_and(u8::is_ascii_alphabetic);
    (first && scheme.iter().all(plain)).then_some((std::str::from_utf8(scheme).ok()?, rest))
}

/// Where a password may be in what should be a URL, right or wrong: to be kept out of messages.
///
/// ```
/// let typed = "ftp://alice:secret@files.example.org:x/";
/// let at = ferry_client::url::password_in(typed.as_bytes());
/// assert_eq!(at.and_then(|at| typed.get(at)), Some("secret"));
/// ```
#[must_use]
pub fn password_in(octets: &[u8]) -> Option<Range<usize>> {
    let start = octets.windows(3).position(|window| window == b"://")? + 3;
    let rest = octets.get(start..)?;
    let end = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let colon_in = |octets: &[u8]| octets.iter().position(|&b| b == b':');
    let (colon, at) = match authority.iter().rposition(|&b| b == b'@') {
        Some(at) => (colon_in(authority.get(..at)?)?, at),
        // One with a slash in it, typed as it is.
        None => {
            let colon = colon_in(authority)?;
            let is_port = port(authority.get(colon + 1..)?).is_ok();
            (colon, rest.iter().rposition(|&b| b == b'@').filter(|_| !is_port)?)
        }
    };
    Some(start + colon + 1..start + at)
}

/// Octets as the path or the name in a URL carries them, slashes left as they are.
#[must_use]
pub fn encode(octets: &[u8]) -> String {
    let mut out = String::with_capacity(octets.len());
    for &octet in octets {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(octet)),
            b'-' | b'.' | b'_' | b'~' | b'/' | b',' | b'+' | b'=' | b'(' | b')' | b'!' | b'$'
            | b'&' | b'\'' => out.push(char::from(octet)),
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

/// Octets with `%XX` decoded. A `%` before anything else is itself, since names with one are typed
/// as they are.
#[must_use]
pub fn decode(octets: &[u8]) -> Vec<u8> {
    Decoded(octets).map(|(octet, _)| octet).collect()
}

/// Decodes what is left of it.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = (u8, bool);

    fn next(&mut self) -> Option<Self::Item> {
        let digit =
            |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        if let &[b'%', high, low, ref rest @ ..] = self.0
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            self.0 = rest;
            return Some((high << 4 | low, true));
        }
        let (&octet, rest) = self.0.split_first()?;
        self.0 = rest;
        Some((octet, false))
    }
}

impl Url {
    /// Reads `scheme://[user[:password]@]host[:port][/path[;type=x]]`; names and paths are octets,
    /// and `%XX` in them one of these.
    ///
    /// # Errors
    /// What is wrong with it. No error holds a password.
    pub fn parse(octets: &[u8]) -> Result<Self, UrlError> {
        let (scheme, rest) = split_scheme(octets).ok_or(UrlError::NoScheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ftp" => Scheme::Ftp,
            "ftpes" => Scheme::Explicit,
            "ftps" => Scheme::Implicit,
            other => return Err(UrlError::Scheme(other.to_owned())),
        };
        let slash = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        // The last one: a password may have been typed with its `@` as it is.
        let (login, host_port) = match authority.iter().rposition(|&b| b == b'@') {
            Some(at) => (authority.get(..at), authority.get(at + 1..).unwrap_or_default()),
            None => (None, authority),
        };
        let (user, password) = match login {
            None => (None, None),
            Some(login) => match login.iter().position(|&b| b == b':') {
                Some(at) => (login.get(..at), login.get(at + 1..)),
                None => (Some(login), None),
            },
        };
        let user = user.map(decode).filter(|user| !user.is_empty());
        let password = password.map(|octets| Secret::new(decode(octets)));
        let (host, port) = host_and_port(host_port).map_err(|why| match why {
            UrlError::Port(_) if path.contains(&b'@') => UrlError::Slash,
            other => other,
        })?;
        let (path, text) = split_type(path)?;
        let path = UrlPath { encoded: path.strip_prefix(b"/").unwrap_or(path).to_vec() };
        let sendable = |octets: &[u8]| !octets.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
        let all = [
            user.as_deref().unwrap_or_default(),
            password.as_ref().map(Secret::reveal).unwrap_or_default(),
            &path.octets(),
        ];
        if !all.into_iter().all(sendable) {
            return Err(UrlError::Control);
        }
        Ok(Self { scheme, host, port, user, password, path, text })
    }

    /// The site it means. A password is never sent in the clear unless that was asked for.
    #[must_use]
    pub fn site(&self, protection: Protection) -> Site {
        let mut site = Site {
            port: self.port,
            user: self.user.clone(),
            password: self.password.clone(),
            ..Site::new(self.host.clone())
        };
        site.security = match (self.scheme, protection) {
            (Scheme::Explicit, _) | (Scheme::Ftp, Protection::Tls) => Security::Explicit,
            (Scheme::Implicit, _) => Security::Implicit,
            (Scheme::Ftp, Protection::Plain) => Security::Plain,
            (Scheme::Ftp, Protection::Usual) => {
                match site.is_anonymous() && site.password.is_none() {
                    true => Security::Opportunistic,
                    false => Security::Explicit,
                }
            }
        };
        site
    }

    /// The server and who logs in there, without password and path: `ftp://alice@h:2121`.
    #[must_use]
    pub fn base(&self) -> String {
        let scheme = self.scheme.name();
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        let user = self.user.as_ref().map(|user| format!("{}@", encode(user)));
        let port = self.port.map(|port| format!(":{port}"));
        format!("{scheme}://{}{host}{}", user.unwrap_or_default(), port.unwrap_or_default())
    }
}

/// Without the password, for messages.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base(), encode(&self.path.octets()))
    }
}

fn host_and_port(octets: &[u8]) -> Result<(String, Option<u16>), UrlError> {
    let show = |octets: &[u8]| ForPeople(octets).to_string();
    let (host, behind) = match octets.strip_prefix(b"[") {
        Some(inner) => {
            let end = inner.iter().position(|&b| b == b']');
            let end = end.ok_or_else(|| UrlError::Host(show(octets)))?;
            (inner.get(..end).unwrap_or_default(), inner.get(end + 1..).unwrap_or_default())
        }
        None => octets.split_at(octets.iter().position(|&b| b == b':').unwrap_or(octets.len())),
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let bad = || UrlError::Host(show(host));
    let name = String::from_utf8(decode(host)).map_err(|_| bad())?;
    let is_v6 = octets.starts_with(b"[");
    let fits = |c: char| match is_v6 {
        // With a zone: `fe80::1%eth0`.
        true => c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '%' | '-' | '_'),
        false => !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | '[' | ']' | '?' | '#'),
    };
    if !name.chars().all(fits) {
        return Err(bad());
    }
    match behind.strip_prefix(b":") {
        None if behind.is_empty() => Ok((name, None)),
        None => Err(UrlError::Host(show(octets))),
        Some(digits) => Ok((name, port(digits)?)),
    }
}

/// What follows the colon behind a host, which may be nothing.
fn port(digits: &[u8]) -> Result<Option<u16>, UrlError> {
    if digits.is_empty() {
        return Ok(None);
    }
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    let number = number.filter(|&port: &u16| port > 0 && !digits.starts_with(b"+"));
    number.map(Some).ok_or_else(|| UrlError::Port(ForPeople(digits).to_string()))
}

/// Takes `;type=` off the end, and says whether it asks for text.
fn split_type(path: &[u8]) -> Result<(&[u8], bool), UrlError> {
    let Some(at) = path.iter().rposition(|&b| b == b';') else { return Ok((path, false)) };
    let (head, tail) = path.split_at(at);
    let Some((key, value)) = tail.split_at_checked(b";type=".len()) else {
        return Ok((path, false));
    };
    if !key.eq_ignore_ascii_case(b";type=") {
        return Ok((path, false));
    }
    match value {
        b"a" | b"A" => Ok((head, true)),
        b"i" | b"I" => Ok((head, false)),
        _ => Err(UrlError::Type(ForPeople(value).to_string())),
    }
}

#[cfg(test)]
mod tests;
