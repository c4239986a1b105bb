//! How fast octets may go: a bucket that all transfers in one direction share, and a timetable.
//!
//! [`Bucket`] and [`Timetable`] are pure, time comes in as an argument; [`Limiter`] reads tokio's
//! clock and waits.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const DAY_SECS: u32 = 24 * 60 * 60;

/// Octets per second over the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    /// From and to as seconds of the day, and the rate; the first that fits counts.
    spans: Vec<(u32, u32, Option<u64>)>,
    otherwise: Option<u64>,
}

/// Why a text is no timetable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimetableError(String);

impl fmt::Display for TimetableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = "write a rate like 500K or 2M, or '08:00-18:00 1M, else 10M'";
        write!(f, "{} is not a rate: {hint}", self.0)
    }
}

impl std::error::Error for TimetableError {}

impl Timetable {
    /// The same rate all day; [`None`] for no limit.
    #[must_use]
    pub fn constant(rate: Option<u64>) -> Self {
        Self { spans: Vec::new(), otherwise: rate.filter(|&rate| rate > 0) }
    }

    /// Reads `RATE` or `HH:MM-HH:MM RATE, ..., else RATE`. A rate is octets a second with `K`, `M`
    /// or `G` for powers of 1024, or `off` for no limit; without `else` there is none at other
    /// times. A span may go over midnight.
    ///
    /// # Errors
    /// [`TimetableError`] with the part that cannot be read.
    pub fn parse(text: &str) -> Result<Self, TimetableError> {
        let mut table = Self::constant(None);
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        for part in &parts {
            let wrong = || TimetableError((*part).to_owned());
            match part.split_once(char::is_whitespace) {
                None if parts.len() == 1 => table.otherwise = rate(part).ok_or_else(wrong)?,
                Some((word, value)) if word.eq_ignore_ascii_case("else") => {
                    table.otherwise = rate(value.trim()).ok_or_else(wrong)?;
                }
                Some((span, value)) => {
                    let (from, to) = span.split_once('-').ok_or_else(wrong)?;
                    let (from, to) = (clock(from), clock(to));
                    let (from, to) = from.zip(to).ok_or_else(wrong)?;
                    table.spans.push((from, to, rate(value.trim()).ok_or_else(wrong)?));
                }
                None => return Err(wrong()),
            }
        }
        Ok(table)
    }

    /// Octets per second at that second of the day; [`None`] for no limit.
    #[must_use]
    pub fn at(&self, second_of_day: u32) -> Option<u64> {
        let now = second_of_day % DAY_SECS;
        let fits = |from: u32, to: u32| {
            if from < to { (from..to).contains(&now) } else { now >= from || now < to }
        };
        let span = self.spans.iter().find(|(from, to, _)| fits(*from, *to));
        span.map_or(self.otherwise, |(_, _, rate)| *rate)
    }
}

/// A rate; `Some(None)` for no limit.
fn rate(text: &str) -> Option<Option<u64>> {
    if text.eq_ignore_ascii_case("off") {
        return Some(None);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)?.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1_048_576.0,
        "g" | "gb" | "gib" => 1_073_741_824.0,
        _ => return None,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = plain.then(|| digits.parse().ok())??;
    let octets = number * unit;
    if octets == 0.0 {
        return Some(None);
    }
    // Above that no octet count of this world lies; below one octet nothing would ever move.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and bounded just here"
    )]
    (1.0..1e15).contains(&octets).then_some(Some(octets as u64))
}

/// Seconds of the day at `HH:MM`.
fn clock(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let whole = hours * 3600 + minutes * 60;
    (hours <= 24 && minutes < 60 && whole <= DAY_SECS).then_some(whole % DAY_SECS)
}

/// Lets octets through at a rate. Who takes more than there is waits until it is there, and
/// everyone behind waits on; so any number of users together keep the rate exactly, and an idle
/// time is not made up for by a burst.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bucket {
    /// When the last octet that was let through will have gone.
    free_at: Duration,
}

impl Bucket {
    /// Takes `octets` at `now` (on any clock that does not go back) at `rate` octets a second, and
    /// returns how long to wait after them.
    pub fn take(&mut self, now: Duration, octets: u64, rate: u64) -> Duration {
        let nanos = u128::from(octets) * 1_000_000_000 / u128::from(rate.max(1));
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.free_at = self.free_at.max(now).saturating_add(cost);
        self.free_at.saturating_sub(now)
    }
}

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

    #[test]
    fn timetables_are_read_as_written() {
        let day = Timetable::parse("08:00-18:00 1M, 22:30-06:00 off, else 10.5K").unwrap();
        let cases = [
            ((7, 59), Some(10_752)),
            ((8, 0), Some(1 << 20)),
            ((17, 59), Some(1 << 20)),
            ((18, 0), Some(10_752)),
            ((22, 30), None),
            ((3, 0), None),
            ((6, 0), Some(10_752)),
        ];
        for ((hour, minute), want) in cases {
            assert_eq!(day.at(hour * 3600 + minute * 60), want, "{hour}:{minute}");
        }
        assert_eq!(Timetable::parse("2g").unwrap().at(0), Some(2 << 30));
        assert_eq!(Timetable::parse("100").unwrap().at(0), Some(100));
        assert_eq!(Timetable::parse("off").unwrap().at(0), None);
        assert_eq!(Timetable::parse("0").unwrap().at(0), None);
    }

    #[test]
    fn what_is_no_timetable_is_refused() {
        let wrong = ["", "fast", "1X", "-5", "25:00-26:00 1M", "8-18 1M", "1M, 2M", "else", "1e9M"];
        for text in wrong {
            assert!(Timetable::parse(text).is_err(), "{text}");
        }
    }

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
