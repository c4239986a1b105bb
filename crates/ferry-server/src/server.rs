//! The server as a whole: binds the listeners, accepts control connections within the limits and
//! gives each its session task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ferry_proto::date::UnixTime;

use crate::auth::Authenticator;
use crate::events::Observer;
use crate::net::Net;
use crate::options::Options;
use crate::tls::TlsSetup;

/// Tells the time of day (for listings and MDTM, not for time-outs).
pub trait WallClock: Send + Sync + std::fmt::Debug + 'static {
    /// Now.
    fn now(&self) -> UnixTime;
}

/// What a server is made of.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Setup {
    /// What the operator decided.
    pub options: Options,
    /// The network to listen on.
    pub net: Arc<dyn Net>,
    /// Who decides on log-ins.
    pub auth: Arc<dyn Authenticator>,
    /// Certificate and key; without them AUTH TLS is refused.
    pub tls: Option<TlsSetup>,
    /// The time of day.
    pub clock: Arc<dyn WallClock>,
    /// Who hears of events.
    pub observer: Arc<dyn Observer>,
    /// Seed of every random choice that is not cryptography (passive ports, STOU names): from the
    /// system for a real server, fixed for a replay.
    pub seed: u64,
}

/// A server whose listeners are bound.
#[derive(Debug)]
pub struct Server {}

/// Lets anyone ask a running server to end.
#[derive(Debug, Clone)]
pub struct Handle {}

impl Handle {
    /// Stops accepting; idle sessions get 421 at once, transfers may finish within `grace`.
    pub fn shut_down(&self, _grace: std::time::Duration) {}

    /// Sessions open now.
    #[must_use]
    pub fn sessions(&self) -> u32 {
        0
    }
}

impl Server {
    /// Binds every listener; nothing is accepted yet.
    ///
    /// # Errors
    /// An address cannot be bound; the error says which.
    pub fn bind(_setup: Setup) -> io::Result<Self> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    /// Where it listens, in the order of [`Options::listen`], with the real ports.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    /// A handle to end it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {}
    }

    /// Serves until [`Handle::shut_down`]; returns when the last session has ended.
    pub async fn run(self) {
        std::future::ready(()).await;
    }
}
