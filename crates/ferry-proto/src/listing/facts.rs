//! Facts (RFC 3659 §7) as a listing: MLSD, or LIST of a server that sends them there. How a line
//! is read is [`crate::facts`]' business; here is what it means in a directory.

use super::times::{ListedTime, Precision};
use super::{Raw, RawKind, Read};
use crate::facts::{ParsedKind, parse_facts};

pub(super) fn read(line: &[u8]) -> Read<'_> {
    // RFC 3659 begins a line without facts with a blank; some begin every line so.
    let trimmed = line.trim_ascii_start();
    let starts_with_fact = trimmed.iter().find(|b| matches!(b, b'=' | b';' | b' ')) == Some(&b'=');
    let line = if starts_with_fact { trimmed } else { line };
    let Some(facts) = parse_facts(line) else {
        return Read::Unparsed;
    };
    let kind = match facts.kind {
        Some(ParsedKind::CurrentDir | ParsedKind::ParentDir) => return Read::Junk,
        Some(ParsedKind::File) => RawKind::File,
        Some(ParsedKind::Dir) => RawKind::Dir,
        Some(ParsedKind::Link(target)) => RawKind::Symlink(target.unwrap_or_default()),
        Some(ParsedKind::Other) => RawKind::Other,
        None => RawKind::Unknown,
    };
    let precision = |fraction: u32| {
        if fraction == 0 { Precision::Second } else { Precision::Nanosecond }
    };
    Read::Entry(Raw {
        name: facts.name,
        kind,
        size: facts.size,
        modified: facts.modify.map(|time| ListedTime::utc(time, precision(time.nanos))),
        mode: facts.unix_mode,
        owner: facts.owner.unwrap_or_default(),
        group: facts.group.unwrap_or_default(),
        unique: facts.unique.unwrap_or_default(),
        ..Raw::default()
    })
}
