//! Names for clients that do not speak UTF-8 (RFC 2640 made it the rule; docs/protocol.md).
//!
//! Inside, a name is octets, normally UTF-8. [`Names`] stands between that and a client for whom a
//! legacy [`Charset`] is configured: [`arriving`](Names::arriving) turns what a command says into
//! names, [`leaving`](Names::leaving) turns names in replies and listings into what the client
//! reads. Whatever left comes back as the same name, always:
//!
//! - Octets below 30 (hex) but `%` are parts of no character in any charset taken here, so what is
//!   between them, a word, is converted by itself, wherever in a line or listing it stands.
//! - What the charset cannot express is written as `%x` and two capital digits for each octet, and
//!   read back; so is a `%` that stands before what would look so. Only octets from 80 up and `%`
//!   itself are read back, so nothing smuggles in a `/` or a line end.
//! - A word that is nothing in the charset and no UTF-8 either is left as it is, both ways.

use std::borrow::Cow;

/// Names that operators may write, for suggestions and for messages; every label that the
/// [Encoding Standard](https://encoding.spec.whatwg.org/#names-and-labels) gives these is known.
pub const NAMES: &[&str] = &[
    "big5",
    "euc-jp",
    "euc-kr",
    "gb18030",
    "gbk",
    "ibm866",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-9",
    "iso-8859-10",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
    "iso-8859-16",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "shift_jis",
    "utf-8",
    "windows-874",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "x-mac-cyrillic",
];

/// What starts an octet that the charset cannot express.
const MARK: &[u8] = b"%x";

/// A charset in which ASCII is itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Charset(tables::Table);

impl Charset {
    /// The charset of this label, whatever its case; [`None`] for unknown ones and for those in
    /// which a command could not be told (UTF-16, ISO-2022-JP).
    ///
    /// ```
    /// # #[cfg(feature = "charsets")] {
    /// use ferry_proto::charset::Charset;
    /// assert_eq!(Charset::named("CP1251").map(Charset::name), Some("windows-1251"));
    /// assert_eq!(Charset::named("utf-16"), None);
    /// # }
    /// ```
    #[must_use]
    pub fn named(label: &str) -> Option<Self> {
        tables::find(label).map(Self)
    }

    /// Whether it is UTF-8, so that nothing is ever to be converted.
    #[must_use]
    pub fn is_utf8(self) -> bool {
        self.name() == "UTF-8"
    }

    /// Its name in the Encoding Standard.
    #[must_use]
    pub fn name(self) -> &'static str {
        tables::name(self.0)
    }

    /// The text that the octets are, if they are one.
    fn decode(self, octets: &[u8]) -> Option<Cow<'_, str>> {
        tables::decode(self.0, octets)
    }

    /// The octets of the text, if it has some and they are this text.
    fn encode(self, text: &str) -> Option<Vec<u8>> {
        let octets = tables::encode(self.0, text)?;
        (self.decode(&octets).as_deref() == Some(text)).then_some(octets)
    }
}

impl core::fmt::Debug for Charset {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// How names look to one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Names {
    /// What is configured, other than UTF-8.
    pub charset: Charset,
    /// Whether names leave as UTF-8: until OPTS UTF8 OFF, and again after OPTS UTF8 ON.
    pub utf8: bool,
}

impl Names {
    /// The command line that a client means. What is UTF-8 is taken as such, unless UTF-8 is off.
    #[must_use]
    pub fn arriving<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        let text = self.decoded(line);
        // A password may hold whatever looks like an octet of ours and none is ever shown.
        if is_login(line) || !has_escape(&text) {
            return text;
        }
        Cow::Owned(unescaped(&text))
    }

    /// What the client is to read for text that holds names.
    #[must_use]
    pub fn leaving<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let plain = if self.utf8 { core::str::from_utf8(text).is_ok() } else { text.is_ascii() };
        if plain && !has_escape(text) {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(text.len());
        for word in words(text) {
            self.push_word(word, &mut out);
        }
        Cow::Owned(out)
    }

    /// Appends what the client is to read for text without names: what its charset lacks becomes
    /// `?`.
    pub fn push_text(&self, text: &str, out: &mut Vec<u8>) {
        if self.utf8 || text.is_ascii() {
            return out.extend_from_slice(text.as_bytes());
        }
        for c in text.chars() {
            match self.charset.encode(c.encode_utf8(&mut [0; 4])) {
                Some(octets) => out.extend_from_slice(&octets),
                None => out.push(b'?'),
            }
        }
    }

    /// The line as UTF-8, as far as it is text at all.
    fn decoded<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        if line.is_ascii() || (self.utf8 && core::str::from_utf8(line).is_ok()) {
            return Cow::Borrowed(line);
        }
        // Words that happen to be UTF-8 are not taken for it in a line that as a whole is not.
        if let Some(text) = self.charset.decode(line) {
            return Cow::Owned(text.into_owned().into_bytes());
        }
        let mut out = Vec::with_capacity(line.len());
        for word in words(line) {
            let as_it_is = self.utf8 && core::str::from_utf8(word).is_ok();
            match self.charset.decode(word).filter(|_| !as_it_is) {
                Some(text) => out.extend_from_slice(text.as_bytes()),
                None => out.extend_from_slice(word),
            }
        }
        Cow::Owned(out)
    }

    fn push_word(&self, word: &[u8], out: &mut Vec<u8>) {
        match core::str::from_utf8(word) {
            Ok(text) => self.push_escaped(text, out),
            Err(_) if self.charset.decode(word).is_none() => push_unescapable(word, out),
            // As they are, these octets would be taken for the name they spell in the charset.
            Err(_) => {
                let mut rest = word;
                for chunk in word.utf8_chunks() {
                    let (valid, invalid) = (chunk.valid(), chunk.invalid());
                    self.push_escaped_before(valid, rest, out);
                    push_octets(invalid, out);
                    rest = rest.get(valid.len() + invalid.len()..).unwrap_or_default();
                }
            }
        }
    }

    fn push_escaped(&self, text: &str, out: &mut Vec<u8>) {
        self.push_escaped_before(text, text.as_bytes(), out);
    }

    /// Appends `text`, at which `rest` starts.
    fn push_escaped_before(&self, text: &str, rest: &[u8], out: &mut Vec<u8>) {
        if !has_escape(rest) {
            if self.utf8 {
                return out.extend_from_slice(text.as_bytes());
            }
            if let Some(octets) = self.charset.encode(text) {
                return out.extend_from_slice(&octets);
            }
        }
        for (at, c) in text.char_indices() {
            let mut buf = [0; 4];
            let c: &str = c.encode_utf8(&mut buf);
            if rest.get(at..).and_then(escape).is_some() {
                push_octets(b"%", out);
            } else if self.utf8 {
                out.extend_from_slice(c.as_bytes());
            } else {
                match self.charset.encode(c) {
                    Some(octets) => out.extend_from_slice(&octets),
                    None => push_octets(c.as_bytes(), out),
                }
            }
        }
    }
}

/// Whether the line says who someone is.
fn is_login(line: &[u8]) -> bool {
    let verb = line.split(|&b| b == b' ').next().unwrap_or_default();
    [&b"USER"[..], b"PASS", b"ACCT"].iter().any(|v| v.eq_ignore_ascii_case(verb))
}

/// The words of a text, each with the octet that ends it as a word of its own.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.chunk_by(|a, b| !ends_word(*a) && !ends_word(*b))
}

/// No charset has such an octet in a character of several (the lowest is 30, in GB18030).
fn ends_word(octet: u8) -> bool {
    octet < 0x30 && octet != b'%'
}

/// The octet that is written at the start of `text`, if one is.
fn escape(text: &[u8]) -> Option<u8> {
    let [high, low, ..] = text.strip_prefix(MARK)? else {
        return None;
    };
    let octet = digit(*high)? << 4 | digit(*low)?;
    (octet >= 0x80 || octet == b'%').then_some(octet)
}

fn digit(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

fn has_escape(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, MARK).any(|at| text.get(at..).and_then(escape).is_some())
}

fn push_octets(octets: &[u8], out: &mut Vec<u8>) {
    for &octet in octets {
        out.extend_from_slice(MARK);
        for half in [octet >> 4, octet & 15] {
            out.push(if half < 10 { b'0' + half } else { b'A' + (half - 10) });
        }
    }
}

/// Appends octets that are to be taken as they are.
fn push_unescapable(word: &[u8], out: &mut Vec<u8>) {
    for (at, &octet) in word.iter().enumerate() {
        match word.get(at..).and_then(escape) {
            Some(_) => push_octets(b"%", out),
            None => out.push(octet),
        }
    }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, behind)) = rest.split_first() {
        match escape(rest) {
            Some(octet) => {
                out.push(octet);
                rest = rest.get(MARK.len() + 2..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = behind;
            }
        }
    }
    out
}

#[cfg(feature = "charsets")]
mod tables {
    use std::borrow::Cow;

    use encoding_rs::{EncoderResult, Encoding};

    pub(super) type Table = &'static Encoding;

    pub(super) fn find(label: &str) -> Option<Table> {
        Encoding::for_label_no_replacement(label.as_bytes())
            .filter(|table| table.is_ascii_compatible())
    }

    pub(super) fn name(table: Table) -> &'static str {
        table.name()
    }

    pub(super) fn decode(table: Table, octets: &[u8]) -> Option<Cow<'_, str>> {
        table.decode_without_bom_handling_and_without_replacement(octets)
    }

    pub(super) fn encode(table: Table, text: &str) -> Option<Vec<u8>> {
        let mut encoder = table.new_encoder();
        let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len())?;
        let mut octets = vec![0; room];
        let (end, _, len) = encoder.encode_from_utf8_without_replacement(text, &mut octets, true);
        octets.truncate(len);
        (end == EncoderResult::InputEmpty).then_some(octets)
    }
}

/// Without their tables there are no charsets.
#[cfg(not(feature = "charsets"))]
mod tables {
    use std::borrow::Cow;

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) enum Table {}

    pub(super) fn find(_: &str) -> Option<Table> {
        None
    }

    pub(super) fn name(table: Table) -> &'static str {
        match table {}
    }

    pub(super) fn decode(table: Table, _: &[u8]) -> Option<Cow<'_, str>> {
        match table {}
    }

    pub(super) fn encode(table: Table, _: &str) -> Option<Vec<u8>> {
        match table {}
    }
}

#[cfg(all(test, feature = "charsets"))]
mod tests;
