//! Which files of a tree count: rules as in a gitignore file, sizes and ages.
//!
//! Rules speak of paths relative to the tree's root. A directory that is excluded is never listed;
//! so nothing below it can be included again, as with git. Nothing here touches a storage.

mod rules;

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::{Kind, Meta, Precision};

pub use rules::{RuleError, Rules};

/// Everything that decides whether a file or directory counts.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..Filter::default()")]
pub struct Filter {
    /// By name and place.
    pub rules: Rules,
    /// Files of fewer octets do not count.
    pub min_size: Option<u64>,
    /// Files of more octets do not count.
    pub max_size: Option<u64>,
    /// Files last changed at or before this time do not count.
    pub newer_than: Option<UnixTime>,
    /// Files last changed at or after this time do not count.
    pub older_than: Option<UnixTime>,
}

impl Filter {
    /// Whether what is at `path` (from the tree's root) counts. Sizes and ages are asked of files
    /// only, and only if they are known.
    #[must_use]
    pub fn admits(&self, path: &FtpPath, meta: &Meta) -> bool {
        if !self.rules.admits(path, meta.kind == Kind::Dir) {
            return false;
        }
        if meta.kind != Kind::File {
            return true;
        }
        let small = self.min_size.is_some_and(|min| meta.size < min);
        let large = self.max_size.is_some_and(|max| meta.size > max);
        let old = self.newer_than.is_some_and(|limit| meta.modified <= limit);
        let young = self.older_than.is_some_and(|limit| meta.modified >= limit);
        let timed = meta.precision < Precision::Unknown;
        !((meta.size_known && (small || large)) || (timed && (old || young)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_storage::Storage as _;
    use ferry_storage::memory::Memory;

    #[tokio::test]
    async fn sizes_and_ages_are_asked_of_files_only() {
        let files = Memory::new();
        files.set_now(UnixTime { secs: 100, nanos: 0 });
        files.put("/d/f", b"12345").unwrap();
        let (dir, file) = (FtpPath::new(b"/d").unwrap(), FtpPath::new(b"/d/f").unwrap());
        let meta = files.stat(&file, true).await.unwrap();
        let dir_meta = files.stat(&dir, true).await.unwrap();
        let at = |secs| Some(UnixTime { secs, nanos: 0 });
        let cases = [
            (Filter { min_size: Some(5), ..Filter::default() }, true),
            (Filter { min_size: Some(6), ..Filter::default() }, false),
            (Filter { max_size: Some(5), ..Filter::default() }, true),
            (Filter { max_size: Some(4), ..Filter::default() }, false),
            (Filter { newer_than: at(99), ..Filter::default() }, true),
            (Filter { newer_than: at(100), ..Filter::default() }, false),
            (Filter { older_than: at(101), ..Filter::default() }, true),
            (Filter { older_than: at(100), ..Filter::default() }, false),
        ];
        for (filter, want) in cases {
            assert_eq!(filter.admits(&file, &meta), want, "{filter:?}");
            assert!(filter.admits(&dir, &dir_meta));
            let unknown = Meta { size_known: false, precision: Precision::Unknown, ..meta.clone() };
            assert!(filter.admits(&file, &unknown));
        }
    }
}
