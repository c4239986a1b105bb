//! Jobs for the disk that run in place, in a process of their own, since the trust is that of a
//! process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::thread;
use std::time::Duration;

use ferry_storage::blocking;

/// Whether a short job now runs in place.
async fn in_place() -> bool {
    let here = thread::current().id();
    blocking::run(move || thread::current().id() == here).await.unwrap()
}

#[tokio::test]
async fn jobs_run_in_place_from_when_the_disk_is_trusted_until_it_takes_long() {
    assert!(!in_place().await);
    blocking::trust_the_disk(1);
    assert!(in_place().await);
    blocking::run(|| thread::sleep(Duration::from_millis(20))).await.unwrap();
    assert!(!in_place().await, "one that waits is enough");
    let mut on_the_pool = 1;
    while !in_place().await {
        on_the_pool += 1;
        assert!(on_the_pool < 10_000, "trust comes back");
    }
    assert!(on_the_pool > 100);
}
