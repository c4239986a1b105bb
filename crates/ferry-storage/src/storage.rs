//! The [`Storage`] trait. What crosses it lives next door: [`Source`]s, [`Sink`]s, [`Entries`].
//! No implementation lives here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;

use crate::{Entries, FsError, Meta, SetMeta, Sink, Source, Upload, WriteMode, whole};

/// A boxed future: one allocation per storage operation, none per idle session.
pub type BoxFut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a storage can do; everything else is mandatory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "implementations outside this crate build it")]
pub struct Caps {
    /// [`WriteMode::At`] and [`WriteMode::Append`] work.
    pub write_in_place: bool,
    /// [`WriteMode::Over`] works, for several at a time in one file. A server may have to be tried
    /// first, see [`Storage::writers`].
    pub write_over: bool,
    /// [`Storage::set_meta`] can set times.
    pub set_times: bool,
    /// [`Storage::set_meta`] can set permission bits.
    pub set_mode: bool,
    /// [`Storage::set_meta`] can set the time of creation.
    pub set_created: bool,
    /// [`Storage::set_meta`] can set owner and group, as far as this process may.
    pub set_owner: bool,
    /// [`Storage::make_link`] works.
    pub links: bool,
    /// What is read comes over a network, through a connection for each file that is open: several
    /// places of a large one come sooner at a time than one after another.
    pub far: bool,
}

/// A place files live in. All paths are canonical, all methods act on the storage's own root.
///
/// Wrappers must forward every method. Symbolic links that stay inside the root are followed by
/// every method except [`remove_file`](Storage::remove_file), [`rename`](Storage::rename) (which
/// act on the link) and `stat` with `follow == false`; links that lead out or nowhere are
/// [`FsError::NotFound`]. A link's own name is taken for [`make_dir`](Storage::make_dir),
/// [`make_link`](Storage::make_link) and [`WriteMode::CreateNew`], and is not a directory for
/// [`remove_dir`](Storage::remove_dir).
pub trait Storage: Send + Sync + fmt::Debug {
    /// What this storage can do.
    fn caps(&self) -> Caps;

    /// Metadata of what `path` names; of a link itself when `follow` is false.
    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>>;

    /// Opens a directory for listing. [`FsError::NotDir`] when `path` is something else.
    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>>;

    /// Opens a regular file for reading from offset `from`. [`FsError::NotFile`] when it is
    /// anything else, [`FsError::BadOffset`] when `from` is beyond the end.
    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>>;

    /// Opens a file for writing. [`FsError::NotFile`] when the name is taken by anything else. A
    /// file made by this has the permission bits `perm` (the caller has applied the umask; the
    /// process's own umask does not count); one that is replaced keeps its own, except the
    /// set-user-ID and set-group-ID bits, which new content does not inherit.
    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>>;

    /// The whole of a small file; [`None`] if it is longer than `most` octets. The same as reading
    /// it to its end, with fewer changes of thread where the medium allows.
    fn load<'a>(
        &'a self,
        path: &'a FtpPath,
        most: usize,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        Box::pin(async move { whole::read(self.read(path, 0).await?, most).await })
    }

    /// A whole small file anew, as by [`write`](Self::write) and a commit, and then `set` as by
    /// [`set_meta`](Self::set_meta). Whether `set` was done: a medium that cannot do it, or
    /// refuses, has the file all the same.
    fn store<'a>(
        &'a self,
        path: &'a FtpPath,
        octets: Vec<u8>,
        upload: Upload,
        perm: u32,
        set: SetMeta,
    ) -> BoxFut<'a, Result<bool, FsError>> {
        Box::pin(async move {
            let mut sink = self.write(path, WriteMode::Create(upload), perm).await?;
            let (_, written) = sink.write(octets).await;
            written?;
            sink.commit().await?;
            if set == SetMeta::default() {
                return Ok(true);
            }
            whole::was_set(self.set_meta(path, set).await)
        })
    }

    /// Makes one directory with the permission bits `perm`. [`FsError::Exists`] when the name is
    /// taken.
    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>>;

    /// Makes a symbolic link at `path` that leads to `target`, by a relative text.
    /// [`FsError::Exists`] when the name is taken, [`FsError::NotFound`] when `target` is not
    /// there or the link would not lead to it (a link on the way to `path` can turn its `..`
    /// elsewhere), [`FsError::Unsupported`] where [`Caps`] says so.
    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>>;

    /// Removes an empty directory. The root cannot be removed ([`FsError::Denied`]).
    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>>;

    /// Removes a file or link. [`FsError::NotFile`] for a directory.
    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>>;

    /// Renames. An existing file at `to` is replaced if `replace`, else [`FsError::Exists`]; a
    /// directory and a file never replace each other ([`FsError::Exists`]), nor is a directory
    /// replaced that is not empty ([`FsError::NotEmpty`]). The root can neither be moved nor be
    /// the new name ([`FsError::Denied`]), nor a directory be moved into its own inside
    /// ([`FsError::IntoItself`]).
    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>>;

    /// Changes times, permission bits, owner and group; [`FsError::Unsupported`], with nothing
    /// changed, where [`Caps`] says so.
    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>>;

    /// Octets still free for files in the directory `path`; `None` where nobody can tell.
    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>>;

    /// The digest of a file's octets from `from` on, `len` of them or all to the end, where that
    /// is known without reading the file through this storage; [`None`] where it is not.
    fn hash<'a>(
        &'a self,
        path: &'a FtpPath,
        algorithm: Algorithm,
        from: u64,
        len: Option<u64>,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        let _ = (path, algorithm, from, len);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// How many may write one file at a time, each over a part of its own: [`WriteMode::Over`]
    /// then also begins beyond the end, and what was skipped reads as zeros. 1 where that is not
    /// so, or could not be found out. A server is tried the first time, with a small file under
    /// the name `path`, which must be nobody's; from then on [`caps`](Storage::caps) tells, too.
    fn writers<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<usize, FsError>> {
        let _ = path;
        Box::pin(std::future::ready(Ok(1)))
    }

    /// How many operations at a time are worth starting. A remote storage knows better than who
    /// uses it: connections and pipelines are shared out inside.
    fn width(&self) -> usize {
        16
    }

    /// Makes ready what it takes to read `at_a_time` files or parts of one, and comes back when it
    /// is, or cannot be soon. Who begins before others can keep them slow for as long as it lasts,
    /// so parts of one file should begin together.
    fn ready(&self, at_a_time: usize) -> BoxFut<'_, ()> {
        let _ = at_a_time;
        Box::pin(std::future::ready(()))
    }

    /// Says that many small files will soon be stored here, or read if not `stored`, so that what
    /// that needs can be made ready meanwhile. Only a hint: nothing depends on it, and nobody
    /// waits.
    fn expect_small(&self, stored: bool) {
        let _ = stored;
    }
}
