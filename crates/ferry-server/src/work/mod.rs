//! Work on files without a data connection that may take long: hashing, adding up, removing and
//! copying trees, combining files. Each runs within a [`Budget`] of octets, entries and time and
//! looks between two steps whether it is to stop; what was begun is then put in order.

mod chunks;
mod copy;
mod hash;
#[cfg(test)]
mod tests;
mod tree;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_proto::server::{Outcome, Work};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ops::{Refused, Session};

/// Entries after which other sessions of the same thread get their turn.
const ENTRIES_IN_A_ROW: u64 = 64;

/// Work that is over.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    /// Whether the tree is not what it was before, be it only in part.
    pub(crate) changed: bool,
}

/// Does the work to its end, whatever that is. `moved` counts the octets dealt with; when `stop` is
/// told, the work ends after its present step.
pub(crate) async fn run(
    session: Session,
    work: Work,
    moved: Arc<AtomicU64>,
    stop: Arc<Notify>,
) -> Done {
    let mut budget = Budget {
        octets: session.work_octets,
        entries: session.work_entries,
        until: Instant::now() + session.work_time,
        moved,
        stop,
        changed: false,
    };
    let outcome = match carry_out(&session, work, &mut budget).await {
        Ok(outcome) => outcome,
        Err(Refused::Stopped) => Outcome::Stopped,
        Err(refused) => Outcome::Failed(refused.failure()),
    };
    Done { outcome, changed: budget.changed }
}

async fn carry_out(session: &Session, work: Work, budget: &mut Budget) -> Result<Outcome, Refused> {
    budget.go_on()?;
    match work {
        Work::Hash { paths, algorithm, from, until } => {
            let mut digests = Vec::with_capacity(paths.len());
            for path in &paths {
                digests.push(hash::file(session, path, algorithm, from, until, budget).await?);
            }
            return Ok(Outcome::Digests(digests));
        }
        Work::TreeSize(path) => {
            return Ok(Outcome::Number(tree::size(session, path, budget).await?));
        }
        Work::RemoveTree(path) => tree::remove(session, path, budget).await?,
        Work::Combine { target, sources, umask } => {
            copy::combine(session, &target, &sources, umask, budget).await?;
        }
        Work::Copy { from, to, umask } => copy::copy(session, from, to, umask, budget).await?,
    }
    Ok(Outcome::Done)
}

/// What work may still cost, and whether it may go on.
#[derive(Debug)]
struct Budget {
    octets: u64,
    entries: u64,
    until: Instant,
    moved: Arc<AtomicU64>,
    stop: Arc<Notify>,
    /// The tree was changed.
    changed: bool,
}

impl Budget {
    /// Whether work may go on at all: it was not told to stop, and there is time.
    fn go_on(&self) -> Result<(), Refused> {
        if pin!(self.stop.notified()).enable() {
            return Err(Refused::Stopped);
        }
        if Instant::now() >= self.until {
            return Err(Refused::TooCostly);
        }
        Ok(())
    }

    /// Whether that many octets can be afforded, before any is read.
    fn affords(&self, octets: u64) -> Result<(), Refused> {
        if octets > self.octets { Err(Refused::TooCostly) } else { Ok(()) }
    }

    /// Counts octets that were dealt with.
    async fn spend(&mut self, octets: usize) -> Result<(), Refused> {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        self.affords(octets)?;
        self.octets -= octets;
        self.moved.fetch_add(octets, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.go_on()
    }

    /// Counts an entry that is about to be dealt with.
    async fn visit(&mut self) -> Result<(), Refused> {
        self.entries = self.entries.checked_sub(1).ok_or(Refused::TooCostly)?;
        if self.entries.is_multiple_of(ENTRIES_IN_A_ROW) {
            tokio::task::yield_now().await;
        }
        self.go_on()
    }
}
