//! Sizes that listings have told, so that a file that is then fetched needs no SIZE, and it is
//! known beforehand whether it is small.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use ferry_proto::path::FtpPath;

/// The most files whose sizes are kept; then all are forgotten.
const FILES_MAX: usize = 200_000;

#[derive(Debug, Default)]
pub(super) struct Sizes(Mutex<HashMap<FtpPath, u64>>);

impl Sizes {
    pub(super) fn tell(&self, path: FtpPath, size: u64) {
        let mut sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sizes.len() >= FILES_MAX {
            sizes.clear();
        }
        sizes.insert(path, size);
    }

    /// The size, once: a file that is fetched again may have changed.
    pub(super) fn take(&self, path: &FtpPath) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path)
    }
}

/// Directories whose listings are too long to be held in memory.
#[derive(Debug, Default)]
pub(super) struct LongDirs(Mutex<HashSet<FtpPath>>);

impl LongDirs {
    pub(super) fn tell(&self, path: FtpPath) {
        let mut dirs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if dirs.len() >= FILES_MAX {
            dirs.clear();
        }
        dirs.insert(path);
    }

    pub(super) fn has(&self, path: &FtpPath) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }
}
