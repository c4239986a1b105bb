//! SITE: what this server offers beyond the standard (RFC 959 §5.3.2), and HELP for it.

use crate::modify::FactChange;
use crate::reply::Reply;
use crate::server::files::done;
use crate::server::info::span;
use crate::server::{Action, Ask, Carry, Rules, ServerSession, Stage, Work};
use crate::site::{SITE_VERBS, SiteCommand};

impl ServerSession {
    pub(super) fn admit_site(
        &mut self,
        site: SiteCommand<'_>,
        carry: Carry,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        let reply = match site {
            SiteCommand::Umask(None) => {
                Reply::new(200, format!("Current UMASK is {:03o}.", self.umask))
            }
            SiteCommand::Umask(Some(mask)) => {
                let was = core::mem::replace(&mut self.umask, mask);
                Reply::new(200, format!("UMASK is {mask:03o} (was {was:03o})."))
            }
            SiteCommand::Idle(wanted) => self.idle(wanted, rules),
            SiteCommand::Quota => Reply::new(202, "There is no quota here."),
            // Listings and MDTM are in UTC, whatever the machine's own zone is.
            SiteCommand::Zone => Reply::new(210, "UTC+0"),
            SiteCommand::Who => return self.ask(Ask::Who, Stage::Who, out),
            SiteCommand::Help(None) => help(),
            SiteCommand::Help(Some(what)) => help_on(what),
            other => return self.admit_site_on_files(&other, carry, out),
        };
        out.push(Action::Reply(reply));
    }

    fn admit_site_on_files(&mut self, site: &SiteCommand<'_>, carry: Carry, out: &mut Vec<Action>) {
        let (SiteCommand::Chmod { path: name, .. }
        | SiteCommand::Utime { path: name, .. }
        | SiteCommand::Chown { path: name, .. }
        | SiteCommand::Chgrp { path: name, .. }
        | SiteCommand::Mkdir(name)
        | SiteCommand::Rmdir(name)
        | SiteCommand::CopyFrom(name)
        | SiteCommand::CopyTo(name)) = site
        else {
            return self.admit_site_on_two(site, out);
        };
        // Sequence is checked before names are (docs/protocol.md).
        if matches!(site, SiteCommand::CopyTo(_)) && carry.copy_from.is_none() {
            return out.push(Action::Reply(no_cpfr()));
        }
        let Some(path) = self.resolve(name, out) else {
            return;
        };
        let (ask, stage) = match site {
            SiteCommand::Chmod { mode, .. } => {
                (Ask::ChangeMode(path, mode.clone()), done(200, "Permissions changed."))
            }
            SiteCommand::Utime { modified, accessed, .. } => (
                Ask::SetTimes { path, modified: *modified, accessed: *accessed },
                done(200, "Times changed."),
            ),
            SiteCommand::Chown { owner, group, .. } => {
                let change =
                    FactChange { owner: Some(*owner), group: *group, ..FactChange::default() };
                let verb = "SITE CHOWN";
                (Ask::ChangeFacts { verb, path, change }, done(200, "Owner changed."))
            }
            SiteCommand::Chgrp { group, .. } => {
                let change = FactChange { group: Some(*group), ..FactChange::default() };
                let verb = "SITE CHGRP";
                (Ask::ChangeFacts { verb, path, change }, done(200, "Group changed."))
            }
            SiteCommand::Mkdir(_) => {
                (Ask::MakeDirs(path, self.umask), done(200, "The directory is there."))
            }
            SiteCommand::CopyFrom(_) => (Ask::CopyFrom(path.clone()), Stage::CopyFrom(path)),
            SiteCommand::CopyTo(_) => {
                let Some(from) = carry.copy_from else {
                    return out.push(Action::Reply(no_cpfr()));
                };
                let work = Work::Copy { from, to: path, umask: self.umask };
                return self.work("SITE CPTO", work, Reply::new(250, "Copied."), out);
            }
            _ => {
                let gone = Reply::new(200, "Removed with everything in it.");
                return self.work("SITE RMDIR", Work::RemoveTree(path), gone, out);
            }
        };
        self.ask(ask, stage, out);
    }

    fn admit_site_on_two(&mut self, site: &SiteCommand<'_>, out: &mut Vec<Action>) {
        let (SiteCommand::Copy { from: first, to: second }
        | SiteCommand::Symlink { target: first, link: second }) = site
        else {
            return debug_assert!(false, "not a subcommand on files");
        };
        let Some(first) = self.resolve(first, out) else {
            return;
        };
        let Some(second) = self.resolve(second, out) else {
            return;
        };
        if matches!(site, SiteCommand::Copy { .. }) {
            let work = Work::Copy { from: first, to: second, umask: self.umask };
            return self.work("SITE COPY", work, Reply::new(200, "Copied."), out);
        }
        let ask = Ask::MakeLink { path: second, target: first };
        self.ask(ask, done(200, "Link made."), out);
    }

    fn idle(&mut self, wanted: Option<u32>, rules: &Rules) -> Reply {
        if let Some(secs) = wanted {
            let most = rules.idle_max_secs.max(rules.idle_secs);
            if u64::from(secs) > most {
                return Reply::new(501, format!("At most {} of silence.", span(most)));
            }
            self.idle_secs = secs;
        }
        let now = span(self.idle_secs(rules));
        Reply::new(200, format!("This session is closed after {now} of silence."))
    }
}

fn no_cpfr() -> Reply {
    Reply::new(503, "Send SITE CPFR right before SITE CPTO.")
}

pub(super) fn help() -> Reply {
    SITE_VERBS.iter().fold(
        Reply::multi(214, "These SITE commands are available:", "End"),
        |reply, (name, syntax)| {
            reply.line(format!("SITE {name}{}{syntax}", super::gap(syntax)).as_bytes())
        },
    )
}

pub(super) fn help_on(what: &[u8]) -> Reply {
    match SITE_VERBS.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(what)) {
        Some((name, syntax)) => {
            Reply::new(214, format!("Syntax: SITE {name}{}{syntax}", super::gap(syntax)))
        }
        None => Reply::new(502, "Unknown SITE command; SITE HELP lists the known ones."),
    }
}
