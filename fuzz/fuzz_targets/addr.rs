//! Every address that is read prints and reads back as itself.
#![no_main]
use ferry_proto::addr::*;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    if let Ok(addr) = parse_port(text) {
        assert_eq!(parse_port(port_argument(addr).as_bytes()), Ok(addr));
    }
    if let Ok(addr) = parse_eprt(text) {
        assert_eq!(parse_eprt(eprt_argument(addr).as_bytes()), Ok(addr));
    }
    if let Some(addr) = parse_passive(text) {
        assert_eq!(parse_passive(passive_text(addr).as_bytes()), Some(addr));
    }
    if let Some(port) = parse_extended_passive(text) {
        assert_eq!(parse_extended_passive(extended_passive_text(port).as_bytes()), Some(port));
    }
});
