//! What few clients ask for: MODE Z by lftp, and the other modes, structures and types by Python's
//! ftplib with codecs of the test's own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;

use interop::clients::{LIMIT, Lftp, Python};
use interop::content::sha256;
use interop::link::{DataMode, Family, Link, Security, Version};
use interop::peers::have;
use interop::process::run;
use interop::server::Server;

fn text(lines: usize) -> String {
    (0..lines).map(|n| format!("line {n} of a text that compresses well\n")).collect()
}

/// lftp asks for MODE Z where FEAT lists it and it is told to.
fn lftp_in_mode_z(link: Link) {
    if !have("lftp") || !have("openssl") {
        return;
    }
    let server = Server::start().unwrap();
    fs::create_dir(server.files().join("tree")).unwrap();
    for n in 0..20 {
        fs::write(server.files().join(format!("tree/f{n}")), text(n * 500)).unwrap();
    }
    server
        .target(link, |target| {
            let home = target.home.display();
            let up = target.home.join("up");
            fs::write(&up, text(20_000)).unwrap();
            let lines = [
                "set ftp:use-mode-z yes".to_owned(),
                "set ftp:mode-z-level 9".to_owned(),
                "ls".to_owned(),
                format!("put {home}/up -o up"),
                format!("get up -o {home}/back"),
                format!("mirror tree {home}/mirrored"),
                format!("mirror -R {home}/mirrored again"),
            ];
            let done = run(Lftp::command(&target, &lines), b"", LIMIT).unwrap();
            let report = format!("{done}{}", server.log_tail());
            assert!(done.ok(), "{report}");
            let spoken = format!("{}{}", done.stdout, done.stderr);
            assert!(spoken.contains("MODE Z"), "lftp did not ask: {report}");
            // lftp tries again what failed, and would hide it.
            assert!(!spoken.contains("<--- 4"), "{report}");
            let (there, back) = (server.files().join("up"), target.home.join("back"));
            let digests = sha256(&[&up, &there, &back]).unwrap();
            assert!(digests.iter().all(|digest| *digest == digests[0]), "{report}");
            for n in 0..20 {
                for copy in [
                    target.home.join(format!("mirrored/f{n}")),
                    server.files().join(format!("again/f{n}")),
                ] {
                    assert!(fs::read_to_string(&copy).unwrap() == text(n * 500), "{copy:?}");
                }
            }
        })
        .unwrap();
}

#[test]
fn lftp_mirrors_in_mode_z() {
    lftp_in_mode_z(Link::PLAIN);
}

#[test]
fn lftp_mirrors_in_mode_z_under_tls() {
    for version in [Version::V12, Version::V13] {
        lftp_in_mode_z(Link {
            security: Security::Explicit(version),
            data: DataMode::Passive,
            family: Family::V4,
        });
    }
}

#[test]
fn every_mode_structure_and_type_by_codecs_of_another_making() {
    if !have("python3") {
        return;
    }
    let server = Server::start().unwrap();
    let script = include_str!("scripts/representations.py");
    let done = server.target(Link::PLAIN, |target| Python::script(&target, script)).unwrap();
    let done = done.unwrap();
    assert!(done.ok(), "{done}{}", server.log_tail());
}
