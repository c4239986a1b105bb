//! The directories that are served, here and on other servers, each opened once however many
//! accounts share it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferry_client::volume::Volume;
use ferry_storage::local::LocalDir;

use crate::elsewhere::Elsewhere;

/// Open root directories by their resolved path.
#[derive(Debug, Default)]
pub(crate) struct Homes {
    open: BTreeMap<PathBuf, Arc<LocalDir>>,
    servers: Vec<(Elsewhere, Arc<Volume>)>,
}

impl Homes {
    /// Opens `path`, or finds it open.
    pub(crate) fn open(&mut self, path: &Path) -> io::Result<Arc<LocalDir>> {
        let resolved = path.canonicalize()?;
        if let Some(open) = self.open.get(&resolved) {
            return Ok(Arc::clone(open));
        }
        if !resolved.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        let opened = Arc::new(LocalDir::open(&resolved)?);
        self.open.insert(resolved, Arc::clone(&opened));
        Ok(opened)
    }

    /// The directory of another server; whoever has the same one shares its connections.
    pub(crate) fn server(&mut self, there: Elsewhere) -> Arc<Volume> {
        if let Some((_, volume)) = self.servers.iter().find(|(known, _)| *known == there) {
            return Arc::clone(volume);
        }
        let volume = Arc::new(there.volume());
        self.servers.push((there, Arc::clone(&volume)));
        volume
    }

    /// Every directory of another server.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &Elsewhere> {
        self.servers.iter().map(|(there, _)| there)
    }

    /// Every directory of this machine that was opened.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<LocalDir>> {
        self.open.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_opened_once_whatever_it_is_called() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        let mut homes = Homes::default();
        let one = homes.open(&dir.path().join("a")).unwrap();
        let two = homes.open(&dir.path().join("a/../a/.")).unwrap();
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(homes.all().count(), 1);
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut homes = Homes::default();
        assert_eq!(homes.open(&file).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        let missing = homes.open(&dir.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
