//! Doing one action. Everything that decides about several lives in `apply`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, Kind, Meta, SetMeta};
use tokio::sync::watch;

use super::names::RealDirs;
use super::options::{Event, MirrorOptions, Observer, Reason, Tree};
use super::plan::{Action, Side, State, What};
use super::walk::Item;
use crate::copy::{Copied, CopyOptions, Known, Progress, Step, copy_known, of_storage};
use crate::error::Error;

/// What every action needs.
pub(crate) struct Shared {
    pub(crate) left: Tree,
    pub(crate) right: Tree,
    pub(crate) options: Arc<MirrorOptions>,
    pub(crate) observer: Arc<dyn Observer>,
    /// Whether both ends are looked at again first: the plan may be old.
    pub(crate) check: bool,
    /// Directories of both trees known to be real.
    pub(crate) real: [RealDirs; 2],
    /// Whether both ends know that small files will go to the left tree, and to the right.
    pub(crate) expected: [AtomicBool; 2],
}

impl Shared {
    /// Lets both ends get ready for many small files that will go to that side.
    pub(crate) fn expect_small(&self, to: Side) {
        let [left, right] = &self.expected;
        let expected = match to {
            Side::Left => left,
            Side::Right => right,
        };
        if !expected.swap(true, Ordering::Relaxed) {
            self.tree(to.other()).storage.expect_small(false);
            self.tree(to).storage.expect_small(true);
        }
    }

    pub(crate) fn tree(&self, side: Side) -> &Tree {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    fn real(&self, side: Side) -> &RealDirs {
        let [left, right] = &self.real;
        match side {
            Side::Left => left,
            Side::Right => right,
        }
    }
}

/// What became of an action.
#[derive(Debug)]
pub(crate) enum Outcome {
    Copied(Copied),
    Done,
    Skipped(Reason),
    Failed(Error),
}

impl From<FsError> for Outcome {
    fn from(error: FsError) -> Self {
        Self::Failed(of_storage(error, "looking at it again"))
    }
}

/// An action that has come to its end.
pub(crate) struct Finished {
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    /// Whether it was one of the large files.
    pub(crate) large: bool,
}

/// Whether a directory that was to be made is there; [`None`] while that is open.
pub(crate) type Gate = watch::Receiver<Option<bool>>;

/// Does `item` once the directory it belongs into is there.
pub(crate) async fn act(shared: &Arc<Shared>, item: Item, gate: Option<Gate>) -> (Action, Outcome) {
    let Item { action, known, leftovers } = item;
    if let Some(mut gate) = gate {
        let made = gate.wait_for(Option::is_some).await.is_ok_and(|made| *made == Some(true));
        if !made {
            return (action, Outcome::Skipped(Reason::NoDirectory));
        }
    }
    shared.observer.on(&Event::Started(&action));
    let outcome = match Box::pin(doing(shared, &action, known, leftovers)).await {
        Ok(outcome) | Err(outcome) => outcome,
    };
    (action, outcome)
}

async fn doing(
    shared: &Arc<Shared>,
    action: &Action,
    known: Known,
    leftovers: bool,
) -> Result<Outcome, Outcome> {
    let tree = shared.tree(action.to);
    let storage = &*tree.storage;
    let path = tree.at(&action.path)?;
    if shared.check && !shared.options.through_links {
        match shared.real(action.to).check(tree, &action.path).await {
            Err(FsError::NotDir) => return Ok(Outcome::Skipped(Reason::LinkInTheWay)),
            // A directory that is still to be made is looked at when it is.
            Err(FsError::NotFound) => {}
            done => done?,
        }
    }
    let failed = |doing: &'static str| move |e| Outcome::Failed(of_storage(e, doing));
    match &action.what {
        What::MakeDir { mode } => {
            let perm = mode.unwrap_or(shared.options.dir_perm) & 0o777;
            make_dir(tree, &action.path, perm).await.map_err(failed("making the directory"))?;
            shared.real(action.to).add(&action.path);
        }
        What::Copy { name, from, to, .. } => {
            let seen = (from, to.as_ref());
            return copy(shared, action, name.as_ref(), seen, (known, leftovers)).await;
        }
        What::Link { target } => {
            let target = tree.at(target)?;
            storage.make_link(&path, &target).await.map_err(failed("making the link"))?;
        }
        What::Time { modified, .. } => {
            let set = SetMeta { modified: Some(*modified), ..SetMeta::default() };
            storage.set_meta(&path, set).await.map_err(failed("setting the time"))?;
        }
        What::Rename { to } => {
            let to = tree.at(to)?;
            storage.rename(&path, &to, false).await.map_err(failed("renaming"))?;
        }
        What::Delete { kind, state, .. } => {
            if shared.check && !still_superfluous(shared, action, *kind, state).await? {
                return Ok(Outcome::Skipped(Reason::Changed));
            }
            let done = match kind {
                Kind::Dir => storage.remove_dir(&path).await,
                _ => storage.remove_file(&path).await,
            };
            match done {
                // Somebody else was faster; it is gone as it should be.
                Ok(()) | Err(FsError::NotFound) => {}
                Err(FsError::NotEmpty) => return Ok(Outcome::Skipped(Reason::NotEmpty)),
                Err(e) => return Err(failed("deleting")(e)),
            }
        }
        What::Skip(reason) => return Ok(Outcome::Skipped(*reason)),
    }
    Ok(Outcome::Done)
}

/// Makes a directory that may be there already; those above a tree's root, too.
async fn make_dir(tree: &Tree, path: &FtpPath, perm: u32) -> Result<(), FsError> {
    let whole = tree.at(path)?;
    let made = tree.storage.make_dir(&whole, perm).await;
    match made {
        Err(FsError::Exists) => {
            let meta = tree.storage.stat(&whole, path.is_root()).await?;
            if meta.kind == Kind::Dir { Ok(()) } else { Err(FsError::Exists) }
        }
        Err(FsError::NotFound) if path.is_root() => {
            let mut above = Vec::new();
            let mut at = whole.parent();
            while let Some(dir) = at.filter(|dir| !dir.is_root()) {
                at = dir.parent();
                above.push(dir);
            }
            while let Some(dir) = above.pop() {
                match tree.storage.make_dir(&dir, perm).await {
                    Ok(()) | Err(FsError::Exists) => {}
                    Err(e) => return Err(e),
                }
            }
            tree.storage.make_dir(&whole, perm).await
        }
        done => done,
    }
}

/// Metadata of what has a name, if anything has.
async fn look(tree: &Tree, path: &FtpPath, follow: bool) -> Result<Option<Meta>, FsError> {
    match tree.storage.stat(&tree.at(path)?, follow).await {
        Ok(meta) => Ok(Some(meta)),
        Err(FsError::NotFound) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether what a plan deletes is as it was, and still only on that side.
async fn still_superfluous(
    shared: &Shared,
    action: &Action,
    kind: Kind,
    state: &State,
) -> Result<bool, FsError> {
    let What::Delete { in_the_way, .. } = &action.what else { return Ok(false) };
    let there = look(shared.tree(action.to), &action.path, false).await?;
    let Some(there) = there else { return Ok(true) };
    // Deleting what was in it has changed a directory's time.
    let same = there.kind == kind && (kind == Kind::Dir || state.still(&State::of(&there)));
    if !same || *in_the_way {
        return Ok(same);
    }
    Ok(look(shared.tree(action.to.other()), &action.path, false).await?.is_none())
}

async fn copy(
    shared: &Arc<Shared>,
    action: &Action,
    name: Option<&FtpPath>,
    (seen, had): (&State, Option<&State>),
    (mut known, leftovers): (Known, bool),
) -> Result<Outcome, Outcome> {
    let (from, to) = (shared.tree(action.to.other()), shared.tree(action.to));
    let name = name.unwrap_or(&action.path);
    if shared.check {
        let Some(source) = look(from, name, true).await? else {
            return Ok(Outcome::Skipped(Reason::Changed));
        };
        let there = look(to, &action.path, shared.options.through_links).await?;
        let as_seen = match (had, &there) {
            (None, None) => true,
            (Some(had), Some(there)) => had.still(&State::of(there)),
            _ => false,
        };
        if !as_seen || !seen.still(&State::of(&source)) {
            return Ok(Outcome::Skipped(Reason::Changed));
        }
        known = Known { from: Some(source), just_asked: true, to: Some(there) };
    }
    let (from_path, to_path) = (from.at(name)?, to.at(&action.path)?);
    let told = Told { observer: &*shared.observer, path: &action.path };
    let options = CopyOptions { sweep: leftovers, ..shared.options.copy.clone() };
    let copied =
        copy_known((&*from.storage, &from_path), (&*to.storage, &to_path), known, &options, &told);
    Ok(Outcome::Copied(copied.await.map_err(Outcome::Failed)?))
}

/// Passes the steps of one copy on.
struct Told<'a> {
    observer: &'a dyn Observer,
    path: &'a FtpPath,
}

impl Progress for Told<'_> {
    fn on(&self, step: &Step<'_>) {
        self.observer.on(&Event::Progress(self.path, step));
    }
}
