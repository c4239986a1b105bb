//! Serving one directory from flags: what the flags mean together, and who they let in.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferry_accounts::password::OneTimePassword;
use ferry_accounts::{Access, Account, Secret, UserTable};
use ferry_client::url::split_scheme;
use ferry_server::options::{
    Bandwidths, DataResumption, Limits, Listen, Options, Public, Rates, RequireTls,
};
use ferry_server::{Server, WallClock as _};
use ferry_storage::Storage;

use crate::addresses::{self, Endpoint};
use crate::announce::{Announced, Announcement};
use crate::auth::TableAuth;
use crate::certs::{self, CertError};
use crate::cli::{Resumption, Serve};
use crate::clock::SystemClock;
use crate::homes::Homes;
use crate::ports;
use crate::secret::Password;
use crate::serve::Plan;
use crate::values::{self, UserArg, Wrong};

/// The user that is made up when no other is named.
const USER_DEFAULT: &str = "ferry";

/// Why the flags cannot be followed.
#[derive(Debug)]
pub(crate) enum ShareError {
    /// The directory cannot be served.
    Directory { path: PathBuf, source: io::Error },
    /// A URL in place of the directory, which may hold a password.
    Elsewhere,
    /// Two `--user` of one name.
    UserTwice(String),
    /// `FERRY_PASSWORD` is no password.
    Environment(Wrong),
    /// Certificate or key.
    Cert(CertError),
    /// The system gave no randomness for a password.
    Random(getrandom::Error),
}

impl ShareError {
    /// Whether the command line is to blame.
    pub(crate) fn is_usage(&self) -> bool {
        !matches!(self, Self::Random(_) | Self::Cert(CertError::Making(_)))
    }
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, source } => {
                write!(f, "cannot serve {}: {source}", path.display())
            }
            Self::Elsewhere => f.write_str(
                "a directory of another server is served from a configuration file only; \
                 see `home` in docs/ferry.toml",
            ),
            Self::UserTwice(name) => write!(f, "--user {name} is given twice"),
            Self::Environment(wrong) => write!(f, "FERRY_PASSWORD is {wrong}"),
            Self::Cert(source) => source.fmt(f),
            Self::Random(source) => write!(f, "no password could be made up: {source}"),
        }
    }
}

impl std::error::Error for ShareError {}

/// A directory about to be served.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) plan: Plan,
    directory: PathBuf,
    read_only: bool,
    logins: Vec<Announced>,
}

impl Share {
    /// Works out what `flags` mean for `directory`; `env_password` is the value of
    /// `FERRY_PASSWORD`.
    pub(crate) fn new(
        flags: &Serve,
        directory: &Path,
        env_password: Option<&str>,
    ) -> Result<Self, ShareError> {
        if split_scheme(directory.as_os_str().as_bytes()).is_some() {
            return Err(ShareError::Elsewhere);
        }
        let unusable = |source| ShareError::Directory { path: directory.to_owned(), source };
        let mut homes = Homes::default();
        let home = homes.open(directory).map_err(unusable)?;
        let directory = directory.canonicalize().map_err(unusable)?;
        let (table, logins) = accounts(flags, env_password)?;
        let storage: Arc<dyn Storage> = home;
        let identity = match (&flags.tls_cert, &flags.tls_key) {
            (Some(cert), Some(key)) => certs::load(cert, key, None),
            _ => certs::self_signed(
                certified_name(flags).as_deref(),
                &certified_addresses(flags),
                None,
                SystemClock.now(),
            ),
        }
        .map_err(ShareError::Cert)?;
        let plan = Plan {
            options: options(flags),
            sessions_named: flags.max_sessions.is_some(),
            auth: Arc::new(auth(table, &logins, &storage)),
            identity: Some(identity),
            hosts: Vec::new(),
            homes,
        };
        Ok(Self { plan, directory, read_only: flags.read_only, logins })
    }

    /// Binds the first port that can be had.
    pub(crate) fn bind(&self, flags: &Serve) -> io::Result<Bound> {
        let has_ipv6 = addresses::has_ipv6();
        let mut first_error = None;
        for port in ports::ports_to_try(flags) {
            let listen = ports::listeners(flags, port, has_ipv6);
            match self.plan.bind(listen.clone()) {
                Ok(server) => {
                    return Ok(Bound { server, listen, note: ports::note(flags, port) });
                }
                Err(e) if ports::may_try_another(&e) => {
                    first_error.get_or_insert(e);
                }
                Err(e) => return Err(e),
            }
        }
        Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// The text that tells people where the server is, and the URL for a QR code. `public` is the
    /// public address, if there is one, and it is known.
    pub(crate) fn announce(
        &self,
        bound: &Bound,
        public: Option<IpAddr>,
    ) -> (String, Option<String>) {
        let options = &self.plan.options;
        let listeners: Vec<Endpoint> = bound
            .server
            .addresses()
            .into_iter()
            .zip(&bound.listen)
            .map(|(at, listen)| Endpoint { at, tls: listen.tls })
            .collect();
        let endpoints = addresses::endpoints(&listeners, &addresses::of_this_host(), public);
        let identity = self.plan.identity.as_ref();
        let announcement = Announcement {
            directory: &self.directory.display().to_string(),
            read_only: self.read_only,
            logins: &self.logins,
            anonymous: self.plan.auth.table().welcomes_anonymous(),
            endpoints: &endpoints,
            tls_required: options.require_tls != RequireTls::No,
            fingerprint: identity.map_or("", |identity| identity.fingerprint.as_str()),
            self_signed: identity.is_some_and(|identity| identity.self_signed),
            passive_ports: options.passive_ports.clone(),
            note: bound.note.as_deref(),
        };
        (announcement.text(), announcement.url_for_others())
    }
}

/// A share whose listeners are bound.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) server: Server,
    listen: Vec<Listen>,
    note: Option<String>,
}

/// Everyone who may log in, and what is told about them.
fn accounts(
    flags: &Serve,
    env_password: Option<&str>,
) -> Result<(UserTable, Vec<Announced>), ShareError> {
    let made_up = [UserArg { name: USER_DEFAULT.to_owned(), password: None }];
    let users: &[UserArg] = if flags.user.is_empty() { &made_up } else { &flags.user };
    let mut env_password =
        env_password.map(values::password).transpose().map_err(ShareError::Environment)?;
    let mut table = UserTable::new();
    let mut logins = Vec::with_capacity(users.len());
    for user in users {
        let given = user.password.clone().or_else(|| env_password.take());
        let made = match given {
            Some(_) => None,
            None => Some(Password::random().map_err(ShareError::Random)?),
        };
        let secret = made
            .as_ref()
            .or(given.as_ref())
            .and_then(|password| OneTimePassword::new(password.reveal().as_bytes()))
            .ok_or(ShareError::Random(getrandom::Error::UNEXPECTED))?;
        let access = if flags.read_only { Access::ReadOnly } else { Access::ReadWrite };
        table
            .add(account(&user.name, access, false), Secret::OneTime(secret))
            .map_err(|taken| ShareError::UserTwice(taken.0))?;
        logins.push(Announced { name: user.name.clone(), made });
    }
    if flags.anonymous {
        table.welcome_anonymous(account("anonymous", Access::ReadOnly, true));
    }
    Ok((table, logins))
}

fn account(name: &str, access: Access, anonymous: bool) -> Account {
    Account { anonymous, ..Account::new(name, access) }
}

/// What the flags say about the server, but for the listeners.
fn options(flags: &Serve) -> Options {
    let defaults = Options::default();
    let limits = Limits {
        sessions: flags.max_sessions.unwrap_or(defaults.limits.sessions),
        per_address: flags.max_per_address.unwrap_or(defaults.limits.per_address),
        idle: flags.idle_timeout.unwrap_or(defaults.limits.idle),
        ..defaults.limits
    };
    Options {
        require_tls: if flags.require_tls { RequireTls::Both } else { RequireTls::No },
        data_resumption: match flags.resumption {
            Resumption::Off => DataResumption::Off,
            Resumption::Prefer => DataResumption::Prefer,
            Resumption::Strict => DataResumption::Strict,
        },
        passive_ports: flags.passive_ports.clone().unwrap_or(defaults.passive_ports),
        public_address: flags.public_address.clone(),
        bandwidth: Bandwidths {
            in_all: Rates {
                download: flags.limit_download.clone(),
                upload: flags.limit_upload.clone(),
            },
            ..Bandwidths::default()
        },
        limits,
        ..defaults
    }
}

/// The name a certificate for this share is made out to: the public one, else the machine's.
fn certified_name(flags: &Serve) -> Option<String> {
    match &flags.public_address {
        Some(Public::Name(name)) => Some(name.clone()),
        _ => addresses::host_name(),
    }
}

/// What a directory served without flags has, on the first port that can be had.
pub(crate) fn usual(flags: &Serve) -> Options {
    let has_ipv6 = addresses::has_ipv6();
    let ports = ports::ports_to_try(flags);
    let free = |at: &Listen| std::net::TcpListener::bind(at.at).is_ok();
    let mut tried = ports.iter().map(|port| ports::listeners(flags, *port, has_ipv6));
    let first = ports.first().map(|port| ports::listeners(flags, *port, has_ipv6));
    let listen = tried.find(|listen| listen.iter().all(free)).or(first).unwrap_or_default();
    Options { listen, ..options(flags) }
}

/// The addresses a certificate for this share is made out to.
fn certified_addresses(flags: &Serve) -> Vec<IpAddr> {
    let mut ips = addresses::of_this_host();
    ips.extend(flags.listen.iter().map(|at| at.ip).filter(|ip| !ip.is_unspecified()));
    if let Some(Public::Ip(ip)) = flags.public_address {
        ips.push(ip.into());
    }
    ips.sort_unstable();
    ips.dedup();
    ips
}

fn auth(table: UserTable, logins: &[Announced], storage: &Arc<dyn Storage>) -> TableAuth {
    let roots = logins.iter().map(|login| (login.name.clone(), Arc::clone(storage))).collect();
    let anonymous_root = table.welcomes_anonymous().then(|| Arc::clone(storage));
    TableAuth::new(table, roots, anonymous_root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser as _;
    use std::time::Duration;

    fn flags(line: &str) -> Serve {
        let words = ["ferryd"].into_iter().chain(line.split_whitespace());
        Cli::try_parse_from(words.chain(["dir"])).unwrap().serve
    }

    #[test]
    fn flags_become_options() {
        let set = options(&flags(
            "--require-tls --resumption strict --passive-ports 4000-4100 --public-address \
             203.0.113.5 --max-sessions 7 --max-per-address 3 --idle-timeout 10m",
        ));
        assert_eq!(set.require_tls, RequireTls::Both);
        assert_eq!(set.data_resumption, DataResumption::Strict);
        assert_eq!(set.passive_ports, 4000..=4100);
        assert_eq!(set.public_address, Some(Public::Ip([203, 0, 113, 5].into())));
        assert_eq!((set.limits.sessions, set.limits.per_address), (7, 3));
        assert_eq!(set.limits.idle, Duration::from_secs(600));
        assert_eq!(options(&flags("")), Options::default());
    }

    #[test]
    fn without_a_user_one_is_made_up_with_a_password_of_its_own() {
        let (table, logins) = accounts(&flags(""), None).unwrap();
        let [ferry] = logins.as_slice() else { panic!("{logins:?}") };
        let password = ferry.made.as_ref().unwrap().reveal();
        let account = table.verify(b"ferry", password.as_bytes()).unwrap();
        assert_eq!(account.access, Access::ReadWrite);
        assert!(!table.welcomes_anonymous());
    }

    #[test]
    fn given_users_replace_the_made_up_one() {
        let (table, logins) =
            accounts(&flags("--read-only --anonymous --user a:pw --user b --user c"), Some("env"))
                .unwrap();
        let access = |name: &[u8], password: &[u8]| table.verify(name, password).map(|a| a.access);
        assert_eq!(access(b"a", b"pw"), Some(Access::ReadOnly));
        assert_eq!(access(b"b", b"env"), Some(Access::ReadOnly), "the first without a password");
        assert_eq!(access(b"c", b"env"), None);
        assert_eq!(access(b"ferry", b"env"), None);
        let made: Vec<_> = logins.iter().map(|l| (l.name.as_str(), l.made.is_some())).collect();
        assert_eq!(made, [("a", false), ("b", false), ("c", true)]);
        let anonymous = table.verify(b"anonymous", b"").unwrap();
        assert_eq!((anonymous.access, anonymous.anonymous), (Access::ReadOnly, true));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let twice = accounts(&flags("--user a:x --user a:y"), None).unwrap_err();
        assert_eq!(twice.to_string(), "--user a is given twice");
        let empty = accounts(&flags(""), Some("")).unwrap_err();
        assert_eq!(
            empty.to_string(),
            "FERRY_PASSWORD is an empty password; write 1 to 255 octets without line ends"
        );
        let missing = Share::new(&flags(""), Path::new("/nonexistent/dir"), None).unwrap_err();
        assert!(missing.is_usage());
        assert!(missing.to_string().starts_with("cannot serve /nonexistent/dir: "), "{missing}");
    }

    #[test]
    fn an_anonymous_share_never_lets_anonymous_write() {
        let (table, _) = accounts(&flags("--anonymous"), None).unwrap();
        assert_eq!(table.verify(b"ftp", b"x").unwrap().access, Access::ReadOnly);
    }
}
