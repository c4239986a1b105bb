//! From a host name to a session that is logged in: the machine of
//! [`ferry_proto::client::login`], driven.

use std::sync::Arc;
use std::time::Duration;

use ferry_proto::client::login::{Auth, Login, LoginFault, Step};
use ferry_proto::reply_reader::{IncomingReply, ReplyReader};
use tokio::sync::watch;

use super::capabilities::{Capabilities, Known, Shared};
use super::form::FEW_FACTS;
use super::joining::Joining;
use super::talk::{Said, Talk};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{Tls, Wire};
use crate::secret::Secret;
use crate::settings::Settings;
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
    /// The directory that was asked for with the log-in, and what has come behind the answers.
    pub(super) tree: Option<Vec<u8>>,
    pub(super) ahead: Vec<u8>,
    /// What is yet to be said to log in, where nobody waits for the answers.
    pub(super) unsaid: Option<Lines>,
}

/// Commands and their arguments.
pub(super) type Lines = Vec<(&'static str, Vec<u8>)>;

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
    pub(super) aim: Aim<'a>,
}

/// What a session is made for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Aim<'a> {
    /// Small files, to the server (true) or from it.
    pub(super) small: Option<bool>,
    /// What it waits for before it says who it is.
    pub(super) hold: Option<&'a Hold>,
    /// A directory to be looked at with the log-in.
    pub(super) tree: Option<&'a [u8]>,
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
    let Wanted { site, settings, known, .. } = wanted;
    let auth = auth(site);
    let mut machine = Login::new(auth);
    let (mut talk, mut reply) = greeted(wanted, auth, refused).await?;
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
            Step::SendUser if talk.is_trusting(wanted) => {
                wanted.is_let_in().await?;
                let unsaid = Some(talk.words(wanted).await?);
                return talk.logged_in(greeting, Vec::new(), unsaid);
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
                if talk.tree.take().is_some() {
                    talk.reply(settings.timeout).await?;
                }
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
    talk.logged_in(greeting, answers, None)
}

fn auth(site: &Site) -> Auth {
    match site.security {
        Security::Plain | Security::Implicit => Auth::No,
        Security::Explicit => Auth::Demand,
        // Whoever is on the way may answer AUTH as he likes: a password must not depend on it.
        Security::Opportunistic if site.is_anonymous() => Auth::Try,
        Security::Opportunistic => Auth::Demand,
    }
}

/// A connection, and the server's greeting.
async fn greeted<'a>(
    wanted: Wanted<'a>,
    auth: Auth,
    refused: &mut Option<Arc<Tls>>,
) -> Result<(Talk<'a>, IncomingReply)> {
    let joining = Joining::begin(wanted);
    let _turn = wanted.known.may_connect().await;
    let mut talk = Talk::connect(wanted.site, wanted.settings, wanted.id).await?;
    talk.joining = joining;
    if wanted.site.security == Security::Implicit {
        talk.secure(refused).await?;
    }
    talk.speak_first(auth, wanted).await?;
    let reply = talk.reply(wanted.settings.timeout).await?;
    Ok((talk, reply))
}

impl Wanted<'_> {
    /// Waits until the first session is let in.
    async fn is_let_in(self) -> Result<()> {
        let Some(hold) = self.aim.hold else { return Ok(()) };
        if hold.is_let_go().await && self.known.read(Capabilities::keeps_data) {
            return Ok(());
        }
        let what = "the first session was not let in, or the server is another now";
        Err(Error::new(ErrorKind::Cancelled, what))
    }

    /// Whether the password can be sent with the name.
    fn knows_password(self) -> bool {
        self.site.password.is_some()
            || self.site.is_anonymous()
            || self.known.read(|known| known.asks_password)
    }
}

pub(super) fn closed() -> Error {
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

impl Talk<'_> {
    /// Says what can be said before the greeting, where that saves a round trip. RFC 959 §5.4 would
    /// have the greeting waited for; who was seen to take commands ahead takes these as well.
    async fn speak_first(&mut self, auth: Auth, wanted: Wanted<'_>) -> Result<()> {
        if !wanted.known.read(Capabilities::is_early) {
            return Ok(());
        }
        if auth != Auth::No {
            self.auth_said = true;
            self.say("AUTH", b"TLS").await?;
        } else if wanted.aim.hold.is_none() {
            self.user_said = Some(self.say_user(wanted).await?);
        }
        Ok(())
    }

    /// Sends USER and, where the server takes more ahead, what will be asked for next.
    async fn say_user(&mut self, wanted: Wanted<'_>) -> Result<Said> {
        wanted.is_let_in().await?;
        let early = wanted.known.read(|known| known.is_early() || known.pipelines());
        if !early || !wanted.knows_password() {
            let user = self.site.user.as_deref().unwrap_or(b"anonymous");
            self.say("USER", user).await?;
            return Ok((false, Vec::new()));
        }
        // It will ask, or has done so before: half the round trips.
        let mut lines = self.words(wanted).await?;
        let joins = lines.last().is_some_and(|(verb, _)| *verb == "XPSV");
        if let (Some(tree), true) = (wanted.aim.tree, joins) {
            lines.extend([("MLST", tree.to_vec()), ("MLSD", tree.to_vec())]);
            self.tree = Some(tree.to_vec());
        }
        self.say_all(&lines).await?;
        // MLSD is answered while its data comes, which is for others to take.
        let answered = lines.len() - usize::from(self.tree.is_some());
        lines.truncate(answered);
        Ok((true, lines.into_iter().skip(2).map(|(verb, _)| verb).collect()))
    }

    /// All that is said to log in, one line behind the other.
    async fn words(&mut self, wanted: Wanted<'_>) -> Result<Lines> {
        let (site, known) = (self.site, wanted.known);
        let user = site.user.as_deref().unwrap_or(b"anonymous");
        let password = password(site, self.settings, known).await?;
        let mut lines = vec![("USER", user.to_vec()), ("PASS", password.reveal().to_vec())];
        let mut add = |more: &[(&'static str, &[u8])]| {
            lines.extend(more.iter().map(|(verb, argument)| (*verb, argument.to_vec())));
        };
        if self.tls.is_some() {
            add(&PROTECTION);
        }
        if known.read(|known| known.features.is_none()) {
            add(&QUESTIONS);
        }
        let keeps = known.read(|known| known.keeps_data() || known.is_early());
        if wanted.aim.small.is_some() && keeps {
            add(&FOR_SMALL);
            if let Some(failed) = self.joining.take_if(|joining| joining.has_failed()) {
                // Unless the server only wants fewer connections, it is not asked again.
                let error = failed.failure().await;
                if error.is_none_or(|e| e.reply().is_none_or(|reply| reply.code != 421)) {
                    known.lock().joins = Known::No;
                }
            }
            let name = self.joining.as_ref().map(|joining| joining.name.as_slice());
            add(&[name.map_or(("EPSV", b"".as_slice()), |name| ("XPSV", name))]);
        }
        Ok(lines)
    }

    /// Whether nobody need wait until this session is let in, since another was: what it is to
    /// bring comes over the data connection that is made beside it, or does not.
    fn is_trusting(&self, wanted: Wanted<'_>) -> bool {
        let joins = self.joining.as_ref().is_some_and(|joining| !joining.has_failed());
        wanted.aim.hold.is_some()
            && wanted.aim.small == Some(false)
            && joins
            && wanted.knows_password()
    }

    fn logged_in(
        self,
        greeting: Vec<u8>,
        answers: Vec<Answer>,
        unsaid: Option<Lines>,
    ) -> Result<LoggedIn> {
        let Self { wire, reader, tls, joining, tree, ahead, .. } = self;
        let wire = wire.ok_or_else(closed)?;
        Ok(LoggedIn { wire, reader, tls, greeting, answers, joining, tree, ahead, unsaid })
    }
}
