//! Whatever a server lists is bounded, labelled, and the same when it is listed again.
#![no_main]
use ferry_proto::feat::{FEATURES_MAX, Features};

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let features = Features::parse(&text.split(|b| *b == b'\n').collect::<Vec<_>>());
    assert!(features.iter().count() <= FEATURES_MAX);
    assert!(features.mlst_facts_known().contains(features.mlst_facts_on()));
    let lines = features.iter().map(|f| [b" ", f.label.as_bytes(), b" ", &f.parameters].concat());
    let again: Vec<_> = [b"-".to_vec()].into_iter().chain(lines).chain([b"-".to_vec()]).collect();
    assert_eq!(Features::parse(&again), features);
});
