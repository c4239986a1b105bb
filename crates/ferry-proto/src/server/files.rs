//! Commands on files and directories that need no data connection, and the one table that turns a
//! failure into a reply (RFC 959 §5.4, RFC 3659, docs/protocol.md).

use crate::command::Command;
use crate::date::UnixTime;
use crate::path::{FtpPath, PathError, write_quoted};
use crate::reply::Reply;
use crate::repr::pipeline::Structure;
use crate::server::{Action, Ask, Carry, Failure, Outcome, ServerSession, Stage, listing};

impl ServerSession {
    pub(super) fn admit_file(&mut self, command: Command<'_>, carry: Carry, out: &mut Vec<Action>) {
        match command {
            Command::Rnto(name) => return self.rename_to(name, carry, out),
            Command::Stat(Some(argument)) => return self.status_of(argument, out),
            Command::Mdtm(name) => return self.mdtm(name, out),
            Command::Allo(octets) => {
                return self.ask(Ask::Room(self.cwd(), octets), Stage::Room, out);
            }
            Command::Cdup => {
                let up = self.cwd().parent().unwrap_or_else(FtpPath::root);
                return self.ask(Ask::ChangeDir(up.clone()), Stage::ChangeDir(up), out);
            }
            Command::Mlst(None) => {
                let path = self.cwd();
                return self.ask(Ask::Facts(path.clone(), self.facts), Stage::Facts(path), out);
            }
            _ => {}
        }
        let (Command::Cwd(name)
        | Command::Mkd(name)
        | Command::Rmd(name)
        | Command::Dele(name)
        | Command::Rnfr(name)
        | Command::Size(name)
        | Command::Mfmt { path: name, .. }
        | Command::Mlst(Some(name))) = command
        else {
            return debug_assert!(false, "not a file command");
        };
        let Some(path) = self.resolve(name, out) else {
            return;
        };
        let (ask, stage) = match command {
            Command::Cwd(_) => (Ask::ChangeDir(path.clone()), Stage::ChangeDir(path)),
            Command::Mkd(_) => {
                let created = path_reply(257, &path, b" created.");
                (Ask::MakeDir(path, self.umask), Stage::MakeDir(created))
            }
            Command::Rmd(_) => (Ask::RemoveDir(path), done(250, "Directory removed.")),
            Command::Dele(_) => (Ask::Delete(path), done(250, "File removed.")),
            Command::Rnfr(_) => (Ask::RenameFrom(path.clone()), Stage::RenameFrom(path)),
            Command::Size(_) if self.form.structure != Structure::File => {
                let text = "SIZE is told for STRU F only.";
                return out.push(Action::Reply(Reply::new(550, text)));
            }
            Command::Size(_) => (Ask::Size(path, self.form), Stage::Number),
            Command::Mfmt { time, path: shown } => (
                Ask::SetTimes { path, modified: time, accessed: None },
                Stage::Plain(modified_reply(time, shown)),
            ),
            _ => (Ask::Facts(path.clone(), self.facts), Stage::Facts(path)),
        };
        self.ask(ask, stage, out);
    }

    fn rename_to(&mut self, name: &[u8], carry: Carry, out: &mut Vec<Action>) {
        let Some(from) = carry.rename_from else {
            out.push(Action::Reply(Reply::new(503, "Send RNFR right before RNTO.")));
            return;
        };
        if let Some(to) = self.resolve(name, out) {
            self.ask(Ask::Rename(from, to), done(250, "Renamed."), out);
        }
    }

    fn status_of(&mut self, argument: &[u8], out: &mut Vec<Action>) {
        match listing::targets(&self.cwd(), Some(argument)) {
            Ok(targets) => {
                let shown = targets.last().map_or_else(FtpPath::root, |t| t.path.clone());
                self.ask(Ask::Status(targets), Stage::Status(shown), out);
            }
            Err(error) => out.push(Action::Reply(path_refusal(error))),
        }
    }

    /// `MDTM name`; and, where no such name exists, `MDTM time name`, which old clients send to
    /// set a time.
    fn mdtm(&mut self, argument: &[u8], out: &mut Vec<Action>) {
        let Some(path) = self.resolve(argument, out) else {
            return;
        };
        let or_set = argument
            .split_at_checked(14)
            .and_then(|(time, rest)| {
                let name = rest.strip_prefix(b" ").filter(|n| !n.is_empty())?;
                Some((UnixTime::parse_timeval(time)?, name))
            })
            .and_then(|(time, name)| Some((time, self.cwd().resolve(name).ok()?)));
        self.ask(Ask::ModTime { path, or_set }, Stage::Time, out);
    }

    pub(super) fn conclude_file(&mut self, stage: Stage, outcome: Outcome, out: &mut Vec<Action>) {
        let reply = match (stage, outcome) {
            (Stage::Number, Outcome::Failed(Failure::TooCostly)) => {
                Reply::new(550, "SIZE not allowed in ASCII mode for a file this large: use TYPE I.")
            }
            (Stage::MakeDir(_), Outcome::Failed(Failure::Exists)) => {
                Reply::new(550, "That directory already exists.")
            }
            (Stage::Room, Outcome::Failed(Failure::NoSpace)) => {
                Reply::new(552, "There is not enough space.")
            }
            (_, Outcome::Failed(failure)) => failure_reply(failure),
            (Stage::ChangeDir(path), _) => {
                let reply = Reply::new(250, "Directory changed.");
                self.cwd = (!path.is_root()).then_some(path);
                reply
            }
            (Stage::Plain(reply) | Stage::MakeDir(reply), _) => reply,
            (Stage::RenameFrom(path), _) => {
                (self.rename_from, self.copying) = (Some(path), false);
                Reply::new(350, "Send RNTO with the new name.")
            }
            (Stage::CopyFrom(path), _) => {
                (self.rename_from, self.copying) = (Some(path), true);
                Reply::new(350, "Send SITE CPTO with the new name.")
            }
            (Stage::Number, Outcome::Number(n)) => Reply::new(213, n.to_string()),
            (Stage::Time, Outcome::Time(time)) => Reply::new(213, time.format_timeval(false)),
            (Stage::Time, Outcome::Done) => Reply::new(213, "Time changed."),
            (Stage::Room, _) => Reply::new(200, "There is room for it."),
            (Stage::Facts(path), Outcome::Text(line)) => {
                Reply::multi(250, format!("Facts of {path}:"), "End").line(&line)
            }
            (Stage::Status(path), Outcome::Text(block)) => {
                Reply::multi(213, format!("Status of {path}:"), "End").lines(&block)
            }
            _ => return debug_assert!(false, "an outcome that answers something else"),
        };
        out.push(Action::Reply(reply));
    }
}

pub(super) fn done(code: u16, text: &'static str) -> Stage {
    Stage::Plain(Reply::new(code, text))
}

pub(super) fn path_reply(code: u16, path: &FtpPath, rest: &[u8]) -> Reply {
    let mut text = Vec::with_capacity(path.as_bytes().len() + rest.len() + 2);
    write_quoted(path.as_bytes(), &mut text);
    text.extend_from_slice(rest);
    Reply::exact(code, text)
}

fn modified_reply(time: UnixTime, shown: &[u8]) -> Reply {
    let fact = format!("Modify={}; ", time.format_timeval(time.nanos != 0));
    Reply::exact(213, [fact.as_bytes(), shown].concat())
}

pub(super) fn path_refusal(error: PathError) -> Reply {
    match error {
        PathError::TooLong => Reply::new(553, "That name is too long."),
        PathError::Empty => Reply::new(501, "A name is needed."),
        PathError::Nul => Reply::new(501, "A name cannot hold a NUL octet."),
    }
}

/// The one table from failures to replies; a transfer that fails after 150 has its own.
pub(super) fn failure_reply(failure: Failure) -> Reply {
    let (code, text) = match failure {
        Failure::NotFound => (550, "No such file or directory."),
        Failure::Denied => (550, "Permission denied."),
        Failure::Exists => (553, "That name already exists."),
        Failure::NotEmpty => (550, "The directory is not empty."),
        Failure::NotFile => (550, "Not a regular file."),
        Failure::NotDir => (550, "Not a directory."),
        Failure::BadName => (553, "That name is not allowed."),
        Failure::IntoItself => (553, "A directory cannot be moved into itself."),
        Failure::BadOffset => (554, "The restart offset does not fit the file."),
        Failure::NoSpace => (452, "No space left; try again later."),
        Failure::Quota => (552, "Quota used up."),
        Failure::Busy => (450, "In use or too busy; try again later."),
        Failure::Unsupported => (504, "That is not possible on this storage."),
        Failure::Io => (451, "Reading or writing failed here; try again later."),
        Failure::TooCostly => (550, "That would take too long here."),
        Failure::NeedsAccount => (532, "Send ACCT first: changes need an account."),
        Failure::SameFile => (553, "The same file is named twice."),
        Failure::NotOfForm => (555, "That file cannot be sent in this TYPE and STRU."),
        Failure::NoPort => (425, "No port is free for a data connection; try again."),
    };
    Reply::new(code, text)
}
