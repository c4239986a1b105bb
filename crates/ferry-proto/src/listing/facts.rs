//! Facts (RFC 3659 §7) as a listing: MLSD, or LIST of a server that sends them there. How a line
//! is read is [`crate::facts`]' business; here is what it means in a directory.

use super::times::{ListedTime, Precision};
use super::{Asked, Context, Raw, RawKind, Read};
use crate::facts::{ParsedKind, parse_facts};

pub(super) fn read<'a>(line: &'a [u8], context: &Context) -> Read<'a> {
    // RFC 3659 begins a line without facts with a blank; some begin every line so.
    let trimmed = line.trim_ascii_start();
    let starts_with_fact = trimmed.iter().find(|b| matches!(b, b'=' | b';' | b' ')) == Some(&b'=');
    let line = if starts_with_fact { trimmed } else { line };
    // Elsewhere than in MLSD, a line that begins with a blank is not a name without facts.
    if line.starts_with(b" ") && context.asked != Asked::Facts {
        return Read::Unparsed;
    }
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

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn facts_are_read_wherever_they_come() {
        let lines = b"type=cdir;perm=el; /pub\r\n\
            type=pdir;perm=el; ..\r\n\
            Type=File;Size=77;Modify=20231105142231.5;UNIX.mode=0644;\
            unix.owner=7;UNIX.groupname=dev;unique=8U2;  lead \r\n\
            type=dir;sizd=4096;modify=20231105142231; d\r\n\
            type=OS.unix=slink:/x; l\r\n\
            type=OS.unix=symlink; m\r\n\
            type=OS.unix=chr-3/1; n\r\n\
            \x20type=file;size=5; o\r\n\
            size=5;p q";
        let want = [
            "file  lead  size=77 time=20231105142231.500Z mode=644 owner=7 group=dev unique=8U2",
            "dir d time=20231105142231Z",
            "link>/x l",
            "link m",
            "other n",
            "file o size=5",
            "unknown p q size=5",
        ];
        check(Dialect::Facts, System::Unknown, &[(lines, &want)]);
    }

    #[test]
    fn what_has_no_facts_or_no_name_is_no_entry() {
        for line in [
            b"type=file;".as_slice(),
            b"type=file; ".as_slice(),
            b"name only".as_slice(),
            b"type=file; a/b".as_slice(),
            b"type=file; ..".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Facts, line), 0, "{}", line.escape_ascii());
        }
    }
}
