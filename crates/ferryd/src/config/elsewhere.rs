//! A `home` or a volume that is a directory of another server: a URL, or a table with one and with
//! what else it takes to get there. Nothing is connected here.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ferry_client::Secret;
use ferry_client::settings::Trust;
use ferry_client::url::{Scheme, Url, password_in, split_scheme};
use toml::Spanned;
use toml::de::DeValue;

use super::certificates::sha256;
use super::diagnose::Problems;
use super::read;
use super::section::Section;
use crate::certs;
use crate::elsewhere::{CONNECTIONS, Elsewhere};
use crate::secret::PASSWORD_LEN_MAX;
use crate::values::Wrong;

const KEYS: &[&str] =
    &["url", "password_file", "sha256", "ca", "known_hosts", "plain", "connections"];

const URL_RIGHT: &str = "write a URL as in \"ftpes://alice@files.example.org/in\"";

/// Whether a value means another server.
pub(super) fn is_meant(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Table(_) => true,
        DeValue::String(text) => split_scheme(text.as_bytes()).is_some(),
        _ => false,
    }
}

/// Reads what [`is_meant`] to be one: `name` is what messages call a table, `what` a URL alone.
/// Relative files start from `base`.
pub(super) fn read(
    name: &'static str,
    what: &str,
    value: &Spanned<DeValue<'_>>,
    base: &Path,
    problems: &mut Problems,
) -> Option<Elsewhere> {
    let DeValue::Table(table) = value.get_ref() else {
        let url = url(value, problems);
        let url = url.map_err(|wrong| note(what, value.span(), wrong, problems)).ok()?;
        return complete(url, value.span(), Extras::default(), problems);
    };
    let section = Section::open(name, table, value.span(), KEYS, problems);
    let example = "\"ftpes://alice@files.example.org/in\"";
    let _ = section.need("url", example, problems, |_| Ok(()));
    let at = section.value("url");
    let url = at.and_then(|value| {
        let what = format!("`url` in {name}");
        url(value, problems).map_err(|wrong| note(&what, value.span(), wrong, problems)).ok()
    });
    let before = problems.count();
    let extras = Extras::read(&section, base, problems);
    // What could not be read may be what would be missed.
    if problems.count() > before {
        return None;
    }
    complete(url?, at?.span(), extras, problems)
}

fn note(what: &str, at: Range<usize>, wrong: Wrong, problems: &mut Problems) {
    problems.add(at, Wrong::new(format!("{what}: {}", wrong.what), wrong.right));
}

/// The URL, which is to hold no password: files of configuration are shown around.
fn url(value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Result<Url, Wrong> {
    let text = read::text(value.get_ref())?.as_bytes();
    if password_in(text).is_some() {
        problems.mask(value.span());
        return Err(Wrong::new(
            "a password in a URL",
            "put it into a file that only this server can read, and name that as in \
             { url = \"ftpes://alice@files.example.org/in\", password_file = \"alice.password\" }",
        ));
    }
    let url = Url::parse(text).map_err(|why| Wrong::new(why.to_string(), URL_RIGHT))?;
    match url.text {
        true => Err(Wrong::new("files are served as they are", "leave out ;type=a")),
        false => Ok(url),
    }
}

/// What a table says besides the URL, and where.
#[derive(Debug, Default)]
struct Extras {
    password: Option<(Secret, Option<PathBuf>)>,
    password_at: Range<usize>,
    trust: Trust,
    /// Where what is trusted stands, if it is said.
    trust_at: Option<Range<usize>>,
    plain: Option<Range<usize>>,
    connections: Option<usize>,
}

impl Extras {
    fn read(section: &Section<'_>, base: &Path, problems: &mut Problems) -> Self {
        let path = |value| read::text(value).map(|text| base.join(text));
        let password =
            section.get("password_file", problems, |value| password_in_file(path(value)?));
        let pins = section.get("sha256", problems, |value| match value {
            DeValue::Array(items) if !items.is_empty() => {
                let pins = items.iter().map(|item| read::text(item.get_ref()).and_then(sha256));
                Ok(Trust::Pinned(pins.collect::<Result<_, _>>()?))
            }
            one => Ok(Trust::Pinned(vec![sha256(read::text(one)?)?])),
        });
        let roots = section.get("ca", problems, |value| {
            let path = path(value)?;
            let right = "name a PEM file with the certificates that sign the server's";
            certs::chain(&path).map_err(|e| Wrong::new(e.to_string(), right))?;
            Ok(Trust::Roots(vec![path]))
        });
        let known = section.get("known_hosts", problems, |value| {
            let path = path(value)?;
            let right =
                "name a file with lines like: files.example.org:21 SHA-256 of its certificate";
            // The client takes a file that is not there for one with nobody in it.
            fs::read_to_string(&path)
                .map_err(|e| Wrong::new(format!("{} cannot be read: {e}", shown(&path)), right))?;
            Ok(Trust::KnownHosts(path))
        });
        let plain = section.get("plain", problems, read::boolean);
        let connections = section.get("connections", problems, |v| read::number(v, 1..=128));
        let mut said: Vec<_> = [pins, roots, known].into_iter().flatten().collect();
        if let [_, (_, second), ..] = said.as_slice() {
            let what = "more than one way to know the server";
            let right = "keep one of sha256, ca and known_hosts";
            problems.add(second.clone(), Wrong::new(what, right));
        }
        let (trust, trust_at) = match said.pop() {
            Some((trust, at)) => (trust, Some(at)),
            None => (Trust::System, None),
        };
        let (password, password_at) = match password {
            Some((password, at)) => (Some(password), at),
            None => (None, 0..0),
        };
        Self {
            password,
            password_at,
            trust,
            trust_at,
            plain: plain.and_then(|(yes, at)| yes.then_some(at)),
            connections: connections.map(|(connections, _)| connections),
        }
    }
}

/// What only makes sense together.
fn complete(
    mut url: Url,
    url_at: Range<usize>,
    extras: Extras,
    problems: &mut Problems,
) -> Option<Elsewhere> {
    let before = problems.count();
    let (password, exposed) = extras.password.unzip();
    let plain = extras.plain.is_some();
    let is_named = !Url { password: None, ..url.clone() }.site(Default::default()).is_anonymous();
    if is_named && password.is_none() {
        let user = String::from_utf8_lossy(url.user.as_deref().unwrap_or_default());
        let right = "write { url = \"…\", password_file = \"…\" }; the file holds the password \
                     and nothing else";
        let what = format!("no password to log in as {} with", user.escape_debug());
        problems.add(url_at.clone(), Wrong::new(what, right));
    }
    if !is_named && password.is_some() {
        let what = "a password but nobody whose it is";
        let right = "name the user in the URL, as in ftpes://alice@files.example.org/in";
        problems.add(extras.password_at, Wrong::new(what, right));
    } else if password.is_some() && url.scheme == Scheme::Ftp && !plain {
        let what = "ftp:// would send the password in the clear";
        let right = "write ftpes:// (TLS by AUTH) or ftps:// (TLS from the start), or add \
                     plain = true if it may be read on the way";
        problems.add(url_at, Wrong::new(what, right));
    }
    if let Some(at) = extras.plain.filter(|_| url.scheme != Scheme::Ftp) {
        let what = format!("{}:// is never in the clear", url.scheme.name());
        problems.add(at, Wrong::new(what, "leave out plain = true, or write ftp://"));
    } else if let Some(at) = extras.trust_at.filter(|_| plain) {
        let what = "without TLS there is no certificate to look at";
        problems
            .add(at, Wrong::new(what, "leave this out, or write ftpes:// without plain = true"));
    }
    url.password = password;
    (problems.count() == before).then(|| Elsewhere {
        url,
        plain,
        trust: extras.trust,
        connections: extras.connections.unwrap_or(CONNECTIONS),
        exposed: exposed.flatten(),
    })
}

/// A password and, if everyone can read it, its file.
fn password_in_file(path: PathBuf) -> Result<(Secret, Option<PathBuf>), Wrong> {
    let right = "name a file that holds the password in one line and nothing else";
    let wrong = |what: String| Wrong::new(format!("{} {what}", shown(&path)), right);
    let unreadable = |e: std::io::Error| wrong(format!("cannot be read: {e}"));
    let meta = fs::metadata(&path).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(wrong("is not a file".to_owned()));
    }
    if meta.len() > PASSWORD_LEN_MAX as u64 + 2 {
        return Err(wrong("is too long for a password".to_owned()));
    }
    let mut octets = fs::read(&path).map_err(unreadable)?;
    let kept = octets
        .strip_suffix(b"\n")
        .map_or(octets.len(), |rest| rest.strip_suffix(b"\r").unwrap_or(rest).len());
    octets.truncate(kept);
    let password = Secret::new(octets);
    if password.reveal().is_empty() {
        return Err(wrong("is empty".to_owned()));
    }
    if password.reveal().iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(wrong("holds more than one line".to_owned()));
    }
    let everyone = meta.permissions().mode() & 0o004 != 0;
    Ok((password, everyone.then_some(path)))
}

fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}
