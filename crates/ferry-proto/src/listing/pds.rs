//! Members of a partitioned data set of z/OS, with the statistics of ISPF, or load modules, or
//! names alone below the header of either.

use super::columns::Columns;
use super::times::{Clock, numeric_date};
use super::{Context, Raw, RawKind, Read};

const NAME_MAX: usize = 8;

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    let columns = Columns::of(line);
    if columns.get(0) == Some(b"Name") && matches!(columns.get(1), Some(b"VV.MM" | b"Size")) {
        context.header = true;
        return Read::Junk;
    }
    let Some(name) = columns.get(0).filter(|name| is_member(name)) else {
        return Read::Unparsed;
    };
    let raw = Raw { name, kind: RawKind::File, ..Raw::default() };
    if columns.len() == 1 {
        // Without the header, any word in capitals would be a member.
        return if context.header { Read::Entry(raw) } else { Read::Unparsed };
    }
    with_statistics(raw, &columns, context).or_else(|| load_module(raw, &columns)).into()
}

/// `PAYCALC   01.04 2023/02/01 2023/11/05 14:22   310   300     0 MIRA`
fn with_statistics<'a>(
    raw: Raw<'a>,
    columns: &Columns<'a>,
    context: &mut Context,
) -> Option<Raw<'a>> {
    let [v1, v2, b'.', m1, m2] = columns.get(1)? else {
        return None;
    };
    if ![v1, v2, m1, m2].iter().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let date_of = |at: usize, context: &mut Context| {
        let word = columns.get(at)?;
        // Two digits of the year come first here, whatever they could be elsewhere.
        match word {
            [a, b, b'/', rest @ ..] if rest.len() == 5 => {
                let year = super::times::full_year(&[*a, *b])?;
                let (month, day) = (rest.get(..2)?, rest.get(3..)?);
                let (month, day) = (two(month)?, two(day)?);
                Some(super::times::Date { year: Some(year), month, day })
            }
            _ => numeric_date(word, &mut context.day_first),
        }
    };
    date_of(2, context)?;
    let changed = date_of(3, context)?;
    let clock = Clock::parse(columns.get(4)?)?;
    // The length is counted in records of a length that the listing does not show.
    (5..8).try_for_each(|at| columns.number(at).map(|_| ()))?;
    let owner = columns.get(8).unwrap_or_default();
    Some(Raw { modified: changed.at(Some(clock), context.now), owner, ..raw })
}

/// `IEFBR14   0000A8   000004          00 FO             31 ANY`
fn load_module<'a>(raw: Raw<'a>, columns: &Columns<'_>) -> Option<Raw<'a>> {
    let hex = |at: usize, len: usize| {
        let word = columns.get(at).filter(|word| word.len() == len)?;
        u64::from_str_radix(core::str::from_utf8(word).ok()?, 16).ok()
    };
    let size = hex(1, 6).or_else(|| hex(1, 8))?;
    hex(2, 6).filter(|_| columns.len() >= 4)?;
    Some(Raw { about: Some(size), ..raw })
}

fn two(digits: &[u8]) -> Option<u8> {
    super::times::one_or_two(digits).filter(|_| digits.len() == 2)
}

fn is_member(word: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_uppercase() || b"@#$".contains(b);
    word.len() <= NAME_MAX
        && word.first().is_some_and(letter)
        && word.iter().all(|b| letter(b) || b.is_ascii_digit() || *b == b'{')
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn members_are_read() {
        check(
            Dialect::Pds,
            System::Mvs,
            &[
                (
                    b"\x20Name     VV.MM   Created       Changed      Size  Init   Mod   Id\r\n\
                    PAYCALC   01.04 2023/02/01 2023/11/05 14:22   310   300     0 MIRA\r\n\
                    PAYOLD    01.04 97/02/01 97/11/05 14:22   310   300     0 MIRA\r\n\
                    PAYSEC    01.04 2023/02/01 2023/11/05 14:22:31   310   300     0 MIRA\r\n\
                    BARE",
                    &[
                        "file PAYCALC time=202311051422 owner=MIRA",
                        "file PAYOLD time=199711051422 owner=MIRA",
                        "file PAYSEC time=20231105142231 owner=MIRA",
                        "file BARE",
                    ],
                ),
                (
                    b"\x20Name      Size     TTR   Alias-of AC --------- Attributes --------- \
                    Amode Rmode\r\n\
                    IEFBR14   0000A8   000004          00 FO             31    ANY",
                    &["file IEFBR14 about=168"],
                ),
            ],
        );
    }

    #[test]
    fn what_is_no_member_is_no_entry() {
        for line in [
            b"BARE".as_slice(),
            b"paycalc 01.04 2023/02/01 2023/11/05 14:22 310 300 0 MIRA".as_slice(),
            b"PAYCALC 1.4 2023/02/01 2023/11/05 14:22 310 300 0 MIRA".as_slice(),
            b"PAYCALC 01.04 2023/02/01 2023/11/05".as_slice(),
            b"IEFBR14 0000AX 000004 00 FO".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Pds, line), 0, "{}", line.escape_ascii());
        }
    }
}
