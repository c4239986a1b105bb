//! Type EBCDIC (RFC 959 §3.1.1.2): text in code page 1047 or 037, whose lines end with NL (15).
//!
//! Both pages hold exactly the characters of Latin-1. LF and NL are exchanged for each other, and
//! with them the two octets that would otherwise collide (25 and the control character U+0085).
//! The file's text is UTF-8 or Latin-1. In a UTF-8 file, octets that are no UTF-8 are taken for
//! Latin-1, which many old texts are; a character beyond Latin-1 is sent as SUB. What is stored is
//! always well formed.

/// The octet sent for a character that the code page lacks.
const SUB: u8 = 0x3f;

/// An EBCDIC code page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CodePage {
    /// 1047, Latin-1 for open systems: what z/OS uses for text with brackets.
    #[default]
    Cp1047,
    /// 037, United States and others.
    Cp037,
}

/// How the text of a file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Charset {
    /// UTF-8.
    #[default]
    Utf8,
    /// ISO 8859-1: every octet is a character, and none is lost either way.
    Latin1,
}

/// From the file to the connection. Holds an incomplete UTF-8 character, three octets at most.
#[derive(Debug, Clone)]
pub struct ToNetwork {
    table: &'static [u8; 256],
    charset: Charset,
    held: Vec<u8>,
}

impl ToNetwork {
    /// Starts a file.
    #[must_use]
    pub fn new(page: CodePage, charset: Charset) -> Self {
        let table = match page {
            CodePage::Cp1047 => &TO_1047,
            CodePage::Cp037 => &TO_037,
        };
        Self { table, charset, held: Vec::new() }
    }

    /// Appends what the next octets of the file become; never more octets than were given so far.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len());
        for octet in input {
            if self.held.is_empty() && (octet.is_ascii() || self.charset == Charset::Latin1) {
                out.push(map(self.table, *octet));
            } else {
                self.push_utf8(*octet, out);
            }
        }
    }

    /// Appends what was held back, at the end of the file or of a record.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        for octet in self.held.drain(..) {
            out.push(map(self.table, octet));
        }
    }

    /// Whether the file could be read on from here by another.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.held.is_empty()
    }

    fn push_utf8(&mut self, octet: u8, out: &mut Vec<u8>) {
        self.held.push(octet);
        match core::str::from_utf8(&self.held) {
            Ok(text) => {
                let code = text.chars().next().map_or(u32::MAX, u32::from);
                out.push(u8::try_from(code).map_or(SUB, |latin| map(self.table, latin)));
                self.held.clear();
            }
            // The character is not complete yet.
            Err(e) if e.error_len().is_none() => {}
            Err(_) if self.held.len() == 1 => self.finish(out),
            // What came before was no character; this octet may begin one.
            Err(_) => {
                self.held.pop();
                self.finish(out);
                self.push(&[octet], out);
            }
        }
    }
}

/// From the connection to the file. Holds nothing; an octet becomes two at most.
#[derive(Debug, Clone)]
pub struct ToLocal {
    table: &'static [u8; 256],
    charset: Charset,
}

impl ToLocal {
    /// Starts a file.
    #[must_use]
    pub fn new(page: CodePage, charset: Charset) -> Self {
        let table = match page {
            CodePage::Cp1047 => &FROM_1047,
            CodePage::Cp037 => &FROM_037,
        };
        Self { table, charset }
    }

    /// Appends what the next octets of the connection become.
    pub fn push(&self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len());
        for octet in input {
            match map(self.table, *octet) {
                latin if latin.is_ascii() || self.charset == Charset::Latin1 => out.push(latin),
                latin => out.extend_from_slice(&[0xc0 | latin >> 6, 0x80 | latin & 0x3f]),
            }
        }
    }
}

fn map(table: &[u8; 256], octet: u8) -> u8 {
    table.get(usize::from(octet)).copied().unwrap_or(SUB)
}

/// Latin-1 for each octet of code page 1047, NL and LF exchanged.
#[rustfmt::skip]
const FROM_1047: [u8; 256] = [
    0x00, 0x01, 0x02, 0x03, 0x9c, 0x09, 0x86, 0x7f, 0x97, 0x8d, 0x8e, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x9d, 0x0a, 0x08, 0x87, 0x18, 0x19, 0x92, 0x8f, 0x1c, 0x1d, 0x1e, 0x1f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x17, 0x1b, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x05, 0x06, 0x07,
    0x90, 0x91, 0x16, 0x93, 0x94, 0x95, 0x96, 0x04, 0x98, 0x99, 0x9a, 0x9b, 0x14, 0x15, 0x9e, 0x1a,
    0x20, 0xa0, 0xe2, 0xe4, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xf1, 0xa2, 0x2e, 0x3c, 0x28, 0x2b, 0x7c,
    0x26, 0xe9, 0xea, 0xeb, 0xe8, 0xed, 0xee, 0xef, 0xec, 0xdf, 0x21, 0x24, 0x2a, 0x29, 0x3b, 0x5e,
    0x2d, 0x2f, 0xc2, 0xc4, 0xc0, 0xc1, 0xc3, 0xc5, 0xc7, 0xd1, 0xa6, 0x2c, 0x25, 0x5f, 0x3e, 0x3f,
    0xf8, 0xc9, 0xca, 0xcb, 0xc8, 0xcd, 0xce, 0xcf, 0xcc, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22,
    0xd8, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xab, 0xbb, 0xf0, 0xfd, 0xfe, 0xb1,
    0xb0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xaa, 0xba, 0xe6, 0xb8, 0xc6, 0xa4,
    0xb5, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xa1, 0xbf, 0xd0, 0x5b, 0xde, 0xae,
    0xac, 0xa3, 0xa5, 0xb7, 0xa9, 0xa7, 0xb6, 0xbc, 0xbd, 0xbe, 0xdd, 0xa8, 0xaf, 0x5d, 0xb4, 0xd7,
    0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xad, 0xf4, 0xf6, 0xf2, 0xf3, 0xf5,
    0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0xb9, 0xfb, 0xfc, 0xf9, 0xfa, 0xff,
    0x5c, 0xf7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xb2, 0xd4, 0xd6, 0xd2, 0xd3, 0xd5,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xb3, 0xdb, 0xdc, 0xd9, 0xda, 0x9f,
];

/// Code page 037 differs in six octets.
const FROM_037: [u8; 256] = {
    let mut table = FROM_1047;
    table[0x5f] = 0xac;
    table[0xad] = 0xdd;
    table[0xb0] = 0x5e;
    table[0xba] = 0x5b;
    table[0xbb] = 0x5d;
    table[0xbd] = 0xa8;
    table
};

const TO_1047: [u8; 256] = inverse(&FROM_1047);
const TO_037: [u8; 256] = inverse(&FROM_037);

#[allow(
    clippy::cast_possible_truncation,
    reason = "an index below 256; no other conversion works at compile time"
)]
const fn inverse(table: &[u8; 256]) -> [u8; 256] {
    let mut to = [SUB; 256];
    let mut octet = 0;
    while octet < 256 {
        to[table[octet] as usize] = octet as u8;
        octet += 1;
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGES: [CodePage; 2] = [CodePage::Cp1047, CodePage::Cp037];

    fn sent(page: CodePage, charset: Charset, file: &[u8], size: usize) -> Vec<u8> {
        let (mut out, mut transducer) = (Vec::new(), ToNetwork::new(page, charset));
        file.chunks(size).for_each(|chunk| transducer.push(chunk, &mut out));
        transducer.finish(&mut out);
        out
    }

    fn received(page: CodePage, charset: Charset, wire: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        ToLocal::new(page, charset).push(wire, &mut out);
        out
    }

    #[test]
    fn text_reads_as_it_does_on_a_mainframe() {
        let (file, wire) = ("Hello, [World]!\n", *b"\xc8\x85\x93\x93\x96\x6b\x40");
        let sent_1047 = sent(CodePage::Cp1047, Charset::Utf8, file.as_bytes(), 99);
        assert_eq!(sent_1047[..7], wire);
        assert_eq!(sent_1047[7..], *b"\xad\xe6\x96\x99\x93\x84\xbd\x5a\x15");
        let sent_037 = sent(CodePage::Cp037, Charset::Utf8, file.as_bytes(), 99);
        assert_eq!(sent_037[7..], *b"\xba\xe6\x96\x99\x93\x84\xbb\x5a\x15");
    }

    #[test]
    fn lines_end_with_nl_and_the_other_two_are_exchanged() {
        for page in PAGES {
            assert_eq!(sent(page, Charset::Latin1, b"\n\x85\r", 9), b"\x15\x25\x0d");
            assert_eq!(received(page, Charset::Latin1, b"\x15\x25\x0d"), b"\n\x85\r");
        }
    }

    #[test]
    fn every_octet_is_one_character_both_ways() {
        let all: Vec<u8> = (0..=255).collect();
        for page in PAGES {
            let wire = sent(page, Charset::Latin1, &all, 99);
            assert_eq!(received(page, Charset::Latin1, &wire), all);
            let mut sorted = wire;
            sorted.sort_unstable();
            assert_eq!(sorted, all);
            // Through UTF-8 as well.
            let text = received(page, Charset::Utf8, &all);
            assert_eq!(String::from_utf8(text.clone()).unwrap().chars().count(), 256);
            assert_eq!(sent(page, Charset::Utf8, &text, 1), all);
        }
    }

    #[test]
    fn what_latin_1_lacks_is_sub_and_what_is_no_utf_8_is_latin_1() {
        let e_acute = 0x51;
        let cases: &[(&[u8], &[u8])] = &[
            ("é".as_bytes(), &[e_acute]),
            (b"\xe9", &[e_acute]),
            (b"\xe9a", &[e_acute, 0x81]),
            (b"\xe9\xc3\xa9", &[e_acute, e_acute]),
            ("€".as_bytes(), &[SUB]),
            ("𝄞a".as_bytes(), &[SUB, 0x81]),
            (b"\xe2\x82", &[0x42, 0x22]),
            (b"\xe2\x82a", &[0x42, 0x22, 0x81]),
            (b"\xff\x80", &[0xdf, 0x20]),
        ];
        for (file, wire) in cases {
            for size in 1..4 {
                let got = sent(CodePage::Cp1047, Charset::Utf8, file, size);
                assert_eq!(&got, wire, "{}", file.escape_ascii());
            }
        }
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference_and_nothing_grows(
            file in proptest::collection::vec(any::<u8>(), 0..99),
            text in ".{0,40}",
            size in 1usize..9,
        ) {
            for file in [&file[..], text.as_bytes()] {
                let whole = sent(CodePage::Cp037, Charset::Utf8, file, 99);
                prop_assert!(whole.len() <= file.len());
                prop_assert_eq!(sent(CodePage::Cp037, Charset::Utf8, file, size), whole);
            }
        }

        #[test]
        fn any_octets_received_are_sent_again(
            wire in proptest::collection::vec(any::<u8>(), 0..99),
            latin1: bool,
        ) {
            let charset = if latin1 { Charset::Latin1 } else { Charset::Utf8 };
            for page in PAGES {
                let file = received(page, charset, &wire);
                prop_assert_eq!(&sent(page, charset, &file, 7), &wire);
            }
        }
    }
}
