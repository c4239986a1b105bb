//! Lines of `ls -l` in all dialects: with or without links, owner or group, behind inode and block
//! counts, dated in any way `unix_date` knows. Read from the date leftwards, since owners may hold
//! blanks and columns may be missing. Also `ls -l` without a date, and NetPresenz, which is alike.

use super::columns::{Columns, rounded_size};
use super::unix_date::{Certainty, Found, date_at};
use super::{Context, Raw, RawKind, Read};
use crate::date::decimal_u64;

/// As many words may stand between the mode and the date.
const BEFORE_DATE_MAX: usize = 12;
/// Inode number and block count.
const LEADING_MAX: usize = 2;

/// A line with a date.
pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    entry(line, context).into()
}

/// A line without one. Only names of one word: more might be a date in an unknown language.
pub(super) fn read_undated(line: &[u8]) -> Read<'_> {
    let columns = Columns::of(line);
    let read = || {
        let (at, mode) = find_mode(&columns)?;
        let links = columns.number(at + 1)?;
        let (owner, group) = (columns.get(at + 2)?, columns.get(at + 3)?);
        let size = columns.number(at + 4)?;
        let name = columns.last(at + 5)?;
        let size = Some(size);
        Some(Raw { name, links: Some(links), owner, group, size, ..mode.raw() })
    };
    read().into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let (at, mode) = find_mode(&columns)?;
    if let Some(raw) = unreadable(&columns, at, &mode) {
        return Some(raw);
    }
    let (start, size, date) = find_date(&columns, at, context)?;
    let mut raw = Raw { modified: date.time, ..mode.raw() };
    raw.name = columns.after(date.last)?;
    if raw.kind == RawKind::Symlink(b"")
        && let Some(arrow) = raw.name.windows(4).position(|window| window == b" -> ")
    {
        raw.kind = RawKind::Symlink(raw.name.get(arrow + 4..)?);
        raw.name = raw.name.get(..arrow)?;
    }
    if raw.kind == RawKind::Dir {
        raw.take_slash();
    }
    // What is left of the size: links, owner, group, in so far as they are there.
    let mut words = (at + 1, start - 1);
    match size {
        Size::Exact(size) => raw.size = Some(size),
        Size::About(size) => raw.about = Some(size),
        Size::Glued(_, _) if mode.is_device => {}
        Size::Glued(group, size) => {
            raw.group = group;
            raw.size = Some(size);
        }
    }
    if mode.is_device {
        raw.size = None;
        // `major,` stands before the minor.
        if words.1 > words.0 && columns.get(words.1 - 1)?.ends_with(b",") {
            words.1 -= 1;
        }
    }
    if is_netpresenz(&columns, words, &mode, raw.size) {
        // Which of the two forks is sent is the server's secret.
        raw.about = raw.size.take();
        return Some(raw);
    }
    name_owner(&mut raw, &columns, words);
    Some(raw)
}

/// Fills in links, owner and group from the words in `from..to`.
fn name_owner<'a>(raw: &mut Raw<'a>, columns: &Columns<'a>, (mut from, mut to): (usize, usize)) {
    if raw.links.is_none() && from < to {
        raw.links = columns.number(from);
        from += usize::from(raw.links.is_some());
    }
    // Unitree shows on which medium a file lies.
    let medium = |at: usize| matches!(columns.get(at), Some(b"DISK" | b"AR"));
    if to.saturating_sub(from) == 3 && medium(to - 1) {
        to -= 1;
    }
    match to.saturating_sub(from) {
        1 => raw.owner = columns.get(from).unwrap_or_default(),
        2 => {
            raw.owner = columns.get(from).unwrap_or_default();
            raw.group = columns.get(from + 1).unwrap_or_default();
        }
        // With more words, nobody knows where the owner ends.
        _ => {}
    }
}

/// NetPresenz shows the lengths of both forks and their sum, and nobody's rights but others'.
fn is_netpresenz(
    columns: &Columns<'_>,
    words: (usize, usize),
    mode: &Mode,
    total: Option<u64>,
) -> bool {
    let (Some(resource), Some(data)) = (columns.number(words.0), columns.number(words.0 + 1))
    else {
        return false;
    };
    let only_others = mode.bits.is_some_and(|bits| bits & 0o770 == 0);
    words.1 == words.0 + 2 && only_others && total == resource.checked_add(data)
}

/// `-????????? ? ? ? ? ? name`: what `ls` prints for what it may not look at.
fn unreadable<'a>(columns: &Columns<'a>, at: usize, mode: &Mode) -> Option<Raw<'a>> {
    let all_unknown = mode.bits.is_none() && (1..6).all(|i| columns.get(at + i) == Some(b"?"));
    let name = columns.after(at + 5).filter(|_| all_unknown)?;
    Some(Raw { name, ..mode.raw() })
}

enum Size<'a> {
    Exact(u64),
    About(u64),
    Glued(&'a [u8], u64),
}

/// The date, the index of its first word, and the size before it.
fn find_date<'a>(
    columns: &Columns<'a>,
    mode_at: usize,
    context: &mut Context,
) -> Option<(usize, Size<'a>, Found)> {
    let last = columns.len().min(mode_at + BEFORE_DATE_MAX);
    for certainty in [Certainty::Sure, Certainty::Weak] {
        for start in mode_at + 2..last {
            let Some(size) = columns.get(start - 1).and_then(size_of) else {
                continue;
            };
            if let Some(date) = date_at(columns, start, certainty, context) {
                return Some((start, size, date));
            }
        }
    }
    None
}

fn size_of(word: &[u8]) -> Option<Size<'_>> {
    if let Some(size) = decimal_u64(word) {
        return Some(Size::Exact(size));
    }
    if let Some(size) = rounded_size(word) {
        return Some(Size::About(size));
    }
    // `4,64` of a device, and a group whose width left no blank before the size.
    let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (group, size) = word.split_at_checked(word.len().checked_sub(digits)?)?;
    Some(Size::Glued(group.strip_suffix(b",").unwrap_or(group), decimal_u64(size)?))
}

/// The first column.
#[derive(Debug, Clone, Copy)]
struct Mode {
    kind: RawKind<'static>,
    bits: Option<u32>,
    is_device: bool,
    /// Links so many that no blank is left before them.
    links: Option<u64>,
}

impl Mode {
    fn raw<'a>(&self) -> Raw<'a> {
        Raw { kind: self.kind, mode: self.bits, links: self.links, ..Raw::default() }
    }
}

/// The mode and its index, behind numbers at most.
fn find_mode(columns: &Columns<'_>) -> Option<(usize, Mode)> {
    for at in 0..=LEADING_MAX {
        let word = columns.get(at)?;
        if let Some(mode) = Mode::parse(word) {
            return Some((at, mode));
        }
        if decimal_u64(word).is_none() && rounded_size(word).is_none() {
            return None;
        }
    }
    None
}

impl Mode {
    /// Reads `-rw-r--r--`, with `+`, `.`, `@` or the number of links behind it.
    fn parse(word: &[u8]) -> Option<Self> {
        let (letter, rest) = word.split_first()?;
        let (bits, mark) = rest.split_at_checked(9)?;
        let kind = match letter {
            // `C` is contiguous, `m` and `M` migrated to tape.
            b'-' | b'f' | b'C' | b'm' | b'M' => RawKind::File,
            b'd' => RawKind::Dir,
            b'l' => RawKind::Symlink(b""),
            b'b' | b'c' | b'p' | b's' | b'D' | b'P' | b'n' | b'w' => RawKind::Other,
            b'?' => RawKind::Unknown,
            _ => return None,
        };
        let is_device = matches!(letter, b'b' | b'c');
        let links = decimal_u64(mark);
        if !matches!(mark, b"" | b"+" | b"." | b"@" | b"*") && links.is_none() {
            return None;
        }
        if bits == b"?????????" {
            return Some(Self { kind, bits: None, is_device, links });
        }
        let mut mode = 0;
        for (i, b) in bits.iter().enumerate() {
            let (bit, special) = (0o400 >> i, 0o4000 >> (i / 3));
            mode |= match (b, i % 3) {
                (b'-', _) => 0,
                (b'r', 0) | (b'w', 1) | (b'x', 2) => bit,
                (b's' | b't', 2) => bit | special,
                // `l` is System V's set-group-id without execution: mandatory locking.
                (b'S' | b'T' | b'l' | b'L', 2) => special,
                _ => return None,
            };
        }
        Some(Self { kind, bits: Some(mode), is_device, links })
    }
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    /// Lines and the entries they are.
    const LINES: &[(&[u8], &[&str])] = &[
        (
            b"-rw-r-----   1 mira     dev         48213 May  7 09:41 notes v2.txt",
            &["file notes v2.txt size=48213 time=202305070941 mode=640 owner=mira \
            group=dev links=1"],
        ),
        (
            b"drwxr-xr-x   3 root         512 Oct 19  2019 pub",
            &["dir pub time=20191019 mode=755 owner=root links=3"],
        ),
        (
            b"-rw-r--r-- 1 1004 1004 77 Jan 02 03:04 a",
            &["file a size=77 time=202401020304 mode=644 owner=1004 group=1004 links=1"],
        ),
        (
            b"-rw-r--r-- 9120 Apr 30 11:12 data.bin",
            &["file data.bin size=9120 time=202304301112 mode=644"],
        ),
        (
            b"-rw-r--r-- 4 9120 Apr 30 11:12 data.bin",
            &["file data.bin size=9120 time=202304301112 mode=644 links=4"],
        ),
        (
            b"-rw-r--r-- mira dev 12 Apr 30 11:12 x",
            &["file x size=12 time=202304301112 mode=644 owner=mira group=dev"],
        ),
        (
            b"-rw-r--r--+ 1 u g 10 Jun 1 2020 x",
            &["file x size=10 time=20200601 mode=644 owner=u group=g links=1"],
        ),
        (
            b"81234  16 -rw-r--r-- 1 u g 7001 Jul 15 16:00 y",
            &["file y size=7001 time=202307151600 mode=644 owner=u group=g links=1"],
        ),
        (
            b"4.0K drwxr-xr-x 2 u g 4096 Jul 15 16:00 y/",
            &["dir y time=202307151600 mode=755 owner=u group=g links=2"],
        ),
        (
            b"drwxr-xr-x1200 u g 4096 Jul 15 16:00 z",
            &["dir z time=202307151600 mode=755 owner=u group=g links=1200"],
        ),
        (
            b"crw-rw----  1 root tty    4,  64 Mar  3 10:00 ttyS0",
            &["other ttyS0 time=202303031000 mode=660 owner=root group=tty links=1"],
        ),
        (
            b"brw-rw----  1 root disk   8,1 Mar  3 10:00 sda1",
            &["other sda1 time=202303031000 mode=660 owner=root group=disk links=1"],
        ),
        (
            b"-rw-r--r-- 1 u verylonggroup123456789 Aug 9 2018 z",
            &["file z size=123456789 time=20180809 mode=644 owner=u group=verylonggroup \
            links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 33.5k Aug 9 2018 z",
            &["file z about=34304 time=20180809 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 2023-11-05 14:22 k.txt",
            &["file k.txt size=55 time=202311051422 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 2023-11-05 14:22:31.250 +0100 k.txt",
            &["file k.txt size=55 time=20231105132231.250Z mode=644 owner=u group=g \
            links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 05 Nov 14:22 k.txt",
            &["file k.txt size=55 time=202311051422 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 5. Nov 2019 k.txt",
            &["file k.txt size=55 time=20191105 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 5 Nov 12 2019 k.txt",
            &["file k.txt size=5 time=20191112 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 Nov 05 14:22:31 2023 k.txt",
            &["file k.txt size=55 time=20231105142231 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 Nov 05 9.51 k.txt",
            &["file k.txt size=55 time=202311050951 mode=644 owner=u group=g links=1"],
        ),
        (
            b"lrwxrwxrwx 1 u g 9 Sep 1 12:00 cur -> rel/2.0 -> x",
            &["link>rel/2.0 -> x cur size=9 time=202309011200 mode=777 owner=u group=g \
            links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 5 Jan  1 00:00 a -> b",
            &["file a -> b size=5 time=202401010000 mode=644 owner=u group=g links=1"],
        ),
        (
            b"lrwxrwxrwx 1 u g 9 Sep 1 12:00 cur",
            &["link cur size=9 time=202309011200 mode=777 owner=u group=g links=1"],
        ),
        (
            "-rw-r--r-- 1 u g 55 Mär 12 2022 k".as_bytes(),
            &["file k size=55 time=20220312 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 M\xe4r 12 2022 k",
            &["file k size=55 time=20220312 mode=644 owner=u group=g links=1"],
        ),
        (
            "-rw-r--r-- 1 u g 55 12月 05 10:20 k".as_bytes(),
            &["file k size=55 time=202312051020 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 4\x8c\x8e 18\x93\xfa 2003\x94\x4e k",
            &["file k size=55 time=20030418 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 Domain Users staff 812 Feb 2 2020 q",
            &["file q size=812 time=20200202 mode=644 links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 77 3 29 03:26 n",
            &["file n size=77 time=202303290326 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 10 5 2020 Jan 02 03:04 a",
            &["file a size=2020 time=202401020304 mode=644 owner=10 group=5 links=1"],
        ),
        (
            b"-rw-r--r-- 1 mira dev DISK 48213 May  7 09:41 uni",
            &["file uni size=48213 time=202305070941 mode=644 owner=mira group=dev \
            links=1"],
        ),
        (
            b"-------r--      512    20480    20992 Nov 05  2022 Read Me",
            &["file Read Me about=20992 time=20221105 mode=4"],
        ),
        (
            b"drwxrwxr-x          folder        3 Nov 05 14:22 Docs",
            &["dir Docs time=202311051422 mode=775 owner=folder"],
        ),
        (b"-????????? ? ?    ?       ?            ? secret", &["file secret"]),
        (
            b"-rwSr-lr-T 1 u g 0 Nov 05  2022 bits",
            &["file bits size=0 time=20221105 mode=7644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 Feb 00 2022 k",
            &["file k size=55 mode=644 owner=u group=g links=1"],
        ),
        (
            b"-rw-r--r-- 1 u g 55 Nov 05 14:22  two  blanks ",
            &["file  two  blanks  size=55 time=202311051422 mode=644 owner=u group=g \
            links=1"],
        ),
        (
            b"total 8\r\n\
            drwxr-xr-x 2 u g 4096 Nov 05  2022 .\r\n\
            drwxr-xr-x 2 u g 4096 Nov 05  2022 ..\r\n\
            \r\n\
            prw------- 1 u g 0 Nov 05  2022 p",
            &["other p size=0 time=20221105 mode=600 owner=u group=g links=1"],
        ),
    ];

    #[test]
    fn every_dialect_of_ls_is_read() {
        check(Dialect::Unix, System::Unix, LINES);
    }

    #[test]
    fn undated_lines_are_read() {
        check(
            Dialect::UnixUndated,
            System::Unknown,
            &[(
                b"-rw-r--r-- 1 u g 55 k.txt",
                &["file k.txt size=55 mode=644 owner=u group=g links=1"],
            )],
        );
    }

    #[test]
    fn what_is_no_line_of_ls_is_no_entry() {
        for line in [
            b"-rw-r--r-- 1 u g 55 Nov 05 14:22".as_slice(),
            b"-rw-r--r-- 1 u g 55 Nov 05 14:22 ".as_slice(),
            b"-rw-r--r-- 1 u g xx Nov 05 14:22 k".as_slice(),
            b"-rw-r--r-- 1 u g 55 Nob 05 14:22 k".as_slice(),
            b"-rw-r--rw-r 1 u g 55 Nov 05 14:22 k".as_slice(),
            b"-rw-r--r--++ 1 u g 55 Nov 05 14:22 k".as_slice(),
            b"1 2 3 -rw-r--r-- 1 u g 55 Nov 05 14:22 k".as_slice(),
            b"lrwxrwxrwx 1 u g 9 Sep 1 12:00  -> x".as_slice(),
            b"./sub:".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Unix, line), 0, "{}", line.escape_ascii());
        }
    }
}
