//! `dir` as MS-DOS, Windows and IIS write it: date, time, `<DIR>` or length, name.

use super::columns::{Columns, grouped_number};
use super::times::{Clock, numeric_date};
use super::{Context, Raw, RawKind, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    let columns = Columns::of(line);
    // `dir` ends with sums: `2 File(s)   10,234 bytes`.
    let is_sum = columns.number(0).is_some()
        && columns
            .get(1)
            .is_some_and(|word| word.starts_with(b"File(") || word.starts_with(b"Dir("));
    if is_sum || line.starts_with(b" Volume ") || line.starts_with(b" Directory of ") {
        return Read::Junk;
    }
    entry(&columns, context).into()
}

fn entry<'a>(columns: &Columns<'a>, context: &mut Context) -> Option<Raw<'a>> {
    let mut clock = Clock::parse(columns.get(1)?)?;
    let date = numeric_date(columns.get(0)?, &mut context.day_first)?;
    let mut at = 2;
    if let Some(in_half) = clock.in_half(columns.get(at)?) {
        clock = in_half;
        at += 1;
    }
    let mut raw = Raw { modified: date.at(Some(clock), context.now), ..Raw::default() };
    let word = columns.get(at)?;
    if let Some(size) = grouped_number(word) {
        raw.kind = RawKind::File;
        raw.size = Some(size);
        // One blank ends the column of lengths; more belong to the name.
        raw.name = columns.after(at)?;
        return Some(raw);
    }
    // Behind `<DIR>` the column is filled up with blanks.
    raw.name = columns.starting_at(at + 1)?;
    let target_follows = match word.to_ascii_uppercase().as_slice() {
        b"<DIR>" => {
            raw.kind = RawKind::Dir;
            false
        }
        b"<JUNCTION>" | b"<SYMLINKD>" | b"<SYMLINK>" => true,
        _ => return None,
    };
    if target_follows {
        raw.kind = RawKind::Symlink(b"");
        let bracket = raw.name.windows(2).rposition(|window| window == b" [");
        if let Some(bracket) = bracket.filter(|_| raw.name.ends_with(b"]")) {
            let target = raw.name.get(bracket + 2..raw.name.len() - 1)?;
            raw.kind = RawKind::Symlink(target);
            raw.name = raw.name.get(..bracket)?;
        }
    }
    Some(raw)
}
