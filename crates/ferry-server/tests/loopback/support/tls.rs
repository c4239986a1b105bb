//! rustls as a blocking client that remembers sessions, and a certificate it trusts.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use ferry_server::tls::{ClientCertificates, TlsSetup};
use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};

/// A connection under TLS.
pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// One client's TLS: its memory of sessions is what makes data connections resume.
#[derive(Debug)]
pub(crate) struct TlsPeer(Arc<ClientConfig>);

/// A server's TLS with a fresh certificate, and what trusts it.
#[derive(Debug, Clone)]
pub(crate) struct Certified {
    pub(crate) setup: TlsSetup,
    pub(crate) cert: CertificateDer<'static>,
    roots: RootCertStore,
}

/// A certificate for `localhost`.
pub(crate) fn certified() -> Certified {
    certified_asking(None)
}

/// The same, and clients are asked for theirs.
pub(crate) fn certified_asking(clients: Option<&ClientCertificates>) -> Certified {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let cert = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(cert.clone()).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let setup = TlsSetup::asking(vec![cert.clone()], key.into(), clients).unwrap();
    Certified { setup, cert, roots }
}

/// Who signs certificates of clients.
pub(crate) struct Signer {
    pub(crate) certificate: CertificateDer<'static>,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

/// A client's certificate and its key.
pub(crate) struct Badge {
    pub(crate) certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Signer {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    /// A certificate for someone; `expired` if it is no longer valid.
    pub(crate) fn badge(&self, expired: bool) -> Badge {
        self.badge_for(expired, vec!["client.example".into()])
    }

    /// A certificate of about that many octets.
    pub(crate) fn bulky_badge(&self, octets: usize) -> Badge {
        let names = (0..octets / 60).map(|n| format!("{n:056}.x")).collect();
        self.badge_for(false, names)
    }

    fn badge_for(&self, expired: bool, names: Vec<String>) -> Badge {
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Badge { certificate, key: key.serialize_der() }
    }
}

impl Certified {
    /// A client of TLS 1.3.
    pub(crate) fn peer13(&self) -> Arc<TlsPeer> {
        self.peer(&TLS13, true)
    }

    /// A client of TLS 1.2.
    pub(crate) fn peer12(&self) -> Arc<TlsPeer> {
        self.peer(&TLS12, true)
    }

    /// A client of TLS 1.2 that resumes by session id alone.
    pub(crate) fn peer12_by_id(&self) -> Arc<TlsPeer> {
        let by_id = Resumption::in_memory_sessions(32);
        self.resuming(&TLS12, by_id.tls12_resumption(Tls12Resumption::SessionIdOnly))
    }

    /// One of each version, with its name.
    pub(crate) fn peers(&self) -> [(&'static str, Arc<TlsPeer>); 2] {
        [("TLS 1.3", self.peer13()), ("TLS 1.2", self.peer12())]
    }

    /// Clients that never resume.
    pub(crate) fn forgetful(&self) -> [(&'static str, Arc<TlsPeer>); 2] {
        [("TLS 1.3", self.peer(&TLS13, false)), ("TLS 1.2", self.peer(&TLS12, false))]
    }

    /// One of each version that shows this certificate; whether they remember sessions.
    pub(crate) fn showing(
        &self,
        badge: &Badge,
        remembers: bool,
    ) -> [(&'static str, Arc<TlsPeer>); 2] {
        [("TLS 1.3", &TLS13), ("TLS 1.2", &TLS12)].map(|(name, version)| {
            let provider = Arc::new(aws_lc_rs::default_provider());
            let key = PrivatePkcs8KeyDer::from(badge.key.clone());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(self.roots.clone())
                .with_client_auth_cert(vec![badge.certificate.clone()], key.into())
                .unwrap();
            if !remembers {
                config.resumption = Resumption::disabled();
            }
            (name, Arc::new(TlsPeer(Arc::new(config))))
        })
    }

    fn peer(&self, version: &'static SupportedProtocolVersion, remembers: bool) -> Arc<TlsPeer> {
        let memory = Resumption::in_memory_sessions(256);
        self.resuming(version, if remembers { memory } else { Resumption::disabled() })
    }

    fn resuming(
        &self,
        version: &'static SupportedProtocolVersion,
        resumption: Resumption,
    ) -> Arc<TlsPeer> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.resumption = resumption;
        Arc::new(TlsPeer(Arc::new(config)))
    }
}

impl TlsPeer {
    /// A handshake not yet begun.
    pub(crate) fn begin(&self) -> ClientConnection {
        let name = ServerName::try_from("localhost").unwrap();
        ClientConnection::new(Arc::clone(&self.0), name).unwrap()
    }
}

/// Shakes hands.
pub(crate) fn over_tls(peer: &TlsPeer, mut tcp: TcpStream) -> io::Result<Box<TlsStream>> {
    let mut conn = peer.begin();
    while conn.is_handshaking() {
        conn.complete_io(&mut tcp)?;
    }
    while conn.wants_write() {
        conn.write_tls(&mut tcp)?;
    }
    Ok(Box::new(StreamOwned::new(conn, tcp)))
}
