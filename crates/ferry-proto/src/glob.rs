//! Wildcards in the last component of LIST and NLST: `*`, `?` and `[…]`.
//!
//! RFC 3659 wants names taken literally, so whoever calls this has looked for the literal name
//! first. A pattern comes from the peer: matching takes at most pattern times name steps, both
//! bounded, and patterns beyond the bounds match nothing.

use crate::path::COMPONENT_LEN_MAX;

/// Patterns with more runs of `*` than this match nothing.
pub const STARS_MAX: usize = 8;

/// Patterns longer than this, in octets, match nothing; no name is longer than
/// [`COMPONENT_LEN_MAX`].
pub const PATTERN_LEN_MAX: usize = 4 * COMPONENT_LEN_MAX;

/// Whether `name` holds an octet that could be meant as a wildcard.
#[must_use]
pub fn has_wildcards(name: &[u8]) -> bool {
    name.iter().any(|b| matches!(b, b'*' | b'?' | b'['))
}

/// Whether `name` matches `pattern` as a whole. `*` is any run, `?` one character, `[a-z]` one of
/// these, `[!a]` or `[^a]` none of these; a `[` without its `]` is itself. A character is one of
/// UTF-8 where the name is that, else an octet. A dot at the start of a name is only matched by a
/// dot.
#[must_use]
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let hidden = name.first() == Some(&b'.') && pattern.first() != Some(&b'.');
    if hidden || pattern.len() > PATTERN_LEN_MAX || star_runs(pattern) > STARS_MAX {
        return false;
    }
    // What follows the last `]`: no `[` in there can begin a class, and looking for its end again
    // and again would cost the square of the pattern.
    let plain_tail = pattern.rsplit(|b| *b == b']').next().map_or(0, <[u8]>::len);
    let (mut pattern, mut name) = (pattern, name);
    // The last `*` seen: what follows it, and where the name may go on after it. Only this one
    // needs to be tried again, since an earlier one could not reach more.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some(after) = pattern.strip_prefix(b"*") {
            pattern = after;
            retry = Some((after, name));
        } else if let Some((after, rest)) = match_one(pattern, name, plain_tail) {
            (pattern, name) = (after, rest);
        } else if pattern.is_empty() && name.is_empty() {
            return true;
        } else {
            let Some((after, skipped)) = retry else {
                return false;
            };
            let Some((_, rest)) = character(skipped) else {
                return false;
            };
            (pattern, name) = (after, rest);
            retry = Some((after, rest));
        }
    }
}

fn star_runs(pattern: &[u8]) -> usize {
    pattern.chunk_by(|a, b| a == b).filter(|run| run.first() == Some(&b'*')).count()
}

/// Matches one character of `name` with what stands first in `pattern`, which is no `*`.
fn match_one<'p, 'n>(
    pattern: &'p [u8],
    name: &'n [u8],
    plain_tail: usize,
) -> Option<(&'p [u8], &'n [u8])> {
    let (wanted, after) = character(pattern)?;
    let (found, rest) = character(name)?;
    if wanted == u32::from(b'?') {
        return Some((after, rest));
    }
    if wanted == u32::from(b'[')
        && after.len() > plain_tail + 1
        && let Some((hit, after)) = match_class(after, found)
    {
        return hit.then_some((after, rest));
    }
    (wanted == found).then_some((after, rest))
}

/// Whether `found` is in the class whose `[` was just read, and what follows its `]`; [`None`]
/// when there is no `]`.
fn match_class(class: &[u8], found: u32) -> Option<(bool, &[u8])> {
    let negated = matches!(class.first(), Some(b'!' | b'^'));
    let mut rest = if negated { class.get(1..)? } else { class };
    let mut hit = false;
    let mut first = true;
    loop {
        let (low, after) = character(rest)?;
        // Directly after the `[` a `]` is a member.
        if low == u32::from(b']') && !first {
            return Some((hit != negated, after));
        }
        first = false;
        let range = after.strip_prefix(b"-").and_then(character);
        match range.filter(|(high, _)| *high != u32::from(b']')) {
            Some((high, after)) => {
                hit |= (low..=high).contains(&found);
                rest = after;
            }
            None => {
                hit |= low == found;
                rest = after;
            }
        }
    }
}

/// The first character and the rest; an octet that is not UTF-8 counts as one beyond Unicode.
fn character(text: &[u8]) -> Option<(u32, &[u8])> {
    let (&lead, after) = text.split_first()?;
    let len = match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let decoded = text.split_at_checked(len).and_then(|(head, rest)| {
        let c = core::str::from_utf8(head).ok()?.chars().next()?;
        Some((u32::from(c), rest))
    });
    Some(decoded.unwrap_or_else(|| (0x11_0000 + u32::from(lead), after)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wildcards_match_whole_names() {
        let yes = [
            ("*", "a"),
            ("*", ""),
            ("*.txt", "a.txt"),
            ("a*b*c", "aXbXbc"),
            ("a?c", "abc"),
            ("?", "é"),
            ("[é-ü]", "ö"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[^a]", "b"),
            ("[]a]", "]"),
            ("[a-]", "-"),
            ("[", "["),
            ("a[b", "a[b"),
            (".*", ".a"),
            ("", ""),
            ("**a**", "bab"),
            ("*a", "aaaa"),
            ("a*", "a*"),
            ("[!]]", "a"),
            ("*é", "xé"),
        ];
        for (pattern, name) in yes {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        let no = [
            ("*", ".a"),
            ("?a", ".a"),
            ("[.]a", ".a"),
            ("*.txt", "a.txt2"),
            ("a?c", "ac"),
            ("[a-c]x", "dx"),
            ("[!a-c]x", "bx"),
            ("", "a"),
            ("a", ""),
            ("A", "a"),
            ("[]", "a"),
            ("?", "ab"),
            ("[c-a]", "b"),
            ("*b", "a"),
            ("a*b*c", "acb"),
        ];
        for (pattern, name) in no {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        assert!(matches(b"?\xff?", b"a\xffb") && !matches(b"\xfe", b"\xff"));
    }

    #[test]
    fn patterns_beyond_the_bounds_match_nothing() {
        assert!(matches(b"*a*a*a*a*a*a*a*a", b"aaaaaaaa"));
        assert!(!matches(b"*a*a*a*a*a*a*a*a*", b"aaaaaaaa"));
        assert!(matches(&[b'*'; PATTERN_LEN_MAX], b"a"));
        assert!(!matches(&[b'*'; PATTERN_LEN_MAX + 1], b"a"));
        let brackets = [b'['; COMPONENT_LEN_MAX];
        assert!(matches(&brackets, &brackets));
    }

    #[test]
    fn only_three_octets_make_a_pattern() {
        assert!(has_wildcards(b"a*") && has_wildcards(b"?") && has_wildcards(b"[a]"));
        assert!(!has_wildcards(b"a]b-c!^\\"));
    }

    /// The plainest possible matcher, for `*` and `?` over ASCII.
    fn plainly(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', after)), None) => plainly(after, name),
            (Some((b'*', after)), Some((_, rest))) => {
                plainly(after, name) || plainly(pattern, rest)
            }
            (Some((p, after)), Some((n, rest))) => (*p == b'?' || p == n) && plainly(after, rest),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn backtracking_to_the_last_star_is_enough(
            pattern in "[ab?*]{0,10}", name in "[ab]{0,12}",
        ) {
            prop_assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                plainly(pattern.as_bytes(), name.as_bytes())
            );
        }

        #[test]
        fn a_name_without_wildcards_matches_only_itself(
            name in proptest::collection::vec(any::<u8>(), 0..20),
            other in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            prop_assume!(!has_wildcards(&name));
            prop_assert!(matches(&name, &name));
            prop_assert_eq!(matches(&name, &other), name == other);
        }
    }
}
