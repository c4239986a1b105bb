//! Directories with something beside them that must never be touched, and all there is to know
//! about a tree at one moment.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A served root and the canaries around it. Nothing of the canaries' names, content, sizes and
/// times occurs inside the root.
pub(crate) struct Outside {
    dir: TempDir,
    before: BTreeMap<PathBuf, String>,
}

impl Outside {
    /// What only the canaries hold: content, a name, a length (6 digits) and a time.
    pub(crate) const MARKS: [&str; 4] = ["tweet-tweet", "yellow-bird", "765432", "20010203"];

    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        fs::create_dir_all(top.join("aviary/nest")).unwrap();
        for place in ["canary", "aviary/yellow-bird", "aviary/nest/canary"] {
            let mut content = b"tweet-tweet".to_vec();
            content.resize(765_432, b'.');
            fs::write(top.join(place), content).unwrap();
            let file = fs::File::options().write(true).open(top.join(place)).unwrap();
            // 2001-02-03 04:05:06 UTC.
            let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(981_173_106);
            file.set_modified(then).unwrap();
        }
        fs::create_dir(top.join("root")).unwrap();
        let mut outside = Self { dir, before: BTreeMap::new() };
        outside.fill();
        outside.before = outside.canaries();
        outside
    }

    /// The served root.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// Where the canaries are.
    pub(crate) fn aviary(&self) -> PathBuf {
        self.dir.path().join("aviary")
    }

    /// Makes the root anew: a file, a directory, and links that lead out in every way.
    pub(crate) fn fill(&self) {
        let root = self.root();
        for entry in fs::read_dir(&root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        fs::write(root.join("file"), "ours").unwrap();
        fs::write(root.join("sub/file"), "ours").unwrap();
        let absolute = self.aviary();
        let links: [(&Path, &str); 7] = [
            (Path::new("../aviary"), "out"),
            (&absolute, "abs"),
            (Path::new("../canary"), "file-out"),
            (Path::new(".."), "up"),
            (Path::new("/"), "slash"),
            (Path::new("../../aviary"), "sub/out"),
            (Path::new("/proc/self/root"), "proc"),
        ];
        for (to, name) in links {
            symlink(to, root.join(name)).unwrap();
        }
    }

    /// The canaries are as they were.
    pub(crate) fn assert_untouched(&self, after: &str) {
        assert_eq!(self.canaries(), self.before, "after {after}");
    }

    fn canaries(&self) -> BTreeMap<PathBuf, String> {
        let mut all = snapshot(self.dir.path());
        all.retain(|path, _| !path.starts_with(self.root()));
        all
    }
}

/// Everything there is to know about a tree, by path.
pub(crate) fn snapshot(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut into = BTreeMap::new();
    gather(dir, &mut into);
    into
}

fn gather(dir: &Path, into: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let mut facts = format!("{:o} {} {}", meta.mode(), meta.ino(), meta.nlink());
        if meta.is_file() {
            let content = fs::read(&path).unwrap();
            let head = content.get(..64).unwrap_or(&content).escape_ascii();
            let time = (meta.mtime(), meta.mtime_nsec());
            facts = format!("{facts} {time:?} {} {head}", content.len());
        }
        if meta.is_dir() {
            // Its own times change with what is beside the canaries; its entries are looked at.
            facts = format!("{:o} {}", meta.mode(), meta.ino());
            gather(&path, into);
        }
        into.insert(path, facts);
    }
}
