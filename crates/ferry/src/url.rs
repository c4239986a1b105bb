//! Places as they are typed: URLs of FTP servers, bookmarks, local paths, `-`. Pure; nothing is
//! looked up here. URLs themselves are read in [`ferry_client::url`].

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use ferry_client::Site;
use ferry_client::url::{Protection, Url, UrlError, decode, split_scheme};

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

/// A path on a server, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// The server; its path is that of a bookmark, without what was typed behind it.
    pub(crate) url: Url,
    pub(crate) path: PathSpec,
    /// A bookmark that said `plain = true`.
    pub(crate) plain: bool,
}

/// Why an argument names nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SpecError {
    Url(UrlError),
    NoBookmark(String),
    BadBookmark(String, UrlError),
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => why.fmt(f),
            Self::NoBookmark(name) => write!(
                f,
                "there is no bookmark \"{name}\"; for a file of that name write ./ before it"
            ),
            Self::BadBookmark(name, why) => write!(f, "the bookmark \"{name}\": {why}"),
        }
    }
}

impl std::error::Error for SpecError {}

/// Reads one argument.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(argument: &OsStr, bookmarks: &Bookmarks) -> Result<Spec, SpecError> {
    let octets = argument.as_bytes();
    if octets == b"-" {
        return Ok(Spec::Standard);
    }
    if let Some((scheme, rest)) = split_scheme(octets) {
        if scheme.eq_ignore_ascii_case("file") {
            return Ok(Spec::Local(local(&decode(rest))));
        }
        let url = Url::parse(octets).map_err(SpecError::Url)?;
        return Ok(Spec::Remote(Box::new(Remote::from(url))));
    }
    if let Some((name, path)) = split_bookmark(octets) {
        let Some(bookmark) = bookmarks.find(name) else {
            return Err(SpecError::NoBookmark(name.to_owned()));
        };
        let url = Url::parse(bookmark.url.as_bytes())
            .map_err(|why| SpecError::BadBookmark(name.to_owned(), why))?;
        let mut remote = Remote::from(url);
        let tail = PathSpec::from_octets(path.iter().map(|&octet| (octet, false)));
        if tail.literal.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(SpecError::Url(UrlError::Control));
        }
        remote.path = remote.path.join(tail);
        remote.plain = bookmark.plain;
        return Ok(Spec::Remote(Box::new(remote)));
    }
    Ok(Spec::Local(local(octets)))
}

fn local(octets: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(octets))
}

/// A bookmark's name and the path behind it: `name:path`, the name without a slash.
fn split_bookmark(octets: &[u8]) -> Option<(&str, &[u8])> {
    let at = octets.iter().position(|&b| b == b':')?;
    let name = std::str::from_utf8(octets.get(..at)?).ok()?;
    crate::bookmarks::is_name(name).then_some((name, octets.get(at + 1..)?))
}

impl From<Url> for Remote {
    fn from(url: Url) -> Self {
        let path = PathSpec::from_octets(url.path.quoted());
        Self { url, path, plain: false }
    }
}

impl Remote {
    /// The site, once it is known who logs in.
    pub(crate) fn site(&self, protection: Protection) -> Site {
        let plain = self.plain && protection == Protection::Usual;
        self.url.site(if plain { Protection::Plain } else { protection })
    }
}

#[cfg(test)]
#[path = "url/tests.rs"]
mod tests;
