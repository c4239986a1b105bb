//! Where a data connection is made: what the server is told or says of it, how far that is
//! believed, and the connection itself, protected as the session is.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferry_proto::addr;
use ferry_proto::client::fault::{self, Fault};
use ferry_proto::client::replies;
use ferry_proto::reply_reader::IncomingReply;

use super::{Blocked, Offer, Tried, Way};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{self, Listening, Purpose, Wire};
use crate::session::capabilities::Known;
use crate::session::{Session, refused};
use crate::settings::{PassiveAddress, WireEvent};

impl Session {
    /// What the server is told of where to connect.
    pub(super) fn offer(&self, way: Way) -> Tried<(Option<Listening>, &'static str, Vec<u8>)> {
        match way {
            Way::Epsv => Ok((None, "EPSV", Vec::new())),
            Way::Pasv => Ok((None, "PASV", Vec::new())),
            Way::Eprt | Way::Port => {
                let listening = Listening::bind(self.0.local.ip().to_canonical()).map_err(|e| {
                    Blocked::Final(Error::new(ErrorKind::Data, "cannot listen").with_source(e))
                })?;
                let at = listening.addr();
                match (way, at) {
                    (Way::Port, SocketAddr::V4(v4)) => {
                        Ok((Some(listening), "PORT", addr::port_argument(v4).into_bytes()))
                    }
                    _ => Ok((Some(listening), "EPRT", addr::eprt_argument(at).into_bytes())),
                }
            }
        }
    }

    pub(super) fn read_offer(
        &self,
        way: Way,
        reply: IncomingReply,
        listening: Option<Listening>,
    ) -> Tried<Offer> {
        if let Some(listening) = listening {
            return match reply.code {
                200..=299 => Ok(Offer::Listening(listening)),
                _ => Err(Blocked::Next(refused(
                    if way == Way::Port { "PORT" } else { "EPRT" },
                    b"",
                    reply,
                ))),
            };
        }
        let verb = if way == Way::Epsv { "EPSV" } else { "PASV" };
        let at = match (way, reply.code) {
            (Way::Epsv, 200..=299) => {
                replies::extended_passive_port(&reply).map(|port| self.peer_at(port))
            }
            (_, 200..=299) => replies::passive_address(&reply).map(|at| self.believe(at.into())),
            _ => None,
        };
        if let Some(at) = at {
            return Ok(Offer::At(at));
        }
        let fault = fault::of(&reply);
        if matches!(fault, Fault::Login | Fault::TooMany) {
            return Err(Blocked::Final(refused(verb, b"", reply)));
        }
        let mut known = self.0.known.lock();
        if way == Way::Epsv && reply.code != 425 && known.epsv == Known::Untried {
            known.epsv = Known::No;
        }
        let error = match reply.code {
            200..=299 => {
                Error::new(ErrorKind::Protocol, format!("{verb}: no address in the reply"))
                    .with_reply(reply)
            }
            _ => refused(verb, b"", reply),
        };
        Err(Blocked::Next(error))
    }

    pub(in crate::session) fn peer_at(&self, port: u16) -> SocketAddr {
        let mut at = self.0.peer;
        at.set_port(port);
        at
    }

    /// The address of a 227 reply, or the control connection's in its place.
    pub(in crate::session) fn believe(&self, at: SocketAddr) -> SocketAddr {
        let peer = self.0.peer.ip().to_canonical();
        let unroutable = |ip: IpAddr| {
            ip.is_unspecified()
                || ip.is_multicast()
                || (addr::is_private(ip) && !addr::is_private(peer))
                || (ip.is_loopback() && !peer.is_loopback())
        };
        match self.0.settings.passive_address {
            PassiveAddress::Trust if !at.ip().is_unspecified() => at,
            PassiveAddress::PublicOnly if !unroutable(at.ip()) => at,
            _ => self.peer_at(at.port()),
        }
    }

    /// Connects and secures, or waits to be connected to.
    pub(super) async fn connect_to(&self, offer: Offer, wait: Duration) -> Result<Wire> {
        let stream = match offer {
            Offer::At(at) => {
                let connecting = net::connect_data(at, &self.0.site.host, &self.0.settings);
                tokio::time::timeout(wait, connecting).await.map_err(|_| {
                    Error::new(ErrorKind::Data, "the data connection could not be made in time")
                })??
            }
            Offer::Listening(listening) => listening.accept_from(self.0.peer.ip(), wait).await?,
        };
        self.secure_data(stream).await
    }

    /// Protects a data connection as the session's are, and says that it is there.
    pub(in crate::session) async fn secure_data(
        &self,
        stream: tokio::net::TcpStream,
    ) -> Result<Wire> {
        let peer = stream.peer_addr().unwrap_or(self.0.peer);
        let mut wire = Wire::plain(stream);
        if self.0.protected
            && let Some(tls) = &self.0.tls
        {
            wire = wire.secure(tls, Purpose::Data, self.timeout()).await?;
        }
        if let Some(watcher) = self.watcher() {
            let resumed = wire.facts().map(|facts| facts.resumed);
            watcher.on(self.0.id, &WireEvent::Data { peer, resumed });
        }
        Ok(wire)
    }
}
