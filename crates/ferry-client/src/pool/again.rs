//! What becomes of failures: whether an operation is worth another try, and what the pool learns
//! where a session could not be made.

use std::time::Duration;

use tokio::time::Instant;

use super::{Pool, State};
use crate::error::{Error, ErrorKind};

/// How long a server that took no more sessions is believed, by a pool that may live for months.
const BELIEVED: Duration = Duration::from_secs(60);

impl Pool {
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

    /// A session could not be made. Where others are there, theirs is the turn, and no more are
    /// tried; else whoever waits is told.
    pub(super) fn refused(&self, error: Error) {
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
}

impl State {
    /// What a server takes today is not what it takes tomorrow.
    pub(super) fn forget_refusal(&mut self) {
        if self.refused_at.is_some_and(|at| at.elapsed() > BELIEVED) {
            (self.allowed, self.refused_at) = (None, None);
        }
    }
}
