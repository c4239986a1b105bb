//! A server without a descriptor left: whoever is there is served on, whoever comes waits, and the
//! log tells once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::io::Read as _;
use std::process::Command;

use interop::dialog::Dialog;
use interop::link::Link;
use interop::peers::have;
use interop::server::Server;

/// Sessions that are there before there are no descriptors any more.
const SESSIONS: usize = 20;

/// Connections for which none is left.
const TOO_MANY: usize = 10;

/// Lets the process open nothing more: the limit is on the numbers, and the lowest free one is
/// next.
fn close_the_door(process: u32) {
    let is_open = |number: &u32| fs::exists(format!("/proc/{process}/fd/{number}")).unwrap();
    let free = (0..).find(|number| !is_open(number)).unwrap();
    let limit = format!("--nofile={free}:20000");
    let process = process.to_string();
    let done = Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap();
    assert!(done.success());
}

#[test]
fn without_a_descriptor_left_nobody_is_lost_and_the_log_tells_once() {
    if !have("prlimit") {
        return;
    }
    let server = Server::with("").unwrap();
    fs::write(server.files().join("file"), b"content").unwrap();
    let at = server.address(&Link::PLAIN).unwrap();
    let mut sessions: Vec<_> =
        (0..SESSIONS).map(|_| Dialog::connect(at).unwrap().log_in().unwrap()).collect();
    close_the_door(server.id());

    let mut waiting: Vec<_> = (0..TOO_MANY).map(|_| Dialog::connect(at).unwrap()).collect();
    assert!(waiting.iter_mut().all(|one| one.is_left_waiting().unwrap()), "{}", server.log_tail());
    for session in &mut sessions {
        assert!(session.ask("NOOP").unwrap().starts_with("200"), "{}", server.log_tail());
        let fact = session.ask("MLST /file").unwrap();
        assert!(fact.starts_with("45"), "it cannot be looked at without one either: {fact}");
        let offer = session.ask("EPSV").unwrap();
        assert!(offer.starts_with('4'), "no port without a descriptor: {offer}");
        assert!(session.ask("PWD").unwrap().starts_with("257"), "{}", server.log_tail());
    }
    let told = server.log().matches("cannot accept").count();
    assert_eq!(told, 1, "{}", server.log_tail());

    // As many as leave make room for those who wait, and some for a transfer.
    sessions.truncate(SESSIONS - TOO_MANY - 5);
    let mut late: Vec<_> = waiting.into_iter().map(|one| one.log_in().unwrap()).collect();
    let session = late.last_mut().unwrap();
    let mut data = session.download("/file").unwrap();
    let mut got = String::new();
    data.read_to_string(&mut got).unwrap();
    assert!(session.reply().unwrap().starts_with("226"));
    assert_eq!(got, "content");
}
