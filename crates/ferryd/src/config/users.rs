//! `[[user]]` and `[anonymous]`: who may log in, and the directories they see.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferry_accounts::password::{HashError, PasswordHash};
use ferry_accounts::{Access, Account, AcctFor, Bandwidth, Secret, UserTable};
use ferry_proto::path::FtpPath;
use ferry_server::auth::Volume;
use ferry_server::options::NameCharset;
use ferry_storage::Storage;
use toml::Spanned;
use toml::de::DeValue;

use super::diagnose::Problems;
use super::section::Section;
use super::{bandwidth, certificates, elsewhere, read};
use crate::auth::TableAuth;
use crate::homes::Homes;
use crate::values::{self, Wrong};

const USER_KEYS: &[&str] = &[
    "name",
    "password",
    "home",
    "start",
    "access",
    "admin",
    "sessions",
    "charset",
    "acct",
    "acct_for",
    "volumes",
    "certificates",
    "needs_both",
    "fxp",
    "download",
    "upload",
    "transfer_download",
    "transfer_upload",
];
const ANONYMOUS_KEYS: &[&str] = &[
    "home",
    "start",
    "sessions",
    "charset",
    "download",
    "upload",
    "transfer_download",
    "transfer_upload",
];

/// What the sections are called in the file: those of a virtual host stand inside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) user: &'static str,
    pub(super) anonymous: &'static str,
}

/// The accounts read so far.
#[derive(Debug)]
pub(super) struct Users<'b> {
    base: &'b Path,
    names: Names,
    homes: &'b mut Homes,
    volumes: HashMap<String, Arc<[Volume]>>,
    table: UserTable,
    named_at: BTreeMap<String, Range<usize>>,
    roots: HashMap<String, Arc<dyn Storage>>,
    anonymous_root: Option<Arc<dyn Storage>>,
}

impl<'b> Users<'b> {
    /// Nobody yet; relative homes start from `base`.
    pub(super) fn new(base: &'b Path, names: Names, homes: &'b mut Homes) -> Self {
        Self {
            base,
            names,
            homes,
            volumes: HashMap::new(),
            table: UserTable::new(),
            named_at: BTreeMap::new(),
            roots: HashMap::new(),
            anonymous_root: None,
        }
    }

    /// Reads one `[[user]]`.
    pub(super) fn user(
        &mut self,
        table: &toml::de::DeTable<'_>,
        at: Range<usize>,
        problems: &mut Problems,
    ) {
        let section = Section::open(self.names.user, table, at, USER_KEYS, problems);
        if let Some(at) = section.at_value("password") {
            problems.mask(at);
        }
        if let Some(at) = section.at_value("acct") {
            problems.mask(at);
        }
        let name = section.need("name", "\"alice\"", problems, |value| {
            read::text(value).and_then(values::user_name)
        });
        let certificates = certificates::of_user(&section, problems);
        let only_certificate = section.has("certificates")
            && !section.has("password")
            && !certificates.as_ref().is_some_and(|certificates| certificates.with_password);
        let password = match only_certificate {
            true => Some(Secret::None),
            false => password(&section, problems),
        };
        let access = section.get("access", problems, |value| {
            read::word(value, &[("read-only", Access::ReadOnly), ("read-write", Access::ReadWrite)])
        });
        let access = access.map_or(Access::ReadOnly, |(access, _)| access);
        let admin = section.get("admin", problems, read::boolean);
        let fxp = section.get("fxp", problems, read::boolean).is_some_and(|(yes, _)| yes);
        let acct = acct(&section, problems);
        let volumes = self.volumes(&section, problems);
        let place = self.place(&section, problems);
        let Some((name, name_at)) = name else { return };
        if let Some(first) = self.named_at.get(&name) {
            let line = problems.line_of(first);
            let wrong = Wrong::new(
                format!("a second user named `{name}`"),
                format!("the first is in line {line}; give each a name of its own"),
            );
            problems.add(name_at, wrong);
            return;
        }
        self.named_at.insert(name.clone(), name_at);
        let (Some(secret), Some(place)) = (password, place) else {
            return;
        };
        let account = Account {
            name: name.clone(),
            home: place.start,
            access,
            anonymous: false,
            admin: admin.is_some_and(|(admin, _)| admin),
            charset: place.charset,
            sessions_max: place.sessions_max,
            fxp,
            acct: acct.as_ref().map(|(until, _)| *until),
            bandwidth: place.bandwidth,
        };
        // Names are known to differ.
        if self.table.add(account, secret).is_ok() {
            if let Some(certificates) = certificates {
                self.table.expect_certificates(name.as_bytes(), certificates);
            }
            if let Some((_, hash)) = acct {
                self.table.expect_acct(name.as_bytes(), Secret::Hash(hash));
            }
            self.volumes.insert(name.clone(), volumes);
            self.roots.insert(name, place.root);
        }
    }

    /// Reads `[anonymous]`.
    pub(super) fn anonymous(
        &mut self,
        table: &toml::de::DeTable<'_>,
        at: Range<usize>,
        problems: &mut Problems,
    ) {
        let section = Section::open(self.names.anonymous, table, at, ANONYMOUS_KEYS, problems);
        let Some(place) = self.place(&section, problems) else {
            return;
        };
        self.table.welcome_anonymous(Account {
            name: "anonymous".to_owned(),
            home: place.start,
            access: Access::ReadOnly,
            anonymous: true,
            admin: false,
            charset: place.charset,
            sessions_max: place.sessions_max,
            fxp: false,
            acct: None,
            bandwidth: place.bandwidth,
        });
        self.anonymous_root = Some(place.root);
    }

    /// Everyone, for the engine. That there is nobody is a mistake, at `at`, only where someone is
    /// wanted and nobody was lost to another mistake.
    pub(super) fn finish(
        self,
        wanted: bool,
        mentioned: bool,
        at: Range<usize>,
        problems: &mut Problems,
    ) -> TableAuth {
        let nobody = self.table.accounts().next().is_none();
        if wanted && nobody && (!mentioned || problems.is_empty()) {
            let (user, anonymous) = (self.names.user, self.names.anonymous);
            let right =
                format!("add a {user} with name, password and home, or {anonymous} with home");
            problems.add(at, Wrong::new("nobody could log in", right));
        }
        TableAuth::new(self.table, self.roots, self.anonymous_root).with_volumes(self.volumes)
    }

    /// `volumes`: names and directories, of which one bad one does not hide the others.
    fn volumes(&mut self, section: &Section<'_>, problems: &mut Problems) -> Arc<[Volume]> {
        let right = "write volumes = { attic = \"/srv/attic\" }";
        let table = section.get("volumes", problems, |value| match value {
            DeValue::Table(table) => Ok(table),
            _ => Err(Wrong::new("not a table of names and directories", right)),
        });
        let mut volumes = Vec::new();
        for (name, value) in table.into_iter().flat_map(|(table, _)| table) {
            let what = format!("volume `{}`", name.get_ref().escape_debug());
            let root = self.root("a volume", &what, value, problems);
            let named = name.get_ref().as_ref();
            if named.is_empty() || named.chars().any(char::is_control) {
                problems.add(name.span(), Wrong::new("a name no SMNT can hold", right));
            }
            if let Some(root) = root {
                volumes.push(Volume { name: named.to_owned(), storage: root.storage });
            }
        }
        volumes.into()
    }

    /// A directory of this machine or of another server, which is not asked whether it is there:
    /// `name` is what a table that describes it is called, `what` the value itself.
    fn root(
        &mut self,
        name: &'static str,
        what: &str,
        value: &Spanned<DeValue<'_>>,
        problems: &mut Problems,
    ) -> Option<Root> {
        if elsewhere::is_meant(value.get_ref()) {
            let there = elsewhere::read(name, what, value, self.base, problems)?;
            return Some(Root { storage: self.homes.server(there), local: None });
        }
        let opened = read::text(value.get_ref()).and_then(|text| {
            let path = self.base.join(text);
            let storage = self.homes.open(&path).map_err(|e| unusable_home(&path, &e))?;
            Ok(Root { storage, local: Some(path) })
        });
        let noted = |wrong: Wrong| {
            let what = format!("{what}: {}", wrong.what);
            problems.add(value.span(), Wrong::new(what, wrong.right));
        };
        opened.map_err(noted).ok()
    }

    /// The keys users and anonymous share: `home`, `start`, `sessions`, `charset` and those of
    /// bandwidth.
    fn place(&mut self, section: &Section<'_>, problems: &mut Problems) -> Option<Place> {
        let _ = section.need("home", "\"/srv/ftp\"", problems, |_| Ok(()));
        let what = format!("`home` in {}", section.name());
        let home =
            section.value("home").and_then(|value| self.root("`home`", &what, value, problems));
        let local = home.as_ref().and_then(|home| home.local.as_deref());
        let start = section.get("start", problems, |value| start_dir(read::text(value)?, local));
        let sessions =
            section.get("sessions", problems, |value| read::number(value, 1..=1_000_000));
        let charset = section.get("charset", problems, read::charset);
        let bandwidth = bandwidth::of_account(section, bandwidth::OF_USER, problems);
        Some(Place {
            root: home?.storage,
            start: start.map_or_else(FtpPath::root, |(start, _)| start),
            charset: charset.map(|(charset, _)| charset),
            sessions_max: sessions.map(|(sessions, _)| sessions),
            bandwidth,
        })
    }
}

/// `acct` and `acct_for`: the hash of what ACCT must say, and what waits for it.
fn acct(section: &Section<'_>, problems: &mut Problems) -> Option<(AcctFor, PasswordHash)> {
    let hash = section.get("acct", problems, |value| {
        read::text(value)
            .and_then(|text| secret_hash(text, "a plain text, which no file should hold"))
    });
    let until = section.get("acct_for", problems, |value| {
        read::word(value, &[("login", AcctFor::Login), ("writing", AcctFor::Writing)])
    });
    if let (Some((_, at)), false) = (&until, section.has("acct")) {
        let right = "add acct = \"$argon2id$…\", made by `ferryd hash-password`";
        problems.add(at.clone(), Wrong::new("ACCT is wanted but `acct` is not there", right));
    }
    Some((until.map_or(AcctFor::Login, |(until, _)| until), hash?.0))
}

/// What is served as a root.
struct Root {
    storage: Arc<dyn Storage>,
    /// Where it is on this machine, if it is there.
    local: Option<PathBuf>,
}

struct Place {
    root: Arc<dyn Storage>,
    start: FtpPath,
    charset: Option<NameCharset>,
    sessions_max: Option<u32>,
    bandwidth: Bandwidth,
}

fn password(section: &Section<'_>, problems: &mut Problems) -> Option<Secret> {
    let example = "\"$argon2id$…\", made by `ferryd hash-password`";
    let hash = section
        .need("password", example, problems, |value| read::text(value).and_then(password_hash));
    hash.map(|(hash, _)| Secret::Hash(hash))
}

fn password_hash(text: &str) -> Result<PasswordHash, Wrong> {
    secret_hash(text, "a plain password, which no file should hold")
}

/// Only hashes belong into a file; the value itself is in no message.
fn secret_hash(text: &str, plain: &str) -> Result<PasswordHash, Wrong> {
    let right = "put here what `ferryd hash-password` prints";
    PasswordHash::parse(text).map_err(|e| match e {
        HashError::NotPhc => Wrong::new(plain, right),
        other => Wrong::new(other.to_string(), right),
    })
}

fn unusable_home(path: &Path, error: &io::Error) -> Wrong {
    let path = path.display().to_string();
    let path = path.escape_debug();
    match error.kind() {
        io::ErrorKind::NotFound => Wrong::new(
            format!("there is no directory {path}"),
            "make the directory, or name one that exists",
        ),
        io::ErrorKind::NotADirectory => {
            Wrong::new(format!("{path} is not a directory"), "name a directory")
        }
        _ => Wrong::new(
            format!("{path} cannot be opened: {error}"),
            "name a directory this server may read",
        ),
    }
}

/// The start directory: a path inside the home, which must be there if that is on this machine.
fn start_dir(text: &str, home: Option<&Path>) -> Result<FtpPath, Wrong> {
    let right = "name a directory inside the home, as in \"/incoming\"";
    let start = FtpPath::new(text.as_bytes()).map_err(|e| Wrong::new(e.to_string(), right))?;
    if start.has_control() {
        return Err(Wrong::new("a name with control characters", right));
    }
    // Whether it may be entered is the storage's business; a typing mistake is found here.
    if let Some(home) = home
        && !home.join(text.trim_start_matches('/')).is_dir()
    {
        return Err(Wrong::new("no directory inside the home", right));
    }
    Ok(start)
}
