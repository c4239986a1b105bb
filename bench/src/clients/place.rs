//! Where it all lies, in memory: what is served, what was fetched, and whether it came whole.
//!
//! ```text
//! served/   tree/ and large.bin, measured; try-tree/ and try-large.bin, for finding the best
//!           parallelism; up/, where uploads go
//! local/    where downloads go
//! ```
//!
//! A server has a directory of its own, so what is served is moved there, and back before it ends.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use interop::content::noise;
use tempfile::TempDir;

use super::cell::{Direction, Work};
use crate::memory;

/// A file system in memory, so that no disk is measured.
const MEMORY: &str = "/dev/shm";

/// Directories there are named so, with the number of their process behind.
const PREFIX: &str = "ferry-bench-";

/// Octets of a small file.
const SMALL: usize = 4096;

/// Small files in a directory.
const FILES_PER_DIRECTORY: usize = 100;

const BLOCK: usize = 1 << 20;

/// What a run needs of memory beside what it moves, in octets, generously.
const SPARE: u64 = 256 << 20;

/// Something to move.
#[derive(Debug)]
pub(crate) struct Load {
    /// Its name below what is served.
    pub(crate) name: String,
    /// Its files relative to it, with their sizes; one with an empty name if it is a file.
    pub(crate) files: BTreeMap<String, u64>,
    pub(crate) octets: u64,
    /// Of the large file.
    hash: Option<blake3::Hash>,
}

/// What is on the machine for a run. Dropping it removes everything.
#[derive(Debug)]
pub(crate) struct Place {
    dir: TempDir,
    /// Where what is served is now.
    served: PathBuf,
    loads: [Load; 4],
}

impl Place {
    /// Makes what is to be moved.
    ///
    /// # Errors
    /// There is not enough memory, or no file system in it.
    pub(crate) fn make(files: usize, large: u64, try_files: usize) -> io::Result<Self> {
        remove_leftovers()?;
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir_in(MEMORY)?;
        enough_memory(dir.path(), large)?;
        let served = dir.path().join("served");
        fs::create_dir(&served)?;
        // Servers step down to an account that may do little.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
        let loads = [
            tree(&served, "tree", files)?,
            file(&served, "large.bin", large)?,
            tree(&served, "try-tree", try_files)?,
            file(&served, "try-large.bin", (large / 8).max(1))?,
        ];
        let place = Self { dir, served, loads };
        place.clear()?;
        Ok(place)
    }

    /// Where a server's directory must be made, so that moving there is renaming.
    pub(crate) fn base(&self) -> &Path {
        self.dir.path()
    }

    /// Moves what is served to the empty directory `root`.
    ///
    /// # Errors
    /// It is on another file system.
    pub(crate) fn move_to(&mut self, root: &Path) -> io::Result<()> {
        for entry in fs::read_dir(&self.served)? {
            let entry = entry?;
            fs::rename(entry.path(), root.join(entry.file_name()))?;
        }
        root.clone_into(&mut self.served);
        Ok(())
    }

    /// Moves it back.
    ///
    /// # Errors
    /// The file system refuses.
    pub(crate) fn move_back(&mut self) -> io::Result<()> {
        let home = self.dir.path().join("served");
        self.move_to(&home)
    }

    /// The directory that is served.
    pub(crate) fn served(&self) -> &Path {
        &self.served
    }

    /// Where downloads go.
    pub(crate) fn local(&self) -> PathBuf {
        self.dir.path().join("local")
    }

    /// Where uploads arrive.
    fn up(&self) -> PathBuf {
        self.served().join("up")
    }

    /// What is moved in a cell, or while trying.
    pub(crate) fn load(&self, work: Work, trying: bool) -> &Load {
        let [tree, large, try_tree, try_large] = &self.loads;
        match (work, trying) {
            (Work::Small, false) => tree,
            (Work::Large, false) => large,
            (Work::Small, true) => try_tree,
            (Work::Large, true) => try_large,
        }
    }

    /// Removes what was moved before.
    ///
    /// # Errors
    /// The file system refuses.
    pub(crate) fn clear(&self) -> io::Result<()> {
        for dir in [self.local(), self.up()] {
            match fs::remove_dir_all(&dir) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => fs::create_dir(&dir)?,
            }
            fs::set_permissions(&dir, Permissions::from_mode(0o777))?;
        }
        Ok(())
    }

    /// Removes what was moved before and has the machine hold the memory that a run will fill.
    ///
    /// # Errors
    /// There is not enough memory.
    pub(crate) fn make_ready(&self, load: &Load) -> io::Result<()> {
        self.clear()?;
        memory::hold(self.dir.path(), load.octets.saturating_add(SPARE))
    }

    /// How many of `load`'s files have arrived whole, as far as sizes tell.
    pub(crate) fn arrived(&self, load: &Load, direction: Direction) -> io::Result<usize> {
        let there = sizes(&self.destination(load, direction))?;
        Ok(load.files.iter().filter(|(name, size)| there.get(*name) == Some(*size)).count())
    }

    /// Whether exactly `load` has arrived, octet for octet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn verify(&self, load: &Load, direction: Direction) -> io::Result<()> {
        let to = self.destination(load, direction);
        let there = sizes(&to)?;
        if there != load.files {
            let octets: u64 = there.values().sum();
            return Err(io::Error::other(format!(
                "{} files of {octets} octets arrived instead of {} of {}",
                there.len(),
                load.files.len(),
                load.octets
            )));
        }
        if let Some(hash) = load.hash {
            return if hash_of(&to)? == hash {
                Ok(())
            } else {
                Err(io::Error::other("the large file arrived with other octets"))
            };
        }
        let from = self.served().join(&load.name);
        for name in load.files.keys() {
            if fs::read(from.join(name))? != fs::read(to.join(name))? {
                return Err(io::Error::other(format!("{name} arrived with other octets")));
            }
        }
        Ok(())
    }

    /// Where it must be: some clients put a tree's content where they are told, some the tree.
    fn destination(&self, load: &Load, direction: Direction) -> PathBuf {
        let top = match direction {
            Direction::Down => self.local(),
            Direction::Up => self.up(),
        };
        let inner = top.join(&load.name);
        if load.hash.is_some() || inner.is_dir() { inner } else { top }
    }
}

fn tree(served: &Path, name: &str, count: usize) -> io::Result<Load> {
    let mut files = BTreeMap::new();
    for number in 0..count {
        let directory = format!("d{:03}", number / FILES_PER_DIRECTORY);
        let inside = served.join(name).join(&directory);
        if number % FILES_PER_DIRECTORY == 0 {
            fs::create_dir_all(&inside)?;
        }
        let file = format!("f{number:06}.dat");
        let seed = u64::try_from(number).map_err(io::Error::other)?;
        fs::write(inside.join(&file), noise(seed, SMALL))?;
        files.insert(format!("{directory}/{file}"), size_of_small());
    }
    let octets = files.values().sum();
    Ok(Load { name: name.to_owned(), files, octets, hash: None })
}

/// A file that cannot be compressed and whose blocks differ.
fn file(served: &Path, name: &str, octets: u64) -> io::Result<Load> {
    let mut file = BufWriter::with_capacity(BLOCK, File::create(served.join(name))?);
    let mut block = noise(1, BLOCK);
    let mut hasher = blake3::Hasher::new();
    let mut left = octets;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let part = block.get(..now).unwrap_or_default();
        file.write_all(part)?;
        hasher.update(part);
        left -= u64::try_from(now).map_err(io::Error::other)?;
        // Octets that change from block to block.
        for word in block.as_chunks_mut::<8>().0 {
            *word = u64::from_le_bytes(*word).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
        }
    }
    file.flush()?;
    let files = BTreeMap::from([(String::new(), octets)]);
    Ok(Load { name: name.to_owned(), files, octets, hash: Some(hasher.finalize()) })
}

fn hash_of(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// All files below `top` by their names relative to it; itself, with an empty name, if it is one.
fn sizes(top: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let mut open = vec![String::new()];
    while let Some(name) = open.pop() {
        let path = if name.is_empty() { top.to_owned() } else { top.join(&name) };
        let what = match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && name.is_empty() => return Ok(found),
            what => what?,
        };
        if !what.is_dir() {
            found.insert(name, what.len());
            continue;
        }
        for entry in fs::read_dir(&path)? {
            let entry = entry?.file_name().to_string_lossy().into_owned();
            open.push(if name.is_empty() { entry } else { format!("{name}/{entry}") });
        }
    }
    Ok(found)
}

/// Removes what runs that were killed have left: it would be gigabytes of memory.
fn remove_leftovers() -> io::Result<()> {
    for entry in fs::read_dir(MEMORY)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let Some(process) = process.and_then(|number| number.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{process}")).exists() {
            // Another run may be faster in removing it.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
    Ok(())
}

/// The large file lies there twice and a half, and what else runs needs memory, too.
fn enough_memory(at: &Path, large: u64) -> io::Result<()> {
    let needed = large.saturating_mul(11) / 4 + SPARE + (512 << 20);
    let there = rustix::fs::statvfs(at)?;
    let room = there.f_bavail.saturating_mul(there.f_frsize);
    let memory = fs::read_to_string("/proc/meminfo")?;
    let available = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(u64::MAX, |kib| kib.saturating_mul(1024));
    if room.min(available) >= needed {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{} MiB of memory are free in {MEMORY}, {} are needed: choose a smaller --large",
        room.min(available) >> 20,
        needed >> 20
    )))
}

fn size_of_small() -> u64 {
    u64::try_from(SMALL).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(from: &Path, to: &Path) {
        let done = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
        assert!(done.success());
    }

    #[test]
    fn what_arrived_is_told_from_what_did_not() {
        let place = Place::make(120, 3 << 20, 20).unwrap();
        let tree = place.load(Work::Small, false);
        assert_eq!((tree.files.len(), tree.octets), (120, 120 * 4096));
        let source = place.served().join("tree");
        assert!(place.verify(tree, Direction::Down).is_err());

        // As a tree inside, and as its content.
        copy(&source, &place.local());
        place.verify(tree, Direction::Down).unwrap();
        place.clear().unwrap();
        copy(&source.join("d000"), &place.local());
        assert_eq!(place.arrived(tree, Direction::Down).unwrap(), 100);
        assert!(place.verify(tree, Direction::Down).is_err());
        copy(&source.join("d001"), &place.local());
        place.verify(tree, Direction::Down).unwrap();
        fs::write(place.local().join("d001/f000100.dat"), vec![0; 4096]).unwrap();
        assert!(place.verify(tree, Direction::Down).is_err());
    }

    #[test]
    fn the_large_file_is_known_by_its_hash() {
        let place = Place::make(1, 3 << 20, 1).unwrap();
        let large = place.load(Work::Large, false);
        assert!(place.verify(large, Direction::Up).is_err());
        copy(&place.served().join("large.bin"), &place.up());
        place.verify(large, Direction::Up).unwrap();
        fs::write(place.up().join("large.bin"), vec![0; 3 << 20]).unwrap();
        assert!(place.verify(large, Direction::Up).is_err());
    }
}
