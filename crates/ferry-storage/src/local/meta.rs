//! Metadata as the kernel gives it.

use std::os::fd::AsFd;

use ferry_proto::date::UnixTime;
use rustix::fs::{AtFlags, FileType, Statx, StatxFlags, StatxTimestamp, makedev, statx};

use crate::{FsError, Kind, Meta, Precision};

/// Metadata of an open file, directory or `O_PATH` descriptor.
pub(super) fn of_fd(fd: impl AsFd) -> Result<Meta, FsError> {
    Ok(convert(&statx(fd, "", AtFlags::EMPTY_PATH, mask())?))
}

/// Metadata of `name` in `dir`, of a link itself; `None` when nothing has that name.
pub(super) fn of_name(dir: impl AsFd, name: &[u8]) -> Result<Option<Meta>, FsError> {
    match statx(dir, name, AtFlags::SYMLINK_NOFOLLOW, mask()) {
        Ok(stat) => Ok(Some(convert(&stat))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// What is known of an entry that may be seen but not looked at.
pub(super) fn of_unknown(kind: FileType, ino: u64) -> Meta {
    Meta {
        kind: kind_of(kind),
        size: 0,
        size_known: false,
        modified: UnixTime::default(),
        precision: Precision::Unknown,
        created: None,
        mode: None,
        links: 1,
        owner: None,
        group: None,
        unique: (0, ino),
    }
}

fn mask() -> StatxFlags {
    StatxFlags::BASIC_STATS | StatxFlags::BTIME
}

fn convert(stat: &Statx) -> Meta {
    let known = StatxFlags::from_bits_retain(stat.stx_mask);
    Meta {
        kind: kind_of(FileType::from_raw_mode(stat.stx_mode.into())),
        size: stat.stx_size,
        size_known: true,
        modified: time(&stat.stx_mtime),
        precision: Precision::Fraction,
        created: known.contains(StatxFlags::BTIME).then(|| time(&stat.stx_btime)),
        mode: Some(u32::from(stat.stx_mode) & 0o7777),
        links: stat.stx_nlink.into(),
        owner: Some(stat.stx_uid),
        group: Some(stat.stx_gid),
        unique: (makedev(stat.stx_dev_major, stat.stx_dev_minor), stat.stx_ino),
    }
}

fn kind_of(kind: FileType) -> Kind {
    match kind {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    }
}

fn time(t: &StatxTimestamp) -> UnixTime {
    UnixTime { secs: t.tv_sec, nanos: t.tv_nsec }
}
