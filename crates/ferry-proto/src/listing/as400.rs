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
