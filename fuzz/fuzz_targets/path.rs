//! A resolved path is canonical, and what a 257 reply prints reads back.
#![no_main]
use ferry_proto::path::{FtpPath, read_quoted, write_quoted};

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8])| {
    let cwd = FtpPath::new(input.0).unwrap_or_else(|_| FtpPath::root());
    let Ok(path) = cwd.resolve(input.1) else {
        return;
    };
    assert!(path.components().all(|part| part != b"." && part != b".."));
    assert_eq!(FtpPath::new(path.as_bytes()), Ok(path.clone()));
    let mut text = Vec::new();
    write_quoted(path.as_bytes(), &mut text);
    assert_eq!(read_quoted(&text).as_deref(), Some(path.as_bytes()));
});
