//! Two trees side by side, directory by directory, for who treats both alike: diff and sync.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use ferry_storage::{Entry, FsError, Kind, Meta};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::listing::{Listed, list};
use super::names::{below, safe_name};
use super::options::{ControlNames, Links, MirrorOptions, Reason, Tree};
use super::walk::{DEPTH_MAX, listings};
use crate::copy::{of_storage, partial_of};
use crate::error::Error;

/// What a walk of both trees tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// A directory that is on at least one side.
    Dir(Box<Both>),
    /// Something that is left out.
    Skipped(FtpPath, Reason),
    /// Something that could not be looked at, with all below it.
    Failed(FtpPath, Error),
}

/// One directory.
#[derive(Debug)]
pub(crate) struct Both {
    pub(crate) path: FtpPath,
    /// Whether the left side has it, and the right.
    pub(crate) there: [bool; 2],
    /// Whether the listings of each side, of this and all above, were complete.
    pub(crate) proven: [bool; 2],
    /// What is in it on either side, by name.
    pub(crate) entries: Vec<(FtpPath, [Option<Meta>; 2])>,
}

/// A directory still to be listed.
#[derive(Debug)]
struct Next {
    path: FtpPath,
    there: [bool; 2],
    proven: [bool; 2],
    depth: u32,
}

/// Walks from the roots down. The receiver may go away at any time, which ends it.
pub(crate) async fn walk(
    left: &Tree,
    right: &Tree,
    options: &Arc<MirrorOptions>,
    out: mpsc::Sender<Told>,
) {
    let root = FtpPath::root();
    if left.overlaps(right) {
        return fail(&out, root, FsError::IntoItself).await;
    }
    let looks =
        tokio::join!(left.storage.stat(&left.root, true), right.storage.stat(&right.root, true));
    let mut there = [false; 2];
    for (there, look) in there.iter_mut().zip([looks.0, looks.1]) {
        match look {
            Ok(meta) if meta.kind == Kind::Dir => *there = true,
            Err(FsError::NotFound) => {}
            Ok(_) => return fail(&out, root, FsError::NotDir).await,
            Err(e) => return fail(&out, root, e).await,
        }
    }
    let width = listings(left, right);
    let mut todo = vec![Next { path: root, there, proven: [true; 2], depth: 0 }];
    let mut running = JoinSet::new();
    loop {
        while running.len() < width
            && let Some(next) = todo.pop()
        {
            let (trees, out) = ([left.clone(), right.clone()], out.clone());
            let options = Arc::clone(options);
            running.spawn(async move { Box::pin(one(&trees, next, &options, &out)).await });
        }
        match running.join_next().await {
            None => return,
            Some(Ok(Some(below))) => todo.extend(below),
            Some(Ok(None)) => return,
            Some(Err(e)) => {
                fail(&out, FtpPath::root(), FsError::Io(std::io::Error::other(e))).await;
            }
        }
    }
}

async fn fail(out: &mpsc::Sender<Told>, path: FtpPath, error: FsError) {
    // Nobody is left to tell if this fails.
    let _ = out.send(Told::Failed(path, of_storage(error, "listing"))).await;
}

/// One directory; [`None`] when nobody listens any more.
async fn one(
    [left, right]: &[Tree; 2],
    next: Next,
    options: &MirrorOptions,
    out: &mpsc::Sender<Told>,
) -> Option<Vec<Next>> {
    let read = async |tree: &Tree, there: bool| match there {
        true => list(tree, &next.path, &options.copy.retry).await,
        false => Ok(Listed { complete: true, ..Listed::default() }),
    };
    let [at_left, at_right] = next.there;
    let (a, b) = match tokio::join!(read(left, at_left), read(right, at_right)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(e), _) | (_, Err(e)) => {
            fail(out, next.path, e).await;
            return Some(Vec::new());
        }
    };
    let [proven_left, proven_right] = next.proven;
    let proven = [proven_left && a.complete, proven_right && b.complete];
    let mut names: BTreeMap<FtpPath, [Option<Meta>; 2]> = BTreeMap::new();
    let mut left_out = HashSet::new();
    for (at, entries) in [a.entries, b.entries].into_iter().enumerate() {
        for entry in entries {
            match admit(&next.path, entry, options) {
                Admitted::Yes(path, meta) => {
                    if let Some(slot) = names.entry(path).or_default().get_mut(at) {
                        *slot = Some(meta);
                    }
                }
                Admitted::No(path) => {
                    left_out.insert(path);
                }
                Admitted::Refused(path, reason) => {
                    out.send(Told::Skipped(path.clone(), reason)).await.ok()?;
                    left_out.insert(path);
                }
            }
        }
    }
    // What one side leaves out is not missing there.
    names.retain(|path, _| !left_out.contains(path));
    let mut below = Vec::new();
    for (path, [left, right]) in &names {
        let is_dir = |meta: &Option<Meta>| meta.as_ref().is_some_and(|m| m.kind == Kind::Dir);
        let there = [is_dir(left), is_dir(right)];
        let other = |meta: &Option<Meta>| meta.is_some() && !is_dir(meta);
        if there == [false; 2] || other(left) || other(right) {
            continue;
        }
        if next.depth >= DEPTH_MAX {
            out.send(Told::Skipped(path.clone(), Reason::TooDeep)).await.ok()?;
            continue;
        }
        below.push(Next { path: path.clone(), there, proven, depth: next.depth + 1 });
    }
    let entries = names.into_iter().collect();
    let both = Both { path: next.path, there: next.there, proven, entries };
    out.send(Told::Dir(Box::new(both))).await.ok()?;
    Some(below)
}

enum Admitted {
    Yes(FtpPath, Meta),
    /// It does not count.
    No(FtpPath),
    Refused(FtpPath, Reason),
}

fn admit(dir: &FtpPath, entry: Entry, options: &MirrorOptions) -> Admitted {
    // Escaping would give one file two names.
    let controls = match options.controls {
        ControlNames::Keep => ControlNames::Keep,
        _ => ControlNames::Refuse,
    };
    let refused = |reason| {
        let tame = super::pair::shown(dir, &entry.name);
        Admitted::Refused(tame, reason)
    };
    if let Err(reason) = safe_name(&entry.name, controls) {
        return refused(reason);
    }
    let path = match below(dir, &entry.name) {
        Ok(path) => path,
        Err(reason) => return refused(reason),
    };
    let meta = match (entry.meta.kind, options.links, entry.target) {
        (Kind::Symlink, Links::Follow, Some(target)) if target.kind == Kind::File => target,
        (Kind::Symlink, ..) => return Admitted::Refused(path, Reason::Link),
        (Kind::File | Kind::Dir, ..) => entry.meta,
        _ => return Admitted::Refused(path, Reason::Special),
    };
    if partial_of(&entry.name).is_some() || !options.filter.admits(&path, &meta) {
        return Admitted::No(path);
    }
    Admitted::Yes(path, meta)
}
