//! The contract every storage is held to: named checks, each on a fresh storage.
//!
//! An implementation, here or in another crate, runs [`check_all`] in a test with a function that
//! makes an empty storage. Each check is one sentence of the documentation of
//! [`Storage`] and what follows from it; a check that fails panics with its name.
//! What [`Caps`](crate::Caps) says a storage cannot do is not asked of it, and links are checked
//! where the fixture can make them.
//!
//! What depends on one medium (descriptors, races with other processes, hidden names) is not here
//! but in that implementation's own tests.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "this module is a test suite: a broken promise is reported by panicking"
)]

mod change;
mod extra;
mod links;
mod look;
mod names;
mod uploads;
mod whole;
mod write;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use ferry_proto::path::FtpPath;

use crate::{BoxFut, Entry, FsError, Kind, Meta, Sink, Source, Storage, Upload, WriteMode};

/// Makes a symbolic link at a path, with the target text given.
pub type MakeLink = Box<dyn Fn(&FtpPath, &[u8]) + Send + Sync>;

/// An empty storage under test, with what the checks need besides it.
#[non_exhaustive]
pub struct Fixture {
    /// The storage: an empty root directory.
    pub storage: Arc<dyn Storage>,
    make_link: Option<MakeLink>,
    _guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Fixture {
    /// A fixture of just a storage, which must be empty.
    pub fn new(storage: impl Storage + 'static) -> Self {
        Self { storage: Arc::new(storage), make_link: None, _guard: None }
    }

    /// Says how symbolic links are made, so that they are checked too.
    #[must_use]
    pub fn with_links(mut self, make: impl Fn(&FtpPath, &[u8]) + Send + Sync + 'static) -> Self {
        self.make_link = Some(Box::new(make));
        self
    }

    /// Keeps `guard` alive as long as the fixture, such as a temporary directory.
    #[must_use]
    pub fn with_guard(mut self, guard: impl Any + Send + Sync) -> Self {
        self._guard = Some(Box::new(guard));
        self
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("storage", &self.storage).finish_non_exhaustive()
    }
}

/// One promise and how it is checked.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Case {
    /// The promise, as a sentence.
    pub name: &'static str,
    /// The check; panics when the promise is broken.
    pub run: for<'a> fn(&'a Fixture) -> BoxFut<'a, ()>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({:?})", self.name)
    }
}

/// Every check there is.
pub fn cases() -> impl Iterator<Item = Case> {
    [
        look::CASES,
        write::CASES,
        uploads::CASES,
        whole::CASES,
        change::CASES,
        extra::CASES,
        links::CASES,
        names::CASES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Runs every check, each on a fixture of its own, and returns how many there were.
pub async fn check_all(make: impl Fn() -> Fixture) -> usize {
    let mut done = 0;
    for case in cases() {
        let _named = Named(case.name);
        (case.run)(&make()).await;
        done += 1;
    }
    done
}

/// Says which promise was being checked when a panic passes by.
struct Named(&'static str);

impl Drop for Named {
    #[allow(clippy::print_stderr, reason = "this is a test suite's own report")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("broken promise: {}", self.0);
        }
    }
}

/// Asserts that a result is the given error.
macro_rules! refused {
    ($result:expr, $error:pat) => {
        match $result {
            Err($error) => {}
            Err(other) => panic!("{other:?} instead of {}", stringify!($error)),
            Ok(_) => panic!("allowed instead of {}", stringify!($error)),
        }
    };
}
use refused;

fn p(path: impl AsRef<[u8]>) -> FtpPath {
    FtpPath::new(path.as_ref()).unwrap()
}

impl Fixture {
    async fn put(&self, path: impl AsRef<[u8]>, content: &[u8]) {
        self.put_as(path, content, WriteMode::Create(Upload::Atomic)).await;
    }

    async fn put_as(&self, path: impl AsRef<[u8]>, content: &[u8], mode: WriteMode) {
        let sink = self.begin(path, content, mode).await;
        sink.commit().await.unwrap();
    }

    /// Opens a file for writing and writes `content`, without an end yet.
    async fn begin(
        &self,
        path: impl AsRef<[u8]>,
        content: &[u8],
        mode: WriteMode,
    ) -> Box<dyn Sink> {
        let mut sink = self.open(path, mode).await.unwrap();
        sink.write(content.to_vec()).await.1.unwrap();
        sink
    }

    async fn open(
        &self,
        path: impl AsRef<[u8]>,
        mode: WriteMode,
    ) -> Result<Box<dyn Sink>, FsError> {
        self.storage.write(&p(path), mode, 0o640).await
    }

    async fn dir(&self, path: impl AsRef<[u8]>) {
        self.storage.make_dir(&p(path), 0o750).await.unwrap();
    }

    async fn get(&self, path: impl AsRef<[u8]>) -> Vec<u8> {
        self.get_from(path, 0).await.unwrap()
    }

    async fn get_from(&self, path: impl AsRef<[u8]>, from: u64) -> Result<Vec<u8>, FsError> {
        Ok(drain(self.storage.read(&p(path), from).await?).await)
    }

    async fn stat(&self, path: impl AsRef<[u8]>) -> Result<Meta, FsError> {
        self.storage.stat(&p(path), true).await
    }

    async fn exists(&self, path: impl AsRef<[u8]>) -> bool {
        match self.storage.stat(&p(path), false).await {
            Ok(_) => true,
            Err(FsError::NotFound) => false,
            Err(e) => panic!("stat: {e:?}"),
        }
    }

    async fn remove(&self, path: impl AsRef<[u8]>) -> Result<(), FsError> {
        self.storage.remove_file(&p(path)).await
    }

    async fn rename(&self, from: &str, to: &str, replace: bool) -> Result<(), FsError> {
        self.storage.rename(&p(from), &p(to), replace).await
    }

    /// The whole listing, sorted by name.
    async fn list(&self, path: impl AsRef<[u8]>) -> Vec<Entry> {
        let mut entries = self.storage.list(&p(path)).await.unwrap();
        let mut all = Vec::new();
        loop {
            let batch = entries.next_batch().await.unwrap();
            if batch.is_empty() {
                all.sort_by(|a: &Entry, b| a.name.cmp(&b.name));
                return all;
            }
            all.extend(batch);
        }
    }

    async fn names(&self, path: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        self.list(path).await.into_iter().map(|e| e.name).collect()
    }

    /// Makes a link; `false` where this storage has none to check.
    fn link(&self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> bool {
        match &self.make_link {
            Some(make) => {
                make(&p(path), target.as_ref());
                true
            }
            None => false,
        }
    }

    fn in_place(&self) -> bool {
        self.storage.caps().write_in_place
    }
}

/// Everything a source still has, read in small pieces.
async fn drain(source: Source) -> Vec<u8> {
    match source {
        Source::File { mut file, from, .. } => {
            use std::io::{Read as _, Seek as _, SeekFrom};
            let mut all = Vec::new();
            file.seek(SeekFrom::Start(from)).unwrap();
            file.read_to_end(&mut all).unwrap();
            all
        }
        Source::Stream { mut stream, .. } => {
            let mut all = Vec::new();
            loop {
                let (buf, n) = stream.read(vec![0; 7]).await;
                match n.unwrap() {
                    0 => return all,
                    n => all.extend_from_slice(buf.get(..n).unwrap()),
                }
            }
        }
    }
}

/// The length a source was opened with.
fn len_of(source: &Source) -> u64 {
    match source {
        Source::File { len, .. } | Source::Stream { len, .. } => *len,
    }
}

fn kinds(entries: &[Entry]) -> Vec<(&[u8], Kind)> {
    entries.iter().map(|e| (&*e.name, e.meta.kind)).collect()
}
