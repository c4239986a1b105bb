//! Where a session stands: its virtual host (HOST, RFC 7151), its volume (SMNT), its language
//! (LANG, RFC 2640 §4), and the ways back: REIN to the beginning (RFC 959 §4.1.1, RFC 4217 §13),
//! CCC to the clear (RFC 4217 §12.3).

use crate::command::Command;
use crate::lang::Language;
use crate::reply::Reply;
use crate::server::{Action, Ask, Failure, Outcome, Protection, Rules, ServerSession, Stage};

impl ServerSession {
    pub(super) fn admit_place(
        &mut self,
        command: &Command<'_>,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        match command {
            Command::Host(_) if self.is_logged_in() => {
                out.push(Action::Reply(Reply::new(503, "HOST comes before USER.")));
            }
            Command::Host(name) => self.ask(Ask::Host(Box::from(*name)), Stage::Host, out),
            Command::Smnt(name) => self.ask(Ask::Mount(Box::from(*name)), Stage::Mount, out),
            Command::Lang(tag) => out.push(Action::Reply(self.speak(*tag))),
            Command::Ccc => self.ccc(rules, out),
            _ => self.rein(rules, out),
        }
    }

    pub(super) fn conclude_host(
        &mut self,
        outcome: &Outcome,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        let reply = match outcome {
            Outcome::Done => {
                self.language = Language::default();
                self.utf8_off = false;
                let ready = "This host is ready: send USER.";
                let mut lines = rules.banner.iter();
                match lines.next() {
                    None => Reply::new(220, ready),
                    Some(first) => lines
                        .fold(Reply::multi(220, first.clone(), ready), |reply, line| {
                            reply.coded_line(line)
                        }),
                }
            }
            Outcome::Failed(Failure::Denied) => {
                Reply::new(504, "HOST must name the host that TLS was started for.")
            }
            _ => Reply::new(504, "There is no such host here."),
        };
        out.push(Action::Reply(reply));
    }

    pub(super) fn conclude_mount(&mut self, outcome: &Outcome, out: &mut Vec<Action>) {
        out.push(Action::Reply(if *outcome == Outcome::Done {
            self.cwd = None;
            Reply::new(250, "Volume mounted; its root is the current directory.")
        } else {
            Reply::new(550, "There is no such volume.")
        }));
    }

    /// The reply is already in the new language (RFC 2640 §4.1).
    fn speak(&mut self, tag: Option<&[u8]>) -> Reply {
        match tag.map_or_else(|| Some(Language::default()), Language::find) {
            Some(language) => {
                self.language = language;
                Reply::new(200, "Replies are in English.")
            }
            None => Reply::new(504, "That language is not available."),
        }
    }

    fn ccc(&mut self, rules: &Rules, out: &mut Vec<Action>) {
        if self.protection != Protection::Tls {
            let text = "The control connection is not under TLS.";
            out.push(Action::Reply(Reply::new(533, text)));
        } else if rules.ccc {
            let text = "TLS ends here; what follows is in the clear.";
            out.push(Action::Reply(Reply::new(200, text)));
            out.push(Action::StopTls);
            self.protection = Protection::Cleared;
            self.implicit_tls = false;
        } else {
            out.push(Action::Reply(Reply::new(534, "CCC is not allowed here.")));
        }
    }

    /// Everything is as after connecting, but for what guards against guessing and floods. Under
    /// implicit TLS connecting means TLS; otherwise it ends, after a reply that is still under it.
    fn rein(&mut self, rules: &Rules, out: &mut Vec<Action>) {
        self.forget(out);
        out.push(Action::LeaveHost);
        out.push(Action::Reply(Reply::new(220, "Ready for a new user.")));
        if self.protection == Protection::Tls && !self.implicit_tls {
            out.push(Action::StopTls);
        }
        *self = Self {
            // What TLS goes on with, it knows of the peer still.
            certified: self.certified && self.implicit_tls,
            wrong_passwords: self.wrong_passwords,
            long_lines: self.long_lines,
            first_verb_seen: true,
            ..Self::new(self.peer, rules.umask, self.implicit_tls)
        };
    }
}
