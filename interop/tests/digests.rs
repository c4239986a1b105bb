//! Digests and parts of files (HASH, the X forms, RANG), checked against what Python makes of the
//! same octets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;

use interop::clients::{LIMIT, Lftp, Python};
use interop::link::Link;
use interop::peers::have;
use interop::process::run;
use interop::server::Server;

fn python(script: &str) {
    if !have("python3") {
        return;
    }
    let server = Server::start().unwrap();
    let done = server.target(Link::PLAIN, |target| Python::script(&target, script)).unwrap();
    let done = done.unwrap();
    assert!(done.ok(), "{done}{}", server.log_tail());
}

#[test]
fn every_digest_is_the_one_that_python_computes() {
    python(include_str!("scripts/digests.py"));
}

#[test]
fn ranges_hold_for_one_download_or_upload_by_ftplib() {
    python(include_str!("scripts/ranges.py"));
}

#[test]
fn lftp_can_ask_for_digests_by_quote() {
    if !have("lftp") {
        return;
    }
    let server = Server::start().unwrap();
    fs::write(server.files().join("check 9"), "123456789").unwrap();
    // The check value that every catalogue gives for this CRC, and md5sum's and sha256sum's.
    let cases = [
        (r#"quote XCRC \"check 9\""#, "250 CBF43926"),
        (r#"quote XCRC \"check 9\" 0 9"#, "250 CBF43926"),
        (r#"quote XMD5 \"check 9\""#, "250 25F9E794323B453885F5181F1B624D0B"),
        (
            r#"quote XSHA256 \"check 9\""#,
            "250 15E2B0D3C33891EBB0F1EF609EC419420C20E320CE94C65FBC8C3312448EB225",
        ),
        (
            "quote HASH check 9",
            "213 SHA-256 0-8 15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225 \
             check 9",
        ),
    ];
    for (line, want) in cases {
        let command = server.target(Link::PLAIN, |target| {
            run(Lftp::command(&target, &[line.to_owned()]), b"", LIMIT)
        });
        let done = command.unwrap().unwrap();
        let heard = done.stdout.lines().any(|line| line == want);
        assert!(heard && done.ok(), "{line}: not {want}\n{done}{}", server.log_tail());
    }
}
