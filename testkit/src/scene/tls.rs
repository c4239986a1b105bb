//! The scripted server's TLS: one certificate for all scenes, and for each scene a store of
//! sessions that can be made to forget. What is done with a data connection that was not resumed is
//! in `session`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustls::ServerConfig;
use rustls::server::StoresServerSessions;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a scene says of TLS.
#[derive(Debug, Clone)]
pub(crate) struct TlsStage {
    pub(crate) explicit: bool,
    pub(crate) implicit: bool,
    pub(crate) only: Option<&'static rustls::SupportedProtocolVersion>,
    pub(crate) tickets: usize,
    pub(crate) data_tickets: usize,
    /// What is replied where a data connection did not resume a session; `None` lets it pass.
    pub(crate) required: Option<Vec<u8>>,
}

impl Default for TlsStage {
    fn default() -> Self {
        Self {
            explicit: false,
            implicit: false,
            only: None,
            tickets: 2,
            data_tickets: 1,
            required: None,
        }
    }
}

/// The configurations of a scene's connections.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) control: Arc<ServerConfig>,
    pub(crate) data: Arc<ServerConfig>,
    sessions: Arc<Sessions>,
}

impl Tls {
    pub(crate) fn new(stage: &TlsStage) -> Result<Self, String> {
        let keeps = stage.tickets + stage.data_tickets > 0;
        let sessions = Arc::new(Sessions { keeps, known: Mutex::default() });
        let config = |tickets| -> Result<Arc<ServerConfig>, String> {
            let (certificate, key) = certificate()?;
            let both = [&rustls::version::TLS13, &rustls::version::TLS12];
            let versions = stage.only.map_or_else(|| both.to_vec(), |only| vec![only]);
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&versions)
                .map_err(|e| e.to_string())?
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .map_err(|e| e.to_string())?;
            config.send_tls13_tickets = tickets;
            config.session_storage = Arc::<Sessions>::clone(&sessions);
            Ok(Arc::new(config))
        };
        let control = config(stage.tickets)?;
        let data = config(stage.data_tickets)?;
        Ok(Self { control, data, sessions })
    }

    /// From now on nothing that was begun before can be resumed.
    pub(crate) fn forget(&self) {
        self.sessions.known().clear();
    }
}

/// TLS sessions; those of TLS 1.3 are good once, as with many servers.
#[derive(Debug)]
struct Sessions {
    keeps: bool,
    known: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
}

impl Sessions {
    fn known(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Vec<u8>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        if self.keeps {
            self.known().insert(key, value);
        }
        self.keeps
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.known().get(key).cloned()
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.known().remove(key)
    }

    fn can_cache(&self) -> bool {
        self.keeps
    }
}

/// The one certificate, for localhost and 127.0.0.1, signed by itself, and its key.
fn certificate() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), String> {
    let (certificate, key) = made().as_ref().map_err(Clone::clone)?;
    Ok((certificate.clone().into(), PrivatePkcs8KeyDer::from(key.clone()).into()))
}

/// Certificate and key, DER.
type Made = Result<(Vec<u8>, Vec<u8>), String>;

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).map_err(|e| e.to_string())?;
        Ok((made.cert.der().to_vec(), made.signing_key.serialize_der()))
    })
}

/// The certificate every scripted server shows, DER.
pub(crate) fn certificate_der() -> Result<Vec<u8>, String> {
    made().as_ref().map(|(certificate, _)| certificate.clone()).map_err(Clone::clone)
}
