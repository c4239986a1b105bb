//! Lines of `ls -l`, read back.

use super::{KINDS, LineKind, column};
use crate::date::{Civil, MONTHS, UnixTime, decimal, decimal_u64};

/// How much of a listed time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// The line shows hour and minute.
    Minute,
    /// The line shows only the day.
    Day,
}

/// One line as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsedUnixLine<'a> {
    /// What it is.
    pub kind: LineKind,
    /// Permission bits.
    pub mode: u32,
    /// Number of hard links.
    pub links: u64,
    /// Owner, a name or a number.
    pub owner: &'a [u8],
    /// Group, a name or a number.
    pub group: &'a [u8],
    /// Length in octets.
    pub size: u64,
    /// Time of last modification, cut to `precision`.
    pub modified: UnixTime,
    /// What `modified` is worth.
    pub precision: Precision,
    /// The name.
    pub name: &'a [u8],
    /// Where a link points, if the line says so.
    pub target: Option<&'a [u8]>,
}

/// Reads a line as [`write_unix_line`](super::write_unix_line) prints it, with columns of any
/// width. The year of a line without one is the latest that lies at most a day ahead of `now`.
#[must_use]
pub fn parse_unix_line(line: &[u8], now: UnixTime) -> Option<ParsedUnixLine<'_>> {
    let mut rest = line;
    let (kind, mode) = parse_mode(column(&mut rest)?)?;
    let links = decimal_u64(column(&mut rest)?)?;
    let owner = column(&mut rest)?;
    let group = column(&mut rest)?;
    let size = decimal_u64(column(&mut rest)?)?;
    let (month, day) = (column(&mut rest)?, column(&mut rest)?);
    let (modified, precision) = parse_ls_time(month, day, column(&mut rest)?, now)?;
    // Exactly one space; any more belong to the name.
    let name = rest.strip_prefix(b" ")?;
    let arrow = if kind == LineKind::Link { find(name, b" -> ") } else { None };
    let (name, target) = match arrow {
        Some(at) => (name.get(..at)?, name.get(at + 4..)),
        None => (name, None),
    };
    let names_nothing = name.is_empty() || name.contains(&0);
    let parsed =
        ParsedUnixLine { kind, mode, links, owner, group, size, modified, precision, name, target };
    (!names_nothing).then_some(parsed)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn parse_mode(word: &[u8]) -> Option<(LineKind, u32)> {
    let (&letter, bits) = word.split_first()?;
    let (kind, _) = KINDS.iter().find(|(_, l)| *l == letter)?;
    // An eleventh character marks access lists and the like.
    let bits = bits.get(..9).filter(|_| word.len() <= 11)?;
    let mut mode = 0;
    for (i, b) in bits.iter().enumerate() {
        let bit = 0o400 >> i;
        let special = 0o4000 >> (i / 3);
        mode |= match (b, i % 3) {
            (b'-', _) => 0,
            (b'r', 0) | (b'w', 1) | (b'x', 2) => bit,
            (b's' | b't', 2) => bit | special,
            (b'S' | b'T', 2) => special,
            _ => return None,
        };
    }
    Some((*kind, mode))
}

fn parse_ls_time(
    month: &[u8],
    day: &[u8],
    clock: &[u8],
    now: UnixTime,
) -> Option<(UnixTime, Precision)> {
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name.as_bytes()))?;
    let month = u8::try_from(month + 1).ok()?;
    let day = u8::try_from(decimal(day)?).ok()?;
    let midnight = |year| Civil { year, month, day, hour: 0, minute: 0, second: 0 };
    let Some(colon) = clock.iter().position(|b| *b == b':') else {
        let date = midnight(i64::from(decimal(clock)?));
        return date.exists().then(|| (UnixTime::from_civil(date), Precision::Day));
    };
    let hour = u8::try_from(decimal(clock.get(..colon)?)?).ok()?;
    let minute = u8::try_from(decimal(clock.get(colon + 1..)?)?).ok()?;
    let this_year = now.civil().year;
    // Eight years back there is a 29 February, also across 1900 and its like.
    let dates = (this_year - 8..=this_year + 1).rev();
    let mut dates = dates.map(|year| Civil { hour, minute, ..midnight(year) });
    let tomorrow = now.secs.saturating_add(86_400);
    let date = dates.find(|d| d.exists() && UnixTime::from_civil(*d).secs <= tomorrow)?;
    Some((UnixTime::from_civil(date), Precision::Minute))
}
