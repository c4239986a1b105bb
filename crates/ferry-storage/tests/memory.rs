//! What the memory store has beyond the contract: its clock, its space, its helpers.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::memory::Memory;
use ferry_storage::{BoxFut, FsError, Storage as _, Upload, WriteMode};

const ATOMIC: WriteMode = WriteMode::Create(Upload::Atomic);

/// Takes the result of a future that must be ready at once.
fn now<T>(mut job: BoxFut<'_, T>) -> T {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match job.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("the memory store waited"),
    }
}

fn p(path: &str) -> FtpPath {
    FtpPath::new(path.as_bytes()).unwrap()
}

/// Uploads `content`; the error of the write, if it fails, after abandoning.
fn upload(memory: &Memory, path: &str, mode: WriteMode, content: &[u8]) -> Result<(), FsError> {
    let mut sink = now(memory.write(&p(path), mode, 0o644))?;
    match now(sink.write(content.to_vec())).1 {
        Ok(()) => now(sink.commit()),
        Err(e) => now(sink.abandon()).and(Err(e)),
    }
}

#[test]
fn changes_carry_the_time_that_was_set() {
    let memory = Memory::new();
    memory.set_now(UnixTime::from_secs(1000));
    memory.put("/f", b"x").unwrap();
    memory.set_now(UnixTime::from_secs(2000));
    upload(&memory, "/g", ATOMIC, b"x").unwrap();
    let time = |path: &str| now(memory.stat(&p(path), true)).unwrap().modified.secs;
    assert_eq!((time("/f"), time("/g"), time("/")), (1000, 2000, 2000));
    memory.set_now(UnixTime::from_secs(3000));
    upload(&memory, "/f", WriteMode::Append, b"y").unwrap();
    assert_eq!(time("/f"), 3000);
}

#[test]
fn an_upload_is_as_old_as_its_last_octet() {
    let memory = Memory::new();
    memory.set_now(UnixTime::from_secs(1));
    let mut sink = now(memory.write(&p("/f"), ATOMIC, 0o644)).unwrap();
    now(sink.write(b"x".to_vec())).1.unwrap();
    memory.set_now(UnixTime::from_secs(2));
    now(sink.commit()).unwrap();
    assert_eq!(now(memory.stat(&p("/f"), true)).unwrap().modified.secs, 1);
}

#[test]
fn space_runs_out_and_comes_back() {
    let memory = Memory::new();
    memory.set_free_space(Some(10));
    let free = || now(memory.free_space(&p("/"))).unwrap();
    upload(&memory, "/a", ATOMIC, b"123456").unwrap();
    assert_eq!(free(), Some(4));
    let discard = WriteMode::Create(Upload::Discard);
    assert!(matches!(upload(&memory, "/b", discard, b"12345"), Err(FsError::NoSpace)));
    assert_eq!((free(), memory.get("/b")), (Some(4), None));
    assert!(matches!(upload(&memory, "/b", ATOMIC, b"12345"), Err(FsError::NoSpace)));
    assert_eq!(memory.get("/b").as_deref(), Some(&b"1234"[..]), "what arrived is kept");
    assert_eq!(free(), Some(0));
    now(memory.remove_file(&p("/a"))).unwrap();
    assert_eq!(free(), Some(6));
    upload(&memory, "/b", WriteMode::At(1), b"").unwrap();
    assert_eq!(free(), Some(9));
    upload(&memory, "/b", ATOMIC, b"123456789").unwrap();
    assert_eq!(free(), Some(1), "the replaced file's octet came back");
    drop(now(memory.write(&p("/c"), ATOMIC, 0o644)).unwrap());
    assert_eq!(free(), Some(1));
}

#[test]
fn helpers_make_what_tests_need_and_refuse_what_cannot_be() {
    let memory = Memory::new();
    memory.put("/a/b/c", b"deep").unwrap();
    assert_eq!(memory.get("/a/b/c").as_deref(), Some(&b"deep"[..]));
    memory.add_symlink("/x/l", "../a/b").unwrap();
    assert_eq!(memory.get("/x/l/c").as_deref(), Some(&b"deep"[..]));
    assert_eq!(memory.get("/a"), None);
    assert!(matches!(memory.put("/a/b", b""), Err(FsError::NotFile)));
    assert!(matches!(memory.put("/a/b/c/d", b""), Err(FsError::NotFound)));
    assert!(matches!(memory.put("a\0", b""), Err(FsError::BadName)));
    assert!(matches!(memory.add_symlink("/a", "x"), Err(FsError::Exists)));
}
