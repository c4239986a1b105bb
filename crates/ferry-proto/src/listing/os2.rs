//! Listings of OS/2: length, attributes or `DIR`, date, time, name.

use super::columns::Columns;
use super::times::{Clock, numeric_date};
use super::{Context, Raw, RawKind, Read};

/// Attributes may be written apart.
const ATTRIBUTES_MAX: usize = 5;

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    entry(line, context).into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let mut raw = Raw { size: Some(columns.number(0)?), kind: RawKind::File, ..Raw::default() };
    let mut at = 1;
    while let Some(word) = columns.get(at).filter(|word| word.iter().all(u8::is_ascii_uppercase)) {
        if word == b"DIR" {
            raw.kind = RawKind::Dir;
        } else if !word.iter().all(|b| b"ARHSD".contains(b)) || at > ATTRIBUTES_MAX {
            return None;
        }
        at += 1;
    }
    let date = numeric_date(columns.get(at)?, &mut context.day_first)?;
    let clock = Clock::parse(columns.get(at + 1)?)?;
    raw.modified = date.at(Some(clock), context.now);
    // Two blanks at least stand before the name; none starts with one.
    raw.name = columns.starting_at(at + 2)?;
    Some(raw)
}
