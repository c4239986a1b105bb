//! `ferryd` serving directories of other people's servers: curl on one side, the real server on the
//! other, and what is done here is found there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use interop::link::{DataMode, Family, Link, Security};
use interop::peers::have;
use interop::process::{Finished, run};
use interop::server::{Extra, Server};
use interop::servers::{Kind, Peer, Tls, start};
use interop::{PASSWORD, PASSWORD_HASH};

/// How long one curl may take.
const LIMIT: Duration = Duration::from_secs(60);
const PLAIN: Link = Link { security: Security::Plain, data: DataMode::Passive, family: Family::V4 };

/// The account whose home is elsewhere.
const GUEST: &str = "kim";

/// A `ferryd` with the directory `in` of `peer` as somebody's home.
fn front(peer: &Peer, tls: Tls) -> Server {
    let (at, user) = (peer.addr, peer.user());
    let (scheme, more) = match tls {
        Tls::Plain => ("ftp", "plain = true"),
        Tls::V12 | Tls::V13 => ("ftpes", "ca = \"peer.pem\""),
    };
    let tables = format!(
        "[[user]]\nname = \"{GUEST}\"\npassword = \"{PASSWORD_HASH}\"\naccess = \"read-write\"\n\
         home = {{ url = \"{scheme}://{user}@{at}/in\", password_file = \"password\", {more} }}\n"
    );
    let prepare = |dir: &Path| {
        fs::copy(&peer.certificate, dir.join("peer.pem"))?;
        fs::write(dir.join("password"), format!("{}\n", peer.password()))
    };
    Server::extended(Extra { tables: &tables, ..Extra::default() }, prepare).unwrap()
}

fn curl(server: &Server, path: &str, more: &[&str]) -> Finished {
    let mut curl = Command::new("curl");
    curl.args(["--disable", "-sS", "-v", "--user", &format!("{GUEST}:{PASSWORD}")]).args(more);
    curl.arg(format!("ftp://{}/{path}", server.address(&PLAIN).unwrap()));
    run(curl, b"", LIMIT).unwrap()
}

fn serves(kind: Kind, tls: Tls) {
    if !have("curl") {
        return;
    }
    let Some(peer) = start(kind, tls).unwrap() else { return };
    let inside = peer.root.join("in");
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("known.txt"), "what is known\n").unwrap();
    fs::write(peer.root.join("outside.txt"), "").unwrap();
    peer.settle().unwrap();
    let server = front(&peer, tls);
    let fine = |path: &str, more: &[&str]| {
        let done = curl(&server, path, more);
        assert!(done.ok(), "{kind} {tls:?}\n{done}{}{}", server.log_tail(), peer.log_tail());
        done.stdout
    };
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    let content: String = (0..60_000).map(|i| format!("{i} ")).collect();
    let send = |octets: &str, name: &str, more: &[&str]| {
        fs::write(&source, octets).unwrap();
        fine(name, &[&["-T", &source.display().to_string()], more].concat());
    };

    let listed = fine("", &[]);
    assert!(listed.contains("known.txt") && !listed.contains("outside.txt"), "{listed}");
    assert_eq!(fine("known.txt", &[]), "what is known\n");
    assert_eq!(fine("known.txt", &["--continue-at", "8"]), "known\n");

    send(content.get(..100_000).unwrap(), "sent", &[]);
    send(&content, "sent", &["--continue-at", "100000"]);
    assert!(fs::read_to_string(inside.join("sent")).unwrap() == content, "resumed in its place");
    assert!(fine("sent", &[]) == content);

    let renamed = fine("", &["-Q", "MKD made", "-Q", "RNFR sent", "-Q", "RNTO made/renamed"]);
    assert!(renamed.contains("made") && !renamed.contains("sent"), "{renamed}");
    assert!(fs::read_to_string(inside.join("made/renamed")).unwrap() == content);
    let refused = curl(&server, "", &["-Q", "RMD made"]);
    assert!(!refused.ok(), "a directory with a file in it: {refused}");
    fine("", &["-Q", "DELE made/renamed", "-Q", "RMD made"]);
    assert!(!inside.join("made").exists());

    drop(peer);
    let failed = curl(&server, "", &[]);
    let said = failed.stderr.lines().any(|line| line.starts_with("< 4"));
    // Taken for an empty directory it would be the end of every mirror.
    assert!(!failed.ok() && said, "{failed}{}", server.log_tail());
    assert!(failed.stderr.contains("< 230"), "the log-in is not the other server's business");
    assert!(!server.log().contains(PASSWORD), "{}", server.log());
}

macro_rules! each {
    ($($name:ident: $kind:ident $tls:ident;)*) => {$(
        #[test]
        fn $name() {
            serves(Kind::$kind, Tls::$tls);
        }
    )*};
}

each! {
    vsftpd_in_the_clear: Vsftpd Plain;
    vsftpd_under_tls_1_2: Vsftpd V12;
    vsftpd_under_tls_1_3: Vsftpd V13;
    proftpd_under_tls_1_2: Proftpd V12;
    pure_ftpd_under_tls_1_3: PureFtpd V13;
    pyftpdlib_under_tls_1_2: Pyftpdlib V12;
    ferryd_under_tls_1_3: Ferryd V13;
}
