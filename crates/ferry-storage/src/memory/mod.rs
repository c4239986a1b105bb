//! A storage that keeps its tree in memory: for tests, simulations and trying things out.
//!
//! No operation waits, blocks a thread or reads a clock: every future is ready at once, and the
//! time of every change is what [`Memory::set_now`] said last. So a simulation with a paused clock
//! runs on it unchanged, and the same seed gives the same tree.

mod sink;
mod tree;

use std::fmt;
use std::future::ready;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;

use crate::link::link_text;
use crate::{
    BATCH_MAX, BoxFut, ByteSource, Caps, Entries, Entry, FsError, Meta, SetMeta, Sink, Source,
    Storage, WriteMode,
};
use sink::MemorySink;
use tree::{Blob, Body, Tree, lock};

/// A tree in memory. Clones share it.
///
/// ```
/// use ferry_storage::memory::Memory;
/// let files = Memory::new();
/// files.put("/pub/readme", b"hello").unwrap();
/// assert_eq!(files.get("/pub/readme").as_deref(), Some(&b"hello"[..]));
/// ```
#[derive(Clone)]
pub struct Memory {
    tree: Arc<Mutex<Tree>>,
}

impl Memory {
    /// An empty root directory, at 1970-01-01, with no limit on space.
    #[must_use]
    pub fn new() -> Self {
        Self { tree: Arc::new(Mutex::new(Tree::new())) }
    }

    /// The time that changes from now on carry.
    pub fn set_now(&self, now: UnixTime) {
        lock(&self.tree).now = now;
    }

    /// How many octets may still be written before [`FsError::NoSpace`]; `None` for no limit.
    /// What is removed or cut off counts as free again.
    pub fn set_free_space(&self, octets: Option<u64>) {
        lock(&self.tree).free = octets;
    }

    /// Puts a whole file there, mode 644, making the directories above it.
    ///
    /// # Errors
    /// [`FsError::BadName`] when `path` cannot be a path, [`FsError::NotFile`] or
    /// [`FsError::NotFound`] when something else is in the way.
    pub fn put(&self, path: impl AsRef<[u8]>, bytes: &[u8]) -> Result<(), FsError> {
        let path = parse(path.as_ref())?;
        let mut tree = lock(&self.tree);
        make_parents(&mut tree, &path)?;
        let place = tree.place_of_file(&path)?;
        if place.found.is_some_and(|ino| tree.blob(ino).is_none()) {
            return Err(FsError::NotFile);
        }
        let ino = tree.add(Body::File(Arc::new(Mutex::new(bytes.to_vec()))), 0o644);
        tree.link(place.dir, &place.name, ino)
    }

    /// The content of the file that `path` leads to; `None` when there is no such file.
    #[must_use]
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let path = parse(path.as_ref()).ok()?;
        let tree = lock(&self.tree);
        let blob = Arc::clone(tree.blob(tree.walk(&path, true).ok()?)?);
        drop(tree);
        let data = lock(&blob).clone();
        Some(data)
    }

    /// Makes a symbolic link, and the directories above it. As on the local directory, a target
    /// that starts with a slash leads out of the root.
    ///
    /// # Errors
    /// [`FsError::Exists`] when the name is taken; else as [`put`](Self::put).
    pub fn add_symlink(
        &self,
        path: impl AsRef<[u8]>,
        target: impl AsRef<[u8]>,
    ) -> Result<(), FsError> {
        let path = parse(path.as_ref())?;
        let mut tree = lock(&self.tree);
        make_parents(&mut tree, &path)?;
        let place = tree.place(&path)?;
        if place.found.is_some() {
            return Err(FsError::Exists);
        }
        let ino = tree.add(Body::Link(target.as_ref().to_vec()), 0o777);
        tree.link(place.dir, &place.name, ino)
    }

    fn with<'a, T: Send + 'a>(&self, job: impl FnOnce(&mut Tree) -> T) -> BoxFut<'a, T> {
        let done = job(&mut lock(&self.tree));
        Box::pin(ready(done))
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Storage for Memory {
    fn caps(&self) -> Caps {
        Caps {
            write_in_place: true,
            write_over: true,
            set_times: true,
            set_mode: true,
            set_created: true,
            set_owner: true,
            links: true,
            far: false,
        }
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        self.with(|tree| tree.meta(tree.walk(path, follow)?))
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        let shared = Arc::clone(&self.tree);
        self.with(|tree| {
            let dir = tree.walk(path, true)?;
            tree.names(dir).ok_or(FsError::NotDir)?;
            Ok(Box::new(Listing { tree: shared, dir, last: None }) as Box<dyn Entries>)
        })
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        self.with(|tree| {
            let ino = tree.walk(path, true)?;
            let blob = Arc::clone(tree.blob(ino).ok_or(FsError::NotFile)?);
            let len = lock(&blob).len();
            let pos = usize::try_from(from).ok().filter(|&pos| pos <= len);
            let pos = pos.ok_or(FsError::BadOffset)?;
            Ok(Source::Stream { stream: Box::new(Reader { blob, pos }), len: len as u64 })
        })
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        let sink = MemorySink::open(&self.tree, path, mode, perm);
        Box::pin(ready(sink.map(|sink| Box::new(sink) as Box<dyn Sink>)))
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        self.with(|tree| {
            if path.is_root() {
                return Err(FsError::Exists);
            }
            let place = tree.place(path)?;
            if place.found.is_some() {
                return Err(FsError::Exists);
            }
            add_dir(tree, place.dir, &place.name, perm)
        })
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        self.with(|tree| {
            if path.is_root() {
                return Err(FsError::Exists);
            }
            let wanted = tree.walk(target, true)?;
            let text = link_text(path, target);
            let place = tree.place(path)?;
            if tree.lead(place.dir, &text)? != wanted {
                return Err(FsError::NotFound);
            }
            if place.found.is_some() {
                return Err(FsError::Exists);
            }
            let ino = tree.add(Body::Link(text), 0o777);
            tree.link(place.dir, &place.name, ino)
        })
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        self.with(|tree| {
            let place = tree.place(path)?;
            let ino = place.found.ok_or(FsError::NotFound)?;
            if !tree.names(ino).ok_or(FsError::NotDir)?.is_empty() {
                return Err(FsError::NotEmpty);
            }
            tree.unlink(place.dir, &place.name);
            tree.forget(ino);
            Ok(())
        })
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        self.with(|tree| {
            let place = tree.place(path)?;
            let ino = place.found.ok_or(FsError::NotFound)?;
            if tree.names(ino).is_some() {
                return Err(FsError::NotFile);
            }
            tree.unlink(place.dir, &place.name);
            tree.forget(ino);
            Ok(())
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        self.with(|tree| rename(tree, from, to, replace))
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        self.with(|tree| {
            let ino = tree.walk(path, true)?;
            tree.apply(ino, set);
            Ok(())
        })
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        self.with(|tree| {
            let ino = tree.walk(path, true)?;
            tree.names(ino).ok_or(FsError::NotDir)?;
            Ok(tree.free)
        })
    }
}

/// The checks in the order in which Linux makes them, so that both storages refuse alike.
fn rename(tree: &mut Tree, from: &FtpPath, to: &FtpPath, replace: bool) -> Result<(), FsError> {
    if from.is_root() || to.is_root() {
        return Err(FsError::Denied);
    }
    let (from, to) = (tree.place(from)?, tree.place(to)?);
    let ino = from.found.ok_or(FsError::NotFound)?;
    if !replace && to.found.is_some() {
        return Err(FsError::Exists);
    }
    let is_dir = tree.names(ino).is_some();
    if is_dir && tree.is_within(to.dir, ino) {
        return Err(FsError::IntoItself);
    }
    if let Some(old) = to.found {
        if old == ino {
            return Ok(());
        }
        match tree.names(old) {
            Some(_) if tree.is_within(from.dir, old) => return Err(FsError::NotEmpty),
            Some(names) if is_dir && !names.is_empty() => return Err(FsError::NotEmpty),
            Some(_) if !is_dir => return Err(FsError::Exists),
            None if is_dir => return Err(FsError::Exists),
            _ => {}
        }
    }
    tree.unlink(from.dir, &from.name);
    tree.link(to.dir, &to.name, ino)
}

/// A directory being read; it continues behind the last name it gave, whatever happened meanwhile.
struct Listing {
    tree: Arc<Mutex<Tree>>,
    dir: u64,
    last: Option<Vec<u8>>,
}

impl Entries for Listing {
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>> {
        let tree = lock(&self.tree);
        let after = self.last.as_ref().map_or(Bound::Unbounded, |l| Bound::Excluded(l.clone()));
        let batch: Result<Vec<Entry>, FsError> = match tree.names(self.dir) {
            Some(names) => names
                .range((after, Bound::Unbounded))
                .take(BATCH_MAX)
                .map(|(name, &ino)| tree.entry(self.dir, name, ino))
                .collect(),
            None => Ok(Vec::new()),
        };
        drop(tree);
        if let Ok(Some(last)) = batch.as_ref().map(|b| b.last()) {
            self.last = Some(last.name.clone());
        }
        Box::pin(ready(batch))
    }
}

/// A file being read: the octets it had when it was opened stay its own, whoever takes the name.
struct Reader {
    blob: Blob,
    pos: usize,
}

impl ByteSource for Reader {
    fn read(&mut self, mut buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)> {
        let data = lock(&self.blob);
        let rest = data.get(self.pos..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(room), Some(part)) = (buf.get_mut(..n), rest.get(..n)) {
            room.copy_from_slice(part);
        }
        drop(data);
        self.pos += n;
        Box::pin(ready((buf, Ok(n))))
    }
}

fn parse(path: &[u8]) -> Result<FtpPath, FsError> {
    FtpPath::new(path).map_err(|_| FsError::BadName)
}

fn make_parents(tree: &mut Tree, path: &FtpPath) -> Result<(), FsError> {
    let mut at = FtpPath::root();
    let parent = path.parent().ok_or(FsError::NotFile)?;
    for name in parent.components() {
        at = at.child(name).map_err(|_| FsError::BadName)?;
        let place = tree.place(&at)?;
        if place.found.is_none() {
            add_dir(tree, place.dir, &place.name, 0o755)?;
        }
    }
    Ok(())
}

fn add_dir(tree: &mut Tree, up: u64, name: &[u8], perm: u32) -> Result<(), FsError> {
    let ino = tree.add(Body::Dir { up, names: Default::default() }, perm);
    tree.link(up, name, ino)
}
