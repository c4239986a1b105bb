//! The conversation on a control connection before it has a task of its own: what is said and
//! answered, one reply after the other, and the change to TLS. What is said, [`super::login`]
//! decides.

use std::sync::Arc;
use std::time::Duration;

use ferry_proto::client::line;
use ferry_proto::reply_reader::{IncomingReply, ReplyError, ReplyReader};
use tokio::time::{Instant, timeout_at};

use super::control::CR_MAX;
use super::joining::Joining;
use super::login::{Answer, closed};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{self, Purpose, Received, Tls, Wire};
use crate::settings::{Settings, Watcher, WireEvent};
use crate::site::Site;

/// A control connection before there is a driver: one command at a time.
pub(super) struct Talk<'a> {
    pub(super) wire: Option<Wire>,
    pub(super) reader: ReplyReader,
    /// Octets behind the last whole reply.
    pub(super) ahead: Vec<u8>,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) site: &'a Site,
    pub(super) settings: &'a Settings,
    pub(super) id: u64,
    pub(super) asked: Instant,
    /// AUTH, or USER and more, was said before the greeting.
    pub(super) auth_said: bool,
    pub(super) user_said: Option<Said>,
    /// The data connection that is being made beside it.
    pub(super) joining: Option<Joining>,
    /// The directory that was asked for.
    pub(super) tree: Option<Vec<u8>>,
}

/// Whether the password was sent with USER, and what was said behind it.
pub(super) type Said = (bool, Vec<&'static str>);

impl<'a> Talk<'a> {
    pub(super) async fn connect(site: &'a Site, settings: &'a Settings, id: u64) -> Result<Self> {
        if let Some(watcher) = &settings.watcher {
            let what = format!("Connecting to {}, port {}", site.host, site.port());
            watcher.on(id, &WireEvent::Status(&what));
        }
        let stream = net::connect(&site.host, site.port(), settings).await?;
        Ok(Self {
            wire: Some(Wire::plain(stream)),
            reader: ReplyReader::default(),
            ahead: Vec::new(),
            tls: None,
            site,
            settings,
            id,
            asked: Instant::now(),
            auth_said: false,
            user_said: None,
            joining: None,
            tree: None,
        })
    }

    /// The connection, and what has been read of it behind the last reply.
    pub(super) fn into_wire(self) -> Result<(Wire, Vec<u8>)> {
        Ok((self.wire.ok_or_else(closed)?, self.ahead))
    }

    fn watcher(&self) -> Option<&dyn Watcher> {
        self.settings.watcher.as_deref()
    }

    /// Octets behind the reply to AUTH came in the clear and would be taken for replies under TLS.
    pub(super) fn refuse_injected(&self) -> Result<()> {
        if self.ahead.is_empty() && !self.reader.is_mid_reply() {
            return Ok(());
        }
        let what = "something in the clear came behind the answer to AUTH: somebody interferes";
        Err(Error::new(ErrorKind::Tls, what))
    }

    pub(super) async fn secure(&mut self, refused: &mut Option<Arc<Tls>>) -> Result<()> {
        let tls = Tls::new(self.site, self.settings).await?;
        *refused = Some(Arc::clone(&tls));
        let wire = self.wire.take().ok_or_else(closed)?;
        let wire = wire.secure(&tls, Purpose::Control, self.settings.timeout).await?;
        if let (Some(watcher), Some(facts)) = (self.watcher(), wire.facts()) {
            watcher.on(self.id, &WireEvent::Status(&format!("{facts}")));
        }
        self.wire = Some(wire);
        self.tls = Some(tls);
        self.reader = ReplyReader::default();
        Ok(())
    }

    pub(super) async fn ask(
        &mut self,
        verb: &'static str,
        argument: &[u8],
    ) -> Result<IncomingReply> {
        self.say(verb, argument).await?;
        self.reply(self.settings.timeout).await
    }

    /// The last replies to these commands.
    pub(super) async fn replies(&mut self, said: Vec<&'static str>) -> Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(said.len());
        for verb in said {
            let mut reply = self.reply(self.settings.timeout).await?;
            while reply.code < 200 {
                reply = self.reply(self.settings.timeout).await?;
            }
            answers.push((verb, reply));
        }
        Ok(answers)
    }

    /// Sends a command whose reply is read later.
    pub(super) async fn say(&mut self, verb: &'static str, argument: &[u8]) -> Result<()> {
        self.say_all(&[(verb, argument.to_vec())]).await
    }

    /// Sends several, in one segment: of small ones, no more than ten may be under way at first.
    pub(super) async fn say_all(&mut self, lines: &[(&'static str, Vec<u8>)]) -> Result<()> {
        let mut octets = Vec::new();
        for (verb, argument) in lines {
            let line = line::command(verb, argument)
                .map_err(|e| Error::new(ErrorKind::BadName, format!("{verb}: {e}")))?;
            if let Some(watcher) = self.watcher() {
                watcher.on(self.id, &WireEvent::Command(&line::shown(&line)));
            }
            octets.extend_from_slice(&line);
        }
        self.asked = Instant::now();
        let patience = self.settings.timeout;
        let wire = self.wire.as_mut().ok_or_else(closed)?;
        match tokio::time::timeout(patience, wire.write_all(&octets)).await {
            // It may have said why before it closed.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the server does not read")),
        }
    }

    /// The next reply; it must begin within `patience`, and be whole within as long again.
    pub(super) async fn reply(&mut self, patience: Duration) -> Result<IncomingReply> {
        let mut deadline = Instant::now() + patience;
        let mut begun = false;
        let mut buf = vec![0; 4096];
        loop {
            let mut input = self.ahead.as_slice();
            let fed = self.reader.feed(&mut input);
            self.ahead = input.to_vec();
            if let Some(reply) = fed.map_err(not_ftp)? {
                if let Some(watcher) = self.watcher() {
                    super::tell_reply(watcher, self.id, &reply, self.asked.elapsed());
                }
                return Ok(reply);
            }
            if self.reader.is_mid_reply() && !begun {
                begun = true;
                deadline = Instant::now() + patience;
            }
            let wire = self.wire.as_mut().ok_or_else(closed)?;
            let quiet = Instant::now() + CR_MAX;
            match timeout_at(deadline.min(quiet), wire.read(&mut buf)).await {
                Ok(Ok(Received::Bytes(n))) => {
                    self.ahead.extend_from_slice(buf.get(..n).unwrap_or_default());
                }
                Ok(Ok(_) | Err(_)) => {
                    return self.reader.on_eof().map_err(not_ftp)?.ok_or_else(closed);
                }
                Err(_) if Instant::now() < deadline => {
                    if let Some(reply) = self.reader.on_silence().map_err(not_ftp)? {
                        return Ok(reply);
                    }
                }
                Err(_) => {
                    return Err(Error::new(ErrorKind::Timeout, "the server does not answer"));
                }
            }
        }
    }
}

fn not_ftp(error: ReplyError) -> Error {
    let kind = match error {
        ReplyError::Ssh | ReplyError::Http | ReplyError::NotAReply => ErrorKind::NotFtp,
        _ => ErrorKind::Protocol,
    };
    Error::new(kind, error.to_string())
}
