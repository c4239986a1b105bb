//! ACCT (RFC 959 §4.1.1): what an account says of itself beyond its password, either to be logged
//! in at all or before it changes anything. Whether it is right, and what may not be done without
//! it, is decided elsewhere.

use crate::reply::Reply;
use crate::server::{AccountFor, Acct, Action, Ask, Outcome, Phase, Rules, ServerSession, Stage};

impl ServerSession {
    /// The reply to PASS of an account that must send ACCT.
    pub(super) fn account_wanted(&mut self, user: Box<[u8]>, until: AccountFor) -> Reply {
        match until {
            AccountFor::Login => {
                self.phase = Phase::NeedAcct(user);
                Reply::new(332, "Send ACCT to finish the login.")
            }
            AccountFor::Writing => {
                self.phase = Phase::Ready(user);
                self.acct = Acct::Wanted;
                Reply::new(230, "Logged in; changes need ACCT.")
            }
        }
    }

    /// The reply of an ACCT that needs no looking up; `None` when it is looked up.
    pub(super) fn acct(&mut self, info: &[u8], out: &mut Vec<Action>) -> Option<Reply> {
        match (&self.phase, self.acct) {
            (Phase::NeedAcct(_), _) | (Phase::Ready(_), Acct::Wanted) => {}
            (Phase::Ready(_), Acct::Given) => {
                return Some(Reply::new(202, "The account is known already."));
            }
            (Phase::Ready(_), Acct::Unneeded) => {
                return Some(Reply::new(202, "No account is needed here."));
            }
            _ => return Some(Reply::new(503, "Send USER first.")),
        }
        self.ask(Ask::Account(Box::from(info)), Stage::Account, out);
        None
    }

    pub(super) fn conclude_account(
        &mut self,
        stage: &Stage,
        outcome: &Outcome,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        if *stage == Stage::AccountPenalty {
            if matches!(self.phase, Phase::NeedAcct(_)) {
                self.forget(out);
            }
            return self.incorrect(rules, out);
        }
        if *outcome != Outcome::Done {
            return self.penalty(Stage::AccountPenalty, out);
        }
        self.acct = Acct::Given;
        if let Phase::NeedAcct(user) = &mut self.phase {
            self.phase = Phase::Ready(core::mem::take(user));
        }
        out.push(Action::Reply(Reply::new(230, "Account accepted.")));
    }
}
