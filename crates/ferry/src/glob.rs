//! Wildcards in paths, looked up in a storage. A name that is there as it was typed is taken as it
//! was typed, since `*` and `[` are letters of names, too.

use ferry_proto::glob::{has_wildcards, matches};
use ferry_proto::path::{ForPeople, FtpPath};
use ferry_storage::{Entry, FsError, Kind, Meta, Storage};

use crate::exit::{Exit, Failure, Outcome};
use crate::place::Place;

/// The most names that one argument may stand for.
const FOUND_MAX: usize = 100_000;

/// How deep `**` goes.
const DEPTH_MAX: usize = 64;

/// A path, and what a listing said about it.
type Found = (FtpPath, Option<Meta>);

/// The places that a place stands for, sorted; itself if there is nothing to look up.
pub(crate) async fn expand(place: &Place) -> Outcome<Vec<Place>> {
    let Some(pattern) = &place.spec.pattern else { return Ok(vec![place.clone()]) };
    let storage = &*place.storage;
    match storage.stat(&place.path, false).await {
        Ok(_) => return Ok(vec![place.at(place.path.clone())]),
        Err(FsError::NotFound | FsError::BadName | FsError::NotDir | FsError::Denied) => {}
        Err(e) => return Err(Failure::storage(place.shown(), &e)),
    }
    let start = if place.spec.absolute { FtpPath::root() } else { place.home.clone() };
    let parts: Vec<&[u8]> = pattern.split(|&b| b == b'/').filter(|part| !part.is_empty()).collect();
    let mut found = vec![(start, None)];
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        found = step(storage, found, part, last)
            .await
            .map_err(|e| Failure::storage(place.shown(), &e))?;
        if found.len() > FOUND_MAX {
            let what = format!("{}: stands for more than {FOUND_MAX} names", place.shown());
            return Err(Failure::new(Exit::Limit, what));
        }
    }
    if found.is_empty() {
        let what = format!("{}: nothing matches", ForPeople(place.shown().as_bytes()));
        return Err(Failure::new(Exit::NotFound, what));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found.dedup_by(|(a, _), (b, _)| a == b);
    Ok(found.into_iter().map(|(path, seen)| place.at(path).with_seen(seen)).collect())
}

/// One component further.
async fn step(
    storage: &dyn Storage,
    dirs: Vec<Found>,
    part: &[u8],
    last: bool,
) -> Result<Vec<Found>, FsError> {
    let mut found = Vec::new();
    for (dir, _) in dirs {
        if found.len() > FOUND_MAX {
            break;
        }
        if part == b"**" {
            below(storage, dir, last, &mut found).await?;
        } else if has_wildcards(part) {
            let keep = |entry: &Entry| matches(part, &entry.name) && (last || leads_to_dir(entry));
            children(storage, &dir, keep, &mut found).await?;
        } else if let Ok(path) = dir.resolve(part) {
            // Whether it is there matters only where several are tried.
            match storage.stat(&path, true).await {
                Ok(meta) => found.push((path, Some(meta))),
                Err(FsError::NotFound | FsError::NotDir | FsError::Denied) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(found)
}

fn leads_to_dir(entry: &Entry) -> bool {
    let target = entry.target.as_ref().map(|target| target.kind);
    // A server's listing may not say where a link leads.
    let leads = matches!(target, None | Some(Kind::Dir));
    entry.meta.kind == Kind::Dir || (entry.meta.kind == Kind::Symlink && leads)
}

/// The entries of a directory that are to be kept; one that cannot be read has none.
async fn children(
    storage: &dyn Storage,
    dir: &FtpPath,
    keep: impl Fn(&Entry) -> bool,
    found: &mut Vec<Found>,
) -> Result<(), FsError> {
    let mut entries = match storage.list(dir).await {
        Ok(entries) => entries,
        Err(FsError::NotDir | FsError::NotFound | FsError::Denied) => return Ok(()),
        Err(e) => return Err(e),
    };
    loop {
        let batch = entries.next_batch().await?;
        if batch.is_empty() || found.len() > FOUND_MAX {
            return Ok(());
        }
        for entry in batch.into_iter().filter(&keep) {
            let Ok(path) = dir.child(&entry.name) else { continue };
            // What a link leads to is asked for by who wants to know.
            let seen =
                if entry.meta.kind == Kind::Symlink { entry.target } else { Some(entry.meta) };
            found.push((path, seen));
        }
    }
}

/// `**`: the directory and all directories below it that are not hidden; at the end of a pattern,
/// everything below. Links are not followed.
async fn below(
    storage: &dyn Storage,
    dir: FtpPath,
    last: bool,
    found: &mut Vec<Found>,
) -> Result<(), FsError> {
    let mut level = vec![dir.clone()];
    if !last {
        found.push((dir, None));
    }
    for _ in 0..DEPTH_MAX {
        let (mut next, mut files) = (Vec::new(), Vec::new());
        for dir in &level {
            let visible = |entry: &Entry| !entry.name.starts_with(b".");
            let is_dir = |entry: &Entry| entry.meta.kind == Kind::Dir && visible(entry);
            if last {
                let is_file = |entry: &Entry| entry.meta.kind != Kind::Dir && visible(entry);
                children(storage, dir, is_file, &mut files).await?;
            }
            children(storage, dir, is_dir, &mut next).await?;
        }
        found.append(&mut files);
        let dirs: Vec<FtpPath> = next.iter().map(|(path, _)| path.clone()).collect();
        found.append(&mut next);
        if dirs.is_empty() || found.len() > FOUND_MAX {
            break;
        }
        level = dirs;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pathspec::PathSpec;
    use crate::place::Role;
    use std::fs;

    #[tokio::test]
    async fn patterns_stand_for_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a/x.txt", "a/y.bin", "b/x.txt", "b/c/z.txt", "star*", ".hid/x.txt", "t.txt"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let root = Place::local(dir.path(), Role::Read).unwrap();
        let cases = [
            ("a/*.txt", "/a/x.txt"),
            ("*/x.txt", "/a/x.txt /b/x.txt"),
            ("?/?.txt", "/a/x.txt /b/x.txt"),
            ("[b-z]/*", "/b/c /b/x.txt"),
            ("**/x.txt", "/a/x.txt /b/x.txt"),
            ("b/**", "/b/c /b/c/z.txt /b/x.txt"),
            ("star*", "/star*"),
            ("a/../b/*.txt", "/b/x.txt"),
            ("none*", ""),
            ("*/none", ""),
            ("plain", "/plain"),
        ];
        for (pattern, want) in cases {
            let spec = PathSpec::from_octets(pattern.bytes().map(|octet| (octet, false)));
            let place = root.seen_from(&FtpPath::root(), spec).unwrap();
            let got = match expand(&place).await {
                Ok(found) => {
                    let paths: Vec<String> = found.iter().map(|p| p.path.to_string()).collect();
                    paths.join(" ")
                }
                Err(failure) => {
                    assert_eq!(failure.exit, Exit::NotFound, "{pattern}: {failure}");
                    String::new()
                }
            };
            assert_eq!(got, want, "{pattern}");
        }
    }
}
