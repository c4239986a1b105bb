//! Sessions to one server, shared by whoever has something to do there. How many there are is
//! bounded by the settings and by what the server was seen to take; where it takes commands ahead,
//! several operations share a session.

mod early;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::session::capabilities::{Capabilities, Shared};
use crate::session::{Session, TRANSFERS_AHEAD};
use crate::settings::Settings;
use crate::site::Site;

/// How many small files are under way on one session at most. Their commands must fit into what the
/// server reads ahead (64 KiB), and there must be enough of them to fill a round trip.
const SMALL_AHEAD: usize = 512;

/// How many sessions move small files one behind the other, in each direction: each has to find out
/// by itself how much the way takes, so several get there sooner than one.
const SMALL_SESSIONS: usize = 8;

/// How many small files are under way at most.
const SMALL_WIDTH: usize = SMALL_SESSIONS * SMALL_AHEAD;

/// Small files are in memory whole: this much of them at a time, in KiB.
const SMALL_KIB: u32 = 64 * 1024;

/// How many commands without data are under way on one session at most, and from how many on
/// another session is worth making.
const COMMANDS_AHEAD: usize = 512;
const COMMANDS_FEW: usize = 256;

/// Where nobody says how many sessions there may be: as many as move this many small files a second
/// although each takes [`TRIPS_PER_FILE`] round trips, but no fewer and no more than this. Measured
/// with vsftpd at 50 ms: 16 sessions 90 files a second, 128 sessions 670, with its machine idle for
/// two thirds of the time.
const FILES_PER_SECOND: f64 = 1300.0;
const TRIPS_PER_FILE: f64 = 3.0;
const SESSIONS_MIN: usize = 8;
const SESSIONS_MAX: usize = 192;

/// How long a full pool is waited at before it is looked at again, in case a word was missed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long a server that took no more sessions is believed, by a pool that may live for months.
const BELIEVED: Duration = Duration::from_secs(60);

/// What a session is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Something that changes what others would rely on (the working directory), or that others
    /// would change: most commands in between make a server forget REST and RANG.
    Alone,
    /// A command without data.
    Command,
    /// A transfer from the server over a data connection of its own.
    Download,
    /// A transfer to the server over a data connection of its own.
    Upload,
    /// A small file from the server.
    SmallDown,
    /// A small file to the server.
    SmallUp,
}

impl Use {
    fn transfers(self) -> bool {
        !matches!(self, Self::Alone | Self::Command)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Any,
    Down,
    Up,
}

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

/// What is to be done about a wish.
enum Choice {
    Take(Session),
    Open,
    Wait,
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
        })
    }

    /// Room in memory for a small file; waits while others have it.
    pub(crate) async fn room(&self, octets: usize) -> Option<OwnedSemaphorePermit> {
        self.moved.fetch_add(1, Ordering::Relaxed);
        let kib = u32::try_from(octets / 1024 + 1).unwrap_or(SMALL_KIB).min(SMALL_KIB);
        Arc::clone(&self.small).acquire_many_owned(kib).await.ok()
    }

    /// How many sessions there may be.
    fn most(&self, allowed: Option<usize>) -> usize {
        let wanted = match self.settings.connections {
            0 => {
                let rtt = self.known.read(|known| known.rtt.or(known.begins_early));
                let rtt = rtt.unwrap_or_default();
                let files = rtt.as_secs_f64() * TRIPS_PER_FILE * FILES_PER_SECOND;
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "bounded by the clamp"
                )]
                let sessions = files.clamp(SESSIONS_MIN as f64, SESSIONS_MAX as f64) as usize;
                sessions
            }
            given => given,
        };
        wanted.min(allowed.unwrap_or(usize::MAX)).max(1)
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

    /// How many sessions there may be, as far as is known now.
    pub(crate) fn sessions(&self) -> usize {
        let allowed = self.state().allowed;
        self.most(allowed)
    }

    /// How many operations at a time are worth starting.
    pub(crate) fn width(&self) -> usize {
        let allowed = self.state().allowed;
        let most = self.most(allowed);
        self.known.read(|known| match known {
            _ if self.settings.apart => most,
            known if known.keeps_data() => SMALL_WIDTH,
            known if known.pipelines_transfers() => most * TRANSFERS_AHEAD,
            _ => most,
        })
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

    /// A session could not be made. Where others are there, theirs is the turn, and no more are
    /// tried; else whoever waits is told.
    fn refused(&self, error: Error) {
        let mut state = self.state();
        state.slots.retain(|slot| !slot.session.is_closed());
        let have = state.slots.len() + state.opening;
        if state.slots.is_empty() {
            state.failed.push(error);
        } else {
            state.allowed = Some(have.max(1));
            state.refused_at = Some(Instant::now());
            if matches!(error.kind(), ErrorKind::TooMany) {
                self.known.lock().connections_max = Some(have.max(1));
            }
        }
        drop(state);
        self.freed.notify_waiters();
        self.freed.notify_one();
    }

    /// What a session does that is good for this, and how much of it at a time.
    fn room_for(&self, wanted: Use) -> (Role, usize) {
        let apart = self.settings.apart;
        let (pipelines, ahead, keeps) = self.known.read(|known| {
            let (pipelines, ahead) = (known.pipelines(), known.pipelines_transfers());
            (pipelines && !apart, ahead && !apart, known.keeps_data())
        });
        match wanted {
            Use::SmallDown if keeps => (Role::Down, SMALL_AHEAD),
            Use::SmallUp if keeps => (Role::Up, SMALL_AHEAD),
            Use::Command if pipelines => (Role::Any, COMMANDS_AHEAD),
            Use::Alone | Use::Command => (Role::Any, 1),
            _ if ahead => (Role::Any, TRANSFERS_AHEAD),
            _ => (Role::Any, 1),
        }
    }

    fn choose(&self, wanted: Use) -> Choice {
        let mut state = self.state();
        state.slots.retain(|slot| !slot.session.is_closed());
        let (role, room) = self.room_for(wanted);
        if self.settings.apart {
            state.forget_refusal();
        }
        let most = self.most(state.allowed);
        let may_open = state.slots.len() + state.opening < most && state.opening < state.waiting;
        let special = state.slots.iter().filter(|slot| slot.role == role).count()
            + match role {
                Role::Any => 0,
                Role::Down => state.opening_small[0],
                Role::Up => state.opening_small[1],
            };
        let sends = wanted == Use::Upload;
        let fits = |slot: &Slot| !slot.alone && slot.load < room;
        let best = match (role, wanted) {
            (Role::Any, Use::Command) => {
                // Commands go along with whatever is there, but with a transfer only where they
                // wait for its end: ProFTPD runs them at once, and one that fails aborts it.
                let more = may_open && state.slots.len() < 2 * SMALL_SESSIONS;
                let limit = if more { COMMANDS_FEW } else { COMMANDS_AHEAD };
                let ahead = self.known.read(Capabilities::pipelines_transfers);
                let any = state.slots.iter_mut();
                let any = any.filter(|slot| {
                    fits(slot) && slot.load < limit && (ahead || slot.transfers == 0)
                });
                any.min_by_key(|slot| slot.load)
            }
            (Role::Any, _) => {
                let any = state.slots.iter_mut();
                let any = any.filter(|slot| {
                    slot.role == Role::Any && fits(slot) && (slot.load == 0 || slot.sends == sends)
                });
                // A second one on a session only where no further session can be had.
                let limit = if may_open { 1 } else { room };
                any.filter(|slot| slot.load < limit).min_by_key(|slot| slot.load)
            }
            _ => {
                let own = state.slots.iter_mut();
                let widen = special < SMALL_SESSIONS && may_open;
                let limit = if widen { SMALL_AHEAD / 4 } else { SMALL_AHEAD };
                // Commands do not care what becomes of the data connection behind them.
                let free = |slot: &Slot| slot.role == Role::Any && slot.transfers == 0;
                own.filter(|slot| {
                    !slot.alone
                        && ((slot.role == role && slot.load < limit)
                            || (special < SMALL_SESSIONS && free(slot)))
                })
                // Those that have begun before those that would have to.
                .min_by_key(|slot| (slot.role != role, slot.load))
            }
        };
        if let Some(slot) = best {
            slot.load += 1;
            if wanted != Use::Command {
                slot.role = role;
                slot.sends = sends;
            }
            slot.transfers += usize::from(wanted.transfers());
            slot.alone |= wanted == Use::Alone;
            return Choice::Take(slot.session.clone());
        }
        let useful = role == Role::Any || special < SMALL_SESSIONS;
        if may_open && useful {
            state.open(wanted);
            return Choice::Open;
        }
        let idle = state.slots.iter().position(|slot| slot.load == 0);
        // Who needs one alone may need several, as a file in segments does.
        let insists = wanted == Use::Alone && idle.is_some() && state.opening < state.waiting;
        let busy = state.slots.iter().any(|slot| slot.load > 0) || state.opening > 0;
        if may_open || (busy && !insists) {
            return Choice::Wait;
        }
        // None that is idle will do: they do something else by nature. One makes room.
        if let Some(at) = idle {
            state.slots.remove(at).session.drop_now();
        }
        state.open(wanted);
        Choice::Open
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

    /// Whether a failure is worth another try on another session, and after how long.
    pub(crate) fn again(&self, error: &Error, tried: u32) -> Option<Duration> {
        let tls12 = error.kind() == ErrorKind::Tls
            && error.reply().is_some()
            && self.known.read(|known| known.tls12_only);
        if tls12 && tried == 0 {
            self.drop_idle();
            return Some(Duration::ZERO);
        }
        // Who serves others has waited for long enough.
        let waited = self.settings.apart && error.kind() == ErrorKind::TooMany;
        if waited || !error.may_pass() || tried >= self.settings.retries {
            return None;
        }
        // Silence costs a whole time-out each time; twice is enough to know.
        if error.kind() == ErrorKind::Timeout && tried > 0 {
            return None;
        }
        // A session that had been idle for too long is no sign of trouble.
        if error.kind() == ErrorKind::Closed && tried == 0 {
            return Some(Duration::ZERO);
        }
        let seconds = 0.5 * f64::from(1u32 << tried.min(6));
        Some(Duration::from_secs_f64(seconds.min(30.0)))
    }

    /// Sessions made with a TLS version that will not do are of no use.
    fn drop_idle(&self) {
        let mut state = self.state();
        state.slots.retain(|slot| {
            if slot.load == 0 {
                slot.session.drop_now();
            }
            slot.load > 0
        });
    }

    /// What is known of the server.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.known.lock().clone()
    }
}

impl State {
    /// What a server takes today is not what it takes tomorrow.
    fn forget_refusal(&mut self) {
        if self.refused_at.is_some_and(|at| at.elapsed() > BELIEVED) {
            (self.allowed, self.refused_at) = (None, None);
        }
    }

    fn open(&mut self, wanted: Use) {
        self.opening += 1;
        if let Some(small) = small_index(wanted).and_then(|i| self.opening_small.get_mut(i)) {
            *small += 1;
        }
    }
}

fn small_index(wanted: Use) -> Option<usize> {
    match wanted {
        Use::SmallDown => Some(0),
        Use::SmallUp => Some(1),
        _ => None,
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
