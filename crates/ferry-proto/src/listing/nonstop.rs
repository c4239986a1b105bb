//! Listings of NonStop (Guardian): file, perhaps `O` for open, code, length, date, time, owner,
//! `"RWEP"`. Directories are not listed.

use super::columns::Columns;
use super::times::{Clock, named_date};
use super::{Context, Raw, RawKind, Read};

/// Guardian's names are no longer.
const NAME_MAX: usize = 8;

pub(super) fn read<'a>(line: &'a [u8], context: &Context) -> Read<'a> {
    let columns = Columns::of(line);
    if columns.get(0) == Some(b"File") && columns.get(1) == Some(b"Code") {
        return Read::Junk;
    }
    entry(&columns, context).into()
}

fn entry<'a>(columns: &Columns<'a>, context: &Context) -> Option<Raw<'a>> {
    let name = columns.get(0)?;
    let is_name = name.len() <= NAME_MAX
        && name.first()?.is_ascii_alphabetic()
        && name.iter().all(u8::is_ascii_alphanumeric);
    let at = if columns.get(1)? == b"O" { 2 } else { 1 };
    // `101`, or `101+` for files that SQL owns.
    let code = columns.get(at)?;
    crate::date::decimal(code.strip_suffix(b"+").unwrap_or(code))?;
    let size = columns.number(at + 1)?;
    let date = named_date(columns.get(at + 2)?)?;
    let clock = Clock::parse(columns.get(at + 3)?)?;
    let last = columns.get(columns.len() - 1)?;
    if !is_name || !last.starts_with(b"\"") || !last.ends_with(b"\"") {
        return None;
    }
    // `044,007` or `255, 0`.
    let owner = columns.starting_at(at + 4)?;
    let owner = owner.get(..owner.iter().position(|b| *b == b'"')?)?.trim_ascii_end();
    Some(Raw {
        name,
        kind: RawKind::File,
        size: Some(size),
        modified: date.at(Some(clock), context.now),
        owner,
        ..Raw::default()
    })
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn files_of_guardian_are_read() {
        check(
            Dialect::NonStop,
            System::NonStop,
            &[
                (
                    b"File         Code             EOF  Last Modification    Owner  RWEP\r\n\
                    PAYLOG   101   20480 05-Nov-23 14:22:31 044,007 \"NUNU\"",
                    &["file PAYLOG size=20480 time=20231105142231 owner=044,007"],
                ),
                (
                    b"BUSY  O  700+   5  5-Nov-23 14:22:31 255, 0 \"oooo\"",
                    &["file BUSY size=5 time=20231105142231 owner=255, 0"],
                ),
            ],
        );
    }

    #[test]
    fn what_guardian_does_not_list_is_no_entry() {
        for line in [
            b"TOOLONGNAME   101   20480 05-Nov-23 14:22:31 044,007 \"NUNU\"".as_slice(),
            b"PAYLOG   101   20480 05-Nov-23 14:22:31 044,007 NUNU".as_slice(),
            b"PAYLOG 101 05-Nov-23 14:22:31 044,007 \"NUNU\"".as_slice(),
            b"9LOG   101   20480 05-Nov-23 14:22:31 044,007 \"NUNU\"".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::NonStop, line), 0, "{}", line.escape_ascii());
        }
    }
}
