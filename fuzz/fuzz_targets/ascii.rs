//! Chunks make no difference, lengths are told exactly, and only CRLF in the file is not kept.
#![no_main]
use ferry_proto::repr::ascii::{ToLocal, ToNetwork, wire_len};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (size, file) = (usize::from(input.0 % 8) + 1, input.1);
    let (mut whole, mut wire, mut back) = (Vec::new(), Vec::new(), Vec::new());
    ToNetwork::default().push(file, &mut whole);
    let (mut encoder, mut decoder) = (ToNetwork::default(), ToLocal::default());
    file.chunks(size).for_each(|chunk| encoder.push(chunk, &mut wire));
    wire.chunks(size).for_each(|chunk| decoder.push(chunk, &mut back));
    decoder.finish(&mut back);
    assert!(whole == wire && wire.len() as u64 == wire_len(file));
    assert!(back == file || file.windows(2).any(|pair| pair == b"\r\n"));
});
