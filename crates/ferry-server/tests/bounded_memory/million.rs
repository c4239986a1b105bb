//! A storage with a directory of a million entries, each made when it is listed and not before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::memory::Memory;
use ferry_storage::{
    BATCH_MAX, BoxFut, Caps, Entries, Entry, FsError, Kind, Meta, Precision, SetMeta, Sink, Source,
    Storage, WriteMode,
};

pub(crate) const MILLION: usize = 1_000_000;

/// An empty tree in which `/million` has a million files that are made when they are listed.
#[derive(Debug, Default)]
pub(crate) struct Million {
    rest: Memory,
    /// How many entries have been made so far.
    pub(crate) made: Arc<AtomicUsize>,
}

struct Lazily {
    next: usize,
    made: Arc<AtomicUsize>,
}

fn meta(kind: Kind, n: usize) -> Meta {
    let n = u64::try_from(n).unwrap();
    Meta {
        kind,
        size: n,
        size_known: true,
        modified: UnixTime::from_secs(1_700_000_000),
        precision: Precision::Second,
        created: None,
        mode: Some(0o644),
        links: 1,
        owner: Some(1000),
        group: Some(1000),
        unique: (1, n),
    }
}

impl Entries for Lazily {
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>> {
        let batch: Vec<Entry> = (self.next..MILLION)
            .take(BATCH_MAX)
            .map(|n| Entry {
                name: format!("file-{n:07}").into_bytes(),
                meta: meta(Kind::File, n),
                link: None,
                target: None,
            })
            .collect();
        self.next += batch.len();
        self.made.fetch_add(batch.len(), Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(batch)))
    }
}

impl Storage for Million {
    fn caps(&self) -> Caps {
        self.rest.caps()
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        if path.name() == b"million" {
            return Box::pin(std::future::ready(Ok(meta(Kind::Dir, 0))));
        }
        self.rest.stat(path, follow)
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        if path.name() == b"million" {
            let entries = Lazily { next: 0, made: Arc::clone(&self.made) };
            return Box::pin(std::future::ready(Ok(Box::new(entries) as Box<dyn Entries>)));
        }
        self.rest.list(path)
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        self.rest.read(path, from)
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        self.rest.write(path, mode, perm)
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        self.rest.make_dir(path, perm)
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        self.rest.make_link(path, target)
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        self.rest.remove_dir(path)
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        self.rest.remove_file(path)
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        self.rest.rename(from, to, replace)
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        self.rest.set_meta(path, set)
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        self.rest.free_space(path)
    }
}
