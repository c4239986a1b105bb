//! Every command × every state × every argument ([`testkit::walk`]), and nothing left out.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ferry_proto::site::SITE_VERBS;
use ferry_proto::verb::VERBS;
use testkit::walk::{commands, pipelined, walk};

#[test]
fn every_command_in_every_state_with_every_argument_gets_its_one_reply() {
    match walk() {
        Ok(walked) => assert!(walked.steps > 400_000, "{} steps", walked.steps),
        Err(report) => panic!("{report}"),
    }
}

#[test]
fn the_walk_leaves_no_verb_out() {
    let walked: Vec<&str> = commands().collect();
    let site = SITE_VERBS.iter().map(|(name, _)| format!("SITE {name}"));
    let all = VERBS.iter().map(|info| info.name.to_owned()).chain(site);
    let missing: Vec<String> = all.filter(|name| !walked.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "no row in the walk's table: {missing:?}");
}

/// Sessions of shuffled commands; `FERRY_MODEL_SEED` names the only one.
const SHUFFLES: u64 = 400;

#[test]
fn commands_sent_ahead_in_any_order_get_one_last_reply_each() {
    let only = std::env::var("FERRY_MODEL_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = only.map_or(0..SHUFFLES, |seed| seed..seed + 1);
    let mut answered = 0;
    for seed in seeds {
        match pipelined(seed) {
            Ok(commands) => answered += commands,
            Err(report) => panic!(
                "{report}\nrepeat: FERRY_MODEL_SEED={seed} cargo test -p ferry-server --test walk"
            ),
        }
    }
    assert!(only.is_some() || answered > 50_000, "{answered} commands");
}
