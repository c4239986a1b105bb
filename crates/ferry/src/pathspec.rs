//! A path as a user writes it: with wildcards, absolute or from the directory after log-in.
//! Pure; what the wildcards stand for is looked up in [`glob`](crate::glob).

use ferry_proto::path::{FtpPath, PathError};

/// Octets that mean something in a pattern.
fn is_wild(octet: u8) -> bool {
    matches!(octet, b'*' | b'?' | b'[')
}

/// A path as written. Without wildcards `pattern` is [`None`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PathSpec {
    /// From the root, not from the directory after log-in.
    pub(crate) absolute: bool,
    /// The path with every octet taken as it is.
    pub(crate) literal: Vec<u8>,
    /// The same with wildcards; those that were quoted stand in brackets.
    pub(crate) pattern: Option<Vec<u8>>,
}

impl PathSpec {
    /// The path whose every octet is meant as it is.
    pub(crate) fn literal(octets: &[u8]) -> Self {
        let absolute = octets.first() == Some(&b'/');
        Self { absolute, literal: octets.to_vec(), pattern: None }
    }

    /// Out of octets and whether each was quoted.
    pub(crate) fn from_octets(octets: impl IntoIterator<Item = (u8, bool)>) -> Self {
        let (mut literal, mut pattern, mut wild) = (Vec::new(), Vec::new(), false);
        for (octet, quoted) in octets {
            literal.push(octet);
            match is_wild(octet) {
                true if quoted => pattern.extend_from_slice(&[b'[', octet, b']']),
                is_wild => {
                    wild |= is_wild;
                    pattern.push(octet);
                }
            }
        }
        let absolute = literal.first() == Some(&b'/');
        Self { absolute, literal, pattern: wild.then_some(pattern) }
    }

    /// The canonical path, seen from `home`, wildcards taken as they are.
    pub(crate) fn resolve(&self, home: &FtpPath) -> Result<FtpPath, PathError> {
        match (self.absolute, self.literal.as_slice()) {
            (_, b"") => Ok(home.clone()),
            (true, literal) => FtpPath::root().resolve(literal),
            (false, literal) => home.resolve(literal),
        }
    }

    /// This path seen from that one, as in a bookmark's: an absolute one replaces it.
    pub(crate) fn join(&self, tail: Self) -> Self {
        if tail.absolute || self.literal.is_empty() {
            return tail;
        }
        let glue = |head: &[u8], tail: &[u8]| match (head.last(), tail) {
            (_, b"") => head.to_vec(),
            (Some(b'/'), _) => [head, tail].concat(),
            _ => [head, tail].join(&b'/'),
        };
        let pattern = match (&self.pattern, &tail.pattern) {
            (None, None) => None,
            _ => Some(glue(
                self.pattern.as_deref().unwrap_or(&self.literal),
                tail.pattern.as_deref().unwrap_or(&tail.literal),
            )),
        };
        let literal = glue(&self.literal, &tail.literal);
        Self { absolute: self.absolute, literal, pattern }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> PathSpec {
        PathSpec::from_octets(text.bytes().map(|octet| (octet, false)))
    }

    #[test]
    fn wildcards_count_unless_they_are_quoted() {
        assert_eq!(plain("a/b").pattern, None);
        assert_eq!(plain("a/*.txt").pattern.as_deref(), Some(&b"a/*.txt"[..]));
        let quoted = PathSpec::from_octets("a*".bytes().map(|octet| (octet, true)));
        assert_eq!((quoted.pattern, quoted.literal.as_slice()), (None, &b"a*"[..]));
        let both = PathSpec::from_octets([(b'*', true), (b'*', false)]);
        assert_eq!(both.pattern.as_deref(), Some(&b"[*]*"[..]));
    }

    #[test]
    fn paths_are_seen_from_home_unless_absolute() {
        let home = FtpPath::new(b"/home/a").unwrap();
        let cases = [
            ("", "/home/a"),
            ("x", "/home/a/x"),
            ("/x", "/x"),
            ("../b", "/home/b"),
            ("/", "/"),
            ("x/", "/home/a/x"),
        ];
        for (text, want) in cases {
            let got = plain(text).resolve(&home).unwrap();
            assert_eq!(got.as_bytes(), want.as_bytes(), "{text}");
        }
    }

    #[test]
    fn a_path_behind_a_bookmark_goes_on_from_there() {
        let cases = [("a", "b", "a/b"), ("a/", "b", "a/b"), ("a", "/b", "/b"), ("a", "", "a")];
        for (head, tail, want) in cases {
            assert_eq!(plain(head).join(plain(tail)), plain(want), "{head} {tail}");
        }
        assert_eq!(plain("/a").join(plain("*")), plain("/a/*"));
    }
}
