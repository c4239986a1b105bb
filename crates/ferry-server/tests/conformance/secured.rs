//! What cannot be asked without TLS, over real sockets.

use std::sync::Arc;

use ferry_server::tls::{ClientCertificates, ClientTrust};
use testkit::script::Exchange;

use crate::support::{Blueprint, Client, PARTNER, Signer, TlsPeer, WRITER};

/// A client that notes what it asks and is answered.
struct Noting {
    client: Client,
    exchanges: Vec<Exchange>,
}

impl Noting {
    fn ask(&mut self, line: &str, code: u16) {
        self.client.ok(line, code);
        self.exchanges.push(Exchange { command: line.as_bytes().to_vec(), codes: vec![code] });
    }

    fn secure(&mut self, line: &str, peer: &Arc<TlsPeer>) {
        self.ask(line, 234);
        self.client.shake_hands(peer);
    }
}

/// Sessions under TLS: all the ways in, the levels of protection, and the ways out that TLS has.
pub(crate) fn exchanges() -> Vec<Exchange> {
    let site = Blueprint::default().with_tls().with(|options| options.ccc = true).build();
    let peer = site.certified.as_ref().unwrap().peer13();
    let mut all = Vec::new();
    for way in ["AUTH TLS", "AUTH TLS-C", "AUTH SSL", "AUTH TLS-P"] {
        let mut noting = Noting { client: site.client(), exchanges: Vec::new() };
        noting.ask("AUTH KERBEROS_V4", 504);
        noting.ask("PBSZ 0", 503);
        noting.ask("PROT P", 503);
        noting.secure(way, &peer);
        noting.ask("AUTH TLS", 503);
        let private = matches!(way, "AUTH SSL" | "AUTH TLS-P");
        noting.ask("PROT C", if private { 200 } else { 503 });
        noting.ask("PBSZ x", 501);
        noting.ask("PBSZ 0", 200);
        noting.ask("PROT X", 504);
        noting.ask("PROT S", 536);
        noting.ask("PROT E", 536);
        noting.ask("PROT P", 200);
        noting.ask("PROT C", 200);
        noting.ask("CCC", 530);
        noting.client.log_in(WRITER);
        noting.ask("CCC", 200);
        all.append(&mut noting.exchanges);
    }
    all.append(&mut with_partners());
    all.append(&mut with_certificate());
    all
}

/// Who is known by a certificate.
fn with_certificate() -> Vec<Exchange> {
    let clients = ClientCertificates { trust: ClientTrust::Any, required: false };
    let site = Blueprint { clients: Some(clients), ..Blueprint::default() }.with_tls().build();
    let badge = Signer::new("anyone").badge(false);
    site.auth.know(&badge.certificate);
    let [(_, peer), _] = site.certified.as_ref().unwrap().showing(&badge, true);
    let mut noting = Noting { client: site.client(), exchanges: Vec::new() };
    noting.secure("AUTH TLS", &peer);
    noting.ask("USER nobody", 331);
    noting.ask(&format!("USER {WRITER}"), 232);
    noting.ask("PASS whatever", 202);
    noting.exchanges
}

/// Who is TLS client where the other end of data may be another server.
fn with_partners() -> Vec<Exchange> {
    let site = Blueprint::default().with_tls().with(|options| options.fxp = true).build();
    let peer = site.certified.as_ref().unwrap().peer13();
    let mut noting = Noting { client: site.client(), exchanges: Vec::new() };
    noting.secure("AUTH TLS", &peer);
    noting.client.log_in(WRITER);
    noting.ask("SSCN ON", 504);
    noting.client.log_in(PARTNER);
    noting.ask("SSCN X", 501);
    noting.ask("SSCN ON", 200);
    noting.ask("SSCN OFF", 200);
    noting.ask("CPSV", 503);
    noting.ask("PBSZ 0", 200);
    noting.ask("PROT P", 200);
    noting.ask("CPSV", 227);
    noting.exchanges
}
