//! Listings of NetWare: kind, rights in brackets, owner, length, a date as of `ls`, name.

use super::columns::Columns;
use super::unix_date::{Certainty, date_at};
use super::{Context, Raw, RawKind, Read};

/// Owners may be of several words.
const BEFORE_DATE_MAX: usize = 8;

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    entry(line, context).into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let (letter, attached) = columns.get(0)?.split_first()?;
    let kind = match letter {
        b'd' => RawKind::Dir,
        b'-' => RawKind::File,
        _ => return None,
    };
    let (rights, owner_at) = match attached {
        b"" => (columns.get(1)?, 2),
        rights => (rights, 1),
    };
    let letters = rights.strip_prefix(b"[")?.strip_suffix(b"]")?;
    if letters.is_empty() || !letters.iter().all(|b| b"SRWCEMFA-".contains(b)) {
        return None;
    }
    for at in owner_at + 1..columns.len().min(owner_at + BEFORE_DATE_MAX) {
        let Some(size) = columns.number(at - 1) else {
            continue;
        };
        if let Some(date) = date_at(&columns, at, Certainty::Sure, context) {
            let owner = if at == owner_at + 2 { columns.get(owner_at)? } else { b"" };
            let (modified, name) = (date.time, columns.after(date.last)?);
            return Some(Raw { name, kind, size: Some(size), owner, modified, ..Raw::default() });
        }
    }
    None
}
