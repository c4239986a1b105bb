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

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn files_of_vshell_are_read() {
        check(
            Dialect::VShell,
            System::Unknown,
            &[
                (b"206876  Apr 04, 2021 21:06 VDATA/", &["dir VDATA time=202104042106"]),
                (
                    b"206876  Apr 04, 2021 21:06 a b.txt",
                    &["file a b.txt size=206876 time=202104042106"],
                ),
            ],
        );
    }

    #[test]
    fn what_vshell_does_not_list_is_no_entry() {
        for line in [
            b"206876  Apr 04, 2021 21:06".as_slice(),
            b"206876  Apr 04 2021 x".as_slice(),
            b"x  Apr 04, 2021 21:06 y".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::VShell, line), 0, "{}", line.escape_ascii());
        }
    }
}
