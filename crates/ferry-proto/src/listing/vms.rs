//! Listings of OpenVMS: `NAME.TYPE;version`, blocks, date, owner, protection, in any order, long
//! names alone on their line. The name is given without version and, of directories, without
//! `.DIR`; what is escaped by `^` stays so, since the server wants it so.

use super::columns::{Columns, rounded_size};
use super::times::{Clock, Date, named_date};
use super::{Context, Raw, RawKind, Read};
use crate::date::decimal_u64;

const BLOCK: u64 = 512;

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    let columns = Columns::of(line);
    let Some(first) = columns.get(0) else {
        return Read::Junk;
    };
    let is_header = match first {
        b"Directory" => columns.get(1).is_some_and(|word| word.contains(&b'[')),
        b"Total" | b"Grand" => {
            line.windows(6).any(|window| window == b" files" || window == b" file,")
        }
        _ => first.starts_with(b"%DIRECT-W-NOFILES"),
    };
    if is_header {
        return Read::Junk;
    }
    let Some(mut raw) = name(first) else {
        return Read::Unparsed;
    };
    // Versions are listed newest first, and only the newest has its plain name.
    if !context.before.is_empty() && context.before == raw.name {
        return Read::Junk;
    }
    match columns.starting_at(1) {
        None => return Read::Half(raw),
        Some(rest) if is_refusal(rest) => {}
        Some(_) => {
            if describe(&mut raw, &columns, context).is_none() {
                return Read::Unparsed;
            }
        }
    }
    context.before.clear();
    context.before.extend_from_slice(raw.name);
    Read::Entry(raw)
}

/// The name and kind out of `NAME.TYPE;version`.
fn name(word: &[u8]) -> Option<Raw<'_>> {
    let semicolon = word.iter().rposition(|b| *b == b';')?;
    let name = word.get(..semicolon)?;
    decimal_u64(word.get(semicolon + 1..)?)?;
    if name.is_empty() || name.ends_with(b"^") || name.contains(&b'[') {
        return None;
    }
    let end = name.len().checked_sub(4).and_then(|at| name.split_at_checked(at));
    Some(match end {
        Some((dir, suffix)) if suffix.eq_ignore_ascii_case(b".DIR") && !dir.is_empty() => {
            Raw { name: dir, kind: RawKind::Dir, ..Raw::default() }
        }
        _ => Raw { name, kind: RawKind::File, ..Raw::default() },
    })
}

/// What stands in place of all facts of what may not be looked at.
fn is_refusal(rest: &[u8]) -> bool {
    let says = |text: &[u8]| rest.windows(text.len()).any(|w| w.eq_ignore_ascii_case(text));
    rest.starts_with(b"%") || says(b"no privilege") || says(b"insufficient privilege")
}

/// Fills in what the other words say, whatever their order; [`None`] unless one is a date.
fn describe<'a>(raw: &mut Raw<'a>, columns: &Columns<'a>, context: &Context) -> Option<()> {
    let (mut date, mut clock): (Option<Date>, Option<Clock>) = (None, None);
    let mut at = 1;
    while let Some(word) = columns.get(at) {
        if word.starts_with(b"[") {
            let (owner, last) = bracketed(columns, at)?;
            raw.owner = owner;
            at = last;
        } else if word.starts_with(b"(") {
            // The protection; it may hold blanks and nothing follows it.
            break;
        } else if let Some(found) = named_date(word) {
            date = Some(found);
        } else if let Some(found) = Clock::parse(word) {
            clock = Some(found);
        } else if let Some(size) = rounded_size(word) {
            raw.about = Some(size);
        } else {
            // Used blocks, perhaps `/` and allocated ones.
            let used = word.split(|b| *b == b'/').next()?;
            raw.about = Some(decimal_u64(used)?.saturating_mul(BLOCK));
        }
        at += 1;
    }
    raw.modified = date?.at(clock, context.now);
    Some(())
}

/// The text between `[` at the start of the word `at` and `]`, and the index of its last word.
fn bracketed<'a>(columns: &Columns<'a>, at: usize) -> Option<(&'a [u8], usize)> {
    let last = (at..columns.len()).find(|i| columns.get(*i).is_some_and(|w| w.contains(&b']')))?;
    let text = columns.starting_at(at)?.strip_prefix(b"[")?;
    let end = text.iter().position(|b| *b == b']')?;
    Some((text.get(..end)?, last))
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn directories_of_vms_are_read() {
        check(
            Dialect::Vms,
            System::Unknown,
            &[
                (
                    b"REPORT.TXT;3      12/16      5-NOV-2023 14:22:31  [OPS,MIRA]  (RWED,RE,,)",
                    &["file REPORT.TXT about=6144 time=20231105142231 owner=OPS,MIRA"],
                ),
                (
                    b"TOOLS.DIR;1        1/1       5-NOV-2023 14:22:31.07  [OPS, MIRA]  (RWE, \
                    RE,,)",
                    &["dir TOOLS time=20231105142231.070 owner=OPS, MIRA"],
                ),
                (
                    b"A^;B^.C.TXT;12   2KB   5-NOV-2023 14:22",
                    &["file A^;B^.C.TXT about=2048 time=202311051422"],
                ),
                (
                    b"ALT.TXT;1   5-NOV-2023 14:22  7  [OPS]",
                    &["file ALT.TXT about=3584 time=202311051422 owner=OPS"],
                ),
                (
                    b"LOGIN.COM;7   %RMS-E-PRV, insufficient privilege or file protection \
                    violation",
                    &["file LOGIN.COM"],
                ),
                (b"SECRET.DAT;1   No privilege for attempted operation", &["file SECRET.DAT"]),
                (
                    b"A_VERY_LONG_NAME_INDEED.TXT;1\r\n\
                    \x20                 3/4   5-NOV-2023 14:22:31  [OPS,MIRA]  \
                    (RWED,RE,,)\r\n\
                    NEXT.TXT;1  1  5-NOV-2023 14:22",
                    &[
                        "file A_VERY_LONG_NAME_INDEED.TXT about=1536 time=20231105142231 \
                    owner=OPS,MIRA",
                        "file NEXT.TXT about=512 time=202311051422",
                    ],
                ),
                (
                    b"X.TXT;3  1  5-NOV-2023 14:22\r\n\
                    X.TXT;2  1  4-NOV-2023 14:22\r\n\
                    Y.TXT;2  1  4-NOV-2023 14:22",
                    &[
                        "file X.TXT about=512 time=202311051422",
                        "file Y.TXT about=512 time=202311041422",
                    ],
                ),
                (b"X.TXT;3\r\nX.TXT;2\r\nY.TXT;1", &["file X.TXT", "file Y.TXT"]),
                (
                    b"\r\n\
                    Directory DISK$USER:[OPS.MIRA]\r\n\
                    \r\n\
                    X.TXT;3  1  5-NOV-2023 14:22\r\n\
                    \r\n\
                    Total of 1 file, 1/3 blocks.",
                    &["file X.TXT about=512 time=202311051422"],
                ),
                (b"Directory DISK$USER:[OPS.MIRA]\r\n%DIRECT-W-NOFILES, no files found", &[]),
            ],
        );
    }

    #[test]
    fn what_vms_does_not_list_is_no_entry() {
        for line in [
            b"X.TXT  1  5-NOV-2023 14:22".as_slice(),
            b";1  1  5-NOV-2023 14:22".as_slice(),
            b"X.TXT;a  1  5-NOV-2023 14:22".as_slice(),
            b"X.TXT;1  some  5-NOV-2023 14:22".as_slice(),
            b"X.TXT;1  1".as_slice(),
            b"%RMS-E-FNF, file not found".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Vms, line), 0, "{}", line.escape_ascii());
        }
    }
}
