//! Listings of VxWorks: length, `MON-DD-YYYY`, time, name, `<DIR>` behind directories.

use super::columns::Columns;
use super::times::{Clock, named_date};
use super::{Context, Raw, RawKind, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &Context) -> Read<'a> {
    let columns = Columns::of(line);
    let is_header = columns.get(0) == Some(b"size") && columns.get(1) == Some(b"date");
    if is_header || (columns.len() == 4 && line.iter().all(|b| matches!(b, b'-' | b' ' | b'\t'))) {
        return Read::Junk;
    }
    entry(&columns, context).into()
}

fn entry<'a>(columns: &Columns<'a>, context: &Context) -> Option<Raw<'a>> {
    let size = columns.number(0)?;
    let word = columns.get(1)?;
    // Elsewhere, a day comes first.
    let date = named_date(word).filter(|_| word.first().is_some_and(u8::is_ascii_alphabetic))?;
    let clock = Clock::parse(columns.get(2)?)?;
    let modified = date.at(Some(clock), context.now);
    let (name, kind) = match columns.starting_at(3)?.trim_ascii_end() {
        name if name.ends_with(b"<DIR>") => {
            let dir = name.strip_suffix(b"<DIR>").unwrap_or(name);
            (dir.trim_ascii_end(), RawKind::Dir)
        }
        name => (name, RawKind::File),
    };
    Some(Raw { name, kind, size: Some(size), modified, ..Raw::default() })
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn files_of_vxworks_are_read() {
        check(
            Dialect::VxWorks,
            System::Unknown,
            &[(
                b"\x20 size          date       time       name\r\n\
                    --------       ------     ------    --------\r\n\
                    \x20      512  JAN-01-2021  00:00:00   FLASH             <DIR>\r\n\
                    \x20       90  FEB-02-2021  10:20:30   boot me.txt",
                &["dir FLASH time=20210101000000", "file boot me.txt size=90 time=20210202102030"],
            )],
        );
    }

    #[test]
    fn what_vxworks_does_not_list_is_no_entry() {
        for line in [
            b"512  01-JAN-2021  00:00:00   x".as_slice(),
            b"512  JAN-01-2021  00:00:00".as_slice(),
            b"512  JAN-01-2021  00:00:00  <DIR>".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::VxWorks, line), 0, "{}", line.escape_ascii());
        }
    }
}
