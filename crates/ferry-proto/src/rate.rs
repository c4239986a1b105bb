//! How fast octets may go: a timetable of rates, and a bucket that lets octets through at one.
//!
//! Both are pure, time comes in as an argument; waiting is the work of whoever uses them.

use std::fmt;
use std::time::Duration;

/// Seconds of a day, as timetables have them.
pub const DAY_SECS: u32 = 24 * 60 * 60;

/// How far octets may be behind their rate and still catch up: timers wake late, by a millisecond
/// or two and by more where the machine is busy.
const CATCH_UP: Duration = Duration::from_millis(20);

/// Octets per second over the day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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

    /// Whether the rate depends on the time of day.
    #[must_use]
    pub fn varies(&self) -> bool {
        !self.spans.is_empty()
    }

    /// Whether there is no limit at any time.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.otherwise.is_none() && self.spans.iter().all(|(_, _, rate)| rate.is_none())
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
/// everyone behind waits on; so any number of users together keep the rate exactly. Nobody saves up
/// for a burst: of a time in which nothing went, 20 milliseconds at most are made up for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bucket {
    /// When the last octet that was let through will have gone.
    free_at: Duration,
}

impl Bucket {
    /// Takes `octets` at `now` (on any clock that does not go back, and on which the bucket was
    /// made at zero) at `rate` octets a second, and returns how long they take from now on, with
    /// all that was taken before.
    pub fn take(&mut self, now: Duration, octets: u64, rate: u64) -> Duration {
        let nanos = u128::from(octets) * 1_000_000_000 / u128::from(rate.max(1));
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let from = self.free_at.max(now.saturating_sub(CATCH_UP));
        self.free_at = from.saturating_add(cost);
        self.free_at.saturating_sub(now)
    }

    /// Whether everything that was taken has gone by `now`.
    #[must_use]
    pub fn is_idle(&self, now: Duration) -> bool {
        self.free_at <= now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        /// Whoever takes when, in whatever portions, and however late they wake.
        #[test]
        fn a_bucket_lets_through_what_its_rate_allows_and_no_less(
            rate in 10_240_u64..(1 << 30),
            portions in proptest::collection::vec((1_u64..20, 0_u64..3_000), 100..400),
        ) {
            let mut bucket = Bucket::default();
            let (mut now, mut taken) = (Duration::ZERO, 0_u64);
            for (twentieths, late) in portions {
                let octets = rate * twentieths / 400;
                taken += octets;
                now += bucket.take(now, octets, rate) + Duration::from_micros(late);
            }
            #[allow(clippy::cast_precision_loss, reason = "a ratio")]
            let ratio = taken as f64 / rate as f64 / now.as_secs_f64();
            prop_assert!((0.95..=1.05).contains(&ratio), "{ratio}");
        }
    }
}
