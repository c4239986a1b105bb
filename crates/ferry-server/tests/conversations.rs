//! Whole sessions with the engine, from the first octet to the last, over a simulated network with
//! a paused clock, each under several seeds. What is expected was written from the protocol's
//! rules; the texts are in `conversations/`, their language is described in `testkit::script`.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use testkit::script::{Conversation, Ferry, play_all};

macro_rules! conversations {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let text = include_str!(concat!("conversations/", stringify!($name), ".txt"));
                let command = concat!(
                    "cargo test -p ferry-server --test conversations ",
                    stringify!($name),
                );
                if let Err(report) = play_all(text, &Ferry, command) {
                    panic!("{report}");
                }
            }
        )*

        const ALL: &[(&str, &str)] = &[$((
            stringify!($name),
            include_str!(concat!("conversations/", stringify!($name), ".txt")),
        )),*];
    };
}

conversations! {
    abort
    active
    arguments
    block_mode
    by_name
    charsets
    facts
    files
    fxp
    hashes
    hostile
    hosts
    in_transfer
    information
    limits
    listings
    login
    passive
    proxied
    ranges
    recursive
    refusals
    representations
    restart
    router
    session
    shared_port
    timeouts
    trees
    uploads
    who
}

#[test]
fn every_text_in_the_directory_is_played() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conversations");
    let mut there: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let played: Vec<String> = ALL.iter().map(|(name, _)| format!("{name}.txt")).collect();
    assert_eq!(there, played);
}

#[test]
fn every_conversation_has_a_title_of_its_own() {
    let mut titles = std::collections::BTreeSet::new();
    for (name, text) in ALL {
        for conversation in Conversation::read_all(text).unwrap() {
            let title = conversation.title().to_owned();
            assert!(title.ends_with('.'), "{name}: {title:?} is not a sentence");
            assert!(titles.insert(title.clone()), "{name}: {title:?} is there twice");
        }
    }
    assert!(titles.len() >= 40, "{} conversations", titles.len());
}

#[test]
fn the_same_seed_gives_the_same_transcript_to_the_octet() {
    for (name, text) in ALL {
        for conversation in Conversation::read_all(text).unwrap() {
            for seed in [0, 5] {
                let first = conversation.play(&Ferry, seed);
                assert_eq!(first, conversation.play(&Ferry, seed), "{name}, seed {seed}");
            }
        }
    }
}
