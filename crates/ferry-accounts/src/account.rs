//! What is known of one account once it is logged in. Passwords are not part of it.

use ferry_proto::charset::Charset;
use ferry_proto::path::FtpPath;

use crate::Bandwidth;

/// What an account may do with files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Access {
    /// List and download.
    #[default]
    ReadOnly,
    /// List, download, upload, rename, remove, make directories, set times and modes.
    ReadWrite,
}

/// What an account must send ACCT for (RFC 959 §4.1.1). What it must say there, whoever supplies
/// accounts knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcctFor {
    /// To be logged in at all.
    Login,
    /// To change anything.
    Writing,
}

/// One account, as every session logged in under it shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by whoever supplies accounts")]
pub struct Account {
    /// The name it logs in with.
    pub name: String,
    /// Where its sessions start, within its root.
    pub home: FtpPath,
    /// What it may do.
    pub access: Access,
    /// Whether it is the anonymous account (RFC 1635).
    pub anonymous: bool,
    /// Whether it may see who else is connected (SITE WHO).
    pub admin: bool,
    /// The legacy charset that its clients may turn to; `None` for the one of its host, if any.
    pub charset: Option<Charset>,
    /// The most sessions it may have at once; `None` for no bound of its own.
    pub sessions_max: Option<u32>,
    /// Whether it may have data moved between servers (FXP), where the server lets any.
    pub fxp: bool,
    /// What it must send ACCT for, if for anything.
    pub acct: Option<AcctFor>,
    /// How fast its octets may go; where nothing is said, as the server says of accounts.
    pub bandwidth: Bandwidth,
}

impl Account {
    /// An account that starts at its root, may do so much there, and has nothing else of its own.
    #[must_use]
    pub fn new(name: impl Into<String>, access: Access) -> Self {
        Self {
            name: name.into(),
            home: FtpPath::root(),
            access,
            anonymous: false,
            admin: false,
            charset: None,
            sessions_max: None,
            fxp: false,
            acct: None,
            bandwidth: Bandwidth::default(),
        }
    }
}
