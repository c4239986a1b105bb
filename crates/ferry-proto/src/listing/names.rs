//! Which names a server may give to entries of a directory (threats: SECURITY.md). A name is one
//! component: whoever joins it to a local or remote directory stays inside.

/// What becomes of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It names an entry.
    Good,
    /// It is the directory itself or the one above, which listings show and nobody wants.
    Dots,
    /// It could lead elsewhere or cannot be sent in a command.
    Refused,
}

/// Judges a name; `backslash` tells whether `\` separates directories on that server.
pub(super) fn judge(name: &[u8], backslash: bool) -> Verdict {
    match name {
        b"." | b".." => Verdict::Dots,
        b"" => Verdict::Refused,
        _ if name.iter().any(|b| matches!(b, 0 | b'\r' | b'\n' | b'/')) => Verdict::Refused,
        _ if backslash && name.contains(&b'\\') => Verdict::Refused,
        _ => Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_component() {
        let cases: [(&[u8], bool, Verdict); 12] = [
            (b"a", true, Verdict::Good),
            (b" ", true, Verdict::Good),
            (b"...", true, Verdict::Good),
            (b"..", true, Verdict::Dots),
            (b".", true, Verdict::Dots),
            (b"", true, Verdict::Refused),
            (b"../a", true, Verdict::Refused),
            (b"/", true, Verdict::Refused),
            (b"a\\b", true, Verdict::Refused),
            (b"a\\b", false, Verdict::Good),
            (b"a\rb", false, Verdict::Refused),
            (b"a\0", false, Verdict::Refused),
        ];
        for (name, backslash, want) in cases {
            assert_eq!(judge(name, backslash), want, "{}", name.escape_ascii());
        }
    }
}
