//! What a server says it can do: the FEAT reply as a client reads it (RFC 2389 §3.2).
//!
//! Servers differ in every detail, so lines are only split into label and parameters here and
//! the questions a client asks are answered from that. A server that lists nothing may still be
//! able to do it; whether to try is the client's decision.

use crate::facts::FactSet;

/// The most features kept; no server has near as many.
pub const FEATURES_MAX: usize = 512;

/// Labels that are recognised where a server puts features on lines that should hold none.
const KNOWN: [&str; 40] = [
    "AUTH", "AVBL", "CCC", "CLNT", "COMB", "CPSV", "CSID", "DSIZ", "EPRT", "EPSV", "ESTA", "HASH",
    "HOST", "LANG", "MDTM", "MFCT", "MFF", "MFMT", "MLSD", "MLST", "MODE", "NOOP", "OPTS", "PASV",
    "PBSZ", "PRET", "PROT", "RANG", "REST", "RMDA", "SITE", "SIZE", "SSCN", "TVFS", "UTF-8",
    "UTF8", "XCRC", "XMD5", "XSHA1", "XSHA256",
];

/// Second words that belong to the label before them when a whole list stands on one line.
const SECOND_WORDS: [&str; 9] =
    ["TLS", "SSL", "TLS-C", "TLS-P", "STREAM", "B", "C", "Z", "TLS;SSL;"];

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feature {
    /// The first word, in upper case.
    pub label: String,
    /// The rest of the line as it came, without blanks around it.
    pub parameters: Vec<u8>,
}

/// Everything a server listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Features {
    list: Vec<Feature>,
    /// The letters of MODE, one bit each: clients ask for these with every file.
    modes: u32,
}

impl Features {
    /// Reads the lines of a 211 reply, as [`ReplyReader`](crate::reply_reader::ReplyReader) gives
    /// them. Lines with a NUL and features beyond [`FEATURES_MAX`] are left out.
    #[must_use]
    pub fn parse<L: AsRef<[u8]>>(lines: &[L]) -> Self {
        let mut features = Self::default();
        match lines {
            [] => {}
            [only] => features.take_words(only.as_ref()),
            [first, between @ .., last] => {
                features.take_if_known(first.as_ref());
                for line in between {
                    features.take_line(line.as_ref());
                }
                features.take_if_known(last.as_ref());
            }
        }
        for letter in b'A'..=b'Z' {
            if features.any_first_word("MODE", |word| word.eq_ignore_ascii_case(&[letter])) {
                features.modes |= 1 << (letter - b'A');
            }
        }
        features
    }

    /// The features in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = &Feature> {
        self.list.iter()
    }

    /// Whether the server listed anything at all; if not, it may be too old to know FEAT.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a line with this label (in any case) is there.
    #[must_use]
    pub fn has(&self, label: &str) -> bool {
        self.with_label(label).next().is_some()
    }

    /// The parameters of the first line with this label.
    #[must_use]
    pub fn parameters(&self, label: &str) -> Option<&[u8]> {
        self.with_label(label).next().map(|feature| feature.parameters.as_slice())
    }

    /// Whether AUTH with TLS is offered, under any of its names.
    #[must_use]
    pub fn auth_tls(&self) -> bool {
        self.any_word("AUTH", |word| {
            [&b"TLS"[..], b"TLS-C", b"TLS-P", b"SSL"].iter().any(|m| word.eq_ignore_ascii_case(m))
        })
    }

    /// Whether names are UTF-8.
    #[must_use]
    pub fn utf8(&self) -> bool {
        self.has("UTF8") || self.has("UTF-8")
    }

    /// Whether transfers restart at an octet offset; some list REST without STREAM and mean it.
    #[must_use]
    pub fn rest_stream(&self) -> bool {
        self.with_label("REST").any(|feature| {
            feature.parameters.is_empty() || feature.parameters.eq_ignore_ascii_case(b"STREAM")
        })
    }

    /// Whether MLST and MLSD are there.
    #[must_use]
    pub fn mlst(&self) -> bool {
        self.has("MLST") || self.has("MLSD")
    }

    /// The facts of MLST that are on, of those this crate knows.
    #[must_use]
    pub fn mlst_facts_on(&self) -> FactSet {
        self.mlst_facts()
            .filter_map(|fact| fact.strip_suffix(b"*"))
            .fold(FactSet::NONE, |set, fact| {
                FactSet::parse_opts(fact).map_or(set, |known| set.with(known))
            })
    }

    /// The facts of MLST that can be on, of those this crate knows.
    #[must_use]
    pub fn mlst_facts_known(&self) -> FactSet {
        self.mlst_facts().fold(FactSet::NONE, |set, fact| {
            let fact = fact.strip_suffix(b"*").unwrap_or(fact);
            FactSet::parse_opts(fact).map_or(set, |known| set.with(known))
        })
    }

    /// Whether MDTM with a time in front of the path sets it.
    #[must_use]
    pub fn mdtm_sets(&self) -> bool {
        self.has("MDTM-MODIFY") || self.parameters("MDTM").is_some_and(|p| !p.is_empty())
    }

    /// Whether a transmission mode (`B`, `C`, `Z`) is listed.
    #[must_use]
    pub fn mode(&self, letter: u8) -> bool {
        let letter = letter.to_ascii_uppercase();
        letter.is_ascii_uppercase() && self.modes & (1 << (letter - b'A')) != 0
    }

    /// Whether a SITE command is listed, on a line of its own or as `SITE A;B`.
    #[must_use]
    pub fn site(&self, command: &str) -> bool {
        self.any_word("SITE", |word| word.eq_ignore_ascii_case(command.as_bytes()))
    }

    /// The algorithms of HASH, in upper case, and which of them is in force.
    #[must_use]
    pub fn hash_algorithms(&self) -> Vec<(String, bool)> {
        let lines = self.with_label("HASH");
        let words = lines.flat_map(|feature| words(&feature.parameters));
        let named = words.map(|word| {
            let on = word.strip_suffix(b"*");
            let name = String::from_utf8_lossy(on.unwrap_or(word)).to_ascii_uppercase();
            (name, on.is_some())
        });
        named.filter(|(name, _)| !name.is_empty()).collect()
    }

    fn with_label(&self, label: &str) -> impl Iterator<Item = &Feature> {
        self.list.iter().filter(move |feature| feature.label.eq_ignore_ascii_case(label))
    }

    fn any_word(&self, label: &str, is: impl Fn(&[u8]) -> bool) -> bool {
        self.with_label(label).any(|feature| words(&feature.parameters).any(&is))
    }

    fn any_first_word(&self, label: &str, is: impl Fn(&[u8]) -> bool) -> bool {
        self.with_label(label).any(|feature| words(&feature.parameters).next().is_some_and(&is))
    }

    fn mlst_facts(&self) -> impl Iterator<Item = &[u8]> {
        let facts = self.with_label("MLST").flat_map(|f| f.parameters.split(|b| *b == b';'));
        facts.map(<[u8]>::trim_ascii).filter(|fact| !fact.is_empty())
    }

    /// A line as the standard has it: blanks, label, perhaps a blank and parameters.
    fn take_line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"211-").unwrap_or(line);
        let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
        let (label, parameters) = line.split_at_checked(end).unwrap_or((line, b""));
        self.add(label, parameters.trim_ascii());
    }

    /// The first and the last line hold text for people, unless a server puts the list there.
    fn take_if_known(&mut self, line: &[u8]) {
        if is_known(line.trim_ascii()) {
            self.take_line(line);
        }
    }

    /// A whole list on one line: every known label, with the parameter that belongs to it.
    fn take_words(&mut self, line: &[u8]) {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).peekable();
        while let Some(word) = words.next() {
            if !is_known(word) {
                continue;
            }
            let second = words.next_if(|next| {
                SECOND_WORDS.iter().any(|known| next.eq_ignore_ascii_case(known.as_bytes()))
                    || next.contains(&b';')
            });
            self.add(word, second.unwrap_or_default());
        }
    }

    fn add(&mut self, label: &[u8], parameters: &[u8]) {
        let Ok(label) = core::str::from_utf8(label) else {
            return;
        };
        let nul = label.contains('\0') || parameters.contains(&0);
        if !label.is_empty() && !nul && self.list.len() < FEATURES_MAX {
            let label = label.to_ascii_uppercase();
            self.list.push(Feature { label, parameters: parameters.to_vec() });
        }
    }
}

fn is_known(word: &[u8]) -> bool {
    KNOWN.iter().any(|label| word.eq_ignore_ascii_case(label.as_bytes()))
}

/// Parameters are lists with `;`, sometimes `,`, sometimes blanks between.
fn words(parameters: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = parameters.split(|b| matches!(b, b';' | b',') || b.is_ascii_whitespace());
    parts.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn between(lines: &[&str]) -> Features {
        let mut all = vec!["Extensions supported:"];
        all.extend_from_slice(lines);
        all.push("End");
        Features::parse(&all)
    }

    #[test]
    fn a_list_by_the_standard_is_understood() {
        let features = between(&[
            " AUTH TLS",
            " HASH SHA-256*;SHA-512",
            " MDTM",
            " MLST type*;size;UNIX.mode*;lang*;",
            " MODE Z",
            " REST STREAM",
            " SITE CHMOD",
            " SITE UTIME",
            " UTF8",
        ]);
        assert_eq!(features.iter().count(), 9);
        assert!(features.auth_tls() && features.utf8() && features.rest_stream());
        assert!(features.mlst() && features.has("mdtm") && !features.mdtm_sets());
        assert!(features.mode(b'z') && !features.mode(b'B'));
        assert!(features.site("utime") && !features.site("SYMLINK"));
        assert_eq!(features.mlst_facts_on(), FactSet::TYPE.with(FactSet::UNIX_MODE));
        assert!(features.mlst_facts_known().contains(FactSet::SIZE));
        let hashes = [("SHA-256".to_owned(), true), ("SHA-512".to_owned(), false)];
        assert_eq!(features.hash_algorithms(), hashes);
        assert_eq!(features.parameters("MODE"), Some(&b"Z"[..]));
    }

    #[test]
    fn the_forms_of_other_servers_are_understood() {
        assert!(between(&["\tutf-8"]).utf8());
        assert!(between(&["   Utf8  "]).utf8());
        assert!(between(&["211-UTF8"]).utf8());
        for mechanisms in ["SSL", "TLS;SSL;", "TLS;TLS-C;SSL;TLS-P;", "TLS-C", "tls", "SSL TLS"] {
            assert!(between(&[&format!(" AUTH {mechanisms}")]).auth_tls(), "{mechanisms}");
        }
        assert!(!between(&[" AUTH GSSAPI"]).auth_tls() && !between(&[" AUTH"]).auth_tls());
        assert!(between(&[" MLSD"]).mlst() && between(&[" REST"]).rest_stream());
        assert!(between(&[" MDTM YYYYMMDDHHMMSS[+-TZ];filename"]).mdtm_sets());
        assert!(between(&[" MDTM-MODIFY"]).mdtm_sets());
        assert!(between(&[" SITE COPY;MKDIR;UTIME"]).site("MKDIR"));
        assert!(between(&[" HASH"]).hash_algorithms().is_empty());
        assert!(between(&[" MODE Z LEVEL 6"]).mode(b'Z'));
        assert!(!between(&[" MODE Z C"]).mode(b'C'));
        assert!(between(&[" RFC 959 2389", " XCRC \"filename\" SP EP", " LIST -l"]).has("XCRC"));
    }

    #[test]
    fn features_outside_the_list_are_found() {
        let features = Features::parse(&["SIZE", "MDTM", "REST STREAM", "UTF8"]);
        assert!(features.has("SIZE") && features.utf8() && features.rest_stream());
        let features =
            Features::parse(&["Features: MDTM SIZE REST STREAM AUTH TLS MLST type*;size*; UTF8"]);
        assert!(features.auth_tls() && features.rest_stream() && features.utf8());
        assert!(features.mlst_facts_on().contains(FactSet::SIZE) && features.has("MDTM"));
        assert_eq!(features.iter().count(), 6);
        assert!(Features::parse(&["No features"]).is_empty());
        assert!(between(&[]).is_empty() && Features::parse::<&str>(&[]).is_empty());
    }

    #[test]
    fn what_cannot_be_a_feature_is_left_out() {
        assert!(between(&[" SIZE\0", "", "  ", " MODE \0Z"]).is_empty());
        let many: Vec<String> = (0..1000).map(|i| format!(" X{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(between(&many).iter().count(), FEATURES_MAX);
    }

    proptest! {
        #[test]
        fn listed_features_are_found_again(
            listed in proptest::collection::vec("[A-Z0-9]{1,8}( [!-~]{1,8})?", 0..20),
        ) {
            let lines: Vec<String> = listed.iter().map(|line| format!(" {line}")).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let read = between(&lines);
            let read: Vec<String> = read.iter().map(|f| {
                let parameters = String::from_utf8_lossy(&f.parameters);
                format!("{} {parameters}", f.label).trim_end().to_owned()
            }).collect();
            prop_assert_eq!(read, listed);
        }
    }
}
