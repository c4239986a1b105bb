//! What is known of files, directories and links, what can be set of it, and listings.

use ferry_proto::date::UnixTime;

use crate::{BoxFut, FsError};

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link (only where the link itself was asked for, or listed).
    Symlink,
    /// A device, socket, pipe or anything else that cannot be transferred.
    Other,
}

/// How exactly a time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Precision {
    /// To parts of a second.
    #[default]
    Fraction,
    /// To the second.
    Second,
    /// To the minute: listings of recent files.
    Minute,
    /// To the day: listings of old files.
    Day,
    /// Not at all; the time says nothing.
    Unknown,
}

/// Metadata of one file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "implementations outside this crate build it")]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Length in octets; for directories whatever the medium says.
    pub size: u64,
    /// Whether `size` is known; always on media of this machine, not in every server's listing.
    pub size_known: bool,
    /// Time of last modification.
    pub modified: UnixTime,
    /// How exactly `modified` is known.
    pub precision: Precision,
    /// Time of creation, where the medium knows it.
    pub created: Option<UnixTime>,
    /// Permission bits, `0o7777` at most; [`None`] where the storage has no such thing.
    pub mode: Option<u32>,
    /// Number of hard links, 1 where unknown.
    pub links: u64,
    /// Numeric owner, where the storage has owners.
    pub owner: Option<u32>,
    /// Numeric group, where the storage has groups.
    pub group: Option<u32>,
    /// Identity within the storage: equal means the same object. (device, inode) on a local
    /// directory; never shown to a peer as it is.
    pub unique: (u64, u64),
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "implementations outside this crate build it")]
pub struct Entry {
    /// The name: one component, octets as stored.
    pub name: Vec<u8>,
    /// The entry itself; for a symbolic link, the link's own metadata (`kind == Symlink`).
    pub meta: Meta,
    /// For a symbolic link: where it points, as stored.
    pub link: Option<Vec<u8>>,
    /// For a symbolic link that leads to something inside the root: the metadata of that.
    pub target: Option<Meta>,
}

/// What [`Storage::set_meta`](crate::Storage::set_meta) is to change; `None` leaves a field as it
/// is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..Default::default()")]
pub struct SetMeta {
    /// New time of last modification.
    pub modified: Option<UnixTime>,
    /// New time of last access.
    pub accessed: Option<UnixTime>,
    /// New permission bits, `0o7777` at most.
    pub mode: Option<u32>,
    /// New time of creation.
    pub created: Option<UnixTime>,
    /// New numeric owner.
    pub owner: Option<u32>,
    /// New numeric group.
    pub group: Option<u32>,
}

/// A directory being read, batch by batch, so that no directory is ever held whole in memory.
pub trait Entries: Send {
    /// The next entries, in the storage's own order; an empty batch means the end. `.` and `..`
    /// never appear. At most [`BATCH_MAX`] entries.
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>>;

    /// Asks, before the first batch, for entries in the order of their names (octet by octet) where
    /// there are no more than `most`; a larger directory comes in the storage's own order. False
    /// where the storage leaves that to the caller.
    ///
    /// Names alone are read faster than what they stand for, so that the first batch of a sorted
    /// directory need not wait for the last entry.
    fn by_name(&mut self, most: usize) -> BoxFut<'_, Result<bool, FsError>> {
        let _ = most;
        Box::pin(std::future::ready(Ok(false)))
    }

    /// How much of the directory was there but could not be understood, so far; after the end, 0
    /// proves that the listing is complete. Anything that removes what is not listed must ask.
    fn unread(&self) -> u64 {
        0
    }
}

/// The most entries one [`Entries::next_batch`] returns.
pub const BATCH_MAX: usize = 1024;
