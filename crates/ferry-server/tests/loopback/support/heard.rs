//! An observer that writes down what an operator would read: every peer's octets go through the
//! wrappers for people, everything else as it is.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use ferry_proto::path::ForPeople;
use ferry_server::events::{Event, Observer, SessionId};

use super::PATIENCE;

/// Everything heard so far, a line for each event.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    lines: Mutex<Vec<String>>,
    news: Condvar,
}

impl Heard {
    /// Everything heard so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until a line holds `part`, and returns it.
    pub(crate) fn wait_for(&self, part: &str) -> String {
        let mut lines = self.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().find(|line| line.contains(part)) {
                return line.clone();
            }
            let (back, timed_out) = self.news.wait_timeout(lines, PATIENCE).unwrap();
            lines = back;
            assert!(!timed_out.timed_out(), "never heard {part:?} in {lines:#?}");
        }
    }

    /// Waits until `holds`, looked at again with each event and otherwise every few milliseconds.
    pub(crate) fn poll(&self, what: &str, holds: impl Fn() -> bool) {
        const STEP: Duration = Duration::from_millis(5);
        let tries = PATIENCE.as_millis() / STEP.as_millis();
        let mut lines = self.lines.lock().unwrap();
        for _ in 0..tries {
            if holds() {
                return;
            }
            lines = self.news.wait_timeout(lines, STEP).unwrap().0;
        }
        panic!("never: {what}; heard {lines:#?}");
    }
}

impl Observer for Heard {
    fn on(&self, session: SessionId, event: &Event<'_>) {
        let line = match event {
            Event::Connected { peer } => format!("connected from {peer}"),
            Event::Refused { peer, why } => format!("refused {peer}: {why}"),
            Event::LoggedIn { user, anonymous_hint, tls } => {
                let hint = ForPeople(anonymous_hint.unwrap_or_default());
                format!("logged in {user} ({hint}) {tls:?}")
            }
            Event::LoginFailed { user } => format!("login failed: {}", ForPeople(user)),
            Event::Transferred { verb, path, bytes, tls, failed, .. } => {
                format!("{verb} {path} {bytes} octets, resumed {tls:?}, failed {failed:?}")
            }
            Event::Changed { verb, path, to } => match to {
                Some(to) => format!("{verb} {path} to {to}"),
                None => format!("{verb} {path}"),
            },
            Event::Noticed { what } => format!("noticed: {what}"),
            Event::Closed { why } => format!("closed: {why}"),
            other => format!("{other:?}"),
        };
        let mut lines = self.lines.lock().unwrap();
        lines.push(format!("{session} {line}"));
        self.news.notify_all();
    }
}
