//! Unix listing lines as LIST and STAT send them, and the options clients pass to LIST.
//!
//! RFC 959 leaves the form of a listing to the server; every client reads what `ls -l` prints, so
//! that is what is written, in UTC. [`parse_unix_line`] reads our own lines and their like; the
//! forms of other systems are not its business.

use std::fmt;
use std::io::Write as _;

use crate::date::{Civil, MONTHS, UnixTime, decimal, decimal_u64};

/// What a line describes: its first letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "these are all that Unix has")]
pub enum LineKind {
    /// `-`
    File,
    /// `d`
    Dir,
    /// `l`
    Link,
    /// `p`
    Pipe,
    /// `s`
    Socket,
    /// `c`
    CharDevice,
    /// `b`
    BlockDevice,
}

const KINDS: [(LineKind, u8); 7] = [
    (LineKind::File, b'-'),
    (LineKind::Dir, b'd'),
    (LineKind::Link, b'l'),
    (LineKind::Pipe, b'p'),
    (LineKind::Socket, b's'),
    (LineKind::CharDevice, b'c'),
    (LineKind::BlockDevice, b'b'),
];

/// An owner or group as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a name or a number")]
pub enum Who<'a> {
    /// By name; spaces and controls in it are printed as `_`, since columns end at spaces.
    Name(&'a str),
    /// By number.
    Id(u32),
}

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name("") => f.pad("-"),
            Self::Name(name) if !name.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                f.pad(name)
            }
            Self::Name(name) => {
                f.pad(&name.replace(|c: char| c.is_whitespace() || c.is_control(), "_"))
            }
            Self::Id(id) => f.pad(&id.to_string()),
        }
    }
}

/// One line to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers build it field by field")]
pub struct UnixLine<'a> {
    /// What it is.
    pub kind: LineKind,
    /// Permission bits, `0o7777` at most.
    pub mode: u32,
    /// Number of hard links.
    pub links: u64,
    /// Whose it is.
    pub owner: Who<'a>,
    /// And of which group.
    pub group: Who<'a>,
    /// Length in octets; devices, which have none, show 0.
    pub size: u64,
    /// Time of last modification.
    pub modified: UnixTime,
    /// The name as it is; the caller leaves out names with control octets.
    pub name: &'a [u8],
    /// Where a link points, if it is one and the target may be shown.
    pub target: Option<&'a [u8]>,
}

/// Appends `-rw-r--r--    1 alice    staff           5120 Mar 04 17:30 name`; no CRLF.
pub fn write_unix_line(line: &UnixLine<'_>, now: UnixTime, out: &mut Vec<u8>) {
    let letter = KINDS.iter().find(|(kind, _)| *kind == line.kind).map_or(b'-', |(_, l)| *l);
    let size = match line.kind {
        LineKind::CharDevice | LineKind::BlockDevice => 0,
        _ => line.size,
    };
    let (links, owner, group) = (line.links, line.owner, line.group);
    out.push(letter);
    out.extend_from_slice(&permissions(line.mode));
    // Writing into a vector cannot fail.
    let _ = write!(out, " {links:>4} {owner:<8} {group:<8} {size:>11} ");
    let _ = write!(out, "{} ", line.modified.ls_time(now));
    out.extend_from_slice(line.name);
    if let Some(target) = line.target.filter(|_| line.kind == LineKind::Link) {
        out.extend_from_slice(b" -> ");
        out.extend_from_slice(target);
    }
}

/// `rwxr-xr-x` with the set-id and sticky letters.
fn permissions(mode: u32) -> [u8; 9] {
    let letter = |bit: u32, on: u8| if mode & bit != 0 { on } else { b'-' };
    let execute = |bit: u32, special: u32, both: u8| match (mode & bit != 0, mode & special != 0) {
        (true, true) => both,
        (false, true) => both.to_ascii_uppercase(),
        (true, false) => b'x',
        (false, false) => b'-',
    };
    [
        letter(0o400, b'r'),
        letter(0o200, b'w'),
        execute(0o100, 0o4000, b's'),
        letter(0o040, b'r'),
        letter(0o020, b'w'),
        execute(0o010, 0o2000, b's'),
        letter(0o004, b'r'),
        letter(0o002, b'w'),
        execute(0o001, 0o1000, b't'),
    ]
}

/// How much of a listed time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// The line shows hour and minute.
    Minute,
    /// The line shows only the day.
    Day,
}

/// One line as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsedUnixLine<'a> {
    /// What it is.
    pub kind: LineKind,
    /// Permission bits.
    pub mode: u32,
    /// Number of hard links.
    pub links: u64,
    /// Owner, a name or a number.
    pub owner: &'a [u8],
    /// Group, a name or a number.
    pub group: &'a [u8],
    /// Length in octets.
    pub size: u64,
    /// Time of last modification, cut to `precision`.
    pub modified: UnixTime,
    /// What `modified` is worth.
    pub precision: Precision,
    /// The name.
    pub name: &'a [u8],
    /// Where a link points, if the line says so.
    pub target: Option<&'a [u8]>,
}

/// Reads a line as [`write_unix_line`] prints it, with columns of any width. The year of a line
/// without one is the latest that lies at most a day ahead of `now`.
#[must_use]
pub fn parse_unix_line(line: &[u8], now: UnixTime) -> Option<ParsedUnixLine<'_>> {
    let mut rest = line;
    let (kind, mode) = parse_mode(column(&mut rest)?)?;
    let links = decimal_u64(column(&mut rest)?)?;
    let owner = column(&mut rest)?;
    let group = column(&mut rest)?;
    let size = decimal_u64(column(&mut rest)?)?;
    let (month, day) = (column(&mut rest)?, column(&mut rest)?);
    let (modified, precision) = parse_ls_time(month, day, column(&mut rest)?, now)?;
    // Exactly one space; any more belong to the name.
    let name = rest.strip_prefix(b" ")?;
    let arrow = if kind == LineKind::Link { find(name, b" -> ") } else { None };
    let (name, target) = match arrow {
        Some(at) => (name.get(..at)?, name.get(at + 4..)),
        None => (name, None),
    };
    let names_nothing = name.is_empty() || name.contains(&0);
    let parsed =
        ParsedUnixLine { kind, mode, links, owner, group, size, modified, precision, name, target };
    (!names_nothing).then_some(parsed)
}

/// The next word, and `rest` moved behind it.
fn column<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let start = rest.iter().position(|b| *b != b' ')?;
    let text = rest.get(start..)?;
    let len = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
    let (word, tail) = text.split_at_checked(len)?;
    *rest = tail;
    Some(word)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn parse_mode(word: &[u8]) -> Option<(LineKind, u32)> {
    let (&letter, bits) = word.split_first()?;
    let (kind, _) = KINDS.iter().find(|(_, l)| *l == letter)?;
    // An eleventh character marks access lists and the like.
    let bits = bits.get(..9).filter(|_| word.len() <= 11)?;
    let mut mode = 0;
    for (i, b) in bits.iter().enumerate() {
        let bit = 0o400 >> i;
        let special = 0o4000 >> (i / 3);
        mode |= match (b, i % 3) {
            (b'-', _) => 0,
            (b'r', 0) | (b'w', 1) | (b'x', 2) => bit,
            (b's' | b't', 2) => bit | special,
            (b'S' | b'T', 2) => special,
            _ => return None,
        };
    }
    Some((*kind, mode))
}

fn parse_ls_time(
    month: &[u8],
    day: &[u8],
    clock: &[u8],
    now: UnixTime,
) -> Option<(UnixTime, Precision)> {
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name.as_bytes()))?;
    let month = u8::try_from(month + 1).ok()?;
    let day = u8::try_from(decimal(day)?).ok()?;
    let midnight = |year| Civil { year, month, day, hour: 0, minute: 0, second: 0 };
    let Some(colon) = clock.iter().position(|b| *b == b':') else {
        let date = midnight(i64::from(decimal(clock)?));
        return date.exists().then(|| (UnixTime::from_civil(date), Precision::Day));
    };
    let hour = u8::try_from(decimal(clock.get(..colon)?)?).ok()?;
    let minute = u8::try_from(decimal(clock.get(colon + 1..)?)?).ok()?;
    let this_year = now.civil().year;
    // Eight years back there is a 29 February, also across 1900 and its like.
    let dates = (this_year - 8..=this_year + 1).rev();
    let mut dates = dates.map(|year| Civil { hour, minute, ..midnight(year) });
    let tomorrow = now.secs.saturating_add(86_400);
    let date = dates.find(|d| d.exists() && UnixTime::from_civil(*d).secs <= tomorrow)?;
    Some((UnixTime::from_civil(date), Precision::Minute))
}

/// What a client asks of LIST or NLST in front of the path, as if the server ran `ls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListOptions {
    /// `-a`: hidden names, `.` and `..` too.
    pub all: bool,
    /// `-A`: hidden names too.
    pub almost_all: bool,
    /// `-1`: names only, where that is meant.
    pub one_per_line: bool,
    /// `-t`: newest first.
    pub by_time: bool,
    /// `-r`: order reversed.
    pub reverse: bool,
    /// `-S`: largest first.
    pub by_size: bool,
    /// `-d`: a directory itself, not what is in it.
    pub directory_itself: bool,
    /// `-R`: with all directories below.
    pub recursive: bool,
}

impl ListOptions {
    /// Splits the argument of LIST into options and path. Words of the form `-letters` in front
    /// are options, until `--` or the first other word; letters without a meaning here are passed
    /// over. A file may have such a name, so the caller looks for one named by the whole argument
    /// first.
    #[must_use]
    pub fn parse(arg: &[u8]) -> (Self, &[u8]) {
        let mut options = Self::default();
        let mut rest = arg;
        loop {
            let mut after = rest;
            let Some(letters) = column(&mut after).and_then(|word| word.strip_prefix(b"-")) else {
                break;
            };
            if letters == b"-" {
                rest = path_after(after);
                break;
            }
            if letters.is_empty() || !letters.iter().all(u8::is_ascii_alphanumeric) {
                break;
            }
            options.take(letters);
            rest = path_after(after);
        }
        (options, rest)
    }

    fn take(&mut self, letters: &[u8]) {
        for letter in letters {
            match letter {
                b'a' => self.all = true,
                b'A' => self.almost_all = true,
                b'1' => self.one_per_line = true,
                b't' => self.by_time = true,
                b'r' => self.reverse = true,
                b'S' => self.by_size = true,
                b'd' => self.directory_itself = true,
                b'R' => self.recursive = true,
                _ => {}
            }
        }
    }
}

/// One space separates the path from the options; any more are part of its name.
fn path_after(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b" ").unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(year: i64, month: u8, day: u8, hour: u8, minute: u8) -> UnixTime {
        UnixTime::from_civil(Civil { year, month, day, hour, minute, second: 0 })
    }

    fn sample(kind: LineKind, mode: u32, name: &'static [u8]) -> UnixLine<'static> {
        UnixLine {
            kind,
            mode,
            links: 1,
            owner: Who::Name("alice"),
            group: Who::Name("staff"),
            size: 5120,
            modified: at(2021, 3, 4, 17, 30),
            name,
            target: None,
        }
    }

    fn printed(line: &UnixLine<'_>) -> String {
        let mut out = Vec::new();
        write_unix_line(line, at(2021, 6, 1, 0, 0), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_stand_where_clients_expect_them() {
        let file = sample(LineKind::File, 0o644, b"report final.txt");
        assert_eq!(
            printed(&file),
            "-rw-r--r--    1 alice    staff           5120 Mar 04 17:30 report final.txt"
        );
        let old = UnixLine {
            links: 2,
            size: 4096,
            owner: Who::Id(1004),
            group: Who::Name("Domain Users"),
            modified: at(2020, 1, 12, 8, 0),
            ..sample(LineKind::Dir, 0o1777, b" a")
        };
        assert_eq!(
            printed(&old),
            "drwxrwxrwt    2 1004     Domain_Users        4096 Jan 12  2020  a"
        );
        let link =
            UnixLine { target: Some(b"archive/v42"), ..sample(LineKind::Link, 0o777, b"latest") };
        assert_eq!(
            printed(&link),
            "lrwxrwxrwx    1 alice    staff           5120 Mar 04 17:30 latest -> archive/v42"
        );
        let device = sample(LineKind::CharDevice, 0o6000, b"tty");
        assert_eq!(
            printed(&device),
            "c--S--S---    1 alice    staff              0 Mar 04 17:30 tty"
        );
    }

    #[test]
    fn a_line_without_year_means_the_latest_that_is_not_far_ahead() {
        let cases = [
            ("Mar 04 17:30", at(2021, 6, 1, 0, 0), Some(at(2021, 3, 4, 17, 30))),
            ("Mar  4 17:30", at(2021, 2, 1, 0, 0), Some(at(2020, 3, 4, 17, 30))),
            ("Jan 01 00:10", at(2021, 12, 31, 23, 50), Some(at(2022, 1, 1, 0, 10))),
            ("Jan 02 00:00", at(2021, 12, 31, 23, 50), Some(at(2021, 1, 2, 0, 0))),
            ("Feb 29 12:00", at(2021, 3, 1, 0, 0), Some(at(2020, 2, 29, 12, 0))),
            ("feb 28  1999", at(2021, 3, 1, 0, 0), Some(at(1999, 2, 28, 0, 0))),
            ("Feb 30 12:00", at(2021, 3, 1, 0, 0), None),
            ("Feb 29  2021", at(2021, 3, 1, 0, 0), None),
            ("Foo 28 12:00", at(2021, 3, 1, 0, 0), None),
            ("Feb 28 24:00", at(2021, 3, 1, 0, 0), None),
        ];
        for (time, now, want) in cases {
            let line = format!("-rw-r--r-- 1 u g 5 {time} x");
            let parsed = parse_unix_line(line.as_bytes(), now);
            assert_eq!(parsed.map(|line| line.modified), want, "{time}");
        }
    }

    #[test]
    fn lines_keep_their_names_whole() {
        let now = at(2021, 6, 1, 0, 0);
        let parse = |text: &'static str| {
            parse_unix_line(text.as_bytes(), now).map(|line| (line.name, line.target))
        };
        assert_eq!(
            parse("-rw-r--r--+ 1 u g 5 Mar 04 17:30   a -> b "),
            Some((&b"  a -> b "[..], None))
        );
        assert_eq!(
            parse("lrwxrwxrwx 1 u g 5 Mar 04 17:30 a -> b -> c"),
            Some((&b"a"[..], Some(&b"b -> c"[..])))
        );
        assert_eq!(parse("lrwxrwxrwx 1 u g 5 Mar 04 17:30 a"), Some((&b"a"[..], None)));
        for wrong in [
            "",
            "total 5",
            "-rw-r--r-- 1 u g 5 Mar 04 17:30",
            "-rw-r--r-- 1 u g 5 Mar 04 17:30 ",
            "-rw-r--r-- 1 u g x Mar 04 17:30 a",
            "-rw-r--rx- 1 u g 5 Mar 04 17:30 a",
            "?rw-r--r-- 1 u g 5 Mar 04 17:30 a",
            "-rw-r--r--++ 1 u g 5 Mar 04 17:30 a",
            "-rw-r--r-- 1 u g 5 Mar 04 17:30 a\0",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn options_end_at_the_path() {
        let all = ListOptions { all: true, ..ListOptions::default() };
        let cases: &[(&str, ListOptions, &str)] = &[
            ("", ListOptions::default(), ""),
            ("-a", all, ""),
            ("-al", all, ""),
            ("-aL  docs", all, " docs"),
            ("-l -a docs", all, "docs"),
            ("-l  -a docs", all, "docs"),
            ("-a -- -l", all, "-l"),
            ("-a --", all, ""),
            ("-a -", all, "-"),
            ("-a docs -R", all, "docs -R"),
            ("-foo.txt", ListOptions::default(), "-foo.txt"),
            ("--help", ListOptions::default(), "--help"),
            (" -x", ListOptions::default(), ""),
            (" docs", ListOptions::default(), " docs"),
        ];
        for (arg, options, path) in cases {
            assert_eq!(ListOptions::parse(arg.as_bytes()), (*options, path.as_bytes()), "{arg}");
        }
        let (options, path) = ListOptions::parse(b"-1trSdRA x");
        let every = ListOptions {
            all: false,
            almost_all: true,
            one_per_line: true,
            by_time: true,
            reverse: true,
            by_size: true,
            directory_itself: true,
            recursive: true,
        };
        assert_eq!((options, path), (every, &b"x"[..]));
    }

    proptest! {
        #[test]
        fn a_printed_line_reads_back(
            kind in 0..KINDS.len(),
            mode in 0u32..0o10000,
            numbers in any::<(u64, u64, u32)>(),
            owner in "[a-z0-9._-]{1,12}",
            age in -86_400i64..20_000_000_000,
            name in proptest::collection::vec(1u8.., 1..30),
        ) {
            let now = at(2021, 6, 1, 12, 30);
            let line = UnixLine {
                kind: KINDS[kind].0,
                mode,
                links: numbers.0,
                owner: Who::Name(&owner),
                group: Who::Id(numbers.2),
                size: numbers.1,
                modified: UnixTime::from_secs(now.secs - age),
                name: &name,
                target: None,
            };
            let mut out = Vec::new();
            write_unix_line(&line, now, &mut out);
            let read = parse_unix_line(&out, now).unwrap();
            prop_assert_eq!((read.kind, read.mode, read.links), (line.kind, mode, numbers.0));
            prop_assert_eq!(read.owner, owner.as_bytes());
            let step = if read.precision == Precision::Minute { 60 } else { 86_400 };
            let cut = line.modified.secs.div_euclid(step) * step;
            prop_assert_eq!(read.modified, UnixTime::from_secs(cut));
            if line.kind != LineKind::Link {
                prop_assert_eq!(read.name, &name[..]);
            }
        }
    }
}
