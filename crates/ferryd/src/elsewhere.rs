//! Directories of other servers that are served here as if they were of this machine: where they
//! are, how they are reached and what is said of them. How the file names them is in
//! [`config`](crate::config).

use std::fmt;
use std::path::PathBuf;

use ferry_client::settings::Trust;
use ferry_client::url::{Protection, Url};
use ferry_client::volume::Volume;
use ferry_client::{Security, Settings, Site};
use tracing::warn;

/// The most connections to one of them, unless the operator says otherwise.
pub(crate) const CONNECTIONS: usize = 8;

/// A directory of another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// With the password, which its `Display` leaves out.
    pub(crate) url: Url,
    /// Whether the password may go in the clear.
    pub(crate) plain: bool,
    pub(crate) trust: Trust,
    /// The most control connections at a time.
    pub(crate) connections: usize,
    /// The file with the password, if everyone on this machine can read it.
    pub(crate) exposed: Option<PathBuf>,
}

impl Elsewhere {
    /// The server, and how the connection there is protected.
    pub(crate) fn site(&self) -> Site {
        self.url.site(if self.plain { Protection::Plain } else { Protection::Usual })
    }

    /// The storage; nothing is connected before someone uses it.
    pub(crate) fn volume(&self) -> Volume {
        let settings = Settings {
            trust: self.trust.clone(),
            connections: self.connections,
            ..Settings::default()
        };
        let shown = self.url.to_string();
        Volume::new(self.site(), settings, self.url.path.octets())
            .telling(move |why| warn!("{shown} cannot be reached: {why}"))
    }
}

/// The URL without its password, and how the way there is protected.
impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = match (self.site().security, &self.trust) {
            (Security::Plain, _) => "no TLS",
            (Security::Opportunistic, _) => "TLS if it has it",
            (_, Trust::Pinned(_)) => "TLS, one certificate only",
            (_, Trust::Roots(_)) => "TLS, certificates of its own authority",
            (_, Trust::KnownHosts(_)) => "TLS, known hosts",
            _ => "TLS",
        };
        write!(f, "{} ({tls}; {} connections at most)", self.url, self.connections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_client::Secret;

    #[test]
    fn what_is_shown_tells_the_way_there_and_never_the_password() {
        let cases = [
            ("ftp://h/", false, Trust::System, "ftp://h/ (TLS if it has it; 8 "),
            ("ftp://u@h/a", true, Trust::System, "ftp://u@h/a (no TLS; 8 "),
            ("ftpes://u@h//a", false, Trust::System, "ftpes://u@h//a (TLS; 8 "),
            ("ftps://u@h/", false, Trust::Pinned(vec![]), "(TLS, one certificate only; 8 "),
        ];
        for (url, plain, trust, want) in cases {
            let mut url = Url::parse(url.as_bytes()).unwrap();
            url.password = url.user.is_some().then(|| Secret::new("hunter2"));
            let there = Elsewhere { url, plain, trust, connections: CONNECTIONS, exposed: None };
            assert!(there.to_string().contains(want), "{there}");
            let all = format!("{there} {there:?} {:?}", there.volume());
            assert!(!all.contains("hunter2"), "{all}");
        }
    }
}
