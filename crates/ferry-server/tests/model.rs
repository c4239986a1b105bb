//! The engine against a simple, independent model of the protocol ([`testkit::model`]): sequences
//! of commands drawn from seeds, every reply and every file compared.
//!
//! `FERRY_MODEL_SEQUENCES` says how many, `FERRY_MODEL_SEED` names the only one.

#![allow(clippy::panic, reason = "a test that cannot go on has failed")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use testkit::model::run;

/// Sequences unless `FERRY_MODEL_SEQUENCES` says otherwise: some ten seconds on two cores.
const SEQUENCES: u64 = 100_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn failure(seed: u64) -> Option<String> {
    let report = run(seed).err()?;
    Some(format!(
        "{report}\nrepeat: FERRY_MODEL_SEED={seed} cargo test -p ferry-server --test model\n"
    ))
}

#[test]
fn the_server_answers_every_sequence_as_the_model_does() {
    if let Some(seed) = number("FERRY_MODEL_SEED") {
        if let Some(report) = failure(seed) {
            panic!("{report}");
        }
        return;
    }
    let last = number("FERRY_MODEL_SEQUENCES").unwrap_or(SEQUENCES);
    let (next, failed) = (AtomicU64::new(0), Mutex::new(None));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return;
            }
            if let Some(report) = failure(seed) {
                next.store(last, Ordering::Relaxed);
                if let Ok(mut failed) = failed.lock() {
                    *failed = Some(report);
                }
                return;
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    if let Ok(Some(report)) = failed.into_inner() {
        panic!("{report}");
    }
}

#[test]
fn sequences_log_in_and_move_files_often_enough_to_find_something() {
    let done: Vec<_> = (0..200).filter_map(|seed| run(seed).ok()).collect();
    let commands: usize = done.iter().map(|d| d.commands).sum();
    let transfers: usize = done.iter().map(|d| d.transfers).sum();
    assert!(commands > 2000, "{commands} commands");
    assert!(transfers > commands / 20, "{transfers} transfers of {commands} commands");
}
