//! The servers of a run, each in a directory where what is to be moved can be moved to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use interop::servers::{self, Kind, Options, Peer, Tls};

use super::cell::Server;

/// How long a busy server may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Where a server listens, and what clients call it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) listen: Ipv4Addr,
    pub(super) public: Ipv4Addr,
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    /// Where clients go.
    pub(super) at: SocketAddr,
    pub(super) user: &'static str,
    pub(super) password: &'static str,
    pub(super) root: PathBuf,
    _peer: Peer,
}

impl Running {
    /// Fails if it does not listen any more: what its clients do then says nothing about them.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn check(&self) -> io::Result<()> {
        let ended = |e| io::Error::other(format!("the server has ended: {e}"));
        TcpStream::connect_timeout(&self.at, ANSWER_MAX).map(drop).map_err(ended)
    }
}

/// Starts one that serves an empty directory below `base`.
///
/// # Errors
/// It does not start, or is not here.
pub(super) fn start(server: Server, at: Addresses, base: &Path) -> io::Result<Running> {
    let options = Options {
        ip: at.listen,
        announced: (at.public != at.listen).then_some(at.public),
        // Half of the clients cannot resume, and then there was nothing to compare.
        strict: false,
        base: Some(base),
        ..Options::new(Tls::V13)
    };
    let kind = match server {
        Server::Vsftpd => Kind::Vsftpd,
        Server::Ferryd => Kind::Ferryd,
    };
    let peer = servers::start_with(kind, options)?
        .ok_or_else(|| io::Error::other("it is not here: `cargo xtask peers` gets it"))?;
    Ok(Running {
        at: SocketAddr::new(at.public.into(), peer.addr.port()),
        user: peer.user(),
        password: peer.password(),
        root: peer.root.clone(),
        _peer: peer,
    })
}
