//! Command lines out of the control connection's octets (RFC 959 §5.3, RFC 1123 §4.1, RFC 2640).
//!
//! [`LineReader`] removes Telnet sequences, splits at CRLF or bare LF and bounds what it holds. It
//! does not know verbs, except the three that may follow an interrupted Telnet Synch, and it does
//! not decide what becomes of a line that is too long or holds a NUL: it reports them.

use core::mem;

use memchr::{memchr, memchr3};

use crate::telnet::{IAC, Step, Telnet};

/// What the control connection brought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle each")]
pub enum LineEvent {
    /// A whole line, without its terminator.
    Line(Vec<u8>),
    /// A line beyond the limit ended here; none of it was kept.
    TooLong,
    /// A line that held a NUL octet (not after CR) ended here; none of it is to be executed.
    Nul,
    /// A Telnet option was offered or asked for: send these octets to decline it.
    Answer([u8; 3]),
}

/// Splits the octets a client sends into lines, in whatever chunks they come.
///
/// ```
/// use ferry_proto::line::{LineEvent, LineReader};
/// let mut reader = LineReader::default();
/// let mut input: &[u8] = b"NOOP\r\nUSER an";
/// assert_eq!(reader.next(&mut input, 512), Some(LineEvent::Line(b"NOOP".to_vec())));
/// assert_eq!(reader.next(&mut input, 512), None);
/// assert!(input.is_empty() && reader.is_mid_line());
/// ```
///
/// An idle session owns one of these, so it is small and holds no heap between lines.
#[derive(Debug, Default)]
pub struct LineReader {
    /// The data octets of the line so far; empty once the line is too long.
    held: Vec<u8>,
    /// Octets of the open subnegotiation.
    subnegotiation_len: u32,
    telnet: Telnet,
    telnet_off: bool,
    /// A CR whose meaning the next data octet decides.
    cr: bool,
    nul: bool,
    too_long: bool,
}

impl LineReader {
    /// A reader that removes Telnet sequences, or (with `false`) takes FF as any other octet, for
    /// clients with an 8-bit charset that know no Telnet.
    #[must_use]
    pub fn with_telnet(on: bool) -> Self {
        Self { telnet_off: !on, ..Self::default() }
    }

    /// Consumes from the front of `input` up to and including the next line end or other event.
    /// [`None`] means that `input` is used up; the partial line stays inside. `limit` is the most
    /// octets a line may have, its terminator and Telnet sequences not counted.
    pub fn next(&mut self, input: &mut &[u8], limit: usize) -> Option<LineEvent> {
        loop {
            self.take_plain_run(input, limit);
            let (&octet, rest) = input.split_first()?;
            *input = rest;
            let step = if self.telnet_off { Step::Octet(octet) } else { self.telnet.step(octet) };
            let event = match step {
                Step::Nothing => {
                    self.bound_subnegotiation(limit);
                    None
                }
                Step::Answer(answer) => Some(LineEvent::Answer(answer)),
                Step::Octet(octet) => self.data(octet, limit),
                Step::Undoubled(octet) => {
                    // FF ends no line, so only the octet after it can be an event.
                    let _ = self.data(IAC, limit);
                    self.data(octet, limit)
                }
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// Whether anything of a line that has not ended yet was consumed.
    #[must_use]
    pub fn is_mid_line(&self) -> bool {
        !self.held.is_empty() || self.cr || self.nul || self.too_long || self.telnet != Telnet::Data
    }

    /// Moves the octets before the next one that could mean something, without looking at each.
    fn take_plain_run(&mut self, input: &mut &[u8], limit: usize) {
        if self.cr || self.telnet != Telnet::Data {
            return;
        }
        let len = memchr3(b'\n', b'\r', IAC, input).unwrap_or(input.len());
        let (run, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
        *input = rest;
        self.nul |= memchr(0, run).is_some();
        self.hold(run, limit);
    }

    /// Takes one data octet, Telnet sequences already removed.
    fn data(&mut self, octet: u8, limit: usize) -> Option<LineEvent> {
        if mem::take(&mut self.cr) && octet != b'\n' {
            self.hold(b"\r", limit);
            if octet == 0 {
                return None;
            }
        }
        match octet {
            b'\n' => Some(self.end_line()),
            b'\r' => {
                self.cr = true;
                None
            }
            _ => {
                self.nul |= octet == 0;
                self.hold(&[octet], limit);
                None
            }
        }
    }

    fn hold(&mut self, octets: &[u8], limit: usize) {
        if self.too_long {
            return;
        }
        if self.held.len().saturating_add(octets.len()) > limit {
            self.too_long = true;
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(octets);
        }
    }

    /// An endless subnegotiation would swallow the session in silence, so one beyond the limit
    /// counts as a line too long and what follows is read as text again.
    fn bound_subnegotiation(&mut self, limit: usize) {
        if !self.telnet.in_subnegotiation() {
            self.subnegotiation_len = 0;
            return;
        }
        self.subnegotiation_len = self.subnegotiation_len.saturating_add(1);
        if usize::try_from(self.subnegotiation_len).map_or(true, |len| len > limit) {
            self.subnegotiation_len = 0;
            self.telnet = Telnet::Data;
            self.too_long = true;
            self.held = Vec::new();
        }
    }

    fn end_line(&mut self) -> LineEvent {
        let mut line = mem::take(&mut self.held);
        let nul = mem::take(&mut self.nul);
        if mem::take(&mut self.too_long) {
            return LineEvent::TooLong;
        }
        if nul {
            return LineEvent::Nul;
        }
        if !self.telnet_off {
            drop_synch_remains(&mut line);
        }
        LineEvent::Line(line)
    }
}

/// Removes DM (F2) and IP (F4) octets before a command that a client sends with Telnet Synch: the
/// IAC before them travels as urgent data, and where that was taken out of the stream they are
/// left over.
fn drop_synch_remains(line: &mut Vec<u8>) {
    let remains = line.iter().take_while(|b| matches!(b, 0xf2 | 0xf4)).count();
    let Some((verb, tail)) = line.get(remains..).and_then(|text| text.split_at_checked(4)) else {
        return;
    };
    let interrupts = [b"ABOR", b"STAT", b"QUIT"].iter().any(|v| verb.eq_ignore_ascii_case(*v));
    if remains > 0 && interrupts && matches!(tail.first(), None | Some(b' ')) {
        line.drain(..remains);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 16;

    fn events_of(telnet: bool, chunks: &[&[u8]]) -> (Vec<LineEvent>, bool) {
        let mut reader = LineReader::with_telnet(telnet);
        let mut events = Vec::new();
        for chunk in chunks {
            let mut input = *chunk;
            while let Some(event) = reader.next(&mut input, LIMIT) {
                events.push(event);
            }
            assert!(input.is_empty());
            assert!(reader.held.len() <= LIMIT);
        }
        (events, reader.is_mid_line())
    }

    fn line(text: &[u8]) -> LineEvent {
        LineEvent::Line(text.to_vec())
    }

    #[test]
    fn lines_end_at_crlf_or_lf_and_cr_is_data() {
        let cases: &[(&[u8], Vec<LineEvent>)] = &[
            (b"NOOP\r\n", vec![line(b"NOOP")]),
            (b"NOOP\nPWD\r\n", vec![line(b"NOOP"), line(b"PWD")]),
            (b"\r\n\n", vec![line(b""), line(b"")]),
            (b"a\rb\r\n", vec![line(b"a\rb")]),
            (b"a\r\r\n", vec![line(b"a\r")]),
            (b"a\r\0b\r\n", vec![line(b"a\rb")]),
            (b"a\r\0\r\n", vec![line(b"a\r")]),
            (b"a\0b\r\nNOOP\r\n", vec![LineEvent::Nul, line(b"NOOP")]),
            (b"a\r\0\0\r\n", vec![LineEvent::Nul]),
        ];
        for (input, want) in cases {
            assert_eq!(
                events_of(true, &[input]),
                (want.clone(), false),
                "{}",
                input.escape_ascii()
            );
        }
    }

    #[test]
    fn telnet_sequences_vanish_and_options_are_declined() {
        let cases: &[(&[u8], Vec<LineEvent>)] = &[
            (b"NO\xff\xf1OP\r\n", vec![line(b"NOOP")]),
            (b"\xff\xfb\x01NOOP\n", vec![LineEvent::Answer([0xff, 0xfe, 1]), line(b"NOOP")]),
            (b"\xff\xfd\x06NOOP\n", vec![LineEvent::Answer([0xff, 0xfc, 6]), line(b"NOOP")]),
            (b"\xff\xfc\x01\xff\xfe\nNOOP\n", vec![line(b"NOOP")]),
            (b"a\xff\xffb\n", vec![line(b"a\xffb")]),
            (b"a\xff\xfax\r\n\xff\xff y\xff\xf0b\n", vec![line(b"ab")]),
            (b"a\xffb\n", vec![line(b"a\xffb")]),
            (b"a\xff\n", vec![line(b"a\xff")]),
            (b"a\xff\r\n", vec![line(b"a\xff")]),
            (b"a\xff\0\r\n", vec![LineEvent::Nul]),
            (b"a\r\xff\xf1\nb\n", vec![line(b"a"), line(b"b")]),
            (b"\xff\xf4\xff\xf2ABOR\r\n", vec![line(b"ABOR")]),
            (b"\xf2ABOR\r\n", vec![line(b"ABOR")]),
            (b"\xf4\xf2stat x\r\n", vec![line(b"stat x")]),
            (b"\xf2RETR x\r\n", vec![line(b"\xf2RETR x")]),
            (b"\xf2ABORT\r\n", vec![line(b"\xf2ABORT")]),
            (b"x\xf2ABOR\r\n", vec![line(b"x\xf2ABOR")]),
        ];
        for (input, want) in cases {
            assert_eq!(
                events_of(true, &[input]),
                (want.clone(), false),
                "{}",
                input.escape_ascii()
            );
        }
    }

    #[test]
    fn without_telnet_every_octet_is_data() {
        let (events, _) = events_of(false, &[b"\xff\xfb\x01\xf2ABOR\r\n\xf2ABOR\r\n"]);
        assert_eq!(events, [line(b"\xff\xfb\x01\xf2ABOR"), line(b"\xf2ABOR")]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_reported_once_at_its_end() {
        let full = [b'x'; LIMIT];
        let over = [b'x'; LIMIT + 1];
        let (events, _) =
            events_of(true, &[&full, b"\r\n", &over, &over, &over, b"\r\n", b"NOOP\r\n"]);
        assert_eq!(events, [line(&full), LineEvent::TooLong, line(b"NOOP")]);
    }

    #[test]
    fn an_endless_subnegotiation_counts_as_a_line_too_long() {
        let mut input = b"\xff\xfa".to_vec();
        input.extend_from_slice(&[b'\n'; LIMIT - 1]);
        input.extend_from_slice(b"swallowed\nx\nNOOP\n");
        let (events, mid) = events_of(true, &[&input]);
        assert_eq!(events, [LineEvent::TooLong, line(b"x"), line(b"NOOP")]);
        assert!(!mid);
    }

    #[test]
    fn a_reader_is_small_and_holds_no_heap_between_lines() {
        assert!(size_of::<LineReader>() <= 48);
        let mut reader = LineReader::default();
        let mut input: &[u8] = b"NOOP\r\n";
        assert!(reader.next(&mut input, LIMIT).is_some());
        assert_eq!(reader.held.capacity(), 0);
        input = &[b'x'; 100];
        assert!(reader.next(&mut input, LIMIT).is_none());
        assert_eq!(reader.held.capacity(), 0);
    }

    fn telnet_heavy() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![
            3 => Just(0xffu8), 2 => 0xf0u8.., 2 => Just(b'\r'), 2 => Just(b'\n'),
            1 => Just(0u8), 4 => b'A'..=b'Z', 1 => any::<u8>(),
        ];
        proptest::collection::vec(octet, 0..120)
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            input in telnet_heavy(),
            cuts in proptest::collection::vec(1usize..9, 1..40),
            telnet in any::<bool>(),
        ) {
            let mut chunks: Vec<&[u8]> = Vec::new();
            let mut rest = &input[..];
            for cut in cuts {
                let (chunk, tail) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = tail;
            }
            chunks.push(rest);
            prop_assert_eq!(events_of(telnet, &chunks), events_of(telnet, &[&input]));
        }

        #[test]
        fn a_line_sent_by_the_rules_arrives_as_it_is(
            text in proptest::collection::vec(1u8.., 0..LIMIT),
        ) {
            let text: Vec<u8> = text.into_iter().filter(|b| *b != b'\n').collect();
            prop_assume!(!matches!(text.first(), Some(0xf2 | 0xf4)));
            let mut wire = Vec::new();
            for &b in &text {
                wire.push(b);
                match b {
                    0xff => wire.push(0xff),
                    b'\r' => wire.push(0),
                    _ => {}
                }
            }
            wire.extend_from_slice(b"\r\n");
            prop_assert_eq!(events_of(true, &[&wire]).0, vec![LineEvent::Line(text)]);
        }
    }
}
