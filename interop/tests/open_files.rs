//! A server without a descriptor left: whoever is there is served on, whoever comes waits, and the
//! log tells once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use interop::link::Link;
use interop::peers::have;
use interop::server::Server;
use interop::{PASSWORD, USER};

/// Sessions that are there before there are no descriptors any more.
const SESSIONS: usize = 20;

/// Connections for which none is left.
const TOO_MANY: usize = 10;

/// Long for an answer, short for a test.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long somebody who waits is looked at.
const A_WHILE: Duration = Duration::from_millis(700);

struct Session(BufReader<TcpStream>);

impl Session {
    /// A connection, which nobody may have accepted.
    fn connect(at: SocketAddr) -> Self {
        let control = TcpStream::connect(at).unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(control))
    }

    fn log_in(mut self) -> Self {
        assert!(self.reply().starts_with("220"));
        self.ask(&format!("USER {USER}"));
        assert!(self.ask(&format!("PASS {PASSWORD}")).starts_with("230"));
        self.ask("TYPE I");
        self
    }

    fn ask(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    /// The last line of the next reply.
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    /// Whether nothing at all comes for a while.
    fn is_left_waiting(&mut self) -> bool {
        self.0.get_ref().set_read_timeout(Some(A_WHILE)).unwrap();
        let nothing = self.0.fill_buf().is_err();
        self.0.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        nothing
    }
}

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
    let mut sessions: Vec<_> = (0..SESSIONS).map(|_| Session::connect(at).log_in()).collect();
    close_the_door(server.id());

    let mut waiting: Vec<_> = (0..TOO_MANY).map(|_| Session::connect(at)).collect();
    assert!(waiting.iter_mut().all(Session::is_left_waiting), "{}", server.log_tail());
    for session in &mut sessions {
        assert!(session.ask("NOOP").starts_with("200"), "{}", server.log_tail());
        let fact = session.ask("MLST /file");
        assert!(fact.starts_with("45"), "it cannot be looked at without one either: {fact}");
        let offer = session.ask("EPSV");
        assert!(offer.starts_with('4'), "no port without a descriptor: {offer}");
        assert!(session.ask("PWD").starts_with("257"), "{}", server.log_tail());
    }
    let told = server.log().matches("cannot accept").count();
    assert_eq!(told, 1, "{}", server.log_tail());

    // As many as leave make room for those who wait, and some for a transfer.
    sessions.truncate(SESSIONS - TOO_MANY - 5);
    let mut late: Vec<_> = waiting.into_iter().map(Session::log_in).collect();
    let session = late.last_mut().unwrap();
    let offer = session.ask("EPSV");
    let port = offer.split('|').nth(3).unwrap().parse().unwrap();
    let mut data = TcpStream::connect((at.ip(), port)).unwrap();
    assert!(session.ask("RETR /file").starts_with("150"), "{}", server.log_tail());
    let mut got = String::new();
    data.read_to_string(&mut got).unwrap();
    assert!(session.reply().starts_with("226"));
    assert_eq!(got, "content");
}
