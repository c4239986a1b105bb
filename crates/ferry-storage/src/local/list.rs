//! Listing: a directory read batch by batch, each entry looked at by the directory's descriptor.

use std::io;
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use rustix::fs::{Dir, FileType, readlinkat};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use super::root::{Root, visible};
use super::{hidden, hop_with, meta};
use crate::{BATCH_MAX, BoxFut, Entries, Entry, FsError, Kind};

/// An open directory and the path it was opened by, which links in it are resolved from.
pub(super) struct Listing {
    root: Arc<Root>,
    rel: Vec<u8>,
    dir: Dir,
    /// Names that were read ahead.
    names: std::vec::IntoIter<Name>,
}

/// A name in a directory, what it stands for, and its number.
struct Name(Box<[u8]>, FileType, u64);

impl Listing {
    pub(super) fn open(root: &Arc<Root>, path: &FtpPath) -> Result<Self, FsError> {
        let dir = Dir::new(root.open_dir(path)?)?;
        Ok(Self {
            root: Arc::clone(root),
            rel: visible(path)?.to_vec(),
            dir,
            names: Vec::new().into_iter(),
        })
    }

    /// Reads the first names, sorted if these are all.
    fn by_name(&mut self, most: usize) -> Result<bool, FsError> {
        let mut names = Vec::new();
        while names.len() <= most
            && let Some(name) = self.next_name()?
        {
            names.push(name);
        }
        if names.len() <= most {
            names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        }
        self.names = names.into_iter();
        Ok(true)
    }

    fn next_name(&mut self) -> Result<Option<Name>, FsError> {
        while let Some(next) = self.dir.read() {
            let next = next?;
            let name = next.file_name().to_bytes();
            if name != b"." && name != b".." && !hidden::is_hidden(name) {
                return Ok(Some(Name(name.into(), next.file_type(), next.ino())));
            }
        }
        Ok(None)
    }

    fn batch(&mut self) -> Result<Vec<Entry>, FsError> {
        let mut batch = Vec::with_capacity(BATCH_MAX.min(self.names.len().max(BATCH_MAX / 16)));
        while batch.len() < BATCH_MAX {
            let Some(next) = self.names.next().map_or_else(|| self.next_name(), |n| Ok(Some(n)))?
            else {
                break;
            };
            batch.extend(self.entry(next)?);
        }
        Ok(batch)
    }

    /// `None` when it is gone since its name was read.
    fn entry(&self, Name(name, kind, ino): Name) -> Result<Option<Entry>, FsError> {
        let meta = match meta::of_name(self.dir.fd()?, &name) {
            Ok(Some(meta)) => meta,
            Ok(None) => return Ok(None),
            // A directory that may be read but not entered still shows its names.
            Err(_) => meta::of_unknown(kind, ino),
        };
        let (mut link, mut target) = (None, None);
        if meta.kind == Kind::Symlink {
            let text = readlinkat(self.dir.fd()?, &*name, Vec::new());
            link = text.ok().map(|text| text.into_bytes());
            target = self.root.link_target(&self.rel, &name);
        }
        Ok(Some(Entry { name: name.into(), meta, link, target }))
    }
}

/// The listing as the trait gives it out: one hop to the blocking pool per batch. While what came
/// is dealt with, the batch behind a full one is read already.
pub(super) struct Batches {
    listing: Arc<Mutex<Listing>>,
    ahead: Option<JoinHandle<Result<Vec<Entry>, FsError>>>,
}

impl Batches {
    pub(super) fn new(listing: Listing) -> Self {
        Self { listing: Arc::new(Mutex::new(listing)), ahead: None }
    }

    async fn next(&mut self) -> Result<Vec<Entry>, FsError> {
        let batch = match &mut self.ahead {
            None => hop_with(&self.listing, Listing::batch).await?,
            Some(reading) => {
                let read = reading.await;
                self.ahead = None;
                // The pool ends only with the runtime, and this task with it.
                read.map_err(|e| FsError::Io(io::Error::other(e)))??
            }
        };
        if batch.len() >= BATCH_MAX {
            let listing = Arc::clone(&self.listing);
            self.ahead = Some(spawn_blocking(move || listing.blocking_lock().batch()));
        }
        Ok(batch)
    }
}

impl Entries for Batches {
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>> {
        Box::pin(self.next())
    }

    fn by_name(&mut self, most: usize) -> BoxFut<'_, Result<bool, FsError>> {
        Box::pin(hop_with(&self.listing, move |listing| listing.by_name(most)))
    }
}
