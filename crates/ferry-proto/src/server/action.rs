//! What crosses the border of the session machine: the rules it is given, the actions it asks for
//! and the outcomes it is told. No decisions are made here.

use core::net::SocketAddr;

use crate::date::UnixTime;
use crate::facts::FactSet;
use crate::hash::Algorithm;
use crate::modify::FactChange;
use crate::network::Network;
use crate::path::FtpPath;
use crate::reply::Reply;
use crate::repr::pipeline::Form;
use crate::repr::{FormatError, RestartPoint};
use crate::server::Presence;
use crate::server::fxp::Fxp;
use crate::server::listing::Target;
use crate::site::ModeChange;
use crate::verb::Verb;

/// What the operator has decided, as far as replies depend on it. Shared by all sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Rules {
    /// Whether there is a certificate, so that AUTH TLS can be granted.
    pub tls: bool,
    /// Whether one may log in only under TLS.
    pub login_needs_tls: bool,
    /// Whether transfers need PROT P.
    pub data_needs_tls: bool,
    /// Wrong passwords per connection; the last is answered 421.
    pub wrong_passwords: u8,
    /// Whether a transfer without PASV or PORT uses the default data port (RFC 959 §3.3).
    pub default_data_port: bool,
    /// Whether anonymous users are welcome.
    pub anonymous: bool,
    /// Lines of the operator's own for the greeting.
    pub banner: Vec<String>,
    /// Seconds of silence after which a session is closed.
    pub idle_secs: u64,
    /// Seconds a client has to log in.
    pub login_secs: u64,
    /// Whether CCC may end TLS on the control connection while data stays private.
    pub ccc: bool,
    /// Whether LPRT and LPSV are carried out (RFC 1639).
    pub long_addresses: bool,
    /// Whether accounts that may can have data moved between servers (FXP).
    pub fxp: bool,
    /// Where those other servers are; empty for anywhere.
    pub partners: Vec<Network>,
    /// Whether data connections may come to the control port (XPSV, XDTP).
    pub joins: bool,
    /// Permission bits taken from what a new session creates.
    pub umask: u16,
    /// The most seconds of silence a client can ask for with SITE IDLE.
    pub idle_max_secs: u64,
    /// Whether files can be given a time of creation, so that MFCT is announced.
    pub sets_created: bool,
}

/// How the data connection of a transfer comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle each")]
pub enum DataVia {
    /// The peer connects to the port that PASV or EPSV opened.
    Passive,
    /// This end connects to the address of PORT or EPRT, or to the default data port.
    Active(SocketAddr),
    /// The connection that the last transfer in mode block left open is used again.
    Kept,
}

/// What a transfer moves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle each")]
pub enum Transfer {
    /// RETR, from where REST says; what that means, [`Form::start_sending`] tells.
    Retrieve {
        /// The file.
        path: FtpPath,
        /// Where REST points, the beginning for the whole.
        from: RestartPoint,
    },
    /// STOR; from where REST says in place from there on ([`Form::start_receiving`]), else the
    /// whole file anew.
    Store {
        /// The file.
        path: FtpPath,
        /// Where REST points, the beginning for the whole.
        from: RestartPoint,
    },
    /// APPE; an offset that is not 0 must equal the file's size.
    Append {
        /// The file.
        path: FtpPath,
        /// Where REST points, the beginning if there was none.
        from: RestartPoint,
    },
    /// STOU: a new name in `dir`.
    StoreUnique {
        /// The current directory.
        dir: FtpPath,
        /// The name the client would like.
        hint: Option<Vec<u8>>,
    },
    /// LIST or NLST: the first of the targets that exists.
    List {
        /// What the argument can mean, in order.
        targets: Vec<Target>,
        /// NLST: names only.
        names_only: bool,
    },
    /// MLSD.
    Facts {
        /// The directory.
        path: FtpPath,
        /// Which facts.
        facts: FactSet,
    },
}

/// A transfer as it stands when its command is admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a driver reads it")]
pub struct Plan {
    /// The verb, for logs.
    pub verb: Verb,
    /// What moves.
    pub what: Transfer,
    /// How its octets look on the wire.
    pub form: Form,
    /// How hard MODE Z compresses: 0 to 9.
    pub level: u8,
    /// Permission bits taken from what it creates.
    pub umask: u16,
    /// RANG: of RETR and STOR, the first octet of the file that no longer belongs to it.
    pub until: Option<u64>,
}

/// Work without a data connection that may take long: it is watched, and stopped, as a transfer
/// is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle each")]
pub enum Work {
    /// Hash regular files: [`Outcome::Digests`], one for each.
    Hash {
        /// The files.
        paths: Vec<FtpPath>,
        /// How.
        algorithm: Algorithm,
        /// The first octet that counts.
        from: u64,
        /// The first that no longer does; `None` for all that there are.
        until: Option<u64>,
    },
    /// Add up the files below a directory: [`Outcome::Number`].
    TreeSize(FtpPath),
    /// Remove a directory and everything in it: [`Outcome::Done`].
    RemoveTree(FtpPath),
    /// Append files to one, in order, and remove them: [`Outcome::Done`].
    Combine {
        /// The file that grows; made if it is not there.
        target: FtpPath,
        /// What is appended.
        sources: Vec<FtpPath>,
        /// Permission bits taken from a file it makes.
        umask: u16,
    },
    /// Copy a file, or a directory with everything in it: [`Outcome::Done`].
    Copy {
        /// What.
        from: FtpPath,
        /// The new name.
        to: FtpPath,
        /// Permission bits taken from what it makes.
        umask: u16,
    },
}

/// What hashing a file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a driver builds it")]
pub struct Digest {
    /// The digest.
    pub octets: Vec<u8>,
    /// The first octet of the file that does not count: where hashing ended.
    pub end: u64,
}

/// Something the machine wants to know or have done; at most one is outstanding, and it is
/// answered by [`conclude`](super::ServerSession::conclude).
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle each")]
pub enum Ask {
    /// Check a name and password: [`Outcome::LoggedIn`] or [`Outcome::LoginRefused`].
    Login {
        /// As sent.
        user: Box<[u8]>,
        /// As sent.
        password: Box<[u8]>,
    },
    /// Is the peer, by the certificate it showed, the account of this name?
    /// [`Outcome::LoggedIn`] or [`Outcome::AccountWanted`] if so; [`Failure::NotFound`] if a
    /// password is to be asked for.
    Recognise(Box<[u8]>),
    /// Check what ACCT says for the account that logs in or is logged in: [`Outcome::Done`], and
    /// from then on it counts; [`Failure::Denied`] if it is wrong.
    Account(Box<[u8]>),
    /// Turn to the virtual host of this name: [`Outcome::Done`], and from then on its rules are
    /// given; [`Failure::NotFound`] if there is none, [`Failure::Denied`] if TLS was started for
    /// another (RFC 7151 §3.2.2).
    Host(Box<[u8]>),
    /// Make the account's volume of this name the root: [`Outcome::Done`], [`Failure::NotFound`].
    Mount(Box<[u8]>),
    /// Is a legacy charset configured for who is logged in, or before that for the host?
    /// [`Outcome::Done`], and names are in it from the reply on; else [`Failure::Unsupported`].
    LeaveUtf8,
    /// Wait that many seconds: [`Outcome::Done`].
    Pause(u64),
    /// Open a passive port: [`Outcome::Listening`].
    Listen {
        /// Whether an address goes into the reply (PASV), which must then be IPv4.
        announce: bool,
    },
    /// Let the connection that says this name ([`Join`](Self::Join)) be that of the next transfer:
    /// [`Outcome::Done`]; [`Failure::Exists`] if another session expects one of that name.
    Expect(Box<[u8]>),
    /// Wait a while for the session that expects a data connection of this name:
    /// [`Outcome::Done`], and [`Action::HandOver`] follows; [`Failure::NotFound`] if there is none.
    Join(Box<[u8]>),
    /// Is it a directory one may stand in? [`Outcome::Done`].
    ChangeDir(FtpPath),
    /// Make a directory, with the umask: [`Outcome::Done`].
    MakeDir(FtpPath, u16),
    /// Remove a directory: [`Outcome::Done`].
    RemoveDir(FtpPath),
    /// Remove a file: [`Outcome::Done`].
    Delete(FtpPath),
    /// Is it something that may be renamed? [`Outcome::Done`].
    RenameFrom(FtpPath),
    /// Rename: [`Outcome::Done`].
    Rename(FtpPath, FtpPath),
    /// Octets that RETR would send: [`Outcome::Number`].
    Size(FtpPath, Form),
    /// Time of last modification: [`Outcome::Time`]. If `path` names nothing and `or_set` is
    /// given, that is the non-standard set form: [`Outcome::Done`].
    ModTime {
        /// The whole argument, taken as a name.
        path: FtpPath,
        /// The argument read as a time and a name.
        or_set: Option<(UnixTime, FtpPath)>,
    },
    /// Set times: [`Outcome::Done`].
    SetTimes {
        /// What.
        path: FtpPath,
        /// Last modification.
        modified: UnixTime,
        /// Last access.
        accessed: Option<UnixTime>,
    },
    /// Change any facts: [`Outcome::Done`].
    ChangeFacts {
        /// By what command, for logs.
        verb: &'static str,
        /// What.
        path: FtpPath,
        /// How.
        change: FactChange,
    },
    /// Make a directory and those above it that are missing, with the umask: [`Outcome::Done`].
    MakeDirs(FtpPath, u16),
    /// Make a symbolic link: [`Outcome::Done`].
    MakeLink {
        /// The new name.
        path: FtpPath,
        /// What it leads to.
        target: FtpPath,
    },
    /// Is it something that may be copied? [`Outcome::Done`].
    CopyFrom(FtpPath),
    /// Octets free in a directory: [`Outcome::Number`].
    FreeSpace(FtpPath),
    /// Do work that may take long; [`Outcome::Stopped`] if it was stopped.
    Work {
        /// By what command, for logs.
        verb: &'static str,
        /// The work.
        work: Box<Work>,
    },
    /// Change permission bits: [`Outcome::Done`].
    ChangeMode(FtpPath, ModeChange),
    /// The fact line of one object, without line end: [`Outcome::Text`].
    Facts(FtpPath, FactSet),
    /// A bounded listing for STAT: [`Outcome::Text`], complete lines.
    Status(Vec<Target>),
    /// Who is connected, at most one more than [`WHO_MAX`](super::WHO_MAX): [`Outcome::Present`];
    /// [`Failure::Denied`] unless the account is an administrator's.
    Who,
    /// Is there room for that many octets? [`Outcome::Done`].
    Room(FtpPath, u64),
    /// Check rights and open what the transfer needs, but no data connection:
    /// [`Outcome::Opened`].
    Open(Box<Plan>),
    /// Make the data connection and move the octets of what was opened: [`Outcome::Ended`].
    Move {
        /// How the connection comes about.
        via: DataVia,
        /// Whether it is under TLS.
        protect: bool,
        /// Whether it stays open behind a file that came or went whole: [`End::Kept`].
        keep: bool,
        /// Whether its other end may be another server.
        fxp: Fxp,
    },
}

/// What the driver is to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle each")]
pub enum Action {
    /// Send a reply.
    Reply(Reply),
    /// Find something out, then `conclude`.
    Ask(Ask),
    /// After all replies are out: start TLS on the control connection, reading nothing more in
    /// the clear; then [`tls_up`](super::ServerSession::tls_up), or close.
    StartTls,
    /// After all replies are out: end TLS on the control connection and go on in the clear.
    StopTls,
    /// After all replies are out: give the connection to the session that expects it, and end.
    HandOver,
    /// Drop the account and everything that hangs on it.
    Forget,
    /// Go back to the host that a new connection has: the one TLS named, or the default.
    LeaveHost,
    /// Close the passive port and the data connection that was kept, if there are.
    CloseData,
    /// Close what [`Ask::Open`] opened; it will not be moved.
    DropOpened,
    /// Stop the running [`Ask::Move`] or [`Ask::Work`] as soon as possible; it still ends by an
    /// [`Outcome`].
    AbortTransfer,
    /// After all replies are out: close the control connection.
    Close(&'static str),
}

/// Why something asked for did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver maps its errors onto it")]
pub enum Failure {
    /// Nothing of that name.
    NotFound,
    /// Not allowed.
    Denied,
    /// The name is taken.
    Exists,
    /// The directory has entries.
    NotEmpty,
    /// Not a regular file.
    NotFile,
    /// Not a directory.
    NotDir,
    /// A name that cannot be stored.
    BadName,
    /// A rename of a directory into itself.
    IntoItself,
    /// A start offset beyond the end, or one that means nothing here.
    BadOffset,
    /// The medium is full.
    NoSpace,
    /// The quota is used up.
    Quota,
    /// In use; try again.
    Busy,
    /// This storage cannot do that.
    Unsupported,
    /// Reading or writing failed.
    Io,
    /// The answer would cost more than the limits allow.
    TooCostly,
    /// One file was named for two parts.
    SameFile,
    /// The file cannot be moved in the representation in force: it has more pages than numbers.
    NotOfForm,
    /// No passive port is free.
    NoPort,
    /// The account must send ACCT before it may change anything.
    NeedsAccount,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver maps its ends onto it")]
pub enum End {
    /// Whole: sent and closed, or received and committed.
    Complete,
    /// Whole, and the data connection is still open for the next transfer.
    Kept,
    /// [`Action::AbortTransfer`] was obeyed.
    Aborted,
    /// No data connection came about.
    NotConnected,
    /// The TLS handshake on the data connection failed.
    NotPrivate,
    /// The data connection did not resume the control connection's TLS session, and must.
    NotResumed,
    /// The data connection broke or fell silent.
    Broken,
    /// The peer ended TLS without saying so (no close_notify), and must.
    Truncated,
    /// What came, or the file that was to be sent, is not of the form that TYPE, STRU and MODE say.
    Format(FormatError),
    /// Storage failed after 150.
    Storage(Failure),
}

/// What an account must send ACCT for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must choose one")]
pub enum AccountFor {
    /// To be logged in at all (332 after PASS).
    Login,
    /// To change anything (532 on what would).
    Writing,
}

/// Why a log-in did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must choose one")]
pub enum LoginRefusal {
    /// Unknown name or wrong password; the two look alike.
    Wrong,
    /// The account has as many sessions as it may.
    TooManySessions,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must choose one")]
pub enum Outcome {
    /// It happened.
    Done,
    /// It did not.
    Failed(Failure),
    /// The account is known; sessions start in this directory.
    LoggedIn(FtpPath),
    /// The account is known, and must send ACCT, too (RFC 959 §4.1.1).
    AccountWanted {
        /// Sessions start in this directory.
        home: FtpPath,
        /// What waits for it.
        until: AccountFor,
    },
    /// The account is not.
    LoginRefused(LoginRefusal),
    /// The passive port is open; the address to announce.
    Listening(SocketAddr),
    /// A number of octets.
    Number(u64),
    /// A point in time.
    Time(UnixTime),
    /// Octets for the reply.
    Text(Vec<u8>),
    /// The transfer's file or directory is open.
    Opened {
        /// Octets that will cross the data connection, where known.
        wire_len: Option<u64>,
        /// The name STOU chose.
        stored_as: Option<FtpPath>,
    },
    /// The transfer is over.
    Ended(End),
    /// What was hashed, in the order asked for.
    Digests(Vec<Digest>),
    /// Who is connected.
    Present(Vec<Presence>),
    /// Work was stopped before its end.
    Stopped,
}
