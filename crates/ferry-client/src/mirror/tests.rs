//! Trees made alike, with storages that fail and runs that are cut short.

mod cut_off;
mod deletes;
mod names_and_links;
mod plans;

use std::sync::{Arc, Mutex};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::memory::Memory;
use ferry_storage::{Entry, Kind, Precision, Storage as _};

use super::*;
use crate::copy::CopyOptions;
use crate::testing::{Ill, p, touch, tree};

fn at(storage: &Memory, root: &str) -> Tree {
    Tree::new(Arc::new(storage.clone()), p(root))
}

fn ill(storage: Ill, root: &str) -> Tree {
    Tree::new(Arc::new(storage), p(root))
}

fn nobody() -> Arc<dyn Observer> {
    Arc::new(())
}

/// Files, directories, empty ones among them, all with times.
async fn sample() -> Memory {
    let files = Memory::new();
    for (at, (path, content)) in [
        ("/src/a", &b"one"[..]),
        ("/src/b b", b""),
        ("/src/deep/er/c", b"three"),
        ("/src/deep/d", b"four"),
        ("/src/\u{e4}/e", b"five"),
    ]
    .into_iter()
    .enumerate()
    {
        files.put(path, content).unwrap();
        touch(&files, path, 1000 + i64::try_from(at).unwrap(), 250_000_000).await;
    }
    files.make_dir(&p("/src/empty"), 0o755).await.unwrap();
    for dir in ["/src/empty", "/src/deep/er", "/src/deep", "/src/\u{e4}", "/src"] {
        touch(&files, dir, 2000, 0).await;
    }
    files
}

fn with(delete: Delete) -> MirrorOptions {
    MirrorOptions { delete, ..MirrorOptions::default() }
}

#[tokio::test]
async fn a_mirror_makes_an_equal_tree_and_then_has_nothing_to_do() {
    let (from, to) = (sample().await, Memory::new());
    let run = || async {
        mirror(&at(&from, "/src"), &at(&to, "/new/dst"), &MirrorOptions::default(), nobody()).await
    };
    let first = run().await;
    assert!(first.is_success(), "{first:?}");
    assert_eq!((first.files, first.copied, first.dirs_made), (5, 5, 5));
    assert_eq!(tree(&from, "/src").await, tree(&to, "/new/dst").await);
    let second = run().await;
    assert!(second.is_success());
    assert_eq!((second.same, second.copied, second.dirs_made, second.times_set), (5, 0, 0, 0));
}

#[tokio::test]
async fn what_does_not_count_is_neither_copied_nor_deleted() {
    let (from, to) = (sample().await, Memory::new());
    from.put("/src/skip.o", b"x").unwrap();
    to.put("/dst/mine.o", b"x").unwrap();
    to.put("/dst/gone/also.o", b"x").unwrap();
    to.put("/dst/gone/not", b"x").unwrap();
    let mut options = with(Delete::After);
    options.filter.rules.exclude("*.o").unwrap();
    options.filter.rules.exclude("deep/").unwrap();
    let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert!(done.is_success(), "{done:?}");
    assert!(to.get("/dst/skip.o").is_none() && to.get("/dst/deep/d").is_none());
    assert!(to.get("/dst/mine.o").is_some() && to.get("/dst/gone/also.o").is_some());
    assert!(to.get("/dst/gone/not").is_none());
}

#[tokio::test(start_paused = true)]
async fn listings_and_copies_that_break_off_are_tried_again() {
    let (from, to) = (sample().await, Memory::new());
    for seed in 0..20 {
        let dice = crate::testing::Dice::new(seed);
        let source = Ill { one_in: 4, dice, ..Ill::new(&from) };
        let mut options = with(Delete::After);
        options.copy.retry.retries = 20;
        // The root is looked at once: whoever cannot is told so.
        let done = mirror(&ill(source, "/src"), &at(&to, "/dst"), &options, nobody()).await;
        let root = done.failures.iter().all(|(path, _)| path.is_root());
        assert!(root && (done.errors == 0 || done.dirs == 0), "{done:?}");
    }
    assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await);
}

#[tokio::test]
async fn coarse_times_and_storages_without_times_do_not_copy_again_and_again() {
    for (precision, set_times) in [
        (Precision::Second, true),
        (Precision::Minute, true),
        (Precision::Unknown, true),
        (Precision::Second, false),
    ] {
        let (from, to) = (sample().await, Memory::new());
        to.set_now(UnixTime { secs: 5000, nanos: 7 });
        let dst = || {
            let mut storage = Ill { precision, ..Ill::new(&to) };
            storage.caps.set_times = set_times;
            ill(storage, "/dst")
        };
        let options = MirrorOptions::default();
        let done = mirror(&at(&from, "/src"), &dst(), &options, nobody()).await;
        assert!(done.is_success(), "{done:?}");
        let again = mirror(&at(&from, "/src"), &dst(), &options, nobody()).await;
        assert_eq!((again.same, again.copied), (5, 0), "{precision:?} {set_times}");
        from.put("/src/a", b"changed").unwrap();
        touch(&from, "/src/a", 99_000, 0).await;
        let changed = mirror(&at(&from, "/src"), &dst(), &options, nobody()).await;
        assert_eq!(changed.copied, 1);
    }
}

#[tokio::test]
async fn contents_are_compared_if_asked_and_times_mended() {
    let from = sample().await;
    let to = Memory::new();
    let options = MirrorOptions { compare: Compare::Content, ..MirrorOptions::default() };
    let run = || async { mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await };
    run().await;
    to.put("/dst/a", b"eno").unwrap();
    touch(&to, "/dst/a", 1000, 250_000_000).await;
    touch(&to, "/dst/deep/d", 7, 0).await;
    touch(&to, "/dst", 2000, 0).await;
    let done = run().await;
    assert_eq!((done.copied, done.times_set, done.same), (1, 2, 3), "{done:?}");
    assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await);
}

#[tokio::test(start_paused = true)]
async fn many_small_files_are_in_flight_at_a_time() {
    let (from, to) = (Memory::new(), Memory::new());
    for i in 0..200 {
        from.put(format!("/src/d{}/f{i}", i % 7), b"x").unwrap();
    }
    let latency = std::time::Duration::from_millis(50);
    let source = Ill { latency, width: 64, ..Ill::new(&from) };
    let open = Arc::clone(&source.open);
    let start = tokio::time::Instant::now();
    let done =
        mirror(&ill(source, "/src"), &at(&to, "/dst"), &MirrorOptions::default(), nobody()).await;
    assert_eq!(done.copied, 200);
    let most = open.1.load(std::sync::atomic::Ordering::Relaxed);
    assert!((32..=64).contains(&most), "{most}");
    // One after the other this would take half a minute.
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
}

#[tokio::test]
async fn no_space_ends_the_run_and_single_failures_do_not() {
    let (from, to) = (sample().await, Memory::new());
    to.set_free_space(Some(3));
    let done =
        mirror(&at(&from, "/src"), &at(&to, "/dst"), &MirrorOptions::default(), nobody()).await;
    assert_eq!(done.stopped, Some(Stop::NoSpace));
    let (from, to) = (sample().await, Memory::new());
    let mut copy = CopyOptions::default();
    copy.retry.retries = 0;
    let options = MirrorOptions { copy, ..MirrorOptions::default() };
    let source = Ill { reads: Arc::new(4.into()), ..Ill::new(&from) };
    let done = mirror(&ill(source, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert!(done.errors >= 2 && done.copied >= 1, "{done:?}");
    assert_eq!(done.errors, done.failures.len() as u64);
    let few = MirrorOptions { max_errors: Some(0), ..options };
    let source = Ill { reads: Arc::new(0.into()), ..Ill::new(&from) };
    let done = mirror(&ill(source, "/src"), &at(&Memory::new(), "/d"), &few, nobody()).await;
    assert_eq!(done.stopped, Some(Stop::TooManyErrors));
}

#[tokio::test]
async fn after_so_many_octets_no_further_file_is_begun() {
    let (from, to) = (Memory::new(), Memory::new());
    for i in 0..10 {
        from.put(format!("/src/{i}"), &[0; 100]).unwrap();
    }
    let options = MirrorOptions { max_transfer: Some(250), ..MirrorOptions::default() };
    let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!((done.copied, done.moved), (3, 300));
    assert_eq!(done.stopped, Some(Stop::MaxTransfer));
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn on(&self, event: &Event<'_>) {
        let line = match event {
            Event::Found { path, files, .. } => format!("found {path} {files}"),
            Event::Planned(action) => format!("planned {}", action.path),
            Event::Done(action, _) => format!("done {}", action.path),
            Event::Deleted(path, _) => format!("deleted {path}"),
            Event::Summary(_) => "summary".to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn everything_is_told_and_the_summary_last() {
    let (from, to) = (sample().await, Memory::new());
    to.put("/dst/old", b"x").unwrap();
    let heard = Arc::new(Heard::default());
    let told: Arc<dyn Observer> = Arc::<Heard>::clone(&heard);
    mirror(&at(&from, "/src"), &at(&to, "/dst"), &with(Delete::After), told).await;
    let heard = heard.0.lock().unwrap();
    for line in ["found / 2", "planned /a", "done /deep/er/c", "done /empty", "deleted /old"] {
        assert!(heard.iter().any(|heard| heard == line), "{line} in {heard:?}");
    }
    assert_eq!(heard.last().unwrap(), "summary");
}

#[tokio::test]
async fn a_directory_is_not_listed_again_for_every_large_file_in_it() {
    let (from, to) = (Memory::new(), Memory::new());
    for i in 0..20 {
        from.put(format!("/src/{i}"), &[1; 2000]).unwrap();
    }
    // Left by an attempt at an older state of the source.
    to.put("/dst/.7.0123456789abcdef.ferry-part", b"x").unwrap();
    let mut options = MirrorOptions::default();
    options.copy.placing = crate::copy::Placing::Partial { above: 1000 };
    let target = Arc::new(Ill::new(&to));
    let right = Tree::new(Arc::<Ill>::clone(&target), p("/dst"));
    let done = mirror(&at(&from, "/src"), &right, &options, nobody()).await;
    assert_eq!((done.copied, target.count("list")), (20, 2), "{done:?}");
    assert_eq!(tree(&to, "/dst").await.len(), 20);
}

#[tokio::test]
async fn roots_that_are_not_there_or_no_directories_are_errors() {
    let files = sample().await;
    let run = async |from: &str, to: &str| {
        mirror(&at(&files, from), &at(&files, to), &with(Delete::After), nobody()).await
    };
    for (from, to) in [("/none", "/dst"), ("/src/a", "/dst"), ("/src", "/src/a")] {
        let done = run(from, to).await;
        assert_eq!((done.errors, done.copied, done.complete), (1, 0, false), "{from} {to}");
    }
    assert!(files.stat(&FtpPath::new(b"/dst").unwrap(), true).await.is_err());
    assert_eq!(files.stat(&p("/src"), true).await.unwrap().kind, Kind::Dir);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn between_local_directories_a_tree_is_made_alike_with_times_and_modes() {
    use ferry_storage::local::LocalDir;
    use std::os::unix::fs::PermissionsExt as _;
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(a.path().join("deep/er")).unwrap();
    std::fs::create_dir(a.path().join("empty")).unwrap();
    for (name, len) in [("x", 0), ("deep/y", 3 << 20), ("deep/er/z", 10)] {
        std::fs::write(a.path().join(name), vec![7; len]).unwrap();
    }
    std::fs::write(b.path().join("old"), "x").unwrap();
    let mode = std::fs::Permissions::from_mode(0o750);
    std::fs::set_permissions(a.path().join("x"), mode).unwrap();
    let tree =
        |dir: &std::path::Path| Tree::new(Arc::new(LocalDir::open(dir).unwrap()), FtpPath::root());
    let copy = CopyOptions { mode: true, ..CopyOptions::default() };
    let options = MirrorOptions { copy, ..with(Delete::During) };
    let run = || async { mirror(&tree(a.path()), &tree(b.path()), &options, nobody()).await };
    let done = run().await;
    assert!(done.is_success(), "{done:?}");
    assert_eq!((done.copied, done.dirs_made, done.deleted), (3, 3, 1));
    for name in ["", "x", "deep", "deep/y", "deep/er", "deep/er/z", "empty"] {
        let of = |dir: &std::path::Path| std::fs::metadata(dir.join(name)).unwrap();
        let (a, b) = (of(a.path()), of(b.path()));
        assert_eq!(a.modified().unwrap(), b.modified().unwrap(), "{name}");
        assert!(name.is_empty() || a.permissions() == b.permissions(), "{name}");
    }
    let again = run().await;
    assert_eq!((again.same, again.copied, again.times_set), (3, 0, 0));
}
