//! How the data connection of one transfer comes about: accept or connect, whom to believe, TLS
//! (RFC 959 §3.3, RFC 4217 §9). What moves over it is the transfer's work.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ferry_proto::server::End;
use tokio::time::timeout;

use crate::data::{self, Arrival, Door};
use crate::events::{Event, SessionId};
use crate::server::Shared;
use crate::tls::{Channel, SessionTls, TlsFailure};
use crate::wire::Wire;

/// How the data connection comes about.
#[derive(Debug)]
pub(crate) enum Via {
    /// The peer connects here.
    Passive(Door),
    /// This end connects there.
    Active(SocketAddr),
    /// There is no way left: the passive port is gone.
    Nowhere,
}

/// What a data connection is made from.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) session: SessionId,
    pub(crate) via: Via,
    /// The control connection's TLS, if the data connection is to be private.
    pub(crate) tls: Option<SessionTls>,
    /// The control connection's peer, to whom alone the data belongs.
    pub(crate) peer: IpAddr,
    /// This end of the control connection.
    pub(crate) local: SocketAddr,
}

/// An end that is not the one hoped for, and why.
pub(crate) struct Broken {
    pub(crate) end: End,
    pub(crate) why: String,
}

impl Broken {
    pub(crate) fn new(end: End, why: impl Into<String>) -> Self {
        Self { end, why: why.into() }
    }

    pub(crate) fn stopped() -> Self {
        Self::new(End::Aborted, "aborted")
    }
}

impl Connection {
    /// The data connection, under TLS if it is to be.
    pub(crate) async fn establish(
        &self,
        channel: Channel,
        resumed: &mut Option<bool>,
    ) -> Result<Wire, Broken> {
        let limits = &self.shared.options.limits;
        let Arrival { link, early } = match timeout(limits.data_connect, self.arrival()).await {
            Ok(Ok(arrival)) => arrival,
            Ok(Err(error)) => {
                return Err(Broken::new(End::NotConnected, format!("no data connection: {error}")));
            }
            Err(_) => return Err(Broken::new(End::NotConnected, "no data connection in time")),
        };
        let mut wire = Wire::new(link);
        if let Some(tls) = &self.tls {
            let handshake = wire.accept_tls(tls.offer(channel), &early);
            let facts = match timeout(limits.handshake, handshake).await {
                Ok(Ok(facts)) => facts,
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(Broken::new(End::NotPrivate, "no TLS handshake in time")),
            };
            *resumed = Some(facts.resumed);
            // RFC 4217 §10.2: whoever showed a certificate shows the same here.
            if tls.client().is_some_and(|client| facts.client.as_ref() != Some(&**client)) {
                return Err(TlsFailure::AnotherClient.into());
            }
            // What was given to a session for its ticket must have held it, whatever has become
            // of the session's TLS since (CCC).
            if self.is_bound() && *resumed != Some(true) {
                return Err(TlsFailure::NotResumed.into());
            }
        }
        Ok(wire)
    }

    async fn arrival(&self) -> io::Result<Arrival> {
        let link = match &self.via {
            // Its connection is told by its ticket, and in the clear there is none: PROT has
            // changed since PASV.
            Via::Passive(Door::Shared(_)) if self.is_bound() && self.tls.is_none() => {
                return Err(io::ErrorKind::NotConnected.into());
            }
            Via::Passive(Door::Shared(claim)) => return claim.arrival().await,
            Via::Passive(Door::Own(listener)) => {
                data::accept(&**listener, &self.shared.options, self.peer, |who| {
                    let what = format!("turned a stranger away from the data port: {who}");
                    self.shared.observer.on(self.session, &Event::Noticed { what: &what });
                })
                .await?
            }
            Via::Active(to) => data::connect(&*self.shared.net, self.local, *to).await?,
            Via::Nowhere => return Err(io::ErrorKind::NotConnected.into()),
        };
        Ok(Arrival { link, early: Vec::new() })
    }

    fn is_bound(&self) -> bool {
        matches!(&self.via, Via::Passive(Door::Shared(claim)) if claim.is_bound())
    }
}

impl From<TlsFailure> for Broken {
    fn from(error: TlsFailure) -> Self {
        let end = match error {
            TlsFailure::NotResumed => End::NotResumed,
            _ => End::NotPrivate,
        };
        let source = std::error::Error::source(&error);
        Self::new(end, source.map_or_else(|| error.to_string(), |s| format!("{error}: {s}")))
    }
}
