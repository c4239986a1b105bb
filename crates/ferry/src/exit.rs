//! What the command ends with: one table of exit codes by cause, and what leads to each.
//!
//! `docs/client.md` holds the same table; a test keeps it so. Nothing here prints.

use std::fmt;

use ferry_client::{Error, ErrorKind};
use ferry_proto::path::PathError;
use ferry_storage::FsError;

/// Why the command ends, as a number that scripts can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Partly = 1,
    Usage = 2,
    NotFound = 3,
    Denied = 4,
    Login = 5,
    Connect = 6,
    Tls = 7,
    Timeout = 8,
    Protocol = 9,
    Local = 10,
    NoSpace = 11,
    Verify = 12,
    Interrupted = 13,
    Limit = 14,
    Busy = 15,
    Exists = 16,
    Refused = 17,
}

/// Every exit code and what it says, in the order of the manual.
pub(crate) const TABLE: [(Exit, &str); 18] = [
    (Exit::Done, "everything that was asked for is done"),
    (Exit::Partly, "some files failed, for different reasons; for `diff`: the trees differ"),
    (Exit::Usage, "the command line, a URL, a plan or the bookmarks cannot be understood"),
    (Exit::NotFound, "no such file or directory"),
    (Exit::Denied, "not allowed"),
    (Exit::Login, "the log-in was refused, or there is no password to send"),
    (Exit::Connect, "no address, no connection, no data connection, or it broke off"),
    (Exit::Tls, "no TLS, or a certificate that is not trusted"),
    (Exit::Timeout, "the server was silent for longer than `--timeout`"),
    (Exit::Protocol, "no FTP server, or one that breaks the rules; a listing that cannot be read"),
    (Exit::Local, "a file of this machine could not be read or written"),
    (Exit::NoSpace, "no space is left, or a quota is used up"),
    (Exit::Verify, "what arrived is not what was sent: too short, or another hash"),
    (Exit::Interrupted, "stopped by a signal; what had arrived can be resumed"),
    (Exit::Limit, "a limit was reached: `--max-transfer`, `--max-delete`"),
    (Exit::Busy, "the server wants fewer connections, or to be asked later"),
    (Exit::Exists, "the name is taken, or the directory not empty"),
    (Exit::Refused, "the server cannot do that, or refuses the name or the command"),
];

impl Exit {
    /// The cause with that number.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        TABLE.iter().map(|(exit, _)| *exit).find(|exit| exit.code() == code)
    }

    /// The number the process ends with.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Resolve | ErrorKind::Connect | ErrorKind::Closed | ErrorKind::Data => {
                Self::Connect
            }
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::NotFtp | ErrorKind::Protocol | ErrorKind::Listing => Self::Protocol,
            ErrorKind::Tls | ErrorKind::Certificate => Self::Tls,
            ErrorKind::Login => Self::Login,
            ErrorKind::TooMany | ErrorKind::Busy => Self::Busy,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::Exists | ErrorKind::NotEmpty => Self::Exists,
            ErrorKind::NoSpace => Self::NoSpace,
            ErrorKind::Truncated | ErrorKind::Mismatch => Self::Verify,
            ErrorKind::Local => Self::Local,
            ErrorKind::Cancelled => Self::Interrupted,
            _ => Self::Refused,
        }
    }
}

/// Something that did not work: the cause, and a sentence for a person without a full stop.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    /// The server's reply, where one said so.
    pub(crate) reply: Option<u16>,
}

/// What most things here return.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), reply: None }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A file of this machine made trouble; `what` names it.
    pub(crate) fn local(what: impl fmt::Display, error: &std::io::Error) -> Self {
        let exit = match error.kind() {
            std::io::ErrorKind::NotFound => Exit::NotFound,
            std::io::ErrorKind::PermissionDenied => Exit::Denied,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Exit::NoSpace,
            std::io::ErrorKind::AlreadyExists => Exit::Exists,
            _ => Exit::Local,
        };
        Self::new(exit, format!("{what}: {error}"))
    }

    /// A storage said no about `what`.
    pub(crate) fn storage(what: impl fmt::Display, error: &FsError) -> Self {
        let exit = match error {
            FsError::NotFound => Exit::NotFound,
            FsError::Denied | FsError::NeedsAccount => Exit::Denied,
            FsError::Exists
            | FsError::NotEmpty
            | FsError::NotFile
            | FsError::NotDir
            | FsError::IntoItself => Exit::Exists,
            FsError::NoSpace | FsError::Quota => Exit::NoSpace,
            FsError::Busy => Exit::Busy,
            FsError::BadOffset => Exit::Verify,
            FsError::Io(source) => return Self::io(&what, source),
            _ => Exit::Refused,
        };
        Self::new(exit, format!("{what}: {error}"))
    }

    fn io(what: &dyn fmt::Display, error: &std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => Self::client(what, error),
            None => Self::local(what, error),
        }
    }

    /// The client said no about `what`.
    pub(crate) fn client(what: impl fmt::Display, error: &Error) -> Self {
        // An error of this machine's files that a copy has wrapped keeps its own cause.
        let local = std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<std::io::Error>())
            .filter(|_| error.kind() == ErrorKind::Local);
        if let Some(source) = local {
            let exit = Self::local("", source).exit;
            return Self::new(exit, format!("{what}: {error}"));
        }
        Self {
            exit: error.kind().into(),
            message: format!("{what}: {error}"),
            reply: error.reply().map(|reply| reply.code),
        }
    }

    pub(crate) fn path(what: impl fmt::Display, error: PathError) -> Self {
        Self::usage(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Adds up what became of several things, and says what the whole ends with.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    done: u64,
    failed: u64,
    cause: Option<Exit>,
    mixed: bool,
}

impl Tally {
    /// One thing went well.
    pub(crate) fn done(&mut self) {
        self.done += 1;
    }

    /// One thing failed.
    pub(crate) fn failed(&mut self, exit: Exit) {
        self.failed += 1;
        self.mixed |= self.cause.is_some_and(|cause| cause != exit);
        self.cause = Some(exit);
    }

    /// The cause if there is just one, [`Exit::Partly`] if there are several, or some went well.
    /// An end by a signal or a limit is always told as that.
    pub(crate) fn exit(&self) -> Exit {
        match self.cause {
            None => Exit::Done,
            Some(cause @ (Exit::Interrupted | Exit::Limit)) => cause,
            Some(cause) if !self.mixed && self.done == 0 => cause,
            Some(_) => Exit::Partly,
        }
    }
}

/// The table as the manual shows it.
#[cfg(test)]
pub(crate) fn manual() -> String {
    let mut text = String::from("| Code | When |\n|---|---|\n");
    for (exit, meaning) in TABLE {
        text.push_str(&format!("| {} | {meaning} |\n", exit.code()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_client::ErrorKind;

    #[test]
    fn codes_are_numbered_in_order_and_each_has_its_row() {
        for (at, (exit, meaning)) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(exit.code()), at);
            assert!(!meaning.is_empty() && !meaning.ends_with('.'));
        }
    }

    #[test]
    fn the_manual_has_this_table() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/client.md");
        let there = std::fs::read_to_string(file).unwrap();
        assert!(there.contains(&manual()), "docs/client.md must hold:\n\n{}", manual());
    }

    #[test]
    fn an_error_of_a_server_keeps_its_cause_through_a_storage() {
        let cases = [
            (ErrorKind::Timeout, Exit::Timeout),
            (ErrorKind::Certificate, Exit::Tls),
            (ErrorKind::Login, Exit::Denied),
            (ErrorKind::NotFtp, Exit::Protocol),
            (ErrorKind::Refused, Exit::Refused),
            (ErrorKind::NotFound, Exit::NotFound),
        ];
        for (kind, exit) in cases {
            let error = FsError::from(Error::new(kind, "words"));
            let failure = Failure::storage("x", &error);
            assert_eq!(failure.exit, exit, "{kind:?}");
        }
        assert_eq!(Exit::from(ErrorKind::Login), Exit::Login);
    }

    #[test]
    fn one_cause_is_told_and_several_are_partly() {
        let of = |done: u64, failed: &[Exit]| {
            let mut tally = Tally::default();
            (0..done).for_each(|_| tally.done());
            failed.iter().for_each(|&exit| tally.failed(exit));
            tally.exit()
        };
        assert_eq!(of(0, &[]), Exit::Done);
        assert_eq!(of(3, &[]), Exit::Done);
        assert_eq!(of(0, &[Exit::NotFound, Exit::NotFound]), Exit::NotFound);
        assert_eq!(of(1, &[Exit::NotFound]), Exit::Partly);
        assert_eq!(of(0, &[Exit::NotFound, Exit::Denied]), Exit::Partly);
        assert_eq!(of(5, &[Exit::Denied, Exit::Interrupted]), Exit::Interrupted);
    }
}
