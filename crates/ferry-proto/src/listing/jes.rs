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

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn jobs_are_read() {
        check(
            Dialect::Jes,
            System::Mvs,
            &[
                (b"PAYJOB    JOB04211  OUTPUT    5 Spool Files", &["file JOB04211"]),
                (
                    b"JOBNAME  JOBID    OWNER    STATUS CLASS\r\n\
                    PAYJOB   JOB04211 MIRA     OUTPUT A        RC=0000 5 spool files\r\n\
                    PAYWAIT  J0004212 MIRA     INPUT  A",
                    &["file JOB04211 owner=MIRA", "other J0004212 owner=MIRA"],
                ),
            ],
        );
    }

    #[test]
    fn what_is_no_job_is_no_entry() {
        for line in [
            b"PAYJOB  JOB4 OUTPUT".as_slice(),
            b"PAYJOB  JOB04211 MIRA DONE".as_slice(),
            b"PAYJOB  04211 OUTPUT".as_slice(),
            b"PAYJOB JOB04211".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Jes, line), 0, "{}", line.escape_ascii());
        }
    }
}
