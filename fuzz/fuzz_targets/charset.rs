//! What is shown for a name comes back as that name, and no separator comes of what is none.
#![no_main]
use ferry_proto::charset::{Charset, NAMES, Names};

libfuzzer_sys::fuzz_target!(|input: (u8, bool, &[u8])| {
    let (which, utf8, name) = input;
    let label = NAMES[usize::from(which) % NAMES.len()];
    let Some(charset) = Charset::named(label) else { panic!("{label}") };
    let names = Names { charset, utf8 };
    // As an argument, since who someone is is not read back.
    let said = [b"RETR ", &*names.leaving(name)].concat();
    assert_eq!(&*names.arriving(&said), [b"RETR ", name].concat());
    let low = |octets: &[u8]| octets.iter().filter(|b| **b < 0x25).count();
    assert_eq!(low(&names.arriving(name)), low(name));
});
