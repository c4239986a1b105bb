//! Transfers between two servers (FXP), by lftp: between two `ferryd` and between `ferryd` and
//! ProFTPD, in the clear and under TLS, with every way to share out the roles.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use interop::clients::LIMIT;
use interop::link::Link;
use interop::peers::have;
use interop::process::{Finished, run};
use interop::proftpd::{self, Proftpd};
use interop::server::{Extra, Server};
use interop::{PASSWORD, USER};

/// One end of a transfer.
trait End {
    fn at(&self) -> SocketAddr;
    fn root(&self) -> PathBuf;
    fn tail(&self) -> String;
}

impl End for Server {
    fn at(&self) -> SocketAddr {
        self.address(&Link::PLAIN).unwrap()
    }

    fn root(&self) -> PathBuf {
        self.files()
    }

    fn tail(&self) -> String {
        self.log_tail()
    }
}

impl End for Proftpd {
    fn at(&self) -> SocketAddr {
        self.address()
    }

    fn root(&self) -> PathBuf {
        self.files()
    }

    fn tail(&self) -> String {
        self.log_tail()
    }
}

/// A `ferryd` whose account may have data moved between servers.
fn ferryd(last: u8, more: &str) -> Server {
    let server = format!("fxp = true\n{more}");
    let v4 = Some(Ipv4Addr::new(127, 0, 0, last));
    let extra = Extra { v4, server: &server, user: "fxp = true", ..Extra::default() };
    Server::extended(extra, |_| Ok(())).unwrap()
}

/// How lftp is to go about it.
#[derive(Debug, Clone, Copy)]
struct How {
    tls: bool,
    /// Whether the server that sends is the one that listens.
    source_listens: bool,
    /// Whether the one that listens is TLS client, where lftp may choose.
    listener_is_client: bool,
}

/// lftp has `f` of one server sent to the other as `g`, and nothing through itself. It turns on
/// MODE Z wherever a server has it, even if only one of the two does, so it must not.
fn fxp(source: &dyn End, target: &dyn End, how: How) -> Finished {
    let _ = fs::remove_file(target.root().join("g"));
    let home = tempfile::tempdir().unwrap();
    let script = format!(
        "set cmd:fail-exit yes\nset net:max-retries 1\nset net:reconnect-interval-base 1\n\
         set net:timeout 20\nset cmd:save-cwd-history no\nset xfer:clobber yes\n\
         set ssl:verify-certificate no\n\
         set ftp:use-mode-z no\nset ftp:use-fxp yes\nset ftp:fxp-force yes\n\
         set ftp:ssl-allow {tls}\nset ftp:ssl-force {tls}\n\
         set ftp:ssl-protect-data {tls}\nset ftp:ssl-protect-fxp {tls}\n\
         set ftp:fxp-passive-source {source_listens}\nset ftp:fxp-passive-sscn {client}\n\
         get ftp://{from}/f -o ftp://{to}/g",
        tls = how.tls,
        source_listens = how.source_listens,
        client = how.listener_is_client,
        from = authority(source.at()),
        to = authority(target.at()),
    );
    let mut lftp = Command::new("lftp");
    lftp.env_clear().env("HOME", home.path()).env("LC_ALL", "C.UTF-8");
    if let Some(path) = std::env::var_os("PATH") {
        lftp.env("PATH", path);
    }
    lftp.args(["--norc", "-d", "-c"]).arg(script);
    run(lftp, b"", LIMIT).unwrap()
}

fn authority(at: SocketAddr) -> String {
    format!("{USER}:{}@{at}", PASSWORD.replace(' ', "%20"))
}

/// Three megabytes of no pattern.
fn content() -> Vec<u8> {
    (0..3_000_000_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// Every way there is.
fn ways(tls: bool) -> Vec<How> {
    let clients: &[bool] = if tls { &[true, false] } else { &[true] };
    let both = [true, false].into_iter();
    both.flat_map(|source_listens| {
        clients.iter().map(move |client| How { tls, source_listens, listener_is_client: *client })
    })
    .collect()
}

fn moved(source: &dyn End, target: &dyn End, how: How) {
    let content = content();
    fs::write(source.root().join("f"), &content).unwrap();
    let done = fxp(source, target, how);
    let came = fs::read(target.root().join("g")).unwrap_or_default();
    // lftp tries another way when one fails; none shall.
    let at_once = done.stderr.matches("---> STOR").count() == 1;
    let whole = done.ok() && came == content && at_once;
    let got = came.len();
    assert!(whole, "{how:?} brought {got} octets\n{done}{}\n{}", source.tail(), target.tail());
}

#[test]
fn lftp_moves_a_file_between_two_ferryd() {
    if !have("lftp") {
        return;
    }
    let (a, b) = (ferryd(2, ""), ferryd(3, ""));
    for tls in [false, true] {
        for how in ways(tls) {
            moved(&a, &b, how);
            moved(&b, &a, how);
        }
    }
    for server in [&a, &b] {
        let log = server.log();
        for role in ["in the clear", "as TLS server", "as TLS client"] {
            let line = "data connection with another server, 127.0.0.";
            let told = log.lines().any(|l| l.contains(line) && l.contains(role));
            assert!(told, "{role}\n{log}");
        }
    }
}

#[test]
fn strict_resumption_stays_out_of_the_way_of_other_servers() {
    if !have("lftp") {
        return;
    }
    let strict = "resumption = \"strict\"";
    let (a, b) = (ferryd(2, strict), ferryd(3, strict));
    for how in ways(true) {
        moved(&a, &b, how);
    }
}

#[test]
fn without_the_right_lftp_moves_nothing() {
    if !have("lftp") {
        return;
    }
    let able = ferryd(2, "");
    let v4 = Some(Ipv4Addr::new(127, 0, 0, 3));
    let extra = Extra { v4, server: "fxp = true", ..Extra::default() };
    let unable = Server::extended(extra, |_| Ok(())).unwrap();
    fs::write(able.files().join("f"), content()).unwrap();
    for how in ways(false) {
        let done = fxp(&able, &unable, how);
        let came = fs::read(unable.files().join("g")).unwrap_or_default();
        assert!(!done.ok() && came.is_empty(), "{how:?}\n{done}{}", unable.log_tail());
    }
}

#[test]
fn lftp_moves_a_file_between_ferryd_and_proftpd() {
    if !have("lftp") {
        return;
    }
    let Some(folder) = proftpd::unpacked() else {
        return;
    };
    let ferryd = ferryd(2, "");
    let proftpd = Proftpd::start(&folder, Ipv4Addr::new(127, 0, 0, 3)).unwrap();
    for tls in [false, true] {
        for how in ways(tls) {
            moved(&ferryd, &proftpd, how);
            moved(&proftpd, &ferryd, how);
        }
    }
}
