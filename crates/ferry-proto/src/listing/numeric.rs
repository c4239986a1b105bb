//! `ls -l` of servers that leave all reading to the client: mode in octal, owner, group, length,
//! seconds since 1970, name.

use super::columns::Columns;
use super::times::{ListedTime, Precision};
use super::{Raw, RawKind, Read};
use crate::date::UnixTime;

pub(super) fn read(line: &[u8]) -> Read<'_> {
    entry(line).into()
}

fn entry(line: &[u8]) -> Option<Raw<'_>> {
    let columns = Columns::of(line);
    let mode = columns.get(0).filter(|word| (5..=7).contains(&word.len()))?;
    if !mode.iter().all(|b| matches!(b, b'0'..=b'7')) {
        return None;
    }
    let mode = mode.iter().fold(0u32, |mode, b| mode * 8 + u32::from(b - b'0'));
    let kind = match mode >> 12 {
        0o10 => RawKind::File,
        0o04 => RawKind::Dir,
        0o12 => RawKind::Symlink(b""),
        0o01 | 0o02 | 0o06 | 0o14 => RawKind::Other,
        _ => return None,
    };
    columns.number(1)?;
    columns.number(2)?;
    let size = Some(columns.number(3)?);
    let secs = i64::try_from(columns.number(4)?).ok()?;
    let modified = Some(ListedTime::utc(UnixTime::from_secs(secs), Precision::Second));
    let (owner, group) = (columns.get(1)?, columns.get(2)?);
    let name = columns.starting_at(5)?;
    let mode = Some(mode & 0o7777);
    Some(Raw { name, kind, size, modified, mode, owner, group, ..Raw::default() })
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn modes_in_octal_are_read() {
        check(
            Dialect::Numeric,
            System::Unknown,
            &[
                (
                    b"0100644   500  101   12345    1699194151   my file",
                    &["file my file size=12345 time=20231105142231Z mode=644 owner=500 group=101"],
                ),
                (
                    b"40755   500  101   4096    1699194151   d",
                    &["dir d time=20231105142231Z mode=755 owner=500 group=101"],
                ),
                (
                    b"0120777   0  0   5    1699194151   l",
                    &["link l size=5 time=20231105142231Z mode=777 owner=0 group=0"],
                ),
            ],
        );
    }

    #[test]
    fn what_has_no_mode_in_octal_is_no_entry() {
        for line in [
            b"0100648 500 101 12345 1699194151 x".as_slice(),
            b"0900644 500 101 12345 1699194151 x".as_slice(),
            b"0100644 mira 101 12345 1699194151 x".as_slice(),
            b"0100644 500 101 12345 1699194151".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Numeric, line), 0, "{}", line.escape_ascii());
        }
    }
}
