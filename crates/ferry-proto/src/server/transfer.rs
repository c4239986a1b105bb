//! Transfers and ABOR (RFC 959 §4.1.3, §5.4; RFC 1123 §4.1.2; docs/protocol.md).

use crate::command::Command;
use crate::path::FtpPath;
use crate::reply::Reply;
use crate::repr::Representation;
use crate::server::files::failure_reply;
use crate::server::{
    Action, Ask, Carry, DataVia, End, Failure, Opening, Outcome, Plan, Prepared, Rules,
    ServerSession, Stage, Transfer, listing,
};
use crate::verb::Verb;

impl ServerSession {
    pub(super) fn admit_transfer(
        &mut self,
        command: Command<'_>,
        carry: &Carry,
        out: &mut Vec<Action>,
    ) {
        let verb = command.verb();
        let from = carry.restart_at;
        let until = carry.until.filter(|_| matches!(verb, Verb::Retr | Verb::Stor | Verb::Appe));
        if until.is_some() && self.representation != Representation::Image {
            out.push(Action::Reply(Reply::new(551, "RANG needs TYPE I and MODE S.")));
            return;
        }
        let what = match command {
            Command::Retr(name) => {
                self.resolve(name, out).map(|path| Transfer::Retrieve { path, from })
            }
            Command::Stor(name) => {
                self.resolve(name, out).map(|path| Transfer::Store { path, from })
            }
            Command::Appe(_) if until.is_some() => {
                out.push(Action::Reply(Reply::new(503, "APPE cannot follow RANG.")));
                None
            }
            Command::Appe(name) => {
                self.resolve(name, out).map(|path| Transfer::Append { path, from })
            }
            Command::Stou(_) if from != 0 => {
                out.push(Action::Reply(Reply::new(503, "STOU cannot follow REST.")));
                None
            }
            Command::Stou(hint) => {
                let hint = hint.map(<[u8]>::to_vec);
                Some(Transfer::StoreUnique { dir: self.cwd(), hint })
            }
            Command::List(argument) => self.list(argument, false, out),
            Command::Nlst(argument) => self.list(argument, true, out),
            Command::Mlsd(None) => Some(Transfer::Facts { path: self.cwd(), facts: self.facts }),
            Command::Mlsd(Some(name)) => {
                let facts = self.facts;
                self.resolve(name, out).map(|path| Transfer::Facts { path, facts })
            }
            _ => return self.abort_nothing(out),
        };
        if let Some(what) = what {
            self.open(verb, what, until, out);
        }
    }

    fn list(
        &self,
        argument: Option<&[u8]>,
        names_only: bool,
        out: &mut Vec<Action>,
    ) -> Option<Transfer> {
        match listing::targets(&self.cwd(), argument) {
            Ok(targets) => Some(Transfer::List { targets, names_only }),
            Err(error) => {
                out.push(Action::Reply(super::files::path_refusal(error)));
                None
            }
        }
    }

    fn open(&mut self, verb: Verb, what: Transfer, until: Option<u64>, out: &mut Vec<Action>) {
        let representation = self.representation;
        let opening = Opening {
            verb,
            directory_only: verb == Verb::Mlsd,
            ascii: representation == Representation::Ascii,
        };
        let plan = Box::new(Plan { verb, what, representation, umask: self.umask, until });
        self.ask(Ask::Open(plan), Stage::Open(opening), out);
    }

    pub(super) fn conclude_open(
        &mut self,
        opening: Opening,
        outcome: Outcome,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        let (wire_len, stored_as) = match outcome {
            Outcome::Opened { wire_len, stored_as } => (wire_len, stored_as),
            Outcome::Failed(Failure::NotDir) if opening.directory_only => {
                out.push(Action::Reply(Reply::new(501, "MLSD lists directories; use MLST.")));
                return;
            }
            Outcome::Failed(Failure::TooCostly) => {
                let text = "Cannot restart there in TYPE A: use TYPE I.";
                out.push(Action::Reply(Reply::new(554, text)));
                return;
            }
            Outcome::Failed(failure) => {
                out.push(Action::Reply(failure_reply(failure)));
                return;
            }
            _ => return debug_assert!(false, "not an answer to Open"),
        };
        let refused = if rules.data_needs_tls && !self.private_data {
            Some(Reply::new(521, "Data connections must be private: send PROT P first."))
        } else if self.prepared == Prepared::No && !rules.default_data_port {
            Some(Reply::new(425, "Use PASV or PORT first."))
        } else {
            None
        };
        if let Some(reply) = refused {
            out.push(Action::DropOpened);
            out.push(Action::Reply(reply));
            return;
        }
        // 150 before the connection is there: waiting for it first deadlocks with clients that
        // connect only after 150 (docs/protocol.md).
        let via = match &self.prepared {
            Prepared::Listening => DataVia::Passive,
            Prepared::To(to) => DataVia::Active(**to),
            Prepared::No => DataVia::Active(self.peer),
        };
        out.push(Action::Reply(opening_reply(opening, wire_len, stored_as.as_ref())));
        let ask = Ask::Move { via, protect: self.private_data };
        self.ask(ask, Stage::Moving { verb: opening.verb, via, stored_as }, out);
    }

    /// ABOR while data moves, while the data connection is awaited, or while work is under way.
    pub(super) fn abort_moving(&mut self, out: &mut Vec<Action>) {
        self.set_range(0, u64::MAX);
        if let Some(Stage::Working { stopping, .. }) = self.work.as_deref_mut() {
            *stopping = true;
            out.push(Action::AbortTransfer);
        }
        if let Some(Stage::Moving { via, stored_as, .. }) = self.work.as_deref_mut() {
            let (via, stored_as) = (*via, stored_as.take());
            self.work = Some(Box::new(Stage::Aborting { via, stored_as }));
            out.push(Action::AbortTransfer);
        }
    }

    fn abort_nothing(&mut self, out: &mut Vec<Action>) {
        if self.prepared == Prepared::Listening {
            self.prepared = Prepared::No;
            out.push(Action::CloseData);
        }
        out.push(Action::Reply(Reply::new(226, "Nothing to abort.")));
    }

    /// STOU's name must arrive as it is, so the text before it is put into the language here.
    fn complete_reply(&self, name: Option<&FtpPath>) -> Reply {
        let text = "Transfer complete.";
        match name {
            Some(name) => {
                let text = self.language.text(text);
                Reply::exact(226, [text.as_bytes(), b" FILE: ", name.name()].concat())
            }
            None => Reply::new(226, text),
        }
    }

    pub(super) fn conclude_move(
        &mut self,
        stage: &Stage,
        outcome: &Outcome,
        out: &mut Vec<Action>,
    ) {
        let Outcome::Ended(end) = outcome else {
            return debug_assert!(false, "not an answer to Move");
        };
        let (via, stored_as, aborting) = match stage {
            Stage::Moving { via, stored_as, .. } => (via, stored_as, false),
            Stage::Aborting { via, stored_as } => (via, stored_as, true),
            _ => return,
        };
        // A passive port serves one transfer; a PORT stays until the next (RFC 959 §3.3).
        if *via == DataVia::Passive {
            self.prepared = Prepared::No;
        }
        let reply = match end {
            // The transfer had already ended when ABOR came: both are answered all the same.
            End::Complete => self.complete_reply(stored_as.as_ref()),
            _ if aborting => Reply::new(426, "Transfer aborted."),
            other => end_reply(*other, *via),
        };
        out.push(Action::Reply(reply));
        if aborting {
            out.push(Action::Reply(Reply::new(226, "Abort done.")));
        }
    }
}

/// RFC 1123 §4.1.2.9 gives STOU's text; `(n bytes)` is what clients take the size from.
fn opening_reply(opening: Opening, wire_len: Option<u64>, name: Option<&FtpPath>) -> Reply {
    if let Some(name) = name {
        return Reply::exact(150, [b"FILE: ", name.name()].concat());
    }
    let kind = match opening.verb {
        Verb::List | Verb::Nlst | Verb::Mlsd => "listing",
        _ if opening.ascii => "ASCII transfer",
        _ => "binary transfer",
    };
    Reply::new(
        150,
        match wire_len {
            Some(n) => format!("Opening data connection for {kind} ({n} bytes)."),
            None => format!("Opening data connection for {kind}."),
        },
    )
}

fn end_reply(end: End, via: DataVia) -> Reply {
    match end {
        End::NotConnected => Reply::new(
            425,
            match via {
                DataVia::Passive => "Nobody connected to the data port in time.",
                DataVia::Active(_) => "Cannot connect to your data port: use PASV or PORT.",
            },
        ),
        End::NotPrivate => Reply::new(522, "The TLS handshake on the data connection failed."),
        End::NotResumed => Reply::new(
            522,
            "The data connection must resume the control connection's TLS session (reuse it).",
        ),
        End::Truncated => {
            Reply::new(426, "The data connection ended without close_notify: maybe cut short.")
        }
        End::Storage(Failure::NoSpace) => Reply::new(452, "No space left; transfer stopped."),
        End::Storage(Failure::Quota) => Reply::new(552, "Quota used up; transfer stopped."),
        End::Storage(Failure::BadOffset) => {
            Reply::new(552, "More octets came than RANG names; transfer stopped.")
        }
        End::Storage(_) => Reply::new(451, "Reading or writing the file failed."),
        End::Complete | End::Aborted | End::Broken => {
            Reply::new(426, "The data connection broke; transfer stopped.")
        }
    }
}
