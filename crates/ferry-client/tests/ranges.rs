//! Large files to a server in several segments at a time: whole in the end, whatever happens, and
//! never under their name before.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ferry_client::Settings;
use ferry_client::copy::{CopyOptions, Progress, Retry, Segments, Step, copy_file};
use ferry_client::remote::Remote;
use ferry_client::session::capabilities::Ranges;
use ferry_proto::path::FtpPath;
use ferry_storage::local::LocalDir;
use ferry_storage::memory::Memory;
use ferry_storage::{FsError, Storage};
use tokio::sync::Notify;

use support::{Host, settings};

const MIB: usize = 1 << 20;

/// Where no other test serves, so that a port given up is not taken before it is wanted again.
const ALONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);

fn p(text: &str) -> FtpPath {
    FtpPath::new(text.as_bytes()).unwrap()
}

fn source(len: usize) -> (tempfile::TempDir, LocalDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let mut octets = vec![0; len];
    let mut state = 7_u64;
    for word in octets.chunks_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        word.copy_from_slice(&state.to_be_bytes()[..word.len()]);
    }
    std::fs::write(dir.path().join("f"), &octets).unwrap();
    let files = LocalDir::open(dir.path()).unwrap();
    (dir, files, octets)
}

fn in_segments(count: u8) -> CopyOptions {
    let retry = Retry { retries: 0, ..Retry::default() };
    CopyOptions { segments: Segments::Count(count), retry, ..CopyOptions::default() }
}

fn local_names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_filled_by_several_sessions_and_the_proof_is_kept() {
    let (_dir, from, octets) = source(21 * MIB + 5);
    let there = tempfile::tempdir().unwrap();
    let host = Host::serve(Arc::new(LocalDir::open(there.path()).unwrap()));
    let memory = tempfile::tempdir().unwrap();
    let known = Settings { memory: Some(memory.path().into()), ..settings() };
    for (count, want) in [(4, 4), (2, 2), (1, 1)] {
        let remote = Remote::connect(host.site(), known.clone()).await.unwrap();
        assert_eq!(remote.caps().write_over, count != 4, "before the first it is not known");
        let options = in_segments(count);
        let copied = copy_file(&from, &p("/f"), &remote, &p("/f"), &options, &()).await.unwrap();
        assert_eq!((copied.segments, copied.size), (want, octets.len() as u64));
        assert_eq!(remote.capabilities().ranges, Ranges::Rang);
        assert!(remote.caps().write_over);
        assert!(std::fs::read(there.path().join("f")).unwrap() == octets);
        assert_eq!(local_names(there.path()), ["f"]);
        remote.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_is_too_few() {
    let (_dir, from, octets) = source(3 * MIB);
    let there = Memory::new();
    let host = Host::serve(Arc::new(there.clone()));
    let one = Settings { connections: 1, ..settings() };
    let remote = Remote::connect(host.site(), one).await.unwrap();
    let copied = copy_file(&from, &p("/f"), &remote, &p("/f"), &in_segments(4), &()).await.unwrap();
    assert_eq!(copied.segments, 1);
    assert_eq!(remote.capabilities().ranges, Ranges::Untried);
    assert!(there.get("/f").unwrap() == octets);
}

/// Says when something has been confirmed: then the record is another than at first.
struct Confirmed {
    dir: PathBuf,
    first: Mutex<Option<Vec<u8>>>,
    word: Notify,
}

impl Progress for Confirmed {
    fn on(&self, _: &Step<'_>) {
        let names = local_names(&self.dir).into_iter().map(|name| self.dir.join(name));
        let record = names.filter_map(|path| std::fs::read(path).ok()).find(|c| c.len() < 1024);
        let mut first = self.first.lock().unwrap();
        match (&*first, record) {
            (None, record) => *first = record,
            (Some(first), Some(record)) if *first != record => self.word.notify_one(),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_interrupted_is_continued_by_the_next_and_not_named_before() {
    let (_dir, from, octets) = source(64 * MIB);
    for server_goes in [true, false] {
        let there = tempfile::tempdir().unwrap();
        let storage: Arc<dyn Storage> = Arc::new(LocalDir::open(there.path()).unwrap());
        let host = Host::serve_at((ALONE, 0).into(), Arc::clone(&storage));
        let at: SocketAddr = host.at;
        let site = host.site();
        let remote = Remote::connect(site.clone(), settings()).await.unwrap();
        let dir = there.path().to_owned();
        let confirmed = Confirmed { dir, first: Mutex::default(), word: Notify::new() };
        let options = in_segments(4);
        let mut host = Some(host);
        let (from_path, to_path) = (p("/f"), p("/f"));
        let copying = copy_file(&from, &from_path, &remote, &to_path, &options, &confirmed);
        // Either the copy is dropped where it is, or the server goes away below it.
        if server_goes {
            let ending = async {
                confirmed.word.notified().await;
                host.take().unwrap().end().await;
            };
            let (copied, ()) = tokio::join!(copying, ending);
            copied.unwrap_err();
        } else {
            tokio::select! {
                copied = copying => panic!("over already: {copied:?}"),
                () = confirmed.word.notified() => {}
            }
        }
        drop(remote);
        assert!(matches!(storage.stat(&p("/f"), false).await, Err(FsError::NotFound)));
        assert_eq!(local_names(there.path()).len(), 2, "the file and its record");
        let _host = match host {
            Some(host) => host,
            None => Host::serve_at(at, storage),
        };
        let remote = Remote::connect(site, settings()).await.unwrap();
        let copied = copy_file(&from, &p("/f"), &remote, &p("/f"), &options, &()).await.unwrap();
        assert!(copied.resumed > 0, "{copied:?}");
        assert_eq!(copied.resumed + copied.moved, 64 * MIB as u64);
        assert!(std::fs::read(there.path().join("f")).unwrap() == octets);
        assert_eq!(local_names(there.path()), ["f"]);
    }
}
