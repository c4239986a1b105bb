//! What a conversation was about, when it has been played: each command with the replies it got.
//! The table of conformance is made of these.

use std::collections::{BTreeMap, VecDeque};

use ferry_proto::line::{LineEvent, LineReader};

/// As long a line as any conversation sends.
const LINE_MAX: usize = 64 << 10;

/// One command and its replies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data for tests to build and read")]
pub struct Exchange {
    /// The line, without its end and without Telnet's own octets.
    pub command: Vec<u8>,
    /// The codes, the last one last; none if the session ended first.
    pub codes: Vec<u16>,
}

impl Exchange {
    /// The verb, in upper case.
    #[must_use]
    pub fn verb(&self) -> String {
        let word = self.command.split(|b| matches!(b, b' ' | 0)).next().unwrap_or_default();
        String::from_utf8_lossy(word).to_ascii_uppercase()
    }

    /// Whether a last reply came.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.codes.last().is_some_and(|code| *code >= 200)
    }
}

/// What one client has sent and not yet been answered.
#[derive(Debug, Default)]
struct Waiting {
    lines: LineReader,
    queue: VecDeque<Exchange>,
    /// The code of a reply of several lines that has not ended.
    within: Option<Vec<u8>>,
    greeted: bool,
    /// A transfer or long work has ended while ABOR was among what waits behind it.
    aborted: bool,
}

/// Pairs commands with replies as they go by.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    clients: BTreeMap<char, Waiting>,
    done: Vec<Exchange>,
}

impl Exchanges {
    /// A new control connection.
    pub(crate) fn connected(&mut self, who: char) {
        self.clients.insert(who, Waiting::default());
    }

    pub(crate) fn sent(&mut self, who: char, mut octets: &[u8]) {
        let waiting = self.clients.entry(who).or_default();
        // What a balancer says of the client is no command.
        let proxied = octets.starts_with(b"PROXY ") || octets.starts_with(b"\r\n\r\n\0");
        if proxied && !waiting.greeted {
            return;
        }
        let mut before = octets;
        while let Some(event) = waiting.lines.next(&mut octets, LINE_MAX) {
            let used = before.get(..before.len() - octets.len()).unwrap_or_default();
            before = octets;
            let command = match event {
                LineEvent::Line(line) if line.is_empty() => continue,
                LineEvent::Line(line) => line,
                LineEvent::Answer(_) => continue,
                // Such a line is answered, too, and as sent it still shows its verb.
                LineEvent::TooLong | LineEvent::Nul => used.to_vec(),
            };
            waiting.queue.push_back(Exchange { command, codes: Vec::new() });
        }
    }

    pub(crate) fn heard(&mut self, who: char, mut line: &[u8]) {
        // Telnet's answers have no line of their own.
        while let [0xff, 0xfb..=0xfe, _, rest @ ..] = line {
            line = rest;
        }
        let waiting = self.clients.entry(who).or_default();
        let code = line.get(..3).unwrap_or_default();
        match (&waiting.within, line.get(3)) {
            (None, Some(b'-')) => waiting.within = Some(code.to_vec()),
            (Some(open), Some(b' ')) if open == code => waiting.within = None,
            _ => {}
        }
        if waiting.within.is_some() {
            return;
        }
        let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok()).unwrap_or(0);
        if let Some(exchange) = waiting.answered(code) {
            self.done.push(exchange);
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.done)
    }
}

impl Waiting {
    /// Takes in a reply; the exchange that it ends. STAT is answered before what it asks about,
    /// ABOR right behind what it stops.
    fn answered(&mut self, code: u16) -> Option<Exchange> {
        if !std::mem::replace(&mut self.greeted, true) {
            return None;
        }
        let front = self.queue.front().map(Exchange::verb)?;
        let overtaking = match code {
            211 if front != "FEAT" => Some("STAT"),
            226 if std::mem::take(&mut self.aborted) => Some("ABOR"),
            _ => None,
        };
        let place = |verb| self.queue.iter().position(|e| e.verb() == verb);
        let index = overtaking.and_then(place).unwrap_or(0);
        self.queue.get_mut(index)?.codes.push(code);
        if code < 200 {
            return None;
        }
        let over = self.queue.remove(index)?;
        let ran = over.codes.len() > 1 || code == 426;
        self.aborted = ran && self.queue.iter().any(|e| e.verb() == "ABOR");
        Some(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_go_to_their_commands_and_those_of_stat_and_abor_overtake() {
        let mut all = Exchanges::default();
        all.connected('A');
        for line in ["220-Hello", "220 ready"] {
            all.heard('A', line.as_bytes());
        }
        all.sent('A', b"\r\nretr f\r\nNO");
        all.sent('A', b"OP\r\nSTAT\r\nABOR\r\n");
        let replies = "150 a|211-Status|\x20150 no reply|211 End|426 b|226 c|200 d";
        for line in replies.split('|') {
            all.heard('A', line.as_bytes());
        }
        let shown: Vec<_> = all.take().into_iter().map(|e| (e.verb(), e.codes)).collect();
        let want = [
            ("STAT", vec![211]),
            ("RETR", vec![150, 426]),
            ("ABOR", vec![226]),
            ("NOOP", vec![200]),
        ];
        assert_eq!(shown, want.map(|(verb, codes)| (verb.to_owned(), codes)));
    }
}
