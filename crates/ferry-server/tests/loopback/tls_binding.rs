//! Data connections bound to their control session: a session resumed proves who comes, in
//! TLS 1.2 and 1.3 alike, over as many transfers as anyone likes.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;

use ferry_server::options::DataResumption;
use rustls::HandshakeKind;

use crate::support::{Blueprint, Client, Site, TlsPeer, WRITER, over_tls, until_end};

fn site(resumption: DataResumption) -> Site {
    Blueprint::default().with_tls().with(|o| o.data_resumption = resumption).build()
}

/// Opens a data connection for `command` under `peer`'s TLS; how it was made, and the last reply.
fn data_under(client: &mut Client, peer: &TlsPeer, command: &str) -> (Option<HandshakeKind>, u16) {
    let data = client.data();
    client.ok(command, 150);
    let kind = match over_tls(peer, data) {
        Ok(mut tls) => {
            let kind = tls.conn.handshake_kind();
            if command.starts_with("STOR") {
                // Refused connections may be gone already.
                let _ = tls.write_all(b"content");
                tls.conn.send_close_notify();
                let _ = tls.flush();
                let _ = tls.sock.shutdown(std::net::Shutdown::Write);
            }
            until_end(&mut tls);
            kind
        }
        Err(_) => None,
    };
    (kind, client.reply().code)
}

#[test]
fn under_strict_more_than_twenty_transfers_resume_in_one_session() {
    let site = site(DataResumption::Strict);
    for (version, peer) in site.certified.as_ref().unwrap().peers() {
        let mut client = site.private_writer(&peer);
        for round in 0..8 {
            // Under TLS 1.3 this client uses each ticket once: an upload takes one of those the
            // control connection gave, a download brings a new one.
            let upload = version == "TLS 1.2" || round < 3;
            let uploads = upload.then_some("STOR f");
            for command in uploads.into_iter().chain(["RETR f", "LIST", "MLSD"]) {
                let done = data_under(&mut client, &peer, command);
                let resumed = (Some(HandshakeKind::Resumed), 226);
                assert_eq!(done, resumed, "{version}, round {round}: {command}");
            }
        }
        client.ok("QUIT", 221);
    }
}

#[test]
fn under_strict_a_full_handshake_is_refused_with_522_and_the_session_goes_on() {
    let site = site(DataResumption::Strict);
    for (version, peer) in site.certified.as_ref().unwrap().forgetful() {
        let mut client = site.private_writer(&peer);
        for command in ["STOR f", "LIST", "MLSD"] {
            assert_eq!(data_under(&mut client, &peer, command).1, 522, "{version}");
        }
        assert_eq!(client.ask("SIZE f").code, 550, "{version}: nothing was stored");
    }
}

#[test]
fn a_ticket_of_another_control_session_opens_nothing_under_strict() {
    let site = site(DataResumption::Strict);
    for (own, other) in site
        .certified
        .as_ref()
        .unwrap()
        .peers()
        .into_iter()
        .zip(site.certified.as_ref().unwrap().peers())
    {
        let (version, own) = own;
        let (_, other) = other;
        let mut victim = site.private_writer(&own);
        let _thief = site.private_writer(&other);
        for command in ["STOR f", "LIST"] {
            let stolen = data_under(&mut victim, &other, command).1;
            assert_eq!(stolen, 522, "{version}: {command}");
        }
        let done = data_under(&mut victim, &own, "STOR f");
        assert_eq!(done, (Some(HandshakeKind::Resumed), 226), "{version}");
    }
}

#[test]
fn a_session_that_has_ended_is_resumed_by_nobody() {
    let site = site(DataResumption::Strict);
    for (version, peer) in site.certified.as_ref().unwrap().peers() {
        let mut before = site.private_writer(&peer);
        before.ok("QUIT", 221);
        // The same client again: its tickets of before are offered for this control connection.
        let mut client = site.private_writer(&peer);
        let done = data_under(&mut client, &peer, "LIST");
        assert_eq!(done, (Some(HandshakeKind::Resumed), 226), "{version}");
    }
}

#[test]
fn under_prefer_and_off_a_full_handshake_is_good_enough() {
    let cases = [
        (DataResumption::Prefer, HandshakeKind::Resumed),
        (DataResumption::Off, HandshakeKind::Full),
    ];
    for (resumption, kind) in cases {
        let site = site(resumption);
        let certified = site.certified.as_ref().unwrap();
        for (version, peer) in certified.forgetful() {
            let mut client = site.private_writer(&peer);
            let (_, code) = data_under(&mut client, &peer, "STOR f");
            assert_eq!(code, 226, "{version}, {resumption:?}");
        }
        for (version, peer) in certified.peers() {
            let mut client = site.private_writer(&peer);
            let (made, code) = data_under(&mut client, &peer, "RETR f");
            let full = [HandshakeKind::Full, HandshakeKind::FullWithHelloRetryRequest];
            let as_meant = match kind {
                HandshakeKind::Resumed => made == Some(kind),
                _ => made.is_some_and(|made| full.contains(&made)),
            };
            assert!(as_meant, "{version}, {resumption:?}: {made:?}");
            assert_eq!(code, 226, "{version}, {resumption:?}");
        }
    }
}

#[test]
fn who_only_knows_the_port_and_speaks_no_tls_is_refused() {
    let site = site(DataResumption::Prefer);
    let peer: Arc<TlsPeer> = site.certified.as_ref().unwrap().peer13();
    let mut client = site.client();
    client.secure(&peer);
    client.log_in(WRITER);
    client.ok("PBSZ 0", 200);
    client.ok("PROT P", 200);
    let mut data: TcpStream = client.data();
    client.ok("STOR f", 150);
    data.write_all(b"in the clear\r\n").unwrap();
    client.expect(522);
    until_end(&mut data);
    assert_eq!(client.ask("SIZE f").code, 550);
}
