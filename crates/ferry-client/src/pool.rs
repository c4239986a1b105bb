//! Sessions to one server, shared by whoever has something to do there. How many there are is
//! bounded by the settings and by what the server was seen to take; where it takes commands ahead,
//! several operations share a session.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::session::capabilities::{Capabilities, Shared};
use crate::settings::Settings;
use crate::site::Site;

/// How many small files are under way on one session at most.
const SMALL_AHEAD: usize = 96;

/// How many sessions move small files one behind the other, in each direction.
const SMALL_SESSIONS: usize = 2;

/// How many transfers a session takes where they can be sent ahead.
const TRANSFERS_AHEAD: usize = 2;

/// How many commands without data are under way on one session at most.
const COMMANDS_AHEAD: usize = 32;

/// How long a full pool is waited at before it is looked at again, in case a word was missed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a session is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Something that changes what others would rely on (the working directory, RANG).
    Alone,
    /// A command without data.
    Command,
    /// A transfer over a data connection of its own.
    Transfer,
    /// A small file from the server.
    SmallDown,
    /// A small file to the server.
    SmallUp,
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
    alone: bool,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    opening: usize,
    most: usize,
}

/// Sessions to one server.
#[derive(Debug)]
pub(crate) struct Pool {
    site: Site,
    settings: Settings,
    known: Arc<Shared>,
    state: Mutex<State>,
    freed: Notify,
}

/// A session lent by the pool.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    session: Session,
    alone: bool,
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
            if self.alone {
                slot.alone = false;
            }
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

/// What is to be done about a wish.
enum Choice {
    Take(Session, bool),
    Open,
    Wait,
}

impl Pool {
    pub(crate) fn new(site: Site, settings: Settings, known: Arc<Shared>) -> Arc<Self> {
        let seen = known.read(|known| known.connections_max).unwrap_or(usize::MAX);
        let most = settings.connections.clamp(1, seen.max(1));
        let state = State { most, ..State::default() };
        Arc::new(Self { site, settings, known, state: Mutex::new(state), freed: Notify::new() })
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

    /// How many operations at a time are worth starting.
    pub(crate) fn width(&self) -> usize {
        let most = self.state().most;
        self.known.read(|known| match known {
            known if known.keeps_data() => SMALL_AHEAD * SMALL_SESSIONS,
            known if known.pipelines_transfers() => most * TRANSFERS_AHEAD,
            _ => most,
        })
    }

    /// A session for this use; waits while the server takes no more.
    pub(crate) async fn lease(self: &Arc<Self>, wanted: Use) -> Result<Lease> {
        loop {
            let freed = self.freed.notified();
            let choice = self.choose(wanted);
            match choice {
                Choice::Take(session, alone) => {
                    return Ok(Lease { pool: Arc::clone(self), session, alone });
                }
                Choice::Wait => {
                    _ = tokio::time::timeout(LOOK_AGAIN, freed).await;
                }
                Choice::Open => {
                    let opening = Opening(self);
                    let opened = Session::connect_knowing(
                        &self.site,
                        &self.settings,
                        Arc::clone(&self.known),
                    );
                    let opened = opened.await;
                    drop(opening);
                    match opened {
                        Ok(session) => self.add(session),
                        Err(error) => self.refused(error)?,
                    }
                }
            }
        }
    }

    fn add(&self, session: Session) {
        let slot = Slot { session, role: Role::Any, load: 0, alone: false };
        self.state().slots.push(slot);
        self.freed.notify_waiters();
        self.freed.notify_one();
    }

    /// A session could not be made. Where others are there, theirs is the turn.
    fn refused(&self, error: Error) -> Result<()> {
        let mut state = self.state();
        let have = state.slots.len() + state.opening;
        if have == 0 || !matches!(error.kind(), ErrorKind::TooMany | ErrorKind::Busy) {
            return Err(error);
        }
        state.most = have.max(1);
        drop(state);
        self.known.lock().connections_max = Some(have.max(1));
        Ok(())
    }

    fn choose(&self, wanted: Use) -> Choice {
        let mut state = self.state();
        state.slots.retain(|slot| !slot.session.is_closed());
        let (pipelines, ahead, keeps) = self
            .known
            .read(|known| (known.pipelines(), known.pipelines_transfers(), known.keeps_data()));
        let role = match wanted {
            Use::SmallDown if keeps => Role::Down,
            Use::SmallUp if keeps => Role::Up,
            _ => Role::Any,
        };
        let room = match wanted {
            Use::Alone => 1,
            Use::SmallDown | Use::SmallUp if keeps => SMALL_AHEAD,
            Use::Command if pipelines => COMMANDS_AHEAD,
            Use::Command => 1,
            _ if ahead => TRANSFERS_AHEAD,
            _ => 1,
        };
        let may_open = state.slots.len() + state.opening < state.most;
        let special = state.slots.iter().filter(|slot| slot.role == role).count();
        let fits = |slot: &Slot| !slot.alone && slot.load < room;
        let best = match (role, wanted) {
            (Role::Any, Use::Command) => {
                // Commands go along with whatever is there.
                let any = state.slots.iter_mut().filter(|slot| fits(slot));
                any.min_by_key(|slot| slot.load)
            }
            (Role::Any, _) => {
                let any = state.slots.iter_mut();
                let any = any.filter(|slot| slot.role == Role::Any && fits(slot));
                // A second one on a session only where no further session can be had.
                let limit = if may_open { 1 } else { room };
                any.filter(|slot| slot.load < limit).min_by_key(|slot| slot.load)
            }
            _ => {
                let own = state.slots.iter_mut();
                let widen = special < SMALL_SESSIONS && may_open;
                let limit = if widen { SMALL_AHEAD / 4 } else { SMALL_AHEAD };
                let free = |slot: &Slot| slot.role == Role::Any && slot.load == 0;
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
            }
            let alone = wanted == Use::Alone;
            slot.alone |= alone;
            return Choice::Take(slot.session.clone(), alone);
        }
        let useful = role == Role::Any || special < SMALL_SESSIONS;
        if may_open && useful {
            state.opening += 1;
            return Choice::Open;
        }
        if may_open || state.slots.iter().any(|slot| slot.load > 0) || state.opening > 0 {
            return Choice::Wait;
        }
        // All are idle and none will do: they do something else by nature. One makes room.
        if let Some(slot) = state.slots.pop() {
            slot.session.drop_now();
        }
        state.opening += 1;
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
        if !error.may_pass() || tried >= self.settings.retries {
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

/// One more session is being made.
struct Opening<'a>(&'a Pool);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.opening = state.opening.saturating_sub(1);
    }
}
