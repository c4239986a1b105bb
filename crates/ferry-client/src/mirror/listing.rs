//! One directory of a tree, listed whole: what is in it and whether that is all.

use std::collections::{HashMap, HashSet};

use ferry_proto::path::FtpPath;
use ferry_storage::{Entry, FsError};

use super::options::Tree;
use crate::copy::{Attempts, Retry, may_pass};

/// The most entries of one directory that are taken: no directory of the world has as many, but a
/// listing that never ends would.
const ENTRIES_MAX: usize = 10_000_000;

/// What a directory holds.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) entries: Vec<Entry>,
    /// Names that came more than once; only the first entry counts.
    pub(crate) doubles: HashSet<Vec<u8>>,
    /// Whether nothing of it was unreadable.
    pub(crate) complete: bool,
}

impl Listed {
    pub(crate) fn by_name(self) -> HashMap<Vec<u8>, Entry> {
        self.entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect()
    }
}

/// Lists a directory to its end; from its beginning again after failures that may pass.
pub(crate) async fn list(tree: &Tree, dir: &FtpPath, retry: &Retry) -> Result<Listed, FsError> {
    let mut attempts = Attempts::new(retry);
    loop {
        let error = match list_once(tree, dir).await {
            Ok(listed) => return Ok(listed),
            Err(error) => error,
        };
        match attempts.wait(may_pass(&error), 0) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    }
}

/// The same, once.
pub(crate) async fn list_once(tree: &Tree, dir: &FtpPath) -> Result<Listed, FsError> {
    let path = tree.at(dir)?;
    let mut reading = tree.storage.list(&path).await?;
    let (mut listed, mut seen) = (Listed::default(), HashSet::new());
    loop {
        let batch = reading.next_batch().await?;
        if batch.is_empty() {
            break;
        }
        for entry in batch {
            if !seen.insert(entry.name.clone()) {
                listed.doubles.insert(entry.name);
            } else if listed.entries.len() < ENTRIES_MAX {
                listed.entries.push(entry);
            } else {
                let what = "the directory's listing does not end";
                return Err(FsError::Io(std::io::Error::other(what)));
            }
        }
    }
    // A server that says a name twice says something else, too.
    listed.complete = reading.unread() == 0 && listed.doubles.is_empty();
    Ok(listed)
}
