//! Certificates of clients: whether they are asked for one, and which are taken (RFC 4217 §3,
//! RFC 8446 §4.3.2). What a certificate lets its owner do is the authenticator's business.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};

/// The most octets of a chain that nobody vouches for. A session keeps it as long as it lives, and
/// TLS would let it be four times as long.
const UNSIGNED_CHAIN_MAX: usize = 16 << 10;

/// Which certificates of clients are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientTrust {
    /// Those that lead to one of these, and are valid now. A client that shows another does not get
    /// through the handshake.
    SignedBy(Vec<CertificateDer<'static>>),
    /// Any, as long as the client has its key: the authenticator knows them one by one. Neither who
    /// signed them nor until when they are valid counts. With what the client sends along they may
    /// have 16 KiB.
    Any,
}

/// Whether clients are asked for a certificate.
///
/// ```no_run
/// use std::net::IpAddr;
///
/// use ferry_server::auth::{Authenticator, Login};
/// use ferry_server::net::BoxFut;
/// use ferry_server::tls::{ClientCertificates, ClientTrust, TlsSetup};
/// use rustls_pki_types::pem::PemObject as _;
/// use rustls_pki_types::{CertificateDer, PrivateKeyDer};
///
/// /// Knows one client, and it by its certificate alone.
/// #[derive(Debug)]
/// struct OneClient {
///     certificate: CertificateDer<'static>,
///     login: Login,
/// }
///
/// impl Authenticator for OneClient {
///     fn login<'a>(&'a self, _: &'a [u8], _: &'a [u8], _: IpAddr) -> BoxFut<'a, Option<Login>> {
///         Box::pin(async { None })
///     }
///
///     fn recognise<'a>(
///         &'a self,
///         user: &'a [u8],
///         certificate: &'a [u8],
///         _peer: IpAddr,
///     ) -> BoxFut<'a, Option<Login>> {
///         let known = *certificate == *self.certificate
///             && user == self.login.account.name.as_bytes();
///         Box::pin(async move { known.then(|| self.login.clone()) })
///     }
///
///     fn welcomes_anonymous(&self) -> bool {
///         false
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clients = ClientCertificates {
///     trust: ClientTrust::SignedBy(vec![CertificateDer::from_pem_file("partners.pem")?]),
///     required: true,
/// };
/// let chain = vec![CertificateDer::from_pem_file("cert.pem")?];
/// let key = PrivateKeyDer::from_pem_file("key.pem")?;
/// let tls = TlsSetup::asking(chain, key, Some(&clients))?; // for Setup::tls
/// # let _ = tls;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct ClientCertificates {
    /// Which are taken.
    pub trust: ClientTrust,
    /// Whether a client without one does not get through the handshake.
    pub required: bool,
}

impl ClientCertificates {
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        match &self.trust {
            ClientTrust::Any => {
                let provider = Arc::clone(provider);
                Ok(Arc::new(AnyCertificate { provider, required: self.required }))
            }
            ClientTrust::SignedBy(signers) => {
                let mut roots = RootCertStore::empty();
                for signer in signers {
                    roots.add(signer.clone())?;
                }
                let (roots, provider) = (Arc::new(roots), Arc::clone(provider));
                let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
                if !self.required {
                    builder = builder.allow_unauthenticated();
                }
                Ok(builder.build().map_err(|e| Error::General(e.to_string()))?)
            }
        }
    }
}

/// Takes any certificate whose key the client has.
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    required: bool,
}

impl fmt::Debug for AnyCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyCertificate").field("required", &self.required).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let rest: usize = intermediates.iter().map(|certificate| certificate.len()).sum();
        if end_entity.len().saturating_add(rest) > UNSIGNED_CHAIN_MAX {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
