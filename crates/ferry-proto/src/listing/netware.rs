//! Listings of NetWare: kind, rights in brackets, owner, length, a date as of `ls`, name.

use super::columns::Columns;
use super::unix_date::{Certainty, date_at};
use super::{Context, Raw, RawKind, Read};

/// Owners may be of several words.
const BEFORE_DATE_MAX: usize = 8;

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    entry(line, context).into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let (letter, attached) = columns.get(0)?.split_first()?;
    let kind = match letter {
        b'd' => RawKind::Dir,
        b'-' => RawKind::File,
        _ => return None,
    };
    let (rights, owner_at) = match attached {
        b"" => (columns.get(1)?, 2),
        rights => (rights, 1),
    };
    let letters = rights.strip_prefix(b"[")?.strip_suffix(b"]")?;
    if letters.is_empty() || !letters.iter().all(|b| b"SRWCEMFA-".contains(b)) {
        return None;
    }
    for at in owner_at + 1..columns.len().min(owner_at + BEFORE_DATE_MAX) {
        let Some(size) = columns.number(at - 1) else {
            continue;
        };
        if let Some(date) = date_at(&columns, at, Certainty::Sure, context) {
            let owner = if at == owner_at + 2 { columns.get(owner_at)? } else { b"" };
            let (modified, name) = (date.time, columns.after(date.last)?);
            return Some(Raw { name, kind, size: Some(size), owner, modified, ..Raw::default() });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn rights_in_brackets_are_read() {
        check(
            Dialect::NetWare,
            System::Unknown,
            &[
                (
                    b"d [RWCEAFMS] mira                 512 Nov 05 14:22 SHARE",
                    &["dir SHARE time=202311051422 owner=mira"],
                ),
                (
                    b"-[R----F-] mira 8192 Nov 05  2022 X Y.DAT",
                    &["file X Y.DAT size=8192 time=20221105 owner=mira"],
                ),
                (
                    b"- [R----F-] Mira of Sales 8192 Nov 05  2022 X",
                    &["file X size=8192 time=20221105"],
                ),
            ],
        );
    }

    #[test]
    fn what_netware_does_not_list_is_no_entry() {
        for line in [
            b"d [RWXX] mira 512 Nov 05 14:22 SHARE".as_slice(),
            b"d mira 512 Nov 05 14:22 SHARE".as_slice(),
            b"d [R] mira 512 Nov 05 14:22".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::NetWare, line), 0, "{}", line.escape_ascii());
        }
    }
}
