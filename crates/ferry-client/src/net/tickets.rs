//! The sessions one control connection and its data connections have been offered. TLS 1.3 tickets
//! are used once each, newest first, and come from both kinds of connections; a TLS 1.2 session is
//! used for all.

use std::collections::VecDeque;
use std::sync::Mutex;

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::ServerName;

use super::tls::lock;

/// The most tickets kept; the oldest go first.
const TICKETS_MAX: usize = 256;

/// The store of one control connection. Every connection that uses it has the same server name.
#[derive(Debug, Default)]
pub(super) struct Tickets(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    group: Option<NamedGroup>,
    session: Option<Tls12ClientSessionValue>,
    tickets: VecDeque<Tls13ClientSessionValue>,
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _name: ServerName<'static>, group: NamedGroup) {
        lock(&self.0).group = Some(group);
    }

    fn kx_hint(&self, _name: &ServerName<'_>) -> Option<NamedGroup> {
        lock(&self.0).group
    }

    fn set_tls12_session(&self, _name: ServerName<'static>, value: Tls12ClientSessionValue) {
        // The first one is the control connection's, which is what servers compare with.
        lock(&self.0).session.get_or_insert(value);
    }

    fn tls12_session(&self, _name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        lock(&self.0).session.clone()
    }

    fn remove_tls12_session(&self, _name: &ServerName<'static>) {
        lock(&self.0).session = None;
    }

    fn insert_tls13_ticket(&self, _name: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut held = lock(&self.0);
        held.tickets.push_back(value);
        if held.tickets.len() > TICKETS_MAX {
            held.tickets.pop_front();
        }
    }

    fn take_tls13_ticket(&self, _name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        lock(&self.0).tickets.pop_back()
    }
}
