//! From flags to the engine's settings: what they mean together.

use std::path::PathBuf;
use std::sync::Arc;

use ferry_client::settings::{Asker, ClientCertificate, DataMode, Family, Trust, Watcher};
use ferry_client::url::Protection;
use ferry_client::{Settings, Site};

use crate::bookmarks::xdg;
use crate::cli::Flags;
use crate::exit::Outcome;
use crate::say;
use crate::secrets::Secrets;
use crate::trace::Trace;
use crate::url::Remote;

/// Everything that the commands need to reach a server.
#[derive(Debug)]
pub(crate) struct Setup {
    settings: Settings,
    secrets: Arc<Secrets>,
    protection: Protection,
    user: Option<Vec<u8>>,
    quiet: bool,
}

impl Setup {
    /// Out of the flags; `interactive` says whether a person can be asked.
    pub(crate) fn new(flags: &Flags, interactive: bool) -> Outcome<Self> {
        let (connection, login) = (&flags.connection, &flags.login);
        let secrets =
            Secrets::new(login.password_command.clone(), login.netrc.as_deref(), interactive)?;
        let secrets = Arc::new(secrets);
        let trust = match connection {
            c if c.insecure => Trust::Any,
            c if !c.pin.is_empty() => Trust::Pinned(c.pin.clone()),
            c if !c.ca.is_empty() => Trust::Roots(c.ca.clone()),
            _ => known_hosts().map_or(Trust::System, Trust::KnownHosts),
        };
        if connection.insecure && !flags.output.quiet {
            say::warn("--insecure: whoever is in between can read and change everything");
        }
        let usual = Settings::default();
        let settings = Settings {
            timeout: connection.timeout,
            family: match (connection.ipv4, connection.ipv6) {
                (true, _) => Family::V4,
                (_, true) => Family::V6,
                _ => Family::Any,
            },
            proxy: connection.proxy.clone(),
            trust,
            client_certificate: match (&connection.cert, &connection.key) {
                (Some(chain), Some(key)) => {
                    Some(ClientCertificate { chain: chain.clone(), key: key.clone() })
                }
                _ => None,
            },
            data: if connection.active { DataMode::Active } else { usual.data },
            charset: connection.charset.clone(),
            compress: flags.transfer.compress.unwrap_or_default(),
            keep_alive: connection.keep_alive,
            retries: connection.retries,
            connections: connection.parallel.map_or(usual.connections, usize::from),
            memory: xdg("XDG_CACHE_HOME", ".cache"),
            asker: Some(Arc::clone(&secrets) as Arc<dyn Asker>),
            watcher: flags.output.trace.then(|| Arc::new(Trace) as Arc<dyn Watcher>),
            ..usual
        };
        let protection = match (connection.plain, connection.tls) {
            (true, _) => Protection::Plain,
            (_, true) => Protection::Tls,
            _ => Protection::Usual,
        };
        let user = login.user.as_ref().map(|user| user.clone().into_bytes());
        Ok(Self { settings, secrets, protection, user, quiet: flags.output.quiet })
    }

    /// Who logs in where, for a URL: the URL's own user, else `--user`, else the netrc file's.
    pub(crate) fn site(&self, remote: &Remote) -> Site {
        let mut remote = remote.clone();
        let listed = || self.secrets.login_at(&remote.url.host);
        remote.url.user = remote.url.user.clone().or_else(|| self.user.clone()).or_else(listed);
        remote.site(self.protection)
    }

    /// Whether warnings are wanted.
    pub(crate) fn warns(&self) -> bool {
        !self.quiet
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings.clone()
    }
}

/// The file of certificates that a person has trusted.
fn known_hosts() -> Option<PathBuf> {
    xdg("XDG_DATA_HOME", ".local/share").map(|dir| dir.join("known_hosts"))
}
