//! Makes `docs/conformance.md` out of the tests that prove it, and fails when the page in the
//! repository is another, or when anything in it is not proved. `FERRY_WRITE=1` writes the page.
//!
//! One row for each command, and one for each representation. The commands' rows are made from the
//! conversations as they are played here, from sessions under TLS ([`secured`]) and from the walk
//! through every state; the others from files that are moved here.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it wrote"
)]

mod commands;
mod page;
mod representations;
mod secured;

#[path = "../loopback/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared; not all of it is needed here")]
mod support;

use std::path::PathBuf;

fn path() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.join("../../docs/conformance.md")
}

#[test]
fn the_page_of_conformance_is_what_the_tests_prove() {
    let rows = commands::rows();
    let unproved: Vec<String> = rows.iter().filter_map(commands::Row::lacks).collect();
    assert!(unproved.is_empty(), "not proved:\n{}", unproved.join("\n"));
    let made = page::page(&rows, &representations::proved());
    if std::env::var("FERRY_WRITE").is_ok_and(|v| v == "1") {
        std::fs::write(path(), &made).unwrap();
        eprintln!("wrote docs/conformance.md");
        return;
    }
    let there = std::fs::read_to_string(path()).unwrap_or_default();
    let differs = there.lines().zip(made.lines()).find(|(a, b)| a != b);
    assert!(
        there == made,
        "docs/conformance.md is not what the tests prove: run `cargo xtask conformance` \
         (first difference: {differs:?})"
    );
}
