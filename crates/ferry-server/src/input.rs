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
    ahead: VecDeque<LineEvent>,
    ahead_octets: usize,
    raw: Vec<u8>,
    at: usize,
    /// An AUTH is among the lines ahead: what follows it may be TLS and is not looked at.
    sealed: bool,
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

    /// Octets that may still be read.
    pub(crate) fn room(&self) -> usize {
        INPUT_MAX.saturating_sub(self.ahead_octets + self.raw.len() - self.at)
    }

    /// The next line or Telnet event.
    pub(crate) fn next(&mut self, lines: &mut LineReader, limit: usize) -> Option<LineEvent> {
        if let Some(event) = self.ahead.pop_front() {
            self.ahead_octets -= cost(&event);
            return Some(event);
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
            self.sealed = is_verb(&event, Verb::Auth);
            self.ahead_octets += cost(&event);
            self.ahead.push_back(event);
        }
    }

    /// Takes out the first line ahead that `overtakes` the others.
    pub(crate) fn take_ahead(
        &mut self,
        overtakes: impl Fn(&Command<'_>) -> bool,
    ) -> Option<Vec<u8>> {
        let urgent = |event: &LineEvent| match event {
            LineEvent::Line(line) => Command::parse(line).is_ok_and(|c| overtakes(&c)),
            _ => false,
        };
        let index = self.ahead.iter().position(urgent)?;
        let event = self.ahead.remove(index)?;
        self.ahead_octets -= cost(&event);
        match event {
            LineEvent::Line(line) => Some(line),
            _ => None,
        }
    }

    /// Whether a QUIT waits among the lines ahead.
    pub(crate) fn has_quit(&self) -> bool {
        self.ahead.iter().any(|event| is_verb(event, Verb::Quit))
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

fn is_verb(event: &LineEvent, verb: Verb) -> bool {
    match event {
        LineEvent::Line(line) => {
            let word = line.split(|&b| b == b' ').next().unwrap_or_default();
            Verb::find(word) == Some(verb)
        }
        _ => false,
    }
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
