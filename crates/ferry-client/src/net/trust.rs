//! Which certificates are good. The chain and the host's name are judged on the control connection;
//! a data connection must show the same certificate.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};

use super::known_hosts::{self, KnownHosts};
use super::pem;
use super::tls::lock;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Settings, Trust, UnknownCertificate};
use crate::site::Site;

/// How many of the names in a certificate are told when none fits.
const NAMES_MAX: usize = 5;

/// Judges the certificates of one server.
#[derive(Debug)]
pub(super) struct Judge {
    host: String,
    port: u16,
    by: By,
    algorithms: WebPkiSupportedAlgorithms,
    /// The control connection's certificate.
    settled: Mutex<Option<Vec<u8>>>,
    unknown: Mutex<Option<UnknownCertificate>>,
}

#[derive(Debug)]
enum By {
    Anyone,
    Fingerprints(Vec<[u8; 32]>),
    Roots { verifier: Option<Arc<WebPkiServerVerifier>>, known: Option<KnownHosts> },
}

/// The SHA-256 of a certificate as people compare it.
fn fingerprint_text(fingerprint: &[u8; 32]) -> String {
    let mut text = String::with_capacity(95);
    for (i, octet) in fingerprint.iter().enumerate() {
        let colon = if i == 0 { "" } else { ":" };
        _ = write!(text, "{colon}{octet:02X}");
    }
    text
}

impl Judge {
    pub(super) fn new(
        site: &Site,
        settings: &Settings,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self> {
        let by = match &settings.trust {
            Trust::Any => By::Anyone,
            Trust::Pinned(fingerprints) => By::Fingerprints(fingerprints.clone()),
            Trust::Roots(files) => {
                let mut roots = RootCertStore::empty();
                for file in files {
                    roots.add_parsable_certificates(pem::certificates(file)?);
                }
                By::Roots { verifier: verifier(Arc::new(roots), provider)?, known: None }
            }
            Trust::System => {
                let known = known_hosts::default_path().map(|path| KnownHosts::at(path, site));
                By::Roots { verifier: verifier(system_roots(), provider)?, known }
            }
            Trust::KnownHosts(path) => {
                let known = Some(KnownHosts::at(path.clone(), site));
                By::Roots { verifier: verifier(system_roots(), provider)?, known }
            }
        };
        Ok(Self {
            host: site.host.clone(),
            port: site.port(),
            by,
            algorithms: provider.signature_verification_algorithms,
            settled: Mutex::new(None),
            unknown: Mutex::new(None),
        })
    }

    /// The control connection is up with this certificate.
    pub(super) fn settle(&self, certificate: &CertificateDer<'_>) {
        *lock(&self.settled) = Some(certificate.to_vec());
    }

    pub(super) fn is_settled(&self, certificate: &CertificateDer<'_>) -> bool {
        lock(&self.settled).as_deref() == Some(&**certificate)
    }

    /// Why the last handshake was refused, if it was for its certificate.
    pub(super) fn refusal(&self) -> Option<String> {
        lock(&self.unknown).as_ref().map(|unknown| {
            let print = fingerprint_text(&unknown.fingerprint);
            format!("the server's certificate is not trusted: {} (SHA-256 {print})", unknown.why)
        })
    }

    /// Puts the refused certificate before the asker, and remembers it if it is trusted.
    pub(super) async fn ask(&self, settings: &Settings) -> bool {
        let Some(unknown) = lock(&self.unknown).take() else {
            return false;
        };
        let By::Roots { known: Some(known), .. } = &self.by else {
            return false;
        };
        let Some(asker) = &settings.asker else {
            return false;
        };
        if !asker.trust(&unknown).await {
            return false;
        }
        known.remember(unknown.fingerprint);
        true
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let good = Ok(ServerCertVerified::assertion());
        if let Some(settled) = lock(&self.settled).as_deref() {
            return match settled == &**end_entity {
                true => good,
                false => Err(CertificateError::ApplicationVerificationFailure.into()),
            };
        }
        let fingerprint: [u8; 32] = Sha256::digest(end_entity).into();
        let (error, changed) = match &self.by {
            By::Anyone => return good,
            By::Fingerprints(prints) if prints.contains(&fingerprint) => return good,
            By::Fingerprints(_) => (CertificateError::ApplicationVerificationFailure.into(), false),
            By::Roots { verifier, known } => {
                let judged = match verifier {
                    Some(verifier) => {
                        verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now)
                    }
                    None => Err(CertificateError::UnknownIssuer.into()),
                };
                let error = match judged {
                    Ok(good) => return Ok(good),
                    Err(error) => error,
                };
                let before = known.as_ref().and_then(KnownHosts::found);
                match before {
                    Some(before) if before == fingerprint => return good,
                    before => (error, before.is_some()),
                }
            }
        };
        let why = match &self.by {
            By::Fingerprints(_) => "it is not the pinned one".to_owned(),
            _ if changed => "another one was known for this host".to_owned(),
            _ => reason(&error, now),
        };
        *lock(&self.unknown) = Some(UnknownCertificate {
            host: self.host.clone(),
            port: self.port,
            fingerprint,
            why,
            changed,
        });
        Err(error)
    }
}

/// Why roots do not vouch for it and what helps, without a full stop.
fn reason(error: &TlsError, now: UnixTime) -> String {
    use CertificateError as C;
    let TlsError::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        // The latter where somebody signed in the name of one who is known.
        C::UnknownIssuer | C::BadSignature => {
            "nobody known has signed it; it may be self-signed".to_owned()
        }
        C::ExpiredContext { not_after, .. } => {
            let days = now.as_secs().saturating_sub(not_after.as_secs()) / 86_400;
            match days {
                0 => "it expired today; the server needs a new one".to_owned(),
                1 => "it expired yesterday; the server needs a new one".to_owned(),
                days => format!("it expired {days} days ago; the server needs a new one"),
            }
        }
        C::Expired => "it has expired; the server needs a new one".to_owned(),
        C::NotValidYet | C::NotValidYetContext { .. } => {
            "it is not valid yet; is this machine's clock right?".to_owned()
        }
        C::NotValidForNameContext { expected, presented } => {
            let asked = expected.to_str();
            if presented.is_empty() {
                return format!("it names no host at all, so not {asked} either");
            }
            let names: Vec<_> = presented.iter().take(NAMES_MAX).map(|name| bare(name)).collect();
            let more = if presented.len() > NAMES_MAX { " and others" } else { "" };
            format!("it is for {}{more}, not for {asked}", names.join(", "))
        }
        C::NotValidForName => "it is another host's".to_owned(),
        C::Revoked => "it was revoked".to_owned(),
        C::Other(other) => match other.to_string() {
            // As `openssl req -x509` makes them; the library has only this name for it.
            name if name.contains("CaUsedAsEndEntity") => {
                "it is one that may sign others, not a server's; it may be self-signed".to_owned()
            }
            name => name,
        },
        other => other.to_string(),
    }
}

/// A name as rustls lists it (`DnsName("a.example")`), without its dress and without what a
/// terminal should not see.
fn bare(listed: &str) -> String {
    let inner = listed.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let name = inner.unwrap_or(listed).trim_matches('"');
    name.chars().filter(|c| !c.is_control()).take(253).collect()
}

/// The system's roots, read once: there are some hundred, and a pool opens many connections.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // What cannot be read is missing, and then certificates are unknown, which is said there.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    Arc::clone(roots)
}

fn verifier(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>> {
    if roots.is_empty() {
        return Ok(None);
    }
    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map(Some)
        .map_err(|e| Error::new(ErrorKind::Tls, "the roots cannot be used").with_source(e))
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.judge(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
