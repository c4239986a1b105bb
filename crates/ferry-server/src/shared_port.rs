//! One data port for all sessions: whose is a connection that comes?
//!
//! A session that wants a data connection *claims* what comes next from its peer's address. Two
//! kinds of claim keep the connections of one address apart:
//!
//! - A **bound** claim belongs to a session whose data connections must resume its TLS session.
//!   Those of different accounts may wait side by side: the tickets in a connection's first message
//!   say which session it belongs to ([`crate::tls::whose`]), and the handshake then proves it.
//! - Every other claim is **alone**: there is no telling whose a plain connection is, so no other
//!   session of that address may claim anything meanwhile. It waits its turn for [`TURN_MAX`] and
//!   is then refused.
//!
//! Bound claims of one account take turns, too: parallel sessions of one client often keep their
//! tickets in one place and show any of them, so two connections could come with their tickets
//! exchanged. So does a session that has shown another's ticket on its control connection.
//!
//! A connection may be under way to a claim that was given up, and must not reach the next one. So
//! the address stays *reserved* for the session for a while, and a connection is only ever given
//! to a claim that was there when it came.
//!
//! ```text
//! PASV ──▶ claim ──▶ waiting ──a connection from there──▶ given ──▶ transfer
//!            ▲          │ given up, or the session ended
//!            └──────────┴──▶ reserved for a while: others who would have to take turns wait
//! ```
//!
//! Which connections come is `dispatch`'s business; what moves over them is not known here.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_proto::client_hello::Offered;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use crate::data::{Arrival, is_welcome};
use crate::events::SessionId;
use crate::options::{DataPeer, Options};
use crate::tls::{self, Kin, SessionTls};

/// How long PASV waits until the address is free: parallel connections of one client hold it for
/// the time from its 227 to its connection.
const TURN_MAX: Duration = Duration::from_secs(10);

/// Claims and reservations together. Sessions have one each, so only who comes from thousands of
/// addresses and gives claims up can reach it, and then waits.
const ENTRIES_MAX: usize = 16_384;

/// Connections that may wait until they have said whose they are, in all.
const PENDING_MAX: usize = 4096;

/// How often is looked whether anyone is left whom such a connection could be for: with thousands
/// of them, looking at every change would cost more than the connections do.
const UNWANTED_LOOK: Duration = Duration::from_secs(1);

/// As many from one address, beyond one for each of its claims.
const PENDING_SPARE: usize = 4;

/// The port, as sessions see it.
#[derive(Debug)]
pub(crate) struct SharedPort {
    at: Vec<SocketAddr>,
    rule: DataPeer,
    reserved_for: Duration,
    table: Mutex<Table>,
    /// Told when a claim is gone.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    claims: Vec<Entry>,
    reserved: Vec<Reserved>,
    /// Connections that have not said whose they are, by address.
    pending: HashMap<IpAddr, usize>,
    pending_in_all: usize,
    next: u64,
}

/// Who claims.
#[derive(Debug, Clone)]
pub(crate) struct Claimant {
    pub(crate) session: SessionId,
    pub(crate) peer: IpAddr,
    pub(crate) account: String,
    /// The session's TLS, if the claim is bound to it.
    pub(crate) tls: Option<SessionTls>,
}

impl Claimant {
    /// Whether connections of the two can be told apart by their tickets.
    fn is_told_from(&self, other: &Self) -> bool {
        let orderly = |tls: &Option<SessionTls>| tls.as_ref().is_some_and(|tls| !tls.mixes());
        orderly(&self.tls) && orderly(&other.tls) && self.account != other.account
    }
}

#[derive(Debug)]
struct Entry {
    number: u64,
    claimant: Claimant,
    give: oneshot::Sender<Arrival>,
}

/// A claim was given up here, and its connection may still come.
#[derive(Debug)]
struct Reserved {
    claimant: Claimant,
    until: Instant,
}

/// What becomes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// It was given to its session.
    Given,
    /// Some sessions could have it; its first message must say which.
    MustSay,
    /// Nobody waits for it.
    Nobody,
}

impl SharedPort {
    /// The port as bound on these addresses.
    pub(crate) fn new(at: Vec<SocketAddr>, options: &Options) -> Arc<Self> {
        Arc::new(Self {
            at,
            rule: options.data_peer,
            reserved_for: options.limits.data_connect,
            table: Mutex::default(),
            changed: Notify::new(),
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the port on this address of the server.
    pub(crate) fn port(&self, local: IpAddr) -> Option<u16> {
        let here = |at: &&SocketAddr| at.ip() == local;
        let everywhere =
            |at: &&SocketAddr| at.ip().is_unspecified() && at.is_ipv4() == local.is_ipv4();
        let found = self.at.iter().find(here).or_else(|| self.at.iter().find(everywhere));
        // An IPv6 socket that hears IPv4, too.
        let found = found.or_else(|| self.at.iter().find(|at| at.ip().is_unspecified()));
        found.map(SocketAddr::port)
    }

    /// Claims the next connection from the claimant's peer, when its turn comes. [`None`] when it
    /// did not come.
    pub(crate) async fn claim(self: &Arc<Self>, claimant: Claimant) -> Option<Claim> {
        let patience = Instant::now() + TURN_MAX;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let free_at = match self.try_claim(&claimant) {
                Ok(claim) => return Some(claim),
                Err(free_at) => free_at,
            };
            let at = free_at.map_or(patience, |at| at.min(patience));
            if timeout_at(at, changed).await.is_err() && Instant::now() >= patience {
                return None;
            }
        }
    }

    /// Claims at once; else when the address is free at the latest, if that is known.
    fn try_claim(self: &Arc<Self>, claimant: &Claimant) -> Result<Claim, Option<Instant>> {
        let now = Instant::now();
        let mut table = self.table();
        table.reserved.retain(|reserved| reserved.until > now);
        let in_the_way = |other: &Claimant| {
            other.session != claimant.session
                && self.meet(claimant.peer, other.peer)
                && !claimant.is_told_from(other)
        };
        let full = table.claims.len() + table.reserved.len() >= ENTRIES_MAX;
        if full || table.claims.iter().any(|entry| in_the_way(&entry.claimant)) {
            return Err(None);
        }
        let reserved = table.reserved.iter().filter(|reserved| in_the_way(&reserved.claimant));
        if let Some(last) = reserved.map(|reserved| reserved.until).max() {
            return Err(Some(last));
        }
        let (give, take) = oneshot::channel();
        let number = table.next;
        table.next += 1;
        table.claims.push(Entry { number, claimant: claimant.clone(), give });
        let bound = claimant.tls.is_some();
        Ok(Claim { port: Arc::clone(self), number, bound, arrival: Mutex::new(take) })
    }

    /// Whether a connection could be one of either address's clients.
    fn meet(&self, a: IpAddr, b: IpAddr) -> bool {
        is_welcome(self.rule, a, b)
    }

    /// Gives a connection from `from` away if it is clear whose it is.
    pub(crate) fn offer(&self, from: IpAddr, arrival: Arrival) -> (Whose, Option<Arrival>) {
        let mut table = self.table();
        let mut candidates = table.claims.iter().filter(|e| self.meet(from, e.claimant.peer));
        let Some(first) = candidates.next() else {
            return (Whose::Nobody, Some(arrival));
        };
        if first.claimant.tls.is_some() {
            return (Whose::MustSay, Some(arrival));
        }
        let number = first.number;
        (self.give(&mut table, number, arrival), None)
    }

    /// Gives a connection that came at the time `before` to the session whose it says it is. One
    /// that says nothing of use goes to the only session that it can be meant for, to be told
    /// there what is wrong with it.
    pub(crate) fn sort(
        &self,
        from: IpAddr,
        before: u64,
        offered: Option<&Offered<'_>>,
        arrival: Arrival,
    ) -> Whose {
        let mut table = self.table();
        let candidates: Vec<&Entry> = table
            .claims
            .iter()
            .filter(|entry| entry.number < before && self.meet(from, entry.claimant.peer))
            .collect();
        let bound = candidates.iter();
        let bound = bound.filter_map(|e| e.claimant.tls.as_ref().map(|tls| (tls, e.number)));
        let said = offered.map_or(Kin::Unknown, |offered| tls::whose(bound, offered));
        let number = match (said, candidates.as_slice()) {
            (Kin::Of(number), _) => Some(number),
            (Kin::Unknown, [only]) if only.claimant.tls.is_some() => Some(only.number),
            _ => None,
        };
        match number {
            Some(number) => self.give(&mut table, number, arrival),
            None => {
                arrival.link.set_abrupt();
                Whose::Nobody
            }
        }
    }

    fn give(&self, table: &mut Table, number: u64, arrival: Arrival) -> Whose {
        let Some(at) = table.claims.iter().position(|entry| entry.number == number) else {
            return Whose::Nobody;
        };
        let entry = table.claims.swap_remove(at);
        self.changed.notify_waiters();
        // A session that has just ended drops it, which closes it.
        let _ = entry.give.send(arrival);
        Whose::Given
    }

    /// A place for a connection from `from` that has yet to say whose it is.
    pub(crate) fn wait(self: &Arc<Self>, from: IpAddr) -> Option<Pending> {
        let mut table = self.table();
        let claims =
            table.claims.iter().filter(|entry| self.meet(from, entry.claimant.peer)).count();
        let before = table.next;
        let here = table.pending.get(&from).copied().unwrap_or_default();
        if here >= claims + PENDING_SPARE || table.pending_in_all >= PENDING_MAX {
            return None;
        }
        table.pending.insert(from, here + 1);
        table.pending_in_all += 1;
        Some(Pending { port: Arc::clone(self), from, before })
    }
}

/// A connection that has yet to say whose it is; dropping it gives its place back.
#[derive(Debug)]
pub(crate) struct Pending {
    port: Arc<SharedPort>,
    pub(crate) from: IpAddr,
    /// Claims from this number on came after it.
    pub(crate) before: u64,
}

impl Pending {
    /// Waits until no session is left that it could be meant for.
    pub(crate) async fn unwanted(&self) {
        loop {
            let wanted = |entry: &Entry| {
                entry.number < self.before && self.port.meet(self.from, entry.claimant.peer)
            };
            if !self.port.table().claims.iter().any(wanted) {
                return;
            }
            sleep(UNWANTED_LOOK).await;
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut table = self.port.table();
        table.pending_in_all = table.pending_in_all.saturating_sub(1);
        let here = table.pending.get(&self.from).copied().unwrap_or_default();
        if here > 1 {
            table.pending.insert(self.from, here - 1);
        } else {
            table.pending.remove(&self.from);
        }
    }
}

/// A session's claim to the next connection that is its own. Dropping it gives it up, and closes
/// a connection that was given to it and not taken.
#[derive(Debug)]
pub(crate) struct Claim {
    port: Arc<SharedPort>,
    number: u64,
    bound: bool,
    arrival: Mutex<oneshot::Receiver<Arrival>>,
}

impl Claim {
    /// Whether only who resumes the session's TLS can be given to it.
    pub(crate) fn is_bound(&self) -> bool {
        self.bound
    }

    /// Waits for the connection.
    pub(crate) async fn arrival(&self) -> io::Result<Arrival> {
        let arrival = poll_fn(|cx| {
            let mut receiver = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
            Pin::new(&mut *receiver).poll(cx)
        });
        arrival.await.map_err(|_| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut table = self.port.table();
        let Some(at) = table.claims.iter().position(|entry| entry.number == self.number) else {
            return;
        };
        let Entry { claimant, .. } = table.claims.swap_remove(at);
        let until = Instant::now() + self.port.reserved_for;
        table.reserved.retain(|reserved| reserved.claimant.session != claimant.session);
        table.reserved.push(Reserved { claimant, until });
        drop(table);
        self.port.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
