//! How a file is to be copied, and what is told while it is.

use std::sync::Arc;
use std::time::Duration;

use ferry_proto::path::FtpPath;
use ferry_storage::{Meta, Storage};

use super::rate::Limiter;
use super::retry::Retry;
use crate::error::Error;
use crate::fxp::Direct;

/// Everything about how one file is copied.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..CopyOptions::default()")]
pub struct CopyOptions {
    /// Under which name a file grows.
    pub placing: Placing,
    /// Whether what an earlier copy has left is continued.
    pub resume: Resume,
    /// In how many ranges at a time a large file is read.
    pub segments: Segments,
    /// Whether the copy gets the source's time of modification.
    pub times: bool,
    /// Whether the copy gets the source's permission bits.
    pub mode: bool,
    /// Permission bits of new files otherwise.
    pub perm: u32,
    /// Whether the digests of both files are compared at the end.
    pub verify: bool,
    /// Whether a symbolic link in the place of the copy is written through; refused otherwise.
    pub through_links: bool,
    /// Whether partial files that earlier attempts have left, from other states of the source, are
    /// removed. That takes a listing of the directory; who has one can tell.
    pub sweep: bool,
    /// The servers that source and destination are on, where they are to move the file between
    /// themselves if they will. Nothing limits how fast they do it.
    pub direct: Option<Arc<Direct>>,
    /// What to do about failures that may pass.
    pub retry: Retry,
    /// The limits to keep, all of them.
    pub limits: Vec<Arc<Limiter>>,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            placing: Placing::default(),
            resume: Resume::default(),
            segments: Segments::default(),
            times: true,
            mode: false,
            perm: 0o644,
            verify: false,
            through_links: false,
            sweep: true,
            direct: None,
            retry: Retry::default(),
            limits: Vec::new(),
        }
    }
}

/// Under which name a file grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placing {
    /// Files of more octets than this under a partial name in the same directory, renamed when
    /// whole; smaller ones as the storage makes a whole file appear at once. Where renaming
    /// does not work, as [`Final`](Self::Final).
    Partial {
        /// The size up to which a file is not worth resuming.
        above: u64,
    },
    /// Under its own name from the start. Usual on servers, where directories may be watched and
    /// renaming may be forbidden.
    Final,
}

impl Default for Placing {
    fn default() -> Self {
        Self::Partial { above: 1 << 20 }
    }
}

/// Whether what an earlier copy has left is continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Resume {
    /// Always from the start.
    Never,
    /// A partial file of the same state of the source, if the common part proves to be the same.
    #[default]
    Partial,
    /// Also a shorter file of the same name; a longer one is overwritten.
    Existing,
    /// Also a shorter file of the same name; a longer one, or one that is no beginning of the
    /// source, is an error ([`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch)).
    ExistingOrFail,
}

impl Resume {
    /// Whether a file of the same name counts.
    pub(crate) fn existing(self) -> bool {
        matches!(self, Self::Existing | Self::ExistingOrFail)
    }
}

/// In how many ranges at a time a large file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Segments {
    /// One.
    #[default]
    Off,
    /// Up to four where that may be faster: a file of 32 MiB or more that is not of this machine,
    /// into a storage whose files can be written at any offset.
    Auto,
    /// So many, if the destination's files can be written at any offset; one if not.
    Count(u8),
}

/// What has become of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Copied {
    /// Length of the file, in octets.
    pub size: u64,
    /// Octets that were there already and did not have to be moved.
    pub resumed: u64,
    /// Octets moved, those of failed attempts among them.
    pub moved: u64,
    /// Attempts after the first.
    pub retried: u32,
    /// Ranges it was read in.
    pub segments: u8,
    /// Whether the digests were compared.
    pub verified: bool,
    /// Whether the time of modification was kept.
    pub times_kept: bool,
    /// Whether two servers moved it between themselves.
    pub direct: bool,
}

/// Who is told how a copy goes on. Called from within: it must not block.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn on(&self, step: &Step<'_>);
}

/// Tells nobody.
impl Progress for () {
    fn on(&self, _: &Step<'_>) {}
}

/// What a [`Progress`] is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step<'a> {
    /// An attempt begins.
    Started {
        /// The length of the file, if known.
        size: Option<u64>,
        /// The octets that are there already.
        resumed: u64,
    },
    /// So many more octets have arrived.
    Moved(u64),
    /// What was there is not the beginning of the source: from the start.
    Restarted,
    /// The digests are being compared.
    Verifying,
    /// An attempt failed; the next one comes after that time.
    Retrying(&'a Error, Duration),
}

/// What is already known of both ends, so that nobody has to ask again.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..Known::default()")]
pub struct Known {
    /// The source file.
    pub from: Option<Meta>,
    /// The source was asked for by itself and just now. A listing may be old, and may know less:
    /// where a part that is here already must belong to the source, that is asked again.
    pub just_asked: bool,
    /// What has the name at the destination: `Some(None)` for nothing.
    pub to: Option<Option<Meta>>,
}

/// One copy: where from, where to, how.
pub(crate) struct Job<'a> {
    pub(crate) from: &'a dyn Storage,
    pub(crate) from_path: &'a FtpPath,
    pub(crate) to: &'a dyn Storage,
    pub(crate) to_path: &'a FtpPath,
    pub(crate) options: &'a CopyOptions,
    pub(crate) progress: &'a dyn Progress,
}
