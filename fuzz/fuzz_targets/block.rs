//! Chunks make no difference to blocks, and the end is never missed or made up.
#![no_main]
use ferry_fuzz::repr::drive_both;
use ferry_proto::repr::{FormatError, Mark, block::Decoder};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let run = drive_both(Decoder::default, input.1, input.0);
    let ended = run.marks.last().is_some_and(|(_, mark)| *mark == Mark::EndOfFile);
    assert_eq!(ended, run.error.is_none());
    assert_ne!(run.error, Some(FormatError::TrailingData));
    assert!(run.octets.len() <= input.1.len());
});
