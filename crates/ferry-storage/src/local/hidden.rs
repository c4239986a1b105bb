//! The names of uploads that are aside: how they are made, and how they are told from all others.

use crate::FsError;

/// What every hidden name starts with.
const PREFIX: &[u8] = b".ferry-upload-";

/// Hexadecimal digits after the prefix. 64 random bits do not meet twice in one directory.
const DIGITS: usize = 16;

/// A new hidden name.
pub(super) fn name() -> Result<Vec<u8>, FsError> {
    let bits = getrandom::u64().map_err(|e| FsError::Io(e.into()))?;
    let mut name = PREFIX.to_vec();
    name.extend_from_slice(format!("{bits:016x}").as_bytes());
    Ok(name)
}

/// Whether `name` is one that [`name`] could have made.
pub(super) fn is_hidden(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == DIGITS && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_exactly_the_pattern_are_hidden() {
        assert!(is_hidden(&name().unwrap()));
        let cases: &[(&[u8], bool)] = &[
            (b".ferry-upload-0123456789abcdef", true),
            (b".ferry-upload-0123456789ABCDEF", false),
            (b".ferry-upload-0123456789abcde", false),
            (b".ferry-upload-0123456789abcdef0", false),
            (b"ferry-upload-0123456789abcdef", false),
            (b".ferry-upload-", false),
            (b".ferry-upload-my-own-notes.txt", false),
            (b"", false),
        ];
        for (name, want) in cases {
            assert_eq!(is_hidden(name), *want, "{}", name.escape_ascii());
        }
    }
}
