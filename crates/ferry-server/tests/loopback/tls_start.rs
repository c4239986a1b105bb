//! Where the clear ends: nothing sent before the handshake counts after it (RFC 4217 §4, and the
//! attacks known as STARTTLS injection), and no one talks a server that wants TLS out of it.

use std::fs;

use ferry_server::options::RequireTls;

use crate::support::{Blueprint, Client, Site, WRITER, snapshot};

fn site() -> Site {
    Blueprint::default().with_tls().build()
}

#[test]
fn commands_sent_in_the_clear_behind_auth_are_never_carried_out() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "x").unwrap();
    let before = snapshot(dir.path());
    let site = Blueprint::of_dir(dir.path()).with_tls().build();
    let bait = format!("USER {WRITER}\r\nPASS {WRITER}'s password\r\nDELE f\r\n");
    for line in ["AUTH TLS\r\n", "AUTH SSL\r\n", "auth tls\n", "AUTH TLS-C\r\n"] {
        for behind in ["", "\r\n", "x", "\n", " "] {
            let mut client = site.client();
            client.send(format!("{line}{behind}{bait}").as_bytes());
            client.expect(234);
            assert_eq!(client.rest_or_reset(), b"", "{line:?} {behind:?}");
        }
    }
    assert!(site.auth.asked().is_empty());
    assert_eq!(snapshot(dir.path()), before);
    site.heard.wait_for("commands were sent in the clear behind AUTH");
}

#[test]
fn half_a_line_behind_auth_is_not_finished_under_tls() {
    let site = site();
    let mut client = site.client();
    client.send(b"AUTH TLS\r\nUSER wri");
    client.expect(234);
    assert_eq!(client.rest_or_reset(), b"");
}

/// AUTH and the ClientHello in one segment, as eager clients send them.
#[test]
fn a_client_hello_in_the_same_segment_as_auth_starts_the_handshake() {
    let site = site();
    for (version, peer) in site.certified.as_ref().unwrap().peers() {
        let mut tls = peer.begin();
        let mut eager = b"AUTH TLS\r\n".to_vec();
        tls.write_tls(&mut eager).unwrap();
        let mut client = site.client();
        client.send(&eager);
        let mut tcp = client.tcp().try_clone().unwrap();
        // The server's part of the handshake may come right behind: not an octet too much.
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut octet = [0; 1];
            std::io::Read::read_exact(&mut tcp, &mut octet).unwrap();
            line.extend_from_slice(&octet);
        }
        assert!(line.starts_with(b"234 "), "{version}");
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).unwrap();
        }
        let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
        std::io::Write::write_all(&mut stream, b"NOOP\r\n").unwrap();
        let mut code = [0; 4];
        std::io::Read::read_exact(&mut stream, &mut code).unwrap();
        assert_eq!(&code, b"200 ", "{version}");
    }
}

#[test]
fn what_was_said_in_the_clear_is_forgotten() {
    let site = site();
    let peer = site.certified.as_ref().unwrap().peer13();
    let mut client = site.writer();
    client.ok("MKD d", 257);
    client.ok("CWD d", 250);
    client.ok("RNFR /d", 350);
    let at = client.passive();
    client.secure(&peer);
    std::net::TcpStream::connect(at).map(drop).unwrap_err();
    client.ok("PWD", 530);
    client.ok("PROT P", 503);
    client.log_in(WRITER);
    let text = client.ok("PWD", 257).text();
    assert!(text.starts_with("257 \"/\""), "{text}");
    client.ok("RNTO /e", 503);
    client.ok("AUTH TLS", 503);

    // A USER in the clear is no half of a log-in under TLS.
    let mut client = site.client();
    client.ok(&format!("USER {WRITER}"), 331);
    client.secure(&peer);
    client.ok(&format!("PASS {WRITER}'s password"), 503);
}

#[test]
fn a_server_that_wants_tls_hears_no_password_in_the_clear() {
    for require in [RequireTls::Login, RequireTls::Both] {
        let site = Blueprint::default().with_tls().with(|o| o.require_tls = require).build();
        let mut client = site.client();
        for command in ["USER writer", "PASS writer's password", "USER anonymous"] {
            let code = client.ask(command).code;
            assert!(matches!(code, 530 | 503), "{command}: {code}");
        }
        assert!(site.auth.asked().is_empty());
        client.secure(&site.certified.as_ref().unwrap().peer13());
        client.log_in(WRITER);
    }
}

fn private(require: RequireTls) -> (Site, Client) {
    let site = Blueprint::default().with_tls().with(|o| o.require_tls = require).build();
    let mut client = site.client();
    client.secure(&site.certified.as_ref().unwrap().peer13());
    client.log_in(WRITER);
    (site, client)
}

#[test]
fn data_is_never_sent_in_the_clear_where_it_must_be_private() {
    let (_site, mut client) = private(RequireTls::Both);
    // Explicit TLS begins with PROT C.
    for transfer in ["LIST", "STOR f", "MLSD"] {
        let (refused, came) = client.transfer(transfer, Some(b"x"));
        assert_eq!((refused.code, came), (521, Vec::new()), "{transfer}");
    }
    client.ok("PBSZ 0", 200);
    client.ok("PROT P", 200);
    client.ok("PROT C", 534);
    client.ok("PROT S", 536);
    client.ok("CCC", 534);
    // None of which took the level back.
    client.store("STOR f", b"private");
    assert_eq!(client.fetch("RETR f"), b"private");
}

#[test]
fn a_level_that_was_asked_for_is_kept_or_refused_but_never_lowered() {
    let (_site, mut client) = private(RequireTls::No);
    client.ok("PROT P", 503);
    client.ok("PBSZ 0", 200);
    client.ok("PROT P", 200);
    client.ok("PROT X", 504);
    client.ok("PBSZ 0", 200);
    client.ok("TYPE A", 200);
    client.log_in(WRITER);
    client.store("STOR f", b"private");
}
