//! Properties: nothing panics, no name is invented, blanks between columns and portions of octets
//! do not matter, and our own server's lines read back.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::facts::{EntryKind, FactLine, FactSet, write_facts};
use crate::list::{LineKind, UnixLine, Who, write_unix_line};
use crate::listing::{ListedKind, Precision};

/// A line of each kind without its name, whose words stand apart by blanks as jitter wants.
const LINES: [(Dialect, &str); 22] = [
    (Dialect::Unix, "-rw-r----- 1 mira dev 48213 May 7 09:41"),
    (Dialect::Unix, "81234 16 -rw-r--r-- 1 u g 7001 Jul 15 2020"),
    (Dialect::Unix, "drwxr-xr-x 3 root 512 Oct 19 2019"),
    (Dialect::Unix, "-rw-r--r-- 1 Domain Users staff 812 2023-11-05 14:22"),
    (Dialect::Unix, "-rw-r--r-- 1 u g 55 5. Nov 2023"),
    (Dialect::Unix, "-rw-r--r-- 1 u g 55 12月 5日 14:22"),
    (Dialect::Dos, "11-05-23 02:22PM 10,234"),
    (Dialect::Dos, "23.11.2023 14:22 7"),
    (Dialect::NetWare, "d [RWCEAFMS] mira 512 Nov 05 14:22"),
    (Dialect::As400, "MIRA 20480 11/05/23 14:22:31 *STMF"),
    (Dialect::As400, "MIRA *MEM"),
    (Dialect::Os2, "20480 A 11-05-23 14:22"),
    (Dialect::VxWorks, "512 JAN-01-2021 00:00:00"),
    (Dialect::VShell, "206876 Apr 04, 2021 21:06"),
    (Dialect::Mvs, "WRK007 3390 2023/11/05 1 15 FB 80 27920 PS"),
    (Dialect::Mvs, "Migrated"),
    (Dialect::Mvs, "WRK007 3390 VSAM"),
    (Dialect::Os9, "0.100 23/11/05 1422 d-ewrewr 4C1A 512"),
    (Dialect::Numeric, "0100644 500 101 12345 1699194151"),
    (Dialect::UnixUndated, "-rw-r--r-- 1 u g 55"),
    (Dialect::Unix, "crw-rw---- 1 root tty 4, 64 Mar 3 10:00"),
    (Dialect::Unix, "-rw-r--r-- 1 u g 77 3 29 03:26"),
];

/// The same for those whose name comes first.
const NAME_FIRST: [(Dialect, &str); 6] = [
    (Dialect::Vms, "PAYLOG.TXT;3 12/16 5-NOV-2023 14:22:31 [OPS,MIRA] (RWED,RE,,)"),
    (Dialect::NonStop, "PAYLOG O 101 20480 05-Nov-23 14:22:31 044,007 \"NUNU\""),
    (Dialect::ZVm, "PROFILE EXEC V 71 38 1 2023-11-05 14:22:31 MIRA"),
    (Dialect::Pds, "PAYCALC 01.04 2023/02/01 2023/11/05 14:22 310 300 0 MIRA"),
    (Dialect::Jes, "PAYJOB JOB04211 OUTPUT 5 Spool Files"),
    (Dialect::WfFtp, "CONFIG.CFG 2048 11/05/23 Sun. 14:22:31"),
];

/// The words with as many blanks between them as `gaps` says, one at least.
fn spaced(line: &str, gaps: &[usize]) -> String {
    let mut out = String::new();
    for (i, word) in line.split(' ').enumerate() {
        if i > 0 {
            out.push_str(&" ".repeat(1 + gaps[i % gaps.len()]));
        }
        out.push_str(word);
    }
    out
}

fn whole(asked: Asked, line: &[u8]) -> (Vec<ListedEntry>, Report) {
    list(asked, System::Unknown, &[line, b"\r\n"].concat())
}

/// Words and separators of all kinds of listings, so that random lines come near to real ones.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&'static [u8]> = vec![
        b"-rw-r--r--",
        b"drwxr-xr-x",
        b"lrwxrwxrwx",
        b" ",
        b"  ",
        b"\t",
        b"\r\n",
        b"\n",
        b"1",
        b"u",
        b"55",
        b"Nov",
        b"05",
        b"14:22",
        b"2023",
        b"2023-11-05",
        b"11-05-23",
        b"02:22PM",
        b"<DIR>",
        b"10,234",
        b"a.txt",
        b"..",
        b"/",
        b"\\",
        b" -> ",
        b"+",
        b",",
        b"m1699194151",
        b"A.TXT;3",
        b"5-NOV-2023",
        b"[OPS,MIRA]",
        b"(RWED)",
        b"*STMF",
        b"*MEM",
        b"X.FILE/Y.MBR",
        b"*FILE",
        b"d",
        b"[RWCEAFMS]",
        b"\"NUNU\"",
        b"V",
        b"PS",
        b"PO",
        b"VSAM",
        b"Migrated",
        b"Name VV.MM",
        b"01.04",
        b"JOB04211",
        b"OUTPUT",
        b"type=file;",
        b"size=5;",
        b"type=OS.unix=slink:/a",
        b"=",
        b";",
        b"4\x8c\x8e",
        b"18\x93\xfa",
        b"total 5",
        b"?",
        b"\0",
        b"0100644",
        b"Sun.",
        b"JAN-01-2021",
        b"d-ewrewr",
        b"1422",
        b"+0100",
        b"%RMS-E-PRV",
        b"'",
    ];
    let part = prop_oneof![
        8 => select(known).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

fn asked() -> impl Strategy<Value = Asked> {
    select(vec![Asked::Facts, Asked::List, Asked::Names])
}

fn system() -> impl Strategy<Value = System> {
    select(vec![System::Unix, System::Windows, System::Vms, System::Mvs, System::ZVm])
}

/// Whether `part` stands in `text`.
fn occurs(part: &[u8], text: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// What must hold whatever comes.
fn sound(octets: &[u8], entries: &[ListedEntry], report: &Report) -> Result<(), TestCaseError> {
    for entry in entries {
        let name = &entry.name[..];
        prop_assert!(!name.is_empty() && name != b"." && name != b"..");
        prop_assert!(!name.iter().any(|b| b"/\0\r\n".contains(b)));
        // CMS shows the two parts of its names in two columns.
        let dot = name.iter().rposition(|b| *b == b'.').unwrap_or(0);
        let parts = report.dialect == Some(Dialect::ZVm)
            && occurs(&name[..dot], octets)
            && occurs(&name[dot + 1..], octets);
        prop_assert!(occurs(name, octets) || parts, "{}", name.escape_ascii());
    }
    prop_assert_eq!(entries.len() as u64, report.parsed);
    prop_assert_eq!(report.accounted(), report.lines);
    prop_assert!(!report.complete() || report.unparsed + report.refused == 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_name_is_invented(octets in fragments(), asked in asked(), system in system()) {
        let (entries, report) = list(asked, system, &octets);
        sound(&octets, &entries, &report)?;
    }

    #[test]
    fn portions_do_not_matter(
        octets in fragments(),
        asked in asked(),
        system in system(),
        cuts in proptest::collection::vec(any::<Index>(), 0..8),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
        cuts.sort_unstable();
        let mut reader = ListingReader::new(Hint { asked, system }, now());
        let mut entries = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([octets.len()]) {
            reader.feed(&octets[start..cut], &mut entries);
            start = cut;
        }
        let report = reader.finish(&mut entries);
        prop_assert_eq!((entries, report), list(asked, system, &octets));
    }

    #[test]
    fn no_dialect_panics_on_any_octets(
        line in proptest::collection::vec(any::<u8>(), 0..80), now in any::<i64>(),
    ) {
        for dialect in Dialect::TRIED.iter().chain([&Dialect::Names]) {
            for asked in [Asked::Facts, Asked::List, Asked::Names] {
                let mut context = crate::listing::Context::new(asked, UnixTime::from_secs(now));
                let _ = dialect.read(&line, &mut context);
            }
        }
    }

    #[test]
    fn blanks_between_columns_do_not_matter(
        at in 0..LINES.len(),
        gaps in proptest::collection::vec(0usize..5, 1..12),
        name in "[A-Z][A-Z0-9.]{0,9}",
    ) {
        let (dialect, line) = LINES[at];
        let (plain, report) = whole(Asked::List, format!("{line} {name}").as_bytes());
        prop_assert_eq!((plain.len(), report.dialect), (1, Some(dialect)), "{}", line);
        prop_assert_eq!(&plain[0].name, name.as_bytes());
        let jittered = format!("{} {name}", spaced(line, &gaps));
        let (entries, _) = whole(Asked::List, jittered.as_bytes());
        prop_assert_eq!(entries, plain, "{}", jittered);
    }

    #[test]
    fn blanks_do_not_matter_where_the_name_comes_first(
        at in 0..NAME_FIRST.len(), gaps in proptest::collection::vec(0usize..5, 1..12),
    ) {
        let (dialect, line) = NAME_FIRST[at];
        let (plain, report) = whole(Asked::List, line.as_bytes());
        prop_assert_eq!((plain.len(), report.dialect), (1, Some(dialect)), "{}", line);
        let jittered = spaced(line, &gaps);
        let (entries, _) = whole(Asked::List, jittered.as_bytes());
        prop_assert_eq!(entries, plain, "{}", jittered);
    }

    #[test]
    fn our_own_lines_of_list_read_back(
        kind in 0usize..5,
        mode in 0u32..0o10000,
        numbers in any::<(u64, u64, u32)>(),
        owner in "[a-z][a-z0-9._-]{0,12}",
        age in -86_400i64..20_000_000_000,
        name in proptest::collection::vec(select((1u8..=255).collect::<Vec<_>>()), 1..30),
    ) {
        prop_assume!(!name.iter().any(|b| b"/\0\r\n".contains(b)));
        prop_assume!(name != b"." && name != b"..");
        let kinds = [
            (LineKind::File, ListedKind::File),
            (LineKind::Dir, ListedKind::Dir),
            (LineKind::Link, ListedKind::Symlink { target: Some(b"to -> x".to_vec()) }),
            (LineKind::Pipe, ListedKind::Other),
            (LineKind::Socket, ListedKind::Other),
        ];
        let (kind, want) = &kinds[kind];
        // In a link's line, the first arrow ends the name.
        prop_assume!(*kind != LineKind::Link || !occurs(b" ->", &name));
        let line = UnixLine {
            kind: *kind,
            mode,
            links: numbers.0,
            owner: Who::Name(&owner),
            group: Who::Id(numbers.2),
            size: numbers.1,
            modified: UnixTime::from_secs(now().secs - age),
            name: &name,
            target: Some(b"to -> x"),
        };
        let mut out = Vec::new();
        write_unix_line(&line, now(), &mut out);
        let (entries, report) = whole(Asked::List, &out);
        prop_assert!(report.complete(), "{}", out.escape_ascii());
        let entry = &entries[0];
        prop_assert_eq!((&entry.name, &entry.kind), (&name, want));
        prop_assert_eq!((entry.mode, entry.links), (Some(mode), Some(numbers.0)));
        prop_assert_eq!(entry.owner.as_deref(), Some(owner.as_bytes()));
        let group = numbers.2.to_string();
        prop_assert_eq!(entry.group.as_deref(), Some(group.as_bytes()));
        prop_assert_eq!(entry.size, (*kind != LineKind::Dir).then_some(numbers.1));
        let listed = entry.modified.unwrap();
        let step = if listed.precision == Precision::Minute { 60 } else { 86_400 };
        prop_assert_eq!(listed.time.secs, line.modified.secs.div_euclid(step) * step);
    }

    #[test]
    fn our_own_lines_of_mlsd_read_back(
        size in any::<u64>(),
        mode in 0u32..0o10000,
        secs in 0i64..253_402_300_800,
        name in proptest::collection::vec(select((1u8..=255).collect::<Vec<_>>()), 1..30),
    ) {
        prop_assume!(!name.iter().any(|b| b"/\0\r\n".contains(b)));
        prop_assume!(name != b"." && name != b"..");
        let line = FactLine {
            kind: EntryKind::File,
            size: Some(size),
            modify: Some(UnixTime::from_secs(secs)),
            create: None,
            perm: "r",
            unique: Some(7),
            unix_mode: Some(mode),
            owner: Some(1),
            group: Some(2),
        };
        let mut out = Vec::new();
        write_facts(FactSet::ALL, &line, &name, &mut out);
        let (entries, report) = whole(Asked::Facts, &out);
        prop_assert!(report.complete(), "{}", out.escape_ascii());
        let entry = &entries[0];
        prop_assert_eq!((&entry.name, &entry.kind), (&name, &ListedKind::File));
        prop_assert_eq!((entry.size, entry.mode), (Some(size), Some(mode)));
        prop_assert_eq!(entry.modified.unwrap().time, UnixTime::from_secs(secs));
    }
}
