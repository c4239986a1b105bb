//! Other servers as this end's TLS servers: every version, and every way to be known or not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use rustls_pki_types::PrivatePkcs8KeyDer;

use super::*;
use crate::testing::{beside, certified, pair};
use crate::wire::Received;

/// A server that shows a certificate of an issuer of its own.
struct Other {
    issuer: CertificateDer<'static>,
    cert: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Other {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer_key = KeyPair::generate().unwrap();
        let issuer = params.self_signed(&issuer_key).unwrap().der().clone();
        let signer = Issuer::new(params, issuer_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["other.test".to_owned()];
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, &signer).unwrap();
        Self { issuer, cert: cert.der().clone(), key: key.serialize_der() }
    }

    /// Shakes hands as the server, reads one line and answers with one.
    fn serve(&self, version: &'static SupportedProtocolVersion, mut tcp: TcpStream) -> Vec<u8> {
        let key = PrivatePkcs8KeyDer::from(self.key.clone());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.cert.clone()], key.into())
            .unwrap();
        let mut conn = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::Stream::new(&mut conn, &mut tcp);
        let mut line = [0; 4];
        if stream.read_exact(&mut line).is_err() {
            return Vec::new();
        }
        stream.write_all(b"pong").unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        line.to_vec()
    }
}

#[tokio::test]
async fn servers_are_believed_by_certificate_or_issuer_where_any_are_named_and_always_otherwise() {
    let other = Arc::new(Other::new());
    let stranger = Other::new();
    let (cert, issuer) = (other.cert.clone(), other.issuer.clone());
    let cases = [
        ("anyone", None, true),
        ("its own certificate", Some(vec![cert]), true),
        ("its issuer", Some(vec![stranger.cert.clone(), issuer]), true),
        ("another's", Some(vec![stranger.cert, stranger.issuer]), false),
    ];
    let (setup, _) = certified();
    for version in [&TLS13, &TLS12] {
        for (whom, known, believed) in &cases {
            let setup = match known {
                Some(known) => setup.clone().with_partners(known.clone()).unwrap(),
                None => setup.clone(),
            };
            let tls = setup.session(crate::options::DataResumption::Strict).unwrap();
            let (mut wire, tcp) = pair().await;
            let serving = Arc::clone(&other);
            let peer = beside(move || serving.serve(version, tcp));
            let shown = wire.connect_tls(&tls, [127, 0, 0, 1].into()).await;
            let what = format!("{whom}, {version:?}");
            match shown {
                Ok(shown) => {
                    assert!(believed, "{what}");
                    let want = Fingerprint(Sha256::digest(&other.cert).into());
                    assert_eq!(shown, Some(want), "{what}");
                    wire.write_all(b"ping").await.unwrap();
                    let mut answer = [0; 4];
                    let read = wire.read(&mut answer).await.unwrap();
                    assert_eq!((read, &answer), (Received::Bytes(4), b"pong"), "{what}");
                    assert_eq!(peer.await.unwrap(), b"ping", "{what}");
                }
                Err(refused) => {
                    assert!(!believed && matches!(refused, TlsFailure::Tls(_)), "{what}");
                    assert!(peer.await.unwrap().is_empty(), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_fingerprint_is_written_as_people_compare_it() {
    let mut octets = [0xab; 32];
    octets[0] = 1;
    let text = Fingerprint(octets).to_string();
    assert!(text.starts_with("01:AB:AB") && text.len() == 32 * 3 - 1, "{text}");
}
