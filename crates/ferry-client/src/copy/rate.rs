//! Keeping to a rate: a bucket that all transfers in one direction share, and the timetable that
//! says how fast it may be. Both are `ferry_proto`'s; [`Limiter`] reads tokio's clock and waits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use ferry_proto::rate::Timetable;
use ferry_proto::rate::{Bucket, DAY_SECS};
use tokio::time::Instant;

/// A bucket with a timetable that many transfers share.
#[derive(Debug)]
pub struct Limiter {
    table: Timetable,
    bucket: Mutex<Bucket>,
    start: Instant,
    /// The second of the day when it was made.
    day_at_start: u32,
}

impl Limiter {
    /// Starts now; `second_of_day` is what the clock on the wall says.
    #[must_use]
    pub fn new(table: Timetable, second_of_day: u32) -> Self {
        Self { table, bucket: Mutex::default(), start: Instant::now(), day_at_start: second_of_day }
    }

    /// The present rate in octets per second; [`None`] for no limit.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        self.rate_after(self.start.elapsed())
    }

    fn rate_after(&self, elapsed: Duration) -> Option<u64> {
        let day = u64::from(self.day_at_start).saturating_add(elapsed.as_secs());
        self.table.at(u32::try_from(day % u64::from(DAY_SECS)).unwrap_or(0))
    }

    /// Waits until `octets` more may have gone.
    pub async fn pass(&self, octets: usize) {
        let now = self.start.elapsed();
        let Some(rate) = self.rate_after(now) else { return };
        let wait = {
            let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.take(now, octets as u64, rate)
        };
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn many_who_share_a_limit_keep_it_together_to_a_twentieth() {
        let limiter = Arc::new(Limiter::new(Timetable::constant(Some(1_000_000)), 0));
        let start = Instant::now();
        let users: Vec<_> = (0..8)
            .map(|_| {
                let limiter = Arc::clone(&limiter);
                tokio::spawn(async move {
                    for _ in 0..50 {
                        limiter.pass(25_000).await;
                    }
                })
            })
            .collect();
        for user in users {
            user.await.unwrap();
        }
        let took = start.elapsed().as_secs_f64();
        assert!((9.5..=10.5).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_changes_when_the_clock_says_so() {
        let table = Timetable::parse("00:00-00:01 1K, else 10K").unwrap();
        let limiter = Limiter::new(table, 30);
        assert_eq!(limiter.rate(), Some(1024));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(limiter.rate(), Some(10_240));
    }
}
