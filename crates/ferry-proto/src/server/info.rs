//! Commands that only tell: FEAT, SYST, HELP, NOOP, CLNT, PWD, STAT, and the greeting
//! (RFC 959 §4.1.3, RFC 2389 §3). Nothing here names a version, a host or another client.

use crate::command::Command;
use crate::reply::Reply;
use crate::repr::Representation;
use crate::server::files::path_reply;
use crate::server::site;
use crate::server::{Action, Phase, Rules, ServerSession, Stage};
use crate::verb::{VERBS, Verb};

/// A number of seconds as people say it.
pub(super) fn span(secs: u64) -> String {
    let (n, unit) = if secs >= 60 && secs.is_multiple_of(60) {
        (secs / 60, "minute")
    } else {
        (secs, "second")
    };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

impl ServerSession {
    /// The greeting, with how many sessions there are (this one included) of how many allowed.
    #[must_use]
    pub fn greeting(&self, rules: &Rules, sessions: u32, allowed: u32) -> Reply {
        let mut lines = rules.banner.clone();
        lines.push(format!("You are user number {sessions} of {allowed} allowed."));
        lines.push(String::from(if rules.anonymous {
            "Anonymous users are welcome."
        } else {
            "This is a private system: no anonymous login."
        }));
        if rules.login_needs_tls && !self.is_secured() {
            lines.push(String::from("TLS is required: send AUTH TLS before USER."));
        }
        let last = format!(
            "FTP server ready. You will be disconnected after {} of silence.",
            span(rules.idle_secs)
        );
        let mut lines = lines.into_iter();
        let first = lines.next().unwrap_or_default();
        lines.fold(Reply::multi(220, first, last), |reply, line| reply.coded_line(&line))
    }

    pub(super) fn admit_info(&self, command: &Command<'_>, rules: &Rules, out: &mut Vec<Action>) {
        let reply = match command {
            Command::Feat => self.feat(rules),
            // Clients choose their listing parser by this text; it must start just so.
            Command::Syst => Reply::new(215, "UNIX Type: L8"),
            Command::Help(None) => help(),
            Command::Help(Some(what)) => help_on(what),
            Command::Clnt(_) => Reply::new(200, "Noted."),
            Command::Pwd => path_reply(257, &self.cwd(), b" is the current directory."),
            Command::Stat(_) => self.status(rules, None),
            _ => Reply::new(200, "Ok."),
        };
        out.push(Action::Reply(reply));
    }

    fn feat(&self, rules: &Rules) -> Reply {
        let mut lines: Vec<String> = VERBS
            .iter()
            .filter(|info| match info.verb {
                Verb::Auth => rules.tls && !self.is_secured(),
                Verb::Pbsz | Verb::Prot => rules.tls,
                Verb::Mfct => rules.sets_created,
                _ => true,
            })
            .filter_map(|info| {
                let text = info.feat?;
                Some(match info.verb {
                    Verb::Hash => format!("HASH {}", self.hash.feat_value()),
                    Verb::Mlst => format!("MLST {}", self.facts.feat_value()),
                    _ => text.to_owned(),
                })
            })
            .collect();
        let without_verb = [
            "SITE CHMOD",
            "SITE COPY",
            "SITE MKDIR",
            "SITE RMDIR",
            "SITE SYMLINK",
            "SITE UTIME",
            "TVFS",
            "UTF8",
        ];
        lines.extend(without_verb.map(str::to_owned));
        lines.sort_unstable();
        lines.iter().fold(Reply::multi(211, "Extensions supported:", "End"), |reply, line| {
            reply.line(line.as_bytes())
        })
    }

    /// STAT without an argument; `moved` is given while a transfer runs.
    pub(super) fn status(&self, rules: &Rules, moved: Option<u64>) -> Reply {
        let mut reply = Reply::multi(211, "Status of this session:", "End");
        let mut say = |line: String| {
            let old = core::mem::replace(&mut reply, Reply::new(211, ""));
            reply = old.line(line.as_bytes());
        };
        if let Phase::Ready(user) = &self.phase {
            say(format!("Logged in as {}", crate::path::ForPeople(user)));
        }
        say(format!(
            "TYPE: {}, STRU: File, MODE: Stream",
            match self.representation {
                Representation::Ascii => "ASCII",
                _ => "Image",
            }
        ));
        say(format!(
            "Control connection: {}, data connections: {}",
            if self.is_secured() { "under TLS" } else { "in the clear" },
            if self.private_data { "under TLS (PROT P)" } else { "in the clear (PROT C)" },
        ));
        say(format!("Disconnected after {} of silence", span(self.idle_secs(rules))));
        if let (Some(n), Some(Stage::Moving { verb, .. })) = (moved, self.work.as_deref()) {
            say(format!("Transfer: {}, {n} bytes", verb.name()));
        } else if let (Some(n), Some(Stage::Working { verb, .. })) = (moved, self.work.as_deref()) {
            say(format!("Working: {verb}, {n} bytes"));
        } else {
            say(String::from("No transfer is running"));
        }
        reply
    }
}

fn help() -> Reply {
    let mut names: Vec<&str> = VERBS.iter().filter(|v| v.served).map(|v| v.name).collect();
    names.sort_unstable();
    let rows = names
        .chunks(8)
        .map(|row| row.iter().fold(String::new(), |line, name| format!("{line}{name:<6}")));
    rows.fold(
        Reply::multi(214, "These commands are available:", "HELP <SP> command tells more."),
        |reply, row| reply.line(row.trim_end().as_bytes()),
    )
}

fn help_on(what: &[u8]) -> Reply {
    let (verb, of_site) = what.split_at_checked(4).unwrap_or_default();
    if verb.eq_ignore_ascii_case(b"SITE") {
        match of_site {
            [] => return site::help(),
            [b' ', rest @ ..] => return site::help_on(rest),
            _ => {}
        }
    }
    match Verb::find(what).map(Verb::info) {
        Some(info) if info.served => Reply::new(
            214,
            format!("Syntax: {}{}{}", info.name, super::gap(info.syntax), info.syntax),
        ),
        Some(info) => Reply::new(502, format!("{} is not available.", info.name)),
        None => Reply::new(502, "Unknown command; HELP lists the known ones."),
    }
}
