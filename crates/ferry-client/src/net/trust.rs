//! Whether a server's certificate is good. On the control connection: by roots, by the file of
//! known hosts, by its fingerprint. On data connections that do not resume: if it is the control
//! connection's (names are not looked at again: a data connection goes to an address).
//!
//! That the server has the certificate's key is checked always, whatever is trusted.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a certificate, DER.
pub(crate) type Fingerprint = [u8; 32];

/// Names in a certificate that are told when none fits.
const NAMES_TOLD_MAX: usize = 5;

/// By what the certificate of a control connection is judged.
#[derive(Debug)]
pub(super) enum By {
    /// These roots, else these fingerprints that were trusted before, else a person.
    RootsOrPerson {
        /// None if the system has none.
        roots: Option<Arc<WebPkiServerVerifier>>,
        /// What is known of this server.
        known: Vec<Fingerprint>,
    },
    /// These roots and nothing else.
    Roots(Arc<WebPkiServerVerifier>),
    /// These fingerprints and nothing else.
    Pins(Vec<Fingerprint>),
    /// Nothing.
    Nothing,
}

/// Why a certificate was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) fingerprint: Fingerprint,
    /// A sentence, without a full stop.
    pub(super) why: String,
    /// Another one was known for this server.
    pub(super) changed: bool,
    /// Whether a person may say that it is good all the same.
    pub(super) may_ask: bool,
}

/// Judges the certificates of one control connection and its data connections.
#[derive(Debug)]
pub(super) struct Judge {
    by: By,
    algorithms: WebPkiSupportedAlgorithms,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the control connection showed, once its handshake was complete.
    expected: Option<CertificateDer<'static>>,
    /// What a person has said is good.
    accepted: Vec<Fingerprint>,
    refusal: Option<Refusal>,
}

impl Judge {
    pub(super) fn new(by: By, provider: &CryptoProvider) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Self { by, algorithms, state: Mutex::default() }
    }

    /// A person says that this certificate is good.
    pub(super) fn accept(&self, fingerprint: Fingerprint) {
        let mut state = self.state();
        state.accepted.push(fingerprint);
        state.refusal = None;
    }

    /// The control connection's handshake is complete: data connections must show the same.
    pub(super) fn expect(&self, shown: &CertificateDer<'_>) {
        let mut state = self.state();
        state.refusal = None;
        state.expected = Some(shown.clone().into_owned());
    }

    /// Whether this is what the control connection showed.
    pub(super) fn is_expected(&self, shown: Option<&CertificateDer<'_>>) -> bool {
        shown.is_some() && self.state().expected.as_ref() == shown
    }

    /// Why the last handshake failed, if its certificate is why.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.state().refusal.clone()
    }

    fn judge(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let fingerprint: Fingerprint = Sha256::digest(shown).into();
        let refuse = |error: Error, why: String, changed, may_ask| {
            self.state().refusal = Some(Refusal { fingerprint, why, changed, may_ask });
            Err(error)
        };
        let unknown = || Error::from(CertificateError::UnknownIssuer);
        let (expected, accepted) = {
            let state = self.state();
            (state.expected.clone(), state.accepted.contains(&fingerprint))
        };
        if let Some(expected) = expected {
            if expected == *shown {
                return Ok(());
            }
            let why = "the data connection shows another certificate than the control connection";
            let error = CertificateError::ApplicationVerificationFailure.into();
            return refuse(error, why.to_owned(), false, false);
        }
        match &self.by {
            By::Nothing => Ok(()),
            By::Pins(pins) if pins.contains(&fingerprint) => Ok(()),
            By::Pins(_) => {
                let why = "it is another one than the one that is pinned";
                refuse(unknown(), why.to_owned(), true, false)
            }
            By::Roots(roots) => {
                match roots.verify_server_cert(shown, intermediates, name, &[], now) {
                    Ok(_) => Ok(()),
                    Err(e) => refuse(e.clone(), reason(&e, now), false, false),
                }
            }
            By::RootsOrPerson { roots, known } => {
                if accepted || known.contains(&fingerprint) {
                    return Ok(());
                }
                let changed = !known.is_empty();
                let Some(roots) = roots else {
                    let why = "this system has no root certificates that could vouch for it";
                    return refuse(unknown(), why.to_owned(), changed, true);
                };
                match roots.verify_server_cert(shown, intermediates, name, &[], now) {
                    Ok(_) => Ok(()),
                    Err(e) => refuse(e.clone(), reason(&e, now), changed, true),
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(end_entity, intermediates, name, now)?;
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

/// A verifier by these roots; none if there are no roots.
///
/// # Errors
/// rustls does not want them.
pub(super) fn by_roots(
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>, String> {
    if roots.is_empty() {
        return Ok(None);
    }
    let built = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
    built.map(Some).map_err(|e| e.to_string())
}

/// A fingerprint as people compare it.
pub(crate) fn shown(fingerprint: &Fingerprint) -> String {
    let mut text = String::new();
    for (i, octet) in fingerprint.iter().enumerate() {
        let colon = if i == 0 { "" } else { ":" };
        let _never_fails = write!(text, "{colon}{octet:02X}");
    }
    text
}

/// Why roots do not vouch for it, in a sentence without a full stop.
fn reason(error: &Error, now: UnixTime) -> String {
    use CertificateError as C;
    let Error::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        C::UnknownIssuer | C::BadSignature => {
            "nobody this system trusts has issued it; it may be self-signed".to_owned()
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
            "it is not valid yet; if it should be, this computer's clock is wrong".to_owned()
        }
        C::NotValidForNameContext { expected, presented } => {
            let asked = expected.to_str();
            if presented.is_empty() {
                return format!("it names no server at all, so not {asked} either");
            }
            let mut names: Vec<_> = presented.iter().map(|name| plain_name(name)).collect();
            let more = names.len().saturating_sub(NAMES_TOLD_MAX);
            names.truncate(NAMES_TOLD_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("it is for {}{more}, not for {asked}; connect by that name", names.join(", "))
        }
        C::NotValidForName => "it is for another name; connect by the name in it".to_owned(),
        C::Revoked => "it has been revoked".to_owned(),
        C::BadEncoding => "it cannot be read".to_owned(),
        C::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "it is self-signed, and an authority's own certificate".to_owned()
        }
        other => format!("it does not hold: {other}"),
    }
}

/// A name as rustls lists it (`DnsName("a.example")`), without what a person does not need and
/// without what a terminal should not see.
fn plain_name(listed: &str) -> String {
    let inner = listed.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let name = inner.unwrap_or(listed).trim_matches('"');
    name.chars().filter(|c| !c.is_control()).take(253).collect()
}
