//! Times of directories, which wait until nothing more changes in them: everything that belongs
//! into a directory has been told, begun and ended. What the times are, and whether they have to be
//! set, is not known here.

use std::collections::HashMap;

use ferry_proto::path::FtpPath;

use super::plan::{Action, Side, What};
use super::walk::Item;

type Key = (Side, FtpPath);

/// Directories that are to get a time, and what is under way in directories.
#[derive(Debug, Default)]
pub(super) struct DirTimes {
    waiting: HashMap<Key, Waiting>,
    under_way: HashMap<Key, usize>,
}

#[derive(Debug)]
struct Waiting {
    item: Item,
    /// Whether all that is to be done in it has been told.
    told: bool,
}

impl DirTimes {
    /// A directory that is to get a time.
    pub(super) fn wait(&mut self, item: Item) {
        let key = (item.action.to, item.action.path.clone());
        self.waiting.insert(key, Waiting { item, told: false });
    }

    /// All that is to be done in a directory has been told.
    pub(super) fn told(&mut self, key: &Key) {
        if let Some(waiting) = self.waiting.get_mut(key) {
            waiting.told = true;
        }
    }

    /// Something begins, or waits for its turn.
    pub(super) fn begun(&mut self, action: &Action) {
        if let Some(key) = changed(action) {
            *self.under_way.entry(key).or_default() += 1;
        }
    }

    /// It has ended.
    pub(super) fn ended(&mut self, action: &Action) {
        let Some(key) = changed(action) else { return };
        if let Some(count) = self.under_way.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&key);
            }
        }
    }

    /// The directory's time, if its turn has come.
    pub(super) fn take(&mut self, key: &Key) -> Option<Item> {
        let ready = self.waiting.get(key).is_some_and(|waiting| waiting.told);
        if !ready || self.under_way.contains_key(key) {
            return None;
        }
        self.waiting.remove(key).map(|waiting| waiting.item)
    }

    /// All that are left, from the root down.
    pub(super) fn take_all(&mut self) -> Vec<Item> {
        let mut all: Vec<Item> = self.waiting.drain().map(|(_, waiting)| waiting.item).collect();
        all.sort_by(|a, b| a.action.path.cmp(&b.action.path));
        all
    }
}

/// The directory that an action changes the time of.
fn changed(action: &Action) -> Option<Key> {
    match action.what {
        What::Time { dir: true, .. } | What::Skip(_) => None,
        _ => Some((action.to, action.path.parent()?)),
    }
}

#[cfg(test)]
mod tests {
    use ferry_proto::date::UnixTime;

    use super::*;
    use crate::copy::Known;

    fn at(path: &str) -> FtpPath {
        FtpPath::root().resolve(path.as_bytes()).unwrap()
    }

    fn key(path: &str) -> Key {
        (Side::Right, at(path))
    }

    fn action(path: &str, what: What) -> Action {
        Action { to: Side::Right, path: at(path), what }
    }

    fn make(path: &str) -> Action {
        action(path, What::MakeDir { mode: None })
    }

    fn time(path: &str) -> Item {
        let what = What::Time { modified: UnixTime::default(), dir: true };
        Item::new(action(path, what), Known::default())
    }

    #[test]
    fn a_directorys_turn_comes_when_all_is_told_and_done() {
        let mut times = DirTimes::default();
        times.wait(time("/d"));
        times.begun(&make("/d/a"));
        times.begun(&make("/d/b"));
        assert!(times.take(&key("/d")).is_none(), "not all told");
        times.told(&key("/d"));
        times.ended(&make("/d/a"));
        assert!(times.take(&key("/d")).is_none(), "not all done");
        times.ended(&make("/d/b"));
        assert!(times.take(&key("/d")).is_some());
        assert!(times.take(&key("/d")).is_none(), "once");
    }

    #[test]
    fn what_happens_deeper_or_on_the_other_side_is_not_waited_for() {
        let mut times = DirTimes::default();
        times.wait(time("/d"));
        times.told(&key("/d"));
        times.begun(&make("/d/a/deeper"));
        times.begun(&Action { to: Side::Left, ..make("/d/a") });
        times.begun(&time("/d/a").action);
        assert!(times.take(&key("/d")).is_some());
    }

    #[test]
    fn those_that_are_left_come_from_the_root_down() {
        let mut times = DirTimes::default();
        for path in ["/b", "/a/c", "/", "/a"] {
            times.wait(time(path));
        }
        times.begun(&make("/x"));
        let all: Vec<FtpPath> = times.take_all().into_iter().map(|i| i.action.path).collect();
        assert_eq!(all, ["/", "/a", "/a/c", "/b"].map(at));
    }
}
