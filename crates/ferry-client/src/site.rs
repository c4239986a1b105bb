//! Which server, and who logs in. How to get there is in [`settings`](crate::settings).

use crate::secret::Secret;

/// How a control connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_enums, reason = "callers decide on each")]
pub enum Security {
    /// In the clear (`ftp://` with `--plain`, or without a password).
    Plain,
    /// TLS if the server has it, else in the clear. Only for log-ins that give nothing away
    /// (anonymous): a password never depends on what a stranger on the way answers to AUTH.
    Opportunistic,
    /// AUTH TLS, or no log-in (`ftpes://`).
    #[default]
    Explicit,
    /// TLS from the first octet (`ftps://`, port 990).
    Implicit,
}

/// A server and an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..Site::new(host)")]
pub struct Site {
    /// Name or address, without brackets.
    pub host: String,
    /// The port, if not the usual one (21, 990 for implicit TLS).
    pub port: Option<u16>,
    /// How the control connection is protected; data connections always are if it is.
    pub security: Security,
    /// The name to log in with; `anonymous` if none.
    pub user: Option<Vec<u8>>,
    /// The password, if already known; else [`Settings::asker`](crate::Settings) is asked.
    pub password: Option<Secret>,
    /// What ACCT sends if the server asks for it (332).
    pub account: Option<Secret>,
}

impl Site {
    /// The anonymous account of `host` at its usual port, explicit TLS.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            security: Security::default(),
            user: None,
            password: None,
            account: None,
        }
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        let usual = if self.security == Security::Implicit { 990 } else { 21 };
        self.port.unwrap_or(usual)
    }

    /// Whether nobody in particular logs in.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.user.as_deref().is_none_or(|user| {
            user.eq_ignore_ascii_case(b"anonymous") || user.eq_ignore_ascii_case(b"ftp")
        })
    }
}
