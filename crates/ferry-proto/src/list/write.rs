//! Lines of `ls -l` as this server prints them.

use std::fmt;

use super::{KINDS, LineKind};
use crate::date::UnixTime;
use crate::digits;

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
        let mut text = Vec::new();
        self.put(&mut text);
        f.pad(&String::from_utf8_lossy(&text))
    }
}

impl Who<'_> {
    /// Appends it, and gives how many columns it takes.
    fn put(self, out: &mut Vec<u8>) -> usize {
        let from = out.len();
        match self {
            Self::Name("") => out.push(b'-'),
            Self::Name(name) => {
                let breaks = |c: char| c.is_whitespace() || c.is_control();
                out.extend_from_slice(name.replace(breaks, "_").as_bytes());
                return name.chars().count();
            }
            Self::Id(id) => digits::decimal(id.into(), out),
        }
        out.len() - from
    }

    /// Appends it with spaces up to [`COLUMNS`].
    fn write(self, out: &mut Vec<u8>) {
        let columns = self.put(out);
        out.extend(std::iter::repeat_n(b' ', COLUMNS.saturating_sub(columns)));
    }
}

/// How wide owners and groups are at least.
const COLUMNS: usize = 8;

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
    out.push(b' ');
    digits::write::<10>(links, 4, b' ', out);
    for who in [owner, group] {
        out.push(b' ');
        who.write(out);
    }
    out.push(b' ');
    digits::write::<10>(size, 11, b' ', out);
    out.push(b' ');
    line.modified.write_ls_time(now, out);
    out.push(b' ');
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
