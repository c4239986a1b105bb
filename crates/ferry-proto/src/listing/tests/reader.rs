//! The choice of a dialect, names that are refused, what proves a listing complete, time zones.

use super::*;
use crate::listing::{ListedTime, Precision, Zone, zone_offset};

fn names(entries: &[ListedEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.name.escape_ascii().to_string()).collect()
}

#[test]
fn facts_are_read_in_all_the_ways_that_servers_write_them() {
    let cases: [(&[u8], &str); 10] = [
        (b"type=file;size=5;modify=20231105142231; a b", "file a b size=5 time=20231105142231Z"),
        (b"Type=dir;Modify=20231105142231.123; d", "dir d time=20231105142231.123Z"),
        (b"type=file;size=5; a;b c", "file a;b c size=5"),
        (b"type=OS.unix=slink:/x;size=5; l", "link>/x l size=5"),
        (b"type=OS.unix=symlink; l", "link l"),
        (b"type=file;size=5;unique=2AU1; u", "file u size=5 unique=2AU1"),
        (b"type=file;size=5;UNIX.mode=0644; m", "file m size=5 mode=644"),
        (b"type=dir;sizd=4096; d", "dir d"),
        (b"type=file;size=5;Win32.ea=0x10; w", "file w size=5"),
        (b"size=5;type=file;  lead", "file  lead size=5"),
    ];
    for (line, want) in cases {
        let (entries, report) = list(Asked::Facts, System::Unknown, &[line, b"\r\n"].concat());
        assert_eq!(entries.iter().map(show).collect::<Vec<_>>(), [want], "{}", line.escape_ascii());
        assert!(report.complete(), "{}", line.escape_ascii());
    }
}

#[test]
fn the_directory_itself_and_the_one_above_are_no_entries() {
    let listing = b"type=cdir; .\r\ntype=pdir; ..\r\ntype=cdir; /pub\r\ntype=file;size=1; f\r\n";
    let (entries, report) = list(Asked::Facts, System::Unknown, listing);
    assert_eq!(names(&entries), ["f"]);
    assert!(report.complete());
    let listing = b"total 8\r\ndrwxr-xr-x 2 u g 4096 Jan 1 2020 .\r\n\
        drwxr-xr-x 2 u g 4096 Jan 1 2020 ..\r\n-rw-r--r-- 1 u g 1 Jan 1 2020 f\r\n";
    let (entries, report) = list(Asked::List, System::Unix, listing);
    assert_eq!((names(&entries), report.dots), (vec!["f".to_owned()], 2));
}

#[test]
fn names_that_lead_elsewhere_are_refused_and_spoil_the_proof() {
    for name in ["../x", "/etc/passwd", "a/b"] {
        let line = format!("-rw-r--r-- 1 u g 1 Jan 1 2020 {name}\r\n");
        let (entries, report) = list(Asked::List, System::Unix, line.as_bytes());
        assert!(entries.is_empty(), "{name}");
        assert_eq!(report.refused, 1, "{name}");
        assert!(!report.complete(), "{name}");
    }
    let (entries, report) = list(Asked::Facts, System::Unknown, b"type=file;size=1; a\0b\r\n");
    assert!(entries.is_empty() && !report.complete());
}

#[test]
fn lines_that_nobody_understands_are_counted_and_shown() {
    let listing = b"-rw-r--r-- 1 u g 1 Jan 1 2020 f\r\nwhat is this\r\n\
        -rw-r--r-- 1 u g 1 Jan 1 2020 g\r\n";
    let (entries, report) = list(Asked::List, System::Unix, listing);
    assert_eq!(names(&entries), ["f", "g"]);
    assert_eq!((report.unparsed, report.complete()), (1, false));
    assert_eq!(report.unparsed_lines, [b"what is this"]);
}

#[test]
fn an_empty_listing_is_complete_and_one_cut_short_is_not() {
    assert!(list(Asked::List, System::Unix, b"").1.complete());
    assert!(list(Asked::List, System::Unix, b"total 0\r\n").1.complete());
    let (entries, report) = list(Asked::List, System::Unix, b"-rw-r--r-- 1 u g 1 Jan 1 2020 f");
    assert_eq!(names(&entries), ["f"]);
    assert!(report.unterminated && !report.complete());
}

#[test]
fn a_program_that_complains_is_not_taken_for_names() {
    for text in ["ls: cannot open directory: Permission denied", "/bin/ls: not found"] {
        let (_, report) = list(Asked::List, System::Unix, format!("{text}\r\n").as_bytes());
        assert!(!report.complete(), "{text}");
    }
}

#[test]
fn the_dialect_of_most_lines_is_that_of_the_directory() {
    let mut listing = Vec::new();
    for i in 0..100 {
        listing.extend_from_slice(format!("11-05-23  02:22PM  {i} f{i}\r\n").as_bytes());
    }
    let (entries, report) = list(Asked::List, System::Unix, &listing);
    assert_eq!((entries.len(), report.dialect), (100, Some(Dialect::Dos)));
}

#[test]
fn a_line_without_end_is_given_up_and_costs_no_memory() {
    let hint = Hint { asked: Asked::List, system: System::Unix };
    let mut reader = ListingReader::new(hint, now());
    let mut entries = Vec::new();
    for _ in 0..64 {
        reader.feed(&[b'x'; 64 * 1024], &mut entries);
    }
    reader.feed(b"\r\n-rw-r--r-- 1 u g 1 Jan 1 2020 f\r\n", &mut entries);
    let report = reader.finish(&mut entries);
    assert_eq!(names(&entries), ["f"]);
    assert_eq!(report.unparsed, 1);
}

#[test]
fn a_zone_is_learned_from_one_exact_time() {
    let time = |hour: u8, minute: u8| {
        UnixTime::from_civil(Civil { year: 2024, month: 2, day: 9, hour, minute, second: 0 })
    };
    let listed = |precision| ListedTime { time: time(14, 22), precision, zone: Zone::Server };
    let cases = [
        (time(13, 22), Precision::Minute, Some(3600)),
        (time(14, 22), Precision::Minute, Some(0)),
        (time(8, 52), Precision::Minute, Some(5 * 3600 + 1800)),
        (time(19, 22), Precision::Minute, Some(-5 * 3600)),
        (time(13, 22), Precision::Day, None),
    ];
    for (mdtm, precision, want) in cases {
        assert_eq!(zone_offset(mdtm, &listed(precision)), want, "{mdtm:?} {precision:?}");
    }
    let offset = zone_offset(time(13, 22), &listed(Precision::Minute)).unwrap();
    assert_eq!(listed(Precision::Minute).in_zone(offset), time(13, 22));
}
