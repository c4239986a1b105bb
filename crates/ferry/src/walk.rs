//! Going through a tree, several directories at a time where the storage likes that.

use std::sync::Arc;

use ferry_proto::path::FtpPath;
use ferry_storage::{Entry, FsError, Kind, Storage};
use tokio::task::JoinSet;

/// How deep any walk goes; deeper is a loop that a server tells us.
const DEPTH_MAX: usize = 256;

/// The most directories that may wait to be listed.
const WAITING_MAX: usize = 1_000_000;

/// A directory as it was listed.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) path: FtpPath,
    pub(crate) entries: Vec<Entry>,
    /// Entries that were there but could not be understood.
    pub(crate) unread: u64,
}

/// All entries of a directory, and how many more there were that could not be understood.
pub(crate) type Whole = (Vec<Entry>, u64);

/// Reads a whole directory.
pub(crate) async fn list(storage: &dyn Storage, path: &FtpPath) -> Result<Whole, FsError> {
    let mut open = storage.list(path).await?;
    let mut entries = Vec::new();
    loop {
        let mut batch = open.next_batch().await?;
        if batch.is_empty() {
            return Ok((entries, open.unread()));
        }
        entries.append(&mut batch);
    }
}

/// A walk from one directory down. Links are not followed. Directories come in no order but their
/// parents before them.
#[derive(Debug)]
pub(crate) struct Walk {
    storage: Arc<dyn Storage>,
    depth_max: usize,
    waiting: Vec<(FtpPath, usize)>,
    running: JoinSet<(FtpPath, usize, Result<Whole, FsError>)>,
}

impl Walk {
    /// Begins at `path`, which is listed; directories `depth_max` levels below it are not.
    pub(crate) fn new(storage: &Arc<dyn Storage>, path: FtpPath, depth_max: Option<usize>) -> Self {
        Self {
            storage: Arc::clone(storage),
            depth_max: depth_max.unwrap_or(DEPTH_MAX).min(DEPTH_MAX),
            waiting: vec![(path, 0)],
            running: JoinSet::new(),
        }
    }

    /// The next directory, or why it could not be listed; [`None`] at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Listed, (FtpPath, FsError)>> {
        while self.running.len() < self.storage.width().max(1) {
            let Some((path, depth)) = self.waiting.pop() else { break };
            let storage = Arc::clone(&self.storage);
            self.running.spawn(async move {
                let listed = list(&*storage, &path).await;
                (path, depth, listed)
            });
        }
        let (path, depth, listed) = match self.running.join_next().await? {
            Ok(done) => done,
            Err(e) => {
                let failed = FsError::Io(std::io::Error::other(e));
                return Some(Err((FtpPath::root(), failed)));
            }
        };
        let (entries, unread) = match listed {
            Ok(listed) => listed,
            Err(e) => return Some(Err((path, e))),
        };
        if depth < self.depth_max {
            let dirs = entries.iter().filter(|entry| entry.meta.kind == Kind::Dir);
            let below = dirs.filter_map(|dir| path.child(&dir.name).ok());
            let room = WAITING_MAX.saturating_sub(self.waiting.len());
            self.waiting.extend(below.take(room).map(|path| (path, depth + 1)));
        }
        Some(Ok(Listed { path, entries, unread }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_storage::memory::Memory;

    async fn walked(depth: Option<usize>) -> Vec<String> {
        let files = Memory::new();
        for name in ["/a/b/c/f", "/a/g", "/h"] {
            let path = FtpPath::new(name.as_bytes()).unwrap();
            let mut dir = FtpPath::root();
            let parent = path.parent().unwrap();
            for part in parent.components() {
                dir = dir.child(part).unwrap();
                let _ = files.make_dir(&dir, 0o755).await;
            }
            files.put(name, b"x").unwrap();
        }
        let storage: Arc<dyn Storage> = Arc::new(files);
        let mut walk = Walk::new(&storage, FtpPath::root(), depth);
        let mut paths = Vec::new();
        while let Some(listed) = walk.next().await {
            let listed = listed.unwrap();
            paths.push(listed.path.to_string());
        }
        paths.sort();
        paths
    }

    #[tokio::test]
    async fn a_walk_lists_every_directory_once_as_deep_as_asked() {
        assert_eq!(walked(None).await, ["/", "/a", "/a/b", "/a/b/c"]);
        assert_eq!(walked(Some(1)).await, ["/", "/a"]);
        assert_eq!(walked(Some(0)).await, ["/"]);
    }
}
