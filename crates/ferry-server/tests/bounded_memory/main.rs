//! What must not grow with what a peer sends or asks for, measured by the octet. A process of its
//! own, as the heap is counted for all of it.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod million;
#[path = "../loopback/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the loopback tests, which use all of it")]
mod support;

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use testkit::heap;

use crate::million::{MILLION, Million};
use crate::support::{Blueprint, Client};

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

/// One measurement at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A listing gathers 10 000 entries, in case they can be sorted (2.5 MB with their names), and
/// two batches and some buffers are on their way.
const LISTING_MAX: usize = 6 << 20;

/// What may be asked for before the client reads: the above, and what the sockets hold. That is for
/// the system to say: mostly 180 000 of the shortest lines, and 290 000 on a busy machine.
const AHEAD_MAX: usize = 500_000;

/// Counts lines as they come, without keeping them.
fn count_lines(mut from: impl Read) -> usize {
    let mut chunk = vec![0; 64 << 10];
    let mut lines = 0;
    loop {
        match from.read(&mut chunk).unwrap() {
            0 => return lines,
            n => lines += chunk[..n].iter().filter(|b| **b == b'\n').count(),
        }
    }
}

/// How many entries are made when nobody reads any: looks until there are some, and their number
/// stays.
fn settle(made: &AtomicUsize, client: &mut Client) -> usize {
    const LOOKS: usize = 10_000;
    let mut before = 0;
    for _ in 0..LOOKS {
        let now = made.load(Ordering::Relaxed);
        if now > 0 && now == before {
            return now;
        }
        before = now;
        for _ in 0..50 {
            client.ok("STAT", 211);
        }
    }
    panic!("no end of making entries: {before}");
}

#[test]
fn a_million_entries_are_listed_in_the_memory_of_a_few_thousand() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let storage = Million::default();
    let made = Arc::clone(&storage.made);
    let site = Blueprint::of(Arc::new(storage)).build();
    let mut client = site.writer();
    // MLSD begins with the directory itself and its parent.
    for (command, more) in [("LIST million", 0), ("NLST million", 0), ("MLSD million", 2)] {
        made.store(0, Ordering::Relaxed);
        let data = client.data();
        let before = heap::held();
        heap::forget_peak();
        client.ok(command, 150);
        let ahead = settle(&made, &mut client);
        assert!((1..=AHEAD_MAX).contains(&ahead), "{command}: {ahead} entries ahead");
        assert_eq!(count_lines(&data), MILLION + more, "{command}");
        drop(data);
        client.expect(226);
        assert_eq!(made.load(Ordering::Relaxed), MILLION, "{command}");
        let grown = heap::peak().saturating_sub(before);
        assert!(grown <= LISTING_MAX, "{command}: {grown} octets");
    }
}

#[test]
fn a_line_that_never_ends_is_not_kept() {
    const SENT: usize = 64 << 20;
    const KEPT_MAX: usize = 256 << 10;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let site = Blueprint::default().build();
    for log_in in [false, true] {
        let mut client = if log_in { site.writer() } else { site.client() };
        let piece = b"x".repeat(1 << 20);
        let before = heap::held();
        heap::forget_peak();
        for _ in 0..SENT / piece.len() {
            client.send(&piece);
        }
        client.send(b"\r\n");
        client.expect(500);
        client.ok("NOOP", 200);
        let grown = heap::peak().saturating_sub(before);
        assert!(grown <= KEPT_MAX, "{grown} octets");
    }
}

#[test]
fn commands_piled_up_behind_a_transfer_are_not_kept_without_bound() {
    const KEPT_MAX: usize = 1 << 20;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let site = Blueprint::default().build();
    let mut client = site.writer();
    let data = client.data();
    client.ok("STOR f", 150);
    let before = heap::held();
    heap::forget_peak();
    let tcp = client.tcp().try_clone().unwrap();
    tcp.set_nonblocking(true).unwrap();
    // As much as the sockets take; the server leaves the rest there.
    let lines = b"\r\n".repeat(32 << 10);
    let mut sent = 0;
    let mut full = 0;
    while sent < 64 << 20 && full < 200 {
        match std::io::Write::write(&mut &tcp, &lines) {
            Ok(n) => sent += n,
            Err(_) => {
                full += 1;
                std::thread::yield_now();
            }
        }
    }
    tcp.set_nonblocking(false).unwrap();
    assert!(sent < 64 << 20, "all of {sent} octets were taken");
    let grown = heap::peak().saturating_sub(before);
    assert!(grown <= KEPT_MAX, "{grown} octets");
    drop(data);
    client.expect(226);
    client.send(b"\r\n");
    client.ok("NOOP", 200);
}
