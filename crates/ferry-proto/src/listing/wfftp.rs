//! Listings of Nortel's routers: name, length, date, day of the week with a point, time.

use super::columns::Columns;
use super::times::{Clock, numeric_date};
use super::{Context, Raw, RawKind, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    entry(line, context).into()
}

fn entry<'a>(line: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let columns = Columns::of(line);
    let name = columns.get(0)?;
    let size = Some(columns.number(1)?);
    let weekday = columns.get(3)?.strip_suffix(b".")?;
    if !weekday.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let clock = Clock::parse(columns.last(4)?)?;
    let date = numeric_date(columns.get(2)?, &mut context.day_first)?;
    let modified = date.at(Some(clock), context.now);
    Some(Raw { name, kind: RawKind::File, size, modified, ..Raw::default() })
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn files_of_routers_are_read() {
        check(
            Dialect::WfFtp,
            System::Unknown,
            &[(
                b"CONFIG.CFG    2048  11/05/23  Sun.  14:22:31",
                &["file CONFIG.CFG size=2048 time=20231105142231"],
            )],
        );
    }

    #[test]
    fn what_routers_do_not_list_is_no_entry() {
        for line in [
            b"CONFIG.CFG 2048 11/05/23 Sun 14:22:31".as_slice(),
            b"CONFIG.CFG x 11/05/23 Sun. 14:22:31".as_slice(),
            b"CONFIG.CFG 2048 11/05/23 Sun. 14:22:31 x".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::WfFtp, line), 0, "{}", line.escape_ascii());
        }
    }
}
