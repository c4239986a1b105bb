//! Unix listing lines as LIST and STAT send them, and the options clients pass to LIST.
//!
//! RFC 959 leaves the form of a listing to the server; every client reads what `ls -l` prints, so
//! that is what is written, in UTC. [`parse_unix_line`] reads our own lines and their like; the
//! forms of other systems are not its business.

mod options;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use options::ListOptions;
pub use read::{ParsedUnixLine, Precision, parse_unix_line};
pub use write::{UnixLine, Who, write_unix_line};

/// What a line describes: its first letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "these are all that Unix has")]
pub enum LineKind {
    /// `-`
    File,
    /// `d`
    Dir,
    /// `l`
    Link,
    /// `p`
    Pipe,
    /// `s`
    Socket,
    /// `c`
    CharDevice,
    /// `b`
    BlockDevice,
}

const KINDS: [(LineKind, u8); 7] = [
    (LineKind::File, b'-'),
    (LineKind::Dir, b'd'),
    (LineKind::Link, b'l'),
    (LineKind::Pipe, b'p'),
    (LineKind::Socket, b's'),
    (LineKind::CharDevice, b'c'),
    (LineKind::BlockDevice, b'b'),
];

/// The next word, and `rest` moved behind it.
fn column<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let start = rest.iter().position(|b| *b != b' ')?;
    let text = rest.get(start..)?;
    let len = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
    let (word, tail) = text.split_at_checked(len)?;
    *rest = tail;
    Some(word)
}
