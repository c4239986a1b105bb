//! A listing in portions gives what it gives at once, every line is accounted for, and no name is
//! a path.
#![no_main]
use ferry_proto::{date::UnixTime, listing::*};

libfuzzer_sys::fuzz_target!(|input: (u8, i64, u8, &[u8])| {
    let asked = [Asked::List, Asked::Facts, Asked::Names][usize::from(input.0 % 3)];
    let system = [&b"UNIX"[..], b"Windows", b"VMS", b"z/VM"][usize::from(input.0 / 64)];
    let hint = Hint { asked, system: System::of_syst(system) };
    let read = |portion: usize| {
        let mut reader = ListingReader::new(hint, UnixTime::from_secs(input.1));
        let mut entries = Vec::new();
        input.3.chunks(portion).for_each(|part| reader.feed(part, &mut entries));
        (reader.finish(&mut entries), entries)
    };
    let (report, entries) = read(usize::MAX);
    assert_eq!((report.accounted(), entries.len() as u64), (report.lines, report.parsed));
    assert!(entries.iter().all(|entry| !entry.name.is_empty() && !entry.name.contains(&b'/')));
    assert_eq!(read(usize::from(input.2) + 1), (report, entries));
});
