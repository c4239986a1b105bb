//! TLS for control and data connections (RFC 4217) by rustls: which certificate is shown, how a
//! data connection is bound to its control session, which ALPN names are answered.
//!
//! A session's TLS is one random id. Every ticket and every TLS 1.2 session id that the session
//! gives out carries the id, and only a connection of the same session can redeem it; so a data
//! connection that *resumed* is proved to come from whoever holds the control connection, in
//! TLS 1.2 and 1.3 alike (`binding`). No sockets are opened here and no FTP is spoken.

mod accept;
mod alpn;
mod binding;
mod clients;
mod connect;
mod kin;
mod leave;
mod records;
mod stream;
mod suites;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) use self::accept::{Choose, TlsFacts, TlsFailure, accept};
use self::binding::Binding;
pub use self::clients::{ClientCertificates, ClientTrust};
pub(crate) use self::connect::{Fingerprint, connect};
pub(crate) use self::kin::{Kin, whose};
pub(crate) use self::leave::Leaving;
pub(crate) use self::stream::{Receive, TlsStream, write_at_once};
use crate::options::DataResumption;

/// TLS 1.2 sessions remembered by id, all control connections together. Only clients without
/// ticket support need them; about 300 octets each, the oldest makes room.
const SESSIONS_BY_ID_MAX: usize = 8192;

/// TLS 1.3 tickets given to a control connection. Several client libraries use each ticket once,
/// so this is how many data connections they can open before the first gives them a fresh one.
const CONTROL_TICKETS: usize = 4;

/// As many where data connections must resume: an upload gives no fresh ticket, so a client that
/// uses each once could store only this many files in a row. More than eight no client keeps.
const CONTROL_TICKETS_STRICT: usize = 8;

/// Certificate, key and everything shared by all sessions' TLS. Cheap to clone.
#[derive(Clone)]
pub struct TlsSetup {
    shared: Arc<Shared>,
}

impl TlsSetup {
    /// TLS 1.2 and 1.3 with this certificate chain (end entity first) and its key.
    ///
    /// # Errors
    /// The key does not fit the certificate or is of an unknown kind, or the system gave no
    /// randomness.
    pub fn new(
        certs: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        Self::asking(certs, key, None)
    }

    /// The same, and clients are asked for a certificate. What it is good for, the authenticator
    /// says ([`Authenticator::recognise`](crate::auth::Authenticator::recognise)).
    ///
    /// # Errors
    /// As [`new`](Self::new), or a certificate in [`ClientTrust::SignedBy`] is none.
    pub fn asking(
        certs: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        clients: Option<&ClientCertificates>,
    ) -> Result<Self, rustls::Error> {
        Self::by(suites::provider(), certs, key, clients)
    }

    /// The same by certain cryptography.
    fn by(
        provider: Arc<CryptoProvider>,
        certs: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        clients: Option<&ClientCertificates>,
    ) -> Result<Self, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])?;
        let builder = match clients {
            Some(clients) => builder.with_client_cert_verifier(clients.verifier(&provider)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(certs, key)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                clients: clients.cloned(),
                as_client: connect::config(provider, None)?,
                ticketer: aws_lc_rs::Ticketer::new()?,
                sessions: ServerSessionMemoryCache::new(SESSIONS_BY_ID_MAX),
            }),
        })
    }

    /// What clients are asked for, if they are.
    #[must_use]
    pub fn clients(&self) -> Option<&ClientCertificates> {
        self.shared.clients.as_ref()
    }

    /// As TLS client on data connections to other servers (SSCN, CPSV), accepts only servers whose
    /// certificate is one of these or was issued by one of them; without this, any.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn with_partners(self, known: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let as_client = connect::config(suites::provider(), Some(known))?;
        let shared = Shared { as_client, ..Shared::clone(&self.shared) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The TLS of one FTP session, under a fresh random id.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub(crate) fn session(&self, resumption: DataResumption) -> Result<SessionTls, rustls::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
        Ok(SessionTls {
            shared: Arc::clone(&self.shared),
            id,
            resumption,
            sni: None,
            version: None,
            mixes: false,
            client: None,
        })
    }
}

impl fmt::Debug for TlsSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSetup").finish_non_exhaustive()
    }
}

/// What every session shares.
#[derive(Clone)]
struct Shared {
    config: ServerConfig,
    /// What clients are asked for.
    clients: Option<ClientCertificates>,
    /// For data connections on which this end is the client.
    as_client: Arc<ClientConfig>,
    ticketer: Arc<dyn ProducesTickets>,
    sessions: Arc<ServerSessionMemoryCache>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Commands and replies.
    Control,
    /// Data that the server sends.
    Download,
    /// Data that the client sends.
    Upload,
}

/// The TLS of one FTP session. It is all that an idle session keeps: the `ServerConfig` of a
/// connection is made when the connection is, from shared parts, and ends with its handshake.
#[derive(Clone)]
pub(crate) struct SessionTls {
    shared: Arc<Shared>,
    id: [u8; 16],
    resumption: DataResumption,
    sni: Option<Box<str>>,
    version: Option<&'static str>,
    mixes: bool,
    /// The certificate that the client showed on the control connection.
    client: Option<Arc<CertificateDer<'static>>>,
}

impl SessionTls {
    /// The same for a client that asked for this server name.
    pub(crate) fn asked_for(mut self, sni: Option<&str>) -> Self {
        self.sni = sni.map(Box::from);
        self
    }

    /// The server name that the client asked for.
    pub(crate) fn sni(&self) -> Option<&str> {
        self.sni.as_deref()
    }

    /// The version in force on the control connection.
    pub(crate) fn version(&self) -> Option<&'static str> {
        self.version
    }

    /// What the control connection's handshake came to.
    pub(crate) fn enter_control(&mut self, facts: TlsFacts) {
        self.version = Some(facts.version);
        self.mixes = facts.mixes;
        self.client = facts.client.map(Arc::new);
    }

    /// The certificate that the client showed on the control connection.
    pub(crate) fn client(&self) -> Option<&Arc<CertificateDer<'static>>> {
        self.client.as_ref()
    }

    /// Whether what was asked of its client is what `other` asks, if that asks for anything.
    pub(crate) fn meets_demands_of(&self, other: &TlsSetup) -> bool {
        let theirs = &other.shared.clients;
        theirs.is_none() || *theirs == self.shared.clients
    }

    /// Whether its client is known to keep the tickets of several sessions in one place, so that a
    /// data connection may show the wrong one.
    pub(crate) fn mixes(&self) -> bool {
        self.mixes
    }

    /// TLS has ended on the control connection: from now on a data connection need not resume.
    pub(crate) fn leave_control(&mut self) {
        self.version = None;
        if self.resumption == DataResumption::Strict {
            self.resumption = DataResumption::Prefer;
        }
    }

    /// Whether a data connection must resume the control connection's session.
    pub(crate) fn must_resume(&self) -> bool {
        self.resumption == DataResumption::Strict
    }

    /// For a data connection on which this end is the client.
    pub(crate) fn as_client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.shared.as_client)
    }

    /// What to offer on the next connection of this kind; for one handshake only.
    pub(crate) fn offer(&self, channel: Channel) -> TlsOffer {
        let mut config = self.shared.config.clone();
        config.alpn_protocols = vec![alpn::name(channel).to_vec()];
        if self.resumption == DataResumption::Off {
            return TlsOffer { config, binding: None, must_resume: false };
        }
        let binding = Arc::new(Binding::new(Arc::clone(&self.shared), self.id, channel));
        config.ticketer = Arc::<Binding>::clone(&binding);
        config.session_storage = Arc::<Binding>::clone(&binding);
        let strict = self.resumption == DataResumption::Strict;
        config.send_tls13_tickets = match channel {
            Channel::Control if strict => CONTROL_TICKETS_STRICT,
            Channel::Control => CONTROL_TICKETS,
            Channel::Download if strict => 2,
            Channel::Download => 1,
            // A client that only writes never reads its ticket; closing with unread octets makes
            // its system send RST, and the end of the upload may be lost with it.
            Channel::Upload => 0,
        };
        let must_resume = channel != Channel::Control && self.must_resume();
        TlsOffer { config, binding: Some(binding), must_resume }
    }
}

impl fmt::Debug for SessionTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The id is what a forged ticket would need: never printed.
        f.debug_struct("SessionTls").field("resumption", &self.resumption).finish_non_exhaustive()
    }
}

/// How one connection is to be accepted.
pub(crate) struct TlsOffer {
    config: ServerConfig,
    binding: Option<Arc<Binding>>,
    must_resume: bool,
}

impl TlsOffer {
    /// A full handshake will do: the other end is not the session's client.
    pub(crate) fn without_resumption(mut self) -> Self {
        self.must_resume = false;
        self
    }
}

impl fmt::Debug for TlsOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOffer").field("must_resume", &self.must_resume).finish_non_exhaustive()
    }
}
