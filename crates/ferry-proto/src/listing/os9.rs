//! Listings of OS-9: owner, `YY/MM/DD`, `HHMM`, attributes, sector, length, name.

use super::columns::Columns;
use super::times::{Clock, Date, full_year, one_or_two};
use super::{Context, Raw, RawKind, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &Context) -> Read<'a> {
    let columns = Columns::of(line);
    let is_header = columns.get(0) == Some(b"Owner") && columns.get(1) == Some(b"Last");
    let is_rule = !line.is_empty() && line.iter().all(|b| matches!(b, b'-' | b' '));
    if is_header || is_rule || line.trim_ascii().starts_with(b"Directory of ") {
        return Read::Junk;
    }
    entry(&columns, context).into()
}

fn entry<'a>(columns: &Columns<'a>, context: &Context) -> Option<Raw<'a>> {
    let owner = columns.get(0)?;
    if !owner.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return None;
    }
    let mut parts = columns.get(1)?.split(|b| *b == b'/');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (month, day) = (one_or_two(month)?, one_or_two(day)?);
    let date = Date { year: Some(full_year(year)?), month, day };
    let clock = Clock::parse_joined(columns.get(2)?)?;
    let attributes = columns.get(3)?;
    let kind = match attributes.first()? {
        b'd' => RawKind::Dir,
        _ => RawKind::File,
    };
    if attributes.len() != 8 || !attributes.iter().all(|b| b"dsewr-".contains(b)) {
        return None;
    }
    if !columns.get(4)?.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let (size, name) = (Some(columns.number(5)?), columns.last(6)?);
    let modified = date.at(Some(clock), context.now);
    Some(Raw { name, kind, size, owner, modified, ..Raw::default() })
}
