//! Trees made alike between this machine and a server, and between two servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use ferry_client::copy::{CopyOptions, Placing, Resume, copy_file};
use ferry_client::mirror::{Delete, MirrorOptions, SyncOptions, SyncState, Tree, mirror, sync};
use ferry_client::remote::Remote;
use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::memory::Memory;
use ferry_storage::{SetMeta, Storage};

use support::{Host, settings};

fn p(text: &str) -> FtpPath {
    FtpPath::new(text.as_bytes()).unwrap()
}

async fn remote(files: &Memory) -> (Host, Arc<Remote>) {
    let host = Host::serve(Arc::new(files.clone()));
    let remote = Remote::connect(host.site(), settings()).await.unwrap();
    (host, Arc::new(remote))
}

/// Three hundred small files with odd names, a large one, an empty directory.
async fn sample(root: &str) -> Memory {
    let files = Memory::new();
    let mut paths = Vec::new();
    for i in 0..300 {
        let dir = ["", "/a b", "/a b/deep", "/\u{fc}/x"][i % 4];
        let name = ["plain", " front", "back ", "\u{1f980}", "-rf", "%41", "[a]*?"][i % 7];
        let path = format!("{root}{dir}/{name}{i}");
        files.put(&path, format!("content {i}").repeat(i % 50).as_bytes()).unwrap();
        paths.push(path);
    }
    paths.push(format!("{root}/large"));
    files.put(format!("{root}/large"), &vec![7; 9 << 20]).unwrap();
    files.make_dir(&p(&format!("{root}/empty")), 0o755).await.unwrap();
    for (at, path) in paths.iter().enumerate() {
        let modified = UnixTime::from_secs(1_700_000_000 + i64::try_from(at).unwrap());
        let set = SetMeta { modified: Some(modified), ..SetMeta::default() };
        files.set_meta(&p(path), set).await.unwrap();
    }
    files
}

/// Paths, times of files and contents below `root`.
async fn contents(files: &Memory, root: &str) -> Vec<(FtpPath, Option<i64>, Vec<u8>)> {
    let (mut todo, mut all) = (vec![(p(root), FtpPath::root())], Vec::new());
    while let Some((dir, rel)) = todo.pop() {
        let mut entries = files.list(&dir).await.unwrap();
        loop {
            let batch = entries.next_batch().await.unwrap();
            if batch.is_empty() {
                break;
            }
            for entry in batch {
                let path = dir.child(&entry.name).unwrap();
                let rel = rel.child(&entry.name).unwrap();
                let content = files.get(path.as_bytes());
                let time = content.as_ref().map(|_| entry.meta.modified.secs);
                if content.is_none() {
                    todo.push((path, rel.clone()));
                }
                all.push((rel, time, content.unwrap_or_default()));
            }
        }
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_goes_up_and_comes_down_again() {
    let (here, there, back) = (sample("/src").await, Memory::new(), Memory::new());
    there.put("/dst/old/file", b"x").unwrap();
    let (_host, server) = remote(&there).await;
    let local = Tree::new(Arc::new(here.clone()), p("/src"));
    let server: Arc<dyn Storage> = server;
    let on_server = Tree::new(Arc::clone(&server), p("/dst"));
    let up = MirrorOptions {
        delete: Delete::During,
        copy: CopyOptions { placing: Placing::Final, ..CopyOptions::default() },
        ..MirrorOptions::default()
    };
    let done = mirror(&local, &on_server, &up, Arc::new(())).await;
    assert!(done.is_success(), "{:?} {:?}", done.failures, done.stopped);
    assert_eq!((done.copied, done.dirs_made, done.deleted), (301, 5, 2));
    assert_eq!(contents(&here, "/src").await, contents(&there, "/dst").await);
    let again = mirror(&local, &on_server, &up, Arc::new(())).await;
    assert_eq!((again.same, again.copied, again.errors), (301, 0, 0));
    let down = MirrorOptions::default();
    let home = Tree::new(Arc::new(back.clone()), p("/back"));
    let done = mirror(&on_server, &home, &down, Arc::new(())).await;
    assert!(done.is_success(), "{:?} {:?}", done.failures, done.stopped);
    assert_eq!(contents(&here, "/src").await, contents(&back, "/back").await);
    let again = mirror(&on_server, &home, &down, Arc::new(())).await;
    assert_eq!((again.same, again.copied), (301, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_server_to_another_and_to_itself() {
    let (one, two) = (sample("/src").await, Memory::new());
    let ((_a, from), (_b, to)) = (remote(&one).await, remote(&two).await);
    let from: Arc<dyn Storage> = from;
    let source = Tree::new(Arc::clone(&from), p("/src"));
    let options = MirrorOptions::default();
    let done = mirror(&source, &Tree::new(to, p("/dst")), &options, Arc::new(())).await;
    assert!(done.is_success(), "{:?} {:?}", done.failures, done.stopped);
    assert_eq!(contents(&one, "/src").await, contents(&two, "/dst").await);
    let same = Tree::new(from, p("/copy"));
    let done = mirror(&source, &same, &options, Arc::new(())).await;
    assert!(done.is_success(), "{:?} {:?}", done.failures, done.stopped);
    assert_eq!(contents(&one, "/src").await, contents(&one, "/copy").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_this_machine_are_kept_in_step() {
    let (here, there) = (sample("/src").await, Memory::new());
    let (_host, server) = remote(&there).await;
    let left = Tree::new(Arc::new(here.clone()), p("/src"));
    let right = Tree::new(server, p("/dst"));
    let options = SyncOptions::default();
    let first = SyncState::default();
    let (done, state) = sync(&left, &right, &options, &first, Arc::new(())).await;
    assert!(done.is_success(), "{:?} {:?}", done.failures, done.stopped);
    there.remove_file(&p("/dst/large")).await.unwrap();
    there.put("/dst/new", b"from there").unwrap();
    here.put("/src/plain0", b"changed here").unwrap();
    let (done, state) = sync(&left, &right, &options, &state, Arc::new(())).await;
    assert_eq!((done.copied, done.deleted, done.errors), (2, 1, 0), "{:?}", done.failures);
    assert_eq!(here.get("/src/new").unwrap(), b"from there");
    assert_eq!(there.get("/dst/plain0").unwrap(), b"changed here");
    assert!(here.get("/src/large").is_none());
    let (done, _) = sync(&left, &right, &options, &state, Arc::new(())).await;
    assert_eq!((done.copied, done.deleted), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_a_server_in_part_is_continued() {
    let (here, there) = (sample("/src").await, Memory::new());
    let whole = here.get("/src/large").unwrap();
    let (_host, server) = remote(&there).await;
    there.put("/up", &whole[..5 << 20]).unwrap();
    let options = CopyOptions {
        placing: Placing::Final,
        resume: Resume::Existing,
        verify: true,
        ..CopyOptions::default()
    };
    let copied =
        copy_file(&here, &p("/src/large"), &*server, &p("/up"), &options, &()).await.unwrap();
    assert_eq!((copied.resumed, copied.moved, copied.verified), (5 << 20, 4 << 20, true));
    assert!(there.get("/up").unwrap() == whole);
    let atomic = CopyOptions { placing: Placing::Partial { above: 0 }, ..CopyOptions::default() };
    copy_file(&here, &p("/src/large"), &*server, &p("/up2"), &atomic, &()).await.unwrap();
    assert!(there.get("/up2").unwrap() == whole);
    assert_eq!(contents(&there, "/").await.len(), 2);
}
