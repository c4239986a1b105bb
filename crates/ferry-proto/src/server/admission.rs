//! From a line to who obeys it: what may be given now, what earlier commands left for this one, and
//! what is said of a line that is no command.

use super::{Action, Phase, Rules, ServerSession, info, transfer};
use crate::command::{Command, CommandError};
use crate::path::FtpPath;
use crate::reply::Reply;
use crate::repr::RestartPoint;
use crate::verb::{Restart, Verb};

/// What came before a command and counts for it alone.
#[derive(Debug, Default)]
pub(super) struct Carry {
    pub(super) rename_from: Option<FtpPath>,
    pub(super) copy_from: Option<FtpPath>,
    pub(super) restart_at: RestartPoint,
    /// The end of RANG's range, if there is one.
    pub(super) until: Option<u64>,
}

impl ServerSession {
    pub(super) fn parsed(
        &mut self,
        command: Result<Command<'_>, CommandError>,
        rules: &Rules,
        moved: u64,
        out: &mut Vec<Action>,
    ) {
        let verb = match &command {
            Ok(command) => Some(command.verb()),
            Err(error) => error.verb(),
        };
        self.admit_or_refuse(command, verb, rules, moved, out);
        if !self.is_busy() && verb.is_some_and(transfer::is_upload) {
            self.close_kept(out);
        }
    }

    fn admit_or_refuse(
        &mut self,
        command: Result<Command<'_>, CommandError>,
        verb: Option<Verb>,
        rules: &Rules,
        moved: u64,
        out: &mut Vec<Action>,
    ) {
        if self.is_busy() {
            match command {
                Ok(Command::Abor) => self.abort_moving(out),
                Ok(Command::Stat(None)) => out.push(Action::Reply(self.status(rules, Some(moved)))),
                _ => debug_assert!(false, "the driver holds back what may not overtake"),
            }
            return;
        }
        let command = match verb {
            Some(
                v @ (Verb::Lprt | Verb::Lpsv | Verb::Sscn | Verb::Cpsv | Verb::Xpsv | Verb::Xdtp),
            ) if !info::in_force(v.info(), rules) => Err(CommandError::NotServed(v)),
            _ => command,
        };
        let carry = self.take_carry(verb, out);
        if verb.is_some_and(|v| v.info().login) && !self.is_logged_in() {
            out.push(Action::Reply(Reply::new(530, "Log in first, with USER and PASS.")));
            return;
        }
        match command {
            Ok(command) => self.admit(command, carry, rules, out),
            Err(error) => out.push(Action::Reply(self.refusal(error))),
        }
    }

    /// What the previous commands left for this one; whatever this verb ends is dropped.
    fn take_carry(&mut self, verb: Option<Verb>, out: &mut Vec<Action>) -> Carry {
        let info = verb.map(Verb::info);
        let named = self.rename_from.take();
        let (rename_from, copy_from) = if self.copying { (None, named) } else { (named, None) };
        let carry = Carry {
            rename_from,
            copy_from,
            restart_at: RestartPoint { offset: self.restart_at, after_cr: self.restart_after_cr },
            until: (self.range_end != u64::MAX).then_some(self.range_end),
        };
        if info.is_none_or(|i| i.restart == Restart::Clears) {
            self.set_range(0, u64::MAX);
        }
        let keeps_user = |next| info.is_some_and(|i| i.between_user_and_pass || i.verb == next);
        match self.phase {
            Phase::NeedPass(_) if !keeps_user(Verb::Pass) => self.phase = Phase::NeedUser,
            Phase::NeedAcct(_) if !keeps_user(Verb::Acct) => self.forget(out),
            _ => {}
        }
        carry
    }

    pub(super) fn refusal(&self, error: CommandError) -> Reply {
        match error {
            CommandError::Unknown => Reply::new(500, "Unknown command; HELP lists the known ones."),
            CommandError::NotServed(v) => {
                Reply::new(502, format!("{} is not available.", v.name()))
            }
            CommandError::Syntax(v) => {
                let syntax = v.info().syntax;
                Reply::new(501, format!("Syntax: {}{}{syntax}", v.name(), gap(syntax)))
            }
            CommandError::NoOptions(v) => Reply::new(501, format!("{} has no options.", v.name())),
            CommandError::Parameter(v) => {
                Reply::new(504, format!("{} does not know that parameter.", v.name()))
            }
            CommandError::Family(Verb::Lprt) => Self::wrong_long_family(),
            CommandError::Family(_) => self.wrong_family(),
            CommandError::TooLong => Reply::new(500, "That line is too long; nothing was done."),
            CommandError::Nul => Reply::new(501, "A NUL octet cannot be part of a command."),
        }
    }

    fn admit(&mut self, command: Command<'_>, carry: Carry, rules: &Rules, out: &mut Vec<Action>) {
        match command {
            Command::User(_)
            | Command::Pass(_)
            | Command::Acct(_)
            | Command::Auth(_)
            | Command::Pbsz(_)
            | Command::Prot(_)
            | Command::Quit => {
                self.admit_access(command, rules, out);
            }
            Command::Host(_)
            | Command::Lang(_)
            | Command::Smnt(_)
            | Command::Ccc
            | Command::Rein => self.admit_place(&command, rules, out),
            Command::Type(..)
            | Command::Mode(_)
            | Command::Stru(_)
            | Command::Port(_)
            | Command::Eprt(_)
            | Command::Pasv
            | Command::Epsv(_)
            | Command::Lprt(_)
            | Command::Lpsv
            | Command::Cpsv
            | Command::Xpsv(_)
            | Command::Sscn(_)
            | Command::Rest(_)
            | Command::RestMark(_)
            | Command::Rang(_)
            | Command::Opts(_) => self.admit_parameter(command, rules, out),
            Command::Xdtp(name) => self.join(name, out),
            Command::Site(site) => self.admit_site(site, carry, rules, out),
            Command::Mfct { .. }
            | Command::Mff { .. }
            | Command::Avbl(_)
            | Command::Dsiz(_)
            | Command::Rmda(_)
            | Command::Comb(_)
            | Command::Hash(_)
            | Command::XHash { .. }
            | Command::Md5(_)
            | Command::Mmd5(_) => self.admit_work(command, &carry, out),
            Command::Retr(_)
            | Command::Stor(_)
            | Command::Appe(_)
            | Command::Stou(_)
            | Command::List(_)
            | Command::Nlst(_)
            | Command::Mlsd(_)
            | Command::Abor => {
                self.admit_transfer(command, &carry, out);
            }
            Command::Feat
            | Command::Syst
            | Command::Help(_)
            | Command::Noop
            | Command::Clnt(_)
            | Command::Csid(_)
            | Command::Pret(_)
            | Command::Pwd
            | Command::Stat(None) => self.admit_info(&command, rules, out),
            _ => self.admit_file(command, carry, out),
        }
    }
}

pub(crate) fn gap(syntax: &str) -> &'static str {
    if syntax.starts_with('<') { " " } else { "" }
}
