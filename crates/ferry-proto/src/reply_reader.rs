//! Replies out of the control connection's octets, as a client reads them (RFC 959 §4.2).
//!
//! [`ReplyReader`] takes every form of reply that servers are known to send and bounds what it
//! holds. What a code means is not its business, nor is text: octets are kept as they came, also
//! NUL, which whoever parses a path or an address out of them must refuse.

use core::{fmt, mem};

use crate::telnet::{IAC, Step, Telnet};

/// The longest line, in octets. MLST lines hold paths and facts, so this is generous.
pub const LINE_LEN_MAX: usize = 128 * 1024;

/// The most octets of one reply, Telnet sequences and blank lines included.
pub const REPLY_LEN_MAX: usize = 1024 * 1024;

/// The most lines of one reply.
pub const REPLY_LINES_MAX: usize = 10_000;

/// The most lines without a code that are passed over where a reply should begin.
pub const JUNK_LINES_MAX: u8 = 16;

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingReply {
    /// The three digits, 100–699.
    pub code: u16,
    /// The text of each line: without the code on the first and last line, and without a repeated
    /// `code-` on those between. Blank lines are left out, except as first or last.
    pub lines: Vec<Vec<u8>>,
}

/// Why the server's octets are no reply. The connection is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// The server speaks SSH; SFTP is another protocol.
    Ssh,
    /// The server speaks HTTP.
    Http,
    /// Too many lines without a code where a reply should begin.
    NotAReply,
    /// A line or the whole reply is beyond the bounds.
    TooLong,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssh => "this is an SSH server, which FTP cannot talk to",
            Self::Http => "this is an HTTP server, which FTP cannot talk to",
            Self::NotAReply => "the server does not answer as FTP servers do",
            Self::TooLong => "the server's reply is too long",
        })
    }
}

impl core::error::Error for ReplyError {}

/// Puts replies together out of octets in whatever chunks they come.
///
/// ```
/// use ferry_proto::reply_reader::ReplyReader;
/// let mut reader = ReplyReader::default();
/// let mut input: &[u8] = b"220-Welcome\r\n220 Ready\r\n331 ";
/// let reply = reader.feed(&mut input).unwrap().unwrap();
/// assert_eq!((reply.code, reply.lines.len()), (220, 2));
/// assert_eq!(reader.feed(&mut input), Ok(None));
/// ```
#[derive(Debug, Default)]
pub struct ReplyReader {
    telnet: Telnet,
    /// A CR whose meaning the next octet decides.
    cr: bool,
    line: Vec<u8>,
    /// The reply whose last line has not come yet.
    open: Option<IncomingReply>,
    junk: u8,
    /// Octets consumed since the last whole reply.
    taken: usize,
    failed: Option<ReplyError>,
}

impl ReplyReader {
    /// Consumes from the front of `input` up to the end of the next reply. [`None`] means that
    /// `input` is used up; what came of the reply stays inside.
    ///
    /// # Errors
    /// [`ReplyError`] when this is no FTP server or it does not stop; from then on always.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Option<IncomingReply>, ReplyError> {
        self.refuse_after_failure()?;
        while let Some((&octet, rest)) = input.split_first() {
            let step = self.telnet.step(octet);
            *input = rest;
            self.taken += 1;
            if let Some(reply) = self.take(step)? {
                return Ok(Some(reply));
            }
            if self.line.len() > LINE_LEN_MAX || self.taken > REPLY_LEN_MAX {
                return Err(self.fail(ReplyError::TooLong));
            }
        }
        Ok(None)
    }

    /// Takes a CR that came last as a line end. To be called when the server has been silent for a
    /// while: some end lines with CR alone, and nothing after their last one says so.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn on_silence(&mut self) -> Result<Option<IncomingReply>, ReplyError> {
        self.refuse_after_failure()?;
        if mem::take(&mut self.cr) { self.end_line() } else { Ok(None) }
    }

    /// Takes the end of the connection as the end of an open line and of an open reply of many
    /// lines, which some servers cut short when they close.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn on_eof(&mut self) -> Result<Option<IncomingReply>, ReplyError> {
        self.refuse_after_failure()?;
        self.cr = false;
        if !self.line.is_empty()
            && let Some(reply) = self.end_line()?
        {
            return Ok(Some(reply));
        }
        Ok(self.open.take())
    }

    /// Whether part of a reply was consumed; a reply must be whole soon after its first octet.
    #[must_use]
    pub fn is_mid_reply(&self) -> bool {
        self.open.is_some() || self.cr || !self.line.is_empty()
    }

    fn refuse_after_failure(&self) -> Result<(), ReplyError> {
        self.failed.map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: ReplyError) -> ReplyError {
        *self = Self { failed: Some(error), ..Self::default() };
        error
    }

    fn take(&mut self, step: Step) -> Result<Option<IncomingReply>, ReplyError> {
        match step {
            // A client declines options by silence: no answer may be taken for a command.
            Step::Nothing | Step::Answer(_) => {}
            Step::Octet(octet) => return self.data(octet),
            Step::Undoubled(octet) => {
                // A line that begins with FF is no reply, so at most one of these is.
                let ended = self.data(IAC)?;
                return Ok(ended.or(self.data(octet)?));
            }
        }
        Ok(None)
    }

    /// Takes one data octet, Telnet sequences already removed.
    fn data(&mut self, octet: u8) -> Result<Option<IncomingReply>, ReplyError> {
        let after_cr = mem::take(&mut self.cr);
        if octet == b'\n' {
            return self.end_line();
        }
        if after_cr && octet == 0 {
            // CR NUL is a CR in a name (RFC 2640).
            self.line.push(b'\r');
            return Ok(None);
        }
        let ended = if after_cr { self.end_line()? } else { None };
        if octet == b'\r' {
            self.cr = true;
        } else {
            self.line.push(octet);
        }
        Ok(ended)
    }

    fn end_line(&mut self) -> Result<Option<IncomingReply>, ReplyError> {
        let line = mem::take(&mut self.line);
        let Some(reply) = self.open.as_mut() else {
            return self.begin_reply(&line);
        };
        let (text, last) = match split_code(&line) {
            Some((code, Mark::Last, text)) if code == reply.code => (text, true),
            Some((code, Mark::More, text)) if code == reply.code => (text, false),
            _ => (line.as_slice(), false),
        };
        if last || !text.is_empty() {
            reply.lines.push(text.to_vec());
        }
        if reply.lines.len() > REPLY_LINES_MAX {
            return Err(self.fail(ReplyError::TooLong));
        }
        if !last {
            return Ok(None);
        }
        self.taken = 0;
        Ok(self.open.take())
    }

    fn begin_reply(&mut self, line: &[u8]) -> Result<Option<IncomingReply>, ReplyError> {
        let Some((code, mark, text)) = split_code(line) else {
            return self.pass_over(line).map(|()| None);
        };
        self.junk = 0;
        let reply = IncomingReply { code, lines: vec![text.to_vec()] };
        match mark {
            Mark::Last => {
                self.taken = 0;
                Ok(Some(reply))
            }
            Mark::More => {
                self.open = Some(reply);
                Ok(None)
            }
        }
    }

    fn pass_over(&mut self, line: &[u8]) -> Result<(), ReplyError> {
        let starts = |with: &[u8]| {
            line.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
        };
        if starts(b"SSH-") {
            return Err(self.fail(ReplyError::Ssh));
        }
        if starts(b"HTTP/") {
            return Err(self.fail(ReplyError::Http));
        }
        if !line.is_empty() {
            self.junk += 1;
        }
        if self.junk > JUNK_LINES_MAX {
            return Err(self.fail(ReplyError::NotAReply));
        }
        Ok(())
    }
}

/// What stands after the code.
#[derive(Clone, Copy)]
enum Mark {
    /// A space, or nothing at all.
    Last,
    /// A hyphen.
    More,
}

fn split_code(line: &[u8]) -> Option<(u16, Mark, &[u8])> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'1'..=b'6').contains(&digits[0]) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, Mark::Last, rest)),
        Some((b' ' | b'\t', text)) => Some((code, Mark::Last, text)),
        Some((b'-', text)) => Some((code, Mark::More, text)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Replies = Vec<(u16, Vec<Vec<u8>>)>;

    fn read(chunks: &[&[u8]]) -> Result<Replies, ReplyError> {
        let mut reader = ReplyReader::default();
        let mut replies = Vec::new();
        for chunk in chunks {
            let mut input = *chunk;
            while let Some(reply) = reader.feed(&mut input)? {
                replies.push((reply.code, reply.lines));
            }
            assert!(input.is_empty());
        }
        while let Some(reply) = reader.on_eof()? {
            replies.push((reply.code, reply.lines));
        }
        Ok(replies)
    }

    fn reply(code: u16, lines: &[&str]) -> (u16, Vec<Vec<u8>>) {
        (code, lines.iter().map(|line| line.as_bytes().to_vec()).collect())
    }

    #[test]
    fn replies_are_read_in_every_form_seen() {
        let cases: &[(&[u8], Replies)] = &[
            (b"220 ready\r\n", vec![reply(220, &["ready"])]),
            (b"220 ready\n331 \r\n", vec![reply(220, &["ready"]), reply(331, &[""])]),
            (b"220\r\n", vec![reply(220, &[""])]),
            (b"220\tready\r\n", vec![reply(220, &["ready"])]),
            (b"220 a\r220 b\r", vec![reply(220, &["a"]), reply(220, &["b"])]),
            (b"220-a\r\n b\r\n220-c\r\n220 d\r\n", vec![reply(220, &["a", " b", "c", "d"])]),
            (b"220-a\r\n221 b\r\n\r\n220\r\n", vec![reply(220, &["a", "221 b", ""])]),
            (b"220-a\r\n2201\r\n220 b\r\n", vec![reply(220, &["a", "2201", "b"])]),
            (b"220-a\r\nb", vec![reply(220, &["a", "b"])]),
            (b"220 a", vec![reply(220, &["a"])]),
            (b"\r\n\r\n220 a\r\r\n", vec![reply(220, &["a"])]),
            (b"motd\r\n220 a\r\n", vec![reply(220, &["a"])]),
            (b"257 \"a\r\0b\"\r\n", vec![reply(257, &["\"a\rb\""])]),
            (b"200 a\0b\r\n", vec![reply(200, &["a\0b"])]),
            (b"200 \xff\xfb\x01a\xff\xf1b\r\n", vec![reply(200, &["ab"])]),
            (b"2\xff\xf100 a\r\xff\xf1\n", vec![reply(200, &["a"])]),
            (b"200 a\r\xff\xfb\x01\0b\r\n", vec![reply(200, &["a\rb"])]),
        ];
        for (input, want) in cases {
            assert_eq!(read(&[input]), Ok(want.clone()), "{}", input.escape_ascii());
        }
        let latin = read(&[b"200 \xff\xff \xffa\r\n"]).unwrap();
        assert_eq!(latin[0].1, [b"\xff \xffa".to_vec()]);
    }

    #[test]
    fn other_protocols_are_named() {
        assert_eq!(read(&[b"SSH-2.0-x\r\n"]), Err(ReplyError::Ssh));
        assert_eq!(read(&[b"HTTP/1.1 400 Bad Request\r\n"]), Err(ReplyError::Http));
        assert_eq!(read(&[&b"hello\r\n".repeat(17)]), Err(ReplyError::NotAReply));
        assert_eq!(read(&[&b"720 hello\r\n".repeat(17)]), Err(ReplyError::NotAReply));
    }

    #[test]
    fn nothing_grows_without_bound() {
        assert_eq!(read(&[&vec![b'1'; LINE_LEN_MAX + 1]]), Err(ReplyError::TooLong));
        assert_eq!(read(&[&b"\r\n".repeat(REPLY_LEN_MAX)]), Err(ReplyError::TooLong));
        assert_eq!(read(&[&b"\xff\xf1".repeat(REPLY_LEN_MAX)]), Err(ReplyError::TooLong));
        let mut lines = b"211-a\r\n".to_vec();
        lines.extend_from_slice(&b" b\r\n".repeat(REPLY_LINES_MAX));
        assert_eq!(read(&[&lines]), Err(ReplyError::TooLong));
    }

    #[test]
    fn a_failed_reader_stays_failed() {
        let mut reader = ReplyReader::default();
        assert_eq!(reader.feed(&mut &b"SSH-2\r\n"[..]), Err(ReplyError::Ssh));
        assert_eq!(reader.feed(&mut &b"220 a\r\n"[..]), Err(ReplyError::Ssh));
    }

    #[test]
    fn a_bare_cr_counts_only_when_something_or_nothing_follows() {
        let mut reader = ReplyReader::default();
        let mut input: &[u8] = b"234 go\r";
        assert_eq!(reader.feed(&mut input), Ok(None));
        assert!(reader.is_mid_reply());
        let reply = reader.on_silence().unwrap().unwrap();
        assert_eq!((reply.code, reply.lines), (234, vec![b"go".to_vec()]));
        assert_eq!(reader.on_silence(), Ok(None));
        assert!(!reader.is_mid_reply());
    }

    #[test]
    fn octets_after_a_reply_are_left_in_the_input() {
        let mut reader = ReplyReader::default();
        let mut input: &[u8] = b"234 go\r\n\x16\x03\x01";
        assert!(reader.feed(&mut input).unwrap().is_some());
        assert_eq!(input, b"\x16\x03\x01");
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_replies(
            input in "(2[0-2]{2}[- ]?|[a\0]{1,3}|[\r\n]|\r\n){0,40}",
            telnet in proptest::collection::vec((0usize..200, 0xf0u8..), 0..6),
            size in 1usize..7,
        ) {
            let mut input = input.into_bytes();
            for (at, command) in telnet {
                let at = at.min(input.len());
                input.splice(at..at, [0xff, command]);
            }
            let chunks: Vec<&[u8]> = input.chunks(size).collect();
            prop_assert_eq!(read(&chunks), read(&[&input]));
        }

        #[test]
        fn a_printed_reply_reads_back(
            code in 100u16..700,
            lines in proptest::collection::vec("[ -~é]{0,30}", 1..6),
        ) {
            let last = lines.len() - 1;
            let mut wire = Vec::new();
            for (i, line) in lines.iter().enumerate() {
                let mark = if i == last { ' ' } else { '-' };
                wire.extend_from_slice(format!("{code}{mark}{line}\r\n").as_bytes());
            }
            let ends = |i: usize| i == 0 || i == last;
            let kept = lines.iter().enumerate().filter(|(i, line)| ends(*i) || !line.is_empty());
            let want: Vec<Vec<u8>> = kept.map(|(_, line)| line.clone().into_bytes()).collect();
            prop_assert_eq!(read(&[&wire]), Ok(vec![(code, want)]));
        }
    }
}
