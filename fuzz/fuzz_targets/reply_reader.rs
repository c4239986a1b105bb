//! Any chunking gives the same replies or the same error.
#![no_main]
use ferry_proto::reply_reader::{IncomingReply, ReplyError, ReplyReader};

fn read(octets: &[u8], size: usize) -> Result<Vec<IncomingReply>, ReplyError> {
    let (mut reader, mut replies) = (ReplyReader::default(), Vec::new());
    for mut chunk in octets.chunks(size) {
        while let Some(reply) = reader.feed(&mut chunk)? {
            replies.push(reply);
        }
    }
    replies.extend(reader.on_eof()?);
    Ok(replies)
}

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    assert_eq!(read(input.1, usize::from(input.0 % 8) + 1), read(input.1, usize::MAX));
});
