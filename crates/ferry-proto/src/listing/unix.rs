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
