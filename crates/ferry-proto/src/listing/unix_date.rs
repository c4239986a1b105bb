//! Dates as the many `ls`es write them, in one to five words, found by where they start. Also used
//! by NetWare, which borrows them. Sizes, names and all else in the line is `unix`' business.

use super::columns::Columns;
use super::months::{self, Unit};
use super::times::{Clock, Date, ListedTime, Zone, full_year, named_date, numeric_date};
use super::times::{one_or_two, utc_offset};
use super::{Context, Precision};
use crate::date::decimal;

/// A date in a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// [`None`] for a day that does not exist, as some write for unknown.
    pub(super) time: Option<ListedTime>,
    /// The index of its last word.
    pub(super) last: usize,
}

/// How sure the form of a date must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// Hardly anything else looks so.
    Sure,
    /// Numbers that might as well be owner, group and size.
    Weak,
}

/// Reads the date that starts at the word `at`.
pub(super) fn date_at(
    columns: &Columns<'_>,
    at: usize,
    certainty: Certainty,
    context: &mut Context,
) -> Option<Found> {
    match certainty {
        Certainty::Sure => whole_date(columns, at, context, true)
            .or_else(|| month_first(columns, at, context))
            .or_else(|| day_first(columns, at, context))
            .or_else(|| counted(columns, at, context)),
        Certainty::Weak => whole_date(columns, at, context, false)
            .or_else(|| two_numbers(columns, at, context))
            .or_else(|| one_word_pair(columns, at, context)),
    }
}

/// `2023-11-05 14:22[:31[.0]] [+0100]`, `05.11.2023 14:22`, `5-Nov-2023 14:22`; without a clock
/// only if that need not be.
fn whole_date(
    columns: &Columns<'_>,
    at: usize,
    context: &mut Context,
    with_clock: bool,
) -> Option<Found> {
    let word = columns.get(at)?;
    let clock = columns.get(at + 1).and_then(Clock::parse);
    if with_clock && clock.is_none() {
        return None;
    }
    let date = numeric_date(word, &mut context.day_first).or_else(|| named_date(word))?;
    let mut time = date.at(clock, context.now);
    let mut last = if clock.is_some() { at + 1 } else { at };
    // A name may look like an offset, so one counts only behind seconds and before a name.
    let shows_seconds = clock.is_some_and(|clock| clock.second.is_some());
    let offset = columns.get(at + 2).filter(|_| shows_seconds).and_then(utc_offset);
    if let Some(offset) = offset.filter(|_| columns.len() > at + 3) {
        last = at + 2;
        if let Some(time) = &mut time {
            time.time.secs = time.time.secs.saturating_sub(offset);
            time.zone = Zone::Utc;
        }
    }
    Some(Found { time, last })
}

/// `Nov 05 14:22`, `Nov  5  2023`, `Nov 05 14:22:31 2023`, `Nov 05, 2023 14:22`, `Nov 05 9.51`.
fn month_first(columns: &Columns<'_>, at: usize, context: &Context) -> Option<Found> {
    let second = columns.get(at + 1)?;
    // The day is looked at first: finding out that a word is no month takes longest.
    let day = day_of(second)?;
    let third = columns.get(at + 2)?;
    let tail = Tail::parse(third)?;
    let month = months::number(columns.get(at)?)?;
    let date = |year| Date { year, month, day };
    match tail {
        Tail::Year(year) => {
            let later = columns.get(at + 3).and_then(Clock::parse);
            match later.filter(|_| second.ends_with(b",") && columns.len() > at + 4) {
                Some(clock) => found(date(Some(year)), Some(clock), at + 3, context),
                None => found(date(Some(year)), None, at + 2, context),
            }
        }
        Tail::Clock(clock) => {
            // `ls -T`: where seconds are shown, the year follows.
            let year = columns.get(at + 3).filter(|_| columns.len() > at + 4).and_then(year_of);
            match year.filter(|_| clock.second.is_some()) {
                Some(year) => found(date(Some(year)), Some(clock), at + 3, context),
                None => found(date(None), Some(clock), at + 2, context),
            }
        }
    }
}

/// `05 Nov 14:22`, `5. Nov 2023`, `26. Juli, 20:10`.
fn day_first(columns: &Columns<'_>, at: usize, context: &Context) -> Option<Found> {
    let day = day_of(columns.get(at)?)?;
    let tail = Tail::parse(columns.get(at + 2)?)?;
    let month = months::number(columns.get(at + 1)?)?;
    match tail {
        Tail::Year(year) => found(Date { year: Some(year), month, day }, None, at + 2, context),
        Tail::Clock(clock) => found(Date { year: None, month, day }, Some(clock), at + 2, context),
    }
}

/// `4月 5日 12:22`, `4月5日 2003年`, `2005년 1월 6일`, `12月 05 14:22`, `1월  6 2005`.
fn counted(columns: &Columns<'_>, at: usize, context: &Context) -> Option<Found> {
    let (mut year, mut month, mut day) = (None, None, None);
    let mut next = at;
    // Each part once, in any order, glued together or not.
    'words: while let Some(word) = columns.get(next) {
        let mut rest = word;
        while !rest.is_empty() {
            let Some((unit, number, tail)) = months::counted(rest) else {
                break 'words;
            };
            let seen = match unit {
                Unit::Year => year.replace(full_year(number)?).is_some(),
                Unit::Month => month.replace(one_or_two(number)?).is_some(),
                Unit::Day => day.replace(one_or_two(number)?).is_some(),
            };
            // A second month is a name.
            if seen {
                return None;
            }
            rest = tail;
        }
        next += 1;
        if year.is_some() && month.is_some() && day.is_some() {
            break;
        }
    }
    let month = month.filter(|month| *month <= 12)?;
    if day.is_none() {
        day = columns.get(next).and_then(day_of);
        next += 1;
    }
    let day = day.filter(|day| *day <= 31)?;
    let date = |year| Date { year, month, day };
    match (year, columns.get(next).and_then(Tail::parse)) {
        (None, Some(Tail::Year(year))) => found(date(Some(year)), None, next, context),
        (None, Some(Tail::Clock(clock))) => found(date(None), Some(clock), next, context),
        (None, None) => None,
        (Some(year), _) => {
            let clock = columns.get(next).and_then(Clock::parse);
            let clock = clock.filter(|_| columns.len() > next + 1);
            let last = if clock.is_some() { next } else { next - 1 };
            found(date(Some(year)), clock, last, context)
        }
    }
}

/// `3 29 03:26`, the month and the day.
fn two_numbers(columns: &Columns<'_>, at: usize, context: &Context) -> Option<Found> {
    let month = one_or_two(columns.get(at)?).filter(|month| (1..=12).contains(month))?;
    let day = one_or_two(columns.get(at + 1)?).filter(|day| (1..=31).contains(day))?;
    let clock = Clock::parse(columns.get(at + 2)?)?;
    found(Date { year: None, month, day }, Some(clock), at + 2, context)
}

/// `04-05 14:22`, `05.04. 14:22`, `04-05 2022`: in one word, the day first if points divide them.
fn one_word_pair(columns: &Columns<'_>, at: usize, context: &Context) -> Option<Found> {
    let word = columns.get(at)?;
    let separator = *word.iter().find(|b| !b.is_ascii_digit())?;
    let word = if separator == b'.' { word.strip_suffix(b".").unwrap_or(word) } else { word };
    if !matches!(separator, b'-' | b'.' | b'/') {
        return None;
    }
    let cut = word.iter().position(|b| *b == separator)?;
    let (a, b) = (one_or_two(word.get(..cut)?)?, one_or_two(word.get(cut + 1..)?)?);
    let (month, day) = if separator == b'.' || a > 12 { (b, a) } else { (a, b) };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    match Tail::parse(columns.get(at + 1)?)? {
        Tail::Year(year) => found(Date { year: Some(year), month, day }, None, at + 1, context),
        Tail::Clock(clock) => found(Date { year: None, month, day }, Some(clock), at + 1, context),
    }
}

fn found(date: Date, clock: Option<Clock>, last: usize, context: &Context) -> Option<Found> {
    let time = date.at(clock, context.now);
    debug_assert!(time.is_none_or(|time| clock.is_some() || time.precision == Precision::Day));
    Some(Found { time, last })
}

/// What ends a date: the time of day of recent files, the year of old ones.
#[derive(Debug, Clone, Copy)]
enum Tail {
    Year(i64),
    Clock(Clock),
}

impl Tail {
    fn parse(word: &[u8]) -> Option<Self> {
        let clock = || Clock::parse(word).or_else(|| Clock::parse_dotted(word));
        year_of(word).map(Self::Year).or_else(|| clock().map(Self::Clock))
    }
}

/// `2023`, `2023,`, `2023年`.
fn year_of(word: &[u8]) -> Option<i64> {
    let word = word.strip_suffix(b",").unwrap_or(word);
    let digits = match months::counted(word) {
        Some((Unit::Year, digits, b"")) => digits,
        _ => word,
    };
    let year = decimal(digits).filter(|_| digits.len() == 4)?;
    (1000..=9999).contains(&year).then_some(i64::from(year))
}

/// `5`, `05`, `5.`, `05,`, `5日`; not above 31.
fn day_of(word: &[u8]) -> Option<u8> {
    let word = word.strip_suffix(b",").unwrap_or(word);
    let word = word.strip_suffix(b".").unwrap_or(word);
    let digits = match months::counted(word) {
        Some((Unit::Day, digits, b"")) => digits,
        _ => word,
    };
    one_or_two(digits).filter(|day| *day <= 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date::{Civil, UnixTime};
    use crate::listing::Asked;

    /// The time a date shows, as MDTM would say it, and its precision; then what follows it.
    fn read(text: &[u8]) -> Option<(String, Precision, String)> {
        let now = Civil { year: 2024, month: 2, day: 10, hour: 12, minute: 0, second: 0 };
        let mut context = Context::new(Asked::List, UnixTime::from_civil(now));
        let columns = Columns::of(text);
        let kinds = [Certainty::Sure, Certainty::Weak];
        let found = kinds.iter().find_map(|sure| date_at(&columns, 0, *sure, &mut context))?;
        let time = found.time?;
        let rest = columns.after(found.last).unwrap_or_default();
        let rest = String::from_utf8_lossy(rest).into_owned();
        Some((
            time.time.format_timeval(time.precision == Precision::Nanosecond),
            time.precision,
            rest,
        ))
    }

    #[test]
    fn dates_are_read_and_end_where_they_end() {
        use Precision::{Day, Minute, Nanosecond, Second};
        let cases: [(&[u8], &str, Precision, &str); 36] = [
            (b"Nov 05 14:22 k", "20231105142200", Minute, "k"),
            (b"Feb 11 11:59 k", "20240211115900", Minute, "k"),
            (b"Feb 11 12:01 k", "20230211120100", Minute, "k"),
            (b"Nov  5  2022 2022", "20221105000000", Day, "2022"),
            (b"Nov 05 24:00 k", "20231106000000", Minute, "k"),
            (b"Nov 05 14:22:31 2023 k", "20231105142231", Second, "k"),
            (b"Nov 05 14:22:31 2023", "20231105142231", Second, "2023"),
            (b"Nov 05 14:22 2023 k", "20231105142200", Minute, "2023 k"),
            (b"Nov 05, 2021 14:22 k", "20211105142200", Minute, "k"),
            (b"Nov 05, 2021 14:22", "20211105000000", Day, "14:22"),
            (b"Nov 05 9.51 k", "20231105095100", Minute, "k"),
            (b"05 Nov 14:22 k", "20231105142200", Minute, "k"),
            (b"5. Nov 2019 k", "20191105000000", Day, "k"),
            (b"26. Juli, 20:10 k", "20230726201000", Minute, "k"),
            (b"szept 26 20:10 k", "20230926201000", Minute, "k"),
            (b"2023-11-05 14:22 k", "20231105142200", Minute, "k"),
            (b"2023-11-05 14:22:31.25 k", "20231105142231.250", Nanosecond, "k"),
            (b"2023-11-05 14:22:31 +0100 k", "20231105132231", Second, "k"),
            (b"2023-11-05 14:22:31 +0100", "20231105142231", Second, "+0100"),
            (b"2023-11-05 k", "20231105000000", Day, "k"),
            (b"1999/10/12 10:00 k", "19991012100000", Minute, "k"),
            (b"24-04-2003 10:00 k", "20030424100000", Minute, "k"),
            (b"2004.07.15 10:00 k", "20040715100000", Minute, "k"),
            (b"05.04.2003 10:00 k", "20030405100000", Minute, "k"),
            (b"5-Nov-2023 10:00 k", "20231105100000", Minute, "k"),
            ("4月 5日 12:22 k".as_bytes(), "20230405122200", Minute, "k"),
            ("12月 05 14:22 k".as_bytes(), "20231205142200", Minute, "k"),
            ("4月5日 2003年 k".as_bytes(), "20030405000000", Day, "k"),
            ("2005년 1월 6일 k".as_bytes(), "20050106000000", Day, "k"),
            ("2005년 1월 6일 10:20 k".as_bytes(), "20050106102000", Minute, "k"),
            ("1월  6 2005 k".as_bytes(), "20050106000000", Day, "k"),
            (b"4\x8c\x8e 18\x93\xfa 2003\x94\x4e k", "20030418000000", Day, "k"),
            (b"3 29 03:26 k", "20230329032600", Minute, "k"),
            (b"11-05 14:22 k", "20231105142200", Minute, "k"),
            (b"05.11. 14:22 k", "20231105142200", Minute, "k"),
            (b"04-05 2022 k", "20220405000000", Day, "k"),
        ];
        for (text, time, precision, rest) in cases {
            let want = Some((time.to_owned(), precision, rest.to_owned()));
            assert_eq!(read(text), want, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "Nov 05 k",
            "Nov 32 14:22 k",
            "Nob 05 14:22 k",
            "13 13 10:00 k",
            "99 99 2020",
            "2023-13-05 10:00 k",
            "10.0.3 k",
            "月 k",
            "1월 2월 10:00 k",
            "24:01 k",
            "",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
