//! Times of listings: what is known of them, how they are made from their parts, and how the time
//! zone of a server is learned from one MDTM. Where the parts stand in a line is each dialect's
//! business.

use super::months;
use crate::date::{Civil, UnixTime, decimal};

/// A time as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ListedTime {
    /// The time that is written, taken as UTC, cut to `precision`.
    pub time: UnixTime,
    /// How much of it is written.
    pub precision: Precision,
    /// Whether it is UTC indeed.
    pub zone: Zone,
}

/// How much of a time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "calendars and clocks will not change")]
pub enum Precision {
    /// A fraction of a second is written.
    Nanosecond,
    /// Whole seconds.
    Second,
    /// Hour and minute.
    Minute,
    /// Only the day.
    Day,
}

/// In which time zone a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "known or not")]
pub enum Zone {
    /// UTC, by the format's definition or because the line gave its offset.
    Utc,
    /// Some zone of the server's choice.
    Server,
}

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
/// Zones differ from UTC by multiples of this.
const ZONE_STEP: i64 = 15 * MINUTE;
/// Zones reach from -12 to +14 hours; a server with a wrong clock zone may double that.
const ZONE_MAX: i64 = 26 * 3600;
/// Two-digit years from here on are of the twentieth century.
const CENTURY_TURN: i64 = 70;

impl ListedTime {
    /// A time that is UTC.
    pub(super) const fn utc(time: UnixTime, precision: Precision) -> Self {
        Self { time, precision, zone: Zone::Utc }
    }

    /// The point in time, for a server whose zone is `offset` seconds ahead of UTC. A time that
    /// is UTC already, or of which only the day is known, stays as it is.
    #[must_use]
    pub fn in_zone(&self, offset: i32) -> UnixTime {
        if self.zone == Zone::Utc || self.precision == Precision::Day {
            return self.time;
        }
        UnixTime { secs: self.time.secs.saturating_sub(i64::from(offset)), ..self.time }
    }
}

/// How many seconds a server's zone is ahead of UTC, learned from one file: `mdtm` is what MDTM
/// says, `listed` what the listing shows. [`None`] if the two do not differ by a zone: by a
/// multiple of 15 minutes, 26 hours at most; or if `listed` shows no hour or is UTC anyway.
#[must_use]
pub fn zone_offset(mdtm: UnixTime, listed: &ListedTime) -> Option<i32> {
    let shown = match listed.precision {
        Precision::Day => return None,
        Precision::Minute => mdtm.secs.checked_sub(mdtm.secs.rem_euclid(MINUTE))?,
        Precision::Second | Precision::Nanosecond => mdtm.secs,
    };
    let offset = listed.time.secs.checked_sub(shown)?;
    let is_zone = offset % ZONE_STEP == 0 && offset.unsigned_abs() <= ZONE_MAX.unsigned_abs();
    i32::try_from(offset).ok().filter(|_| is_zone && listed.zone == Zone::Server)
}

/// A date as it is written, not yet known to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    /// Left out for recent times.
    pub(super) year: Option<i64>,
    pub(super) month: u8,
    pub(super) day: u8,
}

/// A time of day as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    hour: u8,
    minute: u8,
    pub(super) second: Option<u8>,
    nanos: Option<u32>,
}

impl Date {
    /// The time that date and clock show. A date without a year is the latest that lies at most a
    /// day ahead of `now`. [`None`] if there is no such day.
    pub(super) fn at(self, clock: Option<Clock>, now: UnixTime) -> Option<ListedTime> {
        let midnight = |year| {
            let Self { month, day, .. } = self;
            let date = Civil { year, month, day, hour: 0, minute: 0, second: 0 };
            date.exists().then(|| UnixTime::from_civil(date).secs)
        };
        let into_day = clock.map_or(0, Clock::secs);
        let day = match self.year {
            Some(year) => midnight(year)?,
            None => {
                let last = now.secs.saturating_add(DAY);
                let this_year = now.civil().year;
                // Eight years back there is a 29 February, also across 1900 and its like.
                let mut days = (this_year - 8..=this_year + 1).rev().filter_map(midnight);
                days.find(|day| day.saturating_add(into_day) <= last)?
            }
        };
        let precision = match clock {
            None => Precision::Day,
            Some(Clock { nanos: Some(_), .. }) => Precision::Nanosecond,
            Some(Clock { second: Some(_), .. }) => Precision::Second,
            Some(_) => Precision::Minute,
        };
        let nanos = clock.and_then(|clock| clock.nanos).unwrap_or(0);
        let time = UnixTime { secs: day.saturating_add(into_day), nanos };
        Some(ListedTime { time, precision, zone: Zone::Server })
    }
}

impl Clock {
    /// Seconds since midnight; `24:00` is the next day's, and so is a leap second's.
    fn secs(self) -> i64 {
        let (hour, minute) = (i64::from(self.hour), i64::from(self.minute));
        hour * 3600 + minute * MINUTE + i64::from(self.second.unwrap_or(0))
    }

    /// Reads `14:22`, `14:22:31`, `14:22:31.05`, `02:22PM`, `2:22p`; a comma may follow.
    pub(super) fn parse(word: &[u8]) -> Option<Self> {
        let (word, half) = split_half_day(word.strip_suffix(b",").unwrap_or(word));
        let mut parts = word.splitn(3, |b| *b == b':');
        let (hour, minute) = (parts.next()?, parts.next()?);
        let (second, nanos) = match parts.next() {
            None => (None, None),
            Some(second) => {
                let point = second.iter().position(|b| *b == b'.').unwrap_or(second.len());
                let (second, fraction) = second.split_at_checked(point)?;
                let nanos = match fraction.get(1..) {
                    Some(digits) => Some(crate::date::fraction_nanos(digits)?),
                    None => None,
                };
                (Some(two_digits(second, 60)?), nanos)
            }
        };
        Self { hour: one_or_two(hour)?, minute: two_digits(minute, 59)?, second, nanos }.on(half)
    }

    /// Reads `9.51`.
    pub(super) fn parse_dotted(word: &[u8]) -> Option<Self> {
        let point = word.iter().position(|b| *b == b'.')?;
        let (hour, minute) = (word.get(..point)?, word.get(point + 1..)?);
        Self { hour: one_or_two(hour)?, minute: two_digits(minute, 59)?, second: None, nanos: None }
            .on(None)
    }

    /// Reads `1422`.
    pub(super) fn parse_joined(word: &[u8]) -> Option<Self> {
        let (hour, minute) = word.split_at_checked(2)?;
        Self {
            hour: two_digits(hour, 24)?,
            minute: two_digits(minute, 59)?,
            second: None,
            nanos: None,
        }
        .on(None)
    }

    /// The same in the half of the day that a word of its own tells (`AM`, `PM`).
    pub(super) fn in_half(self, word: &[u8]) -> Option<Self> {
        match split_half_day(word) {
            (b"", Some(half)) => self.on(Some(half)),
            _ => None,
        }
    }

    /// Checks the hour, and counts it on from noon if `half` says so.
    fn on(self, half: Option<Half>) -> Option<Self> {
        let hour = match half {
            None if self.hour < 24 => self.hour,
            None if (self.hour, self.minute, self.second.unwrap_or(0)) == (24, 0, 0) => 24,
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(Half::Am) => self.hour % 12,
            Some(Half::Pm) => self.hour % 12 + 12,
            None => return None,
        };
        Some(Self { hour, ..self })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Am,
    Pm,
}

fn split_half_day(word: &[u8]) -> (&[u8], Option<Half>) {
    let ends = [(&b"am"[..], Half::Am), (b"pm", Half::Pm), (b"a", Half::Am), (b"p", Half::Pm)];
    for (end, half) in ends {
        let start = word.len().saturating_sub(end.len());
        if let Some((clock, tail)) = word.split_at_checked(start)
            && tail.eq_ignore_ascii_case(end)
        {
            return (clock, Some(half));
        }
    }
    (word, None)
}

/// Reads `2023-11-05`, `11/05/23`, `05.11.2023`, `11-05-103`. Which of two numbers is the month:
/// never one above 12, which also turns `day_first` on; else the second if the separator is `.` or
/// `day_first` is on; else the first.
pub(super) fn numeric_date(word: &[u8], day_first: &mut bool) -> Option<Date> {
    let word = word.strip_suffix(b",").unwrap_or(word);
    let separator = *word.iter().find(|b| !b.is_ascii_digit())?;
    if !matches!(separator, b'-' | b'/' | b'.') {
        return None;
    }
    let mut parts = word.split(|b| *b == separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || b.len() > 2 {
        return None;
    }
    let (first, second) = (decimal(a)?, one_or_two(b)?);
    if a.len() == 4 || (a.len() == 2 && first > 31) {
        return date(full_year(a)?, second, one_or_two(c)?);
    }
    if c.len() < 2 {
        return None;
    }
    let first = one_or_two(a)?;
    let swapped = first > 12 || (second <= 12 && (*day_first || separator == b'.'));
    let (month, day) = if swapped { (second, first) } else { (first, second) };
    let date = date(full_year(c)?, month, day)?;
    *day_first |= first > 12;
    Some(date)
}

/// Reads `5-NOV-2023`, `05-Nov-23` and `NOV-05-2023`.
pub(super) fn named_date(word: &[u8]) -> Option<Date> {
    let word = word.strip_suffix(b",").unwrap_or(word);
    let mut parts = word.split(|b| *b == b'-');
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || c.len() < 2 {
        return None;
    }
    if a.first()?.is_ascii_digit() {
        date(full_year(c)?, months::number(b)?, one_or_two(a)?)
    } else {
        date(full_year(c)?, months::number(a)?, one_or_two(b)?)
    }
}

/// Reads `+0100` or `-05:30`: seconds ahead of UTC.
pub(super) fn utc_offset(word: &[u8]) -> Option<i64> {
    let (sign, digits) = word.split_first()?;
    let (hour, minute) = match digits {
        [a, b, b':', c, d] | [a, b, c, d] => ([*a, *b], [*c, *d]),
        _ => return None,
    };
    let secs = i64::from(two_digits(&hour, 26)?) * 3600 + i64::from(two_digits(&minute, 59)?) * 60;
    match sign {
        b'+' => Some(secs),
        b'-' => Some(-secs),
        _ => None,
    }
}

/// A year of two digits, of three (years since 1900, counted on past 99) or of four.
pub(super) fn full_year(digits: &[u8]) -> Option<i64> {
    let year = i64::from(decimal(digits)?);
    match digits.len() {
        2 if year >= CENTURY_TURN => Some(1900 + year),
        2 => Some(2000 + year),
        3 => Some(1900 + year),
        4 => Some(year),
        _ => None,
    }
}

/// A number of one or two digits.
pub(super) fn one_or_two(digits: &[u8]) -> Option<u8> {
    u8::try_from(decimal(digits).filter(|_| digits.len() <= 2)?).ok()
}

fn two_digits(digits: &[u8], max: u8) -> Option<u8> {
    one_or_two(digits).filter(|number| digits.len() == 2 && *number <= max)
}

/// A date whose parts could be one; 0 is what some servers write for unknown.
fn date(year: i64, month: u8, day: u8) -> Option<Date> {
    (month <= 12 && day <= 31).then_some(Date { year: Some(year), month, day })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64, precision: Precision, zone: Zone) -> ListedTime {
        ListedTime { time: UnixTime::from_secs(secs), precision, zone }
    }

    #[test]
    fn one_mdtm_tells_the_zone() {
        use Precision::{Day, Minute, Second};
        // 2023-11-05 14:22:31
        let mdtm = UnixTime { secs: 1_699_194_151, nanos: 7 };
        let cases = [
            (1_699_194_151, Second, Zone::Server, Some(0)),
            (1_699_194_120, Minute, Zone::Server, Some(0)),
            (1_699_194_120 + 3600, Minute, Zone::Server, Some(3600)),
            (1_699_194_151 - 5 * 3600, Second, Zone::Server, Some(-18_000)),
            (1_699_194_120 + 20_700, Minute, Zone::Server, Some(20_700)),
            (1_699_194_120 + 26 * 3600, Minute, Zone::Server, Some(93_600)),
            (1_699_194_120 + 27 * 3600, Minute, Zone::Server, None),
            (1_699_194_120 + 60, Minute, Zone::Server, None),
            (1_699_194_152, Second, Zone::Server, None),
            (1_699_194_151, Second, Zone::Utc, None),
            (1_699_142_400, Day, Zone::Server, None),
            (i64::MIN, Minute, Zone::Server, None),
            (i64::MAX, Second, Zone::Server, None),
        ];
        for (secs, precision, zone, want) in cases {
            let listed = at(secs, precision, zone);
            assert_eq!(zone_offset(mdtm, &listed), want, "{listed:?}");
            if let Some(offset) = want {
                let cut = if precision == Minute { 31 } else { 0 };
                assert_eq!(listed.in_zone(offset).secs, mdtm.secs - cut, "{listed:?}");
            }
        }
        assert_eq!(at(500, Day, Zone::Server).in_zone(3600), UnixTime::from_secs(500));
        assert_eq!(at(500, Minute, Zone::Utc).in_zone(3600), UnixTime::from_secs(500));
    }

    #[test]
    fn clocks_are_read() {
        let cases = [
            ("14:22", Some(51_720)),
            ("9:05", Some(32_700)),
            ("14:22:31", Some(51_751)),
            ("14:22:60", Some(51_780)),
            ("14:22:31.5", Some(51_751)),
            ("14:22,", Some(51_720)),
            ("24:00", Some(86_400)),
            ("24:01", None),
            ("25:00", None),
            ("12:07AM", Some(420)),
            ("12:07pm", Some(43_620)),
            ("02:22P", Some(51_720)),
            ("02:22a", Some(8520)),
            ("13:22PM", None),
            ("00:22AM", None),
            ("14:2", None),
            ("14:60", None),
            ("14:22:61", None),
            ("14:22:31.", None),
            ("14:22:", None),
            (":22", None),
            ("1422", None),
            ("am", None),
            ("", None),
        ];
        for (word, want) in cases {
            assert_eq!(Clock::parse(word.as_bytes()).map(Clock::secs), want, "{word}");
        }
        assert_eq!(Clock::parse_dotted(b"9.51").map(Clock::secs), Some(35_460));
        assert_eq!(Clock::parse_dotted(b"9.5"), None);
        assert_eq!(Clock::parse_joined(b"0022").map(Clock::secs), Some(1320));
        assert_eq!(Clock::parse_joined(b"2401"), None);
        let morning = Clock::parse(b"02:22").unwrap();
        assert_eq!(morning.in_half(b"PM").map(Clock::secs), Some(51_720));
        assert_eq!(morning.in_half(b"x.am"), None);
    }

    #[test]
    fn dates_of_numbers_are_read() {
        let cases = [
            ("2023-11-05", Some((2023, 11, 5)), false),
            ("2023.11.05,", Some((2023, 11, 5)), false),
            ("11-05-23", Some((2023, 11, 5)), false),
            ("05.11.23", Some((2023, 11, 5)), false),
            ("11/05/70", Some((1970, 11, 5)), false),
            ("11/05/69", Some((2069, 11, 5)), false),
            ("23/02/00", Some((2000, 2, 23)), true),
            ("02/23/00", Some((2000, 2, 23)), false),
            ("02.23.00", Some((2000, 2, 23)), false),
            ("98-11-05", Some((1998, 11, 5)), false),
            ("11-05-103", Some((2003, 11, 5)), false),
            ("00-00-00", Some((2000, 0, 0)), false),
            ("13-13-23", None, false),
            ("11-32-23", None, false),
            ("11-05", None, false),
            ("11-05-2", None, false),
            ("11-05-23-1", None, false),
            ("11:05:23", None, false),
            ("11-005-23", None, false),
            ("", None, false),
        ];
        for (word, want, swapped) in cases {
            let mut day_first = false;
            let date = numeric_date(word.as_bytes(), &mut day_first);
            let want = want.map(|(year, month, day)| Date { year: Some(year), month, day });
            assert_eq!((date, day_first), (want, swapped), "{word}");
        }
        assert_eq!(utc_offset(b"+0130"), Some(5400));
        assert_eq!(utc_offset(b"-05:30"), Some(-19_800));
        assert_eq!(utc_offset(b"0130"), None);
        assert_eq!(utc_offset(b"+01300"), None);
    }
}
