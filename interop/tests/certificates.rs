//! Clients that show a certificate: curl logs in by it with no password, OpenSSL gets 232, and
//! where one is required nobody gets in without.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::path::Path;
use std::process::Command;

use interop::USER;
use interop::clients::{Curl, LIMIT};
use interop::link::{DataMode, Family, Link, Security, Version};
use interop::peers::have;
use interop::process::{Finished, run};
use interop::server::{Extra, Server, make_certificate};

fn link(version: Version) -> Link {
    Link { security: Security::Explicit(version), data: DataMode::Passive, family: Family::V4 }
}

/// A client's certificate in a directory of its own, and its fingerprint as OpenSSL prints it.
fn badge() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    make_certificate(dir.path(), "client", &["client.test"]).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]);
    openssl.arg(dir.path().join("client.pem"));
    let printed = run(openssl, b"", LIMIT).unwrap().stdout;
    let digits = printed.trim().split_once('=').unwrap().1.to_owned();
    (dir, digits)
}

fn server(tls: &str, user: &str, badge: &Path) -> Server {
    let pem = badge.join("client.pem");
    Server::extended(Extra { tls, user, ..Extra::default() }, |dir| {
        fs::copy(pem, dir.join("client-ca.pem"))?;
        fs::write(dir.join("files/hello"), "hello\n")
    })
    .unwrap()
}

/// curl fetches a file and sends it back, without a password that would let it in.
fn curl(server: &Server, version: Version, badge: Option<&Path>, password: &str) -> Finished {
    server
        .target(link(version), |target| {
            let mut curl = Curl::command(&target);
            curl.args(["--user", &format!("{USER}:{password}")]);
            if let Some(badge) = badge {
                curl.arg("--cert").arg(badge.join("client.pem"));
                curl.arg("--key").arg(badge.join("client.key"));
            }
            curl.arg(Curl::url(&target, "/hello"));
            run(curl, b"", LIMIT).unwrap()
        })
        .unwrap()
}

#[test]
fn curl_logs_in_by_its_certificate_and_without_it_does_not() {
    if !have("curl") || !have("openssl") {
        return;
    }
    let (dir, digits) = badge();
    let user = format!("certificates = [\"sha256:{digits}\"]");
    let server = server("client_certificates = \"optional\"", &user, dir.path());
    for version in [Version::V12, Version::V13] {
        let done = curl(&server, version, Some(dir.path()), "wrong");
        assert!(done.ok() && done.stdout == "hello\n", "{done}{}", server.log_tail());
        assert!(done.stderr.contains("< 232 "), "{done}");
        let done = curl(&server, version, None, "wrong");
        assert!(!done.ok(), "{done}{}", server.log_tail());
    }
}

#[test]
fn an_account_may_need_both_and_a_server_may_take_only_certificates_of_its_own() {
    if !have("curl") || !have("openssl") {
        return;
    }
    let (dir, digits) = badge();
    let user = format!("certificates = [\"sha256:{digits}\"]\nneeds_both = true");
    let tls = "client_certificates = \"required\"\nclient_ca = \"client-ca.pem\"";
    let server = server(tls, &user, dir.path());
    let (other, _) = badge();
    let right = interop::PASSWORD;
    for version in [Version::V12, Version::V13] {
        let done = curl(&server, version, Some(dir.path()), right);
        assert!(done.ok() && done.stdout == "hello\n", "{done}{}", server.log_tail());
        assert!(done.stderr.contains("< 331 "), "{done}");
        for (badge, password) in
            [(Some(dir.path()), "wrong"), (None, right), (Some(other.path()), right)]
        {
            let done = curl(&server, version, badge, password);
            assert!(!done.ok(), "{done}{}", server.log_tail());
        }
    }
}

#[test]
fn openssl_is_answered_232() {
    if !have("openssl") {
        return;
    }
    let (dir, digits) = badge();
    let user = format!("certificates = [\"SHA256:{digits}\"]");
    let server = server("client_certificates = \"optional\"", &user, dir.path());
    let done = server
        .target(link(Version::V13), |target| {
            let mut openssl = Command::new("openssl");
            openssl.args(["s_client", "-starttls", "ftp", "-crlf", "-quiet", "-connect"]);
            openssl.arg(target.authority());
            openssl.arg("-cert").arg(dir.path().join("client.pem"));
            openssl.arg("-key").arg(dir.path().join("client.key"));
            run(openssl, format!("USER {USER}\nPWD\nQUIT\n").as_bytes(), LIMIT).unwrap()
        })
        .unwrap();
    assert!(done.stdout.contains("232 "), "{done}{}", server.log_tail());
    assert!(done.stdout.contains("257 \"/\""), "{done}");
}
