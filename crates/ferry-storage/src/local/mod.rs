//! A directory of this machine, confined by file descriptors (Linux only).
//!
//! The root is held open and every path is resolved by the kernel from there: `openat2` with
//! `RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS` opens what is read, and the parent of whatever is
//! made, renamed or removed; the last component is then used relative to that parent and never
//! followed. No string is ever compared with the root's path, so another process may swap
//! directories and links at any moment without an operation landing outside.
//!
//! Symbolic links are followed as long as every step stays inside. A link with an absolute target
//! is refused even if that target lies inside the root: the kernel resolves it from `/`, which is
//! outside. Use relative links in a served tree.
//!
//! System calls run where they may wait ([`blocking`](crate::blocking)), one hop per call of the
//! trait, because any of them may wait for a disk or a file server. Only what cannot, see `medium`,
//! happens at once.

mod change;
mod errno;
mod hidden;
mod list;
mod medium;
mod meta;
mod root;
mod sink;
mod sweep;
mod upload;

use std::io;
use std::path::Path;
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use tokio::sync::Mutex;

use crate::blocking::{at_once, at_once_unless_slow, hop, is_allowed};
use crate::{
    BoxFut, Caps, Entries, FsError, Meta, SetMeta, Sink, Source, Storage, Upload, WriteMode, whole,
};
use medium::Medium;
use root::Root;

/// A directory of this machine as a storage. Clones share the open root.
///
/// While an upload is aside it has no name at all (`O_TMPFILE`) or, where the file system cannot
/// do that, a hidden one: `.ferry-upload-` and sixteen hexadecimal digits. Such names cannot be
/// listed or used through the storage, and [`clean`](Self::clean) removes those that a killed
/// process left.
///
/// A file that is replaced passes its permission bits (not set-user-ID and set-group-ID) and,
/// where this process may do that, its owner and group on to the new one; access control lists,
/// extended attributes and further hard links stay with the old file.
#[derive(Debug, Clone)]
pub struct LocalDir {
    root: Arc<Root>,
    /// For calls that do not wait, if it can have any.
    at_once: Option<Arc<Root>>,
}

impl LocalDir {
    /// Opens `root`, which may itself be or lie behind a symbolic link.
    ///
    /// # Errors
    /// What opening the directory says; [`io::ErrorKind::Unsupported`] where the kernel has no
    /// `openat2` (before Linux 5.6) or a sandbox forbids it, since nothing else can confine paths.
    pub fn open(root: &Path) -> io::Result<Self> {
        Ok(Self::of(Root::open(root)?))
    }

    /// Whether a commit waits until content and name are on the medium. Off by default: it costs
    /// a disk flush per file, and an upload that returned survives a crash of the process anyway.
    #[must_use]
    pub fn with_fsync(self, fsync: bool) -> Self {
        Self::of(Root { fsync, ..self.unshare() })
    }

    /// Whether uploads may be files without a name. On by default where it can work; off makes
    /// every upload use a hidden name, for file systems that only claim to know `O_TMPFILE`.
    #[must_use]
    pub fn with_nameless_uploads(self, nameless: bool) -> Self {
        let root = self.unshare();
        let nameless = nameless && root.nameless;
        Self::of(Root { nameless, ..root })
    }

    /// Removes the hidden upload files that processes no longer alive have left, in the whole
    /// tree, and returns how many. Files that are still being written are locked and stay. Links
    /// are not followed; memory stays bounded whatever the tree's size.
    pub async fn clean(&self) -> usize {
        let root = Arc::clone(&self.root);
        tokio::task::spawn_blocking(move || sweep::sweep(&root)).await.unwrap_or(0)
    }

    fn of(root: Root) -> Self {
        let at_once = root.for_calls_at_once().map(Arc::new);
        Self { root: Arc::new(root), at_once }
    }

    fn unshare(self) -> Root {
        Root { fd: Arc::clone(&self.root.fd), ..*self.root }
    }

    fn run<'a, T: Send + 'static>(
        &self,
        job: impl FnOnce(&Arc<Root>) -> Result<T, FsError> + Send + 'static,
    ) -> BoxFut<'a, Result<T, FsError>> {
        let root = Arc::clone(&self.root);
        Box::pin(hop(move || job(&root)))
    }

    /// As [`run`](Self::run), at once where nothing can make it wait: `job` is tried then, and what
    /// that does not give is asked for again where it may wait.
    fn run_at_once<'a, T: Send + 'static>(
        &self,
        on: impl FnOnce(Medium) -> bool,
        job: impl Fn(&Arc<Root>) -> Result<T, FsError> + Send + Sync + 'static,
    ) -> BoxFut<'a, Result<T, FsError>> {
        let root = Arc::clone(&self.root);
        let quick = self.at_once.clone().filter(|root| on(root.medium));
        Box::pin(async move {
            if let Some(quick) = quick
                && !is_allowed()
            {
                let tried = match quick.medium {
                    Medium::Memory => Some(at_once(|| job(&quick)).await),
                    _ => at_once_unless_slow(|| job(&quick)).await,
                };
                if let Some(Ok(done)) = tried {
                    return Ok(done);
                }
            }
            hop(move || job(&root)).await
        })
    }
}

impl Storage for LocalDir {
    fn caps(&self) -> Caps {
        Caps {
            write_in_place: true,
            write_over: true,
            set_times: true,
            set_mode: true,
            set_created: false,
            set_owner: true,
            links: true,
            far: false,
        }
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        let path = path.clone();
        self.run_at_once(|_| true, move |root| root.stat(&path, follow))
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        let path = path.clone();
        self.run(move |root| {
            let listing = list::Listing::open(root, &path)?;
            Ok(Box::new(list::Batches::new(listing)) as Box<dyn Entries>)
        })
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        let path = path.clone();
        self.run_at_once(|_| true, move |root| root.read(&path, from))
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        let path = path.clone();
        let job = move |root: &Arc<Root>| {
            let writing = sink::Writing::open(root, &path, mode, perm & 0o7777)?;
            Ok(Box::new(sink::LocalSink::new(writing, root)) as Box<dyn Sink>)
        };
        self.run_at_once(|medium| medium == Medium::Memory, job)
    }

    fn load<'a>(
        &'a self,
        path: &'a FtpPath,
        most: usize,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        let path = path.clone();
        self.run(move |root| match root.read(&path, 0)? {
            Source::File { file, from, len } => {
                whole::of_file(&file, from, len, most).map_err(errno::of_io)
            }
            Source::Stream { .. } => Ok(None),
        })
    }

    fn store<'a>(
        &'a self,
        path: &'a FtpPath,
        octets: Vec<u8>,
        upload: Upload,
        perm: u32,
        set: SetMeta,
    ) -> BoxFut<'a, Result<bool, FsError>> {
        let path = path.clone();
        self.run(move |root| {
            let mode = WriteMode::Create(upload);
            let mut writing = sink::Writing::open(root, &path, mode, perm & 0o7777)?;
            writing.write_all(&octets)?;
            // While it is open, times cost no more walks to it; what refuses them may refuse
            // nothing else, so they are asked for again with the rest.
            let set = writing.set_times(set).unwrap_or(set);
            writing.commit()?;
            if set == SetMeta::default() {
                return Ok(true);
            }
            whole::was_set(change::set_meta(root, &path, set))
        })
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        let path = path.clone();
        self.run(move |root| change::make_dir(root, &path, perm & 0o7777))
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        let (path, target) = (path.clone(), target.clone());
        self.run(move |root| change::make_link(root, &path, &target))
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        let path = path.clone();
        self.run(move |root| change::remove_dir(root, &path))
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        let path = path.clone();
        self.run(move |root| change::remove_file(root, &path))
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        let (from, to) = (from.clone(), to.clone());
        self.run(move |root| change::rename(root, &from, &to, replace))
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        let path = path.clone();
        self.run(move |root| change::set_meta(root, &path, set))
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        let path = path.clone();
        self.run(move |root| root.free_space(&path).map(Some))
    }
}

/// Whether a file is on a file system in memory (tmpfs, ramfs), so that reading it waits for
/// nothing.
#[must_use]
pub fn is_in_memory(file: &std::fs::File) -> bool {
    Medium::of(file) == Medium::Memory
}

/// Runs `job` where it may wait, with what `shared` holds. Jobs on the same thing come one after
/// the other, also when the future of an earlier one was dropped before its end.
async fn hop_with<S: Send + 'static, T: Send + 'static>(
    shared: &Arc<Mutex<S>>,
    job: impl FnOnce(&mut S) -> Result<T, FsError> + Send + 'static,
) -> Result<T, FsError> {
    // Taken before the job is handed over: two jobs on the pool might begin in either order.
    let mut held = Arc::clone(shared).lock_owned().await;
    hop(move || job(&mut held)).await
}
