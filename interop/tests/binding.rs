//! Data connections bound to their control connection's TLS session (`resumption = "strict"`): who
//! resumes is served, as often as they like; who does not, or resumes another's, is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::path::Path;

use interop::PASSWORD;
use interop::clients::{Client, Curl, LIMIT, Lftp, Python};
use interop::link::{DataMode, Family, Link, Security, Version};
use interop::openssl::Control;
use interop::peers::have;
use interop::process::run;
use interop::server::Server;
use interop::task::Task;

/// More than twenty: more than the tickets any client is given at the handshake.
const TRANSFERS: usize = 24;

const VERSIONS: [Version; 2] = [Version::V12, Version::V13];

fn strict() -> Server {
    let server = Server::with("resumption = \"strict\"").unwrap();
    for i in 0..TRANSFERS {
        fs::write(server.files().join(format!("f{i}")), content(i)).unwrap();
    }
    server
}

fn content(i: usize) -> String {
    format!("this is file number {i}\n").repeat(i * 40 + 1)
}

fn explicit(version: Version) -> Link {
    Link { security: Security::Explicit(version), data: DataMode::Passive, family: Family::V4 }
}

fn log_ins(server: &Server) -> usize {
    server.log().lines().filter(|line| line.contains("logged in")).count()
}

fn expect_all(dir: &Path, report: &str) {
    for i in 0..TRANSFERS {
        let got = fs::read_to_string(dir.join(format!("f{i}"))).unwrap_or_default();
        assert_eq!(got, content(i), "file {i}\n{report}");
    }
}

/// One test per version, to run side by side: curl 7.88 often waits a second between transfers.
fn curl_resumes(version: Version) {
    if !have("curl") {
        return;
    }
    let server = strict();
    server
        .target(explicit(version), |target| {
            let mut curl = Curl::command(&target);
            for i in 0..TRANSFERS {
                curl.arg("--output").arg(target.home.join(format!("f{i}")));
                curl.arg(Curl::url(&target, &format!("/f{i}")));
            }
            let done = run(curl, b"", LIMIT).unwrap();
            expect_all(target.home, &format!("{done}{}", server.log_tail()));
            assert_eq!(log_ins(&server), 1, "{}", server.log_tail());
        })
        .unwrap();
}

#[test]
fn curl_resumes_for_every_one_of_many_downloads_in_one_session_under_tls_1_2() {
    curl_resumes(Version::V12);
}

#[test]
fn curl_resumes_for_every_one_of_many_downloads_in_one_session_under_tls_1_3() {
    curl_resumes(Version::V13);
}

#[test]
fn lftp_resumes_for_every_one_of_many_transfers_in_one_session() {
    if !have("lftp") {
        return;
    }
    for version in VERSIONS {
        let server = strict();
        server
            .target(explicit(version), |target| {
                let name = |i: usize| format!("f{i}");
                let dir = || "/".to_owned();
                let gets = (0..TRANSFERS).map(|i| Task::Get {
                    dir: dir(),
                    name: name(i),
                    to: target.home.join(name(i)),
                    resume: false,
                });
                let puts = (0..TRANSFERS).map(|i| Task::Put {
                    from: target.home.join(name(i)),
                    dir: dir(),
                    name: format!("back-{i}"),
                    resume: false,
                });
                let tasks: Vec<Task> = gets.chain(puts).collect();
                let runs = Lftp.run(&target, &tasks).unwrap();
                let report = format!("{}{}", runs[0], server.log_tail());
                expect_all(target.home, &report);
                for i in 0..TRANSFERS {
                    let back = fs::read_to_string(server.files().join(format!("back-{i}")));
                    assert_eq!(back.unwrap_or_default(), content(i), "upload {i}\n{report}");
                }
                assert_eq!(log_ins(&server), 1, "{report}");
            })
            .unwrap();
    }
}

#[test]
fn openssl_resumes_one_session_again_and_again() {
    if !have("openssl") {
        return;
    }
    for version in VERSIONS {
        let server = strict();
        let dir = tempfile::tempdir().unwrap();
        let session = dir.path().join("session");
        let at = server.address(&explicit(version)).unwrap();
        let mut control = Control::log_in(at, version, &session).unwrap();
        for i in 0..TRANSFERS {
            let (data, reply) = control.transfer(&format!("RETR f{i}"), &session, b"").unwrap();
            assert!(reply.starts_with("226"), "download {i}: {reply}\n{data}{}", server.log_tail());
            assert!(data.stdout.contains("Reused, "), "{data}");
            assert!(data.stdout.contains(content(i).lines().next().unwrap()), "{data}");
        }
        let (data, reply) = control.transfer("STOR new", &session, b"sent\n").unwrap();
        assert!(reply.starts_with("226"), "upload: {reply}\n{data}{}", server.log_tail());
        assert_eq!(fs::read_to_string(server.files().join("new")).unwrap(), "sent\n");
    }
}

#[test]
fn a_session_of_another_control_connection_is_refused() {
    if !have("openssl") {
        return;
    }
    for version in VERSIONS {
        let server = strict();
        let dir = tempfile::tempdir().unwrap();
        let [mine, theirs] = ["mine", "theirs"].map(|name| dir.path().join(name));
        let at = server.address(&explicit(version)).unwrap();
        let mut control = Control::log_in(at, version, &mine).unwrap();
        let other = Control::log_in(at, version, &theirs).unwrap();
        let (data, reply) = control.transfer("RETR f1", &theirs, b"").unwrap();
        assert!(reply.starts_with("522"), "{reply}\n{data}{}", server.log_tail());
        assert!(!data.stdout.contains("this is file"), "{data}");
        let (data, reply) = control.transfer("RETR f1", &mine, b"").unwrap();
        assert!(reply.starts_with("226"), "its own still works: {reply}\n{data}");
        drop(other);
    }
}

#[test]
fn a_client_that_cannot_resume_is_refused_with_522() {
    if !have("python3") {
        return;
    }
    for version in VERSIONS {
        let server = strict();
        server
            .target(explicit(version), |target| {
                assert_eq!(target.password, PASSWORD);
                let to = target.home.join("f1");
                let get =
                    Task::Get { dir: "/".into(), name: "f1".into(), to: to.clone(), resume: false };
                let runs = Python.run(&target, &[get]).unwrap();
                let report = format!("{}{}", runs[0], server.log_tail());
                assert!(!runs[0].ok() && runs[0].stderr.contains("522 "), "{report}");
                assert_eq!(fs::read_to_string(&to).unwrap_or_default(), "", "{report}");
            })
            .unwrap();
    }
}
