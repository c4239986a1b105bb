//! Replies as a server prints them (RFC 959 §4.2, RFC 2389 §3.2, RFC 3659 §7.2). Reading them back
//! is in [`crate::reply_reader`].

use std::borrow::Cow;

use crate::charset::Names;
use crate::lang::Language;

/// The longest line of free text, in octets with its CRLF. Lines that carry a path or facts are
/// never cut.
pub const TEXT_LINE_MAX: usize = 512;

/// One reply: a three-digit code and one or more lines.
///
/// ```
/// use ferry_proto::reply::Reply;
/// let mut out = Vec::new();
/// Reply::new(226, "Transfer complete.").write(&mut out);
/// assert_eq!(out, b"226 Transfer complete.\r\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// The line after `NNN-`; `None` for a reply of one line.
    first: Option<Cow<'static, str>>,
    /// Lines between, each already framed: starting with a space or a mode letter, ending in CRLF;
    /// FF is not doubled yet.
    body: Vec<u8>,
    /// The line after `NNN `.
    last: Last,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Last {
    /// Text of ours: control characters become `?` and the line is cut at [`TEXT_LINE_MAX`].
    Text(Cow<'static, str>),
    /// Octets that must arrive as they are (257 and others that carry a path).
    Exact(Vec<u8>),
}

impl Reply {
    /// A reply of one line of text.
    #[must_use]
    pub fn new(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, first: None, body: Vec::new(), last: Last::Text(text.into()) }
    }

    /// A reply of one line whose octets go out as they are, but for CR, LF and NUL, which would
    /// break the framing and become `?`.
    #[must_use]
    pub fn exact(code: u16, text: Vec<u8>) -> Self {
        Self { code, first: None, body: Vec::new(), last: Last::Exact(text) }
    }

    /// The start of a reply of several lines.
    #[must_use]
    pub fn multi(
        code: u16,
        first: impl Into<Cow<'static, str>>,
        last: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, first: Some(first.into()), body: Vec::new(), last: Last::Text(last.into()) }
    }

    /// Adds a line between the first and the last; it gets the one leading space that keeps it
    /// from being taken for the end (RFC 959 §4.2).
    #[must_use]
    pub fn line(mut self, line: &[u8]) -> Self {
        self.body.push(b' ');
        push_framed(line, &mut self.body);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// Adds a line that carries the code with a hyphen, as banners do for old clients.
    #[must_use]
    pub fn coded_line(mut self, line: &str) -> Self {
        push_code(self.code, b'-', &mut self.body);
        push_text(line, &mut self.body);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// Adds lines that are already complete: each ends in CRLF and starts with neither a digit
    /// nor anything else a client could take for the end (listing lines start with a mode letter).
    #[must_use]
    pub fn lines(mut self, block: &[u8]) -> Self {
        self.body.extend_from_slice(block);
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Puts the text of the first and the last line into `language`; what is between them, and
    /// what must arrive as it is, stays.
    pub fn translate(&mut self, language: Language) {
        if language == Language::English {
            return;
        }
        if let Last::Text(text) = &mut self.last {
            *text = Cow::Owned(language.text(text).into_owned());
        }
        if let Some(first) = &mut self.first {
            *first = Cow::Owned(language.text(first).into_owned());
        }
    }

    /// The texts that [`translate`](Self::translate) changes.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let last = match &self.last {
            Last::Text(text) => Some(&**text),
            Last::Exact(_) => None,
        };
        self.first.as_deref().into_iter().chain(last)
    }

    /// Appends the reply as it goes over the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_for(None, true, out);
    }

    /// Appends the reply as it goes over the wire to a client for whom a legacy charset is
    /// configured, or (without `telnet`) one for whom FF is an octet like any other.
    pub fn write_for(&self, names: Option<Names>, telnet: bool, out: &mut Vec<u8>) {
        if let Some(first) = &self.first {
            push_code(self.code, b'-', out);
            push_line(first, names, telnet, out);
            push_exact(&self.body, names, telnet, out);
        }
        push_code(self.code, b' ', out);
        match &self.last {
            Last::Text(text) => push_line(text, names, telnet, out),
            Last::Exact(octets) => {
                let mut framed = Vec::with_capacity(octets.len());
                push_framed(octets, &mut framed);
                push_exact(&framed, names, telnet, out);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

fn push_code(code: u16, mark: u8, out: &mut Vec<u8>) {
    let digit = |n: u16| b'0' + u8::try_from(n % 10).unwrap_or(0);
    out.extend_from_slice(&[digit(code / 100), digit(code / 10), digit(code), mark]);
}

/// A line of text and its end.
fn push_line(text: &str, names: Option<Names>, telnet: bool, out: &mut Vec<u8>) {
    let mut line = Vec::with_capacity(text.len());
    push_text(text, &mut line);
    if let (Some(names), Ok(text)) = (names, core::str::from_utf8(&line)) {
        let mut shown = Vec::with_capacity(text.len());
        names.push_text(text, &mut shown);
        line = shown;
    }
    push_exact(&line, None, telnet, out);
    out.extend_from_slice(b"\r\n");
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    let mut room = TEXT_LINE_MAX - 6;
    // Some clients index past the fourth octet, so a text is never empty.
    let text = if text.is_empty() { "." } else { text };
    for c in text.chars() {
        let c = if c.is_control() { '?' } else { c };
        if c.len_utf8() > room {
            break;
        }
        room -= c.len_utf8();
        let mut buf = [0; 4];
        out.extend_from_slice(c.encode_utf8(&mut buf).as_bytes());
    }
}

/// Octets that keep to their line: no CR, LF or NUL.
fn push_framed(octets: &[u8], out: &mut Vec<u8>) {
    let framed = |&b: &u8| if matches!(b, b'\r' | b'\n' | 0) { b'?' } else { b };
    out.extend(octets.iter().map(framed));
}

/// Octets as the client reads them, with FF doubled, as Telnet wants it (RFC 854); UTF-8 never
/// holds it, but many a charset does (ÿ, я).
fn push_exact(octets: &[u8], names: Option<Names>, telnet: bool, out: &mut Vec<u8>) {
    let octets = names.map_or(Cow::Borrowed(octets), |names| names.leaving(octets));
    for part in octets.split_inclusive(|&b| b == 0xff) {
        out.extend_from_slice(part);
        if telnet && part.ends_with(&[0xff]) {
            out.push(0xff);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn replies_have_the_form_of_rfc_959() {
        assert_eq!(wire(&Reply::new(200, "Ok.")), "200 Ok.\r\n");
        assert_eq!(wire(&Reply::new(200, "")), "200 .\r\n");
        let feat = Reply::multi(211, "Extensions supported:", "End").line(b"SIZE").line(b"UTF8");
        assert_eq!(wire(&feat), "211-Extensions supported:\r\n SIZE\r\n UTF8\r\n211 End\r\n");
        let banner = Reply::multi(220, "Hello", "Ready.").coded_line("No smoking");
        assert_eq!(wire(&banner), "220-Hello\r\n220-No smoking\r\n220 Ready.\r\n");
    }

    #[test]
    fn nothing_in_a_text_can_start_a_line_of_its_own() {
        assert_eq!(wire(&Reply::new(550, "no\r\n230 yes")), "550 no??230 yes\r\n");
        assert_eq!(wire(&Reply::exact(257, b"\"a\r\n\x1b\"".to_vec())), "257 \"a??\x1b\"\r\n");
    }

    #[test]
    fn octet_ff_is_doubled_wherever_names_stand() {
        let mut out = Vec::new();
        Reply::exact(257, b"a\xffb".to_vec()).write(&mut out);
        Reply::multi(213, "x", "End").lines(b"-\xff\xff\r\n").line(b"\xff").write(&mut out);
        let want: &[u8] =
            b"257 a\xff\xffb\r\n213-x\r\n-\xff\xff\xff\xff\r\n \xff\xff\r\n213 End\r\n";
        assert_eq!(out, want);
        out.clear();
        Reply::exact(257, b"a\xffb".to_vec()).write_for(None, false, &mut out);
        assert_eq!(out, b"257 a\xffb\r\n", "but for clients that know no Telnet");
    }

    #[cfg(feature = "charsets")]
    #[test]
    fn a_client_of_a_charset_reads_names_and_text_in_it() {
        let charset = crate::charset::Charset::named("windows-1251").unwrap();
        let wire = |reply: Reply, utf8| {
            let mut out = Vec::new();
            reply.write_for(Some(Names { charset, utf8 }), true, &mut out);
            out
        };
        let path = || Reply::exact(257, "\"/я\r日\"".into());
        assert_eq!(wire(path(), false), b"257 \"/\xff\xff?%xE6%x97%xA5\"\r\n");
        assert_eq!(wire(path(), true), "257 \"/я?日\"\r\n".as_bytes());
        let text = Reply::multi(250, "für я", "End").line("я".as_bytes());
        assert_eq!(wire(text, false), b"250-f?r \xff\xff\r\n \xff\xff\r\n250 End\r\n");
    }

    #[test]
    fn a_text_line_is_cut_and_a_path_is_not() {
        assert_eq!(wire(&Reply::new(200, "é".repeat(400))).len(), 4 + 506 + 2);
        assert_eq!(wire(&Reply::exact(257, vec![b'p'; 4000])).len(), 4006);
    }
}
