//! Lines of facts as this server prints them.

use std::io::Write as _;

use super::FactSet;
use crate::date::UnixTime;

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

/// Appends `fact=value;… name`, those facts that are in `set` and known; no CRLF.
pub fn write_facts(set: FactSet, line: &FactLine<'_>, name: &[u8], out: &mut Vec<u8>) {
    let is_dir = matches!(line.kind, EntryKind::Dir | EntryKind::CurrentDir | EntryKind::ParentDir);
    // Writing into a vector cannot fail.
    if set.contains(FactSet::TYPE) {
        write_type(line.kind, out);
    }
    if let Some(size) = line.size.filter(|_| set.contains(FactSet::SIZE) && !is_dir) {
        let _ = write!(out, "size={size};");
    }
    if let Some(time) = line.modify.filter(|_| set.contains(FactSet::MODIFY)) {
        let _ = write!(out, "modify={};", time.format_timeval(false));
    }
    if set.contains(FactSet::PERM) {
        let _ = write!(out, "perm={};", line.perm);
    }
    if let Some(unique) = line.unique.filter(|_| set.contains(FactSet::UNIQUE)) {
        let _ = write!(out, "unique={unique:016x};");
    }
    if let Some(mode) = line.unix_mode.filter(|_| set.contains(FactSet::UNIX_MODE)) {
        let _ = write!(out, "UNIX.mode={:04o};", mode & 0o7777);
    }
    if let Some(owner) = line.owner.filter(|_| set.contains(FactSet::UNIX_OWNER)) {
        let _ = write!(out, "UNIX.owner={owner};");
    }
    if let Some(group) = line.group.filter(|_| set.contains(FactSet::UNIX_GROUP)) {
        let _ = write!(out, "UNIX.group={group};");
    }
    if let Some(time) = line.create.filter(|_| set.contains(FactSet::CREATE)) {
        let _ = write!(out, "create={};", time.format_timeval(false));
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
