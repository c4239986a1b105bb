//! Data connections that come to the control port by a name (XPSV, XDTP), under TLS: they are
//! protected as the session's data is to be, and belong to who has shown the session's certificate.

use std::sync::Arc;

use ferry_server::options::DataResumption;
use ferry_server::tls::{ClientCertificates, ClientTrust};
use ferry_storage::memory::Memory;

use crate::support::{Blueprint, Client, Signer, Site, TlsPeer, WRITER};

const NAME: &str = "0123456789abcdef";

fn site(resumption: DataResumption) -> Site {
    let memory = Memory::new();
    memory.put("/a.txt", b"hello").unwrap();
    let site = Blueprint::of(Arc::new(memory)).with_tls();
    site.with(|options| options.data_resumption = resumption).build()
}

/// A connection that has become a data connection.
fn joined(site: &Site, peer: Option<&Arc<TlsPeer>>) -> Client {
    let mut data = Client::connect(site.at);
    if let Some(peer) = peer {
        data.ok("AUTH TLS", 234);
        data.shake_hands(peer);
    }
    data.ok(&format!("XDTP {NAME}"), 200);
    data
}

#[test]
fn it_is_under_tls_of_its_own_whatever_must_be_resumed() {
    for resumption in [DataResumption::Strict, DataResumption::Prefer, DataResumption::Off] {
        let site = site(resumption);
        for (version, peer) in site.certified.as_ref().unwrap().forgetful() {
            let mut client = site.private_writer(&peer);
            client.ok("TYPE I", 200);
            client.ok(&format!("XPSV {NAME}"), 200);
            let mut data = joined(&site, Some(&peer));
            client.ok("RETR a.txt", 150);
            assert_eq!(data.rest().unwrap(), b"hello", "{version}");
            drop(data);
            client.expect(226);
            client.finish();
        }
    }
}

#[test]
fn one_that_is_not_protected_as_prot_says_is_refused() {
    let site = site(DataResumption::Prefer);
    let peer = site.certified.as_ref().unwrap().peer13();
    for (private, secured) in [(true, false), (false, true)] {
        let mut client = site.private_writer(&peer);
        client.ok(if private { "PROT P" } else { "PROT C" }, 200);
        client.ok(&format!("XPSV {NAME}"), 200);
        let mut data = joined(&site, secured.then_some(&peer));
        client.ok("RETR a.txt", 150);
        client.expect(522);
        assert_eq!(data.rest_or_reset(), b"", "{private} {secured}");
        client.ok("NOOP", 200);
    }
}

#[test]
fn it_shows_the_certificate_of_its_control_connection() {
    let signer = Signer::new("ours");
    let (own, other) = (signer.badge(false), signer.badge(false));
    let trust = ClientTrust::SignedBy(vec![signer.certificate.clone()]);
    let clients = Some(ClientCertificates { trust, required: false });
    let memory = Memory::new();
    memory.put("/a.txt", b"hello").unwrap();
    let of = Blueprint::of(Arc::new(memory));
    let site = Blueprint { clients, ..of }.with_tls().build();
    let certified = site.certified.as_ref().unwrap();
    let (owner, stranger) = (certified.showing(&own, false), certified.showing(&other, false));
    let bare = certified.forgetful();
    for at in 0..2 {
        let mut client = site.private(WRITER, &owner[at].1);
        client.ok("TYPE I", 200);
        for impostor in [&stranger[at].1, &bare[at].1] {
            client.ok(&format!("XPSV {NAME}"), 200);
            let mut data = joined(&site, Some(impostor));
            client.ok("RETR a.txt", 150);
            client.expect(522);
            assert_eq!(data.rest_or_reset(), b"", "{}", owner[at].0);
        }
        client.ok(&format!("XPSV {NAME}"), 200);
        let mut data = joined(&site, Some(&owner[at].1));
        client.ok("RETR a.txt", 150);
        assert_eq!(data.rest().unwrap(), b"hello");
        drop(data);
        client.expect(226);
    }
}
