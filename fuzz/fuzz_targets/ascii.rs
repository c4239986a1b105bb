//! Chunks make no difference, lengths are told exactly, and only CRLF in the file is not kept.
#![no_main]
use ferry_proto::repr::{Representation, ascii::wire_len};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (size, file) = (usize::from(input.0 % 8) + 1, input.1);
    let (mut whole, mut wire, mut back) = (Vec::new(), Vec::new(), Vec::new());
    Representation::Ascii.encoder().push(file, &mut whole);
    let (mut encoder, mut decoder) =
        (Representation::Ascii.encoder(), Representation::Ascii.decoder());
    file.chunks(size).for_each(|chunk| encoder.push(chunk, &mut wire));
    wire.chunks(size).for_each(|chunk| decoder.push(chunk, &mut back));
    decoder.finish(&mut back);
    assert!(whole == wire && wire.len() as u64 == wire_len(file));
    assert!(back == file || file.windows(2).any(|pair| pair == b"\r\n"));
});
