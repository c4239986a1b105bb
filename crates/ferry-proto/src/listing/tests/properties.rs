//! What holds for any octets, and for lines whose meaning is known because we wrote them.

use proptest::prelude::*;

use super::*;
use crate::date::UnixTime;

const SYSTEMS: [System; 8] = [
    System::Unix,
    System::Windows,
    System::Vms,
    System::Mvs,
    System::ZVm,
    System::Os400,
    System::NonStop,
    System::Unknown,
];

fn system() -> impl Strategy<Value = System> {
    prop::sample::select(&SYSTEMS[..])
}

/// Octets that look a little like listings.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        "[-dl][rwxst-]{9}[+@.]?",
        "[A-Z]{3}",
        "[0-9]{1,12}",
        "[0-9]{1,2}[-/.:][0-9]{1,2}([-/.:][0-9]{1,4})?",
        "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
        "<DIR>|\\*DIR|\\*STMF|PO|PS|->|;1|\\[A,B\\]|\\+r,s5,\t|type=file;size=5;",
        "[a-z.]{1,8}",
        "\\PC{0,4}",
    ];
    let line = prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "));
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\r\n").into_bytes())
}

fn holds(line: &[u8], name: &[u8]) -> bool {
    line.windows(name.len().max(1)).any(|part| part == name)
}

proptest! {
    #[test]
    fn no_octets_make_a_reader_panic_and_its_account_adds_up(
        octets in prop::collection::vec(any::<u8>(), 0..400),
        system in system(),
        facts in any::<bool>(),
    ) {
        let asked = if facts { Asked::Facts } else { Asked::List };
        let (entries, report) = list(asked, system, &octets);
        prop_assert_eq!(entries.len() as u64, report.parsed);
        let sum = report.parsed + report.ignored + report.refused + report.unparsed + report.joined;
        prop_assert_eq!(report.lines, sum);
    }

    #[test]
    fn no_name_is_invented_and_none_leads_elsewhere(octets in lines(), system in system()) {
        let (entries, report) = list(Asked::List, system, &octets);
        for entry in &entries {
            let name = &entry.name;
            prop_assert!(!name.is_empty() && name != b"." && name != b"..");
            prop_assert!(!name.contains(&b'/') && !name.contains(&0) && !name.contains(&b'\n'));
            // z/VM writes name and kind in two columns and means a dot between them.
            if report.dialect != Some(Dialect::ZVm) {
                prop_assert!(holds(&octets, name), "{}", name.escape_ascii());
            }
        }
    }

    #[test]
    fn how_octets_are_cut_does_not_matter(
        octets in lines(),
        system in system(),
        cuts in prop::collection::vec(1usize..40, 1..20),
    ) {
        let whole = list(Asked::List, system, &octets);
        let mut reader = ListingReader::new(Hint { asked: Asked::List, system }, now());
        let (mut entries, mut rest) = (Vec::new(), octets.as_slice());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            reader.feed(piece, &mut entries);
            rest = tail;
        }
        let report = reader.finish(&mut entries);
        prop_assert_eq!((entries, report), whole);
    }

    #[test]
    fn white_space_between_columns_may_be_any(
        gaps in prop::collection::vec(1usize..9, 7),
        size in any::<u32>(),
        name in "[a-zA-Z0-9._-]{1,20}",
    ) {
        let columns = ["-rw-r--r--", "1", "mira", "dev", &size.to_string(), "Nov", "5", "2022"];
        let spread = |gaps: &mut dyn Iterator<Item = usize>| {
            let mut line = String::new();
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    line.push_str(&" ".repeat(gaps.next().unwrap_or(1)));
                }
                line.push_str(column);
            }
            // The name begins behind one space, whatever it begins with.
            format!("{line} {name}\r\n")
        };
        let narrow = spread(&mut std::iter::repeat(1));
        let wide = spread(&mut gaps.into_iter());
        prop_assume!(name != "." && name != "..");
        let (one, _) = list(Asked::List, System::Unix, narrow.as_bytes());
        let (other, report) = list(Asked::List, System::Unix, wide.as_bytes());
        prop_assert!(report.complete());
        prop_assert_eq!(one, other);
    }

    #[test]
    fn any_name_and_size_come_back_out_of_a_unix_line(
        size in 0u64..1 << 50,
        days in 0i64..18_000,
        name in "[a-zA-Z0-9;'\"()\\[\\] ._~-]{1,30}",
    ) {
        prop_assume!(name != "." && name != "..");
        let time = UnixTime::from_secs(days * 86_400 + 45_000);
        let line = format!("-rw-r--r-- 1 u g {size} {} {name}\r\n", time.ls_time(now()));
        let (entries, report) = list(Asked::List, System::Unix, line.as_bytes());
        prop_assert!(report.complete(), "{}: {:?}", line, report);
        prop_assert_eq!(&entries[0].name, name.as_bytes());
        prop_assert_eq!(entries[0].size, Some(size));
        let listed = entries[0].modified.unwrap();
        let day = |time: UnixTime| time.secs.div_euclid(86_400);
        prop_assert_eq!(day(listed.time), day(time));
    }
}
