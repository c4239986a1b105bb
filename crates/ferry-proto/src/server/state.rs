//! Where a session stands: its login, its protection, its next data connection, and what is under
//! way.

use core::net::SocketAddr;

use super::{DataVia, work};
use crate::path::FtpPath;
use crate::reply::Reply;
use crate::verb::Verb;

/// How far the login has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    NeedUser,
    NeedPass(Box<[u8]>),
    NeedAcct(Box<[u8]>),
    Ready(Box<[u8]>),
}

/// The state of the control connection's protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    Plain,
    /// 234 is out and the handshake under way; whether data becomes private with it.
    Starting {
        private_data: bool,
    },
    Tls,
    /// CCC ended it; what data connections are stays as it was.
    Cleared,
}

/// What ACCT is to the account that is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acct {
    Unneeded,
    Wanted,
    Given,
}

/// How the next data connection was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prepared {
    No,
    Listening,
    /// CPSV: as TLS client.
    ListeningAsTlsClient,
    To(Box<SocketAddr>),
}

impl Prepared {
    pub(super) fn is_listening(&self) -> bool {
        matches!(self, Self::Listening | Self::ListeningAsTlsClient)
    }
}

/// What is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Login,
    Recognise(Box<[u8]>),
    Penalty,
    Account,
    AccountPenalty,
    Host,
    Mount,
    LeaveUtf8,
    ListenLong,
    Expect,
    Join,
    ListenAsTlsClient,
    Listen {
        extended: bool,
    },
    ChangeDir(FtpPath),
    /// Done is answered by this.
    Plain(Reply),
    RenameFrom(FtpPath),
    Number,
    Time,
    MakeDir(Reply),
    Facts(FtpPath),
    Status(FtpPath),
    Who,
    Room,
    CopyFrom(FtpPath),
    Working {
        verb: &'static str,
        then: work::Then,
        stopping: bool,
    },
    Open(Opening),
    Moving {
        verb: Verb,
        via: DataVia,
        stored_as: Option<FtpPath>,
    },
    Aborting {
        via: DataVia,
        stored_as: Option<FtpPath>,
    },
}

/// A transfer between its command and 150.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) verb: Verb,
    /// MLSD, whose argument must be a directory by syntax (501).
    pub(super) directory_only: bool,
    pub(super) ascii: bool,
    pub(super) upload: bool,
}
