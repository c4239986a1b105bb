//! Trees made alike, with storages that fail and runs that are cut short.

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
async fn what_is_only_at_the_destination_goes_if_asked_and_whenever() {
    for delete in [Delete::Before, Delete::During, Delete::After, Delete::Never] {
        let (from, to) = (sample().await, Memory::new());
        to.put("/dst/old/er/x", b"x").unwrap();
        to.put("/dst/old/y", b"y").unwrap();
        to.put("/dst/deep/z", b"z").unwrap();
        to.add_symlink("/dst/l", "old").unwrap();
        // A directory where a file is to be, and the other way round.
        if delete != Delete::Never {
            to.put("/dst/a/in/the", b"way").unwrap();
            to.put("/dst/empty", b"").unwrap();
        }
        let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &with(delete), nobody()).await;
        assert!(done.is_success(), "{delete:?} {done:?}");
        if delete == Delete::Never {
            assert_eq!(done.deleted, 0);
            assert_eq!(to.get("/dst/old/er/x").as_deref(), Some(&b"x"[..]));
        } else {
            assert_eq!(done.deleted, 10, "{delete:?}");
            assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await, "{delete:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_deleted_on_the_word_of_an_incomplete_listing() {
    for delete in [Delete::Before, Delete::During, Delete::After] {
        let (from, to) = (sample().await, Memory::new());
        to.put("/dst/deep/z", b"z").unwrap();
        let source = Ill { unread: 1, ..Ill::new(&from) };
        let done = mirror(&ill(source, "/src"), &at(&to, "/dst"), &with(delete), nobody()).await;
        assert!(!done.complete);
        assert_eq!((done.deleted, done.errors), (0, 0));
        assert!(done.skipped > 0);
        assert!(to.get("/dst/deep/z").is_some());
    }
}

#[tokio::test]
async fn an_empty_source_does_not_empty_the_destination_unless_forced() {
    let (from, to) = (Memory::new(), Memory::new());
    from.make_dir(&p("/src"), 0o755).await.unwrap();
    to.put("/dst/precious", b"x").unwrap();
    for delete in [Delete::Before, Delete::During, Delete::After] {
        let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &with(delete), nobody()).await;
        assert_eq!(done.stopped, Some(Stop::EmptySource));
        assert!(to.get("/dst/precious").is_some());
    }
    let forced = MirrorOptions { force_empty: true, ..with(Delete::After) };
    assert!(mirror(&at(&from, "/src"), &at(&to, "/dst"), &forced, nobody()).await.is_success());
    assert!(to.get("/dst/precious").is_none());
}

#[tokio::test]
async fn the_limit_on_deletions_is_looked_at_before_the_first() {
    for (delete, deleted) in [(Delete::Before, 0), (Delete::After, 0), (Delete::During, 2)] {
        let (from, to) = (sample().await, Memory::new());
        for name in ["/dst/1", "/dst/2", "/dst/3"] {
            to.put(name, b"").unwrap();
        }
        let options = MirrorOptions { max_delete: Some(2), ..with(delete) };
        let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
        assert_eq!((done.deleted, done.stopped), (deleted, Some(Stop::MaxDelete)), "{delete:?}");
        assert!(to.get("/dst/3").is_some());
    }
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

#[tokio::test]
async fn names_of_a_server_never_leave_the_destination() {
    let (from, to) = (sample().await, Memory::new());
    let file = Entry {
        name: Vec::new(),
        meta: from.stat(&p("/src/a"), true).await.unwrap(),
        link: None,
        target: None,
    };
    let named = |name: &[u8]| (p("/src"), Entry { name: name.to_vec(), ..file.clone() });
    let names: [&[u8]; 7] = [b"..", b".", b"", b"../evil", b"/evil", b"evil\0", b"evil\x1b[2J"];
    let source = Ill {
        added: names.iter().map(|name| named(name)).chain([named(b"a")]).collect(),
        ..Ill::new(&from)
    };
    to.put("/dst/kept", b"x").unwrap();
    let options = with(Delete::After);
    let done = mirror(&ill(source, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!(done.errors, 0, "{done:?}");
    // Seven names, the one that came twice, and what is not deleted as the listing is doubtful.
    assert_eq!(done.skipped, 9);
    assert!(to.get("/dst/kept").is_some());
    let there = tree(&to, "/").await;
    assert!(there.iter().all(|(path, ..)| path.is_within(&p("/dst"))), "{there:?}");
}

#[tokio::test]
async fn nothing_is_written_through_a_link_of_the_destination() {
    let (from, to) = (sample().await, Memory::new());
    to.put("/outside/victim", b"safe").unwrap();
    to.make_dir(&p("/dst"), 0o755).await.unwrap();
    to.add_symlink("/dst/deep", "../outside").unwrap();
    to.add_symlink("/dst/a", "../outside/victim").unwrap();
    let run = |options: MirrorOptions| {
        let (from, to) = (at(&from, "/src"), at(&to, "/dst"));
        async move { mirror(&from, &to, &options, nobody()).await }
    };
    let done = run(MirrorOptions::default()).await;
    assert_eq!((done.skipped, done.errors), (2, 0));
    assert_eq!(to.get("/outside/victim").unwrap(), b"safe");
    assert_eq!(tree(&to, "/outside").await.len(), 1);
    // A plan made before the link came is no way around it.
    let clean = Memory::new();
    let (plan, _) =
        plan(&at(&from, "/src"), &at(&clean, "/dst"), &MirrorOptions::default(), nobody()).await;
    let (left, right) = (at(&from, "/src"), at(&to, "/dst"));
    apply(plan, &left, &right, &MirrorOptions::default(), nobody()).await;
    assert_eq!(to.get("/outside/victim").unwrap(), b"safe");
    assert_eq!(tree(&to, "/outside").await.len(), 1);
    // With deletion the links are replaced.
    assert!(run(with(Delete::After)).await.is_success());
    assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await);
    assert_eq!(to.get("/outside/victim").unwrap(), b"safe");
}

#[tokio::test]
async fn links_are_skipped_followed_or_made() {
    let from = sample().await;
    from.add_symlink("/src/to-a", "a").unwrap();
    from.add_symlink("/src/deep/up", "../deep").unwrap();
    from.add_symlink("/src/chain", "deep/up").unwrap();
    from.add_symlink("/src/nowhere", "x").unwrap();
    from.add_symlink("/src/out", "../../etc").unwrap();
    touch(&from, "/src", 2000, 0).await;
    let run = async |links| {
        let to = Memory::new();
        let options = MirrorOptions { links, ..MirrorOptions::default() };
        let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
        assert_eq!(done.errors, 0, "{done:?}");
        (to, done)
    };
    let (to, done) = run(Links::Skip).await;
    assert_eq!((done.skipped, to.get("/dst/to-a")), (5, None));
    let (to, done) = run(Links::Follow).await;
    assert_eq!(to.get("/dst/to-a").unwrap(), b"one");
    assert_eq!(to.get("/dst/chain/d").unwrap(), b"four");
    assert!(to.get("/dst/deep/up/d").is_none(), "a circle is not followed");
    assert!(done.skipped >= 3);
    let (to, done) = run(Links::Copy).await;
    assert_eq!((done.links_made, done.skipped), (3, 2));
    assert_eq!(to.get("/dst/chain/d").unwrap(), b"four");
    let again = MirrorOptions { links: Links::Copy, ..with(Delete::After) };
    let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &again, nobody()).await;
    assert_eq!((done.links_made, done.deleted), (0, 0));
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
async fn a_circle_of_links_ends_where_no_identities_show_it() {
    let (from, to) = (sample().await, Memory::new());
    from.add_symlink("/src/deep/up", "..").unwrap();
    let source = Ill { identities: false, ..Ill::new(&from) };
    let options = MirrorOptions { links: Links::Follow, ..MirrorOptions::default() };
    let done = mirror(&ill(source, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!((done.errors, done.skipped), (0, 1));
    assert_eq!(done.copied, 5 * 5);
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

#[tokio::test]
async fn a_plan_changes_nothing_and_does_the_same_when_applied() {
    let (from, to) = (sample().await, Memory::new());
    to.put("/dst/deep/er/c", b"thre!").unwrap();
    to.put("/dst/old/x", b"x").unwrap();
    let before = tree(&to, "/").await;
    let (left, right, options) = (at(&from, "/src"), at(&to, "/dst"), with(Delete::After));
    let (made, summary) = plan(&left, &right, &options, nobody()).await;
    assert!(summary.is_success());
    assert_eq!(tree(&to, "/").await, before);
    let read = Plan::parse(&made.to_text()).unwrap();
    assert_eq!(read, made);
    let done = apply(read, &left, &right, &options, nobody()).await;
    assert!(done.is_success(), "{done:?}");
    assert_eq!((done.copied, done.deleted, done.skipped), (5, 2, 0));
    assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await);
}

#[tokio::test]
async fn a_plan_that_deletes_too_much_deletes_nothing() {
    let (from, to) = (sample().await, Memory::new());
    for name in ["/dst/1", "/dst/2", "/dst/3"] {
        to.put(name, b"").unwrap();
    }
    let (left, right, options) = (at(&from, "/src"), at(&to, "/dst"), with(Delete::Before));
    let (made, summary) = plan(&left, &right, &options, nobody()).await;
    assert_eq!((summary.deleted, summary.copied, summary.dirs_made), (3, 5, 4));
    let options = MirrorOptions { max_delete: Some(2), ..options };
    let done = apply(made, &left, &right, &options, nobody()).await;
    assert_eq!((done.deleted, done.copied), (0, 5));
    assert_eq!(done.stopped, Some(Stop::MaxDelete));
}

#[tokio::test]
async fn an_old_plan_leaves_alone_what_has_changed_since() {
    let (from, to) = (sample().await, Memory::new());
    to.put("/dst/old", b"x").unwrap();
    to.put("/dst/back", b"x").unwrap();
    to.put("/dst/a", b"two").unwrap();
    let (left, right, options) = (at(&from, "/src"), at(&to, "/dst"), with(Delete::After));
    let (made, _) = plan(&left, &right, &options, nobody()).await;
    to.put("/dst/old", b"changed").unwrap();
    from.put("/src/back", b"is back").unwrap();
    to.put("/dst/a", b"edited").unwrap();
    from.put("/src/deep/d", b"edited too").unwrap();
    let done = apply(made, &left, &right, &options, nobody()).await;
    assert_eq!((done.errors, done.skipped, done.deleted), (0, 4, 0), "{done:?}");
    assert_eq!(to.get("/dst/old").unwrap(), b"changed");
    assert_eq!(to.get("/dst/a").unwrap(), b"edited");
    assert!(to.get("/dst/back").is_some() && to.get("/dst/deep/d").is_none());
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
async fn names_that_a_destination_takes_for_the_same_are_reported() {
    let (from, to) = (sample().await, Memory::new());
    from.put("/src/A", b"other").unwrap();
    let options = MirrorOptions { ignore_case: true, ..MirrorOptions::default() };
    let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!((done.copied, done.skipped, done.errors), (5, 1, 0));
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

/// A random tree below `root`; times lie in the hour after `hour`.
async fn grow(files: &Memory, root: &str, dice: &crate::testing::Dice, hour: i64) {
    let names = ["a", "b", "c c", "\u{e4}", "A"];
    let pick = || names[usize::try_from(dice.below(5)).unwrap()];
    let second = || hour + i64::try_from(dice.below(3600)).unwrap();
    let mut dirs = vec![root.to_owned()];
    files.put(format!("{root}/first"), b"x").unwrap();
    for _ in 0..dice.below(30) {
        let dir = &dirs[usize::try_from(dice.below(dirs.len() as u64)).unwrap()];
        let path = format!("{dir}/{}", pick());
        if dice.below(3) == 0 {
            if files.make_dir(&p(&path), 0o755).await.is_ok() {
                dirs.push(path);
            }
        } else {
            let content = vec![u8::try_from(dice.below(256)).unwrap(); 700];
            let len = usize::try_from(dice.below(700)).unwrap();
            if files.put(&path, &content[..len]).is_ok() {
                touch(files, &path, second(), 500_000_000).await;
            }
        }
    }
    for dir in dirs.iter().rev() {
        touch(files, dir, second(), 0).await;
    }
}

/// One run that is cut off amid failures, and one that is not.
async fn interrupted(seed: u64) {
    let dice = crate::testing::Dice::new(seed);
    let (from, to) = (Memory::new(), Memory::new());
    grow(&from, "/src", &dice, 1_000_000).await;
    if dice.below(3) > 0 {
        grow(&to, "/dst", &dice, 2_000_000).await;
    }
    let delete = match dice.below(3) {
        0 => Delete::Before,
        1 => Delete::During,
        _ => Delete::After,
    };
    let mut copy = CopyOptions::default();
    copy.placing = crate::copy::Placing::Partial { above: 300 };
    copy.retry.retries = u32::try_from(dice.below(2)).unwrap();
    let options =
        MirrorOptions { copy, jobs: usize::try_from(dice.below(5)).unwrap(), ..with(delete) };
    let sick = |of: &Memory| Ill {
        latency: std::time::Duration::from_millis(10),
        one_in: [0, 7, 40][usize::try_from(dice.below(3)).unwrap()],
        dice: crate::testing::Dice::new(dice.below(u64::MAX)),
        chunk: 100,
        ..Ill::new(of)
    };
    for _ in 0..=dice.below(3) {
        let (left, right) = (ill(sick(&from), "/src"), ill(sick(&to), "/dst"));
        let run = mirror(&left, &right, &options, nobody());
        let _ = tokio::time::timeout(std::time::Duration::from_millis(dice.below(600)), run).await;
        tokio::task::yield_now().await;
        if dice.below(2) == 0 {
            from.put("/src/first", &vec![b'y'; usize::try_from(dice.below(900)).unwrap()]).unwrap();
            touch(&from, "/src/first", 3_000_000, 0).await;
            touch(&from, "/src", 3_000_000, 0).await;
        }
    }
    let done = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert!(done.is_success(), "{done:?}");
    assert_eq!(tree(&from, "/src").await, tree(&to, "/dst").await);
    let again = mirror(&at(&from, "/src"), &at(&to, "/dst"), &options, nobody()).await;
    assert_eq!((again.copied, again.deleted, again.times_set, again.dirs_made), (0, 0, 0, 0));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(150))]

    #[test]
    fn cut_off_anywhere_and_run_again_a_mirror_comes_to_equal_trees(seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(interrupted(seed));
    }
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
