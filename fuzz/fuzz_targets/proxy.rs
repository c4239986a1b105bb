//! A PROXY header that is read prints and reads back as itself, and what is wanted is bounded.
#![no_main]
use ferry_proto::proxy::*;

libfuzzer_sys::fuzz_target!(|came: &[u8]| {
    match read(came) {
        Ok(Progress::Whole(header)) => {
            assert_eq!(read(&header.to_text()), Ok(Progress::Whole(header)));
            assert_eq!(read(&header.to_binary(&[4, 0, 0])), Ok(Progress::Whole(header)));
        }
        Ok(Progress::Wants(more)) => assert!(more > 0 && came.len() + more <= BINARY_MAX),
        _ => {}
    }
});
