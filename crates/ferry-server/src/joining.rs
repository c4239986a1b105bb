//! Data connections that come to the control port and say by a name whose they are (XPSV, XDTP;
//! docs/protocol.md): the session that expects one and the connection that says so meet here, in
//! whatever order they come. What they are protected by, `connecting` looks at.
//!
//! Each session expects one at most, and each connection is counted as a session until it is given
//! away, so the limits of sessions bound the table, too.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls_pki_types::CertificateDer;
use tokio::sync::oneshot;

use crate::data::is_welcome;
use crate::options::DataPeer;
use crate::wire::Wire;

/// A connection that is now a data connection.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) wire: Wire,
    /// The certificate that the client showed on it.
    pub(crate) client: Option<Arc<CertificateDer<'static>>>,
}

/// Where both sides meet.
#[derive(Debug)]
pub(crate) struct Joining {
    rule: DataPeer,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    waiting: HashMap<Box<[u8]>, Entry>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    peer: IpAddr,
    side: Side,
}

/// Who waits for the other.
#[derive(Debug)]
enum Side {
    Session(oneshot::Sender<Joined>),
    Connection(oneshot::Sender<oneshot::Sender<Joined>>),
}

impl Joining {
    pub(crate) fn new(rule: DataPeer) -> Arc<Self> {
        Arc::new(Self { rule, table: Mutex::default() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session whose control connection comes from `peer` expects a connection of this name;
    /// [`None`] if another does.
    pub(crate) fn expect(self: &Arc<Self>, name: Box<[u8]>, peer: IpAddr) -> Option<Awaited> {
        let (give, take) = oneshot::channel();
        let mut table = self.table();
        match table.waiting.get(&name) {
            Some(Entry { side: Side::Session(_), .. }) => return None,
            Some(Entry { peer: from, .. }) if is_welcome(self.rule, *from, peer) => {
                if let Some(Entry { side: Side::Connection(tell), .. }) =
                    table.waiting.remove(&name)
                {
                    // One that has just given up drops it, and then nothing will come.
                    drop(tell.send(give));
                }
                return Some(Awaited { _waits: None, arrival: Mutex::new(take) });
            }
            // Somebody else's, who is left to wait in vain.
            Some(_) | None => {}
        }
        let waits = self.enter(&mut table, name, peer, Side::Session(give));
        Some(Awaited { _waits: Some(waits), arrival: Mutex::new(take) })
    }

    /// A connection from `peer` says this name: who expects it, as soon as somebody does.
    pub(crate) async fn come(
        self: &Arc<Self>,
        name: Box<[u8]>,
        peer: IpAddr,
    ) -> Option<oneshot::Sender<Joined>> {
        let (_waits, told) = {
            let mut table = self.table();
            match table.waiting.get(&name) {
                Some(Entry { side: Side::Session(_), peer: control, .. })
                    if is_welcome(self.rule, peer, *control) =>
                {
                    return match table.waiting.remove(&name)?.side {
                        Side::Session(give) => Some(give),
                        Side::Connection(_) => None,
                    };
                }
                Some(_) => return None,
                None => {}
            }
            let (tell, told) = oneshot::channel();
            (self.enter(&mut table, name, peer, Side::Connection(tell)), told)
        };
        told.await.ok()
    }

    fn enter(
        self: &Arc<Self>,
        table: &mut Table,
        name: Box<[u8]>,
        peer: IpAddr,
        side: Side,
    ) -> Waits {
        let number = table.next;
        table.next += 1;
        table.waiting.insert(name.clone(), Entry { number, peer, side });
        Waits { joining: Arc::clone(self), name, number }
    }
}

/// A place in the table; dropping it gives it up.
#[derive(Debug)]
struct Waits {
    joining: Arc<Joining>,
    name: Box<[u8]>,
    number: u64,
}

impl Drop for Waits {
    fn drop(&mut self) {
        let mut table = self.joining.table();
        if table.waiting.get(&self.name).is_some_and(|entry| entry.number == self.number) {
            table.waiting.remove(&self.name);
        }
    }
}

/// What a session expects. Dropping it closes a connection that was given and not taken.
#[derive(Debug)]
pub(crate) struct Awaited {
    _waits: Option<Waits>,
    arrival: Mutex<oneshot::Receiver<Joined>>,
}

impl Awaited {
    /// Waits for the connection; [`None`] if it was given up on the way.
    pub(crate) async fn arrival(&self) -> Option<Joined> {
        let arrival = poll_fn(|cx| {
            let mut receiver = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
            Pin::new(&mut *receiver).poll(cx)
        });
        arrival.await.ok()
    }
}
