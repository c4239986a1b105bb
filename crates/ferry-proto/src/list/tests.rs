//! Lines of `ls -l`: printed, read back, and the options of LIST.

use proptest::prelude::*;

use super::*;
use crate::date::{Civil, UnixTime};

fn at(year: i64, month: u8, day: u8, hour: u8, minute: u8) -> UnixTime {
    UnixTime::from_civil(Civil { year, month, day, hour, minute, second: 0 })
}

fn sample(kind: LineKind, mode: u32, name: &'static [u8]) -> UnixLine<'static> {
    UnixLine {
        kind,
        mode,
        links: 1,
        owner: Who::Name("alice"),
        group: Who::Name("staff"),
        size: 5120,
        modified: at(2021, 3, 4, 17, 30),
        name,
        target: None,
    }
}

fn printed(line: &UnixLine<'_>) -> String {
    let mut out = Vec::new();
    write_unix_line(line, at(2021, 6, 1, 0, 0), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn columns_stand_where_clients_expect_them() {
    let file = sample(LineKind::File, 0o644, b"report final.txt");
    assert_eq!(
        printed(&file),
        "-rw-r--r--    1 alice    staff           5120 Mar 04 17:30 report final.txt"
    );
    let old = UnixLine {
        links: 2,
        size: 4096,
        owner: Who::Id(1004),
        group: Who::Name("Domain Users"),
        modified: at(2020, 1, 12, 8, 0),
        ..sample(LineKind::Dir, 0o1777, b" a")
    };
    assert_eq!(printed(&old), "drwxrwxrwt    2 1004     Domain_Users        4096 Jan 12  2020  a");
    let link =
        UnixLine { target: Some(b"archive/v42"), ..sample(LineKind::Link, 0o777, b"latest") };
    assert_eq!(
        printed(&link),
        "lrwxrwxrwx    1 alice    staff           5120 Mar 04 17:30 latest -> archive/v42"
    );
    let device = sample(LineKind::CharDevice, 0o6000, b"tty");
    assert_eq!(printed(&device), "c--S--S---    1 alice    staff              0 Mar 04 17:30 tty");
}

#[test]
fn a_line_without_year_means_the_latest_that_is_not_far_ahead() {
    let cases = [
        ("Mar 04 17:30", at(2021, 6, 1, 0, 0), Some(at(2021, 3, 4, 17, 30))),
        ("Mar  4 17:30", at(2021, 2, 1, 0, 0), Some(at(2020, 3, 4, 17, 30))),
        ("Jan 01 00:10", at(2021, 12, 31, 23, 50), Some(at(2022, 1, 1, 0, 10))),
        ("Jan 02 00:00", at(2021, 12, 31, 23, 50), Some(at(2021, 1, 2, 0, 0))),
        ("Feb 29 12:00", at(2021, 3, 1, 0, 0), Some(at(2020, 2, 29, 12, 0))),
        ("feb 28  1999", at(2021, 3, 1, 0, 0), Some(at(1999, 2, 28, 0, 0))),
        ("Feb 30 12:00", at(2021, 3, 1, 0, 0), None),
        ("Feb 29  2021", at(2021, 3, 1, 0, 0), None),
        ("Foo 28 12:00", at(2021, 3, 1, 0, 0), None),
        ("Feb 28 24:00", at(2021, 3, 1, 0, 0), None),
    ];
    for (time, now, want) in cases {
        let line = format!("-rw-r--r-- 1 u g 5 {time} x");
        let parsed = parse_unix_line(line.as_bytes(), now);
        assert_eq!(parsed.map(|line| line.modified), want, "{time}");
    }
}

#[test]
fn lines_keep_their_names_whole() {
    let now = at(2021, 6, 1, 0, 0);
    let parse = |text: &'static str| {
        parse_unix_line(text.as_bytes(), now).map(|line| (line.name, line.target))
    };
    assert_eq!(
        parse("-rw-r--r--+ 1 u g 5 Mar 04 17:30   a -> b "),
        Some((&b"  a -> b "[..], None))
    );
    assert_eq!(
        parse("lrwxrwxrwx 1 u g 5 Mar 04 17:30 a -> b -> c"),
        Some((&b"a"[..], Some(&b"b -> c"[..])))
    );
    assert_eq!(parse("lrwxrwxrwx 1 u g 5 Mar 04 17:30 a"), Some((&b"a"[..], None)));
    for wrong in [
        "",
        "total 5",
        "-rw-r--r-- 1 u g 5 Mar 04 17:30",
        "-rw-r--r-- 1 u g 5 Mar 04 17:30 ",
        "-rw-r--r-- 1 u g x Mar 04 17:30 a",
        "-rw-r--rx- 1 u g 5 Mar 04 17:30 a",
        "?rw-r--r-- 1 u g 5 Mar 04 17:30 a",
        "-rw-r--r--++ 1 u g 5 Mar 04 17:30 a",
        "-rw-r--r-- 1 u g 5 Mar 04 17:30 a\0",
    ] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}

#[test]
fn options_end_at_the_path() {
    let all = ListOptions { all: true, ..ListOptions::default() };
    let cases: &[(&str, ListOptions, &str)] = &[
        ("", ListOptions::default(), ""),
        ("-a", all, ""),
        ("-al", all, ""),
        ("-aL  docs", all, " docs"),
        ("-l -a docs", all, "docs"),
        ("-l  -a docs", all, "docs"),
        ("-a -- -l", all, "-l"),
        ("-a --", all, ""),
        ("-a -", all, "-"),
        ("-a docs -R", all, "docs -R"),
        ("-foo.txt", ListOptions::default(), "-foo.txt"),
        ("--help", ListOptions::default(), "--help"),
        (" -x", ListOptions::default(), ""),
        (" docs", ListOptions::default(), " docs"),
    ];
    for (arg, options, path) in cases {
        assert_eq!(ListOptions::parse(arg.as_bytes()), (*options, path.as_bytes()), "{arg}");
    }
    let (options, path) = ListOptions::parse(b"-1trSdRA x");
    let every = ListOptions {
        all: false,
        almost_all: true,
        one_per_line: true,
        by_time: true,
        reverse: true,
        by_size: true,
        directory_itself: true,
        recursive: true,
    };
    assert_eq!((options, path), (every, &b"x"[..]));
}

proptest! {
    #[test]
    fn a_printed_line_reads_back(
        kind in 0..KINDS.len(),
        mode in 0u32..0o10000,
        numbers in any::<(u64, u64, u32)>(),
        owner in "[a-z0-9._-]{1,12}",
        age in -86_400i64..20_000_000_000,
        name in proptest::collection::vec(1u8.., 1..30),
    ) {
        let now = at(2021, 6, 1, 12, 30);
        let line = UnixLine {
            kind: KINDS[kind].0,
            mode,
            links: numbers.0,
            owner: Who::Name(&owner),
            group: Who::Id(numbers.2),
            size: numbers.1,
            modified: UnixTime::from_secs(now.secs - age),
            name: &name,
            target: None,
        };
        let mut out = Vec::new();
        write_unix_line(&line, now, &mut out);
        let read = parse_unix_line(&out, now).unwrap();
        prop_assert_eq!((read.kind, read.mode, read.links), (line.kind, mode, numbers.0));
        prop_assert_eq!(read.owner, owner.as_bytes());
        let step = if read.precision == Precision::Minute { 60 } else { 86_400 };
        let cut = line.modified.secs.div_euclid(step) * step;
        prop_assert_eq!(read.modified, UnixTime::from_secs(cut));
        if line.kind != LineKind::Link {
            prop_assert_eq!(read.name, &name[..]);
        }
    }
}
