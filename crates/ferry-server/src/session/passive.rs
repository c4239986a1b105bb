//! PASV, EPSV and LPSV: a port for the next data connection, and what the peer is told of it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use ferry_proto::server::{Failure, Outcome, canonical};
use tokio::time::Instant;

use super::{Control, NextData};
use crate::data::{self, Door, Passive};
use crate::events::Event;
use crate::public::Ends;
use crate::shared_port::Claimant;

impl Control {
    pub(super) async fn listen(&mut self, announce: bool) -> Outcome {
        // What came before is given up first, so that nobody waits for himself.
        self.close_data();
        match self.listening(announce).await {
            Ok((door, at)) => {
                let expires = Instant::now() + self.shared.options.limits.passive_unused;
                let passive = NextData::Passive(Passive { door, expires });
                self.next_data = Some(Box::new(passive));
                Outcome::Listening(at)
            }
            Err(error) => {
                let what = format!("no passive port could be opened: {error}");
                self.report(&Event::Noticed { what: &what });
                Outcome::Failed(Failure::NoPort)
            }
        }
    }

    /// A way in, and what to say of it.
    async fn listening(&self, announce: bool) -> io::Result<(Door, SocketAddr)> {
        let peer = self.machine.peer().ip();
        let local = canonical(self.wire.local_addr()?).ip();
        let socket = canonical(self.wire.socket_addr()?).ip();
        let (door, port) = self.door(socket).await?;
        let announced = self.shared.public.announced(Ends { peer, local, socket }, port);
        let ip = if announce { announced.ip() } else { local };
        Ok((door, SocketAddr::new(ip, announced.port())))
    }

    /// A port of its own, or the next connection to the shared one.
    async fn door(&self, socket: IpAddr) -> io::Result<(Door, u16)> {
        let shared = &self.shared;
        let Some(shared_port) = &shared.shared_port else {
            let listener =
                data::open_passive(&*shared.net, &shared.entropy, &shared.options, socket)?;
            let port = listener.local_addr()?.port();
            return Ok((Door::Own(listener), port));
        };
        let port = shared_port.port(socket).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let tls = self.tls.as_deref().filter(|tls| tls.must_resume());
        let tls = tls.filter(|_| self.machine.is_data_private()).cloned();
        let account = self.guard.as_ref().map(|guard| guard.account().name.clone());
        let account = self.counted_as(&account.unwrap_or_default()).into_owned();
        let peer = self.machine.peer().ip();
        let claim = shared_port.claim(Claimant { session: self.id, peer, account, tls }).await;
        let claim = claim.ok_or_else(|| {
            io::Error::other("the shared data port is awaited by another session of this address")
        })?;
        Ok((Door::Shared(claim), port))
    }
}
