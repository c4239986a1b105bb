//! Files from one server to another without coming past here (FXP, RFC 959 §5.2).
//!
//! Most servers refuse: their data connections go to the address of the client only, which keeps
//! them from being used against others (RFC 2577). [`Unmoved::NotDirect`] says so, and then the
//! file can still be copied through here. [`Direct`] does that for the copier.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferry_proto::path::FtpPath;
use tokio::sync::Semaphore;

pub use ferry_proto::client::fxp::{Roles, Side, Way};

use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Lease, Use};
use crate::remote::Remote;
use crate::session::Session;

/// How long a transfer may take if nobody says: whether it goes on cannot be seen, and the
/// servers themselves end one that stands still long before.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How a file is to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..How::default()")]
pub struct How {
    /// The octet to start from, on both servers (REST).
    pub from: u64,
    /// How long it may take from the first replies to the last. A transfer that has not begun, and
    /// one that only one of the servers has ended, are given up after the time-out of the settings.
    pub longest: Duration,
    /// The way to try first; one that has worked.
    pub first: Option<Way>,
}

impl Default for How {
    fn default() -> Self {
        Self { from: 0, longest: LONGEST, first: None }
    }
}

/// Why a file was not moved.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "it is the one or the other")]
pub enum Unmoved {
    /// The two servers will not or cannot do it between themselves. What the target has under the
    /// name may have been cut off at the start of the transfer.
    NotDirect(Error),
    /// They would have, but it failed.
    Failed(Error),
}

impl Unmoved {
    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> &Error {
        match self {
            Self::NotDirect(error) | Self::Failed(error) => error,
        }
    }

    /// The same, owned.
    #[must_use]
    pub fn into_error(self) -> Error {
        match self {
            Self::NotDirect(error) | Self::Failed(error) => error,
        }
    }
}

impl fmt::Display for Unmoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl std::error::Error for Unmoved {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(self.error())
    }
}

/// Has `from_path` of one server sent to the other as `to_path`, in TYPE I, and gives the way by
/// which that went. Both servers have confirmed it then; who wants to be sure compares the lengths.
/// Both sessions are usable afterwards, or closed. Dropping the future closes both.
///
/// Where both sessions protect their data connections, one server must have SSCN or CPSV; data
/// never goes in the clear because neither has.
///
/// # Errors
/// [`Unmoved`].
pub async fn transfer(
    from: &Session,
    from_path: &[u8],
    to: &Session,
    to_path: &[u8],
    how: How,
) -> Result<Way, Unmoved> {
    crate::session::fxp::transfer((from, from_path), (to, to_path), how).await
}

/// Who is told why files go through here.
type Told = Box<dyn Fn(&Error) + Send + Sync>;

/// Two servers between which copies go directly, as far as they let them. For
/// [`CopyOptions::direct`](crate::copy::CopyOptions::direct), with the same two servers as source
/// and destination.
pub struct Direct {
    from: Remote,
    to: Remote,
    only: bool,
    longest: Duration,
    told: Option<Told>,
    found: Mutex<Found>,
    moving: AtomicUsize,
}

/// What earlier transfers have shown.
#[derive(Debug, Default, Clone, Copy)]
struct Found {
    way: Option<Way>,
    refused: bool,
}

/// One at a time takes sessions of two servers: of two who have one each and want another, neither
/// would get it.
static TAKING: Semaphore = Semaphore::const_new(1);

impl Direct {
    /// Between these two; the second may be the first.
    #[must_use]
    pub fn new(from: Remote, to: Remote) -> Self {
        let (found, moving) = (Mutex::default(), AtomicUsize::new(0));
        Self { from, to, only: false, longest: LONGEST, told: None, found, moving }
    }

    /// Copies fail rather than go through here.
    #[must_use]
    pub fn only(mut self) -> Self {
        self.only = true;
        self
    }

    /// Says how long one file may take, if not a day.
    #[must_use]
    pub fn longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// Says whom to tell, once, that the servers refuse and files go through here.
    #[must_use]
    pub fn telling(mut self, told: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.told = Some(Box::new(told));
        self
    }

    /// Whether copies fail rather than go through here.
    pub(crate) fn is_only(&self) -> bool {
        self.only
    }

    fn found(&self) -> Found {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether they have refused already, or may do it.
    pub(crate) fn is_refused(&self) -> bool {
        self.found().refused && !self.only
    }

    /// Whether a file has been moved.
    pub(crate) fn has_worked(&self) -> bool {
        self.found().way.is_some()
    }

    /// They refuse: no further file is tried.
    pub(crate) fn refused(&self, error: &Error) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut found.refused, true)
            && let Some(told) = &self.told
        {
            told(error);
        }
    }

    /// Moves a file from octet `at` on.
    pub(crate) async fn transfer(
        &self,
        from: &FtpPath,
        to: &FtpPath,
        at: u64,
    ) -> Result<(), Unmoved> {
        let (source, target) = self.sessions().await?;
        let _moving = Moving::new(&self.moving);
        let how = How { from: at, longest: self.longest, first: self.found().way };
        let way = transfer(&source, from.as_bytes(), &target, to.as_bytes(), how).await?;
        self.found.lock().unwrap_or_else(PoisonError::into_inner).way = Some(way);
        Ok(())
    }

    async fn sessions(&self) -> Result<(Lease, Lease), Unmoved> {
        let _taking = TAKING.acquire().await;
        let source = lease(&self.from).await.map_err(Unmoved::Failed)?;
        let patience = self.to.pool().settings().timeout;
        loop {
            match tokio::time::timeout(patience, lease(&self.to)).await {
                Ok(target) => return Ok((source, target.map_err(Unmoved::Failed)?)),
                // Other files are on their way, and will give theirs back.
                Err(_) if self.moving.load(Ordering::Relaxed) > 0 => {}
                // Of a server that takes a single session, a second one is waited for in vain.
                Err(_) => {
                    let what = "no second session could be had";
                    return Err(Unmoved::NotDirect(Error::new(ErrorKind::TooMany, what)));
                }
            }
        }
    }
}

/// One more file is on its way.
struct Moving<'a>(&'a AtomicUsize);

impl<'a> Moving<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A session that nobody else uses meanwhile.
async fn lease(remote: &Remote) -> Result<Lease> {
    let pool = remote.pool();
    let mut tried = 0;
    loop {
        match Arc::clone(pool).lease(Use::Alone).await {
            Ok(lease) => return Ok(lease),
            Err(error) => match pool.again(&error, tried) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            },
        }
        tried += 1;
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("only", &self.only)
            .field("found", &self.found())
            .finish_non_exhaustive()
    }
}
