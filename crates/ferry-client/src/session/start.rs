//! What happens right after the log-in: PBSZ and PROT, and, for the first session to a server, the
//! questions whose answers all sessions share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use ferry_proto::client::{line, replies};
use ferry_proto::feat::Features;
use ferry_proto::listing::System;
use ferry_proto::reply_reader::IncomingReply;
use tokio::sync::Semaphore;

use super::capabilities::{Known, Shared};
use super::control::{Control, Ticket, outgoing};
use super::form::Form;
use super::login::{Answer, Lines, LoggedIn, QUESTIONS, take};
use super::{Inner, Session, refused};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;
use crate::site::{Security, Site};

/// How many transfers a session has under way where the server takes them ahead.
pub(crate) const TRANSFERS_AHEAD: usize = 2;

/// Commands and what waits for their replies.
struct Questions {
    control: Control,
    patience: std::time::Duration,
}

impl Questions {
    /// Sends these lines, ahead of the replies where the server takes that, and gives the replies.
    async fn ask(&self, known: &Shared, lines: &[&[u8]]) -> Result<Vec<IncomingReply>> {
        let (batch, mut tickets): (Vec<_>, Vec<Ticket>) =
            lines.iter().map(|line| outgoing([line, &b"\r\n"[..]].concat(), self.patience)).unzip();
        let mut replies = Vec::with_capacity(tickets.len());
        if known.read(super::Capabilities::pipelines) {
            self.control.send(batch);
            for ticket in &mut tickets {
                replies.push(ticket.last().await?);
            }
        } else {
            for (outgoing, ticket) in batch.into_iter().zip(&mut tickets) {
                self.control.send(vec![outgoing]);
                replies.push(ticket.last().await?);
            }
        }
        Ok(replies)
    }
}

pub(super) async fn start(
    id: u64,
    site: &Site,
    settings: &Settings,
    on: LoggedIn,
    known: Arc<Shared>,
    small: Option<bool>,
) -> Result<Session> {
    let mut on = on;
    let closed = |_| Error::new(ErrorKind::Closed, "the server closed the connection");
    let peer = on.wire.tcp().peer_addr().map_err(closed)?;
    let local = on.wire.tcp().local_addr().map_err(closed)?;
    let tls = on.tls.clone();
    let first = {
        let mut known = known.lock();
        known.greeting.clone_from(&on.greeting);
        known.features.is_none()
    };
    let mut answers = std::mem::take(&mut on.answers);
    let joining = on.joining.take();
    let keep_alive = settings.keep_alive.filter(|_| known.read(super::Capabilities::takes_noop));
    let times = (settings.timeout, keep_alive);
    let unsaid = on.unsaid.take();
    let stat = take(&mut answers, "MLST");
    let tree = on.tree.take();
    let asked = tree.map(|_| outgoing(Vec::new(), settings.timeout));
    let (under_way, listing) = asked.unzip();
    let control = Control::start(on, times, settings.watcher.clone(), id, under_way);
    let trusts = unsaid.is_some();
    let words = say(&control, unsaid, settings)?;
    let questions = Questions { control: control.clone(), patience: settings.timeout };
    if tls.is_some() && !trusts {
        protect(&questions, &known, site, &mut answers).await?;
    }
    let form = if trusts { Form::for_small() } else { Form::after_login(&mut answers) };
    let port = take(&mut answers, "EPSV").filter(|_| form.is_for_small());
    let named = take(&mut answers, "XPSV");
    if named.as_ref().is_some_and(|reply| reply.code >= 300) {
        known.lock().joins = Known::No;
    }
    let expected = (trusts || named.is_some_and(|reply| reply.code < 300)) && form.is_for_small();
    if listing.is_some() && !expected {
        return Err(Error::new(ErrorKind::Closed, "the server expects no data connection by name"));
    }
    if first {
        let home = learn(&questions, &known, answers).await?;
        known.lock().home = home;
    }
    let home = known.read(|known| known.home.clone());
    let turns = match known.read(super::Capabilities::pipelines_transfers) {
        true => TRANSFERS_AHEAD,
        false => 1,
    };
    let session = Session(Arc::new(Inner {
        id,
        site: site.clone(),
        settings: settings.clone(),
        control,
        protected: tls.is_some(),
        tls,
        peer,
        local,
        known,
        home,
        form: Mutex::new(form),
        turn: Arc::new(Semaphore::new(turns)),
        turns,
        block: Mutex::new(None),
        trusts: AtomicBool::new(trusts),
        look: Mutex::new(None),
    }));
    match (small, port, joining) {
        (Some(up), Some(port), _) => session.begin_at(up, port),
        (Some(up), None, Some(joining)) if expected => {
            session.begin_joined(up, joining, words, listing.map(|listing| (stat, listing)));
        }
        _ => {}
    }
    Ok(session)
}

/// Has data protected (RFC 4217 §9).
async fn protect(
    questions: &Questions,
    known: &Shared,
    site: &Site,
    answers: &mut Vec<Answer>,
) -> Result<()> {
    take(answers, "PBSZ");
    let prot = match take(answers, "PROT") {
        Some(prot) => Some(prot),
        None => questions.ask(known, &[b"PBSZ 0", b"PROT P"]).await?.into_iter().nth(1),
    };
    let prot =
        prot.ok_or_else(|| Error::new(ErrorKind::Protocol, "the server left PROT unanswered"))?;
    // With implicit TLS data is protected whether the server knows PROT or not.
    if prot.code >= 300 && site.security != Security::Implicit {
        return Err(refused("PROT", b"P", prot));
    }
    Ok(())
}

/// Says what logs in, and gives what waits for the answers.
fn say(control: &Control, lines: Option<Lines>, settings: &Settings) -> Result<Vec<Ticket>> {
    let mut batch = Vec::new();
    let mut tickets = Vec::new();
    for (verb, argument) in lines.unwrap_or_default() {
        let line = line::command(verb, &argument)
            .map_err(|e| Error::new(ErrorKind::BadName, format!("{verb}: {e}")))?;
        let (outgoing, ticket) = outgoing(line, settings.timeout);
        batch.push(outgoing);
        tickets.push(ticket);
    }
    if !batch.is_empty() {
        control.send(batch);
    }
    Ok(tickets)
}

/// FEAT, SYST and PWD, and what has to be said once. Gives the directory we are in.
async fn learn(questions: &Questions, known: &Shared, answers: Vec<Answer>) -> Result<Vec<u8>> {
    let unanswered = || Error::new(ErrorKind::Protocol, "the server left questions unanswered");
    let lines = QUESTIONS.map(|(verb, argument)| match argument {
        b"" => verb.as_bytes().to_vec(),
        argument => [verb.as_bytes(), b" ", argument].concat(),
    });
    let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    let together = known.read(super::Capabilities::pipelines);
    let mut replies = match (answers.len() == lines.len(), together) {
        (true, _) => answers.into_iter().map(|(_, reply)| reply).collect(),
        (_, true) => questions.ask(known, &lines).await?,
        (_, false) => questions.ask(known, lines.get(..1).unwrap_or(&lines)).await?,
    };
    let feat = replies.first().cloned().ok_or_else(unanswered)?;
    let features = match feat.code {
        200..=299 => Features::parse(&feat.lines),
        _ => Features::default(),
    };
    let wants_utf8_on = features.utf8();
    {
        let mut known = known.lock();
        if !features.mlst() && !features.has("MLSD") {
            known.mlsd = Known::No;
        }
        known.features = Some(features);
    }
    if replies.len() == 1 {
        let asked = if wants_utf8_on { lines.get(1..) } else { lines.get(1..3) };
        replies.extend(questions.ask(known, asked.unwrap_or_default()).await?);
    }
    let [_, syst, pwd, ..] = replies.as_slice() else {
        return Err(unanswered());
    };
    if (200..300).contains(&syst.code) {
        known.lock().system = System::of_syst(&syst.lines.join(&b' '));
    }
    if pwd.code == 530 || pwd.code == 332 {
        return Err(refused("PWD", b"", pwd.clone()));
    }
    Ok(replies_path(pwd))
}

fn replies_path(pwd: &IncomingReply) -> Vec<u8> {
    match pwd.code {
        200..=299 => replies::path(pwd).unwrap_or_default(),
        _ => Vec::new(),
    }
}
