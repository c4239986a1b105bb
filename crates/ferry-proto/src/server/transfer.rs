//! Transfers and ABOR (RFC 959 §4.1.3, §5.4; RFC 1123 §4.1.2; docs/protocol.md).

use crate::command::{Command, TypeCode};
use crate::path::FtpPath;
use crate::reply::Reply;
use crate::repr::pipeline::Structure;
use crate::repr::{Marker, RestartPoint};
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
        if until.is_some() && !self.form.is_identity() {
            out.push(Action::Reply(Reply::new(551, "RANG needs TYPE I and MODE S.")));
            return;
        }
        if let Some(reply) = self.impossible(&command) {
            out.push(Action::Reply(reply));
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
            Command::Stou(_) if from != RestartPoint::default() => {
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

    /// Why a file cannot be moved in the representation in force, if it cannot.
    fn impossible(&self, command: &Command<'_>) -> Option<Reply> {
        let appends = matches!(command, Command::Appe(_));
        let moves_file =
            appends || matches!(command, Command::Retr(_)) || is_upload(command.verb());
        if moves_file && !self.form.is_possible() {
            return Some(Reply::new(555, "STRU P needs logical bytes of four bits or more."));
        }
        // Numbered pages say where in the file they belong, which appending contradicts.
        (appends && self.form.structure == Structure::Page)
            .then(|| Reply::new(555, "APPE is not possible with STRU P."))
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
        let form = match verb {
            Verb::List | Verb::Nlst | Verb::Mlsd => self.form.of_listing(verb == Verb::Mlsd),
            _ => self.form,
        };
        let opening = Opening {
            verb,
            directory_only: verb == Verb::Mlsd,
            ascii: form.type_code == TypeCode::Ascii,
            upload: is_upload(verb),
        };
        let (level, umask) = (self.level, self.umask);
        let plan = Box::new(Plan { verb, what, form, level, umask, until });
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
                let text = "Cannot restart there in this TYPE: use TYPE I.";
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
        } else if self.prepared == Prepared::No && !self.kept && !rules.default_data_port {
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
            _ if self.kept => DataVia::Kept,
            Prepared::Listening | Prepared::ListeningAsTlsClient => DataVia::Passive,
            Prepared::To(to) => DataVia::Active(**to),
            Prepared::No => DataVia::Active(self.peer),
        };
        out.push(Action::Reply(opening_reply(opening, via, wire_len, stored_as.as_ref())));
        let keep = self.form.outlives_file();
        let (protect, fxp) = (self.private_data, self.partner(rules));
        let ask = Ask::Move { via, protect, keep, fxp };
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
        self.close_data(out);
        out.push(Action::Reply(Reply::new(226, "Nothing to abort.")));
    }

    /// Closes the passive port and the data connection that was kept; an address that PORT named
    /// stays.
    pub(super) fn close_data(&mut self, out: &mut Vec<Action>) {
        if self.prepared.is_listening() || self.kept {
            out.push(Action::CloseData);
        }
        if self.prepared.is_listening() {
            self.prepared = Prepared::No;
        }
        self.kept = false;
    }

    /// Closes the data connection that was kept. After an upload that was refused it must be: the
    /// client may have sent that file's octets already, and they would become the next one's.
    pub(super) fn close_kept(&mut self, out: &mut Vec<Action>) {
        if self.kept {
            self.close_data(out);
        }
    }

    /// A marker that an upload brought, everything before it being written (RFC 959 §3.5): the
    /// place in the file from which the client can go on.
    pub fn marked(&self, theirs: &Marker, ours: RestartPoint, out: &mut Vec<Action>) {
        let ours = ours.marker(self.form.type_code == TypeCode::Ascii);
        let text = [b"MARK ", theirs.text(), b" = ", ours.text()].concat();
        out.push(Action::Reply(Reply::exact(110, text)));
    }

    /// STOU's name must arrive as it is, so the text before it is put into the language here.
    fn complete_reply(&self, name: Option<&FtpPath>) -> Reply {
        let (code, text) = if self.kept {
            (250, "Transfer complete; the data connection stays open.")
        } else {
            (226, "Transfer complete.")
        };
        match name {
            Some(name) => {
                let text = self.language.text(text);
                Reply::exact(code, [text.as_bytes(), b" FILE: ", name.name()].concat())
            }
            None => Reply::new(code, text),
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
        self.kept = *end == End::Kept && !aborting;
        if *end == End::Kept && aborting {
            out.push(Action::CloseData);
        }
        let reply = match end {
            // The transfer had already ended when ABOR came: both are answered all the same.
            End::Complete | End::Kept => self.complete_reply(stored_as.as_ref()),
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
fn opening_reply(
    opening: Opening,
    via: DataVia,
    wire_len: Option<u64>,
    name: Option<&FtpPath>,
) -> Reply {
    let open = via == DataVia::Kept;
    let code = if open { 125 } else { 150 };
    if let Some(name) = name {
        return Reply::exact(code, [b"FILE: ", name.name()].concat());
    }
    let kind = match opening.verb {
        Verb::List | Verb::Nlst | Verb::Mlsd => "listing",
        _ if opening.ascii => "ASCII transfer",
        _ => "binary transfer",
    };
    Reply::new(
        code,
        match (open, wire_len) {
            (false, Some(n)) => format!("Opening data connection for {kind} ({n} bytes)."),
            (false, None) => format!("Opening data connection for {kind}."),
            (true, Some(n)) => format!("Using the open data connection for {kind} ({n} bytes)."),
            (true, None) => format!("Using the open data connection for {kind}."),
        },
    )
}

/// Whether the verb brings a file here.
pub(super) fn is_upload(verb: Verb) -> bool {
    matches!(verb, Verb::Stor | Verb::Appe | Verb::Stou)
}

fn end_reply(end: End, via: DataVia) -> Reply {
    match end {
        End::NotConnected => Reply::new(
            425,
            match via {
                DataVia::Passive => "Nobody connected to the data port in time.",
                DataVia::Kept => "The data connection is no longer open.",
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
        End::Format(error) => Reply::new(
            error.reply_code(),
            match error.reply_code() {
                426 => "The data ended before the file did; transfer stopped.",
                551 => "That page type is unknown; transfer stopped.",
                552 => "The data expands beyond what is allowed; transfer stopped.",
                _ => "The data is not of the form that TYPE, STRU and MODE say.",
            },
        ),
        End::Complete | End::Kept | End::Aborted | End::Broken => {
            Reply::new(426, "The data connection broke; transfer stopped.")
        }
    }
}
