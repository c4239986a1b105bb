//! Other people's servers, as the client's tests and benchmarks start them: each can be logged in
//! to, lists and hands out a file, offers the TLS it was asked for, and is gone when dropped.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use interop::peers::have;
use interop::process::{Finished, run};
use interop::servers::{self, Kind, Options, Peer, Tls};

/// How long one curl may take.
const LIMIT: Duration = Duration::from_secs(60);

fn curl(peer: &Peer, scheme: &str, password: &str, path: &str, more: &[&str]) -> Finished {
    let addr = if scheme == "ftps" { peer.implicit_addr.unwrap() } else { peer.addr };
    let mut curl = Command::new("curl");
    curl.args(["--disable", "-sS", "-v", "--user", &format!("{}:{password}", peer.user())]);
    curl.arg("--cacert").arg(&peer.certificate).args(more);
    curl.arg(format!("{scheme}://{addr}/{path}"));
    run(curl, b"", LIMIT).unwrap()
}

/// Lists, fetches and sends a file, one log-in each.
fn works(peer: &Peer, scheme: &str, more: &[&str]) {
    let context = |done: Finished| format!("{done}{}", peer.log_tail());
    fs::write(peer.root.join("known.txt"), "what is known\n").unwrap();
    let listed = curl(peer, scheme, peer.password(), "", more);
    assert!(listed.ok() && listed.stdout.contains("known.txt"), "{}", context(listed));
    let fetched = curl(peer, scheme, peer.password(), "known.txt", more);
    assert!(fetched.ok() && fetched.stdout == "what is known\n", "{}", context(fetched));
    let source = peer.certificate.display().to_string();
    let upload = [more, &["-T", source.as_str()]].concat();
    let sent = curl(peer, scheme, peer.password(), "sent.txt", &upload);
    assert!(sent.ok(), "{}", context(sent));
    let there = fs::read(peer.root.join("sent.txt")).unwrap();
    assert_eq!(there, fs::read(&peer.certificate).unwrap(), "{}", peer.log_tail());
}

/// What a server with `tls` does, over everything it listens at.
fn serves(kind: Kind, tls: Tls) {
    if !have("curl") {
        return;
    }
    let Some(peer) = servers::start(kind, tls).unwrap() else { return };
    if kind.checks_passwords() {
        let refused = curl(&peer, "ftp", "wrong", "", &[]);
        // curl's own number for it.
        assert_eq!(refused.status.code(), Some(67), "{refused}");
    }
    works(&peer, "ftp", &[]);
    if tls == Tls::Plain {
        let refused = curl(&peer, "ftp", peer.password(), "", &["--ssl-reqd"]);
        assert!(!refused.ok(), "{refused}");
        assert_eq!(peer.implicit_addr, None);
    } else {
        if kind.has_auth() {
            let version = if tls == Tls::V12 { "TLSv1.2" } else { "TLSv1.3" };
            let greeted = curl(&peer, "ftp", peer.password(), "known.txt", &["--ssl-reqd"]);
            let said = format!("SSL connection using {version}");
            assert!(greeted.stderr.contains(&said), "{greeted}{}", peer.log_tail());
            works(&peer, "ftp", &["--ssl-reqd"]);
        }
        if peer.implicit_addr.is_some() {
            works(&peer, "ftps", &[]);
        }
    }
    let addr = peer.addr;
    drop(peer);
    assert!(TcpStream::connect(addr).is_err(), "{kind} is still there");
}

macro_rules! each {
    ($($name:ident: $kind:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn serves_in_the_clear() {
                serves(Kind::$kind, Tls::Plain);
            }

            #[test]
            fn serves_under_tls_1_2() {
                serves(Kind::$kind, Tls::V12);
            }

            #[test]
            fn serves_under_tls_1_3() {
                serves(Kind::$kind, Tls::V13);
            }
        }
    )*};
}

each! {
    vsftpd: Vsftpd;
    proftpd: Proftpd;
    pure_ftpd: PureFtpd;
    pyftpdlib: Pyftpdlib;
    rclone: Rclone;
    ferryd: Ferryd;
}

#[test]
fn sessions_end_with_their_server() {
    for kind in Kind::ALL {
        let Some(peer) = servers::start(kind, Tls::V13).unwrap() else { continue };
        let mut session = TcpStream::connect(peer.addr).unwrap();
        session.set_read_timeout(Some(LIMIT)).unwrap();
        write!(session, "USER {}\r\nPASS {}\r\n", peer.user(), peer.password()).unwrap();
        let mut replies = BufReader::new(session);
        let mut reply = String::new();
        while !reply.starts_with("230 ") {
            reply.clear();
            assert!(replies.read_line(&mut reply).unwrap() > 0, "{kind}\n{}", peer.log_tail());
        }
        drop(peer);
        // The end of the connection, by whatever name.
        let rest = replies.read_to_end(&mut Vec::new());
        assert!(rest.as_ref().map_or_else(is_reset, |_| true), "{kind}: {rest:?}");
    }
}

fn is_reset(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::ConnectionReset
}

#[test]
fn strict_servers_refuse_data_of_another_session() {
    if !have("curl") {
        return;
    }
    for (kind, tls) in
        [(Kind::Vsftpd, Tls::V12), (Kind::Proftpd, Tls::V13), (Kind::Ferryd, Tls::V13)]
    {
        for strict in [true, false] {
            let options = Options { strict, ..Options::new(tls) };
            let Some(peer) = servers::start_with(kind, options).unwrap() else { continue };
            fs::write(peer.root.join("known.txt"), "what is known\n").unwrap();
            let more = ["--ssl-reqd", "--no-sessionid"];
            let done = curl(&peer, "ftp", peer.password(), "known.txt", &more);
            let got = done.ok() && done.stdout == "what is known\n";
            assert_eq!(got, !strict, "{done}{}", peer.log_tail());
        }
    }
}

#[test]
fn what_is_announced_is_said_in_reply_to_pasv() {
    if !have("curl") {
        return;
    }
    for kind in Kind::ALL {
        let announced = Some(Ipv4Addr::new(10, 9, 8, 7));
        let options = Options { announced, ..Options::new(Tls::V13) };
        let Some(peer) = servers::start_with(kind, options).unwrap() else { continue };
        let done = curl(&peer, "ftp", peer.password(), "", &["--disable-epsv"]);
        // curl goes where it is anyway.
        assert!(done.ok() && done.stderr.contains("(10,9,8,7,"), "{done}{}", peer.log_tail());
    }
}

#[test]
#[allow(clippy::needless_collect, reason = "all are started before the first is waited for")]
fn many_run_side_by_side() {
    let starts: Vec<_> = Kind::ALL
        .iter()
        .flat_map(|kind| [*kind; 3])
        .map(|kind| thread::spawn(move || servers::start(kind, Tls::V13).unwrap()))
        .collect();
    let peers: Vec<Peer> = starts.into_iter().filter_map(|start| start.join().unwrap()).collect();
    for peer in &peers {
        let tls: &[&str] = if peer.kind.has_auth() { &["--ssl-reqd"] } else { &[] };
        works(peer, "ftp", tls);
    }
}
