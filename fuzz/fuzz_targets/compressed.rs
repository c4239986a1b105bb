//! Chunks make no difference to strings, and any file comes back from them.
#![no_main]
use ferry_fuzz::repr::drive_both;
use ferry_proto::repr::compressed::{Decoder, Encoder};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    drive_both(|| Decoder::new(b' '), input.1, input.0);
    let (mut encoder, mut wire) = (Encoder::new(b' '), Vec::new());
    input.1.chunks(usize::from(input.0) + 1).for_each(|chunk| encoder.push(chunk, &mut wire));
    encoder.finish(&mut wire);
    let run = drive_both(|| Decoder::new(b' '), &wire, input.0);
    assert!(run.octets == input.1 && run.error.is_none() && run.marks.len() == 1);
});
