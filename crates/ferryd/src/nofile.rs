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

/// How many sessions `files` open files are enough for; never none.
pub(crate) fn sessions_for(files: u64) -> u32 {
    let sessions = files.saturating_sub(RESERVED) / PER_SESSION;
    u32::try_from(sessions).unwrap_or(u32::MAX).max(1)
}

/// The number of sessions to allow when `wanted` are asked for, and whether that is fewer.
pub(crate) fn cap(wanted: u32, files: Option<u64>) -> (u32, bool) {
    let most = files.map_or(u32::MAX, sessions_for);
    (wanted.min(most), wanted > most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_capped_by_what_open_files_allow() {
        let cases = [
            (10_000, None, (10_000, false)),
            (10_000, Some(1_048_576), (10_000, false)),
            (10_000, Some(1024), (320, true)),
            (5, Some(1024), (5, false)),
            (5, Some(10), (1, true)),
            (1, Some(0), (1, false)),
        ];
        for (wanted, files, want) in cases {
            assert_eq!(cap(wanted, files), want, "{wanted} with {files:?}");
        }
    }
}
