//! Certificates of clients: whether they are asked for one, and which are taken (RFC 4217 §3,
//! RFC 8446 §4.3.2). What a certificate lets its owner do is the authenticator's business.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

/// Which certificates of clients are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientTrust {
    /// Those that lead to one of these, and are valid now. A client that shows another does not get
    /// through the handshake.
    SignedBy(Vec<CertificateDer<'static>>),
    /// Any, as long as the client has its key: the authenticator knows them one by one. Neither who
    /// signed them nor until when they are valid counts.
    Any,
}

/// Whether clients are asked for a certificate.
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
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
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
