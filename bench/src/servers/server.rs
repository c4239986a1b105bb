//! The servers of a run: started when a figure first needs them, each with the same tree, which
//! lies in memory once and is linked into every server's directory.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use interop::servers::{self, Kind, Options, Peer, Tls};

use super::place::Place;
use super::security::Security;

/// More than any figure but the idle sessions needs.
const SESSIONS: u32 = 1000;

/// What the load generator knows of a server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) at: SocketAddr,
    pub(super) user: &'static str,
    pub(super) password: &'static str,
    /// Its processes; none if it is part of this one.
    pub(super) processes: Vec<u32>,
    /// Where its files are.
    pub(super) root: PathBuf,
    certificate: Option<PathBuf>,
    peer: Option<Peer>,
}

impl Server {
    /// One that is not a process of its own and has neither files nor TLS.
    pub(super) fn bare(at: SocketAddr) -> Self {
        Self {
            at,
            user: "anyone",
            password: "anything",
            processes: Vec::new(),
            root: PathBuf::new(),
            certificate: None,
            peer: None,
        }
    }

    /// A `ferryd` that another process has started, and its certificate if TLS is meant.
    pub(super) fn known(at: SocketAddr, certificate: Option<PathBuf>) -> Self {
        Self { user: interop::USER, password: interop::PASSWORD, certificate, ..Self::bare(at) }
    }

    /// Whether it has TLS.
    pub(super) fn has_tls(&self) -> bool {
        self.certificate.is_some()
    }

    /// Its certificate in PEM, if it has TLS.
    pub(super) fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    /// Starts one that lets `sessions` in. `None`: it is not here.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(
        kind: Kind,
        tls: bool,
        sessions: u32,
        base: &Path,
    ) -> io::Result<Option<Self>> {
        // Ours offers TLS always.
        let tls = if tls || kind == Kind::Ferryd { Tls::V13 } else { Tls::Plain };
        let options = Options { base: Some(base), sessions, ..Options::new(tls) };
        let Some(peer) = servers::start_with(kind, options)? else { return Ok(None) };
        Ok(Some(Self {
            at: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), peer.addr.port()),
            user: peer.user(),
            password: peer.password(),
            processes: peer.processes(),
            root: peer.root.clone(),
            certificate: (tls != Tls::Plain).then(|| peer.certificate.clone()),
            peer: Some(peer),
        }))
    }

    /// TLS of a new session with it, if `tls`.
    ///
    /// # Errors
    /// It has none.
    pub(super) fn security(&self, tls: bool) -> io::Result<Option<Security>> {
        if !tls {
            return Ok(None);
        }
        let pem = self.certificate.as_ref().ok_or_else(|| io::Error::other("has no TLS"))?;
        Security::trusting(pem).map(Some)
    }

    /// Hands new files to its account.
    fn settle(&self) -> io::Result<()> {
        self.peer.as_ref().map_or(Ok(()), Peer::settle)
    }
}

/// Those that run, by kind and whether they are for figures with TLS.
#[derive(Debug, Default)]
pub(super) struct Fleet(Mutex<Vec<(Kind, bool, Arc<Server>)>>);

impl Fleet {
    /// The one that is meant, started if need be. `None`: it is not here.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn server(
        &self,
        kind: Kind,
        tls: bool,
        place: &Place,
    ) -> io::Result<Option<Arc<Server>>> {
        let mut running = self.0.lock().map_err(|_| io::Error::other("broken"))?;
        let found = running.iter().find(|(own, with, _)| (*own, *with) == (kind, tls));
        if let Some((_, _, server)) = found {
            return Ok(Some(Arc::clone(server)));
        }
        let Some(server) = Server::start(kind, tls, SESSIONS, place.base())? else {
            return Ok(None);
        };
        place.link_into(&server.root)?;
        fs::create_dir(server.root.join("up"))?;
        server.settle()?;
        let server = Arc::new(server);
        running.push((kind, tls, Arc::clone(&server)));
        Ok(Some(server))
    }
}
