//! Lines of facts as this server prints them.

use super::FactSet;
use crate::date::UnixTime;
use crate::digits;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a new kind must be printed, so callers must see it")]
pub enum EntryKind<'a> {
    /// A regular file, or a link to one.
    File,
    /// A directory, or a link to one.
    Dir,
    /// The directory that is being listed.
    CurrentDir,
    /// The directory above the one that is being listed.
    ParentDir,
    /// A symbolic link that leads nowhere, and where it points.
    DanglingLink(&'a [u8]),
    /// Anything that is none of these and cannot be transferred.
    Other,
}

/// What is known about one entry; [`None`] is left out of the line, never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers build it field by field")]
pub struct FactLine<'a> {
    /// What it is.
    pub kind: EntryKind<'a>,
    /// Length in octets; never printed for directories.
    pub size: Option<u64>,
    /// Time of last modification.
    pub modify: Option<UnixTime>,
    /// Time of creation.
    pub create: Option<UnixTime>,
    /// The letters of the `perm` fact (RFC 3659 §7.5.5); may be empty.
    pub perm: &'a str,
    /// Equal if and only if two names are one object; must not show device or inode numbers.
    pub unique: Option<u64>,
    /// Permission bits.
    pub unix_mode: Option<u32>,
    /// Numeric owner.
    pub owner: Option<u32>,
    /// Numeric group.
    pub group: Option<u32>,
}

/// What a fact is.
enum Value<'a> {
    Decimal(u64),
    /// Sixteen digits.
    Hex(u64),
    /// Permission bits.
    Mode(u32),
    Text(&'a str),
    Time(UnixTime),
}

impl Value<'_> {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Decimal(number) => digits::decimal(number, out),
            Self::Hex(number) => digits::write::<16>(number, 16, b'0', out),
            Self::Mode(bits) => digits::write::<8>((bits & 0o7777).into(), 4, b'0', out),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Time(time) => time.write_timeval(false, out),
        }
    }
}

/// Appends `fact=value;… name`, those facts that are in `set` and known; no CRLF.
pub fn write_facts(set: FactSet, line: &FactLine<'_>, name: &[u8], out: &mut Vec<u8>) {
    let is_dir = matches!(line.kind, EntryKind::Dir | EntryKind::CurrentDir | EntryKind::ParentDir);
    if set.contains(FactSet::TYPE) {
        write_type(line.kind, out);
    }
    let number = |number: u32| Value::Decimal(number.into());
    for (fact, label, value) in [
        (FactSet::SIZE, "size=", line.size.filter(|_| !is_dir).map(Value::Decimal)),
        (FactSet::MODIFY, "modify=", line.modify.map(Value::Time)),
        (FactSet::PERM, "perm=", Some(Value::Text(line.perm))),
        (FactSet::UNIQUE, "unique=", line.unique.map(Value::Hex)),
        (FactSet::UNIX_MODE, "UNIX.mode=", line.unix_mode.map(Value::Mode)),
        (FactSet::UNIX_OWNER, "UNIX.owner=", line.owner.map(number)),
        (FactSet::UNIX_GROUP, "UNIX.group=", line.group.map(number)),
        (FactSet::CREATE, "create=", line.create.map(Value::Time)),
    ] {
        if let Some(value) = value.filter(|_| set.contains(fact)) {
            out.extend_from_slice(label.as_bytes());
            value.write(out);
            out.push(b';');
        }
    }
    out.push(b' ');
    out.extend_from_slice(name);
}

fn write_type(kind: EntryKind<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(match kind {
        EntryKind::File => b"type=file;",
        EntryKind::Dir => b"type=dir;",
        EntryKind::CurrentDir => b"type=cdir;",
        EntryKind::ParentDir => b"type=pdir;",
        EntryKind::DanglingLink(_) => b"type=OS.unix=slink:",
        EntryKind::Other => b"type=OS.unix=other;",
    });
    if let EntryKind::DanglingLink(target) = kind {
        // A value may hold neither its own terminator nor the space that ends all facts.
        let harmless = |b: &u8| {
            if *b <= b' ' || *b == b';' || *b == 0x7f { b'?' } else { *b }
        };
        out.extend(target.iter().map(harmless));
        out.push(b';');
    }
}
