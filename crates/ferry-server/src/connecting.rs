//! How the data connection of one transfer comes about: accept or connect, whom to believe, TLS
//! (RFC 959 §3.3, RFC 4217 §9). What moves over it is the transfer's work.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ferry_proto::server::{End, Fxp, canonical, is_partner};
use tokio::time::timeout;

use crate::data::{self, Arrival, Door, Expected};
use crate::events::{Event, SessionId};
use crate::hosts::HostId;
use crate::joining::Joined;
use crate::options::DataPeer;
use crate::server::Shared;
use crate::tls::{Channel, SessionTls, TlsFailure};
use crate::wire::Wire;

/// How the data connection comes about.
#[derive(Debug)]
pub(crate) enum Via {
    /// The peer connects here.
    Passive(Door),
    /// This end connects there.
    Active {
        /// The control connection's own address.
        local: SocketAddr,
        to: SocketAddr,
    },
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
    /// Whether another server may take the peer's place, and who is TLS client.
    pub(crate) fxp: Fxp,
    /// The host whose rules say so.
    pub(crate) host: HostId,
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
        if let Via::Passive(Door::Named(awaited)) = &self.via {
            return match timeout(limits.data_connect, awaited.arrival()).await {
                Ok(Some(joined)) => self.joined(joined, resumed),
                _ => Err(Broken::new(End::NotConnected, "no data connection of that name")),
            };
        }
        let (arrival, other) = match timeout(limits.data_connect, self.arrival()).await {
            Ok(Ok(arrived)) => arrived,
            Ok(Err(error)) => {
                return Err(Broken::new(End::NotConnected, format!("no data connection: {error}")));
            }
            Err(_) => return Err(Broken::new(End::NotConnected, "no data connection in time")),
        };
        let foreign = other.filter(|other| self.fxp.foreign && self.is_other_server(*other));
        if let Some(other) = foreign {
            let role = match (&self.tls, self.fxp.tls_client) {
                (None, _) => "in the clear",
                (Some(_), false) => "as TLS server",
                (Some(_), true) => "as TLS client",
            };
            self.notice(&format!("data connection with another server, {other}, {role}"));
        }
        let mut wire = Wire::new(arrival.link);
        if let Some(tls) = &self.tls {
            let handshake = async {
                if let (true, Some(other)) = (self.fxp.tls_client, other) {
                    self.shake_as_client(&mut wire, tls, other).await.map(|()| None)
                } else {
                    let offer = tls.offer(channel);
                    let offer = if foreign.is_some() { offer.without_resumption() } else { offer };
                    wire.accept_tls(offer, &arrival.early).await.map(Some)
                }
            };
            let facts = match timeout(limits.handshake, handshake).await {
                Ok(Ok(facts)) => facts,
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(Broken::new(End::NotPrivate, "no TLS handshake in time")),
            };
            *resumed = Some(facts.as_ref().is_some_and(|facts| facts.resumed));
            // RFC 4217 §10.2: whoever showed a certificate shows the same here. Another server has
            // one of its own, if any.
            if let (None, Some(facts)) = (foreign, &facts)
                && tls.client().is_some_and(|client| facts.client.as_ref() != Some(&**client))
            {
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

    /// A connection that came to the control port. That its client is the session's, it has proved
    /// by the name, which nobody else can know: under TLS neither was it said in the clear.
    fn joined(&self, joined: Joined, resumed: &mut Option<bool>) -> Result<Wire, Broken> {
        let Joined { wire, client } = joined;
        if wire.is_tls() != self.tls.is_some() {
            let what = "the data connection is not protected as PROT says";
            return Err(Broken::new(End::NotPrivate, what));
        }
        if let Some(tls) = &self.tls {
            *resumed = Some(false);
            // RFC 4217 §10.2: whoever showed a certificate shows the same here.
            if tls.client().is_some_and(|shown| client.as_ref() != Some(shown)) {
                return Err(TlsFailure::AnotherClient.into());
            }
        }
        Ok(wire)
    }

    /// SSCN or CPSV: the roles are exchanged, and there is nothing to resume.
    async fn shake_as_client(
        &self,
        wire: &mut Wire,
        tls: &SessionTls,
        other: IpAddr,
    ) -> Result<(), TlsFailure> {
        if let Some(shown) = wire.connect_tls(tls, other).await? {
            self.notice(&format!("the certificate of {other} has the SHA-256 {shown}"));
        }
        Ok(())
    }

    fn notice(&self, what: &str) {
        self.shared.observer.on(self.session, &Event::Noticed { what });
    }

    /// The connection, and whose it is where that is known.
    async fn arrival(&self) -> io::Result<(Arrival, Option<IpAddr>)> {
        let (link, other) = match &self.via {
            // Its connection is told by its ticket, and in the clear there is none: PROT has
            // changed since PASV.
            Via::Passive(Door::Shared(_)) if self.is_bound() && self.tls.is_none() => {
                return Err(io::ErrorKind::NotConnected.into());
            }
            Via::Passive(Door::Shared(claim)) => {
                return Ok((claim.arrival().await?, None));
            }
            Via::Passive(Door::Own(listener)) => {
                let rules = self.shared.hosts.rules(self.host);
                let partners = self.fxp.foreign.then_some(rules);
                let rule = self.data_peer();
                let expected = Expected { control: self.peer, rule, partners };
                data::accept(&**listener, &self.shared.options, expected, |who| {
                    self.notice(&format!("turned a stranger away from the data port: {who}"));
                })
                .await?
            }
            Via::Active { local, to } => {
                let link = data::connect(&*self.shared.net, *local, *to).await?;
                (link, canonical(*to).ip())
            }
            Via::Passive(Door::Named(_)) | Via::Nowhere => {
                return Err(io::ErrorKind::NotConnected.into());
            }
        };
        Ok((Arrival { link, early: Vec::new() }, Some(other)))
    }

    /// Whether at this address is another server, as far as rules tell: not everyone whom
    /// `data_peer` lets in is one, and what is waived for servers is not for them.
    fn is_other_server(&self, other: IpAddr) -> bool {
        let rules = self.shared.hosts.rules(self.host);
        other != self.peer && is_partner(other, self.peer, rules)
    }

    /// By what address the peer is known. As TLS client nothing can be made to resume, so that
    /// where resuming is what proves it nothing but its address does.
    fn data_peer(&self) -> DataPeer {
        let proved = self.tls.as_ref().is_some_and(SessionTls::must_resume);
        match self.fxp.tls_client && proved {
            true => DataPeer::Strict,
            false => self.shared.options.data_peer,
        }
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
