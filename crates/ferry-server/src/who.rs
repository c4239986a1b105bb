//! What administrators may see of sessions (SITE WHO). An idle session pays for it with its
//! account, its port and an octet; what it transfers is noted only while it does.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_proto::server::{Doing, Presence, WHO_MAX};
use ferry_proto::verb::{VERBS, Verb};

use crate::registry::{Place, Registry, lock};

/// The bit of [`Seen::doing`] that says that the control connection is under TLS.
const SECURED: u8 = 0x80;

/// No command yet.
const SILENT: u8 = 0x7f;

const _: () = assert!(VERBS.len() < SILENT as usize, "a verb and a bit share an octet");

/// The part of a session that others may see.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Where it comes from.
    pub(crate) ip: IpAddr,
    /// The number of the last verb, and [`SECURED`].
    doing: AtomicU8,
    port: u16,
    /// The second, since the server started, in which it connected.
    since: u32,
    /// The one in which a command was last dealt with.
    heard: AtomicU32,
}

impl Seen {
    /// A session that connects now.
    pub(crate) fn new(ip: IpAddr, port: u16, now: u32) -> Self {
        Self { ip, port, doing: SILENT.into(), since: now, heard: now.into() }
    }

    /// The second in which a command was last dealt with.
    pub(crate) fn heard(&self) -> u32 {
        self.heard.load(Ordering::Relaxed)
    }

    /// A command was dealt with.
    pub(crate) fn hear(&self, now: u32) {
        self.heard.store(now, Ordering::Relaxed);
    }

    /// A command was given.
    pub(crate) fn say(&self, verb: Verb) {
        // Checked above: every number fits.
        let number = u8::try_from(verb as usize).unwrap_or(SILENT);
        let secured = self.doing.load(Ordering::Relaxed) & SECURED;
        self.doing.store(number | secured, Ordering::Relaxed);
    }

    /// TLS came, or went.
    pub(crate) fn set_secured(&self, secured: bool) {
        if secured {
            self.doing.fetch_or(SECURED, Ordering::Relaxed);
        } else {
            self.doing.fetch_and(!SECURED, Ordering::Relaxed);
        }
    }
}

/// A transfer, or work that takes long.
#[derive(Debug, Clone)]
pub(crate) struct Busy {
    pub(crate) verb: &'static str,
    pub(crate) path: Option<FtpPath>,
    pub(crate) moved: Arc<AtomicU64>,
}

/// A note of what a session does; dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Noted {
    registry: Arc<Registry>,
    index: u32,
}

impl Noted {
    /// Notes what the session at `place` does.
    pub(crate) fn new(registry: &Arc<Registry>, place: &Place, busy: Busy) -> Self {
        let index = place.index();
        lock(&registry.busy).insert(index, busy);
        Self { registry: Arc::clone(registry), index }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        lock(&self.registry.busy).remove(&self.index);
    }
}

/// Who is connected, in second `second` of the server, which is `now`; one more than are shown, if
/// there are so many.
pub(crate) fn present(registry: &Registry, second: u32, now: UnixTime) -> Vec<Presence> {
    let sessions = registry.first(WHO_MAX + 1);
    sessions
        .iter()
        .map(|(index, slot)| {
            let seen = &slot.seen;
            let doing = seen.doing.load(Ordering::Relaxed);
            let busy = lock(&registry.busy).get(index).cloned();
            let idle = if busy.is_some() { 0 } else { second.saturating_sub(seen.heard()) };
            let said = VERBS.get(usize::from(doing & !SECURED));
            let ago = second.saturating_sub(seen.since);
            Presence {
                user: slot.account().map(|account| account.name.clone()),
                peer: SocketAddr::new(seen.ip, seen.port),
                tls: doing & SECURED != 0,
                since: UnixTime::from_secs(now.secs.saturating_sub(ago.into())),
                idle_secs: idle,
                doing: match (busy, said) {
                    (Some(Busy { verb, path, moved }), _) => {
                        Doing::Busy { verb, path, octets: moved.load(Ordering::Relaxed) }
                    }
                    (None, Some(info)) => Doing::Said(info.verb),
                    (None, None) => Doing::Nothing,
                },
            }
        })
        .collect()
}
