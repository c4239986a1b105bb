//! The TLS of one control connection and its data connections (RFC 4217): what to show, whom to
//! trust, what to resume. The handshake is in `handshake`, octets are in `tls_stream`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, IpAddr, PrivateKeyDer, ServerName};

use super::known_hosts::{self, default_known_hosts};
use super::tickets::Tickets;
use super::trust::{self, By, Fingerprint, Judge};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{ClientCertificate, Settings, TlsVersion, Trust, UnknownCertificate};
use crate::site::Site;

/// The ALPN name of FTP (RFC 4217 with IANA's list): a server of something else that knows ALPN
/// refuses it, which stops attacks across protocols. Data connections offer none, as nobody
/// agrees on its name.
const ALPN: &[u8] = b"ftp";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Commands and replies.
    Control,
    /// Files and listings.
    Data,
}

/// What a handshake came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFacts {
    /// `TLS 1.2` or `TLS 1.3`.
    pub(crate) version: &'static str,
    /// The cipher suite by its name in IANA's list.
    pub(crate) cipher: &'static str,
    /// Whether an earlier session was resumed: on data connections, the control connection's.
    pub(crate) resumed: bool,
    /// The SHA-256 of the server's certificate, DER.
    pub(crate) certificate: Fingerprint,
}

/// What a person said to an unknown certificate.
#[derive(Debug)]
pub(crate) enum Answered {
    /// It is not to be trusted, or there is nobody to ask or nothing to ask.
    No,
    /// It is good: connect again.
    Trusted,
    /// It is good, so connect again; but that could not be written down.
    TrustedForNow(Error),
}

/// The TLS of one control connection, for as long as it lives.
pub(crate) struct Tls {
    pub(super) control: Arc<ClientConfig>,
    pub(super) data: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
    pub(super) judge: Arc<Judge>,
    tickets: Arc<Tickets>,
    host: String,
    port: u16,
    pub(super) known_hosts: Option<PathBuf>,
}

impl Tls {
    /// Reads the files that are needed (certificates, known hosts).
    ///
    /// # Errors
    /// [`ErrorKind::Local`]: a file cannot be read or is not what it should be.
    /// [`ErrorKind::Resolve`]: no certificate could be for such a name.
    pub(crate) async fn new(site: &Site, settings: &Settings) -> Result<Arc<Self>> {
        let (host, port, settings) = (site.host.clone(), site.port(), settings.clone());
        tokio::task::spawn_blocking(move || Self::build(host, port, &settings))
            .await
            .map_err(|e| Error::new(ErrorKind::Local, "TLS could not be set up").with_source(e))?
            .map(Arc::new)
    }

    /// After [`ErrorKind::Certificate`] on the control connection: asks whether the certificate is
    /// good, and writes down that it is. Then connect again with the same `Tls`, once.
    pub(crate) async fn ask(&self, settings: &Settings) -> Answered {
        let Some(refusal) = self.judge.refusal().filter(|refusal| refusal.may_ask) else {
            return Answered::No;
        };
        let Some(asker) = &settings.asker else {
            return Answered::No;
        };
        let fingerprint = refusal.fingerprint;
        let (host, port) = (self.host.clone(), self.port);
        let unknown = UnknownCertificate {
            host: host.clone(),
            port,
            fingerprint,
            why: refusal.why,
            changed: refusal.changed,
        };
        if !asker.trust(&unknown).await {
            return Answered::No;
        }
        self.judge.accept(fingerprint);
        let for_now = |what: String| Answered::TrustedForNow(Error::new(ErrorKind::Local, what));
        let Some(file) = self.known_hosts.clone() else {
            let what = "there is no place for a file of known hosts: HOME is not set";
            return for_now(what.to_owned());
        };
        let shown = file.display().to_string();
        let written = tokio::task::spawn_blocking(move || {
            known_hosts::remember(&file, &host, port, &fingerprint, unknown.changed)
        });
        match written.await {
            Ok(Ok(())) => Answered::Trusted,
            Ok(Err(e)) => for_now(format!("{shown} could not be written: {e}")),
            Err(e) => for_now(format!("{shown} could not be written: {e}")),
        }
    }

    /// How many data connections can resume before fresh tickets come; none if there is no end to
    /// it (TLS 1.2). At 0, look for more with [`drain_tickets`](super::Wire::drain_tickets); a
    /// server that demands resumption and gives no more needs a new control connection, better
    /// with TLS 1.2.
    pub(crate) fn resumptions_left(&self) -> Option<usize> {
        self.tickets.left()
    }

    /// The error for a handshake that failed over the certificate, if one did.
    pub(super) fn refused(&self) -> Option<Error> {
        let refusal = self.judge.refusal()?;
        let (host, port) = (&self.host, self.port);
        let changed = match (refusal.changed, refusal.may_ask) {
            (true, true) => {
                "; another one was known for this server, so someone may be in between, or the \
                 server has a new one"
            }
            _ => "",
        };
        let what = format!(
            "the certificate of {host} port {port} is not trusted: {}{changed}; \
             its SHA-256 fingerprint is {}",
            refusal.why,
            trust::shown(&refusal.fingerprint)
        );
        Some(Error::new(ErrorKind::Certificate, what))
    }

    fn build(host: String, port: u16, settings: &Settings) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let name = server_name(&host)?;
        let known_hosts = match &settings.trust {
            Trust::System => default_known_hosts(),
            Trust::KnownHosts(file) => Some(file.clone()),
            _ => None,
        };
        let by = match &settings.trust {
            Trust::System | Trust::KnownHosts(_) => {
                let roots = by_roots(system_roots(), &provider)?;
                let known = known_hosts.as_deref().map_or(Ok(Vec::new()), |file| {
                    known_hosts::known(file, &host, port).map_err(|e| unreadable(file, e))
                })?;
                By::RootsOrPerson { roots, known }
            }
            Trust::Roots(files) => {
                let mut roots = RootCertStore::empty();
                for file in files {
                    add_roots(&mut roots, file)?;
                }
                let roots = by_roots(Arc::new(roots), &provider)?;
                By::Roots(roots.ok_or_else(|| local("no files of root certificates are given"))?)
            }
            Trust::Pinned(pins) => By::Pins(pins.clone()),
            Trust::Any => By::Nothing,
        };
        Self::assemble(host, port, settings, name, &provider, by, known_hosts)
    }

    #[allow(clippy::too_many_arguments, reason = "the second half of build")]
    pub(super) fn assemble(
        host: String,
        port: u16,
        settings: &Settings,
        name: ServerName<'static>,
        provider: &Arc<CryptoProvider>,
        by: By,
        known_hosts: Option<PathBuf>,
    ) -> Result<Self> {
        let judge = Arc::new(Judge::new(by, provider));
        let tickets = Arc::new(Tickets::default());
        let versions: &[&SupportedProtocolVersion] = match settings.tls_max {
            TlsVersion::V12 => &[&TLS12],
            TlsVersion::V13 => &[&TLS13, &TLS12],
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(versions)
            .map_err(|e| local(format!("TLS cannot be used: {e}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Judge>::clone(&judge));
        let mut data = match &settings.client_certificate {
            None => builder.with_no_client_auth(),
            Some(files) => {
                let (chain, key) = client_certificate(files)?;
                builder.with_client_auth_cert(chain, key).map_err(|e| {
                    let (chain, key) = (files.chain.display(), files.key.display());
                    local(format!("{chain} and {key} are no usable certificate and key: {e}"))
                })?
            }
        };
        data.resumption = Resumption::store(Arc::<Tickets>::clone(&tickets))
            .tls12_resumption(Tls12Resumption::SessionIdOrTickets);
        // What both configurations share (verifier, certificate, store) is what rustls compares
        // before it resumes.
        let mut control = data.clone();
        control.alpn_protocols = vec![ALPN.to_vec()];
        let (control, data) = (Arc::new(control), Arc::new(data));
        Ok(Self { control, data, name, judge, tickets, host, port, known_hosts })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The name that a certificate must be for.
fn server_name(host: &str) -> Result<ServerName<'static>> {
    // Which link an address is on is nothing that a certificate could say.
    let address = host.split_once('%').map_or(host, |(address, _zone)| address);
    if let Ok(ip) = address.parse::<std::net::IpAddr>() {
        return Ok(ServerName::IpAddress(IpAddr::from(ip)));
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_owned();
    ServerName::try_from(name).map_err(|e| {
        let hint = if host.is_ascii() { "" } else { " (write it in its xn-- form)" };
        let what = format!("no certificate can be for a server named {host:?}{hint}");
        Error::new(ErrorKind::Resolve, what).with_source(e)
    })
}

/// The system's roots, read once. Files that cannot be read are left out: whom nobody vouches for
/// is put before a person.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    Arc::clone(ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    }))
}

fn by_roots(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<rustls::client::WebPkiServerVerifier>>> {
    trust::by_roots(roots, Arc::clone(provider))
        .map_err(|e| local(format!("the root certificates cannot be used: {e}")))
}

fn add_roots(roots: &mut RootCertStore, file: &Path) -> Result<()> {
    let mut any = false;
    for cert in CertificateDer::pem_file_iter(file).map_err(|e| unreadable(file, e))? {
        roots.add(cert.map_err(|e| unreadable(file, e))?).map_err(|e| unreadable(file, e))?;
        any = true;
    }
    if any { Ok(()) } else { Err(local(format!("{} holds no certificate", file.display()))) }
}

fn client_certificate(
    files: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = CertificateDer::pem_file_iter(&files.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unreadable(&files.chain, e))?;
    if chain.is_empty() {
        return Err(local(format!("{} holds no certificate", files.chain.display())));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| unreadable(&files.key, e))?;
    Ok((chain, key))
}

fn local(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Local, what)
}

fn unreadable(file: &Path, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    local(format!("{} cannot be read: {e}", file.display())).with_source(e)
}
