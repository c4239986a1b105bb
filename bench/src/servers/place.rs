//! What is served, and how much of everything a run does.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::data::{PART, repeat};

/// Octets of a small file.
pub(super) const SMALL: u64 = 4096;
/// Different small files; figures go round among them.
pub(super) const SMALL_FILES: usize = 500;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Octets of the large file.
    pub(super) large: u64,
    /// How often a session moves it in one go.
    pub(super) rounds: u64,
    /// Small files moved by one session.
    pub(super) small: usize,
    /// Commands sent by one session.
    pub(super) commands: usize,
    /// Log-ins of one thread.
    pub(super) log_ins: usize,
    /// Entries of the directory that is listed.
    pub(super) entries: usize,
    /// Idle sessions, one figure for each.
    pub(super) idle: &'static [usize],
    /// How long latency is looked at, milliseconds.
    pub(super) latency_ms: u64,
}

impl Sizes {
    pub(super) const WHOLE: Self = Self {
        large: 1 << 30,
        rounds: 4,
        small: 5000,
        commands: 20_000,
        log_ins: 100,
        entries: 100_000,
        idle: &[1000, 10_000, usize::MAX],
        latency_ms: 3000,
    };

    pub(super) const QUICK: Self = Self {
        large: 32 << 20,
        rounds: 1,
        small: 50,
        commands: 1000,
        log_ins: 5,
        entries: 2000,
        idle: &[50],
        latency_ms: 200,
    };
}

/// The tree.
#[derive(Debug)]
pub(super) struct Place {
    dir: TempDir,
    /// What uploads are made of.
    pub(super) part: Vec<u8>,
    pub(super) sizes: Sizes,
}

impl Place {
    /// Makes it in memory if that can be had; with the large directory if it is to be `listed`.
    ///
    /// # Errors
    /// There is not enough room.
    pub(super) fn make(sizes: Sizes, listed: bool) -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let named = tempfile::Builder::new().prefix("ferry-bench").to_owned();
        let dir = if memory.is_dir() { named.tempdir_in(memory) } else { named.tempdir() }?;
        // Accounts that are not ours must get through.
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let part: Vec<u8> =
            (0_u32..).map(|n| n.wrapping_mul(0x9E37_79B1).to_be_bytes()[0]).take(PART).collect();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("small"))?;
        let mut large = File::create(tree.join("large"))?;
        repeat(&part, sizes.large, |octets| io::Write::write_all(&mut large, octets))?;
        for number in 0..SMALL_FILES {
            let path = tree.join("small").join(small_name(number));
            let mut small = File::create(path)?;
            repeat(&part, SMALL, |octets| io::Write::write_all(&mut small, octets))?;
        }
        if listed {
            fs::create_dir(tree.join("many"))?;
            for number in 0..sizes.entries {
                File::create(tree.join("many").join(format!("entry-{number:07}.dat")))?;
            }
        }
        Ok(Self { dir, part, sizes })
    }

    /// Where servers have their directories.
    pub(super) fn base(&self) -> &Path {
        self.dir.path()
    }

    /// The large file itself.
    pub(super) fn large(&self) -> PathBuf {
        self.dir.path().join("tree/large")
    }

    /// Makes the tree appear in `root`.
    ///
    /// # Errors
    /// It is on another file system.
    pub(super) fn link_into(&self, root: &Path) -> io::Result<()> {
        link(&self.dir.path().join("tree"), root)
    }
}

/// The name of a small file in the directory `small`.
pub(super) fn small_name(number: usize) -> String {
    format!("{:04}.dat", number % SMALL_FILES)
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let (entry, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if entry.is_dir() {
            fs::create_dir(&target)?;
            link(&entry, &target)?;
        } else {
            fs::hard_link(&entry, &target)?;
        }
    }
    Ok(())
}
