//! Easily Parsed LIST Format: `+`, facts with commas behind each, a tab, the name.

use super::times::{ListedTime, Precision};
use super::{Raw, RawKind, Read};
use crate::date::{UnixTime, decimal_u64};

pub(super) fn read(line: &[u8]) -> Read<'_> {
    entry(line).into()
}

fn entry(line: &[u8]) -> Option<Raw<'_>> {
    let line = line.strip_prefix(b"+")?;
    let tab = line.iter().position(|b| *b == b'\t')?;
    let mut raw = Raw { name: line.get(tab + 1..)?, ..Raw::default() };
    for fact in line.get(..tab)?.split(|b| *b == b',') {
        match fact.split_first() {
            Some((b'/', b"")) => raw.kind = RawKind::Dir,
            Some((b'r', b"")) => raw.kind = RawKind::File,
            Some((b's', size)) => raw.size = decimal_u64(size),
            Some((b'm', secs)) => {
                let secs = decimal_u64(secs).and_then(|secs| i64::try_from(secs).ok());
                let time = secs.map(UnixTime::from_secs);
                raw.modified = time.map(|time| ListedTime::utc(time, Precision::Second));
            }
            Some((b'i', unique)) => raw.unique = unique,
            Some((b'u', [b'p', digits @ ..])) => raw.mode = crate::facts::octal(digits),
            // Whatever else there is may be passed over; that is the format's promise.
            _ => {}
        }
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn facts_before_the_tab_are_read() {
        check(
            Dialect::Eplf,
            System::Unknown,
            &[
                (
                    b"+i81.4411,m1699194151,r,s10234,up644,\ta.txt",
                    &["file a.txt size=10234 time=20231105142231Z mode=644 unique=81.4411"],
                ),
                (b"+m1699194151,/,\tpub", &["dir pub time=20231105142231Z"]),
                (b"+\t two  words", &["unknown  two  words"]),
                (b"+zfuture,r,s?,\tx", &["file x"]),
            ],
        );
    }

    #[test]
    fn lines_without_tab_or_name_are_no_entries() {
        for line in [b"+r,s5, x".as_slice(), b"+r,s5,\t".as_slice(), b"r,s5,\tx".as_slice()] {
            assert_eq!(entries_of(Dialect::Eplf, line), 0, "{}", line.escape_ascii());
        }
    }
}
