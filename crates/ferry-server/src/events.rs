//! What the engine tells the outside: one [`Event`] per thing an operator wants to read about.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use ferry_proto::path::FtpPath;

/// Which session; unique while the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a number")]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Something an operator may want to know. Names come from peers: print them with `Display`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A control connection was accepted.
    Connected {
        /// From where.
        peer: SocketAddr,
    },
    /// A connection was turned away before the greeting.
    Refused {
        /// From where.
        peer: SocketAddr,
        /// Why, for a person.
        why: &'static str,
    },
    /// Someone logged in.
    LoggedIn {
        /// The account's name.
        user: &'a str,
        /// The password an anonymous user gave, by custom an e-mail address.
        anonymous_hint: Option<&'a [u8]>,
        /// The TLS version of the control connection, if it has one.
        tls: Option<&'static str>,
    },
    /// A name and password were refused.
    LoginFailed {
        /// The name as sent.
        user: &'a [u8],
    },
    /// A transfer or listing ended.
    Transferred {
        /// The verb: RETR, STOR, …
        verb: &'static str,
        /// What was transferred.
        path: &'a FtpPath,
        /// Octets that moved on the data connection, before TLS.
        bytes: u64,
        /// From 150 to the end.
        took: Duration,
        /// Whether the data connection was under TLS, and if so whether it resumed.
        tls: Option<bool>,
        /// `None` when whole, else what went wrong.
        failed: Option<&'a str>,
    },
    /// The tree was changed without a transfer.
    Changed {
        /// The verb: DELE, MKD, RNTO, …
        verb: &'static str,
        /// What was changed.
        path: &'a FtpPath,
        /// The new name, for a rename.
        to: Option<&'a FtpPath>,
    },
    /// A command was refused or failed in a way an operator should hear of.
    Noticed {
        /// What, for a person; already free of control characters.
        what: &'a str,
    },
    /// The session ended.
    Closed {
        /// Why, for a person.
        why: &'a str,
    },
}

/// Listens to events. Called from session tasks: must not block.
pub trait Observer: Send + Sync + fmt::Debug + 'static {
    /// Something happened in `session`.
    fn on(&self, session: SessionId, event: &Event<'_>);
}

/// Ignores every event.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Quiet;

impl Observer for Quiet {
    fn on(&self, _session: SessionId, _event: &Event<'_>) {}
}
