//! Any file comes back from a zlib stream, and what is none is never a file.
#![no_main]
use ferry_fuzz::repr::drive;
use ferry_proto::repr::deflate::{Decoder, Encoder, Level, Limits};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (size, level) = (usize::from(input.0) + 1, Level::new(input.0 % 10).unwrap());
    let inflate = |wire: &[u8], size| drive(&mut Decoder::new(Limits::default()), wire, size, 999);
    assert_eq!(inflate(input.1, size).error, inflate(input.1, usize::MAX).error);
    let wire = drive(&mut Encoder::new(level), input.1, size, size).octets;
    let run = inflate(&wire, size);
    assert!(run.octets == input.1 && run.error.is_none() && run.marks.len() == 1);
});
