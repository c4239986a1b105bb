//! What has been read from the control connection and not been dealt with yet: raw octets, and
//! during a transfer the lines ahead, among which an ABOR must be seen (RFC 959 §4.1.3).

use std::collections::VecDeque;

use ferry_proto::command::Command;
use ferry_proto::line::{LineEvent, LineReader};
use ferry_proto::verb::Verb;

/// The most that waits, octets and lines together; when it is full nothing more is read.
pub(crate) const INPUT_MAX: usize = 64 << 10;

/// Waiting input, in order: the lines ahead, then the raw octets.
#[derive(Debug, Default)]
pub(crate) struct Input {
    ahead: VecDeque<Ahead>,
    ahead_octets: usize,
    /// Of the lines ahead, those that may overtake others, and those that end the session: there
    /// may be thousands of lines, which are not to be looked through for each transfer.
    urgent: usize,
    quits: usize,
    raw: Vec<u8>,
    at: usize,
    /// An AUTH is among the lines ahead: what follows it may be TLS and is not looked at.
    sealed: bool,
}

/// A line ahead, and its verb.
#[derive(Debug)]
struct Ahead {
    event: LineEvent,
    verb: Option<Verb>,
}

impl Input {
    /// Adds what was read.
    pub(crate) fn push(&mut self, octets: &[u8]) {
        if self.at == self.raw.len() {
            self.raw.clear();
            self.at = 0;
        }
        self.raw.extend_from_slice(octets);
    }

    /// Whether there is more to deal with, if only the beginning of a line.
    pub(crate) fn waits(&self) -> bool {
        !self.ahead.is_empty() || self.at < self.raw.len()
    }

    /// Octets that may still be read.
    pub(crate) fn room(&self) -> usize {
        INPUT_MAX.saturating_sub(self.ahead_octets + self.raw.len() - self.at)
    }

    /// The next line or Telnet event.
    pub(crate) fn next(&mut self, lines: &mut LineReader, limit: usize) -> Option<LineEvent> {
        if let Some(line) = self.ahead.pop_front() {
            return Some(self.taken(line));
        }
        self.sealed = false;
        self.split(lines, limit)
    }

    fn split(&mut self, lines: &mut LineReader, limit: usize) -> Option<LineEvent> {
        let mut rest = self.raw.get(self.at..).unwrap_or_default();
        let event = lines.next(&mut rest, limit);
        self.at = self.raw.len() - rest.len();
        event
    }

    /// Splits what is there into lines without dealing with them, up to an AUTH.
    pub(crate) fn look_ahead(&mut self, lines: &mut LineReader, limit: usize) {
        while !self.sealed
            && let Some(event) = self.split(lines, limit)
        {
            let verb = verb_of(&event);
            self.sealed = verb == Some(Verb::Auth);
            self.ahead_octets += cost(&event);
            self.urgent += usize::from(is_urgent(verb));
            self.quits += usize::from(verb == Some(Verb::Quit));
            self.ahead.push_back(Ahead { event, verb });
        }
    }

    /// A line is not ahead any more.
    fn taken(&mut self, Ahead { event, verb }: Ahead) -> LineEvent {
        self.ahead_octets -= cost(&event);
        self.urgent -= usize::from(is_urgent(verb));
        self.quits -= usize::from(verb == Some(Verb::Quit));
        event
    }

    /// Takes out the first line ahead that `overtakes` the others.
    pub(crate) fn take_ahead(
        &mut self,
        overtakes: impl Fn(&Command<'_>) -> bool,
    ) -> Option<Vec<u8>> {
        if self.urgent == 0 {
            return None;
        }
        let overtaking = |line: &Ahead| match &line.event {
            LineEvent::Line(text) if is_urgent(line.verb) => {
                Command::parse(text).is_ok_and(|c| overtakes(&c))
            }
            _ => false,
        };
        let index = self.ahead.iter().position(overtaking)?;
        let line = self.ahead.remove(index)?;
        let event = self.taken(line);
        match event {
            LineEvent::Line(line) => Some(line),
            _ => None,
        }
    }

    /// Whether a QUIT waits among the lines ahead.
    pub(crate) fn has_quit(&self) -> bool {
        self.quits > 0
    }

    /// Everything not yet split into lines; afterwards nothing waits.
    pub(crate) fn take_raw(&mut self) -> Vec<u8> {
        let raw = self.raw.split_off(self.at);
        *self = Self::default();
        raw
    }
}

fn cost(event: &LineEvent) -> usize {
    // An empty line must cost something, or a million of them would cost nothing.
    64 + match event {
        LineEvent::Line(line) => line.len(),
        _ => 0,
    }
}

fn verb_of(event: &LineEvent) -> Option<Verb> {
    match event {
        LineEvent::Line(line) => Verb::find(line.split(|&b| b == b' ').next().unwrap_or_default()),
        _ => None,
    }
}

/// The verbs of [`overtakes`](ferry_proto::server::ServerSession::overtakes).
fn is_urgent(verb: Option<Verb>) -> bool {
    matches!(verb, Some(Verb::Abor | Verb::Stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: Option<LineEvent>) -> Option<String> {
        match event? {
            LineEvent::Line(l) => Some(String::from_utf8(l).unwrap()),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn an_abor_is_taken_from_among_the_lines_ahead_and_the_rest_keeps_its_order() {
        let (mut input, mut lines) = (Input::default(), LineReader::default());
        input.push(b"NOOP\r\nPWD\r\nABOR\r\nSYST\r\nQU");
        input.look_ahead(&mut lines, 100);
        let abor = input.take_ahead(|c| *c == Command::Abor);
        assert_eq!(abor.as_deref(), Some(&b"ABOR"[..]));
        assert_eq!(input.take_ahead(|c| *c == Command::Abor), None);
        input.push(b"IT\r\n");
        let rest: Vec<String> = std::iter::from_fn(|| line(input.next(&mut lines, 100))).collect();
        assert_eq!(rest, ["NOOP", "PWD", "SYST", "QUIT"]);
    }

    #[test]
    fn nothing_behind_an_auth_is_looked_at() {
        let (mut input, mut lines) = (Input::default(), LineReader::default());
        input.push(b"AUTH TLS\r\nABOR\r\n\x16\x03");
        input.look_ahead(&mut lines, 100);
        assert_eq!(input.take_ahead(|c| *c == Command::Abor), None);
        assert_eq!(line(input.next(&mut lines, 100)).as_deref(), Some("AUTH TLS"));
        assert_eq!(input.take_raw(), b"ABOR\r\n\x16\x03");
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut input, mut lines) = (Input::default(), LineReader::default());
        while input.room() > 0 {
            let take = input.room().min(4096);
            input.push(&b"\r\n".repeat(2048)[..take]);
            input.look_ahead(&mut lines, 100);
        }
        assert!(input.ahead.len() <= INPUT_MAX / 64 + 2048);
    }
}
