//! SITE WHO: who is connected and what they do, for administrators.

use core::net::SocketAddr;

use crate::date::UnixTime;
use crate::list::Who;
use crate::path::{ForPeople, FtpPath};
use crate::reply::Reply;
use crate::server::files::failure_reply;
use crate::server::{Action, Failure, Outcome, ServerSession};
use crate::verb::Verb;

/// The most sessions that SITE WHO shows.
pub const WHO_MAX: usize = 1000;

/// The most octets of a path that it shows.
const PATH_MAX: usize = 255;

/// A session as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a driver builds it")]
pub struct Presence {
    /// The account, while someone is logged in.
    pub user: Option<String>,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// Whether its control connection is under TLS.
    pub tls: bool,
    /// When it connected.
    pub since: UnixTime,
    /// Seconds since its last command; 0 while something is under way.
    pub idle_secs: u32,
    /// What it does.
    pub doing: Doing,
}

/// What a session does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must choose one")]
pub enum Doing {
    /// It has said nothing yet.
    Nothing,
    /// This was its last command.
    Said(Verb),
    /// A transfer, or work that takes long.
    Busy {
        /// By what command.
        verb: &'static str,
        /// With what, if that is one thing.
        path: Option<FtpPath>,
        /// How far it is.
        octets: u64,
    },
}

impl Presence {
    /// `alice 192.0.2.1:40000 TLS since 2026-03-05 12:00:00 idle 0 RETR /a 512 bytes`
    fn line(&self) -> String {
        // Spaces part the columns, and controls have no place in any.
        let user = self.user.as_deref().unwrap_or_default();
        let user = ForPeople(user.as_bytes()).to_string();
        let (user, peer) = (Who::Name(&user), self.peer);
        let tls = if self.tls { "TLS" } else { "clear" };
        let t = self.since.civil();
        let since = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            t.year, t.month, t.day, t.hour, t.minute, t.second
        );
        let idle = self.idle_secs;
        let doing = match &self.doing {
            Doing::Nothing => String::from("-"),
            Doing::Said(verb) => verb.name().to_owned(),
            Doing::Busy { verb, path, octets } => {
                let path = path.as_ref().map(shortened).unwrap_or_default();
                format!("{verb}{path} {octets} bytes")
            }
        };
        format!("{user} {peer} {tls} since {since} idle {idle} {doing}")
    }
}

fn shortened(path: &FtpPath) -> String {
    match path.as_bytes().get(..PATH_MAX) {
        Some(start) if path.as_bytes().len() > PATH_MAX => format!(" {}...", ForPeople(start)),
        _ => format!(" {path}"),
    }
}

impl ServerSession {
    pub(super) fn conclude_who(outcome: &Outcome, out: &mut Vec<Action>) {
        let reply = match outcome {
            Outcome::Present(sessions) => {
                let reply = Reply::multi(211, "These sessions are open (times in UTC):", "End");
                let shown = sessions.iter().take(WHO_MAX);
                let reply = shown.fold(reply, |reply, one| reply.line(one.line().as_bytes()));
                if sessions.len() > WHO_MAX { reply.line(b"(truncated)") } else { reply }
            }
            Outcome::Failed(Failure::Denied) => {
                Reply::new(550, "Only administrators may see who is here.")
            }
            Outcome::Failed(failure) => failure_reply(*failure),
            _ => return debug_assert!(false, "an outcome that answers something else"),
        };
        out.push(Action::Reply(reply));
    }
}
