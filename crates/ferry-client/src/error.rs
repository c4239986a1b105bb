//! What can go wrong, told apart by what a caller does about it.

use std::fmt;

use ferry_proto::reply_reader::IncomingReply;
use ferry_storage::FsError;

/// Why an operation failed, by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host's name has no address.
    Resolve,
    /// No connection to the server (or proxy): refused, unreachable.
    Connect,
    /// The peer was silent for longer than the time-out.
    Timeout,
    /// The connection ended in the middle.
    Closed,
    /// Whatever listens there does not speak FTP.
    NotFtp,
    /// The server broke the rules in a way that cannot be worked around.
    Protocol,
    /// No TLS: the server has none, or the handshake failed.
    Tls,
    /// The server's certificate is not trusted.
    Certificate,
    /// Name, password or account were refused, or there is none to send.
    Login,
    /// The server wants fewer connections, or none now (421, 530 with such words).
    TooMany,
    /// No data connection could be made.
    Data,
    /// No such file or directory.
    NotFound,
    /// Not allowed.
    Denied,
    /// The name is taken.
    Exists,
    /// The directory is not empty.
    NotEmpty,
    /// It is no regular file.
    NotFile,
    /// It is no directory.
    NotDir,
    /// A directory cannot be moved into itself.
    IntoItself,
    /// The file ends before the place to start from.
    BadOffset,
    /// The name is refused.
    BadName,
    /// No space, or a quota is used up.
    NoSpace,
    /// The server cannot do that.
    Unsupported,
    /// The server says it may work later (4yz).
    Busy,
    /// The server says no (5yz), and not why in words that could be told apart.
    Refused,
    /// Fewer octets than the file has came or went.
    Truncated,
    /// What is there is not what was expected: resumed onto another file, a hash that differs.
    Mismatch,
    /// A listing that could not be read whole.
    Listing,
    /// Reading or writing on this side failed.
    Local,
    /// The caller gave up.
    Cancelled,
}

/// An error of the client: its kind, a sentence, and the server's reply if there was one.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    /// What was being done or what is wrong, without a full stop.
    what: String,
    reply: Option<IncomingReply>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What the operations of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of that kind; `what` is a sentence without a full stop.
    #[must_use]
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, what: what.into(), reply: None, source: None }))
    }

    /// With the reply that said so.
    #[must_use]
    pub fn with_reply(mut self, reply: IncomingReply) -> Self {
        self.0.reply = Some(reply);
        self
    }

    /// With the error below.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The server's reply, if it is what failed.
    #[must_use]
    pub fn reply(&self) -> Option<&IncomingReply> {
        self.0.reply.as_ref()
    }

    /// Whether the same operation may succeed when tried again (on a new connection).
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Timeout
                | ErrorKind::Closed
                | ErrorKind::TooMany
                | ErrorKind::Busy
                | ErrorKind::Data
                | ErrorKind::Truncated
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        if let Some(reply) = &self.0.reply {
            let text = reply.lines.last().map(Vec::as_slice).unwrap_or_default();
            write!(f, ": {} {}", reply.code, ferry_proto::path::ForPeople(text))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<Error> for FsError {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Denied | ErrorKind::Login => Self::Denied,
            ErrorKind::Exists => Self::Exists,
            ErrorKind::NotEmpty => Self::NotEmpty,
            ErrorKind::NotFile => Self::NotFile,
            ErrorKind::NotDir => Self::NotDir,
            ErrorKind::IntoItself => Self::IntoItself,
            ErrorKind::BadOffset => Self::BadOffset,
            ErrorKind::BadName => Self::BadName,
            ErrorKind::NoSpace => Self::NoSpace,
            ErrorKind::Unsupported => Self::Unsupported,
            _ => Self::Io(std::io::Error::other(error)),
        }
    }
}
