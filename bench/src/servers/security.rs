//! TLS as the load generator speaks it: 1.3 with AES-128-GCM and X25519, so that all servers are
//! compared at the same work, or P-256 with vsftpd and Pure-FTPd, which know nothing else. Tickets
//! are used once each, the newest first.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

/// A connection under TLS.
pub(super) type Secured = StreamOwned<ClientConnection, TcpStream>;

/// What the certificates are for.
const NAME: &str = "localhost";

/// The TLS of one control connection and its data connections.
#[derive(Debug, Clone)]
pub(super) struct Security {
    config: ClientConfig,
    tickets: Arc<Tickets>,
}

impl Security {
    /// Trusts the certificate in `pem`.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn trusting(pem: &Path) -> io::Result<Self> {
        let octets = fs::read(pem)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&octets) {
            roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        let provider = CryptoProvider {
            cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::SECP256R1],
            ..aws_lc_rs::default_provider()
        };
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config, tickets: Arc::default() }.anew())
    }

    /// The same without any ticket.
    pub(super) fn anew(&self) -> Self {
        let group = Mutex::new(*self.tickets.group.lock().unwrap_or_else(PoisonError::into_inner));
        let tickets = Arc::new(Tickets { group, values: Mutex::default() });
        let mut config = self.config.clone();
        let store: Arc<dyn ClientSessionStore> = Arc::<Tickets>::clone(&tickets);
        config.resumption = Resumption::store(store);
        Self { config, tickets }
    }

    /// How many connections can still be made that resume the session.
    pub(super) fn tickets(&self) -> usize {
        self.tickets.values.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Shakes hands on `stream`.
    ///
    /// # Errors
    /// The server does not want to.
    pub(super) fn secure(&self, mut stream: TcpStream) -> io::Result<Secured> {
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        let config = Arc::new(self.config.clone());
        let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        // Uploads seal much at a time and send it by few system calls.
        connection.set_buffer_limit(None);
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(connection, stream))
    }
}

#[derive(Debug, Default)]
struct Tickets {
    values: Mutex<Vec<Tls13ClientSessionValue>>,
    /// What the server wants, so that it need not ask every time.
    group: Mutex<Option<NamedGroup>>,
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _name: ServerName<'static>, group: NamedGroup) {
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = Some(group);
    }

    fn kx_hint(&self, _name: &ServerName<'_>) -> Option<NamedGroup> {
        *self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_tls12_session(&self, _name: ServerName<'static>, _value: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _name: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).push(value);
    }

    fn take_tls13_ticket(&self, _name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
