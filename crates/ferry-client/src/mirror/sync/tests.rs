//! Syncs: who wins, what is deleted, what is remembered.

use ferry_storage::memory::Memory;
use ferry_storage::{Kind, Storage as _};

use super::*;
use crate::mirror::{Stop, apply};
use crate::testing::{Ill, p, touch, tree};

fn at(files: &Memory, root: &str) -> Tree {
    Tree::new(Arc::new(files.clone()), p(root))
}

async fn put(files: &Memory, path: &str, content: &str, secs: i64) {
    files.put(path, content.as_bytes()).unwrap();
    touch(files, path, secs, 0).await;
}

/// Two trees that were the same once.
async fn synced() -> (Memory, SyncState) {
    let files = Memory::new();
    for path in ["/l/a", "/l/b", "/l/d/c", "/l/d/e/f", "/l/g/h"] {
        put(&files, path, "1", 10).await;
    }
    files.make_dir(&p("/r"), 0o755).await.unwrap();
    let (done, state) = run(&files, Conflict::Skip, &SyncState::default()).await;
    assert!(done.is_success(), "{done:?}");
    assert_eq!((done.copied, done.deleted), (5, 0));
    (files, state)
}

async fn run(files: &Memory, conflict: Conflict, state: &SyncState) -> (Summary, SyncState) {
    let options = SyncOptions { conflict, ..SyncOptions::default() };
    sync(&at(files, "/l"), &at(files, "/r"), &options, state, Arc::new(())).await
}

async fn contents(files: &Memory, root: &str) -> Vec<(String, Kind, Vec<u8>)> {
    let all = tree(files, root).await;
    all.into_iter().map(|(path, kind, _, content)| (path.to_string(), kind, content)).collect()
}

async fn alike(files: &Memory) {
    assert_eq!(contents(files, "/l").await, contents(files, "/r").await);
}

#[tokio::test]
async fn changes_creations_and_deletions_of_either_side_reach_the_other() {
    let (files, state) = synced().await;
    put(&files, "/l/a", "left", 20).await;
    put(&files, "/r/b", "right", 20).await;
    put(&files, "/l/new/left", "1", 20).await;
    put(&files, "/r/new/right", "1", 20).await;
    files.remove_file(&p("/l/d/c")).await.unwrap();
    files.remove_file(&p("/r/g/h")).await.unwrap();
    files.remove_dir(&p("/r/g")).await.unwrap();
    let (done, state) = run(&files, Conflict::Skip, &state).await;
    assert!(done.is_success(), "{done:?}");
    assert_eq!((done.copied, done.deleted, done.skipped), (4, 3, 0));
    alike(&files).await;
    assert_eq!(files.get("/r/a").unwrap(), b"left");
    assert_eq!(files.get("/l/b").unwrap(), b"right");
    assert!(files.get("/r/d/c").is_none() && files.stat(&p("/l/g"), true).await.is_err());
    let (done, again) = run(&files, Conflict::Skip, &state).await;
    assert_eq!((done.copied, done.deleted, done.same), (0, 0, 5));
    assert_eq!(again, state);
}

#[tokio::test]
async fn without_a_state_nothing_is_deleted() {
    let (files, _) = synced().await;
    files.remove_file(&p("/l/a")).await.unwrap();
    files.remove_file(&p("/r/b")).await.unwrap();
    let (done, _) = run(&files, Conflict::Skip, &SyncState::default()).await;
    assert_eq!((done.copied, done.deleted), (2, 0));
    alike(&files).await;
    assert!(files.get("/l/a").is_some() && files.get("/l/b").is_some());
}

#[tokio::test]
async fn a_file_changed_here_and_deleted_there_is_kept() {
    let (files, state) = synced().await;
    put(&files, "/l/d/e/f", "changed", 20).await;
    files.remove_file(&p("/r/d/e/f")).await.unwrap();
    files.remove_dir(&p("/r/d/e")).await.unwrap();
    let (done, state) = run(&files, Conflict::Skip, &state).await;
    assert_eq!((done.errors, done.copied), (0, 1), "{done:?}");
    assert_eq!(files.get("/r/d/e/f").unwrap(), b"changed");
    alike(&files).await;
    let (done, _) = run(&files, Conflict::Skip, &state).await;
    assert_eq!((done.copied, done.deleted), (0, 0));
}

#[tokio::test]
async fn every_rule_for_conflicts_does_what_it_says() {
    // Rule, and what both sides have then; the left is newer, the right larger.
    let cases = [
        (Conflict::Skip, None),
        (Conflict::Newer, Some("left")),
        (Conflict::Larger, Some("right!")),
        (Conflict::Left, Some("left")),
        (Conflict::Right, Some("right!")),
        (Conflict::Both, Some("left")),
    ];
    for (conflict, want) in cases {
        let (files, state) = synced().await;
        put(&files, "/l/a", "left", 30).await;
        put(&files, "/r/a", "right!", 20).await;
        let (done, _) = run(&files, conflict, &state).await;
        assert_eq!(done.errors, 0, "{done:?}");
        match want {
            Some(want) => {
                assert_eq!(files.get("/l/a").unwrap(), want.as_bytes(), "{conflict:?}");
                alike(&files).await;
            }
            None => {
                assert_eq!(done.skipped, 1);
                assert_eq!(files.get("/l/a").unwrap(), b"left");
                assert_eq!(files.get("/r/a").unwrap(), b"right!");
            }
        }
        let both = files.get("/l/a.conflict-19700101-000020");
        assert_eq!(both.is_some(), conflict == Conflict::Both);
    }
}

#[tokio::test]
async fn where_a_file_cannot_be_moved_aside_it_is_not_overwritten() {
    let (files, state) = synced().await;
    put(&files, "/l/a", "left", 30).await;
    put(&files, "/r/a", "right!", 20).await;
    files.make_dir(&p("/r/a.conflict-19700101-000020"), 0o755).await.unwrap();
    let (done, _) = run(&files, Conflict::Both, &state).await;
    assert_eq!(done.errors, 2, "{done:?}");
    assert_eq!(files.get("/r/a").unwrap(), b"right!");
    assert_eq!(files.get("/l/a").unwrap(), b"left");
}

#[tokio::test]
async fn trees_that_overlap_are_refused() {
    let (files, state) = synced().await;
    let storage: Arc<dyn ferry_storage::Storage> = Arc::new(files);
    let tree = |root| Tree::new(Arc::clone(&storage), p(root));
    for (left, right) in [("/l", "/l"), ("/l", "/l/d"), ("/l/d", "/l"), ("/", "/r")] {
        let (left, right, nobody) = (tree(left), tree(right), Arc::new(()));
        let (options, told) = (SyncOptions::default(), Arc::<()>::clone(&nobody));
        let (done, next) = sync(&left, &right, &options, &state, told).await;
        assert_eq!((done.errors, done.copied, next == state), (1, 0, true));
        let done = crate::mirror::mirror(&left, &right, &options.mirror, nobody).await;
        assert_eq!((done.errors, done.copied), (1, 0));
    }
}

#[tokio::test]
async fn nothing_is_deleted_because_a_listing_was_incomplete_or_a_side_is_empty() {
    let (files, state) = synced().await;
    files.remove_file(&p("/r/a")).await.unwrap();
    let right = Tree::new(Arc::new(Ill { unread: 1, ..Ill::new(&files) }), p("/r"));
    let options = SyncOptions::default();
    let (done, next) = sync(&at(&files, "/l"), &right, &options, &state, Arc::new(())).await;
    assert_eq!((done.deleted, done.skipped), (0, 1));
    assert!(files.get("/l/a").is_some());
    // It is remembered, and deleted when the listing is whole.
    let (done, _) = run(&files, Conflict::Skip, &next).await;
    assert_eq!(done.deleted, 1);
    let empty = at(&files, "/nowhere");
    let (done, next) = sync(&at(&files, "/l"), &empty, &options, &state, Arc::new(())).await;
    assert_eq!((done.stopped, done.deleted), (Some(Stop::EmptySource), 0));
    assert_eq!(next, state);
}

#[tokio::test]
async fn a_side_that_keeps_no_times_is_not_copied_again_and_again() {
    let (files, _) = synced().await;
    let right = || {
        let mut ill = Ill::new(&files);
        ill.caps.set_times = false;
        Tree::new(Arc::new(ill), p("/new"))
    };
    files.set_now(ferry_proto::date::UnixTime { secs: 777, nanos: 0 });
    let options = SyncOptions::default();
    let (left, told): (_, Arc<dyn Observer>) = (at(&files, "/l"), Arc::new(()));
    let first = SyncState::default();
    let (done, state) = sync(&left, &right(), &options, &first, Arc::clone(&told)).await;
    assert_eq!(done.copied, 5);
    let (done, state) = sync(&left, &right(), &options, &state, Arc::clone(&told)).await;
    assert_eq!((done.copied, done.same, done.skipped), (0, 5, 0));
    put(&files, "/l/a", "2", 20).await;
    let (done, _) = sync(&left, &right(), &options, &state, told).await;
    assert_eq!((done.copied, done.same), (1, 4));
}

#[tokio::test]
async fn a_plan_is_decided_by_a_person_and_applied() {
    let (files, state) = synced().await;
    put(&files, "/l/a", "left", 30).await;
    put(&files, "/r/a", "right!", 20).await;
    put(&files, "/r/b", "right", 20).await;
    files.remove_file(&p("/l/d/c")).await.unwrap();
    let (left, right) = (at(&files, "/l"), at(&files, "/r"));
    let options = SyncOptions::default();
    let (plan, _) = plan_sync(&left, &right, &options, &state, Arc::new(())).await;
    let text = plan.to_text();
    let skip = "skip > why=conflict /a";
    assert!(text.contains(skip), "{text}");
    let text = text.replace(skip, "copy < why=asked from=6@20 to=4@30 /a");
    let plan = Plan::parse(&text).unwrap();
    let done = apply(plan, &left, &right, &options.mirror, Arc::new(())).await;
    assert!(done.is_success(), "{done:?}");
    assert_eq!((done.copied, done.deleted, done.skipped), (2, 1, 0));
    alike(&files).await;
    assert_eq!(files.get("/l/a").unwrap(), b"right!");
}

#[tokio::test]
async fn what_is_remembered_is_read_back_or_not_at_all() {
    let (_, state) = synced().await;
    let text = state.to_text();
    assert_eq!(SyncState::parse(&text).unwrap(), state);
    for cut in 0..text.len() - 1 {
        assert!(SyncState::parse(text.get(..cut).unwrap()).is_err(), "cut at {cut}");
    }
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("state");
    assert!(SyncState::load(&file).unwrap().is_empty());
    state.save(&file).unwrap();
    assert_eq!(SyncState::load(&file).unwrap(), state);
}

/// Both sides change at random, a sync is cut off amid failures; then one is not.
async fn interrupted(seed: u64) {
    let dice = crate::testing::Dice::new(seed);
    let files = Memory::new();
    files.make_dir(&p("/l"), 0o755).await.unwrap();
    files.make_dir(&p("/r"), 0o755).await.unwrap();
    let names = ["a", "b", "c", "d/a", "d/b", "d/e/a", "f/a"];
    let options = SyncOptions {
        conflict: [Conflict::Newer, Conflict::Left, Conflict::Both]
            [usize::try_from(dice.below(3)).unwrap()],
        mirror: MirrorOptions { force_empty: true, ..MirrorOptions::default() },
    };
    let (mut state, told) = (SyncState::default(), || Arc::new(()));
    // Contents that one side alone was given and nobody has overwritten or removed since.
    for round in 1..4 {
        let mut fresh = Vec::new();
        for name in names {
            let side = ["/l", "/r"][usize::try_from(dice.below(2)).unwrap()];
            let path = format!("{side}/{name}");
            let secs = round * 1000 + i64::try_from(dice.below(900)).unwrap();
            match dice.below(4) {
                0 if files.get(&path).is_some() => {
                    files.remove_file(&p(&path)).await.unwrap();
                }
                1 => {
                    put(&files, &path, &format!("{round} {name} {secs}"), secs).await;
                    fresh.push((name, files.get(&path).unwrap()));
                }
                _ => {}
            }
        }
        let sick = || Ill {
            latency: std::time::Duration::from_millis(10),
            one_in: [0, 9][usize::try_from(dice.below(2)).unwrap()],
            dice: crate::testing::Dice::new(dice.below(u64::MAX)),
            ..Ill::new(&files)
        };
        let left = Tree::new(Arc::new(sick()), p("/l"));
        let right = Tree::new(Arc::new(sick()), p("/r"));
        let run = sync(&left, &right, &options, &state, told());
        let cut = std::time::Duration::from_millis(dice.below(300));
        if let Ok((_, next)) = tokio::time::timeout(cut, run).await {
            state = next;
        }
        tokio::task::yield_now().await;
        let (left, right) = (at(&files, "/l"), at(&files, "/r"));
        let (done, next) = sync(&left, &right, &options, &state, told()).await;
        assert_eq!((done.errors, done.stopped), (0, None), "{done:?}");
        // What was deleted on one side may leave an empty directory on the other for one more run.
        let (done, next) = sync(&left, &right, &options, &next, told()).await;
        assert_eq!((done.errors, done.copied), (0, 0), "{done:?}");
        state = next;
        alike(&files).await;
        for (name, content) in fresh {
            let got = files.get(format!("/l/{name}"));
            assert_eq!(got.as_ref(), Some(&content), "{name} was changed on one side only");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    #[test]
    fn cut_off_anywhere_and_run_again_a_sync_loses_nothing(seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(interrupted(seed));
    }
}

/// A seed that once made a conflict of a copy whose time had not been set before the cut.
#[test]
fn a_copy_that_was_cut_off_before_its_time_was_set_is_no_conflict() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(interrupted(6_052_085_825_303_753_553));
}
