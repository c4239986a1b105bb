//! Long work stopped at every point at which it can be: what it leaves behind.

use ferry_accounts::{Access, Account};
use ferry_proto::hash::{Algorithm, hex};
use ferry_proto::path::FtpPath;
use ferry_storage::memory::Memory;
use ferry_storage::{Storage, Upload};

use super::*;
use crate::auth::Login;
use crate::entropy::Entropy;
use crate::guard::Guarded;
use crate::testing::pattern;

fn p(path: &str) -> FtpPath {
    FtpPath::new(path.as_bytes()).unwrap()
}

fn session(storage: impl Storage + 'static) -> Session {
    let account = Account::new("alice", Access::ReadWrite);
    let login =
        Login { account: Arc::new(account), storage: Arc::new(storage), volumes: Arc::default() };
    let limits = crate::options::Limits::default();
    Session {
        guard: Arc::new(Guarded::new(login)),
        entropy: Arc::new(Entropy::new(1)),
        now: Default::default(),
        names: None,
        uploads: Upload::Atomic,
        show_hidden: false,
        recursive_listings: false,
        coding: crate::options::Coding::default(),
        size_scan: 0,
        restart_scan: 0,
        stat_entries: 0,
        work_octets: limits.work_octets,
        work_entries: limits.work_entries,
        work_time: limits.work_time,
    }
}

/// Runs `work` and stops it when it has given way `after` times; the memory store never waits, so
/// that is always at the same point.
fn stopped(memory: &Memory, work: Work, after: usize) -> Done {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (moved, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let job = run(session(memory.clone()), work, moved, Arc::clone(&stop));
        let mut job = Box::pin(job);
        let mut polls = 0;
        std::future::poll_fn(|cx| {
            if polls == after {
                stop.notify_one();
            }
            polls += 1;
            job.as_mut().poll(cx)
        })
        .await
    })
}

/// Stops the work that `begin` prepares at the first point, the second and so on until it ends by
/// itself, and has `check` look each time; there must have been more points than one.
fn at_every_point(begin: impl Fn() -> (Memory, Work), check: impl Fn(&Memory, &Done)) {
    for after in 0.. {
        let (memory, work) = begin();
        let done = stopped(&memory, work, after);
        check(&memory, &done);
        if done.outcome != Outcome::Stopped {
            assert!(after > 1, "it was stopped {after} times only");
            return;
        }
    }
}

#[test]
fn comb_is_done_wholly_or_not_at_all_wherever_it_is_stopped() {
    let parts = [pattern(700_000), pattern(1_200_000), pattern(10)];
    let all = parts.concat();
    for target in [Some(&b"before"[..]), None] {
        let begin = || {
            let memory = Memory::new();
            for (i, part) in parts.iter().enumerate() {
                memory.put(format!("/s{i}"), part).unwrap();
            }
            if let Some(octets) = target {
                memory.put("/t", octets).unwrap();
            }
            let sources = ["/s0", "/s1", "/s2"].map(p).to_vec();
            (memory, Work::Combine { target: p("/t"), sources, umask: 0o022 })
        };
        at_every_point(begin, |memory, done| {
            let there = (0..3).filter(|i| memory.get(format!("/s{i}")).is_some()).count();
            if done.outcome == Outcome::Stopped {
                assert_eq!((memory.get("/t").as_deref(), there), (target, 3));
            } else {
                assert_eq!(done.outcome, Outcome::Done);
                let want = [target.unwrap_or_default(), &all].concat();
                assert_eq!((memory.get("/t"), there), (Some(want), 0));
            }
        });
    }
}

#[test]
fn a_copy_that_is_stopped_leaves_the_file_it_was_to_replace() {
    let content = pattern(2_000_000);
    let begin = || {
        let memory = Memory::new();
        memory.put("/a", &content).unwrap();
        memory.put("/b", b"old").unwrap();
        (memory, Work::Copy { from: p("/a"), to: p("/b"), umask: 0o022 })
    };
    at_every_point(begin, |memory, done| {
        let stopped = done.outcome == Outcome::Stopped;
        let want = if stopped { &b"old"[..] } else { &content };
        assert_eq!(memory.get("/b").as_deref(), Some(want));
        assert_eq!(done.changed, !stopped, "what is reported is what happened");
    });
}

#[test]
fn no_file_of_a_copied_tree_is_ever_there_in_part() {
    let content = pattern(1_500_000);
    let begin = || {
        let memory = Memory::new();
        for path in ["/d/a", "/d/b/c", "/d/b/d"] {
            memory.put(path, &content).unwrap();
        }
        (memory, Work::Copy { from: p("/d"), to: p("/e"), umask: 0o022 })
    };
    at_every_point(begin, |memory, done| {
        let copies: Vec<_> =
            ["/e/a", "/e/b/c", "/e/b/d"].into_iter().filter_map(|f| memory.get(f)).collect();
        assert!(copies.iter().all(|copy| *copy == content));
        assert_eq!(copies.len() == 3, done.outcome == Outcome::Done);
    });
}

#[test]
fn removing_a_tree_is_stopped_between_two_entries() {
    let begin = || {
        let memory = Memory::new();
        for i in 0..300 {
            memory.put(format!("/d/{}/f{i}", i % 7), b"x").unwrap();
        }
        memory.put("/other", b"x").unwrap();
        (memory, Work::RemoveTree(p("/d")))
    };
    at_every_point(begin, |memory, done| {
        let left = (0..300).filter(|i| memory.get(format!("/d/{}/f{i}", i % 7)).is_some()).count();
        assert_eq!(done.changed, left < 300);
        assert!(done.outcome == Outcome::Stopped || left == 0);
        assert!(memory.get("/other").is_some());
    });
}

#[tokio::test]
async fn a_file_of_this_machine_is_hashed_like_one_in_memory() {
    let content = pattern(1_300_000);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), &content).unwrap();
    let memory = Memory::new();
    memory.put("/f", &content).unwrap();
    let local = ferry_storage::local::LocalDir::open(dir.path()).unwrap();
    for (from, until) in [(0, None), (7, None), (600_000, Some(600_001)), (3, Some(1_299_999))] {
        for algorithm in Algorithm::ALL {
            let mut digests = Vec::new();
            for session in [session(memory.clone()), session(local.clone())] {
                let work = Work::Hash { paths: vec![p("/f")], algorithm, from, until };
                let done = run(session, work, Arc::default(), Arc::default()).await;
                let Outcome::Digests(mut got) = done.outcome else { panic!("{done:?}") };
                assert!(!done.changed);
                digests.extend(got.pop().map(|d| (hex(&d.octets), d.end)));
            }
            assert_eq!(digests[0], digests[1], "{algorithm:?}");
            assert_eq!(digests[0].1, until.unwrap_or(1_300_000));
        }
    }
}

#[tokio::test]
async fn on_a_local_directory_trees_are_copied_added_up_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "1234567").unwrap();
    let root = dir.path();
    std::fs::create_dir_all(root.join("d/b")).unwrap();
    std::fs::write(root.join("d/a"), "123").unwrap();
    std::fs::write(root.join("d/b/c"), "45").unwrap();
    std::os::unix::fs::symlink(outside.path(), root.join("d/out")).unwrap();
    std::os::unix::fs::symlink("b/c", root.join("d/in")).unwrap();
    let do_it = async |work| {
        let local = ferry_storage::local::LocalDir::open(root).unwrap();
        run(session(local), work, Arc::default(), Arc::default()).await.outcome
    };
    assert_eq!(do_it(Work::TreeSize(p("/d"))).await, Outcome::Number(5));
    let copy = Work::Copy { from: p("/d"), to: p("/e"), umask: 0o022 };
    assert_eq!(do_it(copy).await, Outcome::Done);
    assert_eq!(std::fs::read(root.join("e/in")).unwrap(), b"45");
    assert!(std::fs::read_link(root.join("e/in")).is_ok(), "a link is copied as a link");
    assert!(!root.join("e/out").exists(), "what leads out is not copied");
    assert_eq!(do_it(Work::RemoveTree(p("/d"))).await, Outcome::Done);
    assert!(!root.join("d").exists() && outside.path().join("secret").exists());
    let combine = Work::Combine { target: p("/e/a"), sources: vec![p("/e/b/c")], umask: 0o022 };
    assert_eq!(do_it(combine).await, Outcome::Done);
    assert_eq!(std::fs::read(root.join("e/a")).unwrap(), b"12345");
}
