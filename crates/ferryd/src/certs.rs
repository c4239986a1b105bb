//! Certificate and key: read from PEM files or made up, and the fingerprint people compare.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_proto::date::UnixTime;
use ferry_server::tls::{ClientCertificates, TlsSetup};
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the server proves itself with.
#[derive(Debug)]
pub(crate) struct Identity {
    /// For the engine.
    pub(crate) setup: TlsSetup,
    /// SHA-256 of the certificate as people write it, `AB:CD:…`.
    pub(crate) fingerprint: String,
    /// Whether it was made up at start.
    pub(crate) self_signed: bool,
}

/// Why there is no identity.
#[derive(Debug)]
pub(crate) enum CertError {
    /// A file cannot be read or holds no such thing.
    Pem { path: PathBuf, what: &'static str, source: rustls_pki_types::pem::Error },
    /// Certificate and key cannot be used, or not together.
    Unusable(rustls::Error),
    /// No certificate could be made.
    Making(rcgen::Error),
}

impl CertError {
    /// Whether the file `path` by itself is to blame.
    pub(crate) fn blames(&self, path: &Path) -> bool {
        matches!(self, Self::Pem { path: blamed, .. } if blamed == path)
    }
}

impl fmt::Display for CertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem { path, what, source } => {
                write!(f, "no {what} in {}: {source}", path.display())
            }
            Self::Unusable(source) => write!(f, "certificate and key cannot be used: {source}"),
            Self::Making(source) => write!(f, "no certificate could be made: {source}"),
        }
    }
}

impl std::error::Error for CertError {}

/// Reads a certificate chain and its key; clients are asked for what `clients` says.
pub(crate) fn load(
    cert: &Path,
    key: &Path,
    clients: Option<&ClientCertificates>,
) -> Result<Identity, CertError> {
    let chain = chain(cert)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| CertError::Pem {
        path: key.to_owned(),
        what: "private key",
        source,
    })?;
    identity(chain, key, clients, false)
}

/// How long a certificate that was made up is valid; nobody serves a directory for longer from
/// one start, and clients frown at more than 398 days.
const VALID: Duration = Duration::from_secs(397 * 86_400);

/// Clocks differ: valid since a day ago.
const CLOCK_SKEW_SECS: u64 = 86_400;

/// Makes a certificate for this host under `host`, `localhost` and `ips`; key and certificate
/// stay in memory.
pub(crate) fn self_signed(
    host: Option<&str>,
    ips: &[IpAddr],
    clients: Option<&ClientCertificates>,
    now: UnixTime,
) -> Result<Identity, CertError> {
    let mut names: Vec<String> =
        host.filter(|h| is_dns_name(h)).map(str::to_owned).into_iter().collect();
    if host != Some("localhost") {
        names.push("localhost".to_owned());
    }
    names.extend(ips.iter().map(IpAddr::to_string));
    let mut params = rcgen::CertificateParams::new(names).map_err(CertError::Making)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, host.filter(|h| is_dns_name(h)).unwrap_or("localhost"));
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    let since = u64::try_from(now.secs).unwrap_or(0).saturating_sub(CLOCK_SKEW_SECS);
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since);
    params.not_after = params.not_before + VALID;
    let key = rcgen::KeyPair::generate().map_err(CertError::Making)?;
    let cert = params.self_signed(&key).map_err(CertError::Making)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    identity(vec![cert.der().clone()], key, clients, true)
}

fn identity(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Option<&ClientCertificates>,
    self_signed: bool,
) -> Result<Identity, CertError> {
    let fingerprint = chain.first().map(|cert| fingerprint(cert)).unwrap_or_default();
    let setup = TlsSetup::asking(chain, key, clients).map_err(CertError::Unusable)?;
    Ok(Identity { setup, fingerprint, self_signed })
}

/// SHA-256 of a certificate.
pub(crate) fn digest(cert: &[u8]) -> Option<[u8; 32]> {
    // The TLS library's own SHA-256, reached through a cipher suite that uses it.
    let suite = TLS13_AES_128_GCM_SHA256.tls13()?;
    suite.common.hash_provider.hash(cert).as_ref().try_into().ok()
}

/// The same as clients show it: upper-case pairs with colons between.
fn fingerprint(cert: &[u8]) -> String {
    let digest = digest(cert).unwrap_or_default();
    let pairs: Vec<String> = digest.iter().map(|b| format!("{b:02X}")).collect();
    pairs.join(":")
}

/// The certificates of a PEM file, one at least.
pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| match chain.is_empty() {
            true => Err(rustls_pki_types::pem::Error::NoItemsFound),
            false => Ok(chain),
        })
        .map_err(|source| CertError::Pem { path: path.to_owned(), what: "certificate", source })
}

/// Host names come from the system; only what a certificate can carry goes in.
fn is_dns_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T00:00:00Z.
    const NOW: UnixTime = UnixTime::from_secs(1_795_219_200);

    fn write_pem(dir: &Path, name: &str, text: &str) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn made_pair() -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_fingerprint_is_the_sha_256_in_pairs() {
        assert_eq!(
            fingerprint(b"abc"),
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:\
             B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
        );
    }

    #[test]
    fn a_made_up_identity_is_usable_whatever_the_host_is_called() {
        for host in [Some("myhost"), Some("a.example.org"), Some("bad_name!"), Some(""), None] {
            let ips = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
            let made = self_signed(host, &ips, None, NOW).unwrap();
            assert!(made.self_signed);
            assert_eq!(made.fingerprint.len(), 32 * 3 - 1);
        }
    }

    #[test]
    fn two_made_up_identities_differ() {
        let make = || self_signed(Some("h"), &[], None, NOW).unwrap().fingerprint;
        assert_ne!(make(), make());
    }

    #[test]
    fn certificate_and_key_are_read_from_pem() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = made_pair();
        let cert = write_pem(dir.path(), "cert.pem", &cert);
        let key = write_pem(dir.path(), "key.pem", &key);
        let loaded = load(&cert, &key, None).unwrap();
        assert!(!loaded.self_signed);
    }

    #[test]
    fn files_that_do_not_hold_or_match_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = made_pair();
        let (_, other_key) = made_pair();
        let cert = write_pem(dir.path(), "cert.pem", &cert);
        let key = write_pem(dir.path(), "key.pem", &key);
        let other = write_pem(dir.path(), "other.pem", &other_key);
        let empty = write_pem(dir.path(), "empty.pem", "");
        let missing = dir.path().join("missing.pem");
        let cases = [
            (&missing, &key, "no certificate in "),
            (&empty, &key, "no certificate in "),
            (&key, &key, "no certificate in "),
            (&cert, &missing, "no private key in "),
            (&cert, &cert, "no private key in "),
            (&cert, &other, "certificate and key cannot be used: "),
        ];
        for (cert, key, want) in cases {
            let said = load(cert, key, None).unwrap_err().to_string();
            assert!(said.starts_with(want), "{said}");
        }
    }
}
