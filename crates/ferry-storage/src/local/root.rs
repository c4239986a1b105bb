//! The open root and the ways from it to what a path names. All confinement is here.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstatvfs, openat, openat2, readlinkat, statat};
use rustix::io::Errno;

use super::medium::Medium;
use super::{hidden, meta};
use crate::{FsError, Kind, Meta, Source};

/// Never out of the root, never through the links of `/proc`.
const CONFINED: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// How often a resolution is tried again when a rename elsewhere on the machine disturbed it
/// (EAGAIN from openat2). Each try is a fresh race of microseconds; a busy file server loses a
/// few in a row, 128 in a row only if someone means it.
const RACES_MAX: u32 = 128;

/// How many links at the end of a path are followed for writing; Linux follows 40 in all.
const LINKS_MAX: u32 = 40;

/// Opening never waits for a FIFO's other end, never takes a terminal, never leaks into a child.
pub(super) const SAFE: OFlags =
    OFlags::NONBLOCK.union(OFlags::NOCTTY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// A descriptor that only names a directory.
const DIR: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);

/// The root directory, held open, and how uploads are done in it.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) fd: Arc<OwnedFd>,
    pub(super) fsync: bool,
    /// Whether a file without a name can be given one, which needs `/proc`.
    pub(super) nameless: bool,
    pub(super) medium: Medium,
    /// How paths are resolved where nothing may wait; [`None`] where that does not matter.
    pub(super) at_once: Option<ResolveFlags>,
}

/// Where a name is, or would be: its directory held open, the name, and what has it now.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dir: OwnedFd,
    pub(super) name: Vec<u8>,
    pub(super) meta: Option<Meta>,
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let fd = openat(CWD, path, DIR | OFlags::CLOEXEC, Mode::empty())?;
        if let Err(e) = openat2(&fd, ".", DIR | OFlags::CLOEXEC, Mode::empty(), CONFINED) {
            return Err(match e {
                Errno::NOSYS | Errno::PERM => io::Error::new(
                    io::ErrorKind::Unsupported,
                    "the openat2 system call is missing or forbidden: serving a directory safely \
                     needs Linux 5.6 or later, and a sandbox that lets openat2 pass",
                ),
                other => other.into(),
            });
        }
        let nameless = statat(CWD, "/proc/self/fd", rustix::fs::AtFlags::empty()).is_ok();
        let medium = Medium::of(&fd);
        Ok(Self { fd: Arc::new(fd), fsync: false, nameless, medium, at_once: None })
    }

    /// The same root for calls on threads that may not wait, if it can have any. What such a call
    /// refuses may be possible where it can wait.
    pub(super) fn for_calls_at_once(&self) -> Option<Self> {
        let at_once = Some(self.medium.at_once()?);
        Some(Self { fd: Arc::clone(&self.fd), at_once, ..*self })
    }

    /// Opens what `rel` leads to, wherever that is inside the root.
    pub(super) fn open_beneath(&self, rel: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        if let Some(at_once) = self.at_once {
            return openat2(&*self.fd, rel, flags, Mode::empty(), CONFINED | at_once);
        }
        for _ in 0..RACES_MAX {
            match openat2(&*self.fd, rel, flags, Mode::empty(), CONFINED) {
                Err(Errno::AGAIN | Errno::INTR) => std::thread::yield_now(),
                done => return done,
            }
        }
        Err(Errno::AGAIN)
    }

    pub(super) fn stat(&self, path: &FtpPath, follow: bool) -> Result<Meta, FsError> {
        let rel = visible(path)?;
        let last = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        meta::of_fd(self.open_beneath(rel, OFlags::PATH | last)?)
    }

    /// Opens a directory for reading its entries.
    pub(super) fn open_dir(&self, path: &FtpPath) -> Result<OwnedFd, FsError> {
        let rel = visible(path)?;
        match self.open_beneath(rel, OFlags::RDONLY | OFlags::DIRECTORY) {
            // The end of the path is no directory, or some component before it is none.
            Err(Errno::NOTDIR) => match self.open_beneath(rel, OFlags::PATH) {
                Ok(_) => Err(FsError::NotDir),
                Err(e) => Err(e.into()),
            },
            done => Ok(done?),
        }
    }

    pub(super) fn read(&self, path: &FtpPath, from: u64) -> Result<Source, FsError> {
        let rel = visible(path)?;
        // Opening a device may already do something; look before. What counts is the second look.
        regular(&meta::of_fd(self.open_beneath(rel, OFlags::PATH)?)?)?;
        let flags = OFlags::RDONLY | SAFE.difference(OFlags::NOFOLLOW);
        let file = self.open_beneath(rel, flags)?;
        let meta = meta::of_fd(&file)?;
        regular(&meta)?;
        if from > meta.size {
            return Err(FsError::BadOffset);
        }
        Ok(Source::File { file: File::from(file), from, len: meta.size })
    }

    pub(super) fn free_space(&self, path: &FtpPath) -> Result<u64, FsError> {
        let fd = self.open_beneath(visible(path)?, OFlags::PATH)?;
        if meta::of_fd(&fd)?.kind != Kind::Dir {
            return Err(FsError::NotDir);
        }
        let fs = fstatvfs(fd)?;
        Ok(fs.f_bavail.saturating_mul(fs.f_frsize))
    }

    /// Metadata of where the link `name` in directory `rel` leads, if that is inside the root.
    pub(super) fn link_target(&self, rel: &[u8], name: &[u8]) -> Option<Meta> {
        meta::of_fd(self.open_beneath(&join(rel, name), OFlags::PATH).ok()?).ok()
    }

    /// The directory that holds `path`'s last component, which itself is not looked at.
    pub(super) fn parent<'p>(&self, path: &'p FtpPath) -> Result<(OwnedFd, &'p [u8]), FsError> {
        let parent = path.parent().ok_or(FsError::Denied)?;
        Ok((self.open_beneath(visible(&parent)?, DIR)?, path.name()))
    }

    /// As [`parent`](Self::parent), with what has the name now.
    pub(super) fn place(&self, path: &FtpPath) -> Result<Place, FsError> {
        let (dir, name) = self.parent(path)?;
        let meta = meta::of_name(&dir, name)?;
        Ok(Place { dir, name: name.to_vec(), meta })
    }

    /// Where a file of that path is or would be written: links at its end are followed, step by
    /// step, since the kernel gives no parent directory of what a link leads to.
    pub(super) fn place_of_file(&self, path: &FtpPath) -> Result<Place, FsError> {
        let mut rel = relative(path).to_vec();
        for _ in 0..LINKS_MAX {
            let (parent, name) = split(&rel);
            if matches!(name, b"" | b"." | b"..") {
                // Only a directory can be written like that.
                self.open_beneath(&rel, OFlags::PATH)?;
                return Err(FsError::NotFile);
            }
            if hidden::is_hidden(name) {
                return Err(FsError::BadName);
            }
            let dir = self.open_beneath(parent, DIR)?;
            let meta = meta::of_name(&dir, name)?;
            if !meta.as_ref().is_some_and(|m| m.kind == Kind::Symlink) {
                return Ok(Place { dir, name: name.to_vec(), meta });
            }
            match readlinkat(&dir, name, Vec::new()) {
                Ok(text) if text.as_bytes().starts_with(b"/") => return Err(FsError::NotFound),
                Ok(text) => rel = join(parent, text.as_bytes()),
                // It is no link any more: look again.
                Err(Errno::INVAL | Errno::NOENT) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(FsError::NotFound)
    }
}

/// `Ok` for a regular file only.
pub(super) fn regular(meta: &Meta) -> Result<(), FsError> {
    if meta.kind == Kind::File { Ok(()) } else { Err(FsError::NotFile) }
}

/// The path as the kernel gets it, relative to the root, unless it touches a hidden upload.
pub(super) fn visible(path: &FtpPath) -> Result<&[u8], FsError> {
    if path.components().any(hidden::is_hidden) {
        return Err(FsError::NotFound);
    }
    Ok(relative(path))
}

/// As [`visible`], for a name about to be made: a hidden one is a bad name, not a missing one.
pub(super) fn nameable(path: &FtpPath) -> Result<(), FsError> {
    if hidden::is_hidden(path.name()) {
        return Err(FsError::BadName);
    }
    visible(path).map(|_| ())
}

fn relative(path: &FtpPath) -> &[u8] {
    match path.as_bytes() {
        [b'/', rest @ ..] if !rest.is_empty() => rest,
        _ => b".",
    }
}

fn split(rel: &[u8]) -> (&[u8], &[u8]) {
    match rel.iter().rposition(|&b| b == b'/') {
        Some(i) => (rel.get(..i).unwrap_or_default(), rel.get(i + 1..).unwrap_or_default()),
        None => (b".", rel),
    }
}

pub(super) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    [dir, b"/", name].concat()
}
