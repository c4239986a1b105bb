//! Turns the engine's events into log lines for people: one per log-in, transfer, change and
//! failure; connections only when asked for.
//!
//! Names, paths and addresses come from peers. Each is printed through [`ForPeople`], so that no
//! line holds a control character and no event makes more than one line. Passwords are not in
//! events at all, except the e-mail address an anonymous user is expected to give.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_proto::path::ForPeople;
use ferry_server::events::{Event, Observer, SessionId};
use tracing::{debug, info, warn};

use super::units::Moved;

/// Writes events to the log.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Who is behind a session, while it is open: events name only the session.
    open: Mutex<HashMap<SessionId, Who>>,
}

#[derive(Debug, Clone)]
struct Who {
    peer: IpAddr,
    user: Option<String>,
}

impl Lines {
    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, Who>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The beginning of a session's lines: `#12 alice 192.0.2.7`.
    fn prefix(&self, session: SessionId) -> String {
        match self.open().get(&session) {
            Some(Who { peer, user: Some(user) }) => {
                format!("{session} {} {peer}", Name(user.as_bytes()))
            }
            Some(Who { peer, user: None }) => format!("{session} {peer}"),
            None => session.to_string(),
        }
    }

    fn logged_in(
        &self,
        session: SessionId,
        user: &str,
        hint: Option<&[u8]>,
        tls: Option<&'static str>,
    ) {
        if let Some(who) = self.open().get_mut(&session) {
            who.user = Some(user.to_owned());
        }
        let hint = match hint {
            Some(hint) if !hint.is_empty() => format!(" as {}", Name(bounded(hint))),
            _ => String::new(),
        };
        let tls = tls.unwrap_or("no TLS");
        info!("{} logged in{hint} ({tls})", self.prefix(session));
    }
}

impl Observer for Lines {
    fn on(&self, session: SessionId, event: &Event<'_>) {
        match *event {
            Event::Connected { peer } => {
                let peer_ip = peer.ip().to_canonical();
                self.open().insert(session, Who { peer: peer_ip, user: None });
                debug!("{} connected from port {}", self.prefix(session), peer.port());
            }
            Event::Refused { peer, why } => {
                warn!("{} refused: {why}", peer.ip().to_canonical());
            }
            Event::LoggedIn { user, anonymous_hint, tls } => {
                self.logged_in(session, user, anonymous_hint, tls);
            }
            Event::LoginFailed { user } => {
                warn!("{} login failed for {}", self.prefix(session), Name(bounded(user)));
            }
            Event::Transferred { verb, path, bytes, took, tls, failed } => {
                let moved = Moved { bytes, took, tls };
                let (prefix, path) = (self.prefix(session), Name(path.as_bytes()));
                match failed {
                    None => info!("{prefix} {verb} {path} {moved}"),
                    Some(why) => {
                        let why = ForPeople(why.as_bytes());
                        warn!("{prefix} {verb} {path} failed after {moved}: {why}");
                    }
                }
            }
            Event::Changed { verb, path, to } => {
                let (prefix, path) = (self.prefix(session), Name(path.as_bytes()));
                match to {
                    None => info!("{prefix} {verb} {path}"),
                    Some(to) => info!("{prefix} {verb} {path} -> {}", Name(to.as_bytes())),
                }
            }
            Event::Noticed { what } => {
                warn!("{} {}", self.prefix(session), ForPeople(what.as_bytes()));
            }
            Event::Closed { why } => {
                debug!("{} closed: {}", self.prefix(session), ForPeople(why.as_bytes()));
                self.open().remove(&session);
            }
            _ => debug!("{} did something new", self.prefix(session)),
        }
    }
}

/// The most octets of a name or hint that a line repeats: a command line may hold 8 KiB.
const NAME_SHOWN_MAX: usize = 256;

fn bounded(name: &[u8]) -> &[u8] {
    name.get(..NAME_SHOWN_MAX).unwrap_or(name)
}

/// A name from a peer, in quotes where a space or quote could be taken for the end of it.
struct Name<'a>(&'a [u8]);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = ForPeople(self.0);
        let plain = |c: char| !c.is_whitespace() && c != '"';
        let text = shown.to_string();
        if !text.is_empty() && text.chars().all(plain) {
            return f.write_str(&text);
        }
        let escaped: Cow<'_, str> = match text.contains(['"', '\\']) {
            true => text.replace('\\', "\\\\").replace('"', "\\\"").into(),
            false => text.into(),
        };
        write!(f, "\"{escaped}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Verbosity;
    use crate::log::tests::logged;
    use ferry_proto::path::FtpPath;
    use std::net::SocketAddr;
    use std::time::Duration;

    const ID: SessionId = SessionId(12);

    fn path(text: &str) -> FtpPath {
        FtpPath::new(text.as_bytes()).unwrap()
    }

    fn connected(lines: &Lines) {
        let peer: SocketAddr = "192.0.2.7:40000".parse().unwrap();
        lines.on(ID, &Event::Connected { peer });
    }

    fn logged_in(lines: &Lines, user: &str) {
        connected(lines);
        lines.on(ID, &Event::LoggedIn { user, anonymous_hint: None, tls: Some("TLSv1.3") });
    }

    /// The last line of a session of `alice` in which `event` happens.
    fn line(event: &Event<'_>) -> String {
        let lines = Lines::default();
        let mut all = logged(Verbosity::Verbose, || {
            logged_in(&lines, "alice");
            lines.on(ID, event);
        });
        assert_eq!(all.len(), 3, "one line per event: {all:?}");
        all.pop().unwrap()
    }

    #[test]
    fn a_session_reads_as_a_story() {
        let lines = Lines::default();
        let (a, b) = (path("/docs/a.pdf"), path("/new name"));
        let all = logged(Verbosity::Verbose, || {
            connected(&lines);
            lines.on(ID, &Event::LoginFailed { user: b"alicia" });
            let tls = Some("TLSv1.3");
            lines.on(ID, &Event::LoggedIn { user: "alice", anonymous_hint: None, tls });
            lines.on(
                ID,
                &Event::Transferred {
                    verb: "RETR",
                    path: &a,
                    bytes: 5_123_456,
                    took: Duration::from_millis(400),
                    tls: Some(false),
                    failed: None,
                },
            );
            lines.on(
                ID,
                &Event::Transferred {
                    verb: "STOR",
                    path: &b,
                    bytes: 0,
                    took: Duration::from_micros(30),
                    tls: None,
                    failed: Some("the peer reset the connection"),
                },
            );
            lines.on(ID, &Event::Changed { verb: "RNTO", path: &a, to: Some(&b) });
            lines.on(ID, &Event::Changed { verb: "DELE", path: &a, to: None });
            lines.on(ID, &Event::Noticed { what: "data connection from a stranger" });
            lines.on(ID, &Event::Closed { why: "QUIT" });
        });
        assert_eq!(
            all,
            [
                "DEBUG #12 192.0.2.7 connected from port 40000",
                "WARN #12 192.0.2.7 login failed for alicia",
                "INFO #12 alice 192.0.2.7 logged in (TLSv1.3)",
                "INFO #12 alice 192.0.2.7 RETR /docs/a.pdf 5.1 MB in 0.4 s (12.8 MB/s, TLS)",
                "WARN #12 alice 192.0.2.7 STOR \"/new name\" failed after 0 B in 0 ms (no TLS): \
             the peer reset the connection",
                "INFO #12 alice 192.0.2.7 RNTO /docs/a.pdf -> \"/new name\"",
                "INFO #12 alice 192.0.2.7 DELE /docs/a.pdf",
                "WARN #12 alice 192.0.2.7 data connection from a stranger",
                "DEBUG #12 alice 192.0.2.7 closed: QUIT",
            ]
        );
        assert!(lines.open().is_empty(), "nothing is kept of a closed session");
    }

    #[test]
    fn an_anonymous_user_is_logged_with_the_address_they_gave() {
        let lines = Lines::default();
        let all = logged(Verbosity::Normal, || {
            connected(&lines);
            let anonymous_hint = Some(&b"me@example.org"[..]);
            lines.on(ID, &Event::LoggedIn { user: "anonymous", anonymous_hint, tls: None });
        });
        assert_eq!(all, ["INFO #12 anonymous 192.0.2.7 logged in as me@example.org (no TLS)"]);
    }

    #[test]
    fn a_refused_peer_is_named_though_it_has_no_session() {
        let lines = Lines::default();
        let all = logged(Verbosity::Quiet, || {
            let peer: SocketAddr = "[::ffff:192.0.2.9]:1".parse().unwrap();
            lines.on(SessionId(13), &Event::Refused { peer, why: "too many connections" });
        });
        assert_eq!(all, ["WARN 192.0.2.9 refused: too many connections"]);
    }

    #[test]
    fn nothing_a_peer_sends_makes_a_second_line_or_reaches_the_terminal() {
        let evil = "x\r\n2026-01-01T00:00:00Z INFO #1 root 10.0.0.1 logged in\u{1b}[2J\u{85}\u{7}";
        let evil_path = path(evil);
        let took = Duration::from_secs(1);
        let events = [
            Event::LoginFailed { user: evil.as_bytes() },
            Event::LoggedIn { user: evil, anonymous_hint: Some(evil.as_bytes()), tls: None },
            Event::Transferred {
                verb: "STOR",
                path: &evil_path,
                bytes: 1,
                took,
                tls: None,
                failed: Some(evil),
            },
            Event::Changed { verb: "RNTO", path: &evil_path, to: Some(&evil_path) },
            Event::Noticed { what: evil },
            Event::Closed { why: evil },
        ];
        for event in &events {
            let line = line(event);
            assert!(!line.chars().any(char::is_control), "{event:?} gave {line:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_in_the_log() {
        let user = vec![b'x'; 8000];
        assert!(line(&Event::LoginFailed { user: &user }).len() < 400);
    }

    #[test]
    fn names_with_spaces_or_quotes_are_quoted() {
        let cases = [
            ("plain", "plain"),
            ("é", "é"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\\\"b\""),
            ("a \\b", "\"a \\\\b\""),
            ("a\tb", "a?b"),
        ];
        for (name, want) in cases {
            assert_eq!(Name(name.as_bytes()).to_string(), want);
        }
    }
}
