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

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn files_of_os2_are_read() {
        check(
            Dialect::Os2,
            System::Unknown,
            &[
                (
                    b"   20480      A    11-05-23   14:22  CONFIG.SYS",
                    &["file CONFIG.SYS size=20480 time=202311051422"],
                ),
                (b"0 DIR 11-05-23 14:22 OS2", &["dir OS2 time=202311051422"]),
                (
                    b"  5  RHSA  11-05-103 14:22 two words",
                    &["file two words size=5 time=200311051422"],
                ),
                (b"  5   A DIR  11-05-23 14:22 x", &["dir x time=202311051422"]),
            ],
        );
    }

    #[test]
    fn what_os2_does_not_list_is_no_entry() {
        for line in [
            b"5 Q 11-05-23 14:22 x".as_slice(),
            b"A 11-05-23 14:22 x".as_slice(),
            b"5 A 11-05-23 14:22".as_slice(),
            b"5 A 11-05-23 14:22 a\\b".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Os2, line), 0, "{}", line.escape_ascii());
        }
    }
}
