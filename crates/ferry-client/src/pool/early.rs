//! Sessions made before anybody waits for them: for many small files, whose data connections take
//! several round trips each, which need not come one after the other; and for the parts of a large
//! file, which should begin together.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::choice::{Role, small_index};
use super::{Opening, Pool, Use, Waiting};
use crate::session::capabilities::{Capabilities, Known};
use crate::session::{FAR, Hold, Session};

/// So many small files in one run make it worth beginning early in the next.
const WORTH_IT: usize = 64;

/// How many round trips a log-in may take where it is waited for; under TLS it takes five or six.
const GATHER_TRIPS: u32 = 10;

/// The least and the longest time that is waited for it, whatever the round trip.
const GATHER_MIN: Duration = Duration::from_millis(20);
const GATHER_MAX: Duration = Duration::from_secs(2);

impl Pool {
    /// Makes the first session and, beside it, those for small files that will go one way, where
    /// the last run found that worth it. These do not say who they are before the first is let in.
    ///
    /// `tree` is a directory that will be looked at first.
    ///
    /// Gives whether it does. If then the first fails, that may come of speaking too early, and it
    /// is worth another try the slow way.
    pub(crate) fn begin_early(self: &Arc<Self>, up: bool, tree: Option<&[u8]>) -> bool {
        if self.settings.apart || !self.known.read(Capabilities::is_early) {
            return false;
        }
        let (let_go, hold) = Hold::new();
        self.state().open(Use::SmallDown);
        let (pool, tree) = (Arc::clone(self), tree.map(<[u8]>::to_vec));
        drop(tokio::spawn(async move {
            let opening = Opening(&pool, Use::SmallDown);
            let known = Arc::clone(&pool.known);
            let connecting =
                Session::connect_first(&pool.site, &pool.settings, known, tree.as_deref());
            let opened = Box::pin(connecting).await;
            drop(opening);
            match opened {
                Ok(session) => {
                    *pool.look.lock().unwrap_or_else(PoisonError::into_inner) = session.take_look();
                    let role = if session.keeps_data() { Role::Down } else { Role::Any };
                    pool.add_as(session, role);
                    _ = let_go.send(true);
                }
                Err(error) => {
                    pool.known.lock().begins_early = None;
                    pool.refused(error);
                }
            }
        }));
        self.open_small(up, Some(&hold));
        true
    }

    /// Makes sessions for many small files that will soon go one way, with their data connections,
    /// where the server is far and takes them so; nobody waits for that, and nothing comes of it
    /// where it fails.
    pub(crate) fn expect_small(self: &Arc<Self>, up: bool) {
        let far = |known: &Capabilities| known.keeps_data() && known.rtt.is_some_and(|r| r >= FAR);
        if self.known.read(far) && !self.settings.apart {
            self.open_small(up, None);
        }
    }

    fn open_small(self: &Arc<Self>, up: bool, hold: Option<&Hold>) {
        let (wanted, role) = match up {
            true => (Use::SmallUp, Role::Up),
            false => (Use::SmallDown, Role::Down),
        };
        let enough = self.small_sessions();
        loop {
            let mut state = self.state();
            let there = state.slots.iter().filter(|slot| slot.role == role).count();
            let coming = small_index(wanted).and_then(|i| state.opening_small.get(i)).copied();
            // A session without a role has listed, which also is a way down.
            let lists = !up && there == 0 && !state.slots.is_empty();
            let have = there + usize::from(lists) + coming.unwrap_or(0);
            let all = state.slots.len() + state.opening;
            if have >= enough || all >= self.most(state.allowed) {
                return;
            }
            state.open(wanted);
            drop(state);
            let (pool, hold) = (Arc::clone(self), hold.cloned());
            drop(tokio::spawn(async move {
                let opening = Opening(&pool, wanted);
                let (site, settings) = (&pool.site, &pool.settings);
                let known = Arc::clone(&pool.known);
                let connecting =
                    Session::connect_for_small(site, settings, known, up, hold.as_ref());
                let ready = Box::pin(connecting).await;
                drop(opening);
                if let Ok(session) = ready {
                    pool.add_as(session, role);
                }
            }));
        }
    }

    /// Makes sessions, until there are `count` or as many as there may be, and waits for them as
    /// long as log-ins usually take.
    pub(crate) async fn gather(self: &Arc<Self>, count: usize) {
        let _waiting = Waiting::new(self);
        let trip = self.known.read(|known| known.rtt).unwrap_or(GATHER_MAX / GATHER_TRIPS);
        let enough = Instant::now() + (trip * GATHER_TRIPS).clamp(GATHER_MIN, GATHER_MAX);
        let mut asked = false;
        loop {
            let freed = self.freed.notified();
            let there = {
                let mut state = self.state();
                let wanted = count.min(self.most(state.allowed));
                while !asked && state.slots.len() + state.opening < wanted {
                    state.open(Use::Part);
                    drop(tokio::spawn(Arc::clone(self).open(Use::Part)));
                }
                state.slots.len() >= wanted || state.opening == 0
            };
            asked = true;
            if there || timeout_at(enough, freed).await.is_err() {
                return;
            }
        }
    }

    /// Whether the next run does well to begin early.
    pub(crate) fn remember_small(&self) {
        let many = self.moved.load(Ordering::Relaxed) >= WORTH_IT;
        let mut known = self.known.lock();
        if known.features.is_some() && known.joins.may() {
            known.joins = if known.has("XPSV") { Known::Yes } else { Known::Untried };
        }
        known.begins_early = known.rtt.filter(|rtt| many && *rtt >= FAR && known.keeps_data());
    }
}
