//! Another process swaps a served directory with a link that leads out, as fast as it can, while
//! every operation runs: nothing outside is ever read, made, changed or removed.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::local::LocalDir;
use ferry_storage::{FsError, SetMeta, Source, Storage as _, Upload, WriteMode};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Rounds per task. Each round is some fifteen operations, during which the link and the
/// directory change places several times.
const ROUNDS: usize = 400;
const TASKS: usize = 4;

/// Everything there is to know about a tree, by path.
fn snapshot(dir: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        let content = if meta.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        let facts = format!(
            "{:o} {} {}.{} {} {}",
            meta.mode(),
            meta.ino(),
            meta.mtime(),
            meta.mtime_nsec(),
            meta.nlink(),
            content.escape_ascii()
        );
        into.insert(entry.path().to_str().unwrap().to_owned(), facts);
        if meta.is_dir() {
            snapshot(&entry.path(), into);
        }
    }
}

fn p(path: &str) -> FtpPath {
    FtpPath::new(path.as_bytes()).unwrap()
}

/// Reads and looks at what both sides have under the same name; what is read must be ours.
async fn look(storage: &LocalDir, reads: &AtomicU64) {
    for path in ["/d/canary", "/d/sub/canary", "/up/d/canary", "/up/d/sub/../canary"] {
        match storage.read(&p(path), 0).await {
            Ok(Source::File { mut file, .. }) => {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text, "inside");
                reads.fetch_add(1, Ordering::Relaxed);
            }
            Ok(other) => panic!("{other:?}"),
            Err(FsError::NotFound | FsError::Busy) => {}
            Err(e) => panic!("{path}: {e:?}"),
        }
    }
    for path in ["/d", "/d/sub", "/up/d"] {
        let Ok(mut entries) = storage.list(&p(path)).await else {
            continue;
        };
        while let Ok(batch) = entries.next_batch().await {
            if batch.is_empty() {
                break;
            }
            for e in batch {
                assert_ne!(e.name, b"secret", "a name from outside");
                let size = e.target.as_ref().map_or(0, |t| t.size);
                assert_ne!(size, 666, "metadata from outside");
            }
        }
    }
}

async fn write(storage: &LocalDir, path: &str, mode: WriteMode) {
    let Ok(mut sink) = storage.write(&p(path), mode, 0o666).await else {
        return;
    };
    let _ = sink.write(b"EVIL".to_vec()).await;
    let _ = sink.commit().await;
}

async fn change(storage: &LocalDir, task: usize, round: usize) {
    let mine = format!("/d/new-{task}-{}", round % 7);
    let upload = [Upload::Atomic, Upload::Discard, Upload::Direct][round % 3];
    write(storage, &mine, WriteMode::Create(upload)).await;
    write(storage, &format!("{mine}-x"), WriteMode::CreateNew(upload)).await;
    write(storage, "/d/out-file", WriteMode::Append).await;
    // Through a link whose directory is being swapped.
    write(storage, "/to-file", WriteMode::Create(upload)).await;
    // Where the last component itself is now a file, now a link that leads out.
    for mode in [WriteMode::Append, WriteMode::At(0), WriteMode::Create(Upload::Direct)] {
        write(storage, "/file", mode).await;
    }
    let _ = storage.make_dir(&p(&format!("/d/dir-{task}")), 0o777).await;
    let _ = storage.rename(&p(&mine), &p(&format!("/d/sub/moved-{task}")), true).await;
    let _ = storage.rename(&p("/d/secret"), &p("/stolen"), true).await;
    let _ = storage.remove_file(&p("/d/secret")).await;
    let _ = storage.remove_file(&p("/d/sub/secret")).await;
    let _ = storage.remove_dir(&p("/d/empty")).await;
    let _ = storage.remove_dir(&p(&format!("/d/dir-{task}"))).await;
    let _ = storage.remove_file(&p(&format!("{mine}-x"))).await;
    let time = Some(UnixTime::from_secs(1));
    let set = SetMeta { modified: time, accessed: time, mode: Some(0o777), ..SetMeta::default() };
    let _ = storage.set_meta(&p("/d/sub"), set).await;
    let _ = storage.set_meta(&p("/d/secret"), set).await;
    let _ = storage.make_link(&p(&format!("{mine}-link")), &p("/d/secret")).await;
    let _ = storage.free_space(&p("/d")).await;
    if round.is_multiple_of(50) {
        storage.clean().await;
    }
}

fn lay_out(base: &Path) {
    for dir in ["root", "root/d", "root/d/sub", "outside", "outside/sub", "outside/empty"] {
        fs::create_dir(base.join(dir)).unwrap();
    }
    for file in ["root/d/canary", "root/d/sub/canary", "root/d/out-file"] {
        fs::write(base.join(file), "inside").unwrap();
    }
    for file in ["outside/canary", "outside/sub/canary", "outside/secret", "outside/sub/secret"] {
        fs::write(base.join(file), "CANARY").unwrap();
    }
    fs::write(base.join("outside/out-file"), vec![b'C'; 666]).unwrap();
    fs::write(base.join("outside/.ferry-upload-0123456789abcdef"), "not ours").unwrap();
    symlink("../outside", base.join("root/swap")).unwrap();
    fs::write(base.join("root/file"), "inside").unwrap();
    symlink("../outside/out-file", base.join("root/swap-file")).unwrap();
    symlink("d/out-file", base.join("root/to-file")).unwrap();
    fs::create_dir(base.join("root/e")).unwrap();
    symlink("e/..", base.join("root/up")).unwrap();
}

fn run(nameless: bool) {
    let base = tempfile::tempdir().unwrap();
    lay_out(base.path());
    let mut before = BTreeMap::new();
    snapshot(&base.path().join("outside"), &mut before);

    let storage = LocalDir::open(&base.path().join("root")).unwrap();
    let storage = storage.with_nameless_uploads(nameless);
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = std::thread::spawn({
        let (stop, root) = (Arc::clone(&stop), base.path().join("root"));
        move || {
            let mut swaps = 0u64;
            // An even number of times, so that everything ends where it began.
            while !stop.load(Ordering::Relaxed) || swaps % 2 == 1 {
                for (a, b) in [("d", "swap"), ("file", "swap-file")] {
                    let (a, b) = (root.join(a), root.join(b));
                    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
                }
                swaps += 1;
            }
            swaps
        }
    });
    let reads = Arc::new(AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let finished = runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (storage, reads) = (storage.clone(), Arc::clone(&reads));
                tokio::spawn(async move {
                    for round in 0..ROUNDS {
                        change(&storage, task, round).await;
                        look(&storage, &reads).await;
                    }
                })
            })
            .collect();
        let mut finished = Vec::new();
        for task in tasks {
            finished.push(task.await);
        }
        finished
    });
    stop.store(true, Ordering::Relaxed);
    let swaps = swapper.join().unwrap();
    for task in finished {
        task.unwrap();
    }
    let mut after = BTreeMap::new();
    snapshot(&base.path().join("outside"), &mut after);
    assert_eq!(Vec::from_iter(before.keys()), Vec::from_iter(after.keys()));
    for (path, facts) in &before {
        assert_eq!(Some(facts), after.get(path), "{path}");
    }
    assert!(!base.path().join("root/stolen").exists());
    assert!(swaps > 0 && reads.load(Ordering::Relaxed) > 0, "the race took place");
    runtime.block_on(storage.clean());
    let hidden = |dir: &str| {
        fs::read_dir(base.path().join(dir))
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("upload"))
            .count()
    };
    assert_eq!(hidden("root") + hidden("root/d") + hidden("root/d/sub"), 0);
}

#[test]
fn swapping_a_directory_with_a_link_never_leads_outside() {
    run(true);
}

#[test]
fn swapping_a_directory_with_a_link_never_leads_outside_with_hidden_names() {
    run(false);
}
