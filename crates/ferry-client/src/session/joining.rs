//! A data connection made beside the log-in, to the port of the control connection: by a name that
//! the session says, too (XPSV, XDTP). It saves the round trips until a port is known and reached,
//! and under TLS those of a second handshake, and needs no other port to be open.

use std::time::Duration;

use ferry_proto::reply_reader::IncomingReply;
use rustls::crypto::aws_lc_rs;
use tokio::task::JoinHandle;

use super::Session;
use super::capabilities::Capabilities;
use super::login::Wanted;
use super::talk::Talk;
use crate::error::{Error, ErrorKind, Result};
use crate::net::Wire;
use crate::settings::{Settings, WireEvent};
use crate::site::{Security, Site};

/// Random octets in a name: as many as nobody can guess.
const NAME_OCTETS: usize = 16;

/// A connection on its way. Dropped, it is given up.
#[derive(Debug)]
pub(super) struct Joining {
    pub(super) name: Vec<u8>,
    task: JoinHandle<Result<(Wire, Vec<u8>)>>,
    patience: Duration,
}

impl Drop for Joining {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Joining {
    /// Begins to make the connection for a session that is for small files; [`None`] for others,
    /// where the server does not take it, where it is not known beforehand whether the session will
    /// be under TLS, and where the system has no random numbers.
    pub(super) fn begin(wanted: Wanted<'_>) -> Option<Self> {
        let unsure = wanted.site.security == Security::Opportunistic && wanted.site.is_anonymous();
        if wanted.aim.small.is_none() || unsure || !wanted.known.read(Capabilities::may_join) {
            return None;
        }
        let mut octets = [0; NAME_OCTETS];
        aws_lc_rs::default_provider().secure_random.fill(&mut octets).ok()?;
        let name: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let name = name.into_bytes();
        let (site, said) = (wanted.site.clone(), name.clone());
        // What is said here would be taken for the control connection's.
        let settings = Settings { watcher: None, ..wanted.settings.clone() };
        let patience = settings.timeout;
        let task = tokio::spawn(async move { join(&site, &settings, &said).await });
        Some(Self { name, task, patience })
    }

    /// Whether it is known already that nothing comes of it: the server answers well when the name
    /// has been said on both sides only.
    pub(super) fn has_failed(&self) -> bool {
        self.task.is_finished()
    }

    /// What has failed; waits for the connection, so only where it is known to have failed.
    pub(super) async fn failure(mut self) -> Option<Error> {
        (&mut self.task).await.ok().and_then(Result::err)
    }

    /// The connection, and what has been read from it already. It must show the session's
    /// certificate.
    pub(super) async fn joined(mut self, session: &Session) -> Result<(Wire, Vec<u8>)> {
        let late = || Error::new(ErrorKind::Data, "the data connection could not be made in time");
        let made = tokio::time::timeout(self.patience, &mut self.task).await.map_err(|_| late())?;
        let (wire, octets) = made.map_err(|_| late())??;
        if let Some(tls) = &session.0.tls
            && !tls.is_same(&wire)
        {
            let what = "the data connection has another certificate than the control connection: \
                        somebody interferes";
            return Err(Error::new(ErrorKind::Certificate, what));
        }
        if let (Some(watcher), Ok(peer)) = (session.watcher(), wire.tcp().peer_addr()) {
            let resumed = wire.facts().map(|facts| facts.resumed);
            watcher.on(session.0.id, &WireEvent::Data { peer, resumed });
        }
        Ok((wire, octets))
    }
}

async fn join(site: &Site, settings: &Settings, name: &[u8]) -> Result<(Wire, Vec<u8>)> {
    let mut talk = Talk::connect(site, settings, 0).await?;
    if site.security == Security::Implicit {
        talk.secure(&mut None).await?;
        talk.say("XDTP", name).await?;
        must(220, talk.reply(settings.timeout).await?)?;
    } else if site.security != Security::Plain {
        talk.say("AUTH", b"TLS").await?;
        must(220, talk.reply(settings.timeout).await?)?;
        must(234, talk.reply(settings.timeout).await?)?;
        talk.refuse_injected()?;
        talk.secure(&mut None).await?;
        talk.say("XDTP", name).await?;
    } else {
        talk.say("XDTP", name).await?;
        must(220, talk.reply(settings.timeout).await?)?;
    }
    must(200, talk.reply(settings.timeout).await?)?;
    talk.into_wire()
}

fn must(code: u16, reply: IncomingReply) -> Result<()> {
    if reply.code == code {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Data, "the server does not take the data connection")
        .with_reply(reply))
}
