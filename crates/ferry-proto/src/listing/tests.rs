//! Listings as they come: tables of lines per dialect, and properties over random ones.

mod properties;
mod reader;

use super::{Asked, Dialect, Hint, ListedEntry, ListingReader, Report, System};
use crate::date::{Civil, UnixTime};

/// The time at which all listings of these tests are read: 2024-02-10 12:00.
pub(super) fn now() -> UnixTime {
    UnixTime::from_civil(Civil { year: 2024, month: 2, day: 10, hour: 12, minute: 0, second: 0 })
}

/// Reads a whole listing.
fn list(asked: Asked, system: System, octets: &[u8]) -> (Vec<ListedEntry>, Report) {
    let mut reader = ListingReader::new(Hint { asked, system }, now());
    let mut entries = Vec::new();
    reader.feed(octets, &mut entries);
    let report = reader.finish(&mut entries);
    (entries, report)
}

/// One entry, as compact as a table wants it: kind, name, and what else is known.
fn show(entry: &ListedEntry) -> String {
    use super::{ListedKind, Precision, Zone};
    let mut text = match &entry.kind {
        ListedKind::File => "file".to_owned(),
        ListedKind::Dir => "dir".to_owned(),
        ListedKind::Symlink { target: None } => "link".to_owned(),
        ListedKind::Symlink { target: Some(to) } => format!("link>{}", to.escape_ascii()),
        ListedKind::Other => "other".to_owned(),
        ListedKind::Unknown => "unknown".to_owned(),
    };
    text.push_str(&format!(" {}", entry.name.escape_ascii()));
    let mut add = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {label}={value}"));
        }
    };
    let octets = |text: &Option<Vec<u8>>| text.as_ref().map(|t| t.escape_ascii().to_string());
    add("size", entry.size.map(|size| size.to_string()));
    add("about", entry.about.map(|size| size.to_string()));
    add(
        "time",
        entry.modified.map(|listed| {
            let digits = match listed.precision {
                Precision::Nanosecond => 18,
                Precision::Second => 14,
                Precision::Minute => 12,
                Precision::Day => 8,
            };
            let mut time = listed.time.format_timeval(true);
            time.truncate(digits);
            if listed.zone == Zone::Utc { time + "Z" } else { time }
        }),
    );
    add("mode", entry.mode.map(|mode| format!("{mode:o}")));
    add("owner", octets(&entry.owner));
    add("group", octets(&entry.group));
    add("links", entry.links.map(|links| links.to_string()));
    add("unique", octets(&entry.unique));
    text
}

/// Reads each listing of a table, which must be complete and of the dialect.
pub(super) fn check(dialect: Dialect, system: System, cases: &[(&[u8], &[&str])]) {
    for (lines, want) in cases {
        let (entries, report) = list(Asked::List, system, &[lines, &b"\r\n"[..]].concat());
        let shown: Vec<String> = entries.iter().map(show).collect();
        assert_eq!(shown, *want, "{}", lines.escape_ascii());
        assert!(report.complete(), "{}: {report:?}", lines.escape_ascii());
        assert_eq!(report.dialect, Some(dialect), "{}", lines.escape_ascii());
    }
}

/// How many entries a dialect makes of one line, names judged.
pub(super) fn entries_of(dialect: Dialect, line: &[u8]) -> usize {
    use super::names::{Verdict, judge};
    let mut context = super::Context::new(Asked::List, now());
    match dialect.read(line, &mut context) {
        super::Read::Entry(raw) => {
            let verdict = judge(raw.name, dialect.backslash_separates());
            usize::from(verdict == Verdict::Good)
        }
        _ => 0,
    }
}
