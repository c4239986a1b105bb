//! Connections to the data port that all sessions share, from their arrival until they are given
//! to a session or turned away. Whose they are is `shared_port`'s decision.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ferry_proto::addr::canonical_ip;
use ferry_proto::client_hello::{self, HELLO_MAX, Progress};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::data::Arrival;
use crate::events::{Event, SessionId};
use crate::net::{Link, Listener};
use crate::options::Limits;
use crate::proxied::{self, NoHeader};
use crate::server::Shared;
use crate::shared_port::{Pending, SharedPort, Whose};

/// Connections of trusted proxies whose header is being read, beyond one for each session.
const HEADERS_MAX: usize = 1024;

/// Octets of a first message read at a time.
const CHUNK: usize = 2048;

/// Accepts connections for ever.
pub(crate) async fn run(shared: Arc<Shared>, port: Arc<SharedPort>, listener: Box<dyn Listener>) {
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            accepted = poll_fn(|cx| listener.poll_accept(cx)) => match accepted {
                Ok((link, peer)) => arrive(&shared, &port, link, peer, &mut under_way),
                // Out of descriptors, mostly; who waits in the backlog is not lost.
                Err(_) => sleep(Duration::from_millis(250)).await,
            },
            Some(_) = under_way.join_next() => {}
        }
    }
}

fn arrive(
    shared: &Arc<Shared>,
    port: &Arc<SharedPort>,
    link: Box<dyn Link>,
    peer: SocketAddr,
    under_way: &mut JoinSet<()>,
) {
    let options = &shared.options;
    if !(options.data_proxy && proxied::is_proxy(options, peer)) {
        if let Some((pending, link)) = sort_out(shared, port, link, canonical_ip(peer.ip())) {
            under_way.spawn(listen_to(Arc::clone(shared), Arc::clone(port), pending, link));
        }
        return;
    }
    let sessions = usize::try_from(options.limits.sessions).unwrap_or(usize::MAX);
    if under_way.len() >= sessions.saturating_add(HEADERS_MAX) {
        return turn_away(shared, &*link, &format_args!("{}", peer.ip()));
    }
    let (shared, port) = (Arc::clone(shared), Arc::clone(port));
    under_way.spawn(async move {
        let source = match proxied::origin(&*link, peer).await {
            Ok(origin) => canonical_ip(origin.source.ip()),
            Err(NoHeader::Nothing) => return,
            Err(why) => return turn_away(&shared, &*link, &format_args!("{} ({why})", peer.ip())),
        };
        if let Some((pending, link)) = sort_out(&shared, &port, link, source) {
            listen_to(shared, port, pending, link).await;
        }
    });
}

/// Gives the connection to its session or turns it away; it comes back if it must say first whose
/// it is.
fn sort_out(
    shared: &Shared,
    port: &Arc<SharedPort>,
    link: Box<dyn Link>,
    from: IpAddr,
) -> Option<(Pending, Box<dyn Link>)> {
    match port.offer(from, Arrival { link, early: Vec::new() }) {
        (Whose::MustSay, Some(Arrival { link, .. })) => match port.wait(from) {
            Some(pending) => return Some((pending, link)),
            None => turn_away(shared, &*link, &from),
        },
        (_, Some(Arrival { link, .. })) => turn_away(shared, &*link, &from),
        (_, None) => {}
    }
    None
}

/// Waits for the first message, which comes as late as the client's transfer command.
async fn listen_to(
    shared: Arc<Shared>,
    port: Arc<SharedPort>,
    pending: Pending,
    link: Box<dyn Link>,
) {
    let from = pending.from;
    let mut early = Vec::new();
    let message = tokio::select! {
        message = Box::pin(first_message(&*link, &shared.options.limits, &mut early)) => message,
        () = pending.unwanted() => Err(io::ErrorKind::NotConnected.into()),
    };
    let Ok(message) = message else {
        return turn_away(&shared, &*link, &from);
    };
    let offered = message.as_deref().map(client_hello::offered);
    let given = port.sort(from, pending.before, offered.as_ref(), Arrival { link, early });
    if given == Whose::Nobody {
        noticed(&shared, &from);
    }
}

/// Reads a ClientHello, keeping everything in `early`; none if something else comes. The first
/// octet may take as long as a passive port stays open, the rest as long as a handshake may.
async fn first_message(
    link: &dyn Link,
    limits: &Limits,
    early: &mut Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    let mut until = Instant::now() + limits.passive_unused;
    let mut chunk = [0; CHUNK];
    loop {
        let room = CHUNK.min(HELLO_MAX.saturating_sub(early.len()));
        match link.try_read(chunk.get_mut(..room).unwrap_or_default()) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                if early.is_empty() {
                    until = Instant::now() + limits.handshake;
                }
                early.extend_from_slice(chunk.get(..n).unwrap_or_default());
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                timeout_at(until, poll_fn(|cx| link.poll_readable(cx))).await??;
                continue;
            }
            Err(e) => return Err(e),
        }
        match client_hello::read(early) {
            Progress::Partial => {}
            Progress::Whole(message) => return Ok(Some(message)),
            _ => return Ok(None),
        }
    }
}

/// Closes the connection so that nobody takes that for the end of a file.
fn turn_away(shared: &Shared, link: &dyn Link, who: &dyn std::fmt::Display) {
    link.set_abrupt();
    noticed(shared, who);
}

fn noticed(shared: &Shared, who: &dyn std::fmt::Display) {
    let what = format!("turned a stranger away from the data port: {who}");
    shared.observer.on(SessionId(0), &Event::Noticed { what: &what });
}
