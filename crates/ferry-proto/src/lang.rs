//! The languages of reply texts (LANG, RFC 2640 §4).
//!
//! Replies are written in English where they are made, and that text is the key to the others: a
//! row of a catalogue is an English text and what it is called there. `{}` stands for whatever the
//! reply puts in its place and goes over as it is, `{t}` for a part that has a row of its own. A
//! session that speaks English never looks anything up. Reply codes, lines of FEAT and HELP, and
//! what clients are known to read out of texts are the same in every language.

mod de;
mod es;
mod fr;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A language that replies can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Language {
    /// `en`
    #[default]
    English,
    /// `de`
    German,
    /// `es`
    Spanish,
    /// `fr`
    French,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::Spanish, Self::French];

    /// Its tag (RFC 1766).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Spanish => "es",
            Self::French => "fr",
        }
    }

    /// The language of a tag, of which only the first part counts: `de-AT` is German.
    #[must_use]
    pub fn find(tag: &[u8]) -> Option<Self> {
        let first = tag.split(|&b| b == b'-').next()?;
        Self::ALL.into_iter().find(|l| l.tag().as_bytes().eq_ignore_ascii_case(first))
    }

    /// What follows LANG in FEAT, with a mark behind this one (RFC 2640 §4.3).
    #[must_use]
    pub fn feat_value(self) -> String {
        let one = |l: Self| format!("{}{}", l.tag(), if l == self { "*" } else { "" });
        Self::ALL.map(one).join(";")
    }

    /// An English reply text in this language. What has no row stays as it is.
    #[must_use]
    pub fn text(self, english: &str) -> Cow<'_, str> {
        let found = self.catalogue().and_then(|catalogue| catalogue.find(english));
        found.unwrap_or_else(|| Cow::Owned(english.to_owned()))
    }

    fn catalogue(self) -> Option<&'static Catalogue> {
        match self {
            Self::English => None,
            Self::German => Some(&GERMAN),
            Self::Spanish => Some(&SPANISH),
            Self::French => Some(&FRENCH),
        }
    }
}

static GERMAN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(de::TEXTS));
static SPANISH: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(es::TEXTS));
static FRENCH: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(fr::TEXTS));

/// The rows of one language: whole texts by their English, and those with gaps in order.
#[derive(Debug)]
struct Catalogue {
    whole: HashMap<&'static str, &'static str>,
    gapped: Vec<(Template, Template)>,
}

impl Catalogue {
    fn new(rows: &'static [(&'static str, &'static str)]) -> Self {
        let (gapped, whole): (Vec<_>, Vec<_>) =
            rows.iter().copied().partition(|(english, _)| Template::new(english).has_gaps());
        Self {
            whole: whole.into_iter().collect(),
            gapped: gapped
                .into_iter()
                .map(|(english, ours)| (Template::new(english), Template::new(ours)))
                .collect(),
        }
    }

    fn find(&self, english: &str) -> Option<Cow<'static, str>> {
        if let Some(ours) = self.whole.get(english) {
            return Some(Cow::Borrowed(ours));
        }
        self.gapped.iter().find_map(|(theirs, ours)| {
            let parts = theirs.parts_of(english)?;
            let parts = parts.iter().zip(&theirs.gaps).map(|(part, translated)| {
                let found = translated.then(|| self.find(part)).flatten();
                found.unwrap_or_else(|| Cow::Owned((*part).to_owned()))
            });
            Some(Cow::Owned(ours.filled(parts)))
        })
    }
}

/// A text with gaps in it.
#[derive(Debug)]
struct Template {
    /// What stands before the first gap, and then what stands after each.
    pieces: Vec<&'static str>,
    /// For each gap, whether what fills it is translated, too.
    gaps: Vec<bool>,
}

impl Template {
    fn new(text: &'static str) -> Self {
        let (mut pieces, mut gaps) = (Vec::new(), Vec::new());
        let mut rest = text;
        while let Some((piece, after)) = rest.split_once('{') {
            pieces.push(piece);
            gaps.push(after.starts_with('t'));
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
        pieces.push(rest);
        Self { pieces, gaps }
    }

    fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// What fills the gaps of this in `text`, if `text` is one of it.
    fn parts_of<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        let (first, others) = self.pieces.split_first()?;
        let (last, middle) = others.split_last()?;
        let mut rest = text.strip_prefix(first)?;
        let mut parts = Vec::with_capacity(self.gaps.len());
        for piece in middle {
            let (part, after) = rest.split_once(piece)?;
            parts.push(part);
            rest = after;
        }
        parts.push(rest.strip_suffix(last)?);
        parts.iter().all(|part| !part.is_empty()).then_some(parts)
    }

    fn filled<'a>(&self, mut parts: impl Iterator<Item = Cow<'a, str>>) -> String {
        let mut out = String::new();
        for (i, piece) in self.pieces.iter().enumerate() {
            if i > 0 {
                out += &parts.next().unwrap_or_default();
            }
            out += piece;
        }
        out
    }
}

/// Texts that are the same in every language, because clients read them.
#[cfg(test)]
const FIXED: &[&str] = &[
    "End",
    "UNIX Type: L8",
    "PBSZ=0",
    "SSCN:CLIENT METHOD",
    "SSCN:SERVER METHOD",
    "Current UMASK is {}.",
    "MLST OPTS {}",
    "MLST OPTS",
    "Modify={}; ",
    "Entering Passive Mode ({}).",
    "Entering Extended Passive Mode ({})",
    "Entering Long Passive Mode ({})",
    "TYPE: {}, STRU: File, MODE: Stream",
    "Transfer: {}, {} bytes",
    "UTC+0",
    "SHA-256",
    "SHA-512",
    "SHA-1",
    "MD5",
    "CRC32",
    "X-BLAKE3",
];

/// Whether a text has a row in every catalogue, is the same in all of them, or is itself a
/// translation.
#[cfg(test)]
pub(crate) fn is_covered(text: &str) -> bool {
    let one_of = |of: &'static str| of == text || Template::new(of).parts_of(text).is_some();
    !text.contains(char::is_alphabetic)
        || FIXED.iter().any(|fixed| one_of(fixed))
        || [&*GERMAN, &SPANISH, &FRENCH].iter().all(|c| c.find(text).is_some())
        || [de::TEXTS, es::TEXTS, fr::TEXTS].iter().any(|rows| rows.iter().any(|r| one_of(r.1)))
}

#[cfg(test)]
mod tests;
