//! A star matches all that is not hidden, a plain name only itself, and nothing takes long.
#![no_main]
use ferry_proto::glob::{has_wildcards, matches};

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8])| {
    let (pattern, name) = input;
    let hit = matches(pattern, name);
    assert!(has_wildcards(pattern) || pattern.len() > 1000 || hit == (pattern == name));
    assert_eq!(matches(b"*", name), name.first() != Some(&b'.'));
    assert!(!hit || !name.starts_with(b".") || pattern.starts_with(b"."));
});
