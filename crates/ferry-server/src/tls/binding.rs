//! Binds resumption to one FTP session: what the session gives out carries its random id, and
//! what carries another id is not known here.
//!
//! Tickets are encrypted and authenticated with keys only the server has; the id is the first
//! part of their plaintext. TLS 1.2 sessions without tickets lie in one bounded cache, under the
//! id and the session id together.
//!
//! Only the control connection, and a data connection that itself resumed, may give out anything:
//! otherwise a stranger refused for not resuming would take a valid ticket home and come back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::HandshakeKind;
use rustls::server::{ProducesTickets, StoresServerSessions};

use super::{Channel, Shared};

/// The ticketer and the session store of one connection.
pub(super) struct Binding {
    shared: Arc<Shared>,
    id: [u8; 16],
    control: bool,
    /// Whether tickets may be given out. On data connections a redeemed ticket opens this and a
    /// handshake that is full all the same (another server name, say) closes it.
    minting: AtomicBool,
    /// Whether the client offered a ticket of another session: it keeps them in one place.
    another: AtomicBool,
}

impl Binding {
    /// For one connection of the session `id`.
    pub(super) fn new(shared: Arc<Shared>, id: [u8; 16], channel: Channel) -> Self {
        let control = channel == Channel::Control;
        let (minting, another) = (AtomicBool::new(control), AtomicBool::new(false));
        Self { shared, id, control, minting, another }
    }

    /// Must be told how the handshake goes, each time before more of the peer's octets are
    /// processed: tickets are made when its last message arrives.
    pub(super) fn note(&self, kind: Option<HandshakeKind>) {
        let full = kind.is_some_and(|kind| kind != HandshakeKind::Resumed);
        if full && !self.control {
            self.minting.store(false, Ordering::Relaxed);
        }
    }

    /// Whether a ticket of another session has been offered.
    pub(super) fn met_another(&self) -> bool {
        self.another.load(Ordering::Relaxed)
    }

    fn key(&self, session_id: &[u8]) -> Vec<u8> {
        [&self.id, session_id].concat()
    }

    fn redeemed(&self, found: Option<Vec<u8>>) -> Option<Vec<u8>> {
        if found.is_some() {
            self.minting.store(true, Ordering::Relaxed);
        }
        found
    }
}

impl ProducesTickets for Binding {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.shared.ticketer.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        if !self.minting.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.ticketer.encrypt(&self.key(plain))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.shared.ticketer.decrypt(cipher)?;
        let own = plain.strip_prefix(&self.id).map(<[u8]>::to_vec);
        if own.is_none() {
            self.another.store(true, Ordering::Relaxed);
        }
        self.redeemed(own)
    }
}

impl StoresServerSessions for Binding {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.control && self.shared.sessions.put(self.key(&key), value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.redeemed(self.shared.sessions.get(&self.key(key)))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.redeemed(self.shared.sessions.take(&self.key(key)))
    }

    fn can_cache(&self) -> bool {
        self.control
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").field("control", &self.control).finish_non_exhaustive()
    }
}
