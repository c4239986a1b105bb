//! Clients that show a certificate: which are taken, what they let in, and that a data connection
//! shows the one of its control connection.

use std::net::TcpStream;
use std::sync::Arc;

use ferry_server::options::DataResumption;
use ferry_server::tls::{ClientCertificates, ClientTrust};

use crate::support::{Badge, Blueprint, Client, Signer, Site, TlsPeer, WRITER, over_tls};

fn site(trust: ClientTrust, required: bool) -> Site {
    let clients = Some(ClientCertificates { trust, required });
    Blueprint { clients, ..Blueprint::default() }.with_tls().build()
}

fn signed_by(signer: &Signer) -> ClientTrust {
    ClientTrust::SignedBy(vec![signer.certificate.clone()])
}

/// Whether the handshake of a control connection leads anywhere.
fn gets_through(site: &Site, peer: &Arc<TlsPeer>) -> bool {
    let mut client = site.client();
    client.ok("AUTH TLS", 234);
    let tcp: TcpStream = client.tcp().try_clone().unwrap();
    let Ok(mut tls) = over_tls(peer, tcp) else { return false };
    // In TLS 1.3 the client is done before the server has looked at its certificate.
    use std::io::{Read as _, Write as _};
    let mut first = [0; 1];
    tls.write_all(b"NOOP\r\n").is_ok() && matches!(tls.read(&mut first), Ok(1))
}

fn secured(site: &Site, peer: &Arc<TlsPeer>) -> Client {
    let mut client = site.client();
    client.secure(peer);
    client
}

#[test]
fn a_certificate_is_taken_if_its_signer_is_known_and_it_is_valid() {
    let (ours, theirs) = (Signer::new("ours"), Signer::new("theirs"));
    let (good, foreign, expired) = (ours.badge(false), theirs.badge(false), ours.badge(true));
    for required in [false, true] {
        let site = site(signed_by(&ours), required);
        let certified = site.certified.as_ref().unwrap();
        let shown = |badge: &Badge| {
            certified.showing(badge, true).map(|(_, peer)| gets_through(&site, &peer))
        };
        assert_eq!(shown(&good), [true, true]);
        assert_eq!(shown(&foreign), [false, false]);
        assert_eq!(shown(&expired), [false, false]);
        let without = certified.peers().map(|(_, peer)| gets_through(&site, &peer));
        assert_eq!(without, [!required, !required]);
    }
}

#[test]
fn whose_certificate_is_known_is_logged_in_by_user_alone() {
    let signer = Signer::new("ours");
    let (known, other) = (signer.badge(false), signer.badge(false));
    for trust in [signed_by(&signer), ClientTrust::Any] {
        let site = site(trust, false);
        site.auth.know(&known.certificate);
        let certified = site.certified.as_ref().unwrap();
        for (version, peer) in certified.showing(&known, true) {
            let mut client = secured(&site, &peer);
            client.ok(&format!("USER {WRITER}"), 232);
            client.ok("PWD", 257);
            client.ok("PASS anything", 202);
            client.ok("USER reader", 331);
            client.ok("PASS reader's password", 230);
            client.ok("USER nobody", 331);
            assert_eq!(client.ask("PWD").code, 530, "{version}");
        }
        for (_, peer) in certified.showing(&other, true).into_iter().chain(certified.peers()) {
            let mut client = secured(&site, &peer);
            client.ok(&format!("USER {WRITER}"), 331);
            client.ok(&format!("PASS {WRITER}'s password"), 230);
        }
        // In the clear nobody shows anything.
        site.client().ok(&format!("USER {WRITER}"), 331);
    }
}

#[test]
fn a_data_connection_shows_the_certificate_of_its_control_connection() {
    let signer = Signer::new("ours");
    let (own, other) = (signer.badge(false), signer.badge(false));
    let clients = Some(ClientCertificates { trust: signed_by(&signer), required: false });
    let site = Blueprint { clients, ..Blueprint::default() }
        .with_tls()
        .with(|options| options.data_resumption = DataResumption::Prefer)
        .build();
    let certified = site.certified.as_ref().unwrap();
    let (full, resuming) = (certified.showing(&own, false), certified.showing(&own, true));
    let strangers = certified.showing(&other, false);
    let bare = certified.forgetful();
    for at in 0..2 {
        let mut client = site.private(WRITER, &full[at].1);
        client.store("STOR full", b"by a full handshake");
        for impostor in [&strangers[at].1, &bare[at].1] {
            let data = client.data();
            client.ok("STOR f", 150);
            let _ = over_tls(impostor, data).map(|mut tls| {
                tls.conn.send_close_notify();
                tls.conn.complete_io(&mut tls.sock)
            });
            client.expect(522);
        }
        let mut client = site.private(WRITER, &resuming[at].1);
        client.store("STOR resumed", b"by a resumed session");
        assert_eq!(client.fetch("RETR resumed"), b"by a resumed session");
        assert_eq!(client.ask("SIZE f").code, 550, "nothing was stored");
    }
}

#[test]
fn under_implicit_tls_a_certificate_outlives_rein() {
    let signer = Signer::new("ours");
    let badge = signer.badge(false);
    let clients = Some(ClientCertificates { trust: signed_by(&signer), required: false });
    let site = Blueprint { clients, implicit: true, ..Blueprint::default() }.with_tls().build();
    site.auth.know(&badge.certificate);
    for (version, peer) in site.certified.as_ref().unwrap().showing(&badge, true) {
        let mut client = Client::silent(site.at);
        client.shake_hands(&peer);
        client.expect(220);
        client.ok(&format!("USER {WRITER}"), 232);
        client.ok("REIN", 220);
        assert_eq!(client.ask(format!("USER {WRITER}")).code, 232, "{version}");
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_may_only_be_so_long() {
    let signer = Signer::new("ours");
    let (usual, bulky) = (signer.bulky_badge(12 << 10), signer.bulky_badge(24 << 10));
    let site = site(ClientTrust::Any, false);
    let certified = site.certified.as_ref().unwrap();
    for (badge, lives) in [(&usual, true), (&bulky, false)] {
        let through = certified.showing(badge, true).map(|(_, peer)| gets_through(&site, &peer));
        assert_eq!(through, [lives, lives], "{} octets", badge.certificate.len());
    }
}

#[test]
fn sessions_by_certificate_count_like_those_by_password() {
    let badge = Signer::new("ours").badge(false);
    let site = site(ClientTrust::Any, false);
    site.auth.know(&badge.certificate);
    site.auth.allow(1);
    let (_, peer) = &site.certified.as_ref().unwrap().showing(&badge, true)[0];
    let (mut first, mut second) = (secured(&site, peer), secured(&site, peer));
    first.ok(&format!("USER {WRITER}"), 232);
    second.ok(&format!("USER {WRITER}"), 530);
    second.ok("PWD", 530);
    // Whoever comes again gives the first log-in up before it asks for the second.
    first.ok(&format!("USER {WRITER}"), 232);
}
