//! That nothing a server says is left untranslated, and that what clients read survives.

use super::*;
use std::collections::HashSet;

fn catalogues() -> [(Language, &'static [(&'static str, &'static str)]); 3] {
    [(Language::German, de::TEXTS), (Language::Spanish, es::TEXTS), (Language::French, fr::TEXTS)]
}

#[test]
fn every_message_is_there_once_in_every_language() {
    let english: Vec<&str> = de::TEXTS.iter().map(|row| row.0).collect();
    let different: HashSet<&str> = english.iter().copied().collect();
    assert_eq!(different.len(), english.len(), "an English text stands there twice");
    for (language, rows) in catalogues() {
        let theirs: Vec<&str> = rows.iter().map(|row| row.0).collect();
        assert_eq!(theirs, english, "{language:?} has other messages, or another order");
    }
}

#[test]
fn a_translation_has_the_gaps_of_its_message_and_fits_a_line() {
    for (language, rows) in catalogues() {
        for (english, ours) in rows {
            let (theirs, mine) = (Template::new(english), Template::new(ours));
            assert_eq!(theirs.gaps, mine.gaps, "{language:?}: {english}");
            assert!(!ours.is_empty() && ours.len() < 200, "{language:?}: {english}");
            assert!(!ours.contains(char::is_control), "{language:?}: {english}");
        }
    }
}

#[test]
fn what_clients_read_out_of_texts_is_the_same_in_every_language() {
    const KEPT: &[&str] = &[
        "already exists",
        "({} bytes)",
        "use ({})",
        "(4,6)",
        "SIZE not allowed in ASCII mode",
        "close_notify",
        "reuse",
        "(P)",
        "(C)",
        "<SP>",
        "TLS required",
        "Timeout",
    ];
    let name = |word: &str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase());
    for (language, rows) in catalogues() {
        for (english, ours) in rows {
            for kept in KEPT.iter().filter(|kept| english.contains(**kept)) {
                assert!(ours.contains(kept), "{language:?} lacks {kept:?}: {english}");
            }
            let words = english.split(|c: char| !c.is_ascii_alphanumeric());
            for word in words.filter(|w| name(w)) {
                assert!(ours.contains(word), "{language:?} lacks {word}: {english}");
            }
        }
    }
}

#[test]
fn gaps_are_filled_with_what_stood_there_and_spans_of_time_are_translated() {
    let cases = [
        ("The next transfer starts at 512.", "Die nächste Übertragung beginnt bei 512."),
        (
            "Timeout: no command for 5 minutes; closing.",
            "Timeout: kein Befehl seit 5 Minuten; die Verbindung wird beendet.",
        ),
        (
            "Opening data connection for listing.",
            "Datenverbindung wird geöffnet für das Verzeichnis.",
        ),
        (
            "Opening data connection for ASCII transfer (7 bytes).",
            "Datenverbindung wird geöffnet für die ASCII-Übertragung (7 bytes).",
        ),
        ("UMASK is 022 (was 077).", "UMASK ist 022 (vorher 077)."),
        ("Status of /a: b:", "Status von /a: b:"),
        ("TYPE E is not available.", "TYPE E ist nicht verfügbar."),
        ("XYZZY is not available.", "XYZZY ist nicht verfügbar."),
        ("UNIX Type: L8", "UNIX Type: L8"),
        ("Entering Passive Mode (1,2,3,4,5,6).", "Entering Passive Mode (1,2,3,4,5,6)."),
    ];
    for (english, want) in cases {
        assert_eq!(Language::German.text(english), want);
        assert_eq!(Language::English.text(english), english);
    }
}

#[test]
fn languages_are_found_by_their_tags() {
    assert_eq!(Language::find(b"DE"), Some(Language::German));
    assert_eq!(Language::find(b"fr-CA"), Some(Language::French));
    assert_eq!(Language::find(b"en-US"), Some(Language::English));
    assert_eq!(Language::find(b"tlh"), None);
    assert_eq!(Language::Spanish.feat_value(), "en;de;es*;fr");
}

/// The sources of the session machine, but for its tests.
const SOURCES: &[(&str, &str)] = &[
    ("mod", include_str!("../server/mod.rs")),
    ("account", include_str!("../server/account.rs")),
    ("action", include_str!("../server/action.rs")),
    ("admission", include_str!("../server/admission.rs")),
    ("files", include_str!("../server/files.rs")),
    ("fxp", include_str!("../server/fxp.rs")),
    ("form", include_str!("../server/form.rs")),
    ("info", include_str!("../server/info.rs")),
    ("join", include_str!("../server/join.rs")),
    ("listing", include_str!("../server/listing.rs")),
    ("login", include_str!("../server/login.rs")),
    ("params", include_str!("../server/params.rs")),
    ("place", include_str!("../server/place.rs")),
    ("site", include_str!("../server/site.rs")),
    ("state", include_str!("../server/state.rs")),
    ("transfer", include_str!("../server/transfer.rs")),
    ("who", include_str!("../server/who.rs")),
    ("work", include_str!("../server/work.rs")),
];

/// Whatever the session machine says is written as a sentence in its sources; each must have its
/// rows. So a new reply cannot be forgotten, even where no other test makes it.
#[test]
fn every_sentence_in_the_sources_of_the_machine_is_translated() {
    let declared = SOURCES[0].1.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    for module in declared.filter(|module| *module != "tests") {
        assert!(SOURCES.iter().any(|s| s.0 == module), "add {module} to SOURCES");
    }
    let (mut seen, mut missing) = (0, Vec::new());
    for (module, source) in SOURCES {
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for text in literals(source).iter().map(|t| sample(t)).filter(|t| is_sentence(t)) {
            seen += 1;
            if !is_covered(&text) {
                missing.push(format!("{module}: {text:?}"));
            }
        }
    }
    assert!(seen > 100, "only {seen} sentences were found: the sources moved");
    assert!(missing.is_empty(), "add rows to src/lang/*.rs for\n{}", missing.join("\n"));
}

/// The string literals of Rust code, with lines joined that a backslash breaks.
fn literals(source: &str) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n").replace("b'\"'", "");
    let mut out = Vec::new();
    let mut rest = code.as_str();
    while let Some((_, after)) = rest.split_once('"') {
        let mut text = String::new();
        let mut chars = after.char_indices();
        let mut end = after.len();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    end = i + 1;
                    break;
                }
                '\\' => match chars.next() {
                    Some((_, '\n')) => {
                        let rest = chars.as_str();
                        let blanks = rest.len() - rest.trim_start().len();
                        chars.by_ref().take(blanks).for_each(drop);
                    }
                    Some((_, c)) => text.push(c),
                    None => {}
                },
                c => text.push(c),
            }
        }
        out.push(text);
        rest = after.get(end..).unwrap_or_default();
    }
    out
}

fn is_sentence(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.contains(|c: char| c.is_ascii_lowercase())
        && (text.contains(' ') || text.ends_with('.'))
}

/// A text as it might go out: something in each gap.
fn sample(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((piece, after)) = rest.split_once('{') {
        out += piece;
        out += "7";
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out + rest
}
