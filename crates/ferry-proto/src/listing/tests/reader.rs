//! What the reader does with whole listings: the choice of the dialect, names, the account.

use super::*;
use crate::listing::{LINE_MAX, ListedKind, SAMPLE_MAX, SAMPLES_MAX};

const LS: &[u8] = b"-rw-r--r-- 1 u g 55 Nov 05 14:22 ";

fn names(entries: &[ListedEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.name.escape_ascii().to_string()).collect()
}

#[test]
fn an_empty_listing_is_complete() {
    let cases = [&b""[..], b"\r\n", b"total 0\r\n", b"insgesamt 0\n", "合計 4.0K\n".as_bytes()];
    for octets in cases {
        let (entries, report) = list(Asked::List, System::Unknown, octets);
        assert_eq!(entries, [], "{}", octets.escape_ascii());
        assert!(report.complete() && report.ignored == report.lines);
    }
}

#[test]
fn what_begins_with_a_blank_is_no_name_without_facts() {
    let sentence = b"  Sorry, not today\r\n";
    let (entries, report) = list(Asked::List, System::Unknown, sentence);
    assert_eq!((entries, report.unparsed), (vec![], 1));
    let (entries, _) = list(Asked::Facts, System::Unknown, b" name\r\n");
    assert_eq!(names(&entries), ["name"]);
}

#[test]
fn names_that_could_lead_elsewhere_are_refused_and_told() {
    let lines = [&b"../up"[..], b"/etc/passwd", b"a\0b", b"a\rb", b"good", b"..", b".", b"a\\b"];
    let octets: Vec<u8> = lines.iter().flat_map(|name| [LS, *name, b"\r\n"].concat()).collect();
    let (entries, report) = list(Asked::List, System::Unix, &octets);
    assert_eq!(names(&entries), ["good", "a\\\\b"]);
    assert_eq!((report.parsed, report.refused, report.ignored, report.dots), (2, 4, 2, 2));
    assert_eq!(report.refused_names[0], b"../up");
    assert!(!report.complete());
    let (entries, report) = list(Asked::List, System::Windows, &octets);
    assert_eq!(names(&entries), ["good"], "a backslash separates on Windows");
    assert_eq!(report.refused, 5);
}

#[test]
fn what_nobody_understands_is_told() {
    let mut octets = [LS, b"a\r\nls: b: Permission denied\r\n"].concat();
    for i in 0..9 {
        octets.extend_from_slice(format!("strange line {i}{}\n", "x".repeat(300)).as_bytes());
    }
    octets.extend_from_slice(LS);
    octets.extend_from_slice(b"b\n");
    let (entries, report) = list(Asked::List, System::Unix, &octets);
    assert_eq!(names(&entries), ["a", "b"]);
    assert_eq!((report.lines, report.unparsed), (12, 10));
    assert_eq!(report.unparsed_lines.len(), SAMPLES_MAX);
    assert_eq!(report.unparsed_lines[0], b"ls: b: Permission denied");
    assert_eq!(report.unparsed_lines[1].len(), SAMPLE_MAX);
    assert!(report.no_permission_text && !report.complete());
}

#[test]
fn a_complaint_is_no_name() {
    for text in ["ls: cannot open directory '.': Permission denied\n", "/bin/ls: not found\n"] {
        for asked in [Asked::List, Asked::Names, Asked::Facts] {
            let (entries, report) = list(asked, System::Unknown, text.as_bytes());
            assert_eq!(entries, [], "{text}");
            assert!(report.no_permission_text, "{text}");
            assert!(!report.complete() && report.dialect.is_none(), "{text}");
        }
    }
}

#[test]
fn one_strange_line_does_not_turn_a_listing_into_names() {
    let mut octets = LS.to_vec();
    octets.extend_from_slice(b"a\nrubbish\n");
    let (entries, report) = list(Asked::List, System::Unknown, &octets);
    assert_eq!(names(&entries), ["a"]);
    assert_eq!((report.dialect, report.unparsed), (Some(Dialect::Unix), 1));
}

#[test]
fn the_dialect_that_knows_most_lines_is_kept() {
    let dos = b"11-05-23  02:22PM  5 a\n".repeat(63);
    let mut octets = [LS, b"first\n", &dos].concat();
    octets.extend_from_slice(LS);
    octets.extend_from_slice(b"late\n");
    let (entries, report) = list(Asked::List, System::Unknown, &octets);
    assert_eq!((report.dialect, entries.len()), (Some(Dialect::Dos), 63));
    assert_eq!(report.unparsed, 2, "the first and the last line are Unix");
}

#[test]
fn a_header_decides_what_words_are() {
    let (entries, report) = list(Asked::List, System::Mvs, b"README\nMAKEFILE\n");
    assert_eq!((entries.len(), report.dialect), (2, Some(Dialect::Names)));
    assert_eq!(entries[0].kind, ListedKind::Unknown);
    let (entries, report) = list(Asked::List, System::Mvs, b" Name VV.MM Created\nREADME\n");
    assert_eq!((entries.len(), report.dialect), (1, Some(Dialect::Pds)));
    assert_eq!(entries[0].kind, ListedKind::File);
}

#[test]
fn nlst_gives_names_with_blanks() {
    let octets = b"a b\r\n lead\r\ntotal 5\r\ntype=file; x\r\nsub/y\r\n.\r\n";
    let (entries, report) = list(Asked::Names, System::Unix, octets);
    assert_eq!(names(&entries), ["a b", " lead", "total 5", "type=file; x"]);
    assert_eq!((report.refused, report.ignored), (1, 1));
}

#[test]
fn mlsd_may_be_answered_with_another_listing() {
    let octets = [LS, b"a\n"].concat();
    let (entries, report) = list(Asked::Facts, System::Unix, &octets);
    assert_eq!((names(&entries), report.dialect), (vec!["a".to_owned()], Some(Dialect::Unix)));
    let (entries, _) = list(Asked::Facts, System::Unix, b"type=file; total 5\n  no facts\n");
    assert_eq!(names(&entries), ["total 5", " no facts"]);
    let (entries, report) = list(Asked::Facts, System::Unix, b"word\n");
    assert_eq!((entries.len(), report.unparsed), (0, 1), "bare names are no facts");
}

#[test]
fn a_last_line_without_end_is_read_but_proves_nothing() {
    let octets = [LS, b"whole\r\n", LS, b"perhaps"].concat();
    let (entries, report) = list(Asked::List, System::Unix, &octets);
    assert_eq!(names(&entries), ["whole", "perhaps"]);
    assert!(report.unterminated && !report.complete());
}

#[test]
fn lines_are_bounded() {
    let fits = [LS, &b"n".repeat(LINE_MAX - LS.len())].concat();
    let octets = [&fits[..], b"\r\n", &fits, b"n\r\n", &b"y".repeat(3 * LINE_MAX), b"\n"].concat();
    for chunk in [usize::MAX, 4096, 1_000_003] {
        let hint = Hint { asked: Asked::List, system: System::Unix };
        let mut reader = ListingReader::new(hint, now());
        let mut entries = Vec::new();
        for part in octets.chunks(chunk.min(octets.len())) {
            reader.feed(part, &mut entries);
        }
        let report = reader.finish(&mut entries);
        assert_eq!((entries.len(), report.unparsed), (1, 2), "in portions of {chunk}");
        assert_eq!(entries[0].name.len(), LINE_MAX - LS.len());
    }
}

#[test]
fn a_long_listing_leaves_nothing_behind() {
    let hint = Hint { asked: Asked::List, system: System::Unix };
    let mut reader = ListingReader::new(hint, now());
    let mut entries = Vec::new();
    let mut count = 0u64;
    for i in 0..20_000 {
        let line = [LS, format!("file {i}\r\n").as_bytes()].concat();
        reader.feed(&line, &mut entries);
        assert!(entries.len() <= 64);
        count += entries.drain(..).count() as u64;
    }
    let report = reader.finish(&mut entries);
    assert_eq!((count, report.parsed, report.lines), (20_000, 20_000, 20_000));
    assert!(report.complete());
}
