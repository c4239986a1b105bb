//! `rm`: files, and whole trees if asked for. A tree is listed to its end before anything of it is
//! removed, and links in it are removed, never followed.

use std::sync::Arc;

use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, Kind};
use tokio::task::JoinSet;

use crate::cli::Rm;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::records::Done;
use crate::walk::Walk;

/// The most entries of a tree that is removed in one go; beyond that somebody meant something
/// else.
const ENTRIES_MAX: usize = 10_000_000;

pub(crate) async fn run(cx: &Cx, args: &Rm) -> Outcome<Exit> {
    let mut removed = 0;
    cx.each(&args.places, Role::Name, async |place| one(cx, args, place, &mut removed).await).await
}

async fn one(cx: &Cx, args: &Rm, place: &Place, removed: &mut u64) -> Outcome<()> {
    let fail = |e| Failure::storage(place.shown(), &e);
    let kind = match place.storage.stat(&place.path, false).await {
        Ok(meta) => meta.kind,
        Err(FsError::NotFound) if args.force => return Ok(()),
        Err(e) => return Err(fail(e)),
    };
    if kind == Kind::Dir && !args.recursive {
        let what = format!("{} is a directory; -r removes it with all in it", place.shown());
        return Err(Failure::new(Exit::Exists, what));
    }
    if place.path.is_root() {
        return Err(Failure::usage("the root is not removed"));
    }
    let (files, dirs) = match kind {
        Kind::Dir => below(place).await?,
        _ => (vec![place.path.clone()], Vec::new()),
    };
    let count = (files.len() + dirs.len()) as u64;
    if args.max_delete.is_some_and(|max| *removed + count > max) {
        let what = format!(
            "{}: {count} to remove is more than --max-delete allows; nothing of it was removed",
            place.shown()
        );
        return Err(Failure::new(Exit::Limit, what));
    }
    *removed += count;
    remove(cx, place, files, false).await?;
    // Those that are deepest first, and of one depth all at a time.
    let mut dirs = dirs;
    dirs.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    for level in dirs.chunk_by(|a, b| a.components().count() == b.components().count()) {
        remove(cx, place, level.to_vec(), true).await?;
    }
    Ok(())
}

/// Everything in a tree: files and links, and directories with itself.
async fn below(place: &Place) -> Outcome<(Vec<FtpPath>, Vec<FtpPath>)> {
    let (mut files, mut dirs) = (Vec::new(), Vec::new());
    let mut walk = Walk::new(&place.storage, place.path.clone(), None);
    while let Some(listed) = walk.next().await {
        let listed = listed.map_err(|(path, e)| Failure::storage(place.show(&path), &e))?;
        for entry in listed.entries.iter().filter(|entry| entry.meta.kind != Kind::Dir) {
            let child = listed.path.child(&entry.name);
            files.push(child.map_err(|e| Failure::path(place.show(&listed.path), e))?);
        }
        dirs.push(listed.path);
        if files.len() + dirs.len() > ENTRIES_MAX {
            return Err(Failure::new(Exit::Limit, format!("{}: too large", place.shown())));
        }
    }
    Ok((files, dirs))
}

/// Removes some things, several at a time; the first failure ends it.
async fn remove(cx: &Cx, place: &Place, paths: Vec<FtpPath>, dirs: bool) -> Outcome<()> {
    let mut running: JoinSet<(FtpPath, Result<(), FsError>)> = JoinSet::new();
    let mut paths = paths.into_iter();
    loop {
        while running.len() < place.storage.width().max(1) {
            let Some(path) = paths.next() else { break };
            let (storage, dry_run) = (Arc::clone(&place.storage), cx.dry_run());
            running.spawn(async move {
                let done = match (dry_run, dirs) {
                    (true, _) => Ok(()),
                    (false, true) => storage.remove_dir(&path).await,
                    (false, false) => storage.remove_file(&path).await,
                };
                (path, done)
            });
        }
        let Some(done) = running.join_next().await else { return Ok(()) };
        let (path, done) = done.map_err(|e| Failure::new(Exit::Local, e.to_string()))?;
        done.map_err(|e| Failure::storage(place.show(&path), &e))?;
        let (plain, dry_run) = (place.plain(&path), cx.dry_run());
        cx.tell(
            || Done { action: "removed", base: &place.base, path: &plain, to: None, dry_run },
            || format!("removed {}", place.show(&path)),
        )?;
    }
}
