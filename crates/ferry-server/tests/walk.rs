//! Every command × every state × every argument ([`testkit::walk`]), and nothing left out.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ferry_proto::site::SITE_VERBS;
use ferry_proto::verb::VERBS;
use testkit::walk::{commands, walk};

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
