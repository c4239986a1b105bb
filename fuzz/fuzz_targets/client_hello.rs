//! What a ClientHello offers lies within it, and more octets never take a verdict back.
#![no_main]
use ferry_proto::client_hello::*;

libfuzzer_sys::fuzz_target!(|came: &[u8]| {
    let half = read(&came[..came.len() / 2]);
    let whole = read(came);
    if half != Progress::Partial {
        assert_eq!(half, whole);
    }
    if let Progress::Whole(message) = whole {
        assert!(message.len() <= came.len());
        let offered = offered(&message);
        assert!(offered.tickets.iter().all(|ticket| ticket.len() <= message.len()));
    }
});
