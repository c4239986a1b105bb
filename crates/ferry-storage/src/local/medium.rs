//! What can be asked of a file system without waiting for anything: what one in memory holds, and
//! what of a local disk the kernel has in its caches anyway. All else goes where it may wait.

use std::os::fd::AsFd;

use rustix::fs::{ResolveFlags, fstatfs};

/// What files are kept on, as far as it is known to be quick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// Memory: it waits for nothing that the memory of this process does not wait for, too.
    Memory,
    /// A disk of this machine: looking up and opening what is in the caches asks nothing of it.
    Disk,
    /// A file server, a process (FUSE), or something nobody has looked into: each call may wait.
    Unknown,
}

/// File systems in memory: tmpfs, ramfs.
const MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];

/// Those on disks that open a file whose inode is cached without asking the disk: ext2 to ext4,
/// XFS, Btrfs, F2FS. Numbers of `linux/magic.h`.
const DISK: [u32; 4] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010];

impl Medium {
    /// That of an open file or directory.
    pub(super) fn of(fd: impl AsFd) -> Self {
        let Ok(fs) = fstatfs(fd) else {
            return Self::Unknown;
        };
        // The field is of another width and sign on each architecture; the numbers have 32 bits.
        let kind = u32::try_from(i128::from(fs.f_type) & 0xffff_ffff).unwrap_or(0);
        match () {
            () if MEMORY.contains(&kind) => Self::Memory,
            () if DISK.contains(&kind) => Self::Disk,
            () => Self::Unknown,
        }
    }

    /// How paths are resolved where nothing may wait, beside what confines them: never into what is
    /// mounted below, which may be of another kind, and on a disk only by what is cached.
    pub(super) fn at_once(self) -> Option<ResolveFlags> {
        match self {
            Self::Memory => Some(ResolveFlags::NO_XDEV),
            Self::Disk => Some(ResolveFlags::NO_XDEV | ResolveFlags::CACHED),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_quick_is_asked_at_once() {
        let cached = ResolveFlags::CACHED;
        let asked = |medium: Medium| medium.at_once().map(|flags| flags.contains(cached));
        assert_eq!(asked(Medium::of(std::fs::File::open("/dev/shm").unwrap())), Some(false));
        assert_eq!(asked(Medium::Disk), Some(true));
        // Each file there is made by the kernel when it is asked for, which takes what it takes.
        assert_eq!(asked(Medium::of(std::fs::File::open("/proc/self").unwrap())), None);
    }
}
