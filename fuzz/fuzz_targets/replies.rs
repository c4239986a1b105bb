//! Whatever a reply holds, reading sizes, times, paths and addresses out of it does not panic.
#![no_main]
use ferry_proto::{client::*, reply_reader::ReplyReader};

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let (mut reader, mut input) = (ReplyReader::default(), octets);
    while let Ok(Some(reply)) = reader.feed(&mut input) {
        _ = (replies::size(&reply), replies::time(&reply), replies::path(&reply));
        _ = (replies::passive_address(&reply), replies::extended_passive_port(&reply));
        _ = (replies::transfer_size(&reply), replies::digest(&reply, 32), fault::of(&reply));
    }
});
