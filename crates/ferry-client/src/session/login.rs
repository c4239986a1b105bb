//! From a host name to a session that is logged in: the machine of
//! [`ferry_proto::client::login`], driven.

use std::sync::Arc;
use std::time::Duration;

use ferry_proto::client::line;
use ferry_proto::client::login::{Auth, Login, LoginFault, Step};
use ferry_proto::reply_reader::{IncomingReply, ReplyError, ReplyReader};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind, Result};
use crate::net::{self, Purpose, Received, Tls, Wire};
use crate::secret::Secret;
use crate::session::capabilities::{Capabilities, Shared};
use crate::session::control::CR_MAX;
use crate::session::form::FEW_FACTS;
use crate::session::joining::Joining;
use crate::settings::{Settings, Watcher, WireEvent};
use crate::site::{Security, Site};

/// How long a server that says "ready in a few minutes" (120) is waited for.
const AFTER_120: Duration = Duration::from_secs(60);

/// A control connection, logged in.
pub(crate) struct LoggedIn {
    pub(super) wire: Wire,
    pub(super) reader: ReplyReader,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) greeting: Vec<u8>,
    /// What was said with the log-in and is answered, in order.
    pub(super) answers: Vec<Answer>,
    /// The data connection that is made beside it.
    pub(super) joining: Option<Joining>,
}

/// A command by its verb, and its last reply.
pub(super) type Answer = (&'static str, IncomingReply);

/// The last reply to a command that was said with the log-in, if it was.
pub(super) fn take(answers: &mut Vec<Answer>, verb: &str) -> Option<IncomingReply> {
    let at = answers.iter().rposition(|(said, _)| *said == verb)?;
    Some(answers.remove(at).1)
}

/// What protects data under TLS (RFC 4217 §8, §9).
pub(super) const PROTECTION: [(&str, &[u8]); 2] = [("PBSZ", b"0"), ("PROT", b"P")];

/// What a session for many small files begins with, see [`super::block`].
pub(super) const FOR_SMALL: [(&str, &[u8]); 3] =
    [("TYPE", b"I"), ("MODE", b"B"), ("OPTS", FEW_FACTS)];

/// What is asked of a server that nothing is known of yet. Some only speak UTF-8 once they were
/// told to; that one refuses means nothing.
pub(super) const QUESTIONS: [(&str, &[u8]); 4] =
    [("FEAT", b""), ("SYST", b""), ("PWD", b""), ("OPTS", b"UTF8 ON")];

/// What a log-in is to bring about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) site: &'a Site,
    pub(super) settings: &'a Settings,
    pub(super) known: &'a Shared,
    pub(super) id: u64,
    /// The session is for small files.
    pub(super) small: bool,
    /// What it waits for before it says who it is.
    pub(super) hold: Option<&'a Hold>,
}

/// What keeps sessions that are made beside the first from naming themselves before that one is
/// let in: a wrong password must count once.
#[derive(Debug, Clone)]
pub(crate) struct Hold(watch::Receiver<bool>);

impl Hold {
    /// With what lets go; nobody is let in any more when that is dropped before.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (let_go, held) = watch::channel(false);
        (let_go, Self(held))
    }

    async fn is_let_go(&self) -> bool {
        self.0.clone().wait_for(|let_go| *let_go).await.is_ok()
    }
}

/// Connects and logs in; once more where the server's certificate was unknown and the asker has
/// come to trust it.
pub(super) async fn log_in(wanted: Wanted<'_>) -> Result<LoggedIn> {
    let mut refused = None;
    let first = Box::pin(attempt(wanted, &mut refused)).await;
    match (first, refused) {
        (Err(error), Some(tls)) if error.kind() == ErrorKind::Certificate => {
            if !tls.ask_for_trust(wanted.settings).await {
                return Err(error);
            }
            Box::pin(attempt(wanted, &mut None)).await
        }
        (result, _) => result,
    }
}

async fn attempt(wanted: Wanted<'_>, refused: &mut Option<Arc<Tls>>) -> Result<LoggedIn> {
    let Wanted { site, settings, known, id, .. } = wanted;
    let joining = Joining::begin(wanted);
    let turn = known.may_connect().await;
    let mut talk = Talk::connect(site, settings, id).await?;
    talk.joining = joining;
    let auth = match site.security {
        Security::Plain | Security::Implicit => Auth::No,
        Security::Explicit => Auth::Demand,
        // Whoever is on the way may answer AUTH as he likes: a password must not depend on it.
        Security::Opportunistic if site.is_anonymous() => Auth::Try,
        Security::Opportunistic => Auth::Demand,
    };
    if site.security == Security::Implicit {
        talk.secure(refused).await?;
    }
    let mut machine = Login::new(auth);
    talk.speak_first(auth, wanted).await?;
    let mut reply = talk.reply(settings.timeout).await?;
    drop(turn);
    let greeting = reply.lines.last().cloned().unwrap_or_default();
    known.lock().greeting.clone_from(&greeting);
    let mut step = machine.on_reply(&reply);
    let mut password_sent = false;
    let mut said = Vec::new();
    loop {
        match step {
            Step::Wait => {
                reply = talk.reply(settings.timeout.min(AFTER_120)).await?;
            }
            Step::SendAuth { old } => {
                if !std::mem::take(&mut talk.auth_said) {
                    talk.say("AUTH", if old { b"SSL" } else { b"TLS" }).await?;
                }
                reply = talk.reply(settings.timeout).await?;
            }
            Step::StartTls => {
                talk.refuse_injected()?;
                talk.secure(refused).await?;
                step = machine.on_tls();
                continue;
            }
            Step::SendUser => {
                (password_sent, said) = match talk.user_said.take() {
                    Some(said) => said,
                    None => talk.say_user(wanted).await?,
                };
                reply = talk.reply(settings.timeout).await?;
                let took = talk.asked.elapsed();
                let mut known = known.lock();
                known.rtt = Some(known.rtt.map_or(took, |rtt| rtt.min(took)));
            }
            Step::SendPass if password_sent => {
                reply = talk.reply(settings.timeout).await?;
            }
            Step::SendPass => {
                known.lock().asks_password = true;
                let password = password(site, settings, known).await?;
                reply = talk.ask("PASS", password.reveal()).await?;
            }
            Step::SendAcct => {
                // Before ACCT the answers are refusals.
                talk.replies(std::mem::take(&mut said)).await?;
                let account = account(site, settings).await?;
                reply = talk.ask("ACCT", account.reveal()).await?;
            }
            Step::Done => break,
            Step::Failed(fault) => {
                if fault == LoginFault::Refused {
                    known.set_password(None);
                }
                return Err(failure(fault, site, reply));
            }
            _ => return Err(Error::new(ErrorKind::Protocol, "the log-in went astray")),
        }
        step = machine.on_reply(&reply);
    }
    let answers = talk.replies(said).await?;
    let Talk { wire, reader, tls, joining, .. } = talk;
    let wire = wire.ok_or_else(closed)?;
    Ok(LoggedIn { wire, reader, tls, greeting, answers, joining })
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the server closed the connection")
}

async fn password(site: &Site, settings: &Settings, known: &Shared) -> Result<Secret> {
    if let Some(password) = &site.password {
        return Ok(password.clone());
    }
    if site.is_anonymous() {
        return Ok(Secret::new("anonymous@"));
    }
    if let Some(given) = known.password() {
        return Ok(given);
    }
    let asked = match &settings.asker {
        Some(asker) => asker.password(site).await,
        None => None,
    };
    let none = || Error::new(ErrorKind::Login, "the server wants a password, there is none");
    let given = asked.ok_or_else(none)?;
    known.set_password(Some(given.clone()));
    Ok(given)
}

async fn account(site: &Site, settings: &Settings) -> Result<Secret> {
    if let Some(account) = &site.account {
        return Ok(account.clone());
    }
    let asked = match &settings.asker {
        Some(asker) => asker.account(site).await,
        None => None,
    };
    asked.ok_or_else(|| {
        Error::new(ErrorKind::Login, "the server wants an account (ACCT), there is none")
    })
}

fn failure(fault: LoginFault, site: &Site, reply: IncomingReply) -> Error {
    let (kind, what) = match fault {
        LoginFault::Busy => (ErrorKind::Busy, "the server cannot be used now"),
        LoginFault::Unwelcome => (ErrorKind::Refused, "the server turns us away"),
        LoginFault::TooMany => (ErrorKind::TooMany, "the server wants fewer connections"),
        LoginFault::NoTls => (
            ErrorKind::Tls,
            "the server has no TLS, and nothing is sent in the clear unless asked for",
        ),
        LoginFault::Refused if site.is_anonymous() => {
            (ErrorKind::Login, "the server refuses anonymous log-ins")
        }
        LoginFault::Refused => (ErrorKind::Login, "the log-in was refused"),
        _ => (ErrorKind::Protocol, "the server's answers to the log-in make no sense"),
    };
    Error::new(kind, what).with_reply(reply)
}

/// A control connection before there is a driver: one command at a time.
pub(super) struct Talk<'a> {
    wire: Option<Wire>,
    reader: ReplyReader,
    /// Octets behind the last whole reply.
    ahead: Vec<u8>,
    tls: Option<Arc<Tls>>,
    site: &'a Site,
    settings: &'a Settings,
    id: u64,
    asked: Instant,
    /// AUTH, or USER and more, was said before the greeting.
    auth_said: bool,
    user_said: Option<Said>,
    /// The data connection that is being made beside it.
    joining: Option<Joining>,
}

/// Whether the password was sent with USER, and what was said behind it.
type Said = (bool, Vec<&'static str>);

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

    /// Says what can be said before the greeting, where that saves a round trip. RFC 959 §5.4 would
    /// have the greeting waited for; who was seen to take commands ahead takes these as well.
    async fn speak_first(&mut self, auth: Auth, wanted: Wanted<'_>) -> Result<()> {
        if !wanted.known.read(Capabilities::is_early) {
            return Ok(());
        }
        if auth != Auth::No {
            self.auth_said = true;
            self.say("AUTH", b"TLS").await?;
        } else if wanted.hold.is_none() {
            self.user_said = Some(self.say_user(wanted).await?);
        }
        Ok(())
    }

    /// Sends USER and, where the server takes more ahead, what will be asked for next.
    async fn say_user(&mut self, wanted: Wanted<'_>) -> Result<Said> {
        let Wanted { known, small, hold, .. } = wanted;
        if let Some(hold) = hold
            && !(hold.is_let_go().await && known.read(Capabilities::keeps_data))
        {
            let what = "the first session was not let in, or the server is another now";
            return Err(Error::new(ErrorKind::Cancelled, what));
        }
        let site = self.site;
        let user = site.user.as_deref().unwrap_or(b"anonymous");
        let ready = site.password.is_some() || site.is_anonymous();
        let (ahead, keeps) = known.read(|known| {
            let early = known.is_early();
            let ahead = (known.pipelines() || early) && (ready || known.asks_password);
            (ahead, known.keeps_data() || early)
        });
        if !ahead {
            self.say("USER", user).await?;
            return Ok((false, Vec::new()));
        }
        // It will ask, or has done so before: half the round trips.
        let password = password(site, self.settings, known).await?;
        self.say("USER", user).await?;
        self.say("PASS", password.reveal()).await?;
        let mut lines: Vec<(&'static str, &[u8])> = Vec::new();
        if self.tls.is_some() {
            lines.extend(PROTECTION);
        }
        if known.read(|known| known.features.is_none()) {
            lines.extend(QUESTIONS);
        }
        // The server has said no, if only that it wants fewer connections.
        self.joining.take_if(|joining| joining.has_failed());
        let name = self.joining.as_ref().map(|joining| joining.name.clone());
        if small && keeps {
            lines.extend(FOR_SMALL);
            lines.push(name.as_deref().map_or(("EPSV", b""), |name| ("XPSV", name)));
        }
        for (verb, argument) in &lines {
            self.say(verb, argument).await?;
        }
        Ok((true, lines.into_iter().map(|(verb, _)| verb).collect()))
    }

    async fn ask(&mut self, verb: &str, argument: &[u8]) -> Result<IncomingReply> {
        self.say(verb, argument).await?;
        self.reply(self.settings.timeout).await
    }

    /// The last replies to these commands.
    async fn replies(&mut self, said: Vec<&'static str>) -> Result<Vec<Answer>> {
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
    pub(super) async fn say(&mut self, verb: &str, argument: &[u8]) -> Result<()> {
        let line = line::command(verb, argument)
            .map_err(|e| Error::new(ErrorKind::BadName, format!("{verb}: {e}")))?;
        if let Some(watcher) = self.watcher() {
            watcher.on(self.id, &WireEvent::Command(&line::shown(&line)));
        }
        self.asked = Instant::now();
        let patience = self.settings.timeout;
        let wire = self.wire.as_mut().ok_or_else(closed)?;
        match tokio::time::timeout(patience, wire.write_all(&line)).await {
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
