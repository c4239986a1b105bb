//! What a line of a conversation asks for.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferry_accounts::AcctFor;

use super::text::Pattern;

/// One action or expectation, with where it stands in the text.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) source: String,
    /// Which client: `A` unless the line names another.
    pub(crate) who: char,
    pub(crate) what: What,
}

/// Octets given in the text, or so many made-up ones.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Octets(Vec<u8>),
    Filler(usize),
}

impl Content {
    pub(crate) fn octets(&self) -> Vec<u8> {
        match self {
            Self::Octets(octets) => octets.clone(),
            Self::Filler(len) => super::text::filler(*len),
        }
    }
}

/// Which data connection of a session: its own, or one that a stranger tries beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    Data,
    Other,
}

/// How a data connection that the client opens is expected to turn out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Open,
    Refused,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Setup(Setup),
    Connect {
        from: Option<SocketAddr>,
        /// Whose connection a PROXY header says it is, and where that one connected to.
        proxied: Option<(SocketAddr, SocketAddr)>,
    },
    /// Octets on the control connection, cut as the seed wills.
    Send(Vec<u8>),
    /// Octets on the control connection, in one segment.
    SendTogether(Vec<u8>),
    ControlFin,
    ControlClose,
    ControlReset,
    /// One line of a reply, as it stands.
    Line(Pattern),
    /// One whole reply with one of these codes, in whatever shape.
    Reply(Vec<String>),
    Has(Pattern),
    Lacks(Pattern),
    Silence(Duration),
    ControlOver,
    Dial {
        slot: Slot,
        from: Option<IpAddr>,
        outcome: Outcome,
    },
    Listen(Option<SocketAddr>),
    Accept {
        from: Option<SocketAddr>,
    },
    DataSend(Slot, Content),
    DataFin(Slot),
    DataClose(Slot),
    DataReset(Slot),
    /// Everything up to a clean end.
    DataAll(Slot, Content),
    /// So many octets of made-up content, and no further.
    DataSome(Slot, usize),
    /// Just these octets; the connection goes on.
    DataNext(Slot, Content),
    /// Everything up to a clean end, kept as lines.
    DataLines(Slot),
    DataHas(Pattern),
    DataLacks(Pattern),
    DataCount(usize),
    /// A clean end with nothing before it.
    DataEmpty(Slot),
    /// The end, clean or not, whatever came before it.
    DataOver(Slot),
    /// The end, clean or not, after fewer octets than this.
    DataFewer(Slot, usize),
    /// A reset, whatever came before it.
    DataBroken(Slot),
    Wait(Duration),
    Within(Duration),
    File(Vec<u8>, Content),
    NoFile(Vec<u8>),
    Dir(Vec<u8>),
    NoDir(Vec<u8>),
    Connected(SocketAddr),
    NeverConnected(IpAddr),
    Sessions(u32),
    /// A name stands for this address from now on.
    Name(String, Option<IpAddr>),
    /// Asks the server to end.
    Shutdown,
}

/// What is so before the first client connects.
#[derive(Debug, Clone)]
pub(crate) enum Setup {
    File(Vec<u8>, Content),
    Dir(Vec<u8>),
    Symlink(Vec<u8>, Vec<u8>),
    User { name: String, password: Vec<u8>, writes: bool, home: Vec<u8> },
    Admin(String),
    Acct { name: String, until: AcctFor, info: Vec<u8> },
    Fxp { name: String },
    Charset { whose: String, label: String },
    Volume { user: String, name: String, path: Vec<u8>, content: Content },
    VirtualHost { name: String, user: String, password: Vec<u8>, banner: String },
    Anonymous,
    Option { name: String, value: String },
    Server(IpAddr),
    Listen(IpAddr),
    Peer(IpAddr),
    Host(IpAddr, crate::net::Host),
    Taken(SocketAddr),
    Forbidden(SocketAddr),
    Free(u64),
}
