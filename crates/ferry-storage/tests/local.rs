//! What only a directory of a real machine can show: links that lead out, things that are no
//! files, hidden uploads and what a killed process leaves of them.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ferry_proto::path::FtpPath;
use ferry_storage::local::LocalDir;
use ferry_storage::{
    BATCH_MAX, BoxFut, FsError, Kind, SetMeta, Source, Storage as _, Upload, WriteMode,
};
use tempfile::TempDir;

const ATOMIC: WriteMode = WriteMode::Create(Upload::Atomic);
const STALE: &str = ".ferry-upload-0123456789abcdef";

struct Set {
    /// Holds `root`, which is served, and `outside`, which is not.
    base: TempDir,
    storage: LocalDir,
    runtime: tokio::runtime::Runtime,
}

impl Set {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("root")).unwrap();
        fs::create_dir(base.path().join("outside")).unwrap();
        fs::write(base.path().join("outside/canary"), "CANARY").unwrap();
        let storage = LocalDir::open(&base.path().join("root")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { base, storage, runtime }
    }

    fn hidden() -> Self {
        let set = Self::new();
        Self { storage: set.storage.with_nameless_uploads(false), ..set }
    }

    fn root(&self) -> PathBuf {
        self.base.path().join("root")
    }

    fn wait<T>(&self, job: BoxFut<'_, T>) -> T {
        self.runtime.block_on(job)
    }

    fn clean(&self) -> usize {
        self.runtime.block_on(self.storage.clean())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, FsError> {
        match self.wait(self.storage.read(&p(path), 0))? {
            Source::File { mut file, .. } => {
                let mut all = Vec::new();
                file.read_to_end(&mut all).unwrap();
                Ok(all)
            }
            other => panic!("{other:?}"),
        }
    }

    fn names(&self, path: &str) -> Vec<String> {
        let mut entries = self.wait(self.storage.list(&p(path))).unwrap();
        let batch = self.wait(entries.next_batch()).unwrap();
        let mut names: Vec<_> =
            batch.into_iter().map(|e| String::from_utf8(e.name).unwrap()).collect();
        names.sort();
        names
    }
}

fn p(path: &str) -> FtpPath {
    FtpPath::new(path.as_bytes()).unwrap()
}

fn error<T>(result: Result<T, FsError>) -> String {
    result.map_or_else(|e| format!("{e:?}"), |_| "allowed".into())
}

fn every_write_mode() -> Vec<WriteMode> {
    let uploads = [Upload::Atomic, Upload::Discard, Upload::Direct];
    let mut modes = uploads.map(WriteMode::Create).to_vec();
    modes.extend([WriteMode::At(0), WriteMode::Append]);
    modes
}

#[test]
fn links_that_lead_out_open_nothing_whatever_way_they_take() {
    let set = Set::new();
    let root = set.root();
    fs::create_dir(root.join("d")).unwrap();
    fs::write(root.join("inside"), "inside").unwrap();
    let outside = set.base.path().join("outside/canary");
    let cases: &[(&str, &Path)] = &[
        ("relative", Path::new("../outside/canary")),
        ("absolute", &outside),
        ("back-in", Path::new("../root/inside")),
        ("absolute-inside", &root.join("inside")),
        ("via-dir", Path::new("d/../../outside/canary")),
        ("chain", Path::new("relative")),
        ("proc", Path::new("/proc/self/cwd")),
    ];
    for (name, target) in cases {
        symlink(target, root.join(name)).unwrap();
    }
    symlink("../outside", root.join("dir")).unwrap();
    for path in cases.iter().map(|(name, _)| format!("/{name}")).chain(["/dir/canary".into()]) {
        assert_eq!(error(set.read(&path)), "NotFound", "{path}");
        assert_eq!(error(set.wait(set.storage.stat(&p(&path), true))), "NotFound", "{path}");
        for mode in every_write_mode() {
            let opened = set.wait(set.storage.write(&p(&path), mode, 0o644));
            assert_eq!(error(opened), "NotFound", "{path} {mode:?}");
        }
    }
    assert_eq!(error(set.wait(set.storage.remove_file(&p("/dir/canary")))), "NotFound");
    assert_eq!(error(set.wait(set.storage.make_dir(&p("/dir/new"), 0o755))), "NotFound");
    let (from, to) = (p("/inside"), p("/dir/stolen"));
    assert_eq!(error(set.wait(set.storage.rename(&from, &to, true))), "NotFound");
    assert_eq!(fs::read_to_string(&outside).unwrap(), "CANARY");
    assert_eq!(fs::read_dir(set.base.path().join("outside")).unwrap().count(), 1);
}

#[test]
fn a_root_behind_a_link_is_served_and_a_file_or_nothing_is_no_root() {
    let set = Set::new();
    fs::write(set.root().join("f"), "x").unwrap();
    symlink("root", set.base.path().join("link")).unwrap();
    let storage = LocalDir::open(&set.base.path().join("link")).unwrap();
    assert!(set.wait(storage.stat(&p("/f"), true)).is_ok());
    assert!(LocalDir::open(&set.root().join("f")).is_err());
    assert!(LocalDir::open(&set.root().join("missing")).is_err());
}

#[test]
fn fifos_and_sockets_are_no_files_and_nobody_waits_for_them() {
    let set = Set::new();
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    let fifo = set.root().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let _bound = std::os::unix::net::UnixListener::bind(set.root().join("socket")).unwrap();
    for path in ["/fifo", "/socket"] {
        assert_eq!(set.wait(set.storage.stat(&p(path), true)).unwrap().kind, Kind::Other);
        assert_eq!(error(set.read(path)), "NotFile");
        for mode in every_write_mode() {
            let opened = set.wait(set.storage.write(&p(path), mode, 0o644));
            assert_eq!(error(opened), "NotFile", "{path} {mode:?}");
        }
    }
    set.wait(set.storage.remove_file(&p("/fifo"))).unwrap();
}

#[test]
fn devices_are_neither_read_nor_written() {
    let set = Set::new();
    let dev = LocalDir::open(Path::new("/dev")).unwrap();
    for path in ["/null", "/zero"] {
        assert_eq!(set.wait(dev.stat(&p(path), true)).unwrap().kind, Kind::Other);
        assert_eq!(error(set.wait(dev.read(&p(path), 0))), "NotFile");
        for mode in every_write_mode() {
            assert_eq!(error(set.wait(dev.write(&p(path), mode, 0o644))), "NotFile");
        }
    }
}

#[test]
fn hidden_upload_names_do_not_exist_for_clients() {
    let set = Set::new();
    fs::write(set.root().join(STALE), "stale").unwrap();
    fs::write(set.root().join("f"), "x").unwrap();
    let hidden = p(&format!("/{STALE}"));
    let below = p(&format!("/{STALE}/x"));
    assert_eq!(set.names("/"), ["f"]);
    for path in [&hidden, &below] {
        assert_eq!(error(set.wait(set.storage.stat(path, false))), "NotFound");
        assert_eq!(error(set.wait(set.storage.read(path, 0))), "NotFound");
        assert_eq!(error(set.wait(set.storage.list(path))), "NotFound");
        assert_eq!(error(set.wait(set.storage.remove_file(path))), "NotFound");
        assert_eq!(error(set.wait(set.storage.remove_dir(path))), "NotFound");
        assert_eq!(error(set.wait(set.storage.rename(path, &p("/g"), true))), "NotFound");
        assert_eq!(error(set.wait(set.storage.set_meta(path, SetMeta::default()))), "NotFound");
    }
    for (path, want) in [(&hidden, "BadName"), (&below, "NotFound")] {
        assert_eq!(error(set.wait(set.storage.make_dir(path, 0o755))), want);
        assert_eq!(error(set.wait(set.storage.rename(&p("/f"), path, true))), want);
        for mode in every_write_mode() {
            assert_eq!(error(set.wait(set.storage.write(path, mode, 0o644))), want);
        }
    }
    symlink(STALE, set.root().join("l")).unwrap();
    assert_eq!(error(set.wait(set.storage.write(&p("/l"), ATOMIC, 0o644))), "BadName");
    assert_eq!(fs::read_to_string(set.root().join(STALE)).unwrap(), "stale");
}

#[test]
fn the_sweep_removes_what_is_stale_and_nothing_else() {
    let set = Set::new();
    let root = set.root();
    let deep: PathBuf =
        std::iter::once(root.clone()).chain((0..120).map(|_| "deep".into())).collect();
    fs::create_dir_all(&deep).unwrap();
    let mut stale = vec![root.join(STALE), deep.join(STALE)];
    for i in 0..200 {
        let dir = root.join(format!("wide{i}"));
        fs::create_dir(&dir).unwrap();
        stale.push(dir.join(STALE));
    }
    for path in &stale {
        fs::write(path, "half").unwrap();
    }
    let kept = [
        root.join(".ferry-upload-0123456789ABCDEF"),
        root.join(".ferry-upload-0123456789abcdef.txt"),
        root.join("deep").join(format!("{STALE}x")),
        set.base.path().join("outside").join(STALE),
    ];
    for path in &kept {
        fs::write(path, "mine").unwrap();
    }
    symlink("../outside", root.join("out")).unwrap();
    symlink("wide0", root.join(".ferry-upload-00000000000000aa")).unwrap();
    fs::create_dir(root.join(".ferry-upload-00000000000000bb")).unwrap();
    let held = root.join(".ferry-upload-00000000000000cc");
    let lock = fs::File::create(&held).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();

    assert_eq!(set.clean(), stale.len());
    assert!(stale.iter().all(|path| !path.exists()));
    assert!(kept.iter().all(|path| path.exists()));
    assert!(held.exists());
    assert!(root.join(".ferry-upload-00000000000000aa").symlink_metadata().is_ok());
    drop(lock);
    assert_eq!(set.clean(), 1);
}

#[test]
fn the_sweep_leaves_an_upload_in_progress_alone() {
    let set = Set::hidden();
    fs::write(set.root().join("f"), "old").unwrap();
    for path in ["/f", "/new"] {
        let mut sink = set.wait(set.storage.write(&p(path), ATOMIC, 0o644)).unwrap();
        set.wait(sink.write(b"one".to_vec())).1.unwrap();
        assert_eq!(set.clean(), 0);
        set.wait(sink.write(b" two".to_vec())).1.unwrap();
        set.wait(sink.commit()).unwrap();
        assert_eq!(set.read(path).unwrap(), b"one two");
    }
    assert_eq!(fs::read_dir(set.root()).unwrap().count(), 2);
}

#[test]
fn no_hidden_file_stays_behind_however_an_upload_ends() {
    for set in [Set::new(), Set::hidden()] {
        fs::write(set.root().join("f"), "old").unwrap();
        for upload in [Upload::Atomic, Upload::Discard] {
            for mode in [WriteMode::Create(upload), WriteMode::CreateNew(upload)] {
                for end in 0..4 {
                    let path = if mode == WriteMode::Create(upload) { "/f" } else { "/n" };
                    let mut sink = set.wait(set.storage.write(&p(path), mode, 0o644)).unwrap();
                    set.wait(sink.write(b"new".to_vec())).1.unwrap();
                    match end {
                        0 => set.wait(sink.commit()).unwrap(),
                        1 => drop(set.wait(sink.abandon()).unwrap()),
                        2 => drop(sink),
                        // A commit nobody waits for still comes to an end of its own.
                        _ => drop(sink.commit()),
                    }
                    let _ = fs::remove_file(set.root().join("n"));
                    assert_eq!(fs::read_dir(set.root()).unwrap().count(), 1);
                }
            }
        }
    }
}

#[test]
fn a_write_whose_future_was_dropped_still_comes_before_the_end() {
    let set = Set::new();
    set.runtime.block_on(async {
        let mut sink = set.storage.write(&p("/f"), ATOMIC, 0o644).await.unwrap();
        let big = vec![b'x'; 8 << 20];
        let mut write = sink.write(big);
        // Polled once, it has reached another thread; whether it is done there does not matter.
        std::future::poll_fn(|cx| std::task::Poll::Ready(write.as_mut().poll(cx).is_ready())).await;
        drop(write);
        sink.write(b"end".to_vec()).await.1.unwrap();
        sink.commit().await.unwrap();
    });
    let content = set.read("/f").unwrap();
    assert_eq!(content.len(), (8 << 20) + 3);
    assert!(content.ends_with(b"xend"));
}

#[test]
fn a_write_in_place_that_is_given_up_before_it_begins_cuts_nothing_off() {
    let set = Set::new();
    fs::write(set.root().join("old"), "content").unwrap();
    for mode in [WriteMode::Create(Upload::Direct), WriteMode::At(0), WriteMode::At(3)] {
        let sink = set.wait(set.storage.write(&p("/old"), mode, 0o644)).unwrap();
        assert!(set.wait(sink.abandon()).unwrap());
        assert_eq!(set.read("/old").unwrap(), b"content", "{mode:?}");
    }
}

#[test]
fn new_content_does_not_inherit_set_user_id() {
    let set = Set::new();
    let path = set.root().join("f");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6755)).unwrap();
    let owner = fs::metadata(&path).unwrap().uid();
    let sink = set.wait(set.storage.write(&p("/f"), ATOMIC, 0o600)).unwrap();
    set.wait(sink.commit()).unwrap();
    let meta = fs::metadata(&path).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.uid()), (0o755, owner));
}

#[test]
fn a_file_protected_against_writing_is_protected_against_replacing() {
    let set = Set::new();
    let path = set.root().join("f");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    // Nothing is protected against root.
    let want = if rustix::process::geteuid().is_root() { "allowed" } else { "Denied" };
    for mode in every_write_mode() {
        assert_eq!(error(set.wait(set.storage.write(&p("/f"), mode, 0o644))), want);
    }
}

#[test]
fn metadata_is_set_without_opening_and_without_the_right_to_read() {
    let set = Set::new();
    fs::write(set.root().join("f"), "x").unwrap();
    for mode in [0o000, 0o200, 0o1777, 0o644] {
        let change = SetMeta { mode: Some(mode), ..Default::default() };
        set.wait(set.storage.set_meta(&p("/f"), change)).unwrap();
        assert_eq!(fs::metadata(set.root().join("f")).unwrap().mode() & 0o7777, mode);
    }
}

#[test]
fn a_directory_of_a_hundred_thousand_entries_comes_in_bounded_batches() {
    const TOTAL: usize = 100_000;
    let set = Set::new();
    for i in 0..TOTAL {
        fs::File::create(set.root().join(format!("file-{i}"))).unwrap();
    }
    set.runtime.block_on(async {
        let mut entries = set.storage.list(&FtpPath::root()).await.unwrap();
        let mut seen = vec![false; TOTAL];
        loop {
            let batch = entries.next_batch().await.unwrap();
            assert!(batch.len() <= BATCH_MAX && batch.capacity() <= 2 * BATCH_MAX);
            if batch.is_empty() {
                break;
            }
            for entry in batch {
                let name = String::from_utf8(entry.name).unwrap();
                let i: usize = name.strip_prefix("file-").unwrap().parse().unwrap();
                assert!(!std::mem::replace(&mut seen[i], true), "{name} came twice");
            }
        }
        assert!(seen.iter().all(|&s| s));
    });
}

/// Names the directory in which [`a_killed_process_leaves_nothing_that_the_sweep_does_not_find`]
/// makes itself, run as a child, upload until it is killed.
const CHILD_DIR: &str = "FERRY_TEST_UPLOAD_DIR";

#[test]
fn a_killed_process_leaves_nothing_that_the_sweep_does_not_find() {
    let set = Set::hidden();
    if let Some(dir) = std::env::var_os(CHILD_DIR) {
        let storage = LocalDir::open(Path::new(&dir)).unwrap().with_nameless_uploads(false);
        let mut sink = set.wait(storage.write(&p("/f"), ATOMIC, 0o644)).unwrap();
        set.wait(sink.write(b"half".to_vec())).1.unwrap();
        println!("\nuploading");
        // Until killed: this end of the pipe is never written to.
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_process_leaves_nothing_that_the_sweep_does_not_find"])
        .arg("--nocapture")
        .env(CHILD_DIR, set.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "uploading"));
    assert_eq!(fs::read_dir(set.root()).unwrap().count(), 1, "the upload is aside");
    assert!(set.names("/").is_empty(), "and hidden");
    assert_eq!(set.clean(), 0, "it is in use");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(set.clean(), 1);
    assert_eq!(fs::read_dir(set.root()).unwrap().count(), 0);
}

#[test]
fn a_link_is_made_to_nothing_outside_and_to_no_hidden_upload() {
    let set = Set::hidden();
    symlink("../outside", set.root().join("out")).unwrap();
    fs::create_dir(set.root().join("d")).unwrap();
    let upload = set.wait(set.storage.write(&p("/d/f"), WriteMode::Create(Upload::Atomic), 0o644));
    let aside = fs::read_dir(set.root().join("d")).unwrap().next().unwrap().unwrap().file_name();
    let hidden = format!("/d/{}", aside.to_str().unwrap());
    let make = |path: &str, target: &str| set.wait(set.storage.make_link(&p(path), &p(target)));
    for target in ["/out", "/out/canary", &hidden] {
        assert!(matches!(make("/l", target), Err(FsError::NotFound)), "{target}");
    }
    assert!(matches!(make("/out/l", "/d"), Err(FsError::NotFound)));
    assert!(matches!(make("/.ferry-upload-0123456789abcdef", "/d"), Err(FsError::BadName)));
    make("/d/up", "/").unwrap();
    assert_eq!(fs::read_link(set.root().join("d/up")).unwrap().to_str(), Some(".."));
    drop(upload);
    assert_eq!(fs::read_dir(set.base.path().join("outside")).unwrap().count(), 1);
}
