//! Chunks make no difference to pages of logical bytes of any size, and any file comes back.
#![no_main]
use ferry_fuzz::repr::drive_both;
use ferry_proto::repr::page::*;

libfuzzer_sys::fuzz_target!(|input: (u8, u8, &[u8])| {
    let (geometry, file) = (Geometry::new(input.0.max(4)).unwrap(), input.2);
    drive_both(|| Decoder::new(geometry), file, input.1);
    drive_both(|| Decoder::sequential(geometry), file, input.1);
    let (mut encoder, mut wire) = (Encoder::new(geometry), Vec::new());
    if encoder.push(file, &mut wire).and_then(|()| encoder.finish(&mut wire)).is_ok() {
        let run = drive_both(|| Decoder::new(geometry), &wire, input.1);
        assert!(run.octets.starts_with(file) && run.octets.len() <= file.len() + 32);
        assert!(run.error.is_none() && run.marks.len() == 1);
    }
});
