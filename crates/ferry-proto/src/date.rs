//! Points in time as FTP writes them, and the civil-calendar arithmetic they need.
//!
//! Everything is UTC in the proleptic Gregorian calendar (RFC 3659 §2.3). No clock is read here:
//! whoever formats a listing passes `now`.

use crate::digits;

/// A point in time: seconds since 1970-01-01T00:00:00Z and nanoseconds within that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a number with a fraction; nothing will be added")]
pub struct UnixTime {
    /// Whole seconds, negative before 1970.
    pub secs: i64,
    /// Nanoseconds past `secs`, 0–999,999,999.
    pub nanos: u32,
}

/// A point in time as a calendar and a clock show it, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "the calendar will not change")]
pub struct Civil {
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// 1–12.
    pub month: u8,
    /// 1–31.
    pub day: u8,
    /// 0–23.
    pub hour: u8,
    /// 0–59.
    pub minute: u8,
    /// 0–60.
    pub second: u8,
}

/// The English month names of listings, in order.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAY: i64 = 86_400;
/// 400 Gregorian years.
const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01, where the arithmetic starts its years, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
/// No civil year beyond this fits into [`UnixTime`].
const YEAR_MAX: i64 = 300_000_000_000;
/// Older times than this are listed with their year instead of their hour.
const LISTED_WITH_HOUR: i64 = 182 * DAY;

impl UnixTime {
    /// A whole second.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self { secs, nanos: 0 }
    }

    /// The whole second that a calendar shows. Fields beyond their range carry over: second 60 is
    /// the next minute. Years that no [`UnixTime`] can hold are clamped.
    #[must_use]
    pub fn from_civil(civil: Civil) -> Self {
        let month = i64::from(civil.month);
        // Years that start in March have their leap day last.
        let year = civil.year.clamp(-YEAR_MAX, YEAR_MAX) - i64::from(month <= 2);
        let months_since_march = (month + 9).rem_euclid(12);
        let day_of_year = (153 * months_since_march + 2) / 5 + i64::from(civil.day) - 1;
        let year_of_era = year.rem_euclid(400);
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = year.div_euclid(400) * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
        let clock =
            i64::from(civil.hour) * 3600 + i64::from(civil.minute) * 60 + i64::from(civil.second);
        // The first day of an i64 begins before its first second, hence the detour.
        let secs = i128::from(days) * i128::from(DAY) + i128::from(clock);
        let end = if secs < 0 { i64::MIN } else { i64::MAX };
        Self::from_secs(i64::try_from(secs).unwrap_or(end))
    }

    /// Reads RFC 3659's time value: 14 digits, then perhaps `.` and any number of digits.
    /// [`None`] unless it names a second that exists; second 60 is taken as the next minute.
    #[must_use]
    pub fn parse_timeval(text: &[u8]) -> Option<Self> {
        let (whole, tail) = text.split_at_checked(14)?;
        let number = |from: usize, to: usize| -> Option<u32> { decimal(whole.get(from..to)?) };
        let small = |from: usize| -> Option<u8> { u8::try_from(number(from, from + 2)?).ok() };
        let civil = Civil {
            year: i64::from(number(0, 4)?),
            month: small(4)?,
            day: small(6)?,
            hour: small(8)?,
            minute: small(10)?,
            second: small(12)?,
        };
        let nanos = match tail.split_first() {
            None => 0,
            Some((b'.', digits)) => fraction_nanos(digits)?,
            Some(_) => return None,
        };
        civil.exists().then(|| Self { nanos, ..Self::from_civil(civil) })
    }

    /// What a calendar shows at this time; the fraction is left out.
    #[must_use]
    pub fn civil(self) -> Civil {
        let day = self.secs.div_euclid(DAY) + DAYS_TO_EPOCH;
        let clock = self.secs.rem_euclid(DAY);
        let day_of_era = day.rem_euclid(DAYS_PER_ERA);
        // Takes out the leap days so that every year has 365.
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let months_since_march = (5 * day_of_year + 2) / 153;
        let month = (months_since_march + 2) % 12 + 1;
        let year = day.div_euclid(DAYS_PER_ERA) * 400 + year_of_era + i64::from(month <= 2);
        Civil {
            year,
            month: small(month),
            day: small(day_of_year - (153 * months_since_march + 2) / 5 + 1),
            hour: small(clock / 3600),
            minute: small(clock / 60 % 60),
            second: small(clock % 60),
        }
    }

    /// `YYYYMMDDHHMMSS` as MDTM and the facts carry it, with `.fff` if `fraction`. Times outside
    /// the years 0–9999 come out as the nearest one inside.
    #[must_use]
    pub fn format_timeval(self, fraction: bool) -> String {
        let mut text = Vec::with_capacity(18);
        self.write_timeval(fraction, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// Appends what [`format_timeval`](Self::format_timeval) gives.
    pub(crate) fn write_timeval(self, fraction: bool, out: &mut Vec<u8>) {
        let (time, millis) = self.within_four_digit_years();
        let Civil { year, month, day, hour, minute, second } = time;
        digits::write::<10>(year.unsigned_abs(), 4, b'0', out);
        for part in [month, day, hour, minute, second] {
            digits::write::<10>(part.into(), 2, b'0', out);
        }
        if fraction {
            out.push(b'.');
            digits::write::<10>(millis.into(), 3, b'0', out);
        }
    }

    /// The twelve columns of a Unix listing: `Mar 04 17:30`, or `Jan 12  2021` for what is older
    /// than 182 days or more than a day ahead of `now`.
    #[must_use]
    pub fn ls_time(self, now: Self) -> String {
        let mut text = Vec::with_capacity(12);
        self.write_ls_time(now, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// Appends what [`ls_time`](Self::ls_time) gives.
    pub(crate) fn write_ls_time(self, now: Self, out: &mut Vec<u8>) {
        let (Civil { year, month, day, hour, minute, .. }, _) = self.within_four_digit_years();
        let month = MONTHS.get(usize::from(month) - 1).copied().unwrap_or("Jan");
        out.extend_from_slice(month.as_bytes());
        out.push(b' ');
        digits::write::<10>(day.into(), 2, b'0', out);
        out.push(b' ');
        let age = now.secs.saturating_sub(self.secs);
        if (-DAY..=LISTED_WITH_HOUR).contains(&age) {
            digits::write::<10>(hour.into(), 2, b'0', out);
            out.push(b':');
            digits::write::<10>(minute.into(), 2, b'0', out);
        } else {
            digits::write::<10>(year.unsigned_abs(), 5, b' ', out);
        }
    }

    /// The civil time and its milliseconds, clamped to years that have four digits.
    fn within_four_digit_years(self) -> (Civil, u32) {
        let civil = self.civil();
        match civil.year {
            ..0 => (Civil { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0 }, 0),
            0..=9999 => (civil, (self.nanos / 1_000_000).min(999)),
            _ => {
                let last =
                    Civil { year: 9999, month: 12, day: 31, hour: 23, minute: 59, second: 59 };
                (last, 999)
            }
        }
    }
}

impl Civil {
    /// Whether this is a date and time that exists; 60 passes as a leap second anywhere.
    #[must_use]
    pub fn exists(self) -> bool {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return false,
        };
        (1..=days).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second <= 60
    }
}

/// Reads a number of digits only, as the wire formats want it: no sign, no blanks.
pub(crate) fn decimal(digits: &[u8]) -> Option<u32> {
    u32::try_from(decimal_u64(digits)?).ok()
}

/// As [`decimal`], for sizes.
pub(crate) fn decimal_u64(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// The digits behind a decimal point, in nanoseconds; those beyond the ninth are cut off.
pub(crate) fn fraction_nanos(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let padded = digits.iter().chain(core::iter::repeat(&b'0'));
    Some(padded.take(9).fold(0u32, |n, b| n * 10 + u32::from(b - b'0')))
}

/// A field of the calendar or the clock, all of which are below 100.
fn small(n: i64) -> u8 {
    u8::try_from(n).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn civil(year: i64, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Civil {
        Civil { year, month, day, hour, minute, second }
    }

    #[test]
    fn known_seconds_have_their_known_dates() {
        let cases = [
            (0, civil(1970, 1, 1, 0, 0, 0)),
            (-1, civil(1969, 12, 31, 23, 59, 59)),
            (951_782_400, civil(2000, 2, 29, 0, 0, 0)),
            (1_000_000_000, civil(2001, 9, 9, 1, 46, 40)),
            (4_107_542_400, civil(2100, 3, 1, 0, 0, 0)),
            (-62_167_219_200, civil(0, 1, 1, 0, 0, 0)),
            (253_402_300_799, civil(9999, 12, 31, 23, 59, 59)),
        ];
        for (secs, date) in cases {
            assert_eq!(UnixTime::from_secs(secs).civil(), date);
            assert_eq!(UnixTime::from_civil(date), UnixTime::from_secs(secs));
        }
    }

    #[test]
    fn counting_days_one_by_one_agrees_over_1200_years() {
        let mut date = civil(1500, 1, 1, 0, 0, 0);
        let start = UnixTime::from_civil(date).secs;
        for day in 0..1200 * 365 {
            assert_eq!(UnixTime::from_secs(start + day * DAY).civil(), date);
            date.day += 1;
            if !date.exists() {
                date.day = 1;
                date.month += 1;
            }
            if !date.exists() {
                date.month = 1;
                date.year += 1;
            }
        }
    }

    #[test]
    fn time_values_read_as_rfc_3659_writes_them() {
        let at = |secs, nanos| Some(UnixTime { secs, nanos });
        let cases: &[(&[u8], Option<UnixTime>)] = &[
            (b"20010909014640", at(1_000_000_000, 0)),
            (b"20010909014640.5", at(1_000_000_000, 500_000_000)),
            (b"20010909014640.001", at(1_000_000_000, 1_000_000)),
            (b"20010909014640.123456789999", at(1_000_000_000, 123_456_789)),
            (b"19981231235960", at(915_148_800, 0)),
            (b"20000229000000", at(951_782_400, 0)),
            (b"19000229000000", None),
            (b"20010931000000", None),
            (b"20011301000000", None),
            (b"20010900000000", None),
            (b"20010909240000", None),
            (b"20010909016000", None),
            (b"20010909014661", None),
            (b"20010909014640.", None),
            (b"20010909014640.1x", None),
            (b"200109090146", None),
            (b"2001090901464x", None),
            (b"+0010909014640", None),
            (b"200109090146400", None),
            (b"", None),
        ];
        for (text, want) in cases {
            assert_eq!(UnixTime::parse_timeval(text), *want, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn times_beyond_four_digit_years_are_clamped() {
        let far = |secs| UnixTime { secs, nanos: 5_000_000 }.format_timeval(true);
        assert_eq!(far(i64::MAX), "99991231235959.999");
        assert_eq!(far(253_402_300_800), "99991231235959.999");
        assert_eq!(far(i64::MIN), "00000101000000.000");
        assert_eq!(far(0), "19700101000000.005");
    }

    #[test]
    fn listings_show_the_hour_for_half_a_year_and_a_day_ahead() {
        let now = UnixTime::from_civil(civil(2021, 7, 13, 12, 0, 0));
        let cases = [
            (civil(2021, 3, 4, 17, 30, 59), "Mar 04 17:30"),
            (civil(2021, 1, 12, 12, 0, 0), "Jan 12 12:00"),
            (civil(2021, 1, 12, 11, 59, 59), "Jan 12  2021"),
            (civil(2021, 7, 14, 12, 0, 0), "Jul 14 12:00"),
            (civil(2021, 7, 14, 12, 0, 1), "Jul 14  2021"),
            (civil(12021, 7, 14, 12, 0, 1), "Dec 31  9999"),
            (civil(-5, 7, 14, 12, 0, 1), "Jan 01     0"),
        ];
        for (time, want) in cases {
            assert_eq!(UnixTime::from_civil(time).ls_time(now), want);
        }
    }

    proptest! {
        #[test]
        fn every_second_survives_the_calendar(secs in any::<i64>()) {
            let date = UnixTime::from_secs(secs).civil();
            prop_assert!(date.exists());
            prop_assert_eq!(UnixTime::from_civil(date).secs, secs);
        }

        #[test]
        fn a_printed_time_value_reads_back(
            secs in -62_167_219_200i64..253_402_300_800, millis in 0u32..1000,
        ) {
            let time = UnixTime { secs, nanos: millis * 1_000_000 };
            let text = time.format_timeval(true);
            prop_assert_eq!(UnixTime::parse_timeval(text.as_bytes()), Some(time));
            let whole = UnixTime::from_secs(secs);
            let text = time.format_timeval(false);
            prop_assert_eq!(UnixTime::parse_timeval(text.as_bytes()), Some(whole));
        }
    }
}
