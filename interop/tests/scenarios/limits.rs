//! What servers cannot do, and how that shows: facts about them, not about the client.

use interop::servers::{Kind, Tls};

/// What is known to go wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// Always, with one of these in the report.
    Fails(&'static [&'static str], &'static str),
    /// Now and then, with one of these in the report.
    MayFail(&'static [&'static str], &'static str),
    /// There is no use in trying, or it would take minutes.
    Skipped(&'static str),
}

use Limit::{Fails, MayFail, Skipped};

/// The limit of one cell.
pub(super) fn of(kind: Kind, tls: Tls, scenario: &str) -> Option<Limit> {
    match kind {
        Kind::Vsftpd => vsftpd(tls, scenario),
        Kind::Proftpd => proftpd(tls, scenario),
        Kind::PureFtpd => pure_ftpd(tls, scenario),
        Kind::Rclone => rclone(tls, scenario),
        Kind::Pyftpdlib => pyftpdlib(tls, scenario),
        Kind::Ferryd => None,
    }
}

fn vsftpd(tls: Tls, scenario: &str) -> Option<Limit> {
    match (tls, scenario) {
        (Tls::V13, "drop" | "abort" | "empty") => Some(MayFail(
            &["session reuse required"],
            "vsftpd sends tickets with data only, and those of a transfer that is broken off are \
             lost: without any it insists on one",
        )),
        _ => None,
    }
}

/// What stores by one session, or follows what does; a pool goes on with TLS 1.2.
const SESSION_UPLOADS: [&str; 9] =
    ["store", "empty", "append", "resume-dn", "resume-up", "64M", "120", "abort", "drop"];

fn proftpd(tls: Tls, scenario: &str) -> Option<Limit> {
    match (tls, scenario) {
        (Tls::V13, "tree-up" | "tree-down" | "cut") => Some(Skipped(
            "ProFTPD's sessions of TLS 1.3 crash (SIGSEGV in mod_tls) after a few transfers: each \
             few files take a log-in, and all take minutes",
        )),
        (Tls::V13, scenario) if SESSION_UPLOADS.contains(&scenario) => Some(MayFail(
            &["425 Unable to build data connection: Operation not permitted"],
            "ProFTPD sends no ticket with an upload, so that a session of TLS 1.3 runs out of them",
        )),
        (Tls::V13, "timed" | "copies" | "segments" | "command") => Some(MayFail(
            &["425 Unable to build data connection: Operation not permitted"],
            "ProFTPD that offers TLS 1.3 only leaves a pool nothing better to go on with",
        )),
        (Tls::V12, "drop") => Some(MayFail(
            &["the connection has ended"],
            "ProFTPD ends the session when a data connection under TLS is broken off",
        )),
        _ => None,
    }
}

fn pure_ftpd(tls: Tls, scenario: &str) -> Option<Limit> {
    match (tls, scenario) {
        (Tls::V13, "120") => Some(Fails(
            &["not resumed: Some(\"number 0: Some(Some(false))\")"],
            "Pure-FTPd resumes no session of TLS 1.3",
        )),
        (_, "abort") => Some(MayFail(
            &["the server does not answer"],
            "Pure-FTPd loses what is sent behind the ABOR of an upload",
        )),
        (_, "drop") => Some(MayFail(
            &["the connection has ended"],
            "Pure-FTPd gives a download that is broken off no last reply: it says 150 again",
        )),
        _ => None,
    }
}

fn pyftpdlib(tls: Tls, scenario: &str) -> Option<Limit> {
    match (tls, scenario) {
        (Tls::Plain, "abort" | "drop") => Some(MayFail(
            &["the connection has ended", "the server does not answer", "426 Internal error"],
            "pyftpdlib trips over a download in the clear that is broken off while it sends",
        )),
        _ => None,
    }
}

fn rclone(tls: Tls, scenario: &str) -> Option<Limit> {
    if tls != Tls::Plain {
        return Some(match scenario {
            "list" => Fails(
                &["the TLS handshake failed"],
                "rclone refuses PROT and sends files in the clear behind its TLS",
            ),
            _ => Skipped("rclone refuses PROT and sends files in the clear behind its TLS"),
        });
    }
    match scenario {
        "store" | "120" | "tree-up" | "command" => Some(Skipped(
            "rclone answers an upload without closing its side: seconds are waited for each",
        )),
        "append" => {
            Some(Fails(&["octets, not"], "rclone begins a file anew where it should append"))
        }
        "delete" => Some(MayFail(
            &["the server does not answer"],
            "rclone locks up now and then: it answers no RMD any more, on whatever session",
        )),
        "copies" => Some(Fails(
            &["STOR /copies/up was refused: 450", "STOR /copies/half was refused: 450"],
            "rclone continues no upload, and says so when the octets have gone",
        )),
        "resume-up" => {
            Some(Fails(&["STOR /up/file was refused: 450"], "rclone writes from the start"))
        }
        "dirs" => Some(Fails(&["again: Ok(())"], "rclone makes directories that are there")),
        "get" => Some(Fails(&["none: Err(Refused)"], "rclone does not say that there is no file")),
        "times" => Some(Fails(&["set time: not supported"], "rclone answers MFMT with 450")),
        _ => None,
    }
}
