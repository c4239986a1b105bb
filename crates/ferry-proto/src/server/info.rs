//! Commands that only tell: FEAT, SYST, HELP, NOOP, CLNT, CSID, PRET, PWD, STAT, and the greeting
//! (RFC 959 §4.1.3, RFC 2389 §3). Nothing here names a version, a host or another client.

use crate::command::Command;
use crate::reply::Reply;
use crate::server::files::{path_refusal, path_reply};
use crate::server::{Action, Phase, Protection, Rules, ServerSession, Stage};
use crate::server::{form, site};
use crate::verb::{VERBS, Verb, VerbInfo};

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
            Command::Help(None) => help(rules),
            Command::Help(Some(what)) => help_on(what, rules),
            Command::Csid(_) => self.identify(),
            Command::Pret(next) => self.prepare(next),
            Command::Clnt(_) => Reply::new(200, "Noted."),
            Command::Pwd => path_reply(257, &self.cwd(), b" is the current directory."),
            Command::Stat(_) => self.status(rules, None),
            _ => Reply::new(200, "Ok."),
        };
        out.push(Action::Reply(reply));
    }

    /// CSID: what a client may build on. Which version this is, and of what, nobody is told before
    /// logging in.
    fn identify(&self) -> Reply {
        let mut facts = String::from("Name=Ferry;");
        if self.is_logged_in() {
            facts += concat!("Version=", env!("CARGO_PKG_VERSION"), ";");
            facts += &format!("OS={};", std::env::consts::OS);
        }
        facts += "CaseSensitive=1;DirSep=/;";
        Reply::exact(200, facts.into_bytes())
    }

    /// PRET: whether the transfer command that is to come could be carried out, as far as its
    /// words tell.
    fn prepare(&self, next: &[u8]) -> Reply {
        let command = match Command::parse(next) {
            Ok(command) if command.verb().info().data => command,
            Ok(_) => return Reply::new(501, "PRET announces a command that moves data."),
            Err(error) => return self.refusal(error),
        };
        let (Command::Retr(name)
        | Command::Stor(name)
        | Command::Appe(name)
        | Command::Mlsd(Some(name))) = command
        else {
            return Reply::new(200, "Ready for that command.");
        };
        match self.cwd().resolve(name) {
            Ok(_) => Reply::new(200, "Ready for that command."),
            Err(error) => path_refusal(error),
        }
    }

    fn feat(&self, rules: &Rules) -> Reply {
        let mut lines: Vec<String> = VERBS
            .iter()
            .filter(|info| in_force(info, rules))
            .filter(|info| match info.verb {
                Verb::Auth => rules.tls && self.protection == Protection::Plain,
                Verb::Pbsz | Verb::Prot => rules.tls,
                Verb::Mfct => rules.sets_created,
                _ => true,
            })
            .filter_map(|info| {
                let text = info.feat?;
                Some(match info.verb {
                    Verb::Lang => format!("LANG {}", self.language.feat_value()),
                    Verb::Hash => format!("HASH {}", self.hash.feat_value()),
                    Verb::Mlst => format!("MLST {}", self.facts.feat_value()),
                    _ => text.to_owned(),
                })
            })
            .collect();
        let without_verb = [
            "MODE B",
            "MODE C",
            #[cfg(feature = "deflate")]
            "MODE Z",
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
        let language = self.language;
        let mut reply = Reply::multi(211, "Status of this session:", "End");
        let mut say = |line: String| {
            let old = core::mem::replace(&mut reply, Reply::new(211, ""));
            reply = old.line(language.text(&line).as_bytes());
        };
        if let Phase::Ready(user) = &self.phase {
            say(format!("Logged in as {}", crate::path::ForPeople(user)));
        }
        say(format!(
            "TYPE: {}, STRU: {}, MODE: {}",
            form::type_name(self.form.type_code),
            form::structure_name(self.form.structure),
            form::mode_name(self.form.mode),
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

/// Whether the operator lets the verb be carried out at all.
pub(super) fn in_force(info: &VerbInfo, rules: &Rules) -> bool {
    info.served
        && match info.verb {
            Verb::Auth => rules.tls,
            Verb::Ccc => rules.tls && rules.ccc,
            Verb::Lprt | Verb::Lpsv => rules.long_addresses,
            Verb::Xpsv | Verb::Xdtp => rules.joins,
            Verb::Sscn | Verb::Cpsv => rules.tls && rules.fxp,
            _ => true,
        }
}

fn help(rules: &Rules) -> Reply {
    let mut names: Vec<&str> =
        VERBS.iter().filter(|v| in_force(v, rules)).map(|v| v.name).collect();
    names.sort_unstable();
    let rows = names
        .chunks(8)
        .map(|row| row.iter().fold(String::new(), |line, name| format!("{line}{name:<9}")));
    rows.fold(
        Reply::multi(214, "These commands are available:", "HELP <SP> command tells more."),
        |reply, row| reply.line(row.trim_end().as_bytes()),
    )
}

fn help_on(what: &[u8], rules: &Rules) -> Reply {
    let (verb, of_site) = what.split_at_checked(4).unwrap_or_default();
    if verb.eq_ignore_ascii_case(b"SITE") {
        match of_site {
            [] => return site::help(),
            [b' ', rest @ ..] => return site::help_on(rest),
            _ => {}
        }
    }
    match Verb::find(what).map(Verb::info) {
        Some(info) if in_force(info, rules) => syntax_reply(214, info.name, info.syntax),
        Some(info) => Reply::new(502, format!("{} is not available.", info.name)),
        None => Reply::new(502, "Unknown command; HELP lists the known ones."),
    }
}

fn syntax_reply(code: u16, name: &str, syntax: &str) -> Reply {
    Reply::new(code, format!("Syntax: {name}{}{syntax}", super::gap(syntax)))
}
