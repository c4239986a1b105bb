//! Listings of IBM i: owner, length, date, time, `*TYPE`, name. Members of files have neither
//! length nor date.

use super::columns::Columns;
use super::times::{Clock, numeric_date};
use super::{Context, Raw, RawKind, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    let Some(mut raw) = entry(line, context) else {
        return Read::Unparsed;
    };
    // A library lists the members of its files, too: `X.FILE/Y.MBR` behind `X.FILE`. They are not
    // in this directory. Where the file itself is listed, no line for it comes before.
    if let Some(slash) = raw.name.iter().rposition(|b| *b == b'/') {
        let (file, member) = raw.name.split_at(slash);
        if !context.before.is_empty() && context.before == file {
            return Read::Junk;
        }
        raw.name = member.get(1..).unwrap_or_default();
    } else if raw.kind == RawKind::Dir {
        context.before.clear();
        context.before.extend_from_slice(raw.name);
    }
    Some(raw).into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let owner = columns.get(0)?;
    let kind_at = (1..=4).find(|at| columns.get(*at).is_some_and(|word| word.starts_with(b"*")))?;
    let mut raw = Raw { owner, name: columns.starting_at(kind_at + 1)?, ..Raw::default() };
    let kind = columns.get(kind_at)?;
    raw.kind = match kind {
        b"*DIR" | b"*DDIR" | b"*LIB" | b"*FLR" | b"*FILE" => RawKind::Dir,
        b"*STMF" | b"*DSTMF" | b"*DOC" | b"*MEM" => RawKind::File,
        b"*SYMLNK" => RawKind::Symlink(b""),
        _ if kind.get(1..)?.iter().all(u8::is_ascii_alphanumeric) && kind.len() > 1 => {
            RawKind::Other
        }
        _ => return None,
    };
    raw.take_slash();
    match kind_at {
        1 => {}
        4 => {
            raw.size = Some(columns.number(1)?);
            let date = numeric_date(columns.get(2)?, &mut context.day_first)?;
            raw.modified = date.at(Some(Clock::parse(columns.get(3)?)?), context.now);
        }
        _ => return None,
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn objects_of_ibm_i_are_read() {
        check(
            Dialect::As400,
            System::Os400,
            &[
                (
                    b"MIRA           20480 11/05/23 14:22:31 *STMF      a b.txt",
                    &["file a b.txt size=20480 time=20231105142231 owner=MIRA"],
                ),
                (
                    b"QSYS 4096 05.11.23 14:22:31 *DIR docs/",
                    &["dir docs time=20231105142231 owner=QSYS"],
                ),
                (
                    b"QSYS 4096 23-11-05 14:22:31 *PGM X.PGM",
                    &["other X.PGM size=4096 time=20051123142231 owner=QSYS"],
                ),
                (
                    b"MIRA 4096 11/05/23 14:22:31 *FILE X.FILE\r\n\
                    MIRA            *MEM       X.FILE/Y.MBR",
                    &["dir X.FILE time=20231105142231 owner=MIRA"],
                ),
                (b"MIRA            *MEM       X.FILE/Y.MBR", &["file Y.MBR owner=MIRA"]),
                (
                    b"MIRA 10 11/05/23 14:22:31 *SYMLNK cur",
                    &["link cur size=10 time=20231105142231 owner=MIRA"],
                ),
            ],
        );
    }

    #[test]
    fn what_ibm_i_does_not_list_is_no_entry() {
        for line in [
            b"MIRA 20480 11/05/23 14:22:31 *STMF".as_slice(),
            b"MIRA 20480 11/05/23 14:22:31 STMF a".as_slice(),
            b"MIRA 20480 11/05/23 *STMF a".as_slice(),
            b"MIRA 1 11/05/23 14:22:31 * a".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::As400, line), 0, "{}", line.escape_ascii());
        }
    }
}
