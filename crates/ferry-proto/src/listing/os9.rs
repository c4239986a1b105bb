//! Listings of OS-9: owner, `YY/MM/DD`, `HHMM`, attributes, sector, length, name.

use super::columns::Columns;
use super::times::{Clock, Date, full_year, one_or_two};
use super::{Context, Raw, RawKind, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &Context) -> Read<'a> {
    let columns = Columns::of(line);
    let is_header = columns.get(0) == Some(b"Owner") && columns.get(1) == Some(b"Last");
    let is_rule = !line.is_empty() && line.iter().all(|b| matches!(b, b'-' | b' '));
    if is_header || is_rule || line.trim_ascii().starts_with(b"Directory of ") {
        return Read::Junk;
    }
    entry(&columns, context).into()
}

fn entry<'a>(columns: &Columns<'a>, context: &Context) -> Option<Raw<'a>> {
    let owner = columns.get(0)?;
    if !owner.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return None;
    }
    let mut parts = columns.get(1)?.split(|b| *b == b'/');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (month, day) = (one_or_two(month)?, one_or_two(day)?);
    let date = Date { year: Some(full_year(year)?), month, day };
    let clock = Clock::parse_joined(columns.get(2)?)?;
    let attributes = columns.get(3)?;
    let kind = match attributes.first()? {
        b'd' => RawKind::Dir,
        _ => RawKind::File,
    };
    if attributes.len() != 8 || !attributes.iter().all(|b| b"dsewr-".contains(b)) {
        return None;
    }
    if !columns.get(4)?.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let (size, name) = (Some(columns.number(5)?), columns.last(6)?);
    let modified = date.at(Some(clock), context.now);
    Some(Raw { name, kind, size, owner, modified, ..Raw::default() })
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn files_of_os9_are_read() {
        check(
            Dialect::Os9,
            System::Unknown,
            &[(
                b"\x20                          Directory of . 14:22:31\r\n\
                    \x20Owner    Last modified  Attributes Sector Bytecount Name\r\n\
                    -------   -------------  ---------- ------ --------- ----\r\n\
                    \x20  0.100  23/11/05 1422  d-ewrewr   4C1A        512 CMDS\r\n\
                    \x20  0.0    98/11/05 0022  ----r-wr   B1          99 startup",
                &[
                    "dir CMDS time=202311051422 owner=0.100",
                    "file startup size=99 time=199811050022 owner=0.0",
                ],
            )],
        );
    }

    #[test]
    fn what_os9_does_not_list_is_no_entry() {
        for line in [
            b"0.100 23/11/05 1422 d-ewrewx 4C1A 512 CMDS".as_slice(),
            b"mira 23/11/05 1422 d-ewrewr 4C1A 512 CMDS".as_slice(),
            b"0.100 23/11/05 2522 d-ewrewr 4C1A 512 CMDS".as_slice(),
            b"0.100 23/11/05 1422 d-ewrewr 4C1A 512".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Os9, line), 0, "{}", line.escape_ascii());
        }
    }
}
