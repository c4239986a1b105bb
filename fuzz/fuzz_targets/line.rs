//! Any chunking gives the same lines, and no line is longer than the limit.
#![no_main]
use ferry_proto::line::{LineEvent, LineReader};

fn events<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<LineEvent> {
    let mut reader = LineReader::default();
    chunks
        .flat_map(|mut c| std::iter::from_fn(|| reader.next(&mut c, 64)).collect::<Vec<_>>())
        .collect()
}

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (size, octets) = input;
    let whole = events(std::iter::once(octets));
    assert!(whole.iter().all(|e| !matches!(e, LineEvent::Line(l) if l.len() > 64)));
    assert_eq!(whole, events(octets.chunks(usize::from(size % 8) + 1)));
});
