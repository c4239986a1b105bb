//! Listings of Nortel's routers: name, length, date, day of the week with a point, time.

use super::columns::Columns;
use super::times::{Clock, numeric_date};
use super::{Context, Raw, RawKind, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    entry(line, context).into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let name = columns.get(0)?;
    let size = Some(columns.number(1)?);
    let weekday = columns.get(3)?.strip_suffix(b".")?;
    if !weekday.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let clock = Clock::parse(columns.last(4)?)?;
    let date = numeric_date(columns.get(2)?, &mut context.day_first)?;
    let modified = date.at(Some(clock), context.now);
    Some(Raw { name, kind: RawKind::File, size, modified, ..Raw::default() })
}
