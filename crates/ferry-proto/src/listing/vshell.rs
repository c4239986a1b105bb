//! Listings of VShell: length, `Mon DD, YYYY HH:MM`, name, `/` behind directories.

use super::columns::Columns;
use super::unix_date::{Certainty, date_at};
use super::{Context, Raw, RawKind, Read};

/// Index of the time of day, the last word before the name.
const CLOCK_AT: usize = 4;

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    entry(line, context).into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let size = Some(columns.number(0)?);
    let date = date_at(&columns, 1, Certainty::Sure, context)?;
    if date.last != CLOCK_AT {
        return None;
    }
    let name = columns.after(date.last)?;
    let mut raw = Raw { name, kind: RawKind::File, size, modified: date.time, ..Raw::default() };
    raw.take_slash();
    Some(raw)
}
