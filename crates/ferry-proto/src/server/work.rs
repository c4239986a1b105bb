//! Commands on files beyond RFC 959 and RFC 3659 (docs/protocol.md): facts changed, space, whole
//! trees, hashes. Those that may take long run as [`Ask::Work`] and can be stopped by ABOR.

use crate::command::Command;
use crate::hash::{Algorithm, hex};
use crate::modify::FactChange;
use crate::path::FtpPath;
use crate::reply::Reply;
use crate::server::files::failure_reply;
use crate::server::{Action, Ask, Carry, Digest, Failure, Outcome, ServerSession, Stage, Work};
use crate::verb::Verb;
use crate::words::{self, Word};

/// How the end of long work is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    /// By this.
    Plain(Reply),
    /// DSIZ.
    Number,
    /// HASH: algorithm, range, digest and the name as it was given.
    Hash { algorithm: Algorithm, from: u64, shown: Vec<u8> },
    /// The X forms: upper-case digits.
    XHash,
    /// MD5.
    Md5(Vec<u8>),
    /// MMD5: the names as they were given.
    Mmd5(Vec<Vec<u8>>),
}

impl ServerSession {
    pub(super) fn admit_work(
        &mut self,
        command: Command<'_>,
        carry: &Carry,
        out: &mut Vec<Action>,
    ) {
        match command {
            Command::Mfct { time, path } => {
                let change = FactChange { create: Some(time), ..FactChange::default() };
                self.change_facts("MFCT", change, path, out);
            }
            Command::Mff { change, path } => self.change_facts("MFF", change, path, out),
            Command::Avbl(name) => {
                let path = match name {
                    Some(name) => self.resolve(name, out),
                    None => Some(self.cwd()),
                };
                if let Some(path) = path {
                    self.ask(Ask::FreeSpace(path), Stage::Number, out);
                }
            }
            Command::Dsiz(name) => {
                if let Some(path) = self.resolve(name, out) {
                    self.begin("DSIZ", Work::TreeSize(path), Then::Number, out);
                }
            }
            Command::Rmda(name) => {
                if let Some(path) = self.resolve(name, out) {
                    let gone = Reply::new(250, "Removed with everything in it.");
                    self.work("RMDA", Work::RemoveTree(path), gone, out);
                }
            }
            Command::Comb(names) => self.combine(&names, out),
            Command::Hash(name) => self.hash(name, carry, out),
            Command::XHash { verb, path, range } => {
                let (from, until) = range.map_or((0, None), |(from, until)| (from, Some(until)));
                if let Some(path) = self.resolve(&path, out) {
                    let (paths, algorithm) = (vec![path], algorithm(verb));
                    let work = Work::Hash { paths, algorithm, from, until };
                    self.begin(verb.name(), work, Then::XHash, out);
                }
            }
            Command::Md5(name) => {
                if let Some(path) = self.resolve(name, out) {
                    self.begin("MD5", md5(vec![path]), Then::Md5(name.to_vec()), out);
                }
            }
            Command::Mmd5(names) => {
                if let Some(paths) = self.resolve_all(&names, out) {
                    let shown = names.into_iter().map(Word::into_owned).collect();
                    self.begin("MMD5", md5(paths), Then::Mmd5(shown), out);
                }
            }
            _ => debug_assert!(false, "not a command of this file"),
        }
    }

    fn change_facts(
        &mut self,
        verb: &'static str,
        change: FactChange,
        name: &[u8],
        out: &mut Vec<Action>,
    ) {
        if let Some(path) = self.resolve(name, out) {
            let text = [change.print().as_bytes(), b" ", name].concat();
            let ask = Ask::ChangeFacts { verb, path, change };
            self.ask(ask, Stage::Plain(Reply::exact(213, text)), out);
        }
    }

    fn combine(&mut self, names: &[Word<'_>], out: &mut Vec<Action>) {
        let Some(mut paths) = self.resolve_all(names, out) else {
            return;
        };
        let sources = paths.split_off(1.min(paths.len()));
        if let Some(target) = paths.pop() {
            let work = Work::Combine { target, sources, umask: self.umask };
            self.work("COMB", work, Reply::new(250, "Combined."), out);
        }
    }

    fn hash(&mut self, name: &[u8], carry: &Carry, out: &mut Vec<Action>) {
        if carry.until.is_some() && !self.form.is_identity() {
            let text = "HASH of a range needs TYPE I and MODE S.";
            return out.push(Action::Reply(Reply::new(504, text)));
        }
        let Some(path) = self.resolve(name, out) else {
            return;
        };
        let (algorithm, until) = (self.hash, carry.until);
        let from = if until.is_some() { carry.restart_at.offset } else { 0 };
        let work = Work::Hash { paths: vec![path], algorithm, from, until };
        self.begin("HASH", work, Then::Hash { algorithm, from, shown: name.to_vec() }, out);
    }

    fn resolve_all(&self, names: &[Word<'_>], out: &mut Vec<Action>) -> Option<Vec<FtpPath>> {
        names.iter().map(|name| self.resolve(name, out)).collect()
    }

    /// Long work that is answered by `reply` when it is done.
    pub(super) fn work(
        &mut self,
        verb: &'static str,
        work: Work,
        reply: Reply,
        out: &mut Vec<Action>,
    ) {
        self.begin(verb, work, Then::Plain(reply), out);
    }

    fn begin(&mut self, verb: &'static str, work: Work, then: Then, out: &mut Vec<Action>) {
        let ask = Ask::Work { verb, work: Box::new(work) };
        self.ask(ask, Stage::Working { verb, then, stopping: false }, out);
    }

    pub(super) fn conclude_work(&self, stage: Stage, outcome: Outcome, out: &mut Vec<Action>) {
        let Stage::Working { then, stopping, .. } = stage else {
            return;
        };
        out.push(Action::Reply(match outcome {
            Outcome::Stopped => Reply::new(426, "Stopped before the end."),
            Outcome::Failed(failure) => refusal(&then, failure),
            done => answer(then, done),
        }));
        // The work had already ended when ABOR came: both are answered all the same.
        if stopping {
            out.push(Action::Reply(Reply::new(226, "Abort done.")));
        }
    }
}

fn md5(paths: Vec<FtpPath>) -> Work {
    Work::Hash { paths, algorithm: Algorithm::Md5, from: 0, until: None }
}

/// XSHA is SHA-1: it is older than the others.
fn algorithm(verb: Verb) -> Algorithm {
    match verb {
        Verb::Xcrc => Algorithm::Crc32,
        Verb::Xmd5 => Algorithm::Md5,
        Verb::Xsha256 => Algorithm::Sha256,
        Verb::Xsha512 => Algorithm::Sha512,
        _ => Algorithm::Sha1,
    }
}

fn refusal(then: &Then, failure: Failure) -> Reply {
    match (then, failure) {
        (Then::Hash { .. }, Failure::TooCostly) => {
            Reply::new(556, "The file is too large to be hashed here.")
        }
        (Then::XHash, Failure::BadOffset) => {
            Reply::new(550, "The range begins beyond the end of the file.")
        }
        _ => failure_reply(failure),
    }
}

fn answer(then: Then, outcome: Outcome) -> Reply {
    match (then, outcome) {
        (Then::Plain(reply), Outcome::Done) => reply,
        (Then::Number, Outcome::Number(n)) => Reply::new(213, n.to_string()),
        (then, Outcome::Digests(digests)) => digest_reply(then, &digests),
        (_, outcome) => {
            debug_assert!(false, "an outcome that answers something else: {outcome:?}");
            failure_reply(Failure::Io)
        }
    }
}

fn digest_reply(then: Then, digests: &[Digest]) -> Reply {
    let first = || digests.first().map_or_else(String::new, |d| hex(&d.octets));
    match then {
        Then::Hash { algorithm, from, shown } => {
            // The last octet counts; a file without any is shown as 0-0.
            let end = digests.first().map_or(from, |d| d.end);
            let last = end.saturating_sub(1).max(from);
            let text = format!("{} {from}-{last} {} ", algorithm.name(), first());
            Reply::exact(213, [text.as_bytes(), &shown].concat())
        }
        Then::Md5(shown) => Reply::exact(251, [&shown, &b" "[..], first().as_bytes()].concat()),
        Then::Mmd5(shown) => {
            let mut text = Vec::new();
            for (name, digest) in shown.iter().zip(digests) {
                if !text.is_empty() {
                    text.extend_from_slice(b", ");
                }
                words::write(name, &mut text);
                text.push(b' ');
                text.extend_from_slice(hex(&digest.octets).as_bytes());
            }
            Reply::exact(252, text)
        }
        _ => Reply::exact(250, first().to_ascii_uppercase().into_bytes()),
    }
}
