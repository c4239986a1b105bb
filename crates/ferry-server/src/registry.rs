//! Who is connected: counts against the limits, and the slot by which a sleeping session is woken
//! when its time is up or the server ends. What administrators may see of a session is in its slot,
//! too ([`crate::who`]); nothing that a session goes by lives here.
//!
//! One sweep a second over all slots replaces a timer per session: a timer would cost every idle
//! session 112 octets and every command a timer operation.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use ferry_accounts::Account;
use ferry_proto::addr::canonical_ip;

use crate::bans::Bans;
use crate::options::Limits;
use crate::who::{Busy, Seen};

/// A session's place in the registry. 80 octets with its counters.
#[derive(Debug)]
pub(crate) struct Slot {
    held: Mutex<Held>,
    /// What others may see of it.
    pub(crate) seen: Seen,
    /// The second, since the server started, at which the session wants to be woken.
    wake_at: AtomicU32,
}

#[derive(Debug, Default)]
struct Held {
    waker: Option<Waker>,
    account: Option<Arc<Account>>,
}

impl Slot {
    fn new(seen: Seen) -> Self {
        Self { held: Mutex::default(), seen, wake_at: AtomicU32::new(u32::MAX) }
    }

    /// Who is logged in.
    pub(crate) fn account(&self) -> Option<Arc<Account>> {
        lock(&self.held).account.clone()
    }

    /// Notes who is logged in from now on.
    pub(crate) fn set_account(&self, account: Option<Arc<Account>>) {
        lock(&self.held).account = account;
    }

    /// Waits to be woken by the sweep at second `at`, or earlier by anything.
    pub(crate) fn sleep_until(&self, at: u32, waker: &Waker) {
        self.wake_at.store(at, Ordering::Relaxed);
        let held = &mut lock(&self.held).waker;
        if held.as_ref().is_none_or(|w| !w.will_wake(waker)) {
            *held = Some(waker.clone());
        }
    }

    fn wake(&self) {
        let waker = lock(&self.held).waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Table {
    bans: Bans,
    slots: Vec<Option<Arc<Slot>>>,
    free: Vec<usize>,
    per_address: HashMap<IpAddr, u32>,
    per_account: HashMap<String, u32>,
}

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Server,
    Address,
    Banned,
}

/// All sessions of a server.
#[derive(Debug)]
pub(crate) struct Registry {
    table: Mutex<Table>,
    /// What sessions do that takes long, by the index of their slot.
    pub(crate) busy: Mutex<HashMap<u32, Busy>>,
    sessions: AtomicU32,
    draining: AtomicBool,
}

impl Registry {
    pub(crate) fn new(limits: &Limits) -> Self {
        let window = u32::try_from(limits.ban_window.as_secs()).unwrap_or(u32::MAX);
        let table = Table {
            bans: Bans::new(limits.ban_failures, window),
            slots: Vec::new(),
            free: Vec::new(),
            per_address: HashMap::new(),
            per_account: HashMap::new(),
        };
        Self {
            table: Mutex::new(table),
            busy: Mutex::default(),
            sessions: AtomicU32::new(0),
            draining: false.into(),
        }
    }

    /// Notes a wrong password; whether the address is banned by it.
    pub(crate) fn failed(&self, ip: IpAddr, now: u32) -> bool {
        lock(&self.table).bans.failed(ip, now)
    }

    /// Admits a connection from `peer` in second `now`, if the limits allow.
    pub(crate) fn admit(
        self: &Arc<Self>,
        peer: SocketAddr,
        limits: &Limits,
        now: u32,
    ) -> Result<Place, Full> {
        let ip = canonical_ip(peer.ip());
        let mut table = lock(&self.table);
        if table.bans.is_banned(ip, now) {
            return Err(Full::Banned);
        }
        if self.sessions.load(Ordering::Relaxed) >= limits.sessions {
            return Err(Full::Server);
        }
        let from_here = table.per_address.entry(ip).or_insert(0);
        if *from_here >= limits.per_address {
            return Err(Full::Address);
        }
        *from_here += 1;
        let slot = Arc::new(Slot::new(Seen::new(ip, peer.port(), now)));
        let index = table.free.pop().unwrap_or(table.slots.len());
        if index == table.slots.len() {
            table.slots.push(None);
        }
        if let Some(place) = table.slots.get_mut(index) {
            *place = Some(Arc::clone(&slot));
        }
        self.sessions.fetch_add(1, Ordering::Relaxed);
        // There are never more than 2^32 sessions.
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Ok(Place { registry: Arc::clone(self), slot, index })
    }

    /// Sessions open now.
    pub(crate) fn sessions(&self) -> u32 {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Counts a log-in of an account, unless it has `max` sessions already.
    pub(crate) fn log_in(self: &Arc<Self>, name: &str, max: Option<u32>) -> Option<LoggedIn> {
        let max = max?;
        let mut table = lock(&self.table);
        let count = table.per_account.entry(name.to_owned()).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(LoggedIn { registry: Arc::clone(self), name: name.to_owned() })
    }

    /// The first `most` sessions, with the index of their slots.
    pub(crate) fn first(&self, most: usize) -> Vec<(u32, Arc<Slot>)> {
        let table = lock(&self.table);
        let slots = (0..).zip(&table.slots);
        let taken = slots.filter_map(|(i, slot)| Some((i, Arc::clone(slot.as_ref()?))));
        taken.take(most).collect()
    }

    /// Wakes every session whose time has come.
    pub(crate) fn sweep(&self, now: u32) {
        // In slices, so that a million sessions never hold up one that wants to come or go.
        const SLICE: usize = 4096;
        let mut start = 0;
        loop {
            let due: Vec<Arc<Slot>> = {
                let table = lock(&self.table);
                let Some(rest) = table.slots.get(start..).filter(|r| !r.is_empty()) else {
                    return;
                };
                let slice = rest.iter().take(SLICE).flatten();
                slice
                    .filter(|slot| slot.wake_at.load(Ordering::Relaxed) <= now)
                    .map(Arc::clone)
                    .collect()
            };
            due.iter().for_each(|slot| slot.wake());
            start += SLICE;
        }
    }

    /// From now on every session is to end; wakes them all.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.sweep(u32::MAX);
    }

    /// Whether sessions are to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// A session's admission; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place {
    registry: Arc<Registry>,
    slot: Arc<Slot>,
    index: u32,
}

impl Place {
    pub(crate) fn slot(&self) -> &Slot {
        &self.slot
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = lock(&self.registry.table);
        let index = usize::try_from(self.index).unwrap_or(usize::MAX);
        if let Some(place) = table.slots.get_mut(index) {
            *place = None;
            table.free.push(index);
        }
        count_down(table.per_address.entry(self.slot.seen.ip));
        self.registry.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A counted log-in; dropping it counts down.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    registry: Arc<Registry>,
    name: String,
}

impl Drop for LoggedIn {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        count_down(lock(&self.registry.table).per_account.entry(name));
    }
}

fn count_down<K>(entry: Entry<'_, K, u32>) {
    if let Entry::Occupied(mut count) = entry {
        *count.get_mut() = count.get().saturating_sub(1);
        if *count.get() == 0 {
            count.remove();
        }
    }
}

const _: () = assert!(size_of::<Slot>() <= 64, "an idle session must stay small");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_per_server_and_per_address_and_given_back() {
        let registry = Arc::new(Registry::new(&Limits::default()));
        let limits = Limits { sessions: 3, per_address: 2, ..Limits::default() };
        let from = |last| SocketAddr::from(([10, 0, 0, last], 40_000));
        let (a, b) = (from(1), from(2));
        let first = registry.admit(a, &limits, 0).unwrap();
        let _second = registry.admit(a, &limits, 0).unwrap();
        assert_eq!(registry.admit(a, &limits, 0).unwrap_err(), Full::Address);
        let _third = registry.admit(b, &limits, 0).unwrap();
        assert_eq!(registry.admit(b, &limits, 0).unwrap_err(), Full::Server);
        drop(first);
        assert_eq!(registry.sessions(), 2);
        assert!(registry.admit(a, &limits, 0).is_ok());
    }

    #[test]
    fn an_account_has_no_more_sessions_than_it_may() {
        let registry = Arc::new(Registry::new(&Limits::default()));
        let one = registry.log_in("alice", Some(1));
        assert!(one.is_some() && registry.log_in("alice", Some(1)).is_none());
        assert!(registry.log_in("bob", Some(1)).is_some());
        drop(one);
        assert!(registry.log_in("alice", Some(1)).is_some());
    }
}
