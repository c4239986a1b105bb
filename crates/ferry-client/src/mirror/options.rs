//! What a mirror run is to do, what it tells and what becomes of it: plain data.

use std::fmt;
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, Kind, Storage};

use super::plan::Action;
use crate::copy::{Copied, CopyOptions, Step};
use crate::error::Error;
use crate::filter::Filter;

/// One of the two trees.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Tree {
    /// Where it is.
    pub storage: Arc<dyn Storage>,
    /// Its root directory there.
    pub root: FtpPath,
}

impl Tree {
    /// The tree below `root`.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, root: FtpPath) -> Self {
        Self { storage, root }
    }

    /// Whether one of both trees is in the other, as far as can be told: what is the same place
    /// through two storages is not noticed.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let same = Arc::ptr_eq(&self.storage, &other.storage);
        same && (self.root.is_within(&other.root) || other.root.is_within(&self.root))
    }

    /// Where `path`, from the tree's root, is in the storage.
    ///
    /// # Errors
    /// [`FsError::BadName`] when the whole would be too long.
    pub fn at(&self, path: &FtpPath) -> Result<FtpPath, FsError> {
        if path.is_root() {
            return Ok(self.root.clone());
        }
        let rel = path.as_bytes().get(1..).unwrap_or_default();
        self.root.resolve(rel).map_err(|_| FsError::BadName)
    }
}

/// Everything about a mirror run.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..MirrorOptions::default()")]
pub struct MirrorOptions {
    /// How files are told to be the same.
    pub compare: Compare,
    /// Whether files that are newer at the destination are left alone.
    pub update: bool,
    /// Which files and directories count. What does not is neither copied nor deleted.
    pub filter: Filter,
    /// Whether what is only at the destination is deleted, and when. It also decides whether
    /// something of another kind (a directory where a file is to be) is removed.
    pub delete: Delete,
    /// The most files and directories to delete.
    pub max_delete: Option<u64>,
    /// Whether to go on when the source is empty and the destination is not, with deletion on.
    pub force_empty: bool,
    /// What to do about symbolic links in the source.
    pub links: Links,
    /// Whether a link to a directory at the destination may be written through.
    pub through_links: bool,
    /// What to do about control octets in names.
    pub controls: ControlNames,
    /// Whether the destination takes names that differ in case for the same.
    pub ignore_case: bool,
    /// How many files at a time; 0 for as many as the wider of the two storages can use.
    pub jobs: usize,
    /// How files are copied.
    pub copy: CopyOptions,
    /// After so many failures the run is given up.
    pub max_errors: Option<u64>,
    /// After so many octets moved no further file is begun.
    pub max_transfer: Option<u64>,
    /// Permission bits of new directories, where the source's are not kept.
    pub dir_perm: u32,
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self {
            compare: Compare::default(),
            update: false,
            filter: Filter::default(),
            delete: Delete::default(),
            max_delete: None,
            force_empty: false,
            links: Links::default(),
            through_links: false,
            controls: ControlNames::default(),
            ignore_case: false,
            jobs: 0,
            copy: CopyOptions { through_links: false, ..CopyOptions::default() },
            max_errors: None,
            max_transfer: None,
            dir_perm: 0o755,
        }
    }
}

/// How files are told to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compare {
    /// By size and time, as exactly as both sides know it.
    #[default]
    SizeAndTime,
    /// By size alone.
    Size,
    /// By size and content, whatever the times say. Servers are asked for digests; where they have
    /// none the files are read.
    Content,
    /// Never: everything is copied.
    Never,
}

/// Whether and when what is only at the destination is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "callers offer each")]
pub enum Delete {
    /// Never.
    #[default]
    Never,
    /// Before anything is copied; the source is listed twice.
    Before,
    /// As soon as a directory is compared.
    During,
    /// After everything is copied.
    After,
}

/// What to do about symbolic links in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "callers offer each")]
pub enum Links {
    /// They are left out (and what has their name at the destination is left alone).
    #[default]
    Skip,
    /// What they lead to is copied.
    Follow,
    /// Links are made, where they lead to something inside the tree.
    Copy,
}

/// What to do about control octets in names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "callers offer each")]
pub enum ControlNames {
    /// Such files are left out and reported.
    #[default]
    Refuse,
    /// They are written as `%` and two digits at the destination.
    Escape,
    /// They are kept.
    Keep,
}

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The name cannot be, or must not be.
    BadName,
    /// Two entries of one directory have the name, or one the destination takes for the same.
    SameName,
    /// A symbolic link, and links are left out.
    Link,
    /// A symbolic link that leads nowhere, out of the tree, or in a circle.
    BadLink,
    /// The destination has no links.
    NoLinks,
    /// Neither file nor directory nor link.
    Special,
    /// The tree is too deep.
    TooDeep,
    /// The destination's is newer.
    Newer,
    /// Something of another kind has the name at the destination.
    OtherKind,
    /// A symbolic link has the name at the destination, and is not written through.
    LinkInTheWay,
    /// It would have been deleted, but the source's listing could not be read whole.
    Unproven,
    /// One of the two sides has changed since the plan was made.
    Changed,
    /// The directory it belongs into could not be made.
    NoDirectory,
    /// The directory still holds what does not count.
    NotEmpty,
    /// Both sides have changed, and nobody said which is to win.
    Conflict,
    /// The limit on deletions is reached.
    DeleteLimit,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadName => "the name is not allowed",
            Self::SameName => "another entry has the same name",
            Self::Link => "it is a symbolic link",
            Self::BadLink => "the link leads nowhere, out of the tree, or in a circle",
            Self::NoLinks => "the destination has no symbolic links",
            Self::Special => "it is no regular file",
            Self::TooDeep => "the tree is too deep",
            Self::Newer => "the destination's is newer",
            Self::OtherKind => "something of another kind has the name",
            Self::LinkInTheWay => "a symbolic link has the name",
            Self::Unproven => "not deleted: the source could not be listed completely",
            Self::Changed => "it has changed since the plan was made",
            Self::NoDirectory => "its directory could not be made",
            Self::NotEmpty => "the directory holds files that do not count",
            Self::Conflict => "both sides have changed",
            Self::DeleteLimit => "the limit on deletions is reached",
        })
    }
}

/// Why a run ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// No space is left at the destination.
    NoSpace,
    /// More than [`MirrorOptions::max_errors`] failures.
    TooManyErrors,
    /// More than [`MirrorOptions::max_delete`] would have been deleted. Nothing was, unless
    /// deletion is [`Delete::During`]; everything else was done.
    MaxDelete,
    /// The source is empty and the destination is not; nothing was done.
    EmptySource,
    /// [`MirrorOptions::max_transfer`] is reached.
    MaxTransfer,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSpace => "no space is left at the destination",
            Self::TooManyErrors => "there were too many errors",
            Self::MaxDelete => "more would be deleted than is allowed",
            Self::EmptySource => "the source is empty and the destination is not",
            Self::MaxTransfer => "as much as allowed was transferred",
        })
    }
}

/// Who is told how a run goes on. Called from within: it must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on(&self, event: &Event<'_>);
}

/// Tells nobody.
impl Observer for () {
    fn on(&self, _: &Event<'_>) {}
}

/// What an [`Observer`] is told. All paths are from the trees' roots.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A directory was listed on both sides: how many files and octets of the source count.
    Found {
        /// The directory.
        path: &'a FtpPath,
        /// Files in it.
        files: u64,
        /// Their octets.
        octets: u64,
    },
    /// This is to be done.
    Planned(&'a Action),
    /// This begins.
    Started(&'a Action),
    /// A copy goes on.
    Progress(&'a FtpPath, &'a Step<'a>),
    /// This is done; of copies, what became of it.
    Done(&'a Action, Option<&'a Copied>),
    /// This failed.
    Failed(&'a FtpPath, &'a Error),
    /// This is gone.
    Deleted(&'a FtpPath, Kind),
    /// This was left out.
    Skipped(&'a FtpPath, Reason),
    /// The end.
    Summary(&'a Summary),
}

/// The most failures kept whole in a [`Summary`].
pub const FAILURES_MAX: usize = 1000;

/// What became of a run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Files of the source that count.
    pub files: u64,
    /// Directories of the source that count.
    pub dirs: u64,
    /// Octets of those files.
    pub octets: u64,
    /// Files that were the same already.
    pub same: u64,
    /// Files copied.
    pub copied: u64,
    /// Octets moved for that.
    pub moved: u64,
    /// Octets that earlier runs had moved already.
    pub resumed: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Directories made.
    pub dirs_made: u64,
    /// Links made.
    pub links_made: u64,
    /// Times set on files and directories that were the same otherwise.
    pub times_set: u64,
    /// Files, links and directories deleted.
    pub deleted: u64,
    /// What was left out with a reason.
    pub skipped: u64,
    /// Whether every listing of the source was complete.
    pub complete: bool,
    /// Failures.
    pub errors: u64,
    /// The first [`FAILURES_MAX`] failures.
    pub failures: Vec<(FtpPath, Error)>,
    /// Why the run ended early.
    pub stopped: Option<Stop>,
}

impl Summary {
    /// Whether both trees are alike now, as far as they count: nothing failed, was left out or
    /// ended early.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.errors == 0 && self.stopped.is_none() && self.complete
    }

    pub(crate) fn fail(&mut self, path: &FtpPath, error: Error) {
        self.errors += 1;
        if self.failures.len() < FAILURES_MAX {
            self.failures.push((path.clone(), error));
        }
    }
}
