//! What is known of a server: what it said (FEAT, SYST), and what was found out by trying. Shared
//! by all sessions to it, and kept between runs by `memory.rs`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_proto::feat::Features;
use ferry_proto::listing::System;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::secret::Secret;

/// Something that can be known, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "three-valued")]
pub enum Known {
    /// Nobody has tried.
    #[default]
    Untried,
    /// It works.
    Yes,
    /// It does not.
    No,
}

impl Known {
    /// Worth trying.
    #[must_use]
    pub fn may(self) -> bool {
        self != Self::No
    }
}

/// How the time of a file is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SetTime {
    /// `MFMT time path`.
    #[default]
    Mfmt,
    /// `MFF Modify=time; path`.
    Mff,
    /// `MDTM time path`, which vsftpd and IIS take.
    Mdtm,
    /// `SITE UTIME time path`.
    Utime,
    /// Not at all.
    None,
}

/// How a part of a file is replaced in place, others writing other parts of it meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ranges {
    /// Nobody has tried.
    #[default]
    Untried,
    /// RANG and STOR.
    Rang,
    /// REST and STOR, which most servers take for the place to cut the file off.
    Rest,
    /// Not at all, or not while another is being written, or such a file cannot be renamed.
    None,
}

/// What is known of a server.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// What FEAT listed; [`None`] if it was not asked or has no FEAT.
    pub features: Option<Features>,
    /// The last line of the greeting.
    pub greeting: Vec<u8>,
    /// The directory right after the log-in, as the server wrote it; empty where it would not say.
    pub home: Vec<u8>,
    /// What SYST said.
    pub system: System,
    /// EPSV works, data connection and all.
    pub epsv: Known,
    /// PASV works.
    pub pasv: Known,
    /// MLSD gives facts.
    pub mlsd: Known,
    /// `LIST -a` shows hidden files and is not taken for a name.
    pub list_all: Known,
    /// Only TLS 1.2 sessions are resumed on data connections to its liking.
    pub tls12_only: bool,
    /// SIZE works.
    pub size: Known,
    /// MDTM works.
    pub mdtm: Known,
    /// How times are set, as far as it was found out.
    pub set_time: SetTime,
    /// That way has worked.
    pub(crate) set_time_works: bool,
    /// The server said "not now" to a time in this run.
    pub(crate) time_put_off: bool,
    /// MODE Z, which FEAT must list, is taken.
    pub deflate: Known,
    /// RNFR works (so that uploads may go to another name first).
    pub rename: Known,
    /// How several sessions fill one file at a time, as was proved with a small one.
    pub ranges: Ranges,
    /// Whether that was tried in this run.
    pub(crate) ranges_tried: bool,
    /// Seconds that listings' times are ahead of UTC.
    pub zone: Option<i32>,
    /// In the last run it was so far away (a round trip), and took so many small files one behind
    /// the other, that what these need is now begun together with the first session.
    pub(crate) begins_early: Option<std::time::Duration>,
    /// Data connections may come to the control port (XPSV): as FEAT says, or as was remembered
    /// before it was asked. Only [`Known::No`] is certain.
    pub joins: Known,
    /// The shortest time between a command and its reply at a log-in.
    pub rtt: Option<std::time::Duration>,
    /// USER was answered 331: PASS may follow it at once the next time.
    pub(crate) asks_password: bool,
    /// Whether that was tried to be found out in this run.
    pub(crate) zone_tried: bool,
    /// The most control connections it was seen to allow.
    pub connections_max: Option<usize>,
}

impl Capabilities {
    /// Whether the greeting names a server that answers commands in order even when they are sent
    /// before the replies to earlier ones. Others are asked one thing at a time.
    #[must_use]
    pub fn pipelines(&self) -> bool {
        let known = ["vsftpd", "proftpd", "pure-ftpd", "pyftpdlib", "filezilla server"];
        self.is_ferry() || self.greets_as(&known)
    }

    /// Whether commands may also be sent while a transfer runs: some servers read the control
    /// connection then, to look for ABOR, and answer anything else with 500.
    #[must_use]
    pub fn pipelines_transfers(&self) -> bool {
        self.pipelines() && (self.is_ferry() || self.greets_as(&["vsftpd"]))
    }

    /// Whether NOOP may be said while a transfer runs. Most servers answer it then or afterwards;
    /// Pure-FTPd looks for ABOR only and answers everything else with an error, at times with the
    /// end of the transfer.
    #[must_use]
    pub fn takes_noop(&self) -> bool {
        !self.greets_as(&["pure-ftpd"])
    }

    /// Whether a data connection may carry one file after another (MODE B).
    #[must_use]
    pub fn keeps_data(&self) -> bool {
        self.pipelines() && self.is_ferry()
    }

    /// Whether what many small files need is to be begun before anything is known for certain.
    pub(crate) fn is_early(&self) -> bool {
        self.begins_early.is_some() && (self.features.is_none() || self.keeps_data())
    }

    /// Whether the data connection for small files is made beside the control connection.
    pub(crate) fn may_join(&self) -> bool {
        match &self.features {
            Some(features) => self.joins.may() && features.has("XPSV"),
            None => self.joins == Known::Yes,
        }
    }

    /// `ferryd` does not greet with its name, but nobody else lists these modes; before FEAT its
    /// usual greeting will do.
    fn is_ferry(&self) -> bool {
        let modes = |features: &Features| features.mode(b'B') && features.mode(b'C');
        match &self.features {
            Some(features) => modes(features),
            None => self.greets_as(&["ftp server ready. you will be disconnected after"]),
        }
    }

    fn greets_as(&self, names: &[&str]) -> bool {
        let greeting = String::from_utf8_lossy(&self.greeting).to_lowercase();
        names.iter().any(|name| greeting.contains(name))
    }

    /// Whether times are worth setting: a server that puts off the first one puts off all.
    pub(crate) fn sets_times(&self) -> bool {
        self.set_time != SetTime::None && (self.set_time_works || !self.time_put_off)
    }

    /// Whether FEAT lists `label`.
    #[must_use]
    pub fn has(&self, label: &str) -> bool {
        self.features.as_ref().is_some_and(|features| features.has(label))
    }
}

/// Capabilities shared by sessions.
#[derive(Debug)]
pub(crate) struct Shared {
    known: Mutex<Capabilities>,
    /// What the asker has given: a person is asked once, not for each session.
    password: Mutex<Option<Secret>>,
    /// Who may connect at a time. A server's queue of connections that it has not yet accepted is
    /// short (vsftpd's 32), and what does not fit into it may hang without an error.
    connecting: Semaphore,
}

/// As many connect at a time.
const CONNECTING_MAX: usize = 24;

impl Default for Shared {
    fn default() -> Self {
        Self::new(Capabilities::default())
    }
}

impl Shared {
    pub(crate) fn new(known: Capabilities) -> Self {
        Self {
            known: Mutex::new(known),
            password: Mutex::new(None),
            connecting: Semaphore::new(CONNECTING_MAX),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Capabilities> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to connect, held until the server has greeted.
    pub(crate) async fn may_connect(&self) -> Option<SemaphorePermit<'_>> {
        self.connecting.acquire().await.ok()
    }

    /// The password that was given before.
    pub(crate) fn password(&self) -> Option<Secret> {
        self.password.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers a password, or that it was wrong.
    pub(crate) fn set_password(&self, password: Option<Secret>) {
        *self.password.lock().unwrap_or_else(PoisonError::into_inner) = password;
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Capabilities) -> T) -> T {
        look(&self.lock())
    }
}
