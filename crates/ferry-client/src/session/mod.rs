//! One control connection and what is done over it.
//!
//! A [`Session`] is a handle; the connection is owned by a task of its own (`control`). Futures
//! may be dropped at any time: the reply to what was sent is then read and thrown away, a data
//! connection is closed so that no server takes half a file for a whole one, and the session is
//! either usable or gone, never in between.

mod block;
pub mod capabilities;
pub(crate) mod control;
mod data;
mod deflated;
mod download;
mod files;
mod form;
pub(crate) mod fxp;
mod joining;
mod listing;
mod login;
mod start;
mod talk;
mod unmet;
mod upload;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_proto::client::fault::{self, Fault};
use ferry_proto::client::line;
use ferry_proto::reply_reader::IncomingReply;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use self::login::Hold;
use self::login::{Aim, Wanted, log_in};
use crate::error::{Error, ErrorKind, Result};
use crate::net::Tls;
use crate::session::capabilities::{Capabilities, Shared};
use crate::session::control::{Control, Outgoing, Ticket, outgoing};
use crate::session::form::Form;
use crate::settings::{Settings, TlsVersion, Watcher, WireEvent};
use crate::site::Site;

pub use block::BLOCK_FILE_MAX;
pub(crate) use block::{LISTING_MAX, Look};
pub use download::Download;
pub use files::{Stat, TypeCode};
pub(crate) use listing::Listed;
pub use listing::Listing;
pub(crate) use start::TRANSFERS_AHEAD;
pub use upload::{Upload, UploadHow};

/// From this round trip on, a server is far: what saves one is worth some trouble.
pub(crate) const FAR: Duration = Duration::from_millis(10);

/// How long a server that is not gets for its farewell.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

/// A session with a server: logged in, ready for commands. Clones share it.
///
/// ```no_run
/// # async fn example() -> Result<(), ferry_client::Error> {
/// use ferry_client::{Settings, Site, session::Session};
/// let site = Site { user: Some(b"pat".to_vec()), ..Site::new("ftp.example.org") };
/// let session = Session::connect(&site, &Settings::default()).await?;
/// for entry in session.list(b"/pub").await?.entries {
///     println!("{}", String::from_utf8_lossy(&entry.name));
/// }
/// session.quit().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    site: Site,
    settings: Settings,
    control: Control,
    tls: Option<Arc<Tls>>,
    /// Whether data connections are protected (PROT P).
    protected: bool,
    peer: std::net::SocketAddr,
    local: std::net::SocketAddr,
    known: Arc<Shared>,
    home: Vec<u8>,
    /// TYPE and MODE as the server has them; held while a batch that depends on them is sent.
    form: Mutex<Form>,
    /// Who may use a data connection; as many as the server takes ahead.
    turn: Arc<Semaphore>,
    /// How many those are.
    turns: usize,
    block: Mutex<Option<block::Blocks>>,
    /// Nobody has heard yet whether it is let in.
    trusts: AtomicBool,
    /// What was asked of a directory with the log-in.
    look: Mutex<Option<Look>>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Session {
    /// Connects, secures the connection as `site` says, logs in, and learns what the server can do.
    ///
    /// # Errors
    /// Any of [`ErrorKind`]'s first eleven.
    pub async fn connect(site: &Site, settings: &Settings) -> Result<Self> {
        Self::connect_knowing(site, settings, Arc::new(Shared::default())).await
    }

    /// As [`connect`](Self::connect), with what other sessions know of the server.
    pub(crate) async fn connect_knowing(
        site: &Site,
        settings: &Settings,
        known: Arc<Shared>,
    ) -> Result<Self> {
        Self::connect_as(site, settings, known, Aim::default()).await
    }

    /// As [`connect_knowing`](Self::connect_knowing), with the data connection for listings and
    /// small files if the server takes that, as it is remembered to; `tree` is a directory that
    /// will be listed.
    pub(crate) async fn connect_first(
        site: &Site,
        settings: &Settings,
        known: Arc<Shared>,
        tree: Option<&[u8]>,
    ) -> Result<Self> {
        let aim = Aim { small: Some(false), tree, ..Aim::default() };
        let session = Self::connect_as(site, settings, known, aim).await?;
        if session.keeps_data() {
            session.expect_small(false)?;
        }
        Ok(session)
    }

    /// As [`connect_knowing`](Self::connect_knowing), with the data connection for small files that
    /// will go to the server (`up`) or come from it; where it takes commands ahead, what that needs
    /// is said with the log-in, for which it waits until `hold` lets go.
    pub(crate) async fn connect_for_small(
        site: &Site,
        settings: &Settings,
        known: Arc<Shared>,
        up: bool,
        hold: Option<&Hold>,
    ) -> Result<Self> {
        let aim = Aim { small: Some(up), hold, ..Aim::default() };
        let session = Self::connect_as(site, settings, known, aim).await?;
        session.expect_small(up)?;
        Ok(session)
    }

    async fn connect_as(
        site: &Site,
        settings: &Settings,
        known: Arc<Shared>,
        aim: Aim<'_>,
    ) -> Result<Self> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let mut used = settings.clone();
        let narrowed = settings.tls_max > TlsVersion::V12 && known.read(|known| known.tls12_only);
        if narrowed {
            used.tls_max = TlsVersion::V12;
        }
        let wanted = Wanted { site, settings: &used, known: &known, id, aim };
        let logged_in = match Box::pin(log_in(wanted)).await {
            // It has nothing but TLS 1.3, however badly it resumes that: better so than not at all.
            Err(error) if narrowed && is_handshake(&error) => {
                known.lock().tls12_only = false;
                used = settings.clone();
                let wanted = Wanted { site, settings, known: &known, id, aim };
                Box::pin(log_in(wanted)).await?
            }
            other => other?,
        };
        Box::pin(start::start(id, site, &used, logged_in, known, aim.small)).await
    }

    /// A number that no other session of this process has, as [`Watcher`]s see it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// What is known of the server.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.0.known.lock().clone()
    }

    /// The directory right after the log-in, as the server wrote it; empty where it would not say.
    #[must_use]
    pub fn home(&self) -> &[u8] {
        &self.0.home
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.control.is_gone()
    }

    /// Sends one command and gives its last reply, whatever it says. Not for commands that need a
    /// data connection.
    ///
    /// # Errors
    /// [`ErrorKind::BadName`] when `line` holds a line end or NUL; the session's end.
    pub async fn command(&self, line: &[u8]) -> Result<IncomingReply> {
        let space = line.iter().position(|octet| *octet == b' ').unwrap_or(line.len());
        let (verb, argument) = line.split_at(space);
        let argument = argument.get(1..).unwrap_or_default();
        let verb = str::from_utf8(verb)
            .map_err(|_| Error::new(ErrorKind::BadName, "a command is plain letters"))?;
        {
            // What it changes, nobody tracks.
            let mut form = self.form();
            let changes = ["TYPE", "MODE", "STRU", "REIN"];
            if changes.iter().any(|known| verb.eq_ignore_ascii_case(known)) {
                form.code = None;
                form.mode = None;
            }
        }
        self.ask(verb, argument).await
    }

    /// Ends the session with QUIT. That the server does not answer is no failure; a farewell that
    /// takes its time on the way is not waited for.
    pub async fn quit(&self) {
        if let Ok((outgoing, mut ticket)) = self.outgoing("QUIT", b"") {
            let (outgoing, written) = outgoing.telling();
            self.0.control.send(vec![outgoing]);
            let _gone = tokio::time::timeout(self.timeout(), written).await;
            if !self.0.known.read(|known| known.rtt.is_some_and(|rtt| rtt >= FAR)) {
                let patience = self.timeout().min(FAREWELL_MAX);
                let _bye = tokio::time::timeout(patience, ticket.last()).await;
            }
        }
        self.0.control.kill(ErrorKind::Closed, "the session was ended");
    }

    /// Drops the connections without a word.
    pub fn drop_now(&self) {
        self.0.control.kill(ErrorKind::Cancelled, "the session was dropped");
    }

    /// Whether nobody has heard yet that it is let in: good for what comes over its data
    /// connection.
    pub(crate) fn is_trusting(&self) -> bool {
        self.0.trusts.load(Ordering::Relaxed)
    }

    /// Whether the server takes commands ahead of its replies.
    pub(crate) fn pipelines(&self) -> bool {
        self.0.known.read(Capabilities::pipelines)
    }

    /// Whether data connections are protected (PROT P).
    pub(crate) fn is_protected(&self) -> bool {
        self.0.protected
    }

    fn timeout(&self) -> Duration {
        self.0.settings.timeout
    }

    fn form(&self) -> MutexGuard<'_, Form> {
        self.0.form.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watcher(&self) -> Option<&dyn Watcher> {
        self.0.settings.watcher.as_deref()
    }

    fn status(&self, what: &str) {
        if let Some(watcher) = self.watcher() {
            watcher.on(self.0.id, &WireEvent::Status(what));
        }
    }

    /// A command ready to be sent.
    fn outgoing(&self, verb: &str, argument: &[u8]) -> Result<(Outgoing, Ticket)> {
        let line = line::command(verb, argument)
            .map_err(|e| Error::new(ErrorKind::BadName, e.to_string()))?;
        Ok(outgoing(line, self.timeout()))
    }

    /// Sends a command and gives its last reply.
    async fn ask(&self, verb: &str, argument: &[u8]) -> Result<IncomingReply> {
        let (outgoing, mut ticket) = self.outgoing(verb, argument)?;
        self.0.control.send(vec![outgoing]);
        ticket.last().await
    }

    /// Sends a command that must succeed.
    async fn demand(&self, verb: &str, argument: &[u8]) -> Result<IncomingReply> {
        let reply = self.ask(verb, argument).await?;
        if (200..400).contains(&reply.code) {
            Ok(reply)
        } else {
            Err(refused(verb, argument, reply))
        }
    }

    /// A turn at the data connection.
    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.0.turn).acquire_owned();
        turn.await.map_err(|_| Error::new(ErrorKind::Closed, "the session is closed"))
    }

    /// All turns at the data connection: nobody else has one under way.
    async fn whole_turn(&self) -> Result<OwnedSemaphorePermit> {
        let count = u32::try_from(self.0.turns).unwrap_or(u32::MAX);
        let turns = Arc::clone(&self.0.turn).acquire_many_owned(count);
        turns.await.map_err(|_| Error::new(ErrorKind::Closed, "the session is closed"))
    }
}

/// Whether it is the handshake of the control connection that failed.
fn is_handshake(error: &Error) -> bool {
    error.kind() == ErrorKind::Tls && error.reply().is_none()
}

/// The error of a command that was refused.
pub(crate) fn refused(verb: &str, argument: &[u8], reply: IncomingReply) -> Error {
    let name = ferry_proto::path::ForPeople(argument);
    let what = match argument {
        b"" => format!("{verb} was refused"),
        _ => format!("{verb} {name} was refused"),
    };
    Error::new(kind_of(fault::of(&reply)), what).with_reply(reply)
}

fn kind_of(fault: Fault) -> ErrorKind {
    match fault {
        Fault::TooMany => ErrorKind::TooMany,
        Fault::Closing => ErrorKind::Closed,
        Fault::Login => ErrorKind::Login,
        Fault::NotResumed | Fault::Protection => ErrorKind::Tls,
        Fault::Data => ErrorKind::Data,
        Fault::Broken => ErrorKind::Truncated,
        Fault::NotFound => ErrorKind::NotFound,
        Fault::Denied => ErrorKind::Denied,
        Fault::Exists => ErrorKind::Exists,
        Fault::NotEmpty => ErrorKind::NotEmpty,
        Fault::NotFile => ErrorKind::NotFile,
        Fault::NotDir => ErrorKind::NotDir,
        Fault::IntoItself => ErrorKind::IntoItself,
        Fault::BadName => ErrorKind::BadName,
        Fault::NoSpace => ErrorKind::NoSpace,
        Fault::Unsupported => ErrorKind::Unsupported,
        Fault::Busy => ErrorKind::Busy,
        _ => ErrorKind::Refused,
    }
}

/// Shows a reply line by line, as it came but for the line ends.
fn tell_reply(watcher: &dyn Watcher, id: u64, reply: &IncomingReply, took: Duration) {
    let last = reply.lines.len().saturating_sub(1);
    for (i, text) in reply.lines.iter().enumerate() {
        let mark = if i == last { ' ' } else { '-' };
        let line = [format!("{}{mark}", reply.code).as_bytes(), text].concat();
        watcher.on(id, &WireEvent::Response(&line, took));
    }
}
