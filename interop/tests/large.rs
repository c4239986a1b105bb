//! A file of 5 GiB, sparse, both ways by curl, plain and under TLS: counters of 31 and 32 bits
//! would show, and so would a server that keeps a file in memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use interop::clients::Curl;
use interop::content::{sha256, sparse};
use interop::link::{DataMode, Family, Link, Security, Target, Version};
use interop::peers::have;
use interop::process::run;
use interop::server::Server;

const LEN: u64 = 5 << 30;

/// A slow disk takes 5 GiB at 40 MB/s.
const LIMIT: Duration = Duration::from_secs(130);

const TLS: Link = Link {
    security: Security::Explicit(Version::V13),
    data: DataMode::Passive,
    family: Family::V4,
};

fn download(link: Link) {
    if !have("curl") || !have("openssl") {
        return;
    }
    let server = Server::start().unwrap();
    let big = server.files().join("big");
    sparse(&big, LEN).unwrap();
    let run_and_digest = |target: &Target<'_>, more: &[&str]| {
        let mut curl = Curl::command(target);
        curl.args(more).arg(Curl::url(target, "/big"));
        let mut piped = Command::new("sh");
        piped.args(["-c", "\"$@\" | openssl dgst -sha256 -r", "sh"]);
        piped.arg(curl.get_program()).args(curl.get_args());
        let done = run(piped, b"", LIMIT).unwrap();
        let report = format!("{done}{}", server.log_tail());
        (done.stdout.chars().take(64).collect::<String>(), report)
    };
    server
        .target(link, |target| {
            let (digest, report) = run_and_digest(&target, &[]);
            assert_eq!(digest, sha256(&[&big]).unwrap()[0], "{report}");

            let tail_at = (4 << 30) + 12_345_678;
            let (digest, report) =
                run_and_digest(&target, &["--continue-at", &tail_at.to_string()]);
            assert_eq!(digest, sha256_from(&big, tail_at), "{report}");
        })
        .unwrap();
}

/// The digest of what is in `path` from `at` on.
fn sha256_from(path: &Path, at: u64) -> String {
    let mut tail = Command::new("sh");
    tail.args(["-c", "tail -c +$(($1 + 1)) \"$2\" | openssl dgst -sha256 -r", "sh"]);
    tail.arg(at.to_string()).arg(path);
    run(tail, b"", LIMIT).unwrap().stdout.chars().take(64).collect()
}

fn upload(link: Link) {
    if !have("curl") || !have("openssl") {
        return;
    }
    let server = Server::start().unwrap();
    server
        .target(link, |target| {
            let from = target.home.join("big");
            sparse(&from, LEN).unwrap();
            let mut curl = Curl::command(&target);
            curl.arg("--upload-file").arg(&from).arg(Curl::url(&target, "/big"));
            let done = run(curl, b"", LIMIT).unwrap();
            let report = format!("{done}{}", server.log_tail());
            let big = server.files().join("big");
            assert_eq!(fs::metadata(&big).map_or(0, |meta| meta.len()), LEN, "{report}");
            let digests = sha256(&[&from, &big]).unwrap();
            assert_eq!(digests[0], digests[1], "{report}");
        })
        .unwrap();
}

#[test]
fn downloading_5_gib_plain() {
    download(Link::PLAIN);
}

#[test]
fn downloading_5_gib_under_tls() {
    download(TLS);
}

#[test]
fn uploading_5_gib_plain() {
    upload(Link::PLAIN);
}

#[test]
fn uploading_5_gib_under_tls() {
    upload(TLS);
}
