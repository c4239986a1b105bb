//! A server whose files are another server's: what is done here is done there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferry_client::session::{Session, UploadHow};
use ferry_client::volume::Volume;
use ferry_client::{Error, ErrorKind, Secret, Security, Settings, Site};
use ferry_proto::path::FtpPath;
use ferry_storage::memory::Memory;
use ferry_storage::{FsError, Storage as _};

use support::{Host, settings};

/// The volume of the server at `site`.
fn volume(site: Site, path: &str) -> Volume {
    Volume::new(site, settings(), path.as_bytes().to_vec())
}

async fn put(session: &Session, path: &str, content: &[u8]) -> Result<(), Error> {
    let mut upload = session.upload(path.as_bytes(), UploadHow::Create).await?;
    upload.write(content).await?;
    upload.finish().await.map(drop)
}

async fn get(session: &Session, path: &str) -> Vec<u8> {
    let mut download = session.download(path.as_bytes(), 0).await.unwrap();
    let (mut all, mut buf) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match download.read(&mut buf).await.unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_at_the_first_server_is_done_at_the_second() {
    let memory = Memory::new();
    memory.make_dir(&FtpPath::new(b"/shared").unwrap(), 0o755).await.unwrap();
    let behind = Host::serve(Arc::new(memory));
    let front = Host::serve(Arc::new(volume(behind.site(), "shared")));
    let near = Session::connect(&front.site(), &settings()).await.unwrap();
    let far = Session::connect(&behind.site(), &settings()).await.unwrap();
    let large: Vec<u8> = (0u32..900_000).map(|i| (i ^ (i >> 8)).to_le_bytes()[0]).collect();

    put(&near, "/small", b"few octets").await.unwrap();
    put(&near, "/large", &large).await.unwrap();
    near.make_dir(b"/d").await.unwrap();
    near.rename(b"/small", b"/d/renamed").await.unwrap();
    assert_eq!(get(&far, "/shared/d/renamed").await, b"few octets");
    assert_eq!(get(&far, "/shared/large").await, large);
    assert_eq!(get(&near, "/large").await, large);

    put(&far, "/outside", b"not for the first one").await.unwrap();
    put(&far, "/shared/new", b"+").await.unwrap();
    let listed = near.list(b"/").await.unwrap();
    let mut names: Vec<_> = listed.entries.iter().map(|entry| entry.name.clone()).collect();
    names.sort();
    assert_eq!(names, [&b"d"[..], b"large", b"new"]);
    assert_eq!(near.size(b"/large").await.unwrap(), Some(large.len() as u64));
    assert_eq!(near.remove_dir(b"/d").await.unwrap_err().kind(), ErrorKind::NotEmpty);
    near.remove_file(b"/d/renamed").await.unwrap();
    near.remove_dir(b"/d").await.unwrap();
    assert_eq!(far.size(b"/shared/d").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_has_a_session_to_himself_and_others_wait_for_one_only_so_long() {
    let memory = Memory::new();
    memory.put(b"/large", &vec![0; 64 << 20]).unwrap();
    let behind = Host::serve(Arc::new(memory));
    let with = |connections| {
        let settings = Settings { connections, timeout: Duration::from_secs(2), ..settings() };
        Volume::new(behind.site(), settings, Vec::new())
    };
    let large = FtpPath::new(b"/large").unwrap();
    let roomy = with(2);
    let slow = roomy.read(&large, 0).await.unwrap();
    for _ in 0..3 {
        assert_eq!(roomy.stat(&large, true).await.unwrap().size, 64 << 20);
        assert!(roomy.list(&FtpPath::root()).await.is_ok());
    }
    drop(slow);

    let told = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&told);
    let narrow = with(1).telling(move |error| ear.lock().unwrap().push(error.kind()));
    let slow = narrow.read(&large, 0).await.unwrap();
    assert!(matches!(narrow.stat(&large, true).await, Err(FsError::Busy)));
    assert_eq!(*told.lock().unwrap(), [ErrorKind::TooMany]);
    drop(slow);
    assert!(narrow.stat(&large, true).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_a_passing_failure_and_comes_back() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let site = Site {
        port: Some(closed.port()),
        user: Some(b"pat".to_vec()),
        password: Some(Secret::new("secret")),
        security: Security::Plain,
        ..Site::new(closed.ip().to_string())
    };
    let told = Arc::new(Mutex::new(Vec::new()));
    let eager = || {
        let told = Arc::clone(&told);
        let tell = move |error: &Error| told.lock().unwrap().push(error.kind());
        volume(site.clone(), "").leaving_alone(Duration::ZERO).telling(tell)
    };
    let front = Host::serve(Arc::new(eager()));
    let near = Session::connect(&front.site(), &settings()).await.unwrap();
    let refused = put(&near, "/f", b"x").await.unwrap_err();
    let code = refused.reply().map(|reply| reply.code).unwrap();
    assert!((400..500).contains(&code), "{refused}");

    assert_eq!(told.lock().unwrap().first(), Some(&ErrorKind::Connect), "and why is told");
    let (again, patient) = (eager(), volume(site.clone(), "").leaving_alone(Duration::MAX));
    let root = FtpPath::root();
    for volume in [&again, &patient] {
        assert!(matches!(volume.stat(&root, true).await, Err(FsError::Busy)));
    }
    let _back = Host::serve_at(closed, Arc::new(Memory::new()));
    assert!(again.list(&root).await.is_ok());
    assert!(matches!(patient.stat(&root, true).await, Err(FsError::Busy)), "left alone");
    put(&near, "/f", b"x").await.unwrap();
}
