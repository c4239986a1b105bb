//! Numbers as people read them in a log: octets, seconds and how fast that was.

use std::fmt;
use std::time::Duration;

/// `5.1 MB in 0.4 s (12.8 MB/s, TLS)`.
pub(super) struct Moved {
    pub(super) bytes: u64,
    pub(super) took: Duration,
    pub(super) tls: Option<bool>,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = match self.tls {
            None => "no TLS",
            Some(true) => "TLS resumed",
            Some(false) => "TLS",
        };
        write!(f, "{} in {} (", Octets(self.bytes), Took(self.took))?;
        // Below a millisecond a rate says nothing but how small the file was.
        let micros = self.took.as_micros();
        if micros >= 1000 {
            let rate = u128::from(self.bytes) * 1_000_000 / micros;
            write!(f, "{}/s, ", Octets(u64::try_from(rate).unwrap_or(u64::MAX)))?;
        }
        write!(f, "{tls})")
    }
}

/// A time in seconds, or in milliseconds where a tenth of a second says too little.
struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            millis @ 0..100 => write!(f, "{millis} ms"),
            _ => write!(f, "{:.1} s", self.0.as_secs_f64()),
        }
    }
}

/// A number of octets in decimal units, as disks and networks are sold.
struct Octets(u64);

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let mut tenths = self.0 / 100;
        let mut unit = "kB";
        for next in ["MB", "GB", "TB", "PB"] {
            if tenths < 10_000 {
                break;
            }
            tenths /= 1000;
            unit = next;
        }
        write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_written_in_decimal_units() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_999, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (5_368_709_120, "5.3 GB"),
            (u64::MAX, "18446.7 PB"),
        ];
        for (octets, want) in cases {
            assert_eq!(Octets(octets).to_string(), want);
        }
    }

    #[test]
    fn short_times_are_written_in_milliseconds() {
        let cases = [(0, "0 ms"), (99_900, "99 ms"), (100_000, "0.1 s"), (75_000_000, "75.0 s")];
        for (micros, want) in cases {
            assert_eq!(Took(Duration::from_micros(micros)).to_string(), want);
        }
    }
}
