//! Sessions to one server, shared by whoever has something to do there. How many there are is
//! bounded by the settings and by what the server was seen to take; where it takes commands ahead,
//! several operations share a session. Which of them an operation gets is in [`choice`], what
//! becomes of failures in [`again`], and sessions made before anybody wants them are in [`early`].

mod again;
mod choice;
mod early;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub(crate) use choice::Use;
use choice::{Choice, Role, small_index};

use crate::error::{Error, ErrorKind, Result};
use crate::session::capabilities::{Capabilities, Shared};
use crate::session::{Look, Session};
use crate::settings::Settings;
use crate::site::Site;

/// Small files are in memory whole: this much of them at a time, in KiB.
const SMALL_KIB: u32 = 64 * 1024;

/// How long a full pool is waited at before it is looked at again, in case a word was missed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Slot {
    session: Session,
    role: Role,
    load: usize,
    /// How many of those who use it move a file.
    transfers: usize,
    alone: bool,
    /// What the transfers that share it do; a download that waits for its reader must not keep an
    /// upload waiting that the reader feeds.
    sends: bool,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    opening: usize,
    /// How many wait for a session; no more are opened than that.
    waiting: usize,
    /// Of those being opened, for small files in each direction.
    opening_small: [usize; 2],
    /// What the server was seen to allow.
    allowed: Option<usize>,
    /// When it last took no more.
    refused_at: Option<Instant>,
    /// Why no session could be made, for those who wait for one.
    failed: Vec<Error>,
}

/// Sessions to one server.
#[derive(Debug)]
pub(crate) struct Pool {
    site: Site,
    settings: Settings,
    known: Arc<Shared>,
    state: Mutex<State>,
    freed: Notify,
    small: Arc<Semaphore>,
    /// How many small files were moved.
    moved: AtomicUsize,
    /// What was asked of a directory with the first log-in.
    look: Mutex<Option<Look>>,
}

/// A session lent by the pool.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    session: Session,
    wanted: Use,
}

impl std::ops::Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        if let Some(slot) = state.slots.iter_mut().find(|s| s.session.id() == self.session.id()) {
            slot.load = slot.load.saturating_sub(1);
            if self.wanted.transfers() {
                slot.transfers = slot.transfers.saturating_sub(1);
            }
            if self.wanted == Use::Alone {
                slot.alone = false;
            }
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

impl Pool {
    pub(crate) fn new(site: Site, settings: Settings, known: Arc<Shared>) -> Arc<Self> {
        let allowed = known.read(|known| known.connections_max);
        let state = State { allowed, ..State::default() };
        Arc::new(Self {
            site,
            settings,
            known,
            state: Mutex::new(state),
            freed: Notify::new(),
            small: Arc::new(Semaphore::new(SMALL_KIB as usize)),
            moved: AtomicUsize::new(0),
            look: Mutex::new(None),
        })
    }

    /// Room in memory for a small file; waits while others have it.
    pub(crate) async fn room(&self, octets: usize) -> Option<OwnedSemaphorePermit> {
        self.moved.fetch_add(1, Ordering::Relaxed);
        let kib = u32::try_from(octets / 1024 + 1).unwrap_or(SMALL_KIB).min(SMALL_KIB);
        Arc::clone(&self.small).acquire_many_owned(kib).await.ok()
    }

    /// What was asked of a directory with the first log-in, once.
    pub(crate) fn take_look(&self) -> Option<Look> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn known(&self) -> &Shared {
        &self.known
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Takes a session out that is of no use to others any more.
    pub(crate) fn retire(&self, lease: &Lease) {
        self.state().slots.retain(|slot| slot.session.id() != lease.session.id());
    }

    /// A session for this use; waits while the server takes no more, but not for strangers.
    pub(crate) async fn lease(self: &Arc<Self>, wanted: Use) -> Result<Lease> {
        if !self.settings.apart {
            return self.next(wanted).await;
        }
        let waited = tokio::time::timeout(self.settings.timeout, self.next(wanted));
        waited.await.unwrap_or_else(|_| match self.state().slots.is_empty() {
            true => Err(Error::new(ErrorKind::Timeout, "the server does not answer")),
            false => Err(Error::new(ErrorKind::TooMany, "all sessions there are in use")),
        })
    }

    async fn next(self: &Arc<Self>, wanted: Use) -> Result<Lease> {
        let _waiting = Waiting::new(self);
        loop {
            let freed = self.freed.notified();
            if let Some(error) = self.state().failed.pop() {
                return Err(error);
            }
            match self.choose(wanted) {
                Choice::Take(session) => {
                    return Ok(Lease { pool: Arc::clone(self), session, wanted });
                }
                Choice::Wait => {}
                // Made by a task of its own: whoever waits takes what is free first, this one or
                // another.
                Choice::Open => drop(tokio::spawn(Arc::clone(self).open(wanted))),
            }
            _ = tokio::time::timeout(LOOK_AGAIN, freed).await;
        }
    }

    async fn open(self: Arc<Self>, wanted: Use) {
        let opening = Opening(&self, wanted);
        let known = Arc::clone(&self.known);
        let opened = Session::connect_knowing(&self.site, &self.settings, known).await;
        drop(opening);
        match opened {
            Ok(session) => self.add(session),
            Err(error) => self.refused(error),
        }
    }

    fn add(&self, session: Session) {
        self.add_as(session, Role::Any);
    }

    fn add_as(&self, session: Session, role: Role) {
        let slot =
            Slot { session, role, load: 0, transfers: 0, alone: false, sends: role == Role::Up };
        self.state().slots.push(slot);
        self.freed.notify_waiters();
        self.freed.notify_one();
    }

    /// Ends all sessions.
    pub(crate) async fn close(&self) {
        let slots = std::mem::take(&mut self.state().slots);
        let mut ending = tokio::task::JoinSet::new();
        for slot in slots {
            ending.spawn(async move { slot.session.quit().await });
        }
        while ending.join_next().await.is_some() {}
    }

    /// What is known of the server.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.known.lock().clone()
    }
}

impl State {
    fn open(&mut self, wanted: Use) {
        self.opening += 1;
        if let Some(small) = small_index(wanted).and_then(|i| self.opening_small.get_mut(i)) {
            *small += 1;
        }
    }
}

/// Somebody waits for a session.
struct Waiting<'a>(&'a Pool);

impl<'a> Waiting<'a> {
    fn new(pool: &'a Pool) -> Self {
        pool.state().waiting += 1;
        Self(pool)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.waiting = state.waiting.saturating_sub(1);
        if state.waiting == 0 {
            // Why those could not be served who have gone away is nobody's answer.
            state.failed.clear();
        }
    }
}

/// One more session is being made.
struct Opening<'a>(&'a Pool, Use);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.opening = state.opening.saturating_sub(1);
        if let Some(small) = small_index(self.1).and_then(|i| state.opening_small.get_mut(i)) {
            *small = small.saturating_sub(1);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests;
