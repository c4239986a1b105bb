//! Copies: files, directories with everything in them, and several files into one (COMB).

use ferry_accounts::policy::Op;
use ferry_proto::path::FtpPath;
use ferry_storage::{Entry, FsError, Kind, Meta, Sink, Storage as _, Upload, WriteMode};

use super::Budget;
use super::chunks::Chunks;
use super::tree::child;
use crate::ops::{Refused, Session};

/// Copies a file, over another if there is one, or a directory to a new name. Links in it become
/// links again, where what they lead to is there; devices and the like are left out.
pub(super) async fn copy(
    session: &Session,
    from: FtpPath,
    to: FtpPath,
    umask: u16,
    budget: &mut Budget,
) -> Result<(), Refused> {
    let meta = session.guard.stat(&from, true).await?;
    if let Ok(there) = session.guard.stat(&to, true).await
        && there.unique == meta.unique
    {
        return Err(Refused::SameFile);
    }
    match meta.kind {
        Kind::File => copy_file(session, &from, &to, &meta, umask, budget).await,
        Kind::Dir => copy_dir(session, from, to, &meta, umask, budget).await,
        _ => Err(FsError::NotFile.into()),
    }
}

async fn copy_dir(
    session: &Session,
    from: FtpPath,
    to: FtpPath,
    meta: &Meta,
    umask: u16,
    budget: &mut Budget,
) -> Result<(), Refused> {
    if from.is_root() {
        return Err(FsError::Denied.into());
    }
    let mut above = to.parent();
    while let Some(dir) = above {
        if session.guard.stat(&dir, true).await?.unique == meta.unique {
            return Err(FsError::IntoItself.into());
        }
        above = dir.parent();
    }
    make_dir(session, &to, meta, umask, budget).await?;
    // By way of a link the copy may still lie in what is copied; it is not copied itself.
    let copy = session.guard.stat(&to, true).await?.unique;
    let (mut rest, mut links) = (vec![(from, to)], Vec::new());
    while let Some((from, to)) = rest.pop() {
        let mut entries = session.guard.list(&from).await?;
        loop {
            let batch = entries.next_batch().await?;
            if batch.is_empty() {
                break;
            }
            for entry in &batch {
                budget.visit().await?;
                let (from, new) = (child(&from, entry)?, child(&to, entry)?);
                match entry.meta.kind {
                    Kind::Dir if entry.meta.unique == copy => {}
                    Kind::Dir => {
                        make_dir(session, &new, &entry.meta, umask, budget).await?;
                        rest.push((from, new));
                    }
                    Kind::File => {
                        copy_file(session, &from, &new, &entry.meta, umask, budget).await?;
                    }
                    _ => links.extend(link(&to, entry).map(|target| (new, target))),
                }
            }
        }
    }
    make_links(session, links).await
}

/// What a copied link is to lead to: what its text says in its new directory.
fn link(dir: &FtpPath, entry: &Entry) -> Option<FtpPath> {
    let text = entry.link.as_deref().filter(|text| !text.starts_with(b"/"))?;
    dir.resolve(text).ok()
}

/// Links come last, when what they lead to is there; one may lead to another, so it is tried again
/// as long as that helps.
async fn make_links(session: &Session, mut links: Vec<(FtpPath, FtpPath)>) -> Result<(), Refused> {
    loop {
        let before = links.len();
        let mut left = Vec::new();
        for (path, target) in links {
            match session.guard.make_link(&path, &target).await {
                Ok(()) => {}
                Err(FsError::NotFound) => left.push((path, target)),
                Err(FsError::Unsupported) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        if left.is_empty() || left.len() == before {
            return Ok(());
        }
        links = left;
    }
}

async fn make_dir(
    session: &Session,
    path: &FtpPath,
    like: &Meta,
    umask: u16,
    budget: &mut Budget,
) -> Result<(), Refused> {
    // Without the owner's own rights nothing could be put into it.
    let perm = permissions(like, 0o777, umask) | 0o700;
    session.guard.make_dir(path, perm).await?;
    budget.changed = true;
    Ok(())
}

async fn copy_file(
    session: &Session,
    from: &FtpPath,
    to: &FtpPath,
    meta: &Meta,
    umask: u16,
    budget: &mut Budget,
) -> Result<(), Refused> {
    budget.affords(meta.size)?;
    // Nobody resumes a copy, so nothing of a broken one is kept.
    let mode = match session.uploads {
        Upload::Direct => Upload::Direct,
        _ => Upload::Discard,
    };
    let chunks = Chunks::new(session.guard.read(from, 0).await?);
    let perm = permissions(meta, 0o666, umask);
    let mut sink = session.guard.write(to, WriteMode::Create(mode), perm).await?;
    pour(chunks, &mut *sink, budget).await?;
    sink.commit().await?;
    budget.changed = true;
    Ok(())
}

fn permissions(like: &Meta, unknown: u32, umask: u16) -> u32 {
    like.mode.unwrap_or(unknown) & 0o777 & !u32::from(umask)
}

async fn pour(mut chunks: Chunks, sink: &mut dyn Sink, budget: &mut Budget) -> Result<(), Refused> {
    let mut buf = Vec::new();
    loop {
        buf = chunks.next(buf, u64::MAX).await?;
        let len = buf.len();
        if len == 0 {
            return Ok(());
        }
        let (back, written) = sink.write(buf).await;
        written?;
        buf = back;
        budget.spend(len).await?;
    }
}

/// Appends the sources to the target, in order, and removes them. Whatever goes wrong before all
/// are appended, the target is then as it was.
pub(super) async fn combine(
    session: &Session,
    target: &FtpPath,
    sources: &[FtpPath],
    umask: u16,
    budget: &mut Budget,
) -> Result<(), Refused> {
    let guard = &session.guard;
    if !guard.caps().write_in_place {
        return Err(FsError::Unsupported.into());
    }
    let before = match guard.stat(target, true).await {
        Ok(meta) => Some(meta),
        Err(FsError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let mut seen: Vec<_> = before.iter().map(|meta| meta.unique).collect();
    let mut total = 0_u64;
    for source in sources {
        budget.visit().await?;
        let meta = guard.stat(source, true).await?;
        if meta.kind != Kind::File {
            return Err(FsError::NotFile.into());
        }
        if !guard.allows(Op::Read, source) || !guard.allows(Op::RemoveFile, source) {
            return Err(FsError::Denied.into());
        }
        if seen.contains(&meta.unique) {
            return Err(Refused::SameFile);
        }
        seen.push(meta.unique);
        total = total.saturating_add(meta.size);
    }
    budget.affords(total)?;
    let perm = 0o666 & !u32::from(umask);
    let mut sink = guard.write(target, WriteMode::Append, perm).await?;
    let appended = append_all(session, &mut *sink, sources, budget).await;
    // In place there is nothing to lose: what was written is there either way.
    sink.commit().await?;
    budget.changed = true;
    if let Err(refused) = appended {
        put_back(session, target, before.as_ref()).await?;
        return Err(refused);
    }
    for source in sources {
        guard.remove_file(source).await?;
    }
    Ok(())
}

async fn append_all(
    session: &Session,
    sink: &mut dyn Sink,
    sources: &[FtpPath],
    budget: &mut Budget,
) -> Result<(), Refused> {
    for source in sources {
        let chunks = Chunks::new(session.guard.read(source, 0).await?);
        pour(chunks, sink, budget).await?;
    }
    Ok(())
}

/// The target as it was before: without what was appended, or gone.
async fn put_back(
    session: &Session,
    target: &FtpPath,
    before: Option<&Meta>,
) -> Result<(), Refused> {
    match before {
        Some(meta) => {
            session.guard.write(target, WriteMode::At(meta.size), 0).await?.commit().await?;
        }
        None => session.guard.remove_file(target).await?,
    }
    Ok(())
}
