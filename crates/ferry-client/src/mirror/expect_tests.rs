//! When storages are told that many small files will come.

use ferry_storage::memory::Memory;

use super::*;
use crate::testing::{Ill, p};

/// The same storage as both ends, and the two trees.
fn ends(files: &Memory) -> ([Arc<Ill>; 2], [Tree; 2]) {
    let ends = [Arc::new(Ill::new(files)), Arc::new(Ill::new(files))];
    let [from, to] = ends.clone();
    (ends, [Tree::new(from, p("/l")), Tree::new(to, p("/r"))])
}

/// How often the left end and the right were told that files will be read, and stored.
fn told(ends: &[Arc<Ill>; 2]) -> [[usize; 2]; 2] {
    ends.each_ref().map(|end| [end.count("expect loaded"), end.count("expect stored")])
}

fn files(count: usize) -> Memory {
    let files = Memory::new();
    for i in 0..count {
        files.put(format!("/l/{i}"), b"small").unwrap();
    }
    files.put("/r/there", b"other").unwrap();
    files
}

#[tokio::test]
async fn a_mirror_tells_both_ends_once() {
    for delete in [Delete::Never, Delete::Before] {
        let (ends, [from, to]) = ends(&files(50));
        let options = MirrorOptions { delete, ..MirrorOptions::default() };
        let done = mirror(&from, &to, &options, Arc::new(())).await;
        assert_eq!(done.copied, 50);
        assert_eq!(told(&ends), [[1, 0], [0, 1]], "{delete:?}");
    }
}

#[tokio::test]
async fn who_only_plans_tells_nobody() {
    let (ends, [from, to]) = ends(&files(50));
    let (_, would) = plan(&from, &to, &MirrorOptions::default(), Arc::new(())).await;
    assert_eq!(would.copied, 50);
    assert_eq!(told(&ends), [[0, 0]; 2]);
}

#[tokio::test]
async fn a_plan_of_many_files_tells_both_ends_and_one_of_few_does_not() {
    for (count, times) in [(50, 1), (3, 0)] {
        let (ends, [from, to]) = ends(&files(count));
        let options = MirrorOptions::default();
        let (plan, _) = plan(&from, &to, &options, Arc::new(())).await;
        let done = apply(plan, &from, &to, &options, Arc::new(())).await;
        assert_eq!(done.copied, count as u64);
        assert_eq!(told(&ends), [[times, 0], [0, times]], "{count}");
    }
}

#[tokio::test]
async fn a_sync_tells_of_the_way_that_many_files_go() {
    // The one that goes to the left is not many.
    let (ends, [left, right]) = ends(&files(50));
    let (options, state) = (SyncOptions::default(), SyncState::default());
    let (done, _) = sync(&left, &right, &options, &state, Arc::new(())).await;
    assert_eq!(done.copied, 51);
    assert_eq!(told(&ends), [[1, 0], [0, 1]]);
}
