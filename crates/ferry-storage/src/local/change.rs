//! What changes names and metadata: directories made, things removed, renamed and re-dated.

use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, chmodat, chownat,
    fchmod, mkdirat, openat, renameat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::meta;
use super::root::{Root, SAFE, join, nameable, visible};
use super::upload::rename_new;
use crate::link::link_text;
use crate::{FsError, SetMeta};

pub(super) fn make_dir(root: &Root, path: &FtpPath, perm: u32) -> Result<(), FsError> {
    if path.is_root() {
        return Err(FsError::Exists);
    }
    nameable(path)?;
    let (dir, name) = root.parent(path)?;
    mkdirat(&dir, name, Mode::from_raw_mode(0o700))?;
    // The umask counted above; set the bits on the directory itself, through a descriptor, so
    // that whatever else gets the name now is not changed: only what is ours and stays ours.
    let made = openat(&dir, name, OFlags::RDONLY | OFlags::DIRECTORY | SAFE, Mode::empty())?;
    let meta = meta::of_fd(&made)?;
    if meta.owner != Some(rustix::process::geteuid().as_raw()) {
        return Ok(());
    }
    // A set-group-ID bit came from the directory above and is to be passed on below.
    let inherited = meta.mode.unwrap_or(0) & 0o2000;
    Ok(fchmod(&made, Mode::from_raw_mode(perm | inherited))?)
}

pub(super) fn make_link(root: &Root, path: &FtpPath, target: &FtpPath) -> Result<(), FsError> {
    if path.is_root() {
        return Err(FsError::Exists);
    }
    nameable(path)?;
    let wanted = meta::of_fd(root.open_beneath(visible(target)?, OFlags::PATH)?)?;
    let text = link_text(path, target);
    let parent = path.parent().ok_or(FsError::Denied)?;
    // The kernel will take the link's `..` from where the directory really is; so it is asked now
    // where that leads, before there is a link.
    let led_to = root.open_beneath(&join(visible(&parent)?, &text), OFlags::PATH)?;
    if meta::of_fd(led_to)?.unique != wanted.unique {
        return Err(FsError::NotFound);
    }
    let (dir, name) = root.parent(path)?;
    Ok(symlinkat(text, &dir, name)?)
}

pub(super) fn remove_dir(root: &Root, path: &FtpPath) -> Result<(), FsError> {
    visible(path)?;
    let (dir, name) = root.parent(path)?;
    match unlinkat(&dir, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOTDIR) => Err(FsError::NotDir),
        // POSIX lets a file system say this for ENOTEMPTY.
        Err(Errno::EXIST) => Err(FsError::NotEmpty),
        done => Ok(done?),
    }
}

pub(super) fn remove_file(root: &Root, path: &FtpPath) -> Result<(), FsError> {
    visible(path)?;
    let (dir, name) = root.parent(path)?;
    Ok(unlinkat(&dir, name, AtFlags::empty())?)
}

pub(super) fn rename(
    root: &Root,
    from: &FtpPath,
    to: &FtpPath,
    replace: bool,
) -> Result<(), FsError> {
    if from.is_root() || to.is_root() {
        return Err(FsError::Denied);
    }
    visible(from)?;
    nameable(to)?;
    let (from_dir, from_name) = root.parent(from)?;
    let (to_dir, to_name) = root.parent(to)?;
    let done = if replace {
        renameat(&from_dir, from_name, &to_dir, to_name)
    } else {
        rename_new(&from_dir, from_name, &to_dir, to_name)
    };
    match done {
        Err(Errno::INVAL) => Err(FsError::IntoItself),
        // A file and a directory do not take each other's place.
        Err(Errno::ISDIR | Errno::NOTDIR) => Err(FsError::Exists),
        Err(Errno::EXIST) if replace => Err(FsError::NotEmpty),
        // Another file system is mounted there.
        Err(Errno::XDEV) => Err(FsError::Unsupported),
        done => Ok(done?),
    }
}

pub(super) fn set_meta(root: &Root, path: &FtpPath, set: SetMeta) -> Result<(), FsError> {
    if set.created.is_some() {
        // Linux has no call for it.
        return Err(FsError::Unsupported);
    }
    let rel = visible(path)?;
    // A descriptor that opens nothing: no right to read is needed, no FIFO or device is touched.
    let fd = root.open_beneath(rel, OFlags::PATH)?;
    if set.owner.is_some() || set.group.is_some() {
        // All bits set is the kernel's word for "leave it".
        let known = |id: Option<u32>| id.is_none_or(|n| n != u32::MAX);
        if !known(set.owner) || !known(set.group) {
            return Err(FsError::Unsupported);
        }
        let (uid, gid) = (set.owner.map(Uid::from_raw), set.group.map(Gid::from_raw));
        chownat(&fd, "", uid, gid, AtFlags::EMPTY_PATH)?;
    }
    if let Some(mode) = set.mode {
        set_mode(&fd, Mode::from_raw_mode(mode & 0o7777), || root.open_beneath(rel, READ))?;
    }
    if set.modified.is_some() || set.accessed.is_some() {
        utimensat(fd.as_fd(), "", &timestamps(set), AtFlags::EMPTY_PATH)?;
    }
    Ok(())
}

const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Sets permission bits through a descriptor that is only a path, which before Linux 6.6 takes
/// the way through `/proc`; without that, through a descriptor open for reading.
fn set_mode(
    fd: &OwnedFd,
    mode: Mode,
    reopen: impl FnOnce() -> Result<OwnedFd, Errno>,
) -> Result<(), FsError> {
    let own = format!("/proc/self/fd/{}", fd.as_raw_fd());
    match chmodat(CWD, own, mode, AtFlags::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(fchmod(reopen()?, mode)?),
        done => Ok(done?),
    }
}

/// The times of `set` as the kernel gets them.
pub(super) fn timestamps(set: SetMeta) -> Timestamps {
    Timestamps { last_access: timespec(set.accessed), last_modification: timespec(set.modified) }
}

fn timespec(time: Option<UnixTime>) -> Timespec {
    match time {
        Some(t) => Timespec { tv_sec: t.secs, tv_nsec: t.nanos.min(999_999_999).into() },
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    }
}
