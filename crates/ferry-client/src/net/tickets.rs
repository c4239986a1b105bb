//! The TLS sessions that data connections resume: one store for a control connection and its data
//! connections, and for no other, so that what is resumed is always the control connection's own
//! (servers check that, RFC 4217 §10.2 and practice).
//!
//! TLS 1.2 has one session, good any number of times. A ticket of TLS 1.3 is good once here: rustls
//! hands it over for good, as RFC 8446 §C.4 asks. Most servers send a fresh one on each connection
//! that resumes, so they do not run out as long as both kinds of connection are read (see
//! [`Wire`](super::Wire), `finish_write` and `drain_tickets`). ProFTPD 1.3.8 sends none on uploads
//! and two at first: with it, and whoever else is like that and demands resumption, TLS 1.2 is the
//! version for long sessions.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::ServerName;

/// Tickets that are kept; then the oldest goes. Two for each data connection that may be open at
/// a time are plenty.
const TICKETS_MAX: usize = 64;

/// What may be resumed. It is all of one server, so names play no part.
#[derive(Debug, Default)]
pub(super) struct Tickets(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    /// Oldest first. The newest is used first: servers change their ticket keys now and then.
    tls13: VecDeque<Tls13ClientSessionValue>,
}

impl Tickets {
    /// How many data connections can resume before fresh tickets come; none if there is no end.
    pub(super) fn left(&self) -> Option<usize> {
        let kept = self.kept();
        if kept.tls12.is_some() { None } else { Some(kept.tls13.len()) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _name: ServerName<'static>, group: NamedGroup) {
        self.kept().group = Some(group);
    }

    fn kx_hint(&self, _name: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept().group
    }

    fn set_tls12_session(&self, _name: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.kept().tls12 = Some(session);
    }

    fn tls12_session(&self, _name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.kept().tls12.clone()
    }

    fn remove_tls12_session(&self, _name: &ServerName<'static>) {
        self.kept().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _name: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut kept = self.kept();
        if kept.tls13.len() >= TICKETS_MAX {
            kept.tls13.pop_front();
        }
        kept.tls13.push_back(ticket);
    }

    fn take_tls13_ticket(&self, _name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.kept().tls13.pop_back()
    }
}
