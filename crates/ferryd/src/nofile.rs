//! The limit on open files: raised as far as it goes, and what it means for sessions.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors one busy session holds: control connection, data connection (or its listener
/// before), file.
const PER_SESSION: u64 = 3;

/// Descriptors the process needs for itself: listeners, roots, epoll, log, hash workers.
const RESERVED: u64 = 64;

/// Raises the soft limit to the hard one and returns what holds now; `None` for no limit.
pub(crate) fn raise() -> Option<u64> {
    let now = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: now.maximum, maximum: now.maximum };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => now.maximum,
        Err(_) => now.current,
    }
}

/// Descriptors that are kept for transfers where more sessions are wanted than could all transfer
/// at a time.
const FOR_TRANSFERS: u64 = 64;

/// How many sessions `files` open files are enough for, all of which may transfer; never none.
fn sessions_for(files: u64) -> u32 {
    let sessions = files.saturating_sub(RESERVED) / PER_SESSION;
    u32::try_from(sessions).unwrap_or(u32::MAX).max(1)
}

/// What the limit on open files makes of the number of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cap {
    /// Nothing.
    Enough,
    /// So many it is, but only so many of them can transfer at a time.
    Idle { transfers: u32 },
    /// There are only so many.
    Fewer(u32),
}

/// What becomes of `wanted` sessions. An operator who has `named` that number knows that an idle
/// session holds one descriptor.
pub(crate) fn cap(wanted: u32, named: bool, files: Option<u64>) -> Cap {
    let Some(files) = files else { return Cap::Enough };
    let all_busy = sessions_for(files);
    if wanted <= all_busy {
        return Cap::Enough;
    }
    let idle = files.saturating_sub(RESERVED + FOR_TRANSFERS);
    let most = u32::try_from(idle).unwrap_or(u32::MAX).max(all_busy);
    if !named || most == all_busy {
        return Cap::Fewer(all_busy);
    }
    if wanted > most {
        return Cap::Fewer(most);
    }
    let left = files.saturating_sub(RESERVED + u64::from(wanted)) / (PER_SESSION - 1);
    Cap::Idle { transfers: u32::try_from(left).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_capped_by_what_open_files_allow() {
        let cases = [
            (10_000, false, None, Cap::Enough),
            (10_000, false, Some(1_048_576), Cap::Enough),
            (10_000, false, Some(1024), Cap::Fewer(320)),
            (10_000, true, Some(1024), Cap::Fewer(896)),
            (800, true, Some(1024), Cap::Idle { transfers: 80 }),
            (800, false, Some(1024), Cap::Fewer(320)),
            (320, true, Some(1024), Cap::Enough),
            (19_800, true, Some(20_000), Cap::Idle { transfers: 68 }),
            (5, true, Some(1024), Cap::Enough),
            (5, true, Some(10), Cap::Fewer(1)),
            (1, false, Some(0), Cap::Enough),
        ];
        for (wanted, named, files, want) in cases {
            assert_eq!(cap(wanted, named, files), want, "{wanted} with {files:?}, {named}");
        }
    }
}
