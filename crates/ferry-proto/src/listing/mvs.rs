//! Data sets of z/OS: volume, unit, last reference, extents, tracks, record format, record length,
//! block length, organisation, name; or just what kind of thing a name is. Members of partitioned
//! data sets are in `pds`.

use super::columns::Columns;
use super::times::numeric_date;
use super::{Context, Raw, RawKind, Read};

/// The qualified name of a data set.
const NAME_MAX: usize = 44;
/// What a track of a 3390 holds.
const TRACK: u64 = 56_664;

pub(super) fn read<'a>(line: &'a [u8], context: &mut Context) -> Read<'a> {
    let columns = Columns::of(line);
    if columns.get(0) == Some(b"Volume") && columns.get(1) == Some(b"Unit") {
        return Read::Junk;
    }
    let name = columns.len().checked_sub(1).and_then(|last| columns.get(last)).and_then(name);
    let Some(name) = name else {
        return Read::Unparsed;
    };
    described(&columns, name, context).or_else(|| kind_only(&columns, name)).into()
}

/// `WRK007 3390   2023/11/05  1   15  FB      80 27920  PS  PAY.INPUT`
fn described<'a>(columns: &Columns<'a>, name: &'a [u8], context: &mut Context) -> Option<Raw<'a>> {
    let count = columns.len();
    let kind = match columns.get(count.checked_sub(2)?)? {
        b"PS" | b"PS-E" | b"PS-L" | b"DA" => RawKind::File,
        b"PO" | b"PO-E" => RawKind::Dir,
        b"VS" | b"VSAM" | b"IS" | b"PSU" | b"POU" | b"?" => RawKind::Other,
        _ => return None,
    };
    // Extents and tracks grow together when they are large.
    if !(9..=10).contains(&count) {
        return None;
    }
    // The day of the last use, or `**NONE**`. No time of modification is shown.
    let referred = columns.get(2)?;
    if !referred.starts_with(b"**") {
        numeric_date(referred, &mut context.day_first)?;
    }
    columns.number(3)?;
    let used = if count == 10 { columns.number(4) } else { None };
    let about = used.map(|tracks| tracks.saturating_mul(TRACK));
    Some(Raw { name, kind, about, ..Raw::default() })
}

/// `Migrated  PAY.OLD`, `Pseudo Directory  PAY.X`, `WRK007 3390  VSAM  PAY.KS` and their like.
fn kind_only<'a>(columns: &Columns<'a>, name: &'a [u8]) -> Option<Raw<'a>> {
    let word = |at: usize| columns.get(at).unwrap_or_default();
    let kind = match (columns.len(), word(0)) {
        // What it was is known only when it is back.
        (2, b"Migrated" | b"MIGRAT" | b"MIGRATED" | b"ARCIVE" | b"ARCHIVE") => RawKind::Unknown,
        (2, b"VSAM" | b"GDG" | b"PATH" | b"ALIAS") => RawKind::Other,
        (3, b"Pseudo") if word(1) == b"Directory" => RawKind::Dir,
        (3, b"User") if word(1) == b"Catalog" => RawKind::Other,
        (3, _) if word(1).eq_ignore_ascii_case(b"tape") => RawKind::File,
        (4, b"Error") if word(1) == b"determining" && word(2) == b"attributes" => RawKind::Unknown,
        (4, _) if matches!(word(2), b"VSAM" | b"GDG" | b"PATH" | b"ALIAS") => RawKind::Other,
        (5, b"Not") if word(1) == b"Direct" && word(3) == b"Device" => RawKind::File,
        (6 | 7, _) if columns.get(columns.len() - 3)? == b"Access" => {
            let device = columns.len() - 2;
            if word(device) != b"Device" {
                return None;
            }
            RawKind::File
        }
        _ => return None,
    };
    Some(Raw { name, kind, ..Raw::default() })
}

/// A name, perhaps in the quotes that make it absolute.
fn name(word: &[u8]) -> Option<&[u8]> {
    let bare = word.strip_prefix(b"'").and_then(|word| word.strip_suffix(b"'")).unwrap_or(word);
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"@#$.-{".contains(b);
    let fits = (1..=NAME_MAX).contains(&bare.len()) && bare.iter().all(allowed);
    fits.then_some(bare)
}

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn data_sets_are_read() {
        check(
            Dialect::Mvs,
            System::Mvs,
            &[
                (
                    b"Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\r\n\
                    WRK007 3390   2023/11/05  1   15  FB      80 27920  PS  PAY.INPUT\r\n\
                    WRK007 3390   **NONE**    1   15  FB      80 27920  PO-E  'PAY.LIB'",
                    &["file PAY.INPUT about=849960", "dir PAY.LIB"],
                ),
                (
                    b"WRK007 3390   2023/11/05  123456  FB      80 27920  PS  PAY.GLUED",
                    &["file PAY.GLUED"],
                ),
                (b"Migrated                                        PAY.OLD", &["unknown PAY.OLD"]),
                (b"Pseudo Directory                                PAY.X", &["dir PAY.X"]),
                (b"WRK007 3390            VSAM  PAY.KS", &["other PAY.KS"]),
                (b"WRK007 Tape                                     PAY.TAPE", &["file PAY.TAPE"]),
                (b"WRK007 Not Direct Access Device                 PAY.FAR", &["file PAY.FAR"]),
                (b"Not Direct Access Device                        PAY.FAR", &["file PAY.FAR"]),
                (b"Error determining attributes                    PAY.ODD", &["unknown PAY.ODD"]),
            ],
        );
    }

    #[test]
    fn what_is_no_data_set_is_no_entry() {
        for line in [
            b"WRK007 3390 2023/11/05 1 15 FB 80 27920 PX PAY.INPUT".as_slice(),
            b"WRK007 3390 sometime 1 15 FB 80 27920 PS PAY.INPUT".as_slice(),
            b"Migrated PAY/OLD".as_slice(),
            b"Pseudo PAY.X".as_slice(),
            b"some words here".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Mvs, line), 0, "{}", line.escape_ascii());
        }
    }
}
