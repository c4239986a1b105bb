//! How fast it goes and how long it will take: smoothed, pure.

use std::time::Duration;

/// After this time a change of speed counts by two thirds.
const SMOOTHING: Duration = Duration::from_secs(4);

/// Octets a second, smoothed over the last seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rate {
    /// [`None`] until something was measured.
    smooth: Option<f64>,
    at: Duration,
    octets: u64,
}

impl Rate {
    /// Begins at `now`, with `octets` that were there before.
    pub(crate) fn starting(now: Duration, octets: u64) -> Self {
        Self { smooth: None, at: now, octets }
    }

    /// Takes note that `octets` in all have been moved at `now`, on any clock that does not go
    /// back.
    pub(crate) fn note(&mut self, now: Duration, octets: u64) {
        let span = now.saturating_sub(self.at).as_secs_f64();
        if span <= 0.0 {
            return;
        }
        let fresh = float(octets.saturating_sub(self.octets)) / span;
        let weight = 1.0 - (-span / SMOOTHING.as_secs_f64()).exp();
        self.smooth = Some(match self.smooth {
            None => fresh,
            Some(smooth) => smooth + weight * (fresh - smooth),
        });
        (self.at, self.octets) = (now, octets);
    }

    /// Octets a second.
    pub(crate) fn per_second(&self) -> u64 {
        whole(self.smooth.unwrap_or(0.0))
    }

    /// How long `octets` more will take; [`None`] when nothing moves.
    pub(crate) fn eta(&self, octets: u64) -> Option<Duration> {
        let rate = self.smooth.filter(|&rate| rate >= 1.0)?;
        let secs = float(octets) / rate;
        // A year is as good as never.
        (secs < 31_536_000.0).then(|| Duration::from_secs(whole(secs.ceil())))
    }
}

#[allow(clippy::cast_precision_loss, reason = "a rate is no exact number")]
fn float(octets: u64) -> f64 {
    octets as f64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded: a conversion from a float saturates"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

/// `1:05`, `2:03:04`, `3d 4h`.
pub(crate) fn clock(time: Duration) -> String {
    let secs = time.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60);
    match (days, secs / 3600) {
        (1.., _) => format!("{days}d {hours}h"),
        (_, 1..) => format!("{hours}:{minutes:02}:{:02}", secs % 60),
        _ => format!("{minutes}:{:02}", secs % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_steady_speed_is_told_as_it_is() {
        let mut rate = Rate::default();
        assert_eq!((rate.per_second(), rate.eta(5)), (0, None));
        for second in 1..=20 {
            rate.note(secs(second), second * 1000);
            assert_eq!(rate.per_second(), 1000);
        }
        assert_eq!(rate.eta(10_500), Some(secs(11)));
        assert_eq!(rate.eta(0), Some(secs(0)));
    }

    #[test]
    fn a_change_counts_more_and_more() {
        let mut rate = Rate::default();
        rate.note(secs(1), 1000);
        let mut before = rate.per_second();
        for second in 2..30 {
            rate.note(secs(second), 1000);
            assert!(rate.per_second() <= before);
            before = rate.per_second();
        }
        assert!(rate.per_second() < 10);
        assert_eq!(rate.eta(1000), None, "nothing has moved for long");
    }

    #[test]
    fn what_was_there_before_is_no_speed() {
        let mut rate = Rate::starting(secs(10), 5000);
        rate.note(secs(12), 6000);
        assert_eq!(rate.per_second(), 500);
    }

    #[test]
    fn the_same_moment_twice_is_no_speed() {
        let mut rate = Rate::default();
        rate.note(secs(1), 10);
        rate.note(secs(1), 1_000_000);
        assert_eq!(rate.per_second(), 10);
    }

    #[test]
    fn times_are_told_by_the_clock() {
        let cases = [(0, "0:00"), (65, "1:05"), (7384, "2:03:04"), (273_600, "3d 4h")];
        for (time, want) in cases {
            assert_eq!(clock(secs(time)), want);
        }
    }
}
