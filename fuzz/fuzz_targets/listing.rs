//! No listing makes the reader panic, and every line is accounted for.
#![no_main]
use ferry_proto::{date::UnixTime, listing::*};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    const SYSTEMS: [System; 5] =
        [System::Unix, System::Windows, System::Vms, System::Mvs, System::Os400];
    let asked = [Asked::Facts, Asked::List, Asked::Names][usize::from(input.0 % 3)];
    let system = SYSTEMS[usize::from(input.0 / 3 % 5)];
    let mut reader = ListingReader::new(Hint { asked, system }, UnixTime::from_secs(1 << 30));
    let mut entries = Vec::new();
    reader.feed(input.1, &mut entries);
    let report = reader.finish(&mut entries);
    assert_eq!(entries.len() as u64, report.parsed);
    let sum = report.parsed + report.ignored + report.refused + report.unparsed + report.joined;
    assert_eq!(report.lines, sum);
});
