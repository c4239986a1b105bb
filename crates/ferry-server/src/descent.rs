//! Where a recursive listing stands (`LIST -R`): which directories are still to come, and how many
//! entries may.
//!
//! A directory is listed before those in it, each of which is followed by those below it, as `ls`
//! does. What is held are the names of the directories that are yet to be listed, on the way from
//! the first to the one at hand; all of them are among the [`ENTRIES_MAX`] entries read.

use std::vec::IntoIter;

use ferry_proto::path::FtpPath;
use ferry_storage::Entry;

/// Entries that one recursive listing reads at most.
const ENTRIES_MAX: usize = 10_000;

/// How far below the first directory it goes.
const DEPTH_MAX: usize = 32;

/// A directory that was listed, with those in it that were not.
#[derive(Debug)]
struct Level {
    dir: FtpPath,
    shown: Vec<u8>,
    below: IntoIter<Vec<u8>>,
}

/// A recursive listing under way.
#[derive(Debug)]
pub(crate) struct Descent {
    levels: Vec<Level>,
    /// The directory at hand as its heading names it.
    shown: Vec<u8>,
    left: usize,
    /// Something was left out.
    cut: bool,
}

impl Descent {
    /// Begins at the directory that is to be shown as `shown`.
    pub(crate) fn new(shown: Vec<u8>) -> Self {
        Self { levels: Vec::new(), shown, left: ENTRIES_MAX, cut: false }
    }

    /// Entries that may still be read.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// The directory at hand as its heading names it.
    pub(crate) fn shown(&self) -> &[u8] {
        &self.shown
    }

    /// Appends the heading of the directory at hand.
    pub(crate) fn write_heading(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.shown);
        out.extend_from_slice(b":\r\n");
    }

    /// Counts what was read of the directory at hand; what is too much is dropped.
    pub(crate) fn count(&mut self, entries: &mut Vec<Entry>) {
        self.cut |= entries.len() > self.left;
        entries.truncate(self.left);
        self.left -= entries.len();
    }

    /// Notes the directories in the one at hand, `dir`: they come next.
    pub(crate) fn enter(&mut self, dir: &FtpPath, below: Vec<Vec<u8>>) {
        if below.is_empty() {
            return;
        }
        if self.levels.len() >= DEPTH_MAX {
            self.cut = true;
            return;
        }
        let shown = self.shown.clone();
        self.levels.push(Level { dir: dir.clone(), shown, below: below.into_iter() });
    }

    /// The next directory, which is at hand from now on.
    pub(crate) fn next(&mut self) -> Option<FtpPath> {
        loop {
            let level = self.levels.last_mut()?;
            let Some(name) = level.below.next() else {
                self.levels.pop();
                continue;
            };
            if self.left == 0 {
                self.cut = true;
                self.levels.clear();
                return None;
            }
            let Ok(dir) = level.dir.child(&name) else {
                // Longer than a path may be.
                self.cut = true;
                continue;
            };
            self.shown.clone_from(&level.shown);
            if !self.shown.is_empty() && !self.shown.ends_with(b"/") {
                self.shown.push(b'/');
            }
            self.shown.extend_from_slice(&name);
            return Some(dir);
        }
    }

    /// Whether something was left out; tells it once.
    pub(crate) fn take_cut(&mut self) -> bool {
        std::mem::take(&mut self.cut)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ferry_accounts::{Access, Account};
    use ferry_proto::list::ListOptions;
    use ferry_storage::Storage as _;
    use ferry_storage::memory::Memory;

    use super::*;
    use crate::auth::Login;
    use crate::entropy::Entropy;
    use crate::guard::Guarded;
    use crate::listing::{Format, Listing, Teller};

    /// What `LIST -R` shows of all that `storage` holds.
    async fn listed(storage: Memory) -> String {
        let account = Account::new("alice", Access::ReadOnly);
        let login = Login {
            account: Arc::new(account),
            storage: Arc::new(storage),
            volumes: Arc::default(),
        };
        let guard = Arc::new(Guarded::new(login));
        let entries = guard.list(&FtpPath::root()).await.unwrap();
        let teller = Teller { guard, entropy: Arc::new(Entropy::new(1)) };
        let options = ListOptions::default();
        let format = Format::Unix { options, pattern: None, show_hidden: false };
        let root = FtpPath::root();
        let listing = Listing::new(entries, format, root, teller, Default::default());
        let mut listing = listing.with_descent(b".".to_vec());
        let mut text = Vec::new();
        while listing.next_chunk(&mut text).await.unwrap() {}
        String::from_utf8(text).unwrap()
    }

    fn entries_in(text: &str) -> usize {
        text.lines().filter(|line| line.starts_with(['-', 'd'])).count()
    }

    #[tokio::test]
    async fn a_recursive_listing_ends_after_so_many_entries_and_says_so() {
        let tree = |more: usize| {
            let storage = Memory::new();
            for i in 0..100 {
                for j in 0..if i == 0 { more } else { 99 } {
                    storage.put(format!("/d{i:02}/f{j:03}").as_bytes(), b"").unwrap();
                }
            }
            storage
        };
        let whole = listed(tree(99)).await;
        assert_eq!(entries_in(&whole), ENTRIES_MAX);
        assert!(!whole.contains("truncated"));
        let cut = listed(tree(100)).await;
        assert_eq!(entries_in(&cut), ENTRIES_MAX);
        assert!(cut.ends_with("\r\n\r\n(truncated)\r\n"));
    }

    #[tokio::test]
    async fn a_recursive_listing_goes_so_deep_and_says_where_there_is_more() {
        let deep = |levels: usize| {
            let storage = Memory::new();
            storage.put(format!("{}/f", "/d".repeat(levels)).as_bytes(), b"").unwrap();
            storage
        };
        let whole = listed(deep(DEPTH_MAX)).await;
        assert_eq!(entries_in(&whole), DEPTH_MAX + 1);
        assert!(!whole.contains("truncated"));
        let cut = listed(deep(DEPTH_MAX + 1)).await;
        assert_eq!(entries_in(&cut), DEPTH_MAX + 1);
        assert!(cut.ends_with("\r\n\r\n(truncated)\r\n"));
    }
}
