//! A tree of many small files with odd names in forty directories, and whether two trees are alike.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use interop::content::noise;
use interop::servers::Kind;
use tempfile::TempDir;

/// Files in one directory.
const EACH: usize = 75;
/// Eight directories, each with these below it: forty in all. Files have stars in their names and
/// directories do not: ProFTPD has none of those.
const TOPS: usize = 8;
const BELOW: [&str; 5] = ["", "a b", "-rf;", "Grüße 日本", "[x]{y}?/.hidden"];
/// Files in all.
pub(crate) const FILES: u64 = (TOPS * BELOW.len() * EACH) as u64;
/// Files below one of the eight.
pub(crate) const PART_FILES: u64 = (BELOW.len() * EACH) as u64;

const NAMES: [&str; 12] = [
    "plain",
    " front",
    "two  blanks",
    "-rf",
    "a -> b",
    "Type=file; x",
    "\"quoted\"",
    "it's",
    "{a}[b]*?",
    "ü日🦀",
    "%41#&~",
    "$(x)|y",
];
/// Names that Pure-FTPd refuses or changes.
const HARD: [&str; 2] = ["back\\slash", "blank behind "];

/// A tree on this machine.
pub(crate) struct Sample(TempDir);

impl Sample {
    /// With or without names that Pure-FTPd has not.
    pub(crate) fn new(kind: Kind) -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        for top in 0..TOPS {
            for (i, below) in BELOW.iter().enumerate() {
                let at = dir.path().join(format!("top {top}")).join(below);
                fs::create_dir_all(&at)?;
                for file in 0..EACH {
                    put(&at, kind, file, (top * BELOW.len() + i) * EACH + file)?;
                }
            }
        }
        Ok(Self(dir))
    }

    /// A copy of one of the eight, or of all.
    pub(crate) fn copy_to(&self, part: Option<usize>, to: &Path) -> io::Result<()> {
        let done = Command::new("cp").arg("-a").arg(self.part(part).join(".")).arg(to).output()?;
        if done.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&done.stderr).into_owned()))
    }

    /// Where one of the eight is, or all.
    pub(crate) fn part(&self, part: Option<usize>) -> PathBuf {
        let all = self.0.path();
        part.map_or_else(|| all.to_owned(), |part| all.join(format!("top {part}")))
    }
}

/// File number `file` of a directory, `count` of all.
fn put(dir: &Path, kind: Kind, file: usize, count: usize) -> io::Result<()> {
    let odd = NAMES
        .get(file % 16)
        .or_else(|| HARD.get(file % 16 - NAMES.len()).filter(|_| kind != Kind::PureFtpd));
    let name = match (file, odd) {
        // As long as a name may be.
        (0, _) => "n".repeat(255),
        (_, Some(odd)) if file % 32 < 16 => format!("{file}{odd}"),
        (_, Some(odd)) => format!("{odd}{file}"),
        (_, None) => format!("file {file}.txt"),
    };
    // A name that ends in a blank is one of the hard ones, whatever comes before.
    let path = dir.join(name);
    fs::write(&path, noise(count as u64, (count * 7) % 3_000))?;
    // From 2020 on, hours apart, none of them within the last half year.
    let then = Duration::from_secs(1_580_000_000 + count as u64 * 4_001);
    fs::File::open(&path)?.set_modified(SystemTime::UNIX_EPOCH + then)
}

/// Content and time of a file, in seconds; nothing of directories.
type What = Option<(Vec<u8>, u64)>;

/// What is below a directory.
fn tree(dir: &Path) -> io::Result<BTreeMap<PathBuf, What>> {
    let (mut all, mut todo) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(below) = todo.pop() {
        for entry in fs::read_dir(dir.join(&below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            let meta = entry.metadata()?;
            if meta.is_dir() {
                todo.push(path.clone());
                all.insert(path, None);
            } else {
                let time = meta.modified()?.duration_since(SystemTime::UNIX_EPOCH);
                let time = time.map_err(io::Error::other)?.as_secs();
                all.insert(path, Some((fs::read(entry.path())?, time)));
            }
        }
    }
    Ok(all)
}

/// Fails unless two trees hold the same; times may be apart so many seconds.
pub(crate) fn alike(want: &Path, have: &Path, apart: u64) -> Result<(), String> {
    let [want, have] = [want, have].map(|dir| tree(dir).map_err(|e| e.to_string()));
    let (want, have) = (want?, have?);
    let lacks: Vec<_> = want.keys().filter(|path| !have.contains_key(*path)).take(5).collect();
    let more: Vec<_> = have.keys().filter(|path| !want.contains_key(*path)).take(5).collect();
    if !lacks.is_empty() || !more.is_empty() {
        return Err(format!("the trees differ: lacks {lacks:?}, has {more:?}"));
    }
    for (path, want) in &want {
        match (want, have.get(path).and_then(Option::as_ref)) {
            (None, None) => {}
            (Some((want, _)), Some((have, _))) if want != have => {
                return Err(format!("{path:?} holds something else"));
            }
            (Some((_, want)), Some((_, have))) if want.abs_diff(*have) > apart => {
                return Err(format!("{path:?} is of {have}, not of {want}"));
            }
            (Some(_), Some(_)) => {}
            _ => return Err(format!("{path:?} is of another kind")),
        }
    }
    Ok(())
}
