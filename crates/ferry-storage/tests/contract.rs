//! Every implementation in this crate, in every way it can be set up, keeps the contract.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ferry_proto::path::FtpPath;
use ferry_storage::contract::{Fixture, cases, check_all};
use ferry_storage::memory::Memory;
use ferry_storage::{Storage as _, Within};

fn run(make: impl Fn() -> Fixture) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let done = runtime.block_on(check_all(make));
    assert_eq!(done, cases().count());
}

#[test]
fn memory_keeps_the_contract() {
    run(|| {
        let memory = Memory::new();
        let links = memory.clone();
        Fixture::new(memory)
            .with_links(move |path, target| links.add_symlink(path.as_bytes(), target).unwrap())
    });
}

/// Where links lead is for the storage inside to say, and for that one the way up goes on.
const LINKS_OUT: [&str; 3] = [
    "a link that leads out is not found, however it leads out",
    "writing through a link that leads out is refused in every mode",
    "no link is made where a link on the way would turn it elsewhere",
];

async fn below(prefix: &FtpPath) -> Fixture {
    let memory = Memory::new();
    for dir in ["/a", "/a/b"] {
        memory.make_dir(&FtpPath::new(dir.as_bytes()).unwrap(), 0o755).await.unwrap();
    }
    let (links, at) = (memory.clone(), prefix.clone());
    Fixture::new(Within::new(memory, prefix.clone())).with_links(move |path, target| {
        let path = [at.as_bytes(), path.as_bytes()].concat();
        links.add_symlink(&path, target).unwrap();
    })
}

#[test]
fn a_directory_of_a_storage_keeps_the_contract_but_for_links_that_lead_out_of_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let prefix = FtpPath::new(b"/a/b").unwrap();
    let mut wrong = Vec::new();
    for case in cases() {
        let fixture = runtime.block_on(below(&prefix));
        let checked = runtime.spawn(async move { (case.run)(&fixture).await });
        let kept = runtime.block_on(checked).is_ok();
        if kept == LINKS_OUT.contains(&case.name) {
            wrong.push((case.name, kept));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_contract_has_no_two_checks_of_one_name_and_is_not_thin() {
    let mut names: Vec<_> = cases().map(|c| c.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases().count());
    assert!(names.len() >= 60, "{} checks", names.len());
}

#[cfg(target_os = "linux")]
mod local {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use ferry_storage::local::LocalDir;

    use super::*;

    fn fixture(set_up: impl Fn(LocalDir) -> LocalDir) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let storage = set_up(LocalDir::open(&root).unwrap());
        Fixture::new(storage)
            .with_links(move |path, target| {
                let at = root.join(OsStr::from_bytes(&path.as_bytes()[1..]));
                std::os::unix::fs::symlink(OsStr::from_bytes(target), at).unwrap();
            })
            .with_guard(dir)
    }

    #[test]
    fn a_local_directory_keeps_the_contract() {
        run(|| fixture(|dir| dir));
    }

    #[test]
    fn a_local_directory_keeps_the_contract_with_hidden_names() {
        run(|| fixture(|dir| dir.with_nameless_uploads(false)));
    }

    #[test]
    fn a_local_directory_keeps_the_contract_with_fsync() {
        run(|| fixture(|dir| dir.with_fsync(true)));
    }
}
