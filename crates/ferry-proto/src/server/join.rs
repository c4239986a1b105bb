//! Data connections that come to the control port (XPSV, XDTP; docs/protocol.md, "Data connections
//! by name").
//!
//! The client chooses a name that nobody can guess. Its session says that it expects a data
//! connection of that name; a second connection to the same port says that it is that one. Neither
//! has to wait for the other, and no second port has to be open.

use super::{Action, Ask, Outcome, Prepared, ServerSession, Stage};
use crate::reply::Reply;

impl ServerSession {
    /// XPSV.
    pub(super) fn expect(&mut self, name: &[u8], out: &mut Vec<Action>) {
        let refused = if self.epsv_all {
            Some(Self::locked_by_epsv_all())
        } else if self.is_cleared() {
            // In the clear anyone on the way can read the name.
            Some(Reply::new(503, "CCC ended TLS: that can no longer be sent here."))
        } else {
            None
        };
        if let Some(refused) = refused {
            out.push(Action::Reply(refused));
            return;
        }
        self.close_prepared(out);
        self.ask(Ask::Expect(Box::from(name)), Stage::Expect, out);
    }

    pub(super) fn conclude_expect(&mut self, outcome: &Outcome, out: &mut Vec<Action>) {
        out.push(Action::Reply(if *outcome == Outcome::Done {
            self.prepared = Prepared::Listening;
            Reply::new(200, "A data connection of that name is expected.")
        } else {
            Reply::new(425, "That name is taken; choose another.")
        }));
    }

    /// XDTP.
    pub(super) fn join(&mut self, name: &[u8], out: &mut Vec<Action>) {
        if self.is_logged_in() {
            out.push(Action::Reply(Reply::new(503, "You are logged in already.")));
            return;
        }
        self.ask(Ask::Join(Box::from(name)), Stage::Join, out);
    }

    pub(super) fn conclude_join(outcome: &Outcome, out: &mut Vec<Action>) {
        if *outcome == Outcome::Done {
            out.push(Action::Reply(Reply::new(200, "This is a data connection now.")));
            out.push(Action::HandOver);
        } else {
            let text = "No session expects a data connection of that name.";
            out.push(Action::Reply(Reply::new(425, text)));
        }
    }
}
