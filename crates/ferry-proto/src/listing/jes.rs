//! Jobs of z/OS, which the server lists after SITE FILETYPE=JES: name, identifier, owner, status.
//! An entry is the job's identifier, since that is what RETR takes.

use super::columns::Columns;
use super::{Raw, RawKind, Read};
use crate::date::decimal;

pub(super) fn read(line: &[u8]) -> Read<'_> {
    let columns = Columns::of(line);
    if columns.get(0) == Some(b"JOBNAME") && columns.get(1) == Some(b"JOBID") {
        return Read::Junk;
    }
    entry(&columns).into()
}

fn entry<'a>(columns: &Columns<'a>) -> Option<Raw<'a>> {
    let (job, name) = (columns.get(0)?, columns.get(1)?);
    let prefixes: [&[u8]; 6] = [b"JOB", b"STC", b"TSU", b"J", b"S", b"T"];
    let digits = prefixes.iter().find_map(|prefix| name.strip_prefix(*prefix))?;
    decimal(digits).filter(|_| digits.len() >= 5)?;
    if job.len() > 8 {
        return None;
    }
    // JES2 interface level 2 shows the owner first.
    let (at, owner) = match status(columns.get(2)?) {
        Some(_) => (2, &b""[..]),
        None => (3, columns.get(2)?),
    };
    let kind = status(columns.get(at)?)?;
    Some(Raw { name, kind, owner, ..Raw::default() })
}

/// Only what has run has output to be retrieved.
fn status(word: &[u8]) -> Option<RawKind<'static>> {
    match word {
        b"OUTPUT" => Some(RawKind::File),
        b"INPUT" | b"ACTIVE" | b"HELD" => Some(RawKind::Other),
        _ => None,
    }
}
