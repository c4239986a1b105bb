//! A place: a storage and a path in it, of this machine or of a server. What commands work on.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ferry_client::settings::DataMode;
use ferry_client::url::{Scheme, Url, encode, password_in};
use ferry_client::{Settings, Site};
use ferry_proto::path::{ForPeople, FtpPath};
use ferry_storage::local::LocalDir;
use ferry_storage::{Meta, Storage};

use crate::bookmarks::Bookmarks;
use crate::exit::{Failure, Outcome};
use crate::link::{Link, Many};
use crate::pathspec::PathSpec;
use crate::say;
use crate::setup::Setup;
use crate::url::{self, Remote, Spec};

/// What a place is for. Decides what of a local path is followed, and where it is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// To be read: links are followed, as the user named them.
    Read,
    /// To be written into or over: a directory is its own root, so that no name from a server
    /// leaves it.
    Write,
    /// The name itself, in its directory: removed, renamed, made.
    Name,
}

/// A storage and a path in it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) path: FtpPath,
    /// What was typed, for wildcards.
    pub(crate) spec: PathSpec,
    /// What a relative path is seen from.
    pub(crate) home: FtpPath,
    /// The server as a URL, or nothing.
    pub(crate) base: String,
    /// The local directory that is the storage's root, in the user's words.
    root: Option<PathBuf>,
    /// What the local directory that is the root is called.
    own_name: Vec<u8>,
    /// What a listing said about it a moment ago.
    pub(crate) seen: Option<Meta>,
    /// The server.
    pub(crate) link: Option<Link>,
}

impl Place {
    /// A local path.
    pub(crate) fn local(path: &Path, role: Role) -> Outcome<Self> {
        let shown = ForPeople(path.as_os_str().as_bytes()).to_string();
        let fail = |e: &std::io::Error| Failure::local(&shown, e);
        // What the path leads to, if that is there and to be followed.
        let whole = std::fs::canonicalize(path);
        let mut own_name = Vec::new();
        let (root, name, typed) = match (role, whole) {
            (Role::Read | Role::Write, Ok(whole)) if whole.is_dir() => {
                own_name = whole.file_name().map(|n| n.as_bytes().to_vec()).unwrap_or_default();
                (whole, None, path.to_owned())
            }
            (Role::Read | Role::Write, Ok(whole)) => {
                let name = whole.file_name().map(OsStr::to_owned);
                let parent = whole.parent().map(Path::to_owned).unwrap_or_default();
                (parent, name, parent_of(path).to_owned())
            }
            (Role::Read, Err(e)) => return Err(fail(&e)),
            (Role::Write | Role::Name, _) => {
                let name = path.file_name().map(OsStr::to_owned);
                let parent = match name {
                    Some(_) => parent_of(path),
                    None => path,
                };
                let root = std::fs::canonicalize(parent).map_err(|e| fail(&e))?;
                (root, name, parent.to_owned())
            }
        };
        let storage = LocalDir::open(&root).map_err(|e| fail(&e))?;
        let path = match name {
            None => FtpPath::root(),
            Some(name) => {
                FtpPath::root().child(name.as_bytes()).map_err(|e| Failure::path(&shown, e))?
            }
        };
        Ok(Self {
            storage: Arc::new(storage),
            spec: PathSpec::literal(path.as_bytes()),
            path,
            home: FtpPath::root(),
            base: String::new(),
            root: Some(typed),
            own_name,
            seen: None,
            link: None,
        })
    }

    /// A path on a server.
    fn remote(link: Link, base: String, remote: &Remote) -> Outcome<Self> {
        let (home, spec) = (link.home().clone(), remote.path.clone());
        let path = spec.resolve(&home).map_err(|e| Failure::path(ForPeople(&spec.literal), e))?;
        let storage = if remote.url.text { link.text() } else { link.storage() };
        Ok(Self {
            storage,
            path,
            spec,
            home,
            base,
            root: None,
            own_name: Vec::new(),
            seen: None,
            link: Some(link),
        })
    }

    /// The same local place in a storage whose root is that of the file system.
    pub(crate) fn rooted(self, storage: Arc<dyn Storage>, path: FtpPath) -> Self {
        let spec = PathSpec::literal(path.as_bytes());
        Self { storage, path, spec, root: Some(PathBuf::from("/")), ..self }
    }

    pub(crate) fn is_local(&self) -> bool {
        self.root.is_some()
    }

    /// What a copy of it is called; nothing for the root of a server.
    pub(crate) fn name(&self) -> &[u8] {
        match self.path.is_root() {
            true => &self.own_name,
            false => self.path.name(),
        }
    }

    /// The same storage at another path.
    pub(crate) fn at(&self, path: FtpPath) -> Self {
        let spec = PathSpec::literal(path.as_bytes());
        Self { path, spec, seen: None, ..self.clone() }
    }

    /// With what a listing said about it.
    pub(crate) fn with_seen(self, seen: Option<Meta>) -> Self {
        Self { seen, ..self }
    }

    /// The same storage at another path, which relative ones are not seen from.
    pub(crate) fn with_path(self, path: FtpPath) -> Self {
        let spec = PathSpec::literal(path.as_bytes());
        Self { path, spec, seen: None, ..self }
    }

    /// The same storage at what was typed there, seen from `from`.
    pub(crate) fn seen_from(&self, from: &FtpPath, spec: PathSpec) -> Outcome<Self> {
        let path = spec.resolve(from).map_err(|e| Failure::path(ForPeople(&spec.literal), e))?;
        Ok(Self { path, spec, home: from.clone(), ..self.clone() })
    }

    /// A path of this storage in the words of its user: octets of a local path, else the whole
    /// path on the server.
    pub(crate) fn plain(&self, path: &FtpPath) -> Vec<u8> {
        match &self.root {
            None => path.as_bytes().to_vec(),
            Some(root) => {
                let below = path.as_bytes().get(1..).unwrap_or_default();
                let whole = match below {
                    b"" => root.clone(),
                    below => root.join(OsStr::from_bytes(below)),
                };
                let octets = whole.into_os_string().into_vec();
                if octets.is_empty() { b".".to_vec() } else { octets }
            }
        }
    }

    /// A path of this storage for people, harmless.
    pub(crate) fn show(&self, path: &FtpPath) -> String {
        if self.is_local() {
            return ForPeople(&self.plain(path)).to_string();
        }
        let home = self.home.as_bytes();
        let below = match self.home.is_root() {
            true => path.as_bytes().strip_prefix(b"/"),
            false => path.as_bytes().strip_prefix(home).and_then(|rest| match rest.first() {
                None => Some(rest),
                Some(b'/') => rest.get(1..),
                Some(_) => None,
            }),
        };
        match below {
            Some(below) => format!("{}/{}", self.base, ForPeople(below)),
            None => format!("{}/{}", self.base, ForPeople(path.as_bytes())),
        }
    }

    /// A path of this storage as an argument that leads there again, octet by octet.
    pub(crate) fn argument(&self, path: &FtpPath) -> Vec<u8> {
        match self.is_local() {
            true => self.plain(path),
            false => format!("{}/{}", self.base, encode(path.as_bytes())).into_bytes(),
        }
    }

    /// The place itself for people.
    pub(crate) fn shown(&self) -> String {
        self.show(&self.path)
    }
}

/// The directory of a path: `.` for a bare name.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// One key for each pool: where, by which protection, who.
type Key = (String, u16, Scheme, bool, Vec<u8>);

/// All servers that this run is connected to, and the way to more.
#[derive(Debug)]
pub(crate) struct Places {
    setup: Setup,
    bookmarks: Mutex<Bookmarks>,
    /// Whether data connections come from the server.
    active: AtomicBool,
    /// That a password was seen has been told.
    warned: AtomicBool,
    links: Mutex<HashMap<Key, Link>>,
}

impl Places {
    pub(crate) fn new(setup: Setup, bookmarks: Bookmarks) -> Self {
        let active = AtomicBool::new(setup.settings().data == DataMode::Active);
        let warned = AtomicBool::new(false);
        Self { setup, bookmarks: Mutex::new(bookmarks), active, warned, links: Mutex::default() }
    }

    /// The user has changed them.
    pub(crate) fn set_bookmarks(&self, bookmarks: Bookmarks) {
        *self.bookmarks.lock().unwrap_or_else(PoisonError::into_inner) = bookmarks;
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Who opens data connections of servers that are connected to from now on.
    pub(crate) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Relaxed);
    }

    /// What an argument names, without going there.
    pub(crate) fn parse(&self, argument: &OsStr) -> Outcome<Spec> {
        let bookmarks = self.bookmarks.lock().unwrap_or_else(PoisonError::into_inner);
        url::parse(argument, &bookmarks)
            .map_err(|why| Failure::usage(format!("{}: {why}", without_password(argument))))
    }

    /// The place that an argument names; connects if that is somewhere else. Not for `-`.
    pub(crate) async fn open(&self, argument: &OsStr, role: Role) -> Outcome<Place> {
        match self.parse(argument)? {
            Spec::Local(path) => Place::local(&path, role),
            Spec::Standard => Err(Failure::usage("- (standard input or output) does not fit here")),
            Spec::Remote(remote) => self.connect(&remote).await,
        }
    }

    /// As [`open`](Self::open), for many files that are read there or written.
    pub(crate) async fn open_for_many(&self, argument: &OsStr, role: Role) -> Outcome<Place> {
        match self.parse(argument)? {
            Spec::Remote(remote) if role == Role::Write => {
                self.connect_for(&remote, Many::To).await
            }
            Spec::Remote(remote) => {
                self.connect_for(&remote, Many::From(&remote.path.literal)).await
            }
            _ => self.open(argument, role).await,
        }
    }

    /// A place on a server.
    pub(crate) async fn connect(&self, remote: &Remote) -> Outcome<Place> {
        self.connect_for(remote, Many::None).await
    }

    async fn connect_for(&self, remote: &Remote, many: Many<'_>) -> Outcome<Place> {
        if remote.url.password.is_some() {
            self.warn_of_password();
        }
        let site = self.setup.site(remote);
        let base = Url { user: site.user.clone(), ..remote.url.clone() }.base();
        let key = key(remote, &site);
        if let Some(link) = self.known(&key) {
            return Place::remote(link, base, remote);
        }
        let link = Box::pin(Link::connect(site, self.settings(), many)).await;
        let link = link.map_err(|e| Failure::client(&base, &e))?;
        self.links.lock().unwrap_or_else(PoisonError::into_inner).insert(key, link.clone());
        Place::remote(link, base, remote)
    }

    /// Tells a person, once, what a password in a URL means.
    fn warn_of_password(&self) {
        let first = !self.warned.swap(true, Ordering::Relaxed);
        if first && self.setup.warns() && std::io::stderr().is_terminal() {
            say::warn("others can see a password in a URL; netrc or a prompt keep it to you");
        }
    }

    fn settings(&self) -> Settings {
        let data = if self.is_active() { DataMode::Active } else { DataMode::Passive };
        Settings { data, ..self.setup.settings() }
    }

    fn known(&self, key: &Key) -> Option<Link> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Says goodbye to every server.
    pub(crate) async fn close(&self) {
        let links: Vec<Link> = {
            let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            links.drain().map(|(_, link)| link).collect()
        };
        for link in links {
            link.close().await;
        }
    }
}

fn key(remote: &Remote, site: &Site) -> Key {
    let user = site.user.clone().unwrap_or_default();
    (site.host.clone(), site.port(), remote.url.scheme, remote.plain, user)
}

/// An argument for a message: what stands between `:` and `@` may be a password.
fn without_password(argument: &OsStr) -> OsStringShown {
    let octets = argument.as_bytes();
    let hidden = password_in(octets).and_then(|at| {
        let (head, tail) = (octets.get(..at.start)?, octets.get(at.end..)?);
        Some([head, b"****", tail].concat())
    });
    OsStringShown(OsString::from_vec(hidden.unwrap_or_else(|| octets.to_vec())))
}

struct OsStringShown(OsString);

impl std::fmt::Display for OsStringShown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        ForPeople(self.0.as_bytes()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn local_places_are_confined_by_what_they_are_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("d")).unwrap();
        fs::write(at("d/f"), "x").unwrap();
        std::os::unix::fs::symlink("d/f", at("to-file")).unwrap();
        std::os::unix::fs::symlink("d", at("to-dir")).unwrap();
        let cases = [
            ("d", Role::Read, "/"),
            ("d/f", Role::Read, "/f"),
            ("to-file", Role::Read, "/f"),
            ("to-dir", Role::Write, "/"),
            ("d/new", Role::Write, "/new"),
            ("to-file", Role::Name, "/to-file"),
            ("d", Role::Name, "/d"),
        ];
        for (name, role, want) in cases {
            let place = Place::local(&at(name), role).unwrap();
            assert_eq!(place.path.as_bytes(), want.as_bytes(), "{name} {role:?}");
        }
        assert!(Place::local(&at("none"), Role::Read).is_err());
        assert!(Place::local(&at("none/x"), Role::Write).is_err());
        let place = Place::local(&at("d"), Role::Read).unwrap();
        let child = place.path.child(b"f").unwrap();
        assert_eq!(place.plain(&child), at("d/f").as_os_str().as_bytes());
    }

    #[test]
    fn messages_hold_no_password() {
        let cases = [
            ("ftp://u:secret@h:x/", "ftp://u:****@h:x/"),
            ("ftp://u@h/a:b@c", "ftp://u@h/a:b@c"),
            ("plain", "plain"),
        ];
        for (argument, want) in cases {
            assert_eq!(without_password(OsStr::new(argument)).to_string(), want);
        }
    }
}
