//! A directory with everything in it: added up, or removed. Links are never followed.

use ferry_proto::path::FtpPath;
use ferry_storage::{Entry, FsError, Kind, Storage as _};

use super::Budget;
use crate::ops::{Refused, Session};

/// Octets of all regular files below a directory.
pub(super) async fn size(
    session: &Session,
    path: FtpPath,
    budget: &mut Budget,
) -> Result<u64, Refused> {
    let mut total = 0_u64;
    let mut rest = vec![path];
    while let Some(dir) = rest.pop() {
        let mut entries = session.guard.list(&dir).await?;
        loop {
            let batch = entries.next_batch().await?;
            if batch.is_empty() {
                break;
            }
            for entry in &batch {
                budget.visit().await?;
                match entry.meta.kind {
                    Kind::File => total = total.saturating_add(entry.meta.size),
                    Kind::Dir => rest.push(child(&dir, entry)?),
                    _ => {}
                }
            }
        }
    }
    Ok(total)
}

/// Removes a directory and everything in it, the deepest first.
///
/// Each directory is read anew until it is empty, a batch at a time, so that no tree is held in
/// memory whole and removing does not disturb reading.
pub(super) async fn remove(
    session: &Session,
    path: FtpPath,
    budget: &mut Budget,
) -> Result<(), Refused> {
    // The root would be refused too, but only at the end, with nothing left in it.
    if path.is_root() {
        return Err(FsError::Denied.into());
    }
    if session.guard.stat(&path, false).await?.kind != Kind::Dir {
        return Err(FsError::NotDir.into());
    }
    let mut rest = vec![path];
    while let Some(dir) = rest.pop() {
        let batch = session.guard.list(&dir).await?.next_batch().await?;
        if batch.is_empty() {
            budget.visit().await?;
            session.guard.remove_dir(&dir).await?;
            budget.changed = true;
            continue;
        }
        let mut below = Vec::new();
        for entry in &batch {
            let path = child(&dir, entry)?;
            if entry.meta.kind == Kind::Dir {
                below.push(path);
                continue;
            }
            budget.visit().await?;
            match session.guard.remove_file(&path).await {
                Ok(()) => budget.changed = true,
                // Someone else was faster.
                Err(FsError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        rest.push(dir);
        rest.append(&mut below);
    }
    Ok(())
}

pub(super) fn child(dir: &FtpPath, entry: &Entry) -> Result<FtpPath, FsError> {
    dir.child(&entry.name).map_err(|_| FsError::BadName)
}
