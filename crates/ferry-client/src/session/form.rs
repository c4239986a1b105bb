//! The transfer parameters in force (RFC 959 §3.1) and the facts that MLSD brings (RFC 3659 §7.9):
//! which a transfer needs, and the commands that bring them about.

use ferry_proto::client::packed::is_packed;
use ferry_proto::facts::FactSet;
use ferry_proto::reply_reader::IncomingReply;

use super::capabilities::Known;
use super::control::{Outgoing, Ticket};
use super::data::Main;
use super::login::{Answer, take};
use super::{Session, refused};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Compress;

/// What OPTS says where many directories are listed to be compared: of `ferryd`'s 143 octets an
/// entry, 80 are left, and a hundred names fit into what TCP sends before it is answered.
pub(super) const FEW_FACTS: &[u8] = b"MLST type;size;modify;unique;UNIX.mode;";

/// TYPE and MODE as the server has them, and the facts that it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// The argument of TYPE; [`None`] when nobody knows.
    pub(super) code: Option<u8>,
    /// The argument of MODE; [`None`] when nobody knows.
    pub(super) mode: Option<u8>,
    /// The server was told how hard to compress.
    levelled: bool,
    /// MLSD brings [`FEW_FACTS`] only.
    few_facts: bool,
    /// REST was sent and no transfer has begun since: some servers keep it for the next one.
    pub(super) restarts: bool,
}

/// As every session begins; of TYPE, servers have different ideas.
impl Default for Form {
    fn default() -> Self {
        Self { code: None, mode: Some(b'S'), levelled: false, few_facts: false, restarts: false }
    }
}

impl Form {
    /// The form after a log-in that may have asked for the one of small files, see
    /// [`super::login::FOR_SMALL`]; takes the answers to that.
    pub(super) fn after_login(answers: &mut Vec<Answer>) -> Self {
        let mut form = Self::default();
        if take(answers, "TYPE").is_some_and(|reply| reply.code < 300) {
            form.code = Some(b'I');
        }
        // Another OPTS may have been said whether this was or not.
        if let Some(mode) = take(answers, "MODE") {
            if mode.code < 300 {
                form.mode = Some(b'B');
            }
            form.few_facts = take(answers, "OPTS").is_some_and(|reply| reply.code < 300);
        }
        form
    }

    /// The form after a log-in that asks for the one of small files, if all goes well.
    pub(super) fn for_small() -> Self {
        Self { code: Some(b'I'), mode: Some(b'B'), few_facts: true, ..Self::default() }
    }

    /// Whether small files can go one behind the other, see [`super::block`].
    pub(super) fn is_for_small(&self) -> bool {
        self.mode == Some(b'B')
    }
}

/// What waits for the replies to the commands of a form.
#[derive(Debug, Default)]
pub(super) struct Forming {
    code: Option<Ticket>,
    mode: Option<Ticket>,
}

impl Session {
    /// Whether a file of that name is to be compressed on its way.
    pub(super) fn compresses(&self, path: &[u8]) -> bool {
        self.0.settings.compress != Compress::Off && !is_packed(path)
    }

    /// Whether the server takes MODE Z, where it says so; asked once.
    pub(super) async fn deflates(&self) -> Result<bool> {
        let (deflate, listed) = self.0.known.read(|known| {
            (known.deflate, known.features.as_ref().is_some_and(|features| features.mode(b'Z')))
        });
        if deflate != Known::Untried || !listed {
            return Ok(deflate == Known::Yes && listed);
        }
        let (before, mut ticket) = {
            let mut form = self.form();
            let (outgoing, ticket) = self.outgoing("MODE", b"Z")?;
            self.0.control.send(vec![outgoing]);
            (form.mode.take(), ticket)
        };
        let reply = ticket.last().await?;
        let taken = reply.code < 400;
        {
            // Whoever has said MODE meanwhile, has said it behind this.
            let mut form = self.form();
            if form.mode.is_none() {
                form.mode = if taken { Some(b'Z') } else { before };
            }
        }
        self.0.known.lock().deflate = if taken { Known::Yes } else { Known::No };
        if !taken {
            self.status("The server does not compress after all (MODE Z); data goes as it is");
        }
        Ok(taken)
    }

    /// Appends the commands that `form` lacks for a transfer.
    pub(super) fn form_commands(
        &self,
        form: &mut Form,
        main: &Main<'_>,
        batch: &mut Vec<Outgoing>,
    ) -> Result<Forming> {
        let mut forming = Forming::default();
        if form.code != Some(main.code) {
            let (outgoing, ticket) = self.outgoing("TYPE", &[main.code])?;
            batch.push(outgoing);
            forming.code = Some(ticket);
            form.code = Some(main.code);
        }
        if form.mode != Some(main.mode()) {
            let (outgoing, ticket) = self.outgoing("MODE", &[main.mode()])?;
            batch.push(outgoing);
            forming.mode = Some(ticket);
            form.mode = Some(main.mode());
        }
        if let Some(level) = self.level_to_tell(form, main) {
            // Who does not know of levels compresses as usual.
            batch.push(self.outgoing("OPTS", &level)?.0);
        }
        if let Some(facts) = Self::facts_to_tell(form, main) {
            batch.push(self.outgoing("OPTS", &facts)?.0);
        }
        Ok(forming)
    }

    /// Appends the commands that are lacking for small files one behind the other, in MODE B; what
    /// waits for the reply to MODE, if that is one of them.
    pub(super) fn small_form_commands(&self, batch: &mut Vec<Outgoing>) -> Result<Option<Ticket>> {
        let mut form = self.form();
        if form.code != Some(b'I') {
            batch.push(self.outgoing("TYPE", b"I")?.0);
            form.code = Some(b'I');
        }
        if !std::mem::replace(&mut form.few_facts, true) {
            // Who does not know of that tells more.
            batch.push(self.outgoing("OPTS", FEW_FACTS)?.0);
        }
        if form.is_for_small() {
            return Ok(None);
        }
        let (outgoing, ticket) = self.outgoing("MODE", b"B")?;
        batch.push(outgoing);
        form.mode = Some(b'B');
        Ok(Some(ticket))
    }

    /// Waits for what came of them.
    pub(super) async fn formed(&self, forming: Forming, main: &Main<'_>) -> Result<()> {
        if let Some(mut ticket) = forming.code {
            self.check_type(ticket.last().await?, main)?;
        }
        if let Some(mut ticket) = forming.mode {
            self.check_mode(ticket.last().await?, main)?;
        }
        Ok(())
    }

    /// Brings the form about that a transfer needs, one command at a time. Whoever drops this has
    /// not seen what is in force.
    pub(super) async fn form_for(&self, main: &Main<'_>) -> Result<()> {
        if self.form().code != Some(main.code) {
            self.form().code = None;
            let reply = self.ask("TYPE", &[main.code]).await?;
            self.check_type(reply, main)?;
            self.form().code = Some(main.code);
        }
        if self.form().mode != Some(main.mode()) {
            self.form().mode = None;
            let reply = self.ask("MODE", &[main.mode()]).await?;
            self.check_mode(reply, main)?;
            self.form().mode = Some(main.mode());
        }
        let level = self.level_to_tell(&mut self.form(), main);
        if let Some(level) = level {
            _ = self.ask("OPTS", &level).await?;
        }
        let facts = Self::facts_to_tell(&mut self.form(), main);
        if let Some(facts) = facts {
            _ = self.ask("OPTS", &facts).await?;
        }
        Ok(())
    }

    /// What OPTS is to say so that a listing has all facts again.
    fn facts_to_tell(form: &mut Form, main: &Main<'_>) -> Option<Vec<u8>> {
        if main.verb != "MLSD" || !std::mem::replace(&mut form.few_facts, false) {
            return None;
        }
        // Facts that a server does not know, it passes over (RFC 3659 §7.9).
        Some(format!("MLST {}", FactSet::ALL.opts_value()).into_bytes())
    }

    /// What OPTS is to say of the level; once, since it holds for the session.
    fn level_to_tell(&self, form: &mut Form, main: &Main<'_>) -> Option<Vec<u8>> {
        let Compress::At(level) = self.0.settings.compress else { return None };
        if !main.deflate || std::mem::replace(&mut form.levelled, true) {
            return None;
        }
        Some(format!("MODE Z LEVEL {}", level.number()).into_bytes())
    }

    /// TYPE that is refused does not matter for a listing.
    fn check_type(&self, reply: IncomingReply, main: &Main<'_>) -> Result<()> {
        if reply.code < 400 {
            return Ok(());
        }
        self.form().code = None;
        if main.may_be_empty { Ok(()) } else { Err(refused("TYPE", &[main.code], reply)) }
    }

    /// A server without MODE Z may be without MODE; its data goes in MODE S all the same.
    fn check_mode(&self, reply: IncomingReply, main: &Main<'_>) -> Result<()> {
        let mut known = self.0.known.lock();
        if reply.code < 400 || (!main.deflate && known.deflate != Known::Yes) {
            return Ok(());
        }
        // The command behind this one may be under way in a mode that nobody asked for.
        if main.deflate {
            known.deflate = Known::No;
        }
        let what = "the server does not take the transfer mode that it has";
        self.0.control.kill(ErrorKind::Closed, what);
        Err(Error::new(ErrorKind::Closed, what).with_reply(reply))
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use ferry_proto::reply_reader::ReplyReader;

    use super::*;

    fn reply(code: u16) -> IncomingReply {
        let line = format!("{code} Text.\r\n");
        let fed = ReplyReader::default().feed(&mut line.as_bytes());
        fed.ok().flatten().expect("a whole reply")
    }

    #[test]
    fn facts_are_few_as_soon_as_the_server_agrees_whatever_it_says_to_the_mode() {
        for (mode, facts, b, few) in [
            (200, 200, true, true),
            (504, 200, false, true),
            (200, 501, true, false),
            (504, 501, false, false),
        ] {
            let said = [("OPTS", 200), ("TYPE", 200), ("MODE", mode), ("OPTS", facts)];
            let mut answers: Vec<Answer> = said.map(|(verb, code)| (verb, reply(code))).into();
            let form = Form::after_login(&mut answers);
            assert_eq!((form.is_for_small(), form.few_facts), (b, few), "{mode} {facts}");
            assert_eq!(answers.len(), 1, "the OPTS before belongs to others");
        }
    }
}
