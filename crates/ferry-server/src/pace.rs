//! Keeping to bandwidth limits: which of them a transfer has, and waiting until its octets may go.
//! What the limits are is in [`crate::options`] and the account; when octets are counted, the pump
//! decides.
//!
//! Without limits nothing here is allocated, locked or waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferry_accounts::{Account, Rates};
use ferry_proto::rate::{Bucket, Timetable};
use tokio::time::{Instant, sleep};

use crate::options::Bandwidths;
use crate::registry::lock;
use crate::server::WallClock;

/// How long the octets that go at once take at their rate: the shorter, the smoother, and the more
/// often the transfer wakes.
const PORTION: Duration = Duration::from_millis(50);

/// The least and the most that goes at once: a packet is the least worth sending, and what is
/// sent by one burst of the fastest way is enough.
const PORTION_OCTETS: (u64, u64) = (512, 4 << 20);

/// Timers are no finer than this; a shorter wait is added to the next.
const TICK: Duration = Duration::from_millis(1);

/// Limits of accounts that are kept before those that nobody needs are looked for.
const KEPT_MIN: usize = 64;

/// Which way octets go, as the client calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    Download,
    Upload,
}

impl Direction {
    fn of(self, rates: &Rates) -> Option<&Timetable> {
        match self {
            Self::Download => rates.download.as_ref(),
            Self::Upload => rates.upload.as_ref(),
        }
    }
}

/// One limit, for all who share it.
#[derive(Debug)]
struct Limiter {
    table: Timetable,
    clock: Arc<dyn WallClock>,
    start: Instant,
    bucket: Mutex<Bucket>,
}

impl Limiter {
    fn new(table: &Timetable, clock: &Arc<dyn WallClock>) -> Arc<Self> {
        let (table, clock) = (table.clone(), Arc::clone(clock));
        Arc::new(Self { table, clock, start: Instant::now(), bucket: Mutex::default() })
    }

    /// Octets per second just now.
    fn rate(&self) -> Option<u64> {
        let second = if self.table.varies() { self.clock.second_of_day() } else { 0 };
        self.table.at(second)
    }

    fn take(&self, octets: u64) -> Duration {
        let Some(rate) = self.rate() else { return Duration::ZERO };
        let mut bucket = lock(&self.bucket);
        // Within the lock, so that times do not go back.
        bucket.take(self.start.elapsed(), octets, rate)
    }
}

/// The limits of a server and of its accounts.
#[derive(Debug)]
pub(crate) struct Limiters {
    options: Bandwidths,
    clock: Arc<dyn WallClock>,
    download: Option<Arc<Limiter>>,
    upload: Option<Arc<Limiter>>,
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    by_name: HashMap<(String, Direction), Arc<Limiter>>,
    /// How many there may be before those that nobody needs are looked for.
    most: usize,
}

impl Limiters {
    pub(crate) fn new(options: &Bandwidths, clock: Arc<dyn WallClock>) -> Self {
        let limiter = |direction: Direction| {
            let table = direction.of(&options.in_all).filter(|table| !table.is_unlimited());
            table.map(|table| Limiter::new(table, &clock))
        };
        Self {
            download: limiter(Direction::Download),
            upload: limiter(Direction::Upload),
            options: options.clone(),
            clock,
            accounts: Mutex::default(),
        }
    }

    /// The limits of one transfer of `account`, whose limits are kept under `name`.
    pub(crate) fn pace(&self, name: &str, account: &Account, direction: Direction) -> Pace {
        let (own, usual) = (&account.bandwidth, &self.options.account);
        let chosen = |own, usual| {
            let table = direction.of(own).or_else(|| direction.of(usual));
            table.filter(|table| !table.is_unlimited())
        };
        let in_all = match direction {
            Direction::Download => &self.download,
            Direction::Upload => &self.upload,
        };
        let together = chosen(&own.in_all, &usual.in_all);
        let transfer = chosen(&own.transfer, &usual.transfer);
        let limiters = [
            in_all.clone(),
            together.map(|table| self.of_account(name, direction, table)),
            transfer.map(|table| Limiter::new(table, &self.clock)),
        ];
        Pace { limiters: limiters.into_iter().flatten().collect(), granted: 0 }
    }

    fn of_account(&self, name: &str, direction: Direction, table: &Timetable) -> Arc<Limiter> {
        let mut accounts = lock(&self.accounts);
        if accounts.by_name.len() >= accounts.most.max(KEPT_MIN) {
            // What nobody uses and owes nothing is as good as a new one.
            accounts.by_name.retain(|_, limiter| {
                let owes = !lock(&limiter.bucket).is_idle(limiter.start.elapsed());
                owes || Arc::strong_count(limiter) > 1
            });
            accounts.most = 2 * accounts.by_name.len();
        }
        let kept = accounts.by_name.entry((name.to_owned(), direction));
        let limiter = kept.or_insert_with(|| Limiter::new(table, &self.clock));
        if limiter.table != *table {
            *limiter = Limiter::new(table, &self.clock);
        }
        Arc::clone(limiter)
    }
}

/// The limits of one transfer, and what it may still send without asking.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    limiters: Vec<Arc<Limiter>>,
    granted: u64,
}

impl Pace {
    /// The most octets that should go at once.
    pub(crate) fn portion(&self) -> u64 {
        let rates = self.limiters.iter().filter_map(|limiter| limiter.rate());
        let (least, most) = PORTION_OCTETS;
        let millis = u64::try_from(PORTION.as_millis()).unwrap_or(0);
        rates.min().map_or(u64::MAX, |rate| (rate.saturating_mul(millis) / 1000).clamp(least, most))
    }

    /// Waits until some of `most` octets may go, and says how many.
    pub(crate) async fn grant(&mut self, most: u64) -> u64 {
        if self.limiters.is_empty() {
            return most;
        }
        if self.granted == 0 {
            let portion = most.min(self.portion());
            self.wait_for(portion).await;
            self.granted = portion;
        }
        most.min(self.granted)
    }

    /// Notes that so many of the octets granted went.
    pub(crate) fn went(&mut self, octets: u64) {
        self.granted = self.granted.saturating_sub(octets);
    }

    /// Waits after octets have come of which nobody could know before, until more may.
    pub(crate) async fn came(&self, octets: u64) {
        if !self.limiters.is_empty() && octets > 0 {
            self.wait_for(octets).await;
        }
    }

    async fn wait_for(&self, octets: u64) {
        let waits = self.limiters.iter().map(|limiter| limiter.take(octets));
        let wait = waits.max().unwrap_or_default();
        if wait >= TICK {
            sleep(wait).await;
        }
    }
}
