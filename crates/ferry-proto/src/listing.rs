//! What servers list, read by the client: every kind of line that LIST, MLSD and NLST are known to
//! send, without any promise of the standard (RFC 959 leaves the form of a listing to the server).
//!
//! [`ListingReader`] takes the octets of a data connection in any portions and gives
//! [`ListedEntry`]s; its [`Report`] accounts for every line. Which dialect a listing is written in
//! is found out from its first lines. Each dialect has its file below; what they share is in
//! `columns`, `times`, `months` and `unix_date`. How our own server prints listings is
//! [`crate::list`]'s and [`crate::facts`]' business; asking for listings is the client's.

mod as400;
mod bare;
mod columns;
mod dialect;
mod dos;
mod ebcdic;
mod eplf;
mod facts;
mod jes;
mod months;
mod mvs;
mod names;
mod netware;
mod nonstop;
mod numeric;
mod os2;
mod os9;
mod pds;
mod reader;
mod report;
mod system;
mod times;
mod unix;
mod unix_date;
mod vms;
mod vshell;
mod vxworks;
mod wfftp;
mod zvm;

#[cfg(test)]
mod tests;

pub use dialect::Dialect;
pub use reader::{Asked, Hint, LINE_MAX, ListingReader};
pub use report::{Report, SAMPLE_MAX, SAMPLES_MAX};
pub use system::System;
pub use times::{ListedTime, Precision, Zone, zone_offset};

use crate::date::UnixTime;

/// What a listed entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "whoever handles entries must handle every kind")]
pub enum ListedKind {
    /// A file that can be retrieved.
    File,
    /// A directory, or what behaves like one: a library, a partitioned data set.
    Dir,
    /// A symbolic link, junction or the like.
    Symlink {
        /// Where it points, as the server wrote it; never to be trusted as a path.
        target: Option<Vec<u8>>,
    },
    /// Something that is there but is neither: a device, a socket, a job that has no output yet.
    Other,
    /// The listing does not say; ask by CWD or SIZE.
    Unknown,
}

/// One entry of a listing. What the line does not say, or says in no known form, is [`None`];
/// nothing is guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedEntry {
    /// The name, in the octets that the server wants to see again. Never empty, `.` or `..`; holds
    /// no `/`, NUL, CR or LF, and no `\` where that separates directories.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: ListedKind,
    /// Length in octets, of anything but directories.
    pub size: Option<u64>,
    /// About how long it is, in octets, where the listing counts in blocks, tracks or records or
    /// rounds to `33.5k`. For show only: no transfer ends at this length.
    pub about: Option<u64>,
    /// When it was last modified.
    pub modified: Option<ListedTime>,
    /// Permission bits, `0o7777` at most.
    pub mode: Option<u32>,
    /// Owner, a name or a number.
    pub owner: Option<Vec<u8>>,
    /// Group, a name or a number.
    pub group: Option<Vec<u8>>,
    /// Number of hard links.
    pub links: Option<u64>,
    /// An identity within the server (the fact `unique`, EPLF's `i`); compare it octet by octet.
    pub unique: Option<Vec<u8>>,
}

/// One entry while it still lies in its line; an empty slice is what is not known.
#[derive(Debug, Clone, Copy, Default)]
struct Raw<'a> {
    name: &'a [u8],
    /// The file type of CMS, which is shown in a column of its own and addressed as `name.type`.
    extension: &'a [u8],
    kind: RawKind<'a>,
    size: Option<u64>,
    about: Option<u64>,
    modified: Option<ListedTime>,
    mode: Option<u32>,
    owner: &'a [u8],
    group: &'a [u8],
    links: Option<u64>,
    unique: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum RawKind<'a> {
    File,
    Dir,
    Symlink(&'a [u8]),
    Other,
    #[default]
    Unknown,
}

/// What a dialect makes of a line.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "lives only until its line has been taken apart")]
enum Read<'a> {
    /// An entry.
    Entry(Raw<'a>),
    /// An entry whose line may go on in the next one; if it does not, this is all of it.
    Half(Raw<'a>),
    /// Known to describe no entry: a header, a total, an older version of the entry before.
    Junk,
    /// Not of this dialect.
    Unparsed,
}

/// What a dialect needs to know besides the line, and what it learns from the lines before.
#[derive(Debug, Clone)]
struct Context {
    asked: Asked,
    now: UnixTime,
    /// A header was seen that gives lines a meaning which they would not have without.
    header: bool,
    /// A number above 12 stood first in a date, so all dates have their day first.
    day_first: bool,
    /// The name of the entry before, where the dialect needs it.
    before: Vec<u8>,
}

impl Context {
    const fn new(asked: Asked, now: UnixTime) -> Self {
        Self { asked, now, header: false, day_first: false, before: Vec::new() }
    }
}

impl<'a> Raw<'a> {
    fn into_entry(self) -> ListedEntry {
        let known = |text: &[u8]| (!text.is_empty()).then(|| text.to_vec());
        let is_dir = self.kind == RawKind::Dir;
        let kind = match self.kind {
            RawKind::File => ListedKind::File,
            RawKind::Dir => ListedKind::Dir,
            RawKind::Symlink(target) => ListedKind::Symlink { target: known(target) },
            RawKind::Other => ListedKind::Other,
            RawKind::Unknown => ListedKind::Unknown,
        };
        let mut name = self.name.to_vec();
        if !self.extension.is_empty() {
            name.push(b'.');
            name.extend_from_slice(self.extension);
        }
        ListedEntry {
            name,
            kind,
            // What a directory occupies is nobody's length.
            size: self.size.filter(|_| !is_dir),
            about: self.about.filter(|_| !is_dir),
            modified: self.modified,
            mode: self.mode,
            owner: known(self.owner),
            group: known(self.group),
            links: self.links,
            unique: known(self.unique),
        }
    }

    /// A `/` at the end marks a directory and is no part of its name.
    fn take_slash(&mut self) {
        if let Some(name) = self.name.strip_suffix(b"/") {
            self.name = name;
            self.kind = RawKind::Dir;
        }
    }
}

impl<'a> From<Option<Raw<'a>>> for Read<'a> {
    fn from(raw: Option<Raw<'a>>) -> Self {
        match raw {
            Some(raw) if !raw.name.is_empty() => Self::Entry(raw),
            _ => Self::Unparsed,
        }
    }
}
