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
