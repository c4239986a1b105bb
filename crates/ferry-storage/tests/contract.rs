//! Every implementation in this crate, in every way it can be set up, keeps the contract.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ferry_storage::contract::{Fixture, cases, check_all};
use ferry_storage::memory::Memory;

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
