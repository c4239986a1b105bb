//! What is to be done, one action after the other; written as text and read back in `plan_text`.

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::{Kind, Meta, Precision};

use super::compare;
use super::options::Reason;

/// Which tree an action changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums, reason = "there are two")]
pub enum Side {
    /// The first one; only a sync changes it.
    Left,
    /// The second one: the destination of a mirror.
    Right,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Action {
    /// The tree that is changed.
    pub to: Side,
    /// Where, from the root.
    pub path: FtpPath,
    /// What.
    pub what: What,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Make a directory.
    MakeDir {
        /// Its permission bits, if they are to be the source's.
        mode: Option<u32>,
    },
    /// Copy a file.
    Copy {
        /// Why.
        why: Why,
        /// The path in the other tree, where that is not the same.
        name: Option<FtpPath>,
        /// The file as it was seen.
        from: State,
        /// What had its name, as it was seen.
        to: Option<State>,
    },
    /// Make a symbolic link.
    Link {
        /// Where it leads, from the root.
        target: FtpPath,
    },
    /// Give a file the source's time, because nothing else differs; or a directory, at the end.
    Time {
        /// The time.
        modified: UnixTime,
        /// Whether it is a directory's.
        dir: bool,
    },
    /// Rename; a sync that keeps both of two files does that first.
    Rename {
        /// The new path.
        to: FtpPath,
    },
    /// Delete.
    Delete {
        /// What it is.
        kind: Kind,
        /// As it was seen.
        state: State,
        /// Whether it is in the way of what follows.
        in_the_way: bool,
    },
    /// Nothing, for that reason.
    Skip(Reason),
}

/// Why a file is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// The other side has none.
    New,
    /// The sizes differ.
    Size,
    /// The times differ.
    Time,
    /// The contents differ.
    Content,
    /// Everything is copied.
    Asked,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct State {
    /// Its length, if known.
    pub size: Option<u64>,
    /// When it was last changed.
    pub modified: UnixTime,
    /// How exactly that is known.
    pub precision: Precision,
}

impl State {
    /// The state that metadata tells.
    #[must_use]
    pub fn of(meta: &Meta) -> Self {
        let size = (meta.size_known && meta.kind == Kind::File).then_some(meta.size);
        Self { size, modified: meta.modified, precision: meta.precision }
    }

    /// Whether a file in this state is still in it, as far as can be told.
    #[must_use]
    pub fn still(&self, now: &Self) -> bool {
        let size = self.size.zip(now.size).is_none_or(|(then, now)| then == now);
        size && compare::same_time(self, now)
    }
}

/// A whole plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Plan {
    /// In order: what is made comes before what is put into it, what is deleted after what was in
    /// it.
    pub actions: Vec<Action>,
}
