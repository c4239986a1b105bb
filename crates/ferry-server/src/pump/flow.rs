//! What every transfer moves its octets under: they are counted, limits hold them up, and the
//! silence of the peer has an end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::widen;
use crate::pace::Pace;

/// The counting, the limits and the patience of one transfer.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    progress: &'a AtomicU64,
    /// How long nothing may move.
    pub(super) stall: Duration,
    /// How fast octets may go.
    pub(super) pace: Pace,
}

impl<'a> Flow<'a> {
    /// `progress` counts octets as they are on the connection (before TLS).
    pub(crate) fn new(progress: &'a AtomicU64, stall: Duration, pace: Pace) -> Self {
        Self { progress, stall, pace }
    }

    /// Octets counted so far.
    pub(super) fn moved(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Counts octets.
    pub(super) fn count(&self, octets: u64) {
        self.progress.fetch_add(octets, Ordering::Relaxed);
    }

    /// Takes octets back that belong to the next transfer.
    pub(super) fn uncount(&self, octets: u64) {
        self.progress.fetch_sub(octets, Ordering::Relaxed);
    }

    /// How many octets of so many may go now; waits until some may.
    pub(super) async fn grant(&mut self, most: usize) -> usize {
        let granted = self.pace.grant(widen(most)).await;
        usize::try_from(granted).unwrap_or(most).min(most)
    }

    /// Counts octets that were granted and went.
    pub(super) fn went(&mut self, octets: u64) {
        self.count(octets);
        self.pace.went(octets);
    }
}
