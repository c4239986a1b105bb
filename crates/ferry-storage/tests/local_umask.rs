//! The process's umask has no say. In a file, and so a process, of its own, since it is global.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ferry_proto::path::FtpPath;
use ferry_storage::local::LocalDir;
use ferry_storage::{Storage as _, Upload, WriteMode};

#[test]
fn permission_bits_are_exact_under_a_strict_umask() {
    let dir = tempfile::tempdir().unwrap();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let uploads = [Upload::Atomic, Upload::Discard, Upload::Direct];
        let modes = uploads
            .into_iter()
            .flat_map(|up| [WriteMode::Create(up), WriteMode::CreateNew(up)])
            .chain([WriteMode::At(0), WriteMode::Append]);
        for (i, mode) in modes.enumerate() {
            for nameless in [true, false] {
                let storage = LocalDir::open(dir.path()).unwrap().with_nameless_uploads(nameless);
                let path = FtpPath::new(format!("f{i}{nameless}").as_bytes()).unwrap();
                let sink = storage.write(&path, mode, 0o666).await.unwrap();
                sink.commit().await.unwrap();
                let meta = storage.stat(&path, true).await.unwrap();
                assert_eq!(meta.mode, Some(0o666), "{mode:?}");
            }
        }
        let storage = LocalDir::open(dir.path()).unwrap();
        let path = FtpPath::new(b"d").unwrap();
        storage.make_dir(&path, 0o777).await.unwrap();
        assert_eq!(storage.stat(&path, true).await.unwrap().mode, Some(0o777));
    });
}
