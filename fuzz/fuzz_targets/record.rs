//! Chunks make no difference to escapes, and the scanner knows exactly what is all records.
#![no_main]
use ferry_fuzz::repr::drive_both;
use ferry_proto::repr::record::{Decoder, Scanner};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let run = drive_both(Decoder::default, input.1, input.0);
    let mut scanner = Scanner::default();
    let fits = input.1.chunks(usize::from(input.0) + 1).all(|chunk| scanner.push(chunk));
    assert_eq!(fits && scanner.is_records(), run.error.is_none());
    assert!(run.octets.len() <= input.1.len());
});
