//! Places as they are typed: URLs of FTP servers (RFC 1738 §3.2), bookmarks, local paths, `-`.
//! Pure; nothing is looked up here.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use ferry_client::{Secret, Security, Site};
use ferry_proto::path::ForPeople;

use crate::bookmarks::Bookmarks;
use crate::pathspec::PathSpec;

/// What an argument names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spec {
    /// A file or directory of this machine.
    Local(PathBuf),
    /// Standard input or output.
    Standard,
    /// Something on a server.
    Remote(Box<Remote>),
}

/// Which protection a URL's scheme asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    /// `ftp`: decided by who logs in, and by the flags.
    Ftp,
    /// `ftpes`: AUTH TLS, or nothing.
    Explicit,
    /// `ftps`: TLS from the first octet.
    Implicit,
}

/// A path on a server, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<Vec<u8>>,
    /// Also seen by whoever lists processes.
    pub(crate) password: Option<Secret>,
    pub(crate) path: PathSpec,
    /// `;type=a`: with line ends converted (RFC 1738 §3.2.2).
    pub(crate) text: bool,
    /// A bookmark that said `plain = true`.
    pub(crate) plain: bool,
}

/// Why an argument names nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UrlError {
    Scheme(String),
    NoHost,
    Host(String),
    Port(String),
    Control,
    Type(String),
    NoBookmark(String),
    BadBookmark(String, Box<Self>),
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(scheme) => {
                let known = "ftp://, ftpes:// (TLS by AUTH) and ftps:// (TLS from the start)";
                write!(f, "{scheme}:// is not spoken here; only {known}")
            }
            Self::NoHost => f.write_str("the URL has no host"),
            Self::Host(host) => write!(f, "\"{host}\" is no name or address of a host"),
            Self::Port(port) => write!(f, "\"{port}\" is no port; write a number from 1 to 65535"),
            Self::Control => f.write_str("line ends and NUL cannot be sent in names or passwords"),
            Self::Type(kind) => {
                write!(f, "\";type={kind}\" is not understood; write ;type=a or ;type=i")
            }
            Self::NoBookmark(name) => write!(
                f,
                "there is no bookmark \"{name}\"; for a file of that name write ./ before it"
            ),
            Self::BadBookmark(name, why) => write!(f, "the bookmark \"{name}\": {why}"),
        }
    }
}

impl std::error::Error for UrlError {}

/// Reads one argument.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(argument: &OsStr, bookmarks: &Bookmarks) -> Result<Spec, UrlError> {
    let octets = argument.as_bytes();
    if octets == b"-" {
        return Ok(Spec::Standard);
    }
    if let Some((scheme, rest)) = split_scheme(octets) {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ftp" => Scheme::Ftp,
            "ftpes" => Scheme::Explicit,
            "ftps" => Scheme::Implicit,
            "file" => return Ok(Spec::Local(local(&decode(rest)))),
            other => return Err(UrlError::Scheme(other.to_owned())),
        };
        return Ok(Spec::Remote(Box::new(remote(scheme, rest)?)));
    }
    if let Some((name, path)) = split_bookmark(octets) {
        let Some(bookmark) = bookmarks.find(name) else {
            return Err(UrlError::NoBookmark(name.to_owned()));
        };
        let bad = |why| UrlError::BadBookmark(name.to_owned(), Box::new(why));
        let (scheme, rest) =
            split_scheme(bookmark.url.as_bytes()).ok_or_else(|| bad(UrlError::NoHost))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ftp" => Scheme::Ftp,
            "ftpes" => Scheme::Explicit,
            "ftps" => Scheme::Implicit,
            other => return Err(bad(UrlError::Scheme(other.to_owned()))),
        };
        let mut site = remote(scheme, rest).map_err(bad)?;
        let tail = PathSpec::from_octets(path.iter().map(|&octet| (octet, false)));
        if tail.literal.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(UrlError::Control);
        }
        site.path = site.path.join(tail);
        site.plain = bookmark.plain;
        return Ok(Spec::Remote(Box::new(site)));
    }
    Ok(Spec::Local(local(octets)))
}

fn local(octets: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(octets))
}

/// `scheme` and what follows `://`.
fn split_scheme(octets: &[u8]) -> Option<(&str, &[u8])> {
    let at = octets.windows(3).position(|window| window == b"://")?;
    let (scheme, rest) = (octets.get(..at)?, octets.get(at + 3..)?);
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let first = scheme.first().is_some_and(u8::is_ascii_alphabetic);
    (first && scheme.iter().all(plain)).then_some((std::str::from_utf8(scheme).ok()?, rest))
}

/// A bookmark's name and the path behind it: `name:path`, the name without a slash.
fn split_bookmark(octets: &[u8]) -> Option<(&str, &[u8])> {
    let at = octets.iter().position(|&b| b == b':')?;
    let name = std::str::from_utf8(octets.get(..at)?).ok()?;
    crate::bookmarks::is_name(name).then_some((name, octets.get(at + 1..)?))
}

/// What follows the scheme: `[user[:password]@]host[:port][/path[;type=x]]`.
fn remote(scheme: Scheme, rest: &[u8]) -> Result<Remote, UrlError> {
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
    let (host, port) = host_and_port(host_port)?;
    let (path, text) = split_type(path)?;
    let path = url_path(path);
    let sendable = |octets: &[u8]| !octets.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
    let all = [
        user.as_deref().unwrap_or_default(),
        password.as_ref().map(Secret::reveal).unwrap_or_default(),
        &path.literal,
    ];
    if !all.into_iter().all(sendable) {
        return Err(UrlError::Control);
    }
    Ok(Remote { scheme, host, port, user, password, path, text, plain: false })
}

fn host_and_port(octets: &[u8]) -> Result<(String, Option<u16>), UrlError> {
    let show = |octets: &[u8]| ForPeople(octets).to_string();
    let (host, port) = match octets.strip_prefix(b"[") {
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
    let port = match port.strip_prefix(b":") {
        None if port.is_empty() => None,
        None => return Err(UrlError::Host(show(octets))),
        Some(b"") => None,
        Some(digits) => {
            let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
            let number = number.filter(|&port: &u16| port > 0 && !digits.starts_with(b"+"));
            Some(number.ok_or_else(|| UrlError::Port(show(digits)))?)
        }
    };
    Ok((name, port))
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

/// The path without its first slash, which only ends the host (RFC 1738 §3.2.2): `/a` is `a` in
/// the directory after log-in, `/%2Fa` and, as everyone writes it, `//a` are from the root.
fn url_path(path: &[u8]) -> PathSpec {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    PathSpec::from_octets(decoded(path))
}

/// Octets with `%XX` decoded, and whether each was written so. A `%` before anything else is
/// itself, since names with one are typed as they are.
fn decoded(octets: &[u8]) -> Vec<(u8, bool)> {
    let digit = |at: usize| {
        let octet = octets.get(at).copied()?;
        char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    };
    let (mut out, mut at) = (Vec::with_capacity(octets.len()), 0);
    while let Some(&octet) = octets.get(at) {
        match (octet, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low, true));
                at += 3;
            }
            _ => {
                out.push((octet, false));
                at += 1;
            }
        }
    }
    out
}

fn decode(octets: &[u8]) -> Vec<u8> {
    decoded(octets).into_iter().map(|(octet, _)| octet).collect()
}

/// What the flags say about protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Protection {
    /// What the scheme and the log-in ask for.
    #[default]
    Usual,
    /// `--plain`: in the clear where the scheme does not say otherwise.
    Plain,
    /// `--tls`: never in the clear, for anonymous log-ins either.
    Tls,
}

impl Remote {
    /// The site, once it is known who logs in. A password is never sent in the clear unless that
    /// was asked for.
    pub(crate) fn site(&self, protection: Protection) -> Site {
        let mut site = Site {
            port: self.port,
            user: self.user.clone(),
            password: self.password.clone(),
            ..Site::new(self.host.clone())
        };
        let plain = protection == Protection::Plain || self.plain;
        site.security = match self.scheme {
            Scheme::Explicit => Security::Explicit,
            Scheme::Implicit => Security::Implicit,
            Scheme::Ftp if protection == Protection::Tls => Security::Explicit,
            Scheme::Ftp if plain => Security::Plain,
            Scheme::Ftp if site.is_anonymous() && site.password.is_none() => {
                Security::Opportunistic
            }
            Scheme::Ftp => Security::Explicit,
        };
        site
    }

    /// The same place in other words: without the password, for messages.
    pub(crate) fn base(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Ftp => "ftp",
            Scheme::Explicit => "ftpes",
            Scheme::Implicit => "ftps",
        };
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        let user = self.user.as_ref().map(|user| format!("{}@", encode(user)));
        let port = self.port.map(|port| format!(":{port}"));
        format!("{scheme}://{}{host}{}", user.unwrap_or_default(), port.unwrap_or_default())
    }
}

/// Octets as a URL carries them, slashes left as they are.
pub(crate) fn encode(octets: &[u8]) -> String {
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

#[cfg(test)]
#[path = "url/tests.rs"]
mod tests;
