//! Files aside: content that has no name yet, or a hidden one, until it takes its own.
//!
//! ```text
//!            O_TMPFILE ──────────────────────── linkat ──────────────► new name
//!                │                                                       ▲
//!                └─ lock, linkat ─► hidden name ─┬─ rename NOREPLACE ────┤
//!   O_EXCL, lock ─────────────────► hidden name ─┴─ rename ─► name replaced
//! ```
//!
//! Whatever has a hidden name is locked (`flock`) for as long as this process holds it, so that the
//! start-up sweep of another process leaves it alone.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{
    AtFlags, CWD, FlockOperation, Gid, Mode, OFlags, RenameFlags, Uid, fchmod, fchown, flock,
    linkat, openat, renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::root::SAFE;
use super::{hidden, meta};
use crate::{FsError, Meta};

/// Tries for a hidden name; one collision of 64 random bits is already not expected.
const NAMES_MAX: u32 = 8;

/// Whether a file may be given a name by its descriptor alone: since Linux 6.10 by whoever opened
/// it, before by who may read everything (CAP_DAC_READ_SEARCH). It spares the way through /proc.
static BY_DESCRIPTOR: AtomicBool = AtomicBool::new(true);

/// A file aside in the directory it will stay in.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) dir: OwnedFd,
    pub(super) file: File,
    /// The name it has now in `dir`; none for a file without any.
    hidden: Option<Vec<u8>>,
}

impl Aside {
    /// Makes an empty file aside, for this process's user only until it is named. On failure the
    /// directory is given back.
    pub(super) fn create(dir: OwnedFd, nameless: bool) -> Result<Self, (OwnedFd, FsError)> {
        if nameless {
            let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
            match openat(&dir, ".", flags, Mode::from_raw_mode(0o600)) {
                Ok(fd) => {
                    return Ok(Self { dir, file: File::from(fd), hidden: None });
                }
                // How file systems and kernels say that they do not know O_TMPFILE.
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => {}
                Err(e) => return Err((dir, e.into())),
            }
        }
        match create_hidden(&dir) {
            Ok((file, name)) => Ok(Self { dir, file, hidden: Some(name) }),
            Err(e) => Err((dir, e)),
        }
    }

    /// Takes `name`, which nothing may have: [`FsError::Exists`] otherwise, and the file is still
    /// aside.
    pub(super) fn take(&mut self, name: &[u8]) -> Result<(), FsError> {
        let Some(hidden) = &self.hidden else {
            return self.link_as(name);
        };
        rename_new(&self.dir, hidden, &self.dir, name)?;
        self.hidden = None;
        Ok(())
    }

    /// Takes `name` from the file that has it.
    pub(super) fn replace(&mut self, name: &[u8]) -> Result<(), FsError> {
        if self.hidden.is_none() {
            lock(&self.file)?;
            let own = hidden::name()?;
            self.link_as(&own)?;
            self.hidden = Some(own);
        }
        if let Some(hidden) = &self.hidden {
            renameat(&self.dir, hidden, &self.dir, name)?;
        }
        self.hidden = None;
        Ok(())
    }

    /// Sets the permission bits exactly; the process's umask had its say at creation.
    pub(super) fn set_mode(&self, perm: u32) -> Result<(), FsError> {
        Ok(fchmod(&self.file, Mode::from_raw_mode(perm))?)
    }

    /// Takes over what a replaced file passes on: owner and group if we may, and permission bits
    /// without set-user-ID and set-group-ID, which the kernel also clears when a file is written.
    pub(super) fn inherit(&self, old: &Meta) -> Result<(), FsError> {
        let own = meta::of_fd(&self.file)?;
        if (own.owner, own.group) != (old.owner, old.group) {
            let (uid, gid) = (old.owner.map(Uid::from_raw), old.group.map(Gid::from_raw));
            // Only root may give files away; anyone may still give them to a group of theirs.
            if fchown(&self.file, uid, gid).is_err() {
                let _ = fchown(&self.file, None, gid);
            }
        }
        self.set_mode(old.mode.unwrap_or(0o600) & 0o1777)
    }

    fn link_as(&self, name: &[u8]) -> Result<(), FsError> {
        use std::os::fd::AsRawFd as _;
        let by_descriptor = BY_DESCRIPTOR.load(Ordering::Relaxed);
        if by_descriptor {
            match linkat(&self.file, "", &self.dir, name, AtFlags::EMPTY_PATH) {
                // Who may not, or the directory is gone; the other way tells.
                Err(Errno::NOENT | Errno::INVAL | Errno::PERM) => {}
                done => return Ok(done?),
            }
        }
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        linkat(CWD, own, &self.dir, name, AtFlags::SYMLINK_FOLLOW)?;
        if by_descriptor {
            BY_DESCRIPTOR.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(name) = &self.hidden {
            let _ = unlinkat(&self.dir, name, AtFlags::empty());
        }
    }
}

/// Makes a file that must not exist, with exactly the permission bits `perm`; `how` is nothing or
/// `O_APPEND`.
pub(super) fn create_new(
    dir: &OwnedFd,
    name: &[u8],
    perm: u32,
    how: OFlags,
) -> Result<File, FsError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | SAFE | how;
    let fd = openat(dir, name, flags, Mode::from_raw_mode(0o600))?;
    fchmod(&fd, Mode::from_raw_mode(perm))?;
    Ok(File::from(fd))
}

/// Renames to a name that must be free.
pub(super) fn rename_new(
    from_dir: &OwnedFd,
    from: &[u8],
    to_dir: &OwnedFd,
    to: &[u8],
) -> Result<(), Errno> {
    match renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {}
        done => return done,
    }
    // A file system without RENAME_NOREPLACE, or a rename that is impossible anyhow. A second
    // link refuses a taken name just as well; directories cannot have one, so for them there
    // remains a check, and a rename that can at worst replace an empty directory.
    match linkat(from_dir, from, to_dir, to, AtFlags::empty()) {
        Ok(()) => unlinkat(from_dir, from, AtFlags::empty()),
        Err(Errno::EXIST) => Err(Errno::EXIST),
        Err(_) => match rustix::fs::statat(to_dir, to, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => renameat(from_dir, from, to_dir, to),
            Err(e) => Err(e),
        },
    }
}

fn create_hidden(dir: &OwnedFd) -> Result<(File, Vec<u8>), FsError> {
    for _ in 0..NAMES_MAX {
        let name = hidden::name()?;
        let file = match create_new(dir, &name, 0o600, OFlags::empty()) {
            Err(FsError::Exists) => continue,
            done => done?,
        };
        // Between creation and lock a sweep may have taken the file for a stale one: then the
        // lock is its, or the file has no name left.
        match lock(&file) {
            Ok(()) if meta::of_fd(&file)?.links > 0 => return Ok((file, name)),
            Ok(()) | Err(FsError::Busy) => {}
            Err(e) => {
                let _ = unlinkat(dir, &name, AtFlags::empty());
                return Err(e);
            }
        }
    }
    Err(FsError::Busy)
}

/// Marks a file as in use by a living process. File systems without locks are left alone by the
/// sweep, so no lock is needed there.
fn lock(file: &File) -> Result<(), FsError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) | Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
