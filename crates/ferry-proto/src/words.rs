//! Arguments that are more than one name: words separated by spaces or commas, each bare or in
//! double quotes with an inner quote doubled (COMB, MMD5, SITE COPY, the X forms of HASH;
//! docs/protocol.md).

use std::borrow::Cow;

use crate::command::number;
use crate::path::write_quoted;

/// One word of an argument.
pub type Word<'a> = Cow<'a, [u8]>;

/// Reads a word in quotes and gives what follows it; `None` when no quote opens or none closes.
fn quoted(text: &[u8]) -> Option<(Word<'_>, &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let mut word = Vec::new();
    let mut at = 0;
    loop {
        match (inner.get(at)?, inner.get(at + 1)) {
            (b'"', Some(b'"')) => {
                word.push(b'"');
                at += 2;
            }
            (b'"', _) => break,
            (b, _) => {
                word.push(*b);
                at += 1;
            }
        }
    }
    (!word.is_empty()).then(|| (Cow::Owned(word), inner.get(at + 1..).unwrap_or_default()))
}

fn skip_spaces(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

fn trim(mut text: &[u8]) -> &[u8] {
    text = skip_spaces(text);
    while let [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

/// The words of `text`, separated by spaces; `None` when a quote is not closed, something touches
/// a closing quote, or a word is empty.
#[must_use]
pub fn split(text: &[u8]) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = skip_spaces(text);
    while !rest.is_empty() {
        let (word, after) = if rest.starts_with(b"\"") {
            quoted(rest)?
        } else {
            let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end)?;
            (Cow::Borrowed(word), after)
        };
        if !after.is_empty() && !after.starts_with(b" ") {
            return None;
        }
        words.push(word);
        rest = skip_spaces(after);
    }
    Some(words)
}

/// As [`split`], separated by commas; spaces around a bare name are not part of it.
#[must_use]
pub fn split_commas(text: &[u8]) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = skip_spaces(rest);
        let (word, after) = if rest.starts_with(b"\"") {
            let (word, after) = quoted(rest)?;
            (word, skip_spaces(after))
        } else {
            let end = rest.iter().position(|&b| b == b',').unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end)?;
            (Cow::Borrowed(trim(word)), after)
        };
        if word.is_empty() {
            return None;
        }
        words.push(word);
        match after {
            [] => return Some(words),
            [b',', more @ ..] => rest = more,
            _ => return None,
        }
    }
}

/// A name, bare or in quotes, that two numbers may follow: start and end. One number alone means
/// different things to different servers and is refused (`None`). A name with a closing quote
/// nowhere is bare and starts with a quote.
#[must_use]
pub fn name_and_range(text: &[u8]) -> Option<(Word<'_>, Option<(u64, u64)>)> {
    let (name, numbers) = match quoted(text) {
        Some((name, rest)) => {
            if !rest.is_empty() && !rest.starts_with(b" ") {
                return None;
            }
            let numbers: Vec<_> = rest.split(|&b| b == b' ').filter(|w| !w.is_empty()).collect();
            return match *numbers.as_slice() {
                [] => Some((name, None)),
                [start, end] => Some((name, Some((number(start)?, number(end)?)))),
                _ => None,
            };
        }
        None => last_word(text),
    };
    let whole = Some((Cow::Borrowed(text), None));
    let Some(end) = numbers.and_then(number) else {
        return whole;
    };
    let (name, start) = last_word(name);
    let start = start.and_then(number)?;
    (!name.is_empty()).then_some((Cow::Borrowed(name), Some((start, end))))
}

/// What stands before the last space, and the word behind it if there is one.
fn last_word(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().rposition(|&b| b == b' ') {
        Some(i) => (text.get(..i).unwrap_or_default(), text.get(i + 1..)),
        None => (text, None),
    }
}

/// Appends a word so that it reads back, in quotes where it must be.
pub fn write(word: &[u8], out: &mut Vec<u8>) {
    if word.starts_with(b"\"") || word.contains(&b' ') || word.contains(&b',') {
        write_quoted(word, out);
    } else {
        out.extend_from_slice(word);
    }
}

/// Words as one argument, with `separator` between them.
#[must_use]
pub fn join(words: &[Word<'_>], separator: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(separator);
        }
        write(word, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(words: Option<Vec<Word<'_>>>) -> Option<Vec<String>> {
        let text = |w: &Word<'_>| String::from_utf8_lossy(w).into_owned();
        words.map(|words| words.iter().map(text).collect())
    }

    #[test]
    fn words_are_bare_or_in_quotes() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("a b", Some(&["a", "b"])),
            ("  a   b ", Some(&["a", "b"])),
            (r#""a b" c"#, Some(&["a b", "c"])),
            (r#""say ""hi""" x"#, Some(&[r#"say "hi""#, "x"])),
            (r#"a"b c"#, Some(&["a\"b", "c"])),
            ("a,b", Some(&["a,b"])),
            ("", Some(&[])),
            (r#""a"#, None),
            (r#""a"b"#, None),
            (r#""" a"#, None),
        ];
        for (text, want) in cases {
            let want = want.map(|w| w.iter().map(|s| (*s).to_owned()).collect());
            assert_eq!(shown(split(text.as_bytes())), want, "{text}");
        }
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("a", Some(&["a"])),
            ("a b, c", Some(&["a b", "c"])),
            (r#""a, b" , c"#, Some(&["a, b", "c"])),
            ("a,,b", None),
            ("a,", None),
            ("", None),
            (r#""a" b"#, None),
        ];
        for (text, want) in cases {
            let want = want.map(|w| w.iter().map(|s| (*s).to_owned()).collect());
            assert_eq!(shown(split_commas(text.as_bytes())), want, "{text}");
        }
    }

    #[test]
    fn a_range_is_two_numbers_behind_the_name() {
        type Read<'a> = Option<(&'a str, Option<(u64, u64)>)>;
        let cases: &[(&str, Read<'_>)] = &[
            ("f", Some(("f", None))),
            ("a b", Some(("a b", None))),
            ("f 1 20", Some(("f", Some((1, 20))))),
            ("a b 1 20", Some(("a b", Some((1, 20))))),
            (r#""a 1 2""#, Some(("a 1 2", None))),
            (r#""a b" 0 5"#, Some(("a b", Some((0, 5))))),
            ("f 1", None),
            (r#""f" 1"#, None),
            (r#""f" 1 2 3"#, None),
            (r#""f" x y"#, None),
            (r#""f"x"#, None),
            ("1 2", None),
            ("7", Some(("7", None))),
            ("f 1 9223372036854775808", Some(("f 1 9223372036854775808", None))),
            ("\"open", Some(("\"open", None))),
        ];
        for (text, want) in cases {
            let got = name_and_range(text.as_bytes());
            let got = got.map(|(n, r)| (String::from_utf8_lossy(&n).into_owned(), r));
            assert_eq!(got, want.map(|(n, r)| (n.to_owned(), r)), "{text}");
        }
    }

    /// Any octet, those that mean something often.
    fn octet() -> impl Strategy<Value = u8> {
        prop_oneof![any::<u8>(), Just(b'"'), Just(b' '), Just(b',')]
    }

    proptest! {
        #[test]
        fn printed_words_read_back(
            words in proptest::collection::vec(
                proptest::collection::vec(octet(), 1..12),
                1..5,
            ),
        ) {
            let words: Vec<Word<'_>> = words.into_iter().map(Cow::Owned).collect();
            let (spaced, listed) = (join(&words, b" "), join(&words, b", "));
            prop_assert_eq!(split(&spaced), Some(words.clone()));
            prop_assert_eq!(split_commas(&listed), Some(words.clone()));
        }

        #[test]
        fn no_text_makes_them_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (split(&text), split_commas(&text), name_and_range(&text));
        }
    }
}
