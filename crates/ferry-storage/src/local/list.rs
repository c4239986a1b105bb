//! Listing: a directory read batch by batch, each entry looked at by the directory's descriptor.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use rustix::fs::{FileType, RawDir, readlinkat};
use rustix::io::Errno;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use super::root::{Root, visible};
use super::{hidden, hop_with, meta};
use crate::{BATCH_MAX, BoxFut, Entries, Entry, FsError, Kind};

/// Room for what one system call brings of names.
const NAMES_ROOM: usize = 32 << 10;

/// Entries of the first batch: whoever waits for it sees something sooner.
const FIRST: usize = BATCH_MAX / 8;

/// An open directory and the path it was opened by, which links in it are resolved from.
pub(super) struct Listing {
    root: Arc<Root>,
    rel: Vec<u8>,
    dir: OwnedFd,
    /// Names that were read ahead.
    names: std::vec::IntoIter<Name>,
    /// There are no names behind those.
    ended: bool,
    /// A batch has been read.
    begun: bool,
}

/// A name in a directory, what it stands for, and its number.
struct Name(Box<[u8]>, FileType, u64);

impl Listing {
    pub(super) fn open(root: &Arc<Root>, path: &FtpPath) -> Result<Self, FsError> {
        Ok(Self {
            root: Arc::clone(root),
            rel: visible(path)?.to_vec(),
            dir: root.open_dir(path)?,
            names: Vec::new().into_iter(),
            ended: false,
            begun: false,
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
        names.extend(self.names.by_ref());
        self.names = names.into_iter();
        Ok(true)
    }

    fn next_name(&mut self) -> Result<Option<Name>, FsError> {
        loop {
            if let Some(name) = self.names.next() {
                return Ok(Some(name));
            }
            if self.ended {
                return Ok(None);
            }
            self.names = self.read_names()?.into_iter();
        }
    }

    /// Reads as many names as one system call brings.
    fn read_names(&mut self) -> Result<Vec<Name>, FsError> {
        let mut room = Vec::with_capacity(NAMES_ROOM);
        let mut entries = RawDir::new(&self.dir, room.spare_capacity_mut());
        let mut names = Vec::new();
        loop {
            match entries.next() {
                // A directory that was removed has no names.
                None | Some(Err(Errno::NOENT)) => {
                    self.ended = true;
                    return Ok(names);
                }
                Some(Err(e)) => return Err(e.into()),
                Some(Ok(entry)) => {
                    let name = entry.file_name().to_bytes();
                    if name != b"." && name != b".." && !hidden::is_hidden(name) {
                        names.push(Name(name.into(), entry.file_type(), entry.ino()));
                    }
                }
            }
            if entries.is_buffer_empty() {
                return Ok(names);
            }
        }
    }

    fn batch(&mut self) -> Result<Vec<Entry>, FsError> {
        let most = if std::mem::replace(&mut self.begun, true) { BATCH_MAX } else { FIRST };
        let mut batch = Vec::with_capacity(most.min(self.names.len().max(BATCH_MAX / 16)));
        while batch.len() < most
            && let Some(next) = self.next_name()?
        {
            batch.extend(self.entry(next)?);
        }
        Ok(batch)
    }

    /// `None` when it is gone since its name was read.
    fn entry(&self, Name(name, kind, ino): Name) -> Result<Option<Entry>, FsError> {
        let meta = match meta::of_name(&self.dir, &name) {
            Ok(Some(meta)) => meta,
            Ok(None) => return Ok(None),
            // A directory that may be read but not entered still shows its names.
            Err(_) => meta::of_unknown(kind, ino),
        };
        let (mut link, mut target) = (None, None);
        if meta.kind == Kind::Symlink {
            let text = readlinkat(&self.dir, &*name, Vec::new());
            link = text.ok().map(|text| text.into_bytes());
            target = self.root.link_target(&self.rel, &name);
        }
        Ok(Some(Entry { name: name.into(), meta, link, target }))
    }
}

/// The listing as the trait gives it out: one hop to the blocking pool per batch. While what came
/// is dealt with, the next batch is read already where the last was not small.
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
        if batch.len() >= FIRST {
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
