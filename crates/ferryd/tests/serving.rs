//! The real binary serving: what it prints can be used as it stands, what peers send stays one log
//! line, and signals end it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Nothing here takes long; this only keeps a broken server from hanging the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server, killed when the test ends.
struct Ferryd {
    child: Child,
    /// The first that it printed.
    url: String,
    log: BufReader<ChildStderr>,
}

impl Ferryd {
    /// Starts it on any free port of the loopback interface and waits until it has printed a URL.
    fn start(args: &[&str], share: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ferryd"))
            .args(["--listen", "127.0.0.1:0"])
            .args(args)
            .arg(share)
            .env_remove("FERRY_PASSWORD")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let log = BufReader::new(child.stderr.take().unwrap());
        let url = stdout
            .lines()
            .map(|line| line.unwrap().trim().to_owned())
            .find(|line| line.starts_with("ftp://") || line.starts_with("ftpes://"))
            .unwrap();
        Self { child, url, log }
    }

    /// User, password and address out of the URL.
    fn url_parts(&self) -> (String, String, String) {
        let (_, rest) = self.url.split_once("://").unwrap();
        let (login, address) = rest.rsplit_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let address = address.trim_end_matches('/');
        (user.to_owned(), password.to_owned(), address.to_owned())
    }

    fn connect(&self) -> Client {
        let (_, _, address) = self.url_parts();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client(BufReader::new(stream));
        assert!(client.reply().starts_with("220"));
        client
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end and returns how it ended, and the log.
    fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        (status, log)
    }
}

impl Drop for Ferryd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn send(&mut self, octets: &[u8]) {
        self.0.get_mut().write_all(octets).unwrap();
    }

    /// The last line of the next reply.
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the server hung up");
            let is_last = line.as_bytes().get(3) == Some(&b' ');
            if is_last && line.as_bytes().iter().take(3).all(u8::is_ascii_digit) {
                return line;
            }
        }
    }

    fn ask(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n").as_bytes());
        self.reply()
    }
}

#[test]
fn the_printed_url_lets_its_reader_in_and_sigterm_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Ferryd::start(&[], dir.path());
    let (user, password, _) = server.url_parts();
    let mut client = server.connect();
    assert!(client.ask(&format!("USER {user}")).starts_with("331"));
    assert!(client.ask(&format!("PASS {password}")).starts_with("230"));
    assert!(client.ask("MKD made").starts_with("257"));
    assert!(dir.path().join("made").is_dir());
    assert!(client.ask("QUIT").starts_with("221"));
    drop(client);
    server.signal(Signal::TERM);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains(" ferry 127.0.0.1 logged in (no TLS)\n"), "{log}");
    assert!(log.contains(" ferry 127.0.0.1 MKD /made\n"), "{log}");
    assert!(!log.contains(&password), "{log}");
}

#[test]
fn a_second_signal_does_not_wait_for_transfers() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Ferryd::start(&["--user", "bob:pw"], dir.path());
    let mut client = server.connect();
    client.ask("USER bob");
    client.ask("PASS pw");
    let passive = client.ask("EPSV");
    let port: u16 = passive.split('|').nth(3).unwrap().parse().unwrap();
    let _data = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(client.ask("STOR never ending").starts_with("150"));
    server.signal(Signal::TERM);
    let mut line = String::new();
    while !line.contains("stopping; 1 session is open") {
        line.clear();
        assert!(server.log.read_line(&mut line).unwrap() > 0, "it ended");
    }
    server.signal(Signal::TERM);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.ends_with("ferryd: stopped at once; transfers were cut\n"), "{log}");
}

#[test]
fn a_read_only_share_is_one_for_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Ferryd::start(&["--read-only", "--anonymous", "--user", "bob:pw"], dir.path());
    for (user, password) in [("bob", "pw"), ("anonymous", "me@"), ("FTP", "")] {
        let mut client = server.connect();
        client.ask(&format!("USER {user}"));
        assert!(client.ask(&format!("PASS {password}")).starts_with("230"), "{user}");
        assert!(client.ask("MKD made").starts_with("550"), "{user}");
    }
    assert!(!dir.path().join("made").exists());
}

#[test]
fn nobody_logs_in_in_clear_where_tls_is_required() {
    let dir = tempfile::tempdir().unwrap();
    let server = Ferryd::start(&["--require-tls"], dir.path());
    assert!(server.url.starts_with("ftpes://"), "{}", server.url);
    let mut client = server.connect();
    assert!(client.ask("USER bob").starts_with("530"));
}

#[test]
fn what_a_peer_sends_never_makes_a_log_line_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let server = Ferryd::start(&["--user", "bob:hunter2"], dir.path());
    let mut client = server.connect();
    client.send(b"USER x\x1b[2J\x08 2026-01-01T00:00:00Z  INFO #9 root 10.0.0.1 logged in\r\n");
    client.reply();
    client.ask("PASS hunter3");
    client.ask("USER bob");
    client.ask("PASS hunter2");
    client.send(b"DELE a\x07\x1b]0;title\x7f\r\n");
    client.reply();
    client.ask("QUIT");
    drop(client);
    server.signal(Signal::INT);
    let (_, log) = server.ended();
    assert!(log.contains("login failed for \"x"), "{log}");
    assert!(!log.chars().any(|c| c.is_control() && c != '\n'), "{log:?}");
    let forged = |line: &str| line.starts_with("2026-01-01");
    assert!(!log.lines().any(forged), "{log}");
    assert!(!log.contains("hunter"), "{log}");
}

#[test]
fn a_port_that_is_taken_ends_it_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let out = Command::new(env!("CARGO_BIN_EXE_ferryd"))
        .args(["--listen", "127.0.0.1", "--port", &port])
        .arg(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1));
    let told = String::from_utf8(out.stderr).unwrap();
    assert!(told.contains(&format!("127.0.0.1:{port}")), "{told}");
    assert_eq!(String::from_utf8(out.stdout).unwrap(), "", "nothing is announced");
}
