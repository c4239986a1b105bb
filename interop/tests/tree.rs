//! A real tree of thousands of files, the sources of a crate we depend on, over TLS: out by lftp
//! and by rclone, back in by lftp, with every hash and every modification time the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use interop::clients::{Lftp, Rclone};
use interop::content::sha256;
use interop::link::{DataMode, Family, Link, Security, Version};
use interop::peers::{have, say};
use interop::process::run;
use interop::server::Server;

const CRATE: &str = "aws-lc-sys";
const FILES_MIN: usize = 1500;

const LINK: Link = Link {
    security: Security::Explicit(Version::V13),
    data: DataMode::Passive,
    family: Family::V4,
};

/// Ten times what it takes on two cores.
const LIMIT: Duration = Duration::from_secs(200);

/// Where cargo keeps the sources of [`CRATE`].
fn sources() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut about = Command::new(&cargo);
    about.arg("-vV");
    let about = run(about, b"", LIMIT).unwrap().success().unwrap().stdout;
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut metadata = Command::new(cargo);
    // What other platforms need has never been fetched.
    metadata.args(["metadata", "--format-version", "1", "--locked", "--offline"]);
    metadata.args(["--filter-platform", host]);
    metadata.current_dir(env!("CARGO_MANIFEST_DIR"));
    let said = run(metadata, b"", LIMIT).unwrap().success().unwrap().stdout;
    let manifest = said
        .split("\"manifest_path\":\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.contains(&format!("/{CRATE}-")))
        .unwrap();
    Path::new(manifest).parent().unwrap().to_owned()
}

/// Every regular file below `root`, by its relative path.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => dirs.push(entry.path()),
                kind if kind.is_file() => {
                    found.push(entry.path().strip_prefix(root).unwrap().to_owned());
                }
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Copies the tree and gives every file a time of its own: sources unpacked by cargo share one.
fn copy_with_times(from: &Path, to: &Path) {
    for (path, seconds) in files(from).iter().zip((1_000_000_000_u64..).step_by(86_413)) {
        let target = to.join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(path), &target).unwrap();
        let file = File::options().append(true).open(&target).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }
}

/// Path → digest and modification time in seconds.
fn manifest(root: &Path) -> BTreeMap<PathBuf, (String, u64)> {
    let paths = files(root);
    let full: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
    let digests = sha256(&full.iter().map(PathBuf::as_path).collect::<Vec<_>>()).unwrap();
    assert_eq!(digests.len(), paths.len());
    let seconds = |path: &PathBuf| {
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    };
    let facts = digests.into_iter().zip(full.iter().map(seconds));
    paths.into_iter().zip(facts).collect()
}

/// Fails with the first few differences instead of two whole trees.
fn assert_same(want: &BTreeMap<PathBuf, (String, u64)>, root: &Path, report: &str) {
    let got = manifest(root);
    let differ: Vec<_> = want
        .iter()
        .filter(|(path, facts)| got.get(*path) != Some(facts))
        .map(|(path, facts)| format!("{}: {facts:?} became {:?}", path.display(), got.get(path)))
        .collect();
    let extra = got.keys().filter(|path| !want.contains_key(*path)).count();
    let some = differ.get(..differ.len().min(10)).unwrap_or_default().join("\n");
    assert!(
        differ.is_empty() && extra == 0,
        "{} of {} files differ, {extra} are too many:\n{some}\n{report}",
        differ.len(),
        want.len()
    );
}

/// A server that holds the tree as `/tree`, and what is in it.
fn server_with_tree() -> (Server, BTreeMap<PathBuf, (String, u64)>) {
    let server = Server::start().unwrap();
    let tree = server.files().join("tree");
    copy_with_times(&sources(), &tree);
    let want = manifest(&tree);
    assert!(want.len() >= FILES_MIN, "{CRATE} has only {} files", want.len());
    (server, want)
}

#[test]
fn a_tree_goes_out_and_comes_back_by_lftp() {
    if !have("lftp") || !have("openssl") {
        return;
    }
    let (server, want) = server_with_tree();
    let copy = tempfile::tempdir().unwrap();
    let mirror = |command: String| {
        let quiet = "debug 0".to_owned();
        let done = server.target(LINK, |target| {
            run(Lftp::command(&target, &[quiet, command]), b"", LIMIT).unwrap()
        });
        format!("{}{}", done.unwrap(), server.log_tail())
    };
    let local = copy.path().join("tree");
    let report = mirror(format!("mirror --parallel=3 /tree {}", local.display()));
    assert_same(&want, &local, &report);
    let report = mirror(format!("mirror --reverse --parallel=3 {} /back", local.display()));
    assert_same(&want, &server.files().join("back"), &report);
    say(&format!("lftp: {} files out and back over TLS\n", want.len()));
}

#[test]
fn a_tree_goes_out_by_rclone() {
    if !have("rclone") || !have("openssl") {
        return;
    }
    let (server, want) = server_with_tree();
    let copy = tempfile::tempdir().unwrap();
    let done = server.target(LINK, |target| {
        let mut rclone = Rclone::command(&target).unwrap();
        rclone.args(["--transfers", "3", "--checkers", "3"]);
        rclone.args(["copy", ":ftp:/tree"]).arg(copy.path());
        run(rclone, b"", LIMIT).unwrap()
    });
    let report = format!("{}{}", done.unwrap(), server.log_tail());
    assert_same(&want, copy.path(), &report);
    say(&format!("rclone: {} files out over TLS\n", want.len()));
}
