//! What a storage of this machine does at once, and what it leaves to threads that may wait.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use ferry_proto::path::FtpPath;
use ferry_storage::local::{LocalDir, is_in_memory};
use ferry_storage::{FsError, Kind, Source, Storage as _, Upload, WriteMode};

/// A file system in memory that every Linux has.
const MEMORY: &str = "/dev/shm";

fn path(name: &str) -> FtpPath {
    FtpPath::root().child(name.as_bytes()).unwrap()
}

/// Runs `test` while the one thread that may wait does, until the sender is dropped.
fn while_the_pool_waits(test: impl AsyncFnOnce(mpsc::Sender<()>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let (free, waits) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || waits.recv());
        test(free).await;
    });
}

/// What comes of a future that is polled once.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

#[test]
fn in_memory_files_are_looked_at_read_and_made_without_another_thread() {
    let at = tempfile::tempdir_in(MEMORY).unwrap();
    std::fs::write(at.path().join("old"), "octets").unwrap();
    while_the_pool_waits(async |_waits| {
        let dir = LocalDir::open(at.path()).unwrap();
        assert_eq!(at_once(dir.stat(&path("old"), true)).unwrap().unwrap().size, 6);
        let read = at_once(dir.read(&path("old"), 2)).unwrap().unwrap();
        assert!(matches!(read, Source::File { from: 2, len: 6, ref file } if is_in_memory(file)));
        for (name, upload) in [("a", Upload::Atomic), ("b", Upload::Discard), ("c", Upload::Direct)]
        {
            let sink = at_once(dir.write(&path(name), WriteMode::Create(upload), 0o640));
            let mut sink = sink.unwrap().unwrap();
            let (_, written) = at_once(sink.write(b"new ".to_vec())).unwrap();
            written.unwrap();
            at_once(sink.finish(b"octets".to_vec())).unwrap().unwrap();
            assert_eq!(std::fs::read(at.path().join(name)).unwrap(), b"new octets", "{name}");
        }
    });
}

#[test]
fn in_memory_what_may_take_long_is_left_to_other_threads() {
    let at = tempfile::tempdir_in(MEMORY).unwrap();
    std::fs::write(at.path().join("old"), "octets").unwrap();
    while_the_pool_waits(async |waits| {
        let dir = LocalDir::open(at.path()).unwrap();
        let (old, again) = (path("old"), WriteMode::Create(Upload::Atomic));
        assert!(at_once(dir.list(&FtpPath::root())).is_none());
        // Freeing the memory of a large file is not done at once, be it removed or replaced.
        assert!(at_once(dir.remove_file(&path("other"))).is_none());
        let sink = at_once(dir.write(&old, again, 0o640)).unwrap().unwrap();
        let mut finishing = pin!(sink.finish(b"new".to_vec()));
        assert!(at_once(&mut finishing).is_none());
        drop(waits);
        finishing.await.unwrap();
        assert_eq!(std::fs::read(at.path().join("old")).unwrap(), b"new");
    });
}

#[test]
fn what_is_refused_at_once_is_asked_for_again_and_refused_as_ever() {
    let at = tempfile::tempdir_in(MEMORY).unwrap();
    std::os::unix::fs::symlink("/etc", at.path().join("out")).unwrap();
    while_the_pool_waits(async |waits| {
        let dir = LocalDir::open(at.path()).unwrap();
        let (missing, out) = (path("missing"), path("out"));
        let mut asked = pin!(dir.stat(&missing, true));
        assert!(at_once(&mut asked).is_none());
        drop(waits);
        assert!(matches!(asked.await, Err(FsError::NotFound)));
        assert!(matches!(dir.stat(&out, true).await, Err(FsError::NotFound)));
        assert_eq!(dir.stat(&out, false).await.unwrap().kind, Kind::Symlink);
    });
}

#[test]
fn what_is_mounted_below_is_left_to_other_threads() {
    // Itself in memory, as is what is mounted there; but that one cannot know beforehand.
    let (above, below) = (Path::new(MEMORY).parent().unwrap(), path("shm"));
    assert!(is_in_memory(&std::fs::File::open(above).unwrap()));
    while_the_pool_waits(async |waits| {
        let dir = LocalDir::open(above).unwrap();
        assert!(at_once(dir.stat(&path("null"), true)).is_some());
        let mut asked = pin!(dir.stat(&below, true));
        assert!(at_once(&mut asked).is_none());
        drop(waits);
        assert_eq!(asked.await.unwrap().kind, Kind::Dir);
    });
}
