//! Whose a connection is, told from its first message before anyone answers it: the session whose
//! id lies in a ticket it offers (see [`super::binding`]), in TLS 1.2 and 1.3 alike. This only
//! says with which session to shake hands; that handshake proves it or refuses.

use std::sync::Arc;

use ferry_proto::client_hello::Offered;
use rustls::server::StoresServerSessions as _;

use super::{SessionTls, Shared};

/// Octets of a session's id, with which every ticket begins.
const ID_LEN: usize = 16;

/// Whose a connection says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kin<T> {
    /// This session's.
    Of(T),
    /// Some session's, but none of those asked for.
    Another,
    /// It offers nothing that was given out here.
    Unknown,
}

/// Which of `sessions` a ClientHello wants to resume.
pub(crate) fn whose<'a, T>(
    sessions: impl Iterator<Item = (&'a SessionTls, T)>,
    offered: &Offered<'_>,
) -> Kin<T> {
    // Each ticket is decrypted once for every certificate, however many sessions there are.
    let mut opened: Vec<(&Arc<Shared>, Vec<[u8; ID_LEN]>)> = Vec::new();
    for (session, which) in sessions {
        let shared = &session.shared;
        let at = opened.iter().position(|(other, _)| Arc::ptr_eq(other, shared));
        let at = at.unwrap_or_else(|| {
            opened.push((shared, ids(shared, offered)));
            opened.len() - 1
        });
        let named = opened.get(at).is_some_and(|(_, ids)| ids.contains(&session.id));
        if named || remembers(session, offered.session_id) {
            return Kin::Of(which);
        }
    }
    let strange = opened.iter().any(|(_, ids)| !ids.is_empty());
    if strange { Kin::Another } else { Kin::Unknown }
}

/// The ids in the tickets that were given out under this certificate.
fn ids(shared: &Shared, offered: &Offered<'_>) -> Vec<[u8; ID_LEN]> {
    let tickets = offered.tickets.iter().filter(|ticket| !ticket.is_empty());
    tickets
        .filter_map(|ticket| shared.ticketer.decrypt(ticket)?.first_chunk::<ID_LEN>().copied())
        .collect()
}

/// Whether the session gave out this session id (TLS 1.2 without tickets).
fn remembers(session: &SessionTls, session_id: &[u8]) -> bool {
    let key = [&session.id[..], session_id].concat();
    !session_id.is_empty() && session.shared.sessions.get(&key).is_some()
}
