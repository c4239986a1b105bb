//! The client's side of a TLS handshake, for data connections to other servers (SSCN, CPSV). No
//! deadline: the caller sets one. Such a connection has nothing to resume.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::server::ParsedCertificate;
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};

use super::accept::{Input, TlsFailure, part, read_some};
use super::stream::{LinkIo, TlsStream};
use crate::net::Link;

/// The SHA-256 of the certificate that another server has shown, for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            let colon = if i == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02X}")?;
        }
        Ok(())
    }
}

/// How to be the TLS client of other servers. With `known`, only of those whose certificate is
/// among these or was issued by one of them.
pub(super) fn config(
    provider: Arc<CryptoProvider>,
    known: Option<Vec<CertificateDer<'static>>>,
) -> Result<Arc<ClientConfig>, Error> {
    let algorithms = provider.signature_verification_algorithms;
    let known = known.map(Known::new).transpose()?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Partner { algorithms, known }))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Shakes hands as the client with the server at `to`. When this fails the connection is of no
/// more use: the peer has been told why, and our direction ended.
pub(crate) async fn connect(
    link: &dyn Link,
    config: Arc<ClientConfig>,
    to: IpAddr,
) -> Result<(Box<TlsStream>, Option<Fingerprint>), TlsFailure> {
    let name = ServerName::IpAddress(to.into());
    let mut conn = Box::new(ClientConnection::new(config, name).map_err(TlsFailure::Tls)?);
    let mut input = Input::new(link);
    loop {
        while conn.wants_write() {
            match conn.write_tls(&mut LinkIo { link, at_once: false }) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| link.poll_writable(cx)).await?;
                }
                other => _ = other?,
            }
        }
        if !conn.is_handshaking() {
            break;
        }
        read_some(&mut input, |input| conn.read_tls(input)).await?;
        if let Err(e) = conn.process_new_packets() {
            let _ = conn.write_tls(&mut LinkIo { link, at_once: false });
            return Err(part(link, TlsFailure::Tls(e)));
        }
    }
    let shown = conn.peer_certificates().and_then(<[_]>::first);
    let fingerprint = shown.map(|cert| Fingerprint(Sha256::digest(cert).into()));
    Ok((TlsStream::new((*conn).into(), input.records()), fingerprint))
}

/// Certificates that an operator trusts other servers by.
#[derive(Debug)]
struct Known {
    certs: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
}

impl Known {
    fn new(certs: Vec<CertificateDer<'static>>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for cert in &certs {
            roots.add(cert.clone())?;
        }
        Ok(Self { certs, roots })
    }
}

/// Judges the certificates of other servers. Their names are not looked at: a client gives
/// addresses only. That the server has the key of what it shows is checked always.
#[derive(Debug)]
struct Partner {
    algorithms: WebPkiSupportedAlgorithms,
    known: Option<Known>,
}

impl ServerCertVerifier for Partner {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(Known { certs, roots }) = &self.known else {
            return Ok(ServerCertVerified::assertion());
        };
        if certs.iter().any(|known| known == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        if roots.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
