//! Listings of CMS under z/VM: file name, file type, record format, record length, records, blocks,
//! date, time, owner. The name and the type, each of eight characters, are addressed as
//! `name.type`; directories (`DIR` in place of the type) by their name alone.

use super::columns::Columns;
use super::times::{Clock, numeric_date};
use super::{Context, Raw, RawKind, Read};

const NAME_MAX: usize = 8;

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    entry(line, context).into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let (name, kind) = (columns.get(0)?, columns.get(1)?);
    let date = numeric_date(columns.get(6)?, &mut context.day_first)?;
    let clock = Clock::parse(columns.get(7)?)?;
    if !is_name(name) || !is_name(kind) || columns.len() > 9 {
        return None;
    }
    let owner = columns.get(8).unwrap_or_default();
    let modified = date.at(Some(clock), context.now);
    let raw = Raw { name, owner, modified, ..Raw::default() };
    if kind == b"DIR" && (2..6).all(|at| columns.get(at) == Some(b"-")) {
        return Some(Raw { kind: RawKind::Dir, ..raw });
    }
    let (format, length, records) = (columns.get(2)?, columns.number(3)?, columns.number(4)?);
    columns.number(5)?;
    let about = match format {
        b"F" => Some(length.saturating_mul(records)),
        // The length is that of the longest record.
        b"V" => None,
        _ => return None,
    };
    Some(Raw { extension: kind, kind: RawKind::File, about, ..raw })
}

fn is_name(word: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"$#@+-:_".contains(b);
    word.len() <= NAME_MAX && word.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn files_of_cms_are_read() {
        check(
            Dialect::ZVm,
            System::ZVm,
            &[
                (
                    b"PROFILE  EXEC     V         71        38          1 2023-11-05 14:22:31 \
                    MIRA",
                    &["file PROFILE.EXEC time=20231105142231 owner=MIRA"],
                ),
                (
                    b"TABLE    DATA     F         80       100          2 11/05/23 14:22:31 -",
                    &["file TABLE.DATA about=8000 time=20231105142231 owner=-"],
                ),
                (
                    b"DOCS     DIR      -          -         -          - 2023-11-05 14:22:31 -",
                    &["dir DOCS time=20231105142231 owner=-"],
                ),
            ],
        );
    }

    #[test]
    fn what_cms_does_not_list_is_no_entry() {
        for line in [
            b"PROFILEXX  EXEC  V 71 38 1 2023-11-05 14:22:31 MIRA".as_slice(),
            b"PROFILE  EX/C  V 71 38 1 2023-11-05 14:22:31 MIRA".as_slice(),
            b"PROFILE  EXEC  W 71 38 1 2023-11-05 14:22:31 MIRA".as_slice(),
            b"PROFILE  EXEC  V 71 38 1 2023-11-05".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::ZVm, line), 0, "{}", line.escape_ascii());
        }
    }
}
