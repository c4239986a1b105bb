//! The [`Storage`] trait and the types that cross it. No implementation lives here.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ferry_proto::date::UnixTime;
use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;

use crate::whole;

/// A boxed future: one allocation per storage operation, none per idle session.
pub type BoxFut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a storage operation did not happen, by outcome; the caller turns it into a reply code.
#[derive(Debug)]
#[non_exhaustive]
pub enum FsError {
    /// Nothing has that name, or a component on the way is missing, is not a directory, loops, or
    /// leads out of the root.
    NotFound,
    /// The operation is not allowed.
    Denied,
    /// The name is taken and may not be replaced.
    Exists,
    /// The directory still has entries.
    NotEmpty,
    /// The operation needs a regular file.
    NotFile,
    /// The operation needs a directory.
    NotDir,
    /// The name cannot be stored here: too long, or octets this storage refuses.
    BadName,
    /// A rename into the directory's own inside.
    IntoItself,
    /// The start offset lies beyond the end of the file.
    BadOffset,
    /// No space is left on the medium.
    NoSpace,
    /// A quota is used up.
    Quota,
    /// Someone else holds it; the same request may succeed later.
    Busy,
    /// This storage cannot do that at all.
    Unsupported,
    /// The account must first say more of itself (ACCT, RFC 959 §4.1.1).
    NeedsAccount,
    /// Reading or writing the medium failed.
    Io(std::io::Error),
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such file or directory",
            Self::Denied => "permission denied",
            Self::Exists => "already exists",
            Self::NotEmpty => "directory not empty",
            Self::NotFile => "not a regular file",
            Self::NotDir => "not a directory",
            Self::BadName => "name not allowed",
            Self::IntoItself => "a directory cannot be moved into itself",
            Self::BadOffset => "start offset beyond the end of the file",
            Self::NoSpace => "no space left",
            Self::Quota => "quota used up",
            Self::Busy => "busy, try again later",
            Self::Unsupported => "not supported here",
            Self::NeedsAccount => "an account is needed",
            Self::Io(_) => "input/output error",
        })
    }
}

impl std::error::Error for FsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(e),
            _ => None,
        }
    }
}

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link (only where the link itself was asked for, or listed).
    Symlink,
    /// A device, socket, pipe or anything else that cannot be transferred.
    Other,
}

/// How exactly a time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Precision {
    /// To parts of a second.
    #[default]
    Fraction,
    /// To the second.
    Second,
    /// To the minute: listings of recent files.
    Minute,
    /// To the day: listings of old files.
    Day,
    /// Not at all; the time says nothing.
    Unknown,
}

/// Metadata of one file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "implementations outside this crate build it")]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Length in octets; for directories whatever the medium says.
    pub size: u64,
    /// Whether `size` is known; always on media of this machine, not in every server's listing.
    pub size_known: bool,
    /// Time of last modification.
    pub modified: UnixTime,
    /// How exactly `modified` is known.
    pub precision: Precision,
    /// Time of creation, where the medium knows it.
    pub created: Option<UnixTime>,
    /// Permission bits, `0o7777` at most; [`None`] where the storage has no such thing.
    pub mode: Option<u32>,
    /// Number of hard links, 1 where unknown.
    pub links: u64,
    /// Numeric owner, where the storage has owners.
    pub owner: Option<u32>,
    /// Numeric group, where the storage has groups.
    pub group: Option<u32>,
    /// Identity within the storage: equal means the same object. (device, inode) on a local
    /// directory; never shown to a peer as it is.
    pub unique: (u64, u64),
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "implementations outside this crate build it")]
pub struct Entry {
    /// The name: one component, octets as stored.
    pub name: Vec<u8>,
    /// The entry itself; for a symbolic link, the link's own metadata (`kind == Symlink`).
    pub meta: Meta,
    /// For a symbolic link: where it points, as stored.
    pub link: Option<Vec<u8>>,
    /// For a symbolic link that leads to something inside the root: the metadata of that.
    pub target: Option<Meta>,
}

/// A directory being read, batch by batch, so that no directory is ever held whole in memory.
pub trait Entries: Send {
    /// The next entries, in the storage's own order; an empty batch means the end. `.` and `..`
    /// never appear. At most [`BATCH_MAX`] entries.
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>>;

    /// How much of the directory was there but could not be understood, so far; after the end, 0
    /// proves that the listing is complete. Anything that removes what is not listed must ask.
    fn unread(&self) -> u64 {
        0
    }
}

/// The most entries one [`Entries::next_batch`] returns.
pub const BATCH_MAX: usize = 1024;

/// An open file for reading, from the offset asked for.
#[non_exhaustive]
pub enum Source {
    /// A regular file of this machine: the engine may use `sendfile` or `pread` on it. Its own
    /// cursor is not used; read at explicit offsets, starting at `from`.
    File {
        /// The open file.
        file: File,
        /// Where to start, in octets.
        from: u64,
        /// Length of the whole file when it was opened, in octets.
        len: u64,
    },
    /// Anything else: octets on demand.
    Stream {
        /// Where they come from; already at the offset asked for.
        stream: Box<dyn ByteSource>,
        /// Length of the whole file when it was opened, in octets.
        len: u64,
    },
}

impl Source {
    /// A file that is in memory whole.
    #[must_use]
    pub fn of_octets(octets: Vec<u8>) -> Self {
        let len = octets.len() as u64;
        Self::Stream { stream: Box::new(whole::Octets::new(octets)), len }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { from, len, .. } => write!(f, "Source::File({from}..{len})"),
            Self::Stream { len, .. } => write!(f, "Source::Stream(..{len})"),
        }
    }
}

/// Octets on demand.
pub trait ByteSource: Send {
    /// Fills `buf` from its start, at most its present length, and gives it back with the number
    /// of octets read; 0 means the end. The buffer is lent so that it may cross threads.
    fn read(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)>;

    /// Writes what comes next to `file`, at its cursor, on one thread that may block, so that no
    /// octet changes threads on its way: at most `max` octets, and soon back with fewer. 0 means
    /// the end. [`None`] where that cannot be had, or not now; [`read`](Self::read) always works.
    fn read_to_file<'a>(
        &'a mut self,
        file: &'a Arc<File>,
        max: u64,
    ) -> Option<BoxFut<'a, Result<u64, FsError>>> {
        let _ = (file, max);
        None
    }
}

/// How an upload meets what is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteMode {
    /// The whole file anew, whether or not the name exists. What happens while it is written and
    /// when it breaks off is said by [`Upload`].
    Create(Upload),
    /// As `Create`, but the name must not exist: [`FsError::Exists`] otherwise (STOU). The name is
    /// taken from the start, with an empty file, so that no two such uploads ever get the same.
    CreateNew(Upload),
    /// In place from an offset not beyond the end ([`FsError::BadOffset`] beyond the end,
    /// [`FsError::NotFound`] when there is no file and the offset is not 0). What followed is cut
    /// off with the first octets written, or by the commit: an upload that never begins loses
    /// nothing.
    At(u64),
    /// As `At`, but what follows the octets written stays: a part of a file is replaced (RANG).
    Over(u64),
    /// In place at the end; a missing file is made.
    Append,
}

/// What an upload of a whole file does until it is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Upload {
    /// Aside, named when complete. Broken off: under a new name what arrived is kept there, an
    /// existing file stays as it was.
    #[default]
    Atomic,
    /// Aside, named when complete. Broken off: nothing is kept.
    Discard,
    /// Straight into the named file, truncated first; what arrived stays.
    Direct,
}

/// A file being written. Octets go in by [`write`](Sink::write); then exactly one of
/// [`commit`](Sink::commit) and [`abandon`](Sink::abandon). Dropping it without either keeps
/// nothing that was aside, as there is no time to wait for a name; no hidden file stays behind, and
/// neither does a name that the write made in place if it never began.
pub trait Sink: Send {
    /// Writes all of `buf` behind what was written before and gives the buffer back (its content
    /// is then unspecified, its capacity kept).
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)>;

    /// Takes what is in `file` from octet `at` on, at most `max` octets, on one thread that may
    /// block. Soon back with the number of octets taken; 0 means that the file ends there. [`None`]
    /// where that cannot be had, or not now; [`write`](Self::write) always works.
    fn write_from_file<'a>(
        &'a mut self,
        file: &'a Arc<File>,
        at: u64,
        max: u64,
    ) -> Option<BoxFut<'a, Result<u64, FsError>>> {
        let _ = (file, at, max);
        None
    }

    /// The file of this machine that is written to, with the cursor where the next octet goes, for
    /// a [`ByteSource`] that can write to it by itself. [`None`] where there is no such file, or
    /// where somebody has to see what is written.
    fn lend_file(&mut self) -> BoxFut<'_, Result<Option<File>, FsError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Goes on at that offset of the file, in octets: for files that come as numbered pages
    /// (RFC 959 §3.1.2.3). What is skipped beyond the end reads as zeros once something is written
    /// behind it. [`FsError::Unsupported`] where writing is in order only, which is also what an
    /// implementation without this method says, and with [`WriteMode::Append`].
    fn seek(&mut self, offset: u64) -> BoxFut<'_, Result<(), FsError>> {
        let _ = offset;
        Box::pin(std::future::ready(Err(FsError::Unsupported)))
    }

    /// Makes what was written the file of that name. When this returns, readers see all of it.
    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>>;

    /// Writes the last octets and commits, with fewer changes of thread where the medium allows;
    /// the same as one after the other, and as [`abandon`](Self::abandon) where writing fails.
    fn finish(self: Box<Self>, buf: Vec<u8>) -> BoxFut<'static, Result<(), FsError>>
    where
        Self: 'static,
    {
        Box::pin(whole::finish(self, buf))
    }

    /// Whether what has been written would be there under its name if the write broke off now, so
    /// that it can be resumed. Never where that is not certain, which is also what an implementation
    /// without this method says.
    fn outlasts(&self) -> bool {
        false
    }

    /// Ends the write before it is complete; what becomes of it, [`Upload`] says. Returns whether
    /// what arrived is now there under the name.
    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>>;
}

/// What [`Storage::set_meta`] is to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..Default::default()")]
pub struct SetMeta {
    /// New time of last modification.
    pub modified: Option<UnixTime>,
    /// New time of last access.
    pub accessed: Option<UnixTime>,
    /// New permission bits, `0o7777` at most.
    pub mode: Option<u32>,
    /// New time of creation.
    pub created: Option<UnixTime>,
    /// New numeric owner.
    pub owner: Option<u32>,
    /// New numeric group.
    pub group: Option<u32>,
}

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

    /// Says that many small files will soon be stored here, or read if not `stored`, so that what
    /// that needs can be made ready meanwhile. Only a hint: nothing depends on it, and nobody
    /// waits.
    fn expect_small(&self, stored: bool) {
        let _ = stored;
    }
}

/// The text of a symbolic link at `path` that leads to `target`: relative, so that it says the
/// same wherever the root is mounted.
pub(crate) fn link_text(path: &FtpPath, target: &FtpPath) -> Vec<u8> {
    let parent = path.parent().unwrap_or_else(FtpPath::root);
    let common = parent.components().zip(target.components()).take_while(|(a, b)| a == b).count();
    let ups = parent.components().skip(common).map(|_| &b".."[..]);
    let parts: Vec<&[u8]> = ups.chain(target.components().skip(common)).collect();
    if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_the_way_from_its_own_directory() {
        let p = |s: &str| FtpPath::new(s.as_bytes()).unwrap();
        let cases = [
            ("/l", "/f", "f"),
            ("/a/l", "/f", "../f"),
            ("/a/l", "/a/f", "f"),
            ("/a/b/l", "/a/c/d", "../c/d"),
            ("/l", "/", "."),
            ("/a/l", "/", ".."),
            ("/a/l", "/a", "."),
            ("/a/b/l", "/a", ".."),
            ("/ab/l", "/a/f", "../a/f"),
        ];
        for (path, target, want) in cases {
            assert_eq!(link_text(&p(path), &p(target)), want.as_bytes(), "{path} -> {target}");
        }
    }
}
