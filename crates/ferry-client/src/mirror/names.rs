//! Names that come out of a listing, and places that are written into: nothing leaves the target
//! directory, whatever a server says and whatever links the destination holds.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use ferry_proto::path::{FtpPath, has_control};
use ferry_storage::{FsError, Kind};

use super::options::{ControlNames, Reason, Tree};

/// The most directories remembered as real; beyond, they are looked at again.
const REAL_MAX: usize = 100_000;

/// The path of a listed name below `dir`, if it is one component that stays there.
pub(crate) fn below(dir: &FtpPath, name: &[u8]) -> Result<FtpPath, Reason> {
    // On some systems these would be separators or names of streams and drives.
    if cfg!(windows) && name.iter().any(|b| matches!(b, b'\\' | b':')) {
        return Err(Reason::BadName);
    }
    dir.child(name).map_err(|_| Reason::BadName)
}

/// What a listed name is called in a tree: itself, or with control octets written out, if they are
/// to be.
///
/// # Errors
/// [`Reason::BadName`] for `.`, `..`, a slash, NUL, what is too long, and control octets unless
/// they are wanted.
pub fn safe_name(name: &[u8], controls: ControlNames) -> Result<Vec<u8>, Reason> {
    below(&FtpPath::root(), name)?;
    if !has_control(name) {
        return Ok(name.to_vec());
    }
    match controls {
        ControlNames::Keep => Ok(name.to_vec()),
        ControlNames::Refuse => Err(Reason::BadName),
        ControlNames::Escape => {
            let mut out = Vec::with_capacity(name.len() + 8);
            for &b in name {
                match b {
                    b if b < 0x20 || b == 0x7f => {
                        out.extend_from_slice(format!("%{b:02X}").as_bytes());
                    }
                    b => out.push(b),
                }
            }
            below(&FtpPath::root(), &out)?;
            Ok(out)
        }
    }
}

/// The directories below a tree's root that are known to be real ones and not links.
#[derive(Debug, Default)]
pub struct RealDirs(Mutex<HashSet<FtpPath>>);

impl RealDirs {
    /// Remembers that `dir` (from the root) is a real directory.
    pub fn add(&self, dir: &FtpPath) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < REAL_MAX {
            known.insert(dir.clone());
        }
    }

    fn knows(&self, dir: &FtpPath) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(dir)
    }

    /// Makes sure that every directory between the root of `tree` and `path` (from there) is a
    /// real one, so that what is written at `path` does not go through a link. The root itself may
    /// be anything that leads to a directory: the caller named it.
    ///
    /// # Errors
    /// [`FsError::NotDir`] when one is a link or a file; what the storage says.
    pub async fn check(&self, tree: &Tree, path: &FtpPath) -> Result<(), FsError> {
        let mut above = Vec::new();
        let mut at = path.parent();
        while let Some(dir) = at.filter(|dir| !dir.is_root() && !self.knows(dir)) {
            at = dir.parent();
            above.push(dir);
        }
        while let Some(dir) = above.pop() {
            let meta = tree.storage.stat(&tree.at(&dir)?, false).await?;
            if meta.kind != Kind::Dir {
                return Err(FsError::NotDir);
            }
            self.add(&dir);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_storage::memory::Memory;
    use std::sync::Arc;

    #[test]
    fn names_that_would_leave_the_directory_are_refused() {
        for name in ["", ".", "..", "a/b", "/a", "../a", "a\0b"] {
            for controls in [ControlNames::Refuse, ControlNames::Escape, ControlNames::Keep] {
                assert_eq!(safe_name(name.as_bytes(), controls), Err(Reason::BadName), "{name:?}");
            }
        }
        assert!(safe_name(&[b'a'; 256], ControlNames::Refuse).is_err());
        for name in ["...", " ", "a b", "-rf", "~", "\u{e4}", "\\", "CON"] {
            assert_eq!(safe_name(name.as_bytes(), ControlNames::Refuse).unwrap(), name.as_bytes());
        }
    }

    #[test]
    fn control_octets_are_refused_or_written_out() {
        let name = b"a\x1b[2J\n";
        assert_eq!(safe_name(name, ControlNames::Refuse), Err(Reason::BadName));
        assert_eq!(safe_name(name, ControlNames::Escape).unwrap(), b"a%1B[2J%0A");
        assert_eq!(safe_name(name, ControlNames::Keep).unwrap(), name);
        assert!(safe_name(&[1; 255], ControlNames::Escape).is_err(), "too long once written out");
    }

    #[tokio::test]
    async fn a_link_on_the_way_is_no_directory_to_write_into() {
        let files = Memory::new();
        files.put("/root/real/deep/f", b"").unwrap();
        files.add_symlink("/root/link", "real").unwrap();
        files.add_symlink("/way", "root").unwrap();
        let tree =
            |root: &str| Tree::new(Arc::new(files.clone()), FtpPath::new(root.as_bytes()).unwrap());
        let path = |text: &str| FtpPath::new(text.as_bytes()).unwrap();
        for root in ["/root", "/way"] {
            let dirs = RealDirs::default();
            assert!(dirs.check(&tree(root), &path("/real/deep/new")).await.is_ok());
            let through = dirs.check(&tree(root), &path("/link/deep/new")).await;
            assert!(matches!(through, Err(FsError::NotDir)));
        }
    }
}
