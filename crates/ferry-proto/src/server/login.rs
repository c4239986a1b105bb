//! Getting in and out: USER, PASS, AUTH, PBSZ, PROT, QUIT (RFC 959 §4.1.1, RFC 4217 §4–9).

use crate::command::{Command, Mechanism, ProtectionLevel};
use crate::reply::Reply;
use crate::server::{
    Acct, Action, Ask, LoginRefusal, Outcome, Phase, Protection, Rules, ServerSession, Stage,
};

/// Each further wrong password is answered a second later, up to this many.
const PENALTY_SECS_MAX: u8 = 5;

/// After CCC nothing that needs TLS or grants rights can be sent safely (RFC 4217 §12.3).
fn cleared() -> Reply {
    Reply::new(503, "CCC ended TLS: that can no longer be sent here.")
}

fn too_many_sessions() -> Reply {
    Reply::new(530, "Too many sessions of this account; try again later.")
}

fn is_anonymous(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"anonymous") || name.eq_ignore_ascii_case(b"ftp")
}

impl ServerSession {
    pub(super) fn admit_access(
        &mut self,
        command: Command<'_>,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        let reply = match command {
            Command::User(name) => match self.user(name, rules, out) {
                Some(reply) => reply,
                None => return,
            },
            Command::Pass(password) => match self.pass(password, out) {
                Some(reply) => reply,
                None => return,
            },
            Command::Acct(info) => match self.acct(info, out) {
                Some(reply) => reply,
                None => return,
            },
            Command::Auth(mechanism) => {
                if let Some(reply) = self.auth(mechanism, rules) {
                    reply
                } else {
                    out.push(Action::Reply(Reply::new(234, "Start the TLS handshake.")));
                    self.forget(out);
                    out.push(Action::StartTls);
                    return;
                }
            }
            Command::Pbsz(_) => {
                if self.protection == Protection::Tls {
                    self.pbsz_given = true;
                    Reply::new(200, "PBSZ=0")
                } else {
                    self.not_secured()
                }
            }
            Command::Prot(level) => {
                let before = self.private_data;
                let reply = self.prot(level, rules);
                // A data connection that was kept is of the level it was made at.
                if self.private_data != before {
                    self.close_kept(out);
                }
                reply
            }
            _ => {
                out.push(Action::Reply(Reply::new(221, "Goodbye.")));
                out.push(Action::CloseData);
                out.push(Action::Close("QUIT"));
                return;
            }
        };
        out.push(Action::Reply(reply));
    }

    /// Drops who is logged in and what hangs on it; TYPE, PROT and an address that PORT named stay
    /// (RFC 959 §4.1.1, USER).
    pub(super) fn forget(&mut self, out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Ready(_) | Phase::NeedAcct(_)) {
            out.push(Action::Forget);
        }
        self.close_data(out);
        self.phase = Phase::NeedUser;
        self.acct = Acct::Unneeded;
        self.forget_partner();
        self.cwd = None;
        self.rename_from = None;
        self.set_range(0, u64::MAX);
    }

    fn user(&mut self, name: &[u8], rules: &Rules, out: &mut Vec<Action>) -> Option<Reply> {
        if self.protection == Protection::Cleared {
            return Some(cleared());
        }
        self.forget(out);
        if rules.login_needs_tls && self.protection != Protection::Tls {
            return Some(Reply::new(530, "TLS required: send AUTH TLS before USER."));
        }
        let anonymous = rules.anonymous && is_anonymous(name);
        if self.certified && self.protection == Protection::Tls && !anonymous {
            self.ask(Ask::Recognise(Box::from(name)), Stage::Recognise(Box::from(name)), out);
            return None;
        }
        Some(self.ask_password(name, rules))
    }

    fn ask_password(&mut self, name: &[u8], rules: &Rules) -> Reply {
        self.phase = Phase::NeedPass(Box::from(name));
        if rules.anonymous && is_anonymous(name) {
            return Reply::new(331, "Anonymous login: send your e-mail address as the password.");
        }
        // The same for every name, known or not (RFC 2577 §5).
        Reply::new(331, "Password please.")
    }

    pub(super) fn conclude_recognise(
        &mut self,
        user: Box<[u8]>,
        outcome: Outcome,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        match outcome {
            Outcome::LoggedIn(home) => {
                self.cwd = (!home.is_root()).then_some(home);
                self.phase = Phase::Ready(user);
                out.push(Action::Reply(Reply::new(232, "Logged in by your certificate.")));
            }
            Outcome::AccountWanted { home, until } => {
                self.cwd = (!home.is_root()).then_some(home);
                out.push(Action::Reply(self.account_wanted(user, until)));
            }
            Outcome::LoginRefused(LoginRefusal::TooManySessions) => {
                out.push(Action::Reply(too_many_sessions()));
            }
            _ => out.push(Action::Reply(self.ask_password(&user, rules))),
        }
    }

    fn pass(&mut self, password: &[u8], out: &mut Vec<Action>) -> Option<Reply> {
        let user = match &self.phase {
            Phase::NeedPass(user) => user,
            // A client that sends PASS whatever USER was answered.
            Phase::Ready(_) if self.certified => {
                return Some(Reply::new(202, "You are logged in already."));
            }
            _ => return Some(Reply::new(503, "Send USER first.")),
        };
        let ask = Ask::Login { user: user.clone(), password: Box::from(password) };
        self.ask(ask, Stage::Login, out);
        None
    }

    pub(super) fn conclude_login(
        &mut self,
        stage: &Stage,
        outcome: Outcome,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        let user = match core::mem::replace(&mut self.phase, Phase::NeedUser) {
            Phase::NeedPass(user) => user,
            Phase::NeedUser | Phase::NeedAcct(_) | Phase::Ready(_) => Box::default(),
        };
        if *stage == Stage::Penalty {
            return self.incorrect(rules, out);
        }
        match outcome {
            Outcome::LoggedIn(home) => {
                self.cwd = (!home.is_root()).then_some(home);
                self.phase = Phase::Ready(user);
                out.push(Action::Reply(Reply::new(230, "Logged in.")));
            }
            Outcome::AccountWanted { home, until } => {
                self.cwd = (!home.is_root()).then_some(home);
                out.push(Action::Reply(self.account_wanted(user, until)));
            }
            Outcome::LoginRefused(LoginRefusal::TooManySessions) => {
                out.push(Action::Reply(too_many_sessions()));
            }
            _ => {
                self.penalty(Stage::Penalty, out);
            }
        }
    }

    /// The answer to a wrong password, or the end of the session if it was one too many.
    pub(super) fn incorrect(&self, rules: &Rules, out: &mut Vec<Action>) {
        if self.wrong_passwords >= rules.wrong_passwords {
            let text = "Login incorrect, too often; closing.";
            out.push(Action::Reply(Reply::new(421, text)));
            out.push(Action::Close("too many wrong passwords"));
        } else {
            out.push(Action::Reply(Reply::new(530, "Login incorrect.")));
        }
    }

    /// Counts a wrong password and lets the client wait for its answer.
    pub(super) fn penalty(&mut self, stage: Stage, out: &mut Vec<Action>) {
        self.wrong_passwords = self.wrong_passwords.saturating_add(1);
        let secs = u64::from(self.wrong_passwords.min(PENALTY_SECS_MAX));
        self.ask(Ask::Pause(secs), stage, out);
    }

    /// The reply of an AUTH that is refused; `None` when it is granted.
    fn auth(&mut self, mechanism: Mechanism, rules: &Rules) -> Option<Reply> {
        if self.protection == Protection::Cleared {
            return Some(cleared());
        }
        if self.protection != Protection::Plain {
            return Some(Reply::new(503, "This connection is already under TLS."));
        }
        if !rules.tls {
            return Some(Reply::new(502, "AUTH is not available: there is no certificate."));
        }
        self.protection = Protection::Starting { private_data: mechanism == Mechanism::TlsPrivate };
        None
    }

    pub(super) fn not_secured(&self) -> Reply {
        if self.protection == Protection::Cleared {
            cleared()
        } else {
            Reply::new(503, "Send AUTH TLS first.")
        }
    }

    fn prot(&mut self, level: ProtectionLevel, rules: &Rules) -> Reply {
        if self.protection != Protection::Tls {
            return self.not_secured();
        }
        if !self.pbsz_given {
            return Reply::new(503, "Send PBSZ 0 first.");
        }
        match level {
            ProtectionLevel::Private => {
                self.private_data = true;
                Reply::new(200, "Data connections are private (P).")
            }
            ProtectionLevel::Clear if rules.data_needs_tls => {
                Reply::new(534, "Data connections must be private: use PROT P.")
            }
            ProtectionLevel::Clear => {
                self.private_data = false;
                Reply::new(200, "Data connections are in the clear (C).")
            }
            ProtectionLevel::Safe | ProtectionLevel::Confidential => {
                Reply::new(536, "TLS has no such level: use C or P.")
            }
        }
    }
}
