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

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn dir_is_read() {
        check(
            Dialect::Dos,
            System::Unknown,
            &[
                (
                    b"11-05-23  02:22PM       <DIR>          Web Root",
                    &["dir Web Root time=202311051422"],
                ),
                (
                    b"11-05-2023  14:22            10,234 a.txt",
                    &["file a.txt size=10234 time=202311051422"],
                ),
                (
                    b"11-05-23  12:07AM                  0  lead",
                    &["file  lead size=0 time=202311050007"],
                ),
                (
                    b"11-05-23  12:07PM                  0 noon",
                    &["file noon size=0 time=202311051207"],
                ),
                (b"11/05/23  2:22 pm  5 apart", &["file apart size=5 time=202311051422"]),
                (b"2023-11-05  14:22       <DIR> iso", &["dir iso time=202311051422"]),
                (b"05.11.2023  14:22       7 german", &["file german size=7 time=202311051422"]),
                (b"18.09.06  14:22       7 points", &["file points size=7 time=200609181422"]),
                (b"11-05-98  14:22:31       7 old", &["file old size=7 time=19981105142231"]),
                (b"11-05-103  14:22       7 y2k", &["file y2k size=7 time=200311051422"]),
                (
                    b"11-05-23  02:22PM    <JUNCTION>     Users [C:\\Home]",
                    &["link>C:\\\\Home Users time=202311051422"],
                ),
                (b"11-05-23  02:22PM    <SYMLINKD>     u", &["link u time=202311051422"]),
                (
                    b"23/02/23  10:00  5 sure\r\n03/02/23  10:00  5 same",
                    &["file sure size=5 time=202302231000", "file same size=5 time=202302031000"],
                ),
                (
                    b"\x20Volume in drive C is X\r\n\
                    \x20Directory of C:\r\n\
                    11-05-23  14:22  7 f\r\n\
                    \x20 1 File(s)  7 bytes\r\n\
                    \x20 0 Dir(s)  9 bytes free",
                    &["file f size=7 time=202311051422"],
                ),
            ],
        );
    }

    #[test]
    fn what_is_no_line_of_dir_is_no_entry() {
        for line in [
            b"11-05-23  02:22PM       <DIR>".as_slice(),
            b"11-05-23  02:22PM       <DIR>          a\\b".as_slice(),
            b"11-05-23  22:22PM  5 a".as_slice(),
            b"13-13-23  02:22PM  5 a".as_slice(),
            b"11-05-23  02:22PM  5,5 a".as_slice(),
            b"11-05-23  02:22PM  5 ".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Dos, line), 0, "{}", line.escape_ascii());
        }
    }
}
