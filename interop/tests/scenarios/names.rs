//! Names that are hard to write, hard to read in listings, or both.

use std::collections::BTreeMap;
use std::fs;

use ferry_client::session::UploadHow;
use ferry_proto::listing::ListedKind;
use ferry_storage::{Kind, Storage as _};

use interop::servers;

use super::at::{At, path};

const NAMES: [&str; 18] = [
    "plain.txt",
    " leading",
    "trailing ",
    "two  spaces",
    "semi;colon",
    "this -> that",
    "double\"quote",
    "single'quote",
    "[brackets]{braces}(round)",
    "Grüße 日本語",
    "-dash",
    ".hidden",
    "star*mark?",
    "back\\slash",
    "100%",
    "Type=file; x",
    "~tilde",
    "#hash&amp",
];

fn fill(at: &At<'_>, dir: &str) -> Result<(), String> {
    at.dir(dir)?;
    for name in NAMES {
        at.file(&format!("{dir}/{name}"), name.as_bytes())?;
    }
    at.dir(&format!("{dir}/sub dir"))
}

/// Every name comes with what it is and how long, by a session and by the storage.
pub(super) async fn list(at: &At<'_>) -> Result<(), String> {
    fill(at, "list")?;
    let listing = at.session.list(b"/list").await.map_err(|e| at.failed("list", e))?;
    at.check(listing.report.complete(), &format!("{:?}", listing.report))?;
    let came: BTreeMap<String, Option<u64>> = listing
        .entries
        .iter()
        .map(|entry| {
            let is_dir = entry.kind == ListedKind::Dir;
            let size = if is_dir { None } else { entry.size };
            (String::from_utf8_lossy(&entry.name).into_owned(), size)
        })
        .collect();
    same(at, &came)?;
    at.check(came.len() == listing.entries.len(), "a name came twice")?;

    let failed = |e| at.failed("list by storage", e);
    let mut entries = at.remote.list(&path("/list")).await.map_err(failed)?;
    let mut came = BTreeMap::new();
    loop {
        let batch = entries.next_batch().await.map_err(failed)?;
        if batch.is_empty() {
            break;
        }
        came.extend(batch.into_iter().map(|entry| {
            let size = (entry.meta.kind != Kind::Dir).then_some(entry.meta.size);
            (String::from_utf8_lossy(&entry.name).into_owned(), size)
        }));
    }
    same(at, &came)
}

/// Fails unless these are the names, with their lengths.
fn same(at: &At<'_>, came: &BTreeMap<String, Option<u64>>) -> Result<(), String> {
    let mut want: BTreeMap<String, Option<u64>> =
        NAMES.iter().map(|name| ((*name).to_owned(), Some(name.len() as u64))).collect();
    want.insert("sub dir".to_owned(), None);
    let lacks: Vec<_> = want.iter().filter(|entry| came.get(entry.0) != Some(entry.1)).collect();
    let has: Vec<_> = came.iter().filter(|entry| want.get(entry.0) != Some(entry.1)).collect();
    at.check(lacks.is_empty() && has.is_empty(), &format!("lacks {lacks:?}, has {has:?}"))
}

/// Names that a server refuses; Pure-FTPd says "553 Prohibited file name".
fn is_refused(at: &At<'_>, name: &str) -> bool {
    at.peer.kind == servers::Kind::PureFtpd && name.contains('\\')
}

/// Names that a server changes: Pure-FTPd cuts blanks off the end of new ones.
fn is_changed(at: &At<'_>, name: &str) -> bool {
    at.peer.kind == servers::Kind::PureFtpd && name.ends_with(' ')
}

/// Every name can be fetched.
pub(super) async fn fetch(at: &At<'_>) -> Result<(), String> {
    fill(at, "fetch")?;
    for name in NAMES {
        if is_refused(at, name) {
            let came = at.fetched(format!("/fetch/{name}").as_bytes(), 0).await;
            at.check(came.is_err(), &format!("{name} is fetched after all"))?;
            continue;
        }
        let came = at.fetched(format!("/fetch/{name}").as_bytes(), 0).await?;
        at.check(came == name.as_bytes(), &format!("{name} is another file"))?;
    }
    Ok(())
}

/// Every name can be stored, renamed to and removed.
pub(super) async fn store(at: &At<'_>) -> Result<(), String> {
    at.dir("store")?;
    for name in NAMES {
        if is_refused(at, name) || is_changed(at, name) {
            continue;
        }
        let local = format!("store/{name}");
        let remote = format!("/{local}");
        at.stored(remote.as_bytes(), UploadHow::Create, name.as_bytes()).await?;
        at.is_on_disk(&local, name.as_bytes())?;
        let show = |e| at.failed(name, e);
        let session = &at.session;
        session.rename(remote.as_bytes(), b"/store/x").await.map_err(show)?;
        session.rename(b"/store/x", remote.as_bytes()).await.map_err(show)?;
        at.is_on_disk(&local, name.as_bytes())?;
        session.remove_file(remote.as_bytes()).await.map_err(show)?;
    }
    let left = fs::read_dir(at.peer.root.join("store")).map_err(|e| e.to_string())?.count();
    at.check(left == 0, &format!("{left} files are left"))
}
