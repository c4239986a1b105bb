//! The start-up sweep: hidden upload files whose process is gone are removed from the whole tree.
//!
//! A killed process leaves no lock, so a hidden file that can be locked belongs to nobody. The
//! walk follows no link and keeps, per level, one position and at most [`NAMES_MAX`] names; it
//! holds two descriptors at most, however deep the tree.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, openat, unlinkat};
use rustix::io::Errno;

use super::root::{Root, SAFE};
use super::{hidden, meta};
use crate::Kind;

/// Names of subdirectories remembered per level; when they are done, the directory is opened
/// again and read on from where it was.
const NAMES_MAX: usize = 64;

/// The longest path walked, in octets: PATH_MAX without its NUL, beyond which no upload can go.
const PATH_MAX: usize = 4095;

/// One directory on the way down.
struct Level {
    /// Length of its path.
    len: usize,
    /// Where reading it continues; `None` when it has been read to its end.
    resume: Option<i64>,
    /// Subdirectories still to be visited.
    below: Vec<Vec<u8>>,
}

/// Walks the tree and returns how many stale files were removed. What cannot be read is passed
/// over: the sweep is a courtesy and must not keep a server from starting.
pub(super) fn sweep(root: &Root) -> usize {
    let mut removed = 0;
    let mut path = b".".to_vec();
    let mut levels = vec![Level { len: path.len(), resume: Some(0), below: Vec::new() }];
    while let Some(level) = levels.last_mut() {
        path.truncate(level.len);
        if let Some(name) = level.below.pop() {
            if path.len() + 1 + name.len() <= PATH_MAX {
                path.push(b'/');
                path.extend_from_slice(&name);
                levels.push(Level { len: path.len(), resume: Some(0), below: Vec::new() });
            }
        } else if let Some(from) = level.resume.take() {
            match read_some(root, &path, from, &mut level.below) {
                Ok((resume, gone)) => {
                    level.resume = resume;
                    removed += gone;
                }
                Err(e) => tracing::debug!("cannot look for stale uploads in one directory: {e}"),
            }
        } else {
            levels.pop();
        }
    }
    removed
}

/// Reads on in one directory until enough subdirectories are found; returns where to resume.
fn read_some(
    root: &Root,
    path: &[u8],
    from: i64,
    below: &mut Vec<Vec<u8>>,
) -> Result<(Option<i64>, usize), Errno> {
    let mut removed = 0;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let mut dir = Dir::new(root.open_beneath(path, flags)?)?;
    if from != 0 {
        dir.seek(from)?;
    }
    while let Some(entry) = dir.read() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        if hidden::is_hidden(name) {
            removed += usize::from(remove_stale(dir.fd()?, name));
        }
        let is_dir = match entry.file_type() {
            FileType::Directory => true,
            FileType::Unknown => {
                meta::of_name(dir.fd()?, name).is_ok_and(|m| m.is_some_and(|m| m.kind == Kind::Dir))
            }
            _ => false,
        };
        if is_dir {
            below.push(name.to_vec());
            if below.len() == NAMES_MAX {
                return Ok((Some(entry.offset()), removed));
            }
        }
    }
    Ok((None, removed))
}

/// Removes a hidden file unless a living process holds it. The lock is held while the name goes,
/// so that a process that has just made the file and not yet locked it notices.
fn remove_stale(dir: impl AsFd, name: &[u8]) -> bool {
    let dir = dir.as_fd();
    let open = |access| openat(dir, name, access | SAFE, Mode::empty());
    let looks_right = |kind: Kind| kind == Kind::File;
    if !meta::of_name(dir, name).is_ok_and(|m| m.is_some_and(|m| looks_right(m.kind))) {
        return false;
    }
    // A file that was about to take the place of a write-only one can be opened only for writing.
    let opened: Result<OwnedFd, Errno> = match open(OFlags::RDONLY) {
        Err(Errno::ACCESS) => open(OFlags::WRONLY),
        done => done,
    };
    let Ok(file) = opened else { return false };
    meta::of_fd(&file).is_ok_and(|m| looks_right(m.kind))
        && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        && unlinkat(dir, name, AtFlags::empty()).is_ok()
}
