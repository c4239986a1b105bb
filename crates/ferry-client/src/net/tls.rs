//! TLS for one control connection and its data connections: one configuration, one store of
//! tickets, so that data connections resume the control connection's session (RFC 4217 §10.2) for
//! as long as that lasts.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::{ClientConnection, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, ClientConfig, HandshakeKind, ProtocolVersion, SupportedProtocolVersion};
use rustls_pki_types::ServerName;

use super::tickets::Tickets;
use super::trust::Judge;
use super::wire::{TcpIo, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Settings, TlsVersion};
use crate::site::Site;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The control connection: the certificate is judged.
    Control,
    /// A data connection: the certificate must be the control connection's.
    Data,
}

/// What a handshake has brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFacts {
    pub(crate) version: &'static str,
    pub(crate) cipher: String,
    /// Whether an earlier session was resumed.
    pub(crate) resumed: bool,
}

impl fmt::Display for TlsFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.resumed { ", session resumed" } else { "" };
        write!(f, "TLS {} with {}{how}", self.version, self.cipher)
    }
}

/// The cryptography, with AES-128 before AES-256: as good against anybody there is, and a fifth
/// faster.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        !matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    });
    provider
}

/// TLS of one control connection.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    judge: Arc<Judge>,
}

impl Tls {
    /// Makes ready what `settings` say; reads files of certificates.
    pub(crate) async fn new(site: &Site, settings: &Settings) -> Result<Arc<Self>> {
        let (site, settings) = (site.clone(), settings.clone());
        let made = tokio::task::spawn_blocking(move || Self::prepare(&site, &settings)).await;
        made.map_err(|_| Error::new(ErrorKind::Tls, "TLS could not be prepared"))?
    }

    fn prepare(site: &Site, settings: &Settings) -> Result<Arc<Self>> {
        // Neither a last dot nor the link that an address is on is part of what is certified.
        let host = site.host.split('%').next().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host).to_owned();
        let name = ServerName::try_from(host).map_err(|_| {
            Error::new(ErrorKind::Tls, format!("{} is no name that TLS knows", site.host))
        })?;
        let provider = Arc::new(provider());
        let judge = Arc::new(Judge::new(site, settings, &provider)?);
        let both: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        let versions = match settings.tls_max {
            TlsVersion::V13 => both,
            TlsVersion::V12 => &[&TLS12],
        };
        let tls_error = |e: rustls::Error| {
            Error::new(ErrorKind::Tls, "TLS could not be prepared").with_source(e)
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(tls_error)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&judge) as _);
        let mut config = match &settings.client_certificate {
            None => builder.with_no_client_auth(),
            Some(files) => {
                let (chain, key) = super::pem::client_certificate(files)?;
                builder.with_client_auth_cert(chain, key).map_err(tls_error)?
            }
        };
        config.resumption = Resumption::store(Arc::new(Tickets::default()));
        Ok(Arc::new(Self { config: Arc::new(config), name, judge }))
    }

    /// Whether a wire shows the certificate that this connection's control connection has shown.
    pub(crate) fn is_same(&self, wire: &Wire) -> bool {
        wire.certificate().is_some_and(|shown| self.judge.is_settled(shown))
    }

    /// Asks whether to trust a certificate that the last handshake has refused. `true`: it is
    /// remembered, and another connection will do.
    pub(crate) async fn ask_for_trust(&self, settings: &Settings) -> bool {
        self.judge.ask(settings).await
    }
}

impl Wire {
    /// Shakes hands as the client. Nothing of the plain connection may have been read ahead.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`], [`ErrorKind::Tls`], [`ErrorKind::Timeout`]; the connection is
    /// then closed.
    pub(crate) async fn secure(self, tls: &Tls, purpose: Purpose, wait: Duration) -> Result<Self> {
        let Some(tcp) = self.into_tcp() else {
            return Err(Error::new(ErrorKind::Tls, "TLS is in force already"));
        };
        let conn = ClientConnection::new(Arc::clone(&tls.config), tls.name.clone())
            .map_err(|e| Error::new(ErrorKind::Tls, "TLS could not begin").with_source(e))?;
        let mut conn = Box::new(conn);
        match tokio::time::timeout(wait, shake_hands(&tcp, &mut conn)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(tls.failed(e, purpose)),
            Err(_) => {
                let what = "the TLS handshake was not finished in time";
                return Err(Error::new(ErrorKind::Timeout, what));
            }
        }
        if let Some(shown) = conn.peer_certificates().and_then(<[_]>::first) {
            match purpose {
                Purpose::Control => tls.judge.settle(shown),
                Purpose::Data if tls.judge.is_settled(shown) => {}
                Purpose::Data => {
                    let what = "the data connection has another certificate than the control \
                                connection: somebody interferes";
                    return Err(Error::new(ErrorKind::Certificate, what));
                }
            }
        }
        let facts = TlsFacts {
            version: match conn.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "1.2",
                _ => "1.3",
            },
            cipher: conn
                .negotiated_cipher_suite()
                .map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            resumed: conn.handshake_kind() == Some(HandshakeKind::Resumed),
        };
        Ok(Self::secured(tcp, *conn, facts))
    }
}

impl Tls {
    fn failed(&self, error: io::Error, purpose: Purpose) -> Error {
        if purpose == Purpose::Control
            && let Some(why) = self.judge.refusal()
        {
            return Error::new(ErrorKind::Certificate, why).with_source(error);
        }
        let what = match (purpose, error.kind()) {
            (_, io::ErrorKind::InvalidData) => format!("the TLS handshake failed: {error}"),
            (Purpose::Control, _) => "the server ended the TLS handshake".to_owned(),
            (Purpose::Data, _) => {
                "the server ended the TLS handshake of the data connection".to_owned()
            }
        };
        Error::new(ErrorKind::Tls, what).with_source(error)
    }
}

async fn shake_hands(tcp: &tokio::net::TcpStream, conn: &mut ClientConnection) -> io::Result<()> {
    loop {
        while conn.wants_write() {
            match conn.write_tls(&mut TcpIo(tcp)) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => tcp.writable().await?,
                other => _ = other?,
            }
        }
        if !conn.is_handshaking() {
            return Ok(());
        }
        match conn.read_tls(&mut TcpIo(tcp)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                tcp.readable().await?;
                continue;
            }
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            other => _ = other?,
        }
        if let Err(e) = conn.process_new_packets() {
            // The alert, so that the server's log says what is wrong.
            let _alert = conn.write_tls(&mut TcpIo(tcp));
            return Err(io::Error::new(io::ErrorKind::InvalidData, e));
        }
    }
}

/// A mutex whose poisoning does not matter: what it holds is whole after every statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
