//! Every server that the client is tested against starts, and does the least that is asked of it:
//! curl logs in, lists, fetches and stores, in the clear and under both versions of TLS. curl
//! resumes TLS sessions, so the strict ones let it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use interop::peers::have;
use interop::process::{Finished, run};
use interop::servers::{Kind, Options, Peer, Tls, start, start_with};
use interop::{PASSWORD, USER};

const LIMIT: Duration = Duration::from_secs(20);

fn curl(peer: &Peer, tls: Tls, path: &str, more: &[&str]) -> Finished {
    let mut curl = Command::new("curl");
    curl.args(["--disable", "-sS", "-v", "--user", &format!("{USER}:{PASSWORD}")]);
    curl.arg("--cacert").arg(&peer.certificate);
    match tls {
        Tls::Plain => &mut curl,
        Tls::V12 => curl.args(["--tls-max", "1.2"]),
        Tls::V13 => curl.arg("--tlsv1.3"),
    };
    if tls.is_on() && !peer.implicit {
        curl.arg("--ssl-reqd");
    }
    let scheme = if peer.implicit { "ftps" } else { "ftp" };
    curl.args(more).arg(format!("{scheme}://{}/{path}", peer.addr));
    run(curl, b"", LIMIT).unwrap()
}

/// The least that is asked.
fn is_a_server(peer: &Peer, tls: Tls) {
    peer.write("greeting", b"hello\n").unwrap();
    peer.make_dir("inbox").unwrap();
    let show = |e| format!("{} {tls}: {e}\n{}", peer.name, peer.log_tail());
    let listing = curl(peer, tls, "", &[]).success().map_err(show).unwrap();
    assert!(listing.stdout.contains("greeting"), "{listing}");
    let fetched = curl(peer, tls, "greeting", &[]).success().map_err(show).unwrap();
    assert_eq!(fetched.stdout, "hello\n");
    let version = match tls {
        Tls::Plain => None,
        Tls::V12 => Some("SSL connection using TLSv1.2"),
        Tls::V13 => Some("SSL connection using TLSv1.3"),
    };
    let said = &fetched.stderr;
    let secured = if peer.implicit { 1 } else { 2 };
    assert!(version.is_none_or(|version| said.matches(version).count() == secured), "{fetched}");
    let from = peer.certificate.display().to_string();
    curl(peer, tls, "inbox/stored", &["--upload-file", &from]).success().map_err(show).unwrap();
    let stored = fs::read(peer.root.join("inbox/stored")).unwrap();
    assert_eq!(stored, fs::read(&peer.certificate).unwrap());
}

#[test]
fn every_server_starts_and_serves() {
    if !have("curl") {
        return;
    }
    thread::scope(|scope| {
        for kind in Kind::ALL {
            scope.spawn(move || {
                for tls in Tls::ALL {
                    if let Some(peer) = start(kind, tls).unwrap() {
                        is_a_server(&peer, tls);
                    }
                }
            });
        }
    });
}

#[test]
fn addresses_and_ports_are_as_asked_for() {
    if !have("curl") {
        return;
    }
    let ip = Ipv4Addr::new(127, 0, 0, 7);
    let public = Ipv4Addr::new(127, 0, 0, 8);
    for (kind, first) in Kind::ALL.into_iter().zip((9_000..).step_by(50)) {
        let options = Options {
            ip,
            public: Some(public),
            passive: Some((first, first + 49)),
            ..Options::new(kind, Tls::Plain)
        };
        let Some(peer) = start_with(&options).unwrap() else { continue };
        assert_eq!(peer.addr.ip(), ip);
        peer.write("f", b"hello\n").unwrap();
        // The address that is named is not the one that listens, so it is not gone to.
        let done = curl(&peer, Tls::Plain, "f", &["--disable-epsv", "--ftp-skip-pasv-ip"]);
        assert_eq!(done.stdout, "hello\n", "{kind}: {done}\n{}", peer.log_tail());
        let reply = done.stderr.lines().find(|line| line.contains("227 ")).unwrap_or_default();
        let digits = reply.split('(').nth(1).unwrap_or_default().trim_end_matches([')', '.']);
        let numbers: Vec<u16> = digits.split(',').filter_map(|word| word.parse().ok()).collect();
        let [a, b, c, d, high, low] = *numbers else { panic!("{kind}: {reply}") };
        assert_eq!([a, b, c, d], public.octets().map(u16::from), "{kind}: {reply}");
        assert!((first..first + 50).contains(&(high * 256 + low)), "{kind}: {reply}");
    }
}

#[test]
fn nothing_of_a_server_stays() {
    if !have("curl") {
        return;
    }
    for kind in Kind::ALL {
        let Some(peer) = start(kind, Tls::Plain).unwrap() else { continue };
        // A session that is still there when the server ends.
        let session = std::net::TcpStream::connect(peer.addr).unwrap();
        let (addr, root) = (peer.addr, peer.root.clone());
        drop(peer);
        assert!(!root.exists(), "{kind}");
        assert!(std::net::TcpStream::connect(addr).is_err(), "{kind}");
        // Whoever served it is gone: the connection has ended.
        session.set_read_timeout(Some(LIMIT)).unwrap();
        let ended = std::io::Read::read_to_end(&mut &session, &mut Vec::new());
        let late = ended.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!late, "{kind}");
    }
}
