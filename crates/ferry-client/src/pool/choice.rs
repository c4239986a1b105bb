//! Which session an operation gets: one that is there and does such things, one still to be made,
//! or none yet; and how many there may be. Only says so: sessions are made elsewhere.

use super::{Pool, Slot};
use crate::session::capabilities::Capabilities;
use crate::session::{Session, TRANSFERS_AHEAD};

/// How many small files are under way on one session at most. Their commands must fit into what the
/// server reads ahead (64 KiB), and there must be enough of them to fill a round trip.
const SMALL_AHEAD: usize = 512;

/// How many sessions move small files one behind the other, in each direction: each has to find out
/// by itself how much the way takes, so several get there sooner than one.
const SMALL_SESSIONS: usize = 8;

/// How many begin early, where their data connections are made beside them: on a long way each
/// doubles what it sends once a round trip, and twice as many are there one round trip sooner.
/// 5,000 files at 50 ms: with 8 of them 0.62 s, with 16 0.59.
const SMALL_SESSIONS_EARLY: usize = 16;

/// How many small files are under way at most.
const SMALL_WIDTH: usize = SMALL_SESSIONS * SMALL_AHEAD;

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
    /// One from the middle of a file on, long as a rule: others may be under way beside it, so it
    /// rather waits for a session that is being made than for the end of one of them.
    Part,
    /// A transfer to the server over a data connection of its own.
    Upload,
    /// A small file from the server.
    SmallDown,
    /// A small file to the server.
    SmallUp,
}

impl Use {
    pub(super) fn transfers(self) -> bool {
        !matches!(self, Self::Alone | Self::Command)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Any,
    Down,
    Up,
}

/// What is to be done about a wish.
pub(super) enum Choice {
    Take(Session),
    Open,
    Wait,
}

impl Pool {
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

    /// How many sessions there may be.
    pub(super) fn most(&self, allowed: Option<usize>) -> usize {
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

    /// How many sessions are to move small files one way.
    pub(super) fn small_sessions(&self) -> usize {
        let many = self.known.read(|known| known.begins_early.is_some() && known.may_join());
        if many { SMALL_SESSIONS_EARLY } else { SMALL_SESSIONS }
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

    pub(super) fn choose(&self, wanted: Use) -> Choice {
        let mut state = self.state();
        state.slots.retain(|slot| !slot.session.is_closed());
        let (role, room) = self.room_for(wanted);
        if self.settings.apart {
            state.forget_refusal();
        }
        let most = self.most(state.allowed);
        let small_sessions = self.small_sessions();
        let may_open = state.slots.len() + state.opening < most && state.opening < state.waiting;
        let special = state.slots.iter().filter(|slot| slot.role == role).count()
            + match role {
                Role::Any => 0,
                Role::Down => state.opening_small[0],
                Role::Up => state.opening_small[1],
            };
        let sends = wanted == Use::Upload;
        let trusted = wanted == Use::SmallDown;
        let fits = |slot: &Slot| {
            !slot.alone && slot.load < room && (trusted || !slot.session.is_trusting())
        };
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
                let hopes = wanted == Use::Part && state.opening > 0;
                let any = state.slots.iter_mut();
                let any = any.filter(|slot| {
                    slot.role == Role::Any && fits(slot) && (slot.load == 0 || slot.sends == sends)
                });
                // A second one on a session only where no further session can be had.
                let limit = if may_open || hopes { 1 } else { room };
                any.filter(|slot| slot.load < limit).min_by_key(|slot| slot.load)
            }
            _ => {
                let own = state.slots.iter_mut();
                let widen = special < small_sessions && may_open;
                let limit = if widen { SMALL_AHEAD / 4 } else { SMALL_AHEAD };
                // Commands do not care what becomes of the data connection behind them.
                let free = |slot: &Slot| slot.role == Role::Any && slot.transfers == 0;
                own.filter(|slot| {
                    !slot.alone
                        && ((slot.role == role && slot.load < limit)
                            || (special < small_sessions && free(slot)))
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
        let useful = role == Role::Any || special < small_sessions;
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
}

pub(super) fn small_index(wanted: Use) -> Option<usize> {
    match wanted {
        Use::SmallDown => Some(0),
        Use::SmallUp => Some(1),
        _ => None,
    }
}
