//! Listings for people: the long line, sizes with units, times, the order. Pure; names come out
//! harmless.

use std::cmp::Ordering;

use ferry_proto::path::ForPeople;
use ferry_storage::{Entry, Kind, Meta, Precision};

use crate::cli::SortBy;

/// `1.5M`: at most three digits and a unit of powers of 1024.
pub(crate) fn human(octets: u64) -> String {
    const UNITS: [&str; 6] = ["K", "M", "G", "T", "P", "E"];
    if octets < 1024 {
        return octets.to_string();
    }
    let (mut whole, mut unit) = (u128::from(octets) * 10, 0);
    // In tenths, rounded once at the end.
    let mut scale = 1024_u128;
    while whole / scale >= 10_240 && unit + 1 < UNITS.len() {
        scale *= 1024;
        unit += 1;
    }
    whole = (whole + scale / 2) / scale;
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    match whole {
        tenths @ 0..100 => format!("{}.{}{unit}", tenths / 10, tenths % 10),
        tenths => format!("{}{unit}", (tenths + 5) / 10),
    }
}

/// A size as a column shows it.
fn size(meta: &Meta, with_units: bool) -> String {
    match (meta.kind, meta.size_known) {
        (Kind::Dir, _) => "-".to_owned(),
        (_, false) => "?".to_owned(),
        (_, true) if with_units => human(meta.size),
        (_, true) => meta.size.to_string(),
    }
}

/// Kind and permission bits, as `ls -l` shows them; `?` where nobody knows.
fn rights(meta: &Meta) -> String {
    let kind = match meta.kind {
        Kind::File => '-',
        Kind::Dir => 'd',
        Kind::Symlink => 'l',
        _ => '?',
    };
    let mut out = String::from(kind);
    let Some(mode) = meta.mode else {
        out.push_str("?????????");
        return out;
    };
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    out
}

/// A time as a column shows it, in UTC, as much of it as is known.
fn time(meta: &Meta) -> String {
    let civil = meta.modified.civil();
    let day = format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
    let minute = format!("{day} {:02}:{:02}", civil.hour, civil.minute);
    match meta.precision {
        Precision::Fraction | Precision::Second => format!("{minute}:{:02}", civil.second),
        Precision::Minute => minute,
        Precision::Day => day,
        _ => "-".to_owned(),
    }
}

/// The line of `ls -l`, for a name that is harmless already.
pub(crate) fn long(shown: &str, meta: &Meta, link: Option<&[u8]>, with_units: bool) -> String {
    let mut line =
        format!("{} {:>12} {:<19} {}", rights(meta), size(meta, with_units), time(meta), shown);
    if let Some(link) = link {
        line.push_str(&format!(" -> {}", ForPeople(link)));
    }
    line
}

/// Everything about one name, on lines of its own.
pub(crate) fn full(shown: &str, meta: &Meta) -> String {
    let kind = match meta.kind {
        Kind::File => "file",
        Kind::Dir => "directory",
        Kind::Symlink => "symbolic link",
        _ => "something else",
    };
    let mut lines = vec![shown.to_owned(), format!("  Kind:      {kind}")];
    if meta.kind != Kind::Dir {
        let size = if meta.size_known { meta.size.to_string() } else { "not known".to_owned() };
        lines.push(format!("  Size:      {size}"));
    }
    if meta.precision < Precision::Unknown {
        lines.push(format!("  Modified:  {} UTC", time(meta)));
    }
    if let Some(created) = meta.created {
        lines.push(format!("  Created:   {}", crate::records::time(created)));
    }
    if let Some(mode) = meta.mode {
        lines.push(format!("  Rights:    {mode:04o} ({})", rights(meta)));
    }
    if let (Some(owner), Some(group)) = (meta.owner, meta.group) {
        lines.push(format!("  Owner:     {owner}, group {group}"));
    }
    lines.join("\n")
}

fn extension(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|&b| b == b'.') {
        None | Some(0) => b"",
        Some(at) => name.get(at + 1..).unwrap_or_default(),
    }
}

/// Puts entries into the order asked for: names up, sizes and times down, as `ls` does.
pub(crate) fn sort(entries: &mut [Entry], by: SortBy, reverse: bool) {
    let order = |a: &Entry, b: &Entry| -> Ordering {
        let first = match by {
            SortBy::Name | SortBy::None => Ordering::Equal,
            SortBy::Size => b.meta.size.cmp(&a.meta.size),
            SortBy::Time => b.meta.modified.cmp(&a.meta.modified),
            SortBy::Extension => extension(&a.name).cmp(extension(&b.name)),
        };
        first.then_with(|| a.name.cmp(&b.name))
    };
    if by != SortBy::None {
        entries.sort_by(order);
    }
    if reverse {
        entries.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_proto::date::UnixTime;

    fn meta(kind: Kind, size: u64, secs: i64) -> Meta {
        Meta {
            kind,
            size,
            size_known: true,
            modified: UnixTime::from_secs(secs),
            precision: Precision::Second,
            created: None,
            mode: Some(0o644),
            links: 1,
            owner: None,
            group: None,
            unique: (0, 0),
        }
    }

    #[test]
    fn sizes_have_at_most_three_digits_and_a_unit() {
        let cases = [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1536, "1.5K"),
            (10 << 10, "10K"),
            (1023 << 10, "1023K"),
            (1 << 20, "1.0M"),
            (3 << 29, "1.5G"),
            (u64::MAX, "16E"),
        ];
        for (octets, want) in cases {
            assert_eq!(human(octets), want, "{octets}");
        }
    }

    #[test]
    fn a_long_line_says_what_is_known_and_nothing_else() {
        let file = meta(Kind::File, 12, 1_772_368_215);
        let want = "-rw-r--r--           12 2026-03-01 12:30:15 a?b";
        assert_eq!(long("a?b", &file, None, false), want);
        let vague = Meta { mode: None, size_known: false, precision: Precision::Day, ..file };
        let want = "-?????????            ? 2026-03-01          x -> y";
        assert_eq!(long("x", &vague, Some(b"y"), false), want);
        let dir = Meta { mode: Some(0o1777), ..meta(Kind::Dir, 4096, 0) };
        assert!(long("tmp", &dir, None, true).starts_with("drwxrwxrwt            - "));
    }

    #[test]
    fn the_order_is_the_one_asked_for() {
        let entry = |name: &str, size, secs| Entry {
            name: name.as_bytes().to_vec(),
            meta: meta(Kind::File, size, secs),
            link: None,
            target: None,
        };
        let given = [entry("b.a", 1, 3), entry("a.b", 3, 2), entry("c", 2, 1)];
        let cases = [
            (SortBy::Name, false, "a.b b.a c"),
            (SortBy::Name, true, "c b.a a.b"),
            (SortBy::Size, false, "a.b c b.a"),
            (SortBy::Time, false, "b.a a.b c"),
            (SortBy::Extension, false, "c b.a a.b"),
            (SortBy::None, false, "b.a a.b c"),
            (SortBy::None, true, "c a.b b.a"),
        ];
        for (by, reverse, want) in cases {
            let mut entries = given.to_vec();
            sort(&mut entries, by, reverse);
            let names: Vec<_> =
                entries.iter().map(|e| String::from_utf8_lossy(&e.name).into_owned()).collect();
            assert_eq!(names.join(" "), want, "{by:?} {reverse}");
        }
    }
}
