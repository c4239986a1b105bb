//! Listings that come in EBCDIC: in TYPE I some mainframes send what they have. The first line
//! tells, and everything is converted from code page 1047 before it is read.

use std::borrow::Cow;

use crate::repr::ebcdic::{Charset, CodePage, ToLocal};

/// The blank, and the two octets that end lines: NL and LF.
const BLANK: u8 = 0x40;
const NL: u8 = 0x15;
const LF: u8 = 0x25;

/// How much is looked at before a first line; it is then taken for what everybody else sends.
const FIRST_MAX: usize = 1024;

/// A first line that is shorter tells nothing.
const FIRST_MIN: usize = 6;

/// What the octets of a listing are, as far as that is known.
#[derive(Debug)]
pub(super) enum Coding {
    /// These came, and do not tell.
    Unseen(Vec<u8>),
    /// ASCII or what contains it.
    Ascii,
    Ebcdic(ToLocal),
}

impl Coding {
    /// Takes octets and gives what can be read, if there is anything yet.
    pub(super) fn take<'a>(&mut self, octets: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Ascii => Cow::Borrowed(octets),
            Self::Ebcdic(table) => Cow::Owned(convert(table, octets)),
            Self::Unseen(held) if held.is_empty() && told(octets) == Some(false) => {
                *self = Self::Ascii;
                Cow::Borrowed(octets)
            }
            Self::Unseen(held) => {
                held.extend_from_slice(octets);
                match told(held) {
                    Some(ebcdic) => Cow::Owned(self.decide(ebcdic)),
                    None => Cow::Borrowed(&[]),
                }
            }
        }
    }

    /// At the end: what is left.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        // A line that does not end is no proof.
        match self {
            Self::Unseen(_) => self.decide(false),
            Self::Ascii | Self::Ebcdic(_) => Vec::new(),
        }
    }

    fn decide(&mut self, ebcdic: bool) -> Vec<u8> {
        let table = ToLocal::new(CodePage::Cp1047, Charset::Utf8);
        let decided = if ebcdic { Self::Ebcdic(table.clone()) } else { Self::Ascii };
        match core::mem::replace(self, decided) {
            Self::Unseen(held) if ebcdic => convert(&table, &held),
            Self::Unseen(held) => held,
            Self::Ascii | Self::Ebcdic(_) => Vec::new(),
        }
    }
}

/// Nothing, for a reader that has seen nothing.
impl Default for Coding {
    fn default() -> Self {
        Self::Unseen(Vec::new())
    }
}

/// Whether a listing that begins so is in EBCDIC, if that can be told. What comes first decides,
/// so that it does not matter in which portions it comes: the end of the first line, or an octet
/// that no text in EBCDIC holds, where blank and LF of ASCII are control characters of terminals.
fn told(octets: &[u8]) -> Option<bool> {
    let seen = octets.get(..FIRST_MAX).unwrap_or(octets);
    let ascii = memchr::memchr2(b' ', b'\n', seen);
    let before = seen.get(..ascii.unwrap_or(seen.len())).unwrap_or(seen);
    match first_line(before) {
        Some(line) => Some(is_ebcdic(line)),
        None if ascii.is_some() || octets.len() >= FIRST_MAX => Some(false),
        None => None,
    }
}

/// The first line that is not empty, if its end is there.
fn first_line(octets: &[u8]) -> Option<&[u8]> {
    let ends = |octet: &u8| matches!(*octet, NL | LF);
    let start = octets.iter().position(|octet| !ends(octet) && *octet != b'\r')?;
    let rest = octets.get(start..)?;
    rest.get(..rest.iter().position(ends)?)
}

/// Whether a line is text in EBCDIC: nothing but printable characters, with blanks in between, and
/// most of the others letters and digits, which all are above 80 there.
fn is_ebcdic(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut text = Vec::new();
    ToLocal::new(CodePage::Cp1047, Charset::Latin1).push(line, &mut text);
    let printable = text.iter().all(|octet| matches!(octet, b' '..=b'~'));
    let seen = line.iter().filter(|octet| **octet != BLANK).count();
    let high = line.iter().filter(|octet| !octet.is_ascii()).count();
    line.len() >= FIRST_MIN && printable && line.contains(&BLANK) && high * 2 > seen
}

fn convert(table: &ToLocal, octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    for part in octets.split_inclusive(|octet| *octet == LF) {
        match part.strip_suffix(&[LF]) {
            Some(line) => {
                table.push(line, &mut out);
                out.push(b'\n');
            }
            None => table.push(part, &mut out),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Hint, ListedEntry, ListingReader, Report, System};
    use super::*;
    use crate::date::UnixTime;
    use crate::repr::ebcdic::ToNetwork;
    use proptest::prelude::*;

    const LISTINGS: [&str; 5] = [
        "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\n\
         WORK01 3390   2024/03/09  1   15  FB      80  8000  PO  MIRA.JCL.CNTL\n\
         WORK02 3390   2024/05/11  2   30  VB     255 27998  PS  MIRA.LOG\n",
        " Name     VV.MM   Created       Changed      Size  Init   Mod   Id\n\
         REPORT    01.03 2024/02/11 2024/06/01 09:30   120   100     0 MIRA\n",
        "total 2\n-rw-r--r--   1 mira     dev         48213 May  7  2024 notes v2.txt\n\
         drwxr-xr-x   2 mira     dev          4096 Jan 12  2021 archive\n",
        "type=file;size=12;modify=20240102030405; a b.txt\ntype=dir; sub\n",
        "04-27-24  12:09PM       <DIR>          pub\n04-27-24  01:10PM   512 read.me\n",
    ];

    fn read(octets: &[u8], pieces: usize, asked: Asked) -> (Vec<ListedEntry>, Report) {
        let hint = Hint { asked, system: System::default() };
        let mut reader = ListingReader::new(hint, UnixTime::from_secs(1_720_000_000));
        let mut entries = Vec::new();
        for piece in octets.chunks(pieces.max(1)) {
            reader.feed(piece, &mut entries);
        }
        let report = reader.finish(&mut entries);
        (entries, report)
    }

    #[test]
    fn what_comes_behind_the_first_line_does_not_decide() {
        let mut octets = ebcdic("WORK01 A.B.C\n", &[LF]);
        octets.extend_from_slice(b"\nb \xff");
        let whole = read(&octets, octets.len(), Asked::List);
        for pieces in 1..octets.len() {
            assert_eq!(read(&octets, pieces, Asked::List), whole, "{pieces} at a time");
        }
    }

    fn ebcdic(text: &str, end: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in text.lines() {
            ToNetwork::new(CodePage::Cp1047, Charset::Utf8).push(line.as_bytes(), &mut out);
            out.extend_from_slice(end);
        }
        out
    }

    #[test]
    fn a_listing_in_ebcdic_is_the_same_listing() {
        for text in LISTINGS {
            let asked = if text.starts_with("type") { Asked::Facts } else { Asked::List };
            let plain = read(text.as_bytes(), usize::MAX, asked);
            assert!(!plain.0.is_empty(), "{text}");
            for end in [&[NL][..], &[LF], &[b'\r', NL], &[b'\r', LF]] {
                for pieces in [1, 7, 64, usize::MAX] {
                    let got = read(&ebcdic(text, end), pieces, asked);
                    assert_eq!(format!("{got:?}"), format!("{plain:?}"), "{text}");
                }
            }
        }
    }

    #[test]
    fn names_without_a_blank_are_no_ebcdic() {
        for name in ["日%", "日本%語", "résumé@%", "ЖЖЖЖЖЖЖЖЖЖ%"] {
            for text in [name.to_owned(), format!("{name}\n"), format!("{name}\r\n")] {
                let (entries, _) = read(text.as_bytes(), 1, Asked::List);
                assert_eq!(entries[0].name, name.as_bytes(), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_holds_a_blank_or_a_line_feed_of_ascii_stays_as_it_is(
            before in proptest::collection::vec(any::<u8>(), 0..20),
            after in proptest::collection::vec(any::<u8>(), 0..60),
            blank in prop_oneof![Just(b' '), Just(b'\n')],
        ) {
            prop_assume!(first_line(&before).is_none());
            let octets = [&before[..], &[blank], &after].concat();
            let mut coding = Coding::default();
            let mut got = coding.take(&octets).into_owned();
            got.extend(coding.finish());
            prop_assert_eq!(got, octets);
        }

        #[test]
        fn pieces_do_not_matter(
            octets in proptest::collection::vec(
                prop_oneof![any::<u8>(), proptest::sample::select(&b"\x40\xf2\xc1\x25\x15 \n"[..])],
                0..60,
            ),
            at in 0usize..60,
        ) {
            let (one, two) = octets.split_at(at.min(octets.len()));
            let mut whole = Coding::default();
            let mut want = whole.take(&octets).into_owned();
            want.extend(whole.finish());
            let mut cut = Coding::default();
            let mut got = cut.take(one).into_owned();
            got.extend_from_slice(&cut.take(two));
            got.extend(cut.finish());
            prop_assert_eq!(got, want);
        }
    }
}
