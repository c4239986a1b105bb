//! Files and trees to and from a server of our own in MODE Z: what arrives is what was sent,
//! however it is split, resumed or named, and less went over the wire.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};

use ferry_client::copy::{CopyOptions, Segments, copy_file};
use ferry_client::remote::Remote;
use ferry_client::session::{Session, UploadHow};
use ferry_client::settings::{Compress, Watcher, WireEvent};
use ferry_client::{Error, Settings};
use ferry_proto::path::FtpPath;
use ferry_proto::repr::deflate::Level;
use ferry_storage::Storage as _;
use ferry_storage::local::LocalDir;

use support::{Host, settings};

const MIB: usize = 1 << 20;

/// Remembers the commands.
#[derive(Debug, Default)]
struct Said(Mutex<Vec<String>>);

impl Watcher for Said {
    fn on(&self, _: u64, event: &WireEvent<'_>) {
        if let WireEvent::Command(line) = event {
            self.0.lock().unwrap().push(String::from_utf8_lossy(line).into_owned());
        }
    }
}

impl Said {
    fn count(&self, start: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }
}

fn p(text: &str) -> FtpPath {
    FtpPath::new(text.as_bytes()).unwrap()
}

/// Lines that deflate well, and are all different.
fn text(len: usize) -> Vec<u8> {
    let lines =
        (0..).flat_map(|n: u64| format!("line {} of a log, nothing odd\n", n * n).into_bytes());
    lines.take(len).collect()
}

struct There {
    dir: tempfile::TempDir,
    host: Host,
    said: Arc<Said>,
    settings: Settings,
}

fn there(compress: Compress) -> There {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::serve(Arc::new(LocalDir::open(dir.path()).unwrap()));
    let said = Arc::new(Said::default());
    let watcher: Arc<dyn Watcher> = Arc::<Said>::clone(&said);
    let settings = Settings { compress, watcher: Some(watcher), ..settings() };
    There { dir, host, said, settings }
}

async fn fetched(session: &Session, path: &[u8], from: u64) -> Result<Vec<u8>, Error> {
    let mut download = session.download(path, from).await?;
    let (mut all, mut buf) = (Vec::new(), vec![0; 100_000]);
    loop {
        match download.read(&mut buf).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&buf[..n]),
        }
        assert_eq!(download.received(), all.len() as u64);
    }
}

async fn stored(session: &Session, path: &[u8], how: UploadHow, octets: &[u8]) {
    let mut upload = session.upload(path, how).await.unwrap();
    for piece in octets.chunks(70_000) {
        upload.write(piece).await.unwrap();
    }
    assert_eq!(upload.sent(), octets.len() as u64);
    upload.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_moves_every_kind_of_file() {
    for compress in [Compress::On, Compress::At(Level::new(0).unwrap())] {
        let there = there(compress);
        let session = Session::connect(&there.host.site(), &there.settings).await.unwrap();
        let octets = text(MIB);
        stored(&session, b"/log", UploadHow::Create, &octets[..500_000]).await;
        stored(&session, b"/log", UploadHow::At(400_000), &octets[400_000..900_000]).await;
        stored(&session, b"/log", UploadHow::Append, &octets[900_000..]).await;
        stored(&session, b"/log", UploadHow::Over(10), &octets[10..20]).await;
        assert!(std::fs::read(there.dir.path().join("log")).unwrap() == octets);
        stored(&session, b"/none", UploadHow::Create, b"").await;
        assert_eq!(std::fs::read(there.dir.path().join("none")).unwrap(), b"");
        assert!(fetched(&session, b"/log", 0).await.unwrap() == octets);
        assert!(fetched(&session, b"/log", 700_001).await.unwrap() == octets[700_001..]);
        assert_eq!(fetched(&session, b"/none", 0).await.unwrap(), b"");
        // All but nothing goes over the wire, and that is no reason to fail.
        let zeros = vec![0; 20 * MIB];
        stored(&session, b"/zeros", UploadHow::Create, &zeros).await;
        assert!(fetched(&session, b"/zeros", 0).await.unwrap() == zeros);
        let listing = session.list(b"/").await.unwrap();
        assert!(listing.report.complete() && listing.entries.len() == 3);
        assert_eq!(session.names(b"/").await.unwrap().len(), 3);
        assert_eq!(there.said.count("MODE Z"), 2);
        // RANG is for MODE S.
        assert_eq!(there.said.count("MODE S"), 1);
        let levels = usize::from(compress != Compress::On);
        assert_eq!(there.said.count("OPTS MODE Z LEVEL 0"), levels);
        stored(&session, b"/a.gz", UploadHow::Create, b"packed").await;
        assert_eq!(there.said.count("MODE S"), 2);
        session.quit().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_two_files_of_a_session_may_be_asked_for_at_once() {
    for compress in [Compress::Off, Compress::On] {
        let there = there(compress);
        let octets = text(MIB);
        for name in ["a", "b"] {
            std::fs::write(there.dir.path().join(name), &octets).unwrap();
        }
        let session = Session::connect(&there.host.site(), &there.settings).await.unwrap();
        let (a, b) = tokio::join!(fetched(&session, b"/a", 0), fetched(&session, b"/b", 0));
        assert!(a.unwrap() == octets && b.unwrap() == octets, "{compress:?}");
        let modes = usize::from(compress == Compress::On);
        assert_eq!(there.said.count("MODE Z"), modes);
        session.quit().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_go_in_segments() {
    let there = there(Compress::On);
    let remote = Remote::connect(there.host.site(), there.settings.clone()).await.unwrap();
    let here = tempfile::tempdir().unwrap();
    let files = LocalDir::open(here.path()).unwrap();
    let octets = text(9 * MIB + 5);
    std::fs::write(here.path().join("f"), &octets).unwrap();
    let options = CopyOptions { segments: Segments::Count(3), ..CopyOptions::default() };
    let copied = copy_file(&files, &p("/f"), &remote, &p("/f"), &options, &()).await.unwrap();
    assert_eq!((copied.segments, copied.moved), (3, octets.len() as u64));
    assert!(std::fs::read(there.dir.path().join("f")).unwrap() == octets);
    let copied = copy_file(&remote, &p("/f"), &files, &p("/back"), &options, &()).await.unwrap();
    assert_eq!((copied.segments, copied.moved), (3, octets.len() as u64));
    assert!(std::fs::read(here.path().join("back")).unwrap() == octets);
    assert!(there.said.count("MODE Z") > 0);
    remote.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_small_to_gain_by_it_shares_a_data_connection() {
    let there = there(Compress::On);
    let remote = Remote::connect(there.host.site(), there.settings.clone()).await.unwrap();
    let here = tempfile::tempdir().unwrap();
    let files = LocalDir::open(here.path()).unwrap();
    let octets = text(100_000);
    std::fs::write(here.path().join("small"), &octets[..100]).unwrap();
    std::fs::write(here.path().join("larger"), &octets).unwrap();
    let options = CopyOptions::default();
    copy_file(&files, &p("/small"), &remote, &p("/small"), &options, &()).await.unwrap();
    assert_eq!((there.said.count("MODE B"), there.said.count("MODE Z")), (1, 0));
    copy_file(&files, &p("/larger"), &remote, &p("/larger"), &options, &()).await.unwrap();
    assert_eq!((there.said.count("MODE B"), there.said.count("MODE Z")), (1, 1));
    assert!(std::fs::read(there.dir.path().join("small")).unwrap() == octets[..100]);
    assert!(std::fs::read(there.dir.path().join("larger")).unwrap() == octets);
    remote.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_share_no_data_connection_that_is_not_compressed() {
    let there = there(Compress::On);
    std::fs::write(there.dir.path().join("a"), "a").unwrap();
    let remote = Remote::connect(there.host.site(), there.settings.clone()).await.unwrap();
    let mut entries = remote.list(&p("/")).await.unwrap();
    let batch = entries.next_batch().await.unwrap();
    assert_eq!(batch.len(), 1);
    drop(entries);
    assert_eq!((there.said.count("MODE B"), there.said.count("MODE Z")), (0, 1));
    remote.close().await;
}
