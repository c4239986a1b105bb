//! A listing line that is read prints and reads back as itself.
#![no_main]
use ferry_proto::{date::UnixTime, list::*};

libfuzzer_sys::fuzz_target!(|input: (i64, &[u8])| {
    let now = UnixTime::from_secs(input.0);
    let Some(read) = parse_unix_line(input.1, now) else { return };
    let ParsedUnixLine { kind, mode, links, size, modified, name, target, .. } = read;
    let (owner, group) = (Who::Id(1), Who::Id(2));
    let line = UnixLine { kind, mode, links, owner, group, size, modified, name, target };
    let mut out = Vec::new();
    write_unix_line(&line, now, &mut out);
    let back = parse_unix_line(&out, now).unwrap();
    assert_eq!((back.kind, back.mode, back.name, back.target), (kind, mode, name, target));
});
