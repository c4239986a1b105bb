//! Path names as FTP carries them: octets, `/` between components, always absolute once resolved.
//!
//! [`FtpPath`] is the canonical form every later layer works on (RFC 3659 §6, TVFS): no `.`, no
//! `..`, no empty component, no trailing slash except for the root itself. Operating-system paths
//! do not appear here, and nothing here touches a file system: a canonical path is a name, and
//! whether it stays inside a root is decided where the root is held open.

use core::fmt;

/// The longest path accepted, in octets. Linux stops at 4096 with the terminating NUL.
pub const PATH_LEN_MAX: usize = 4095;

/// The longest single component accepted, in octets.
pub const COMPONENT_LEN_MAX: usize = 255;

/// A canonical absolute path: octets, not text.
///
/// ```
/// use ferry_proto::path::FtpPath;
/// let home = FtpPath::root();
/// let p = home.resolve(b"docs/../a b//c/").unwrap();
/// assert_eq!(p.as_bytes(), b"/a b/c");
/// assert_eq!(p.name(), b"c");
/// assert_eq!(p.parent().unwrap().as_bytes(), b"/a b");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FtpPath(Box<[u8]>);

/// Why an argument cannot be a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// The argument is empty.
    Empty,
    /// It holds a NUL octet, which no file system can store.
    Nul,
    /// A component is longer than [`COMPONENT_LEN_MAX`] or the whole longer than [`PATH_LEN_MAX`].
    TooLong,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a path is needed",
            Self::Nul => "a path cannot hold a NUL octet",
            Self::TooLong => "the path is too long",
        })
    }
}

impl core::error::Error for PathError {}

impl FtpPath {
    /// The root directory, `/`.
    #[must_use]
    pub fn root() -> Self {
        Self(Box::from(&b"/"[..]))
    }

    /// Makes a path from octets as if given while standing in the root.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn new(bytes: &[u8]) -> Result<Self, PathError> {
        Self::root().resolve(bytes)
    }

    /// Resolves `arg` as a client standing in `self` means it: absolute if it starts with `/`,
    /// else relative; `.` and empty components vanish and `..` stops at the root.
    ///
    /// # Errors
    /// [`PathError`] when `arg` is empty, too long or holds a NUL.
    pub fn resolve(&self, arg: &[u8]) -> Result<Self, PathError> {
        if arg.is_empty() {
            return Err(PathError::Empty);
        }
        if arg.contains(&0) {
            return Err(PathError::Nul);
        }
        let mut out: Vec<u8> = Vec::with_capacity(self.0.len() + arg.len() + 1);
        if arg.first() != Some(&b'/') && !self.is_root() {
            out.extend_from_slice(&self.0);
        }
        for part in arg.split(|&b| b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    let cut = out.iter().rposition(|&b| b == b'/').unwrap_or(0);
                    out.truncate(cut);
                }
                name => {
                    if name.len() > COMPONENT_LEN_MAX {
                        return Err(PathError::TooLong);
                    }
                    out.push(b'/');
                    out.extend_from_slice(name);
                }
            }
        }
        if out.is_empty() {
            out.push(b'/');
        }
        if out.len() > PATH_LEN_MAX {
            return Err(PathError::TooLong);
        }
        Ok(Self(out.into_boxed_slice()))
    }

    /// The path of `name` inside this directory; `name` is one component, taken literally.
    ///
    /// # Errors
    /// [`PathError`] when `name` is empty, `.`, `..`, too long, or holds a slash or NUL.
    pub fn child(&self, name: &[u8]) -> Result<Self, PathError> {
        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
            return Err(PathError::Empty);
        }
        self.resolve(name)
    }

    /// The canonical octets, always starting with `/`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// The last component; empty for the root.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let start = self.0.iter().rposition(|&b| b == b'/').map_or(0, |i| i + 1);
        self.0.get(start..).unwrap_or_default()
    }

    /// The directory that holds this path; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0).max(1);
        Some(Self(Box::from(self.0.get(..cut).unwrap_or(b"/"))))
    }

    /// The components from the root down; none for the root.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').filter(|c| !c.is_empty())
    }

    /// Whether `self` is `dir` or lies below it.
    #[must_use]
    pub fn is_within(&self, dir: &Self) -> bool {
        dir.is_root()
            || self
                .0
                .strip_prefix(dir.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
    }

    /// Whether some octet is a control character (00–1F or 7F), which no name may hold that this
    /// server creates or shows.
    #[must_use]
    pub fn has_control(&self) -> bool {
        has_control(&self.0)
    }
}

impl fmt::Debug for FtpPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Shows the path for a person: valid UTF-8 as it is, every control octet and invalid byte as `?`,
/// so that nothing a peer sent can reach a terminal or a log as anything but text.
impl fmt::Display for FtpPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_for_people(&self.0, f)
    }
}

/// Whether a name holds a control octet (00–1F or 7F).
#[must_use]
pub fn has_control(name: &[u8]) -> bool {
    name.iter().any(|&b| b < 0x20 || b == 0x7f)
}

/// Wraps octets from a peer so that they print as harmless text; see [`FtpPath`]'s `Display`.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "a wrapper of one field")]
pub struct ForPeople<'a>(pub &'a [u8]);

impl fmt::Display for ForPeople<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_for_people(self.0, f)
    }
}

fn fmt_for_people(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use core::fmt::Write as _;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // Bidirectional overrides can make a log line read backwards.
            let deceptive = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            f.write_char(if c.is_control() || deceptive { '?' } else { c })?;
        }
        if !chunk.invalid().is_empty() {
            f.write_char('?')?;
        }
    }
    Ok(())
}

/// Appends `path` between double quotes with inner quotes doubled, as the 257 reply carries it
/// (RFC 959 appendix II).
pub fn write_quoted(path: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &b in path {
        if b == b'"' {
            out.push(b'"');
        }
        out.push(b);
    }
    out.push(b'"');
}

/// Reads the path out of the text of a 257 reply: from the first `"`, with `""` meaning one quote;
/// without any quote the first word. `None` when there is nothing to read.
#[must_use]
pub fn read_quoted(text: &[u8]) -> Option<Vec<u8>> {
    let Some(open) = text.iter().position(|&b| b == b'"') else {
        let word = text.split(|&b| b == b' ').find(|w| !w.is_empty())?;
        return Some(word.to_vec());
    };
    let mut out = Vec::new();
    let mut rest = text.get(open + 1..)?.iter();
    while let Some(&b) = rest.next() {
        if b == b'"' {
            match rest.next() {
                Some(b'"') => out.push(b'"'),
                _ => break,
            }
        } else {
            out.push(b);
        }
    }
    if out.is_empty() { None } else { Some(out) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn resolving_follows_dots_and_never_leaves_the_root() {
        let cases: &[(&str, &str, &str)] = &[
            ("/", "a", "/a"),
            ("/a", "b", "/a/b"),
            ("/a", "/b", "/b"),
            ("/a/b", "..", "/a"),
            ("/a", "..", "/"),
            ("/", "..", "/"),
            ("/", "../../etc/passwd", "/etc/passwd"),
            ("/a", "./././", "/a"),
            ("/a", "//x///y//", "/x/y"),
            ("/a", "...", "/a/..."),
            ("/a", " ", "/a/ "),
            ("/a", "b/../../../c", "/c"),
            ("/a", "-l", "/a/-l"),
            ("/a", "~", "/a/~"),
        ];
        for (cwd, arg, want) in cases {
            let cwd = FtpPath::new(cwd.as_bytes()).unwrap();
            assert_eq!(cwd.resolve(arg.as_bytes()).unwrap().as_bytes(), want.as_bytes(), "{arg}");
        }
    }

    #[test]
    fn arguments_that_cannot_be_paths_are_named_for_what_they_are() {
        let root = FtpPath::root();
        assert_eq!(root.resolve(b""), Err(PathError::Empty));
        assert_eq!(root.resolve(b"a\0b"), Err(PathError::Nul));
        assert_eq!(root.resolve(&[b'x'; 256]), Err(PathError::TooLong));
        assert_eq!(root.resolve("y/".repeat(2100).as_bytes()), Err(PathError::TooLong));
        assert!(root.child(b"a/b").is_err() && root.child(b"..").is_err());
    }

    #[test]
    fn within_means_whole_components() {
        let p = |s: &str| FtpPath::new(s.as_bytes()).unwrap();
        assert!(p("/a/b").is_within(&p("/a")) && p("/a").is_within(&p("/a")));
        assert!(p("/ab").is_within(&p("/")) && !p("/ab").is_within(&p("/a")));
    }

    #[test]
    fn quoted_paths_are_read_as_servers_send_them() {
        let cases: &[(&[u8], Option<&[u8]>)] = &[
            (b"\"/a\" is the current directory", Some(b"/a")),
            (b"\"/a \"\"b\"\"\" created", Some(b"/a \"b\"")),
            (b"/plain is cwd", Some(b"/plain")),
            (b"\"/unclosed", Some(b"/unclosed")),
            (b"\"\" nothing", None),
            (b"", None),
        ];
        for (text, want) in cases {
            assert_eq!(read_quoted(text).as_deref(), *want);
        }
    }

    #[test]
    fn what_people_see_holds_no_control_octet() {
        let shown = ForPeople(b"a\x1b[2Jb\r\nc\xff\xc3\xa9").to_string();
        assert_eq!(shown, "a?[2Jb??c?é");
    }

    proptest! {
        #[test]
        fn a_resolved_path_resolves_to_itself(
            cwd in proptest::collection::vec(1u8.., 0..40),
            arg in proptest::collection::vec(1u8.., 1..60),
        ) {
            let cwd = FtpPath::root().resolve(&cwd).unwrap_or_else(|_| FtpPath::root());
            let p = cwd.resolve(&arg).unwrap();
            prop_assert_eq!(&FtpPath::root().resolve(p.as_bytes()).unwrap(), &p);
            prop_assert!(p.components().all(|c| c != b"." && c != b".."));
            prop_assert!(p.as_bytes().first() == Some(&b'/'));
        }

        #[test]
        fn a_printed_257_path_reads_back(path in proptest::collection::vec(any::<u8>(), 1..60)) {
            let mut text = Vec::new();
            write_quoted(&path, &mut text);
            text.extend_from_slice(b" is the current directory");
            prop_assert_eq!(read_quoted(&text), Some(path));
        }
    }
}
