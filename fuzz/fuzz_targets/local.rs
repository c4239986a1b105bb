//! Completing logical bytes adds zeros alone, and to a file that was completed nothing.
#![no_main]
use ferry_proto::repr::local::ToNetwork;

libfuzzer_sys::fuzz_target!(|input: (u8, u8, &[u8])| {
    let (bits, size, file) = (input.0.max(1), usize::from(input.1) + 1, input.2);
    let sent = |file: &[u8]| {
        let (mut encoder, mut wire) = (ToNetwork::new(bits), Vec::new());
        file.chunks(size).for_each(|chunk| encoder.push(chunk, &mut wire));
        encoder.finish(&mut wire);
        wire
    };
    let wire = sent(file);
    assert!(wire.starts_with(file) && wire[file.len()..].iter().all(|octet| *octet == 0));
    assert!(wire.len() <= file.len() + 32 && sent(&wire) == wire);
});
