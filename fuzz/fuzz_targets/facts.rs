//! The facts that are read print and read back, and the name is what followed the first space.
#![no_main]
use ferry_proto::facts::*;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let Some(read) = parse_facts(text) else {
        return;
    };
    assert!(text.ends_with(read.name));
    let kind = EntryKind::File;
    let (size, modify, create, unix_mode) = (read.size, read.modify, read.create, read.unix_mode);
    let (unique, owner, group, perm) = (None, None, None, "");
    let line = FactLine { kind, size, modify, create, perm, unique, unix_mode, owner, group };
    let mut out = Vec::new();
    write_facts(FactSet::ALL, &line, read.name, &mut out);
    let back = parse_facts(&out).unwrap();
    assert_eq!((back.name, back.size, back.unix_mode), (read.name, size, unix_mode));
});
