//! Listing: a directory read batch by batch, each entry looked at by the directory's descriptor.

use std::sync::Arc;

use ferry_proto::path::FtpPath;
use rustix::fs::{Dir, DirEntry, readlinkat};
use tokio::sync::Mutex;

use super::root::{Root, visible};
use super::{hidden, hop_with, meta};
use crate::{BATCH_MAX, BoxFut, Entries, Entry, FsError, Kind};

/// An open directory and the path it was opened by, which links in it are resolved from.
pub(super) struct Listing {
    root: Arc<Root>,
    rel: Vec<u8>,
    dir: Dir,
}

impl Listing {
    pub(super) fn open(root: &Arc<Root>, path: &FtpPath) -> Result<Self, FsError> {
        let dir = Dir::new(root.open_dir(path)?)?;
        Ok(Self { root: Arc::clone(root), rel: visible(path)?.to_vec(), dir })
    }

    fn batch(&mut self) -> Result<Vec<Entry>, FsError> {
        let mut batch = Vec::new();
        while batch.len() < BATCH_MAX {
            let Some(next) = self.dir.read() else { break };
            let next = next?;
            let name = next.file_name().to_bytes();
            if name != b"." && name != b".." && !hidden::is_hidden(name) {
                batch.extend(self.entry(&next)?);
            }
        }
        Ok(batch)
    }

    /// `None` when it is gone since its name was read.
    fn entry(&self, found: &DirEntry) -> Result<Option<Entry>, FsError> {
        let name = found.file_name().to_bytes();
        let meta = match meta::of_name(self.dir.fd()?, name) {
            Ok(Some(meta)) => meta,
            Ok(None) => return Ok(None),
            // A directory that may be read but not entered still shows its names.
            Err(_) => meta::of_unknown(found.file_type(), found.ino()),
        };
        let mut entry = Entry { name: name.to_vec(), meta, link: None, target: None };
        if entry.meta.kind == Kind::Symlink {
            let text = readlinkat(self.dir.fd()?, name, Vec::new());
            entry.link = text.ok().map(|text| text.into_bytes());
            entry.target = self.root.link_target(&self.rel, name);
        }
        Ok(Some(entry))
    }
}

/// The listing as the trait gives it out: one hop to the blocking pool per batch.
pub(super) struct Batches(Arc<Mutex<Listing>>);

impl Batches {
    pub(super) fn new(listing: Listing) -> Self {
        Self(Arc::new(Mutex::new(listing)))
    }
}

impl Entries for Batches {
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>> {
        Box::pin(hop_with(&self.0, Listing::batch))
    }
}
