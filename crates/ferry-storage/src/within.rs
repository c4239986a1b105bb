//! A directory of a storage as a storage of its own. Paths are moved, nothing else: what links do
//! there, and where they may lead, stays with the storage inside.

use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;

use crate::{
    BoxFut, Caps, Entries, FsError, Meta, SetMeta, Sink, Source, Storage, Upload, WriteMode,
};

/// A directory of another storage, seen as the root.
///
/// No path leads out of it. Symbolic links are followed by the storage inside, and as far as that
/// one lets them lead: where links must not leave the directory, it has to be the storage's root.
#[derive(Debug, Clone)]
pub struct Within<S> {
    inner: S,
    prefix: FtpPath,
}

impl<S: Storage> Within<S> {
    /// What is below `prefix`; the directory need not be there yet.
    pub fn new(inner: S, prefix: FtpPath) -> Self {
        Self { inner, prefix }
    }

    /// The storage inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn at(&self, path: &FtpPath) -> Result<FtpPath, FsError> {
        if self.prefix.is_root() {
            return Ok(path.clone());
        }
        // Canonical paths hold no dots, so that nothing leaves the prefix; only length may refuse.
        let whole = [self.prefix.as_bytes(), path.as_bytes()].concat();
        FtpPath::new(&whole).map_err(|_| FsError::BadName)
    }
}

/// Does it at the path inside; the root is refused with an error of its own where there is one.
macro_rules! inside {
    ($self:ident, $path:ident $(unless root is $error:expr)?, |$at:ident| $work:expr) => {
        Box::pin(async move {
            $(if $path.is_root() {
                return Err($error);
            })?
            let $at = $self.at($path)?;
            $work.await
        })
    };
}

impl<S: Storage> Storage for Within<S> {
    fn caps(&self) -> Caps {
        self.inner.caps()
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        inside!(self, path, |at| self.inner.stat(&at, follow))
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        inside!(self, path, |at| self.inner.list(&at))
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        inside!(self, path, |at| self.inner.read(&at, from))
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        inside!(self, path, |at| self.inner.write(&at, mode, perm))
    }

    fn load<'a>(
        &'a self,
        path: &'a FtpPath,
        most: usize,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        inside!(self, path, |at| self.inner.load(&at, most))
    }

    fn store<'a>(
        &'a self,
        path: &'a FtpPath,
        octets: Vec<u8>,
        upload: Upload,
        perm: u32,
        set: SetMeta,
    ) -> BoxFut<'a, Result<bool, FsError>> {
        inside!(self, path, |at| self.inner.store(&at, octets, upload, perm, set))
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        inside!(self, path unless root is FsError::Exists, |at| self.inner.make_dir(&at, perm))
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        inside!(self, path unless root is FsError::Exists, |at| {
            let target = self.at(target)?;
            async move { self.inner.make_link(&at, &target).await }
        })
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        inside!(self, path unless root is FsError::Denied, |at| self.inner.remove_dir(&at))
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        inside!(self, path unless root is FsError::Denied, |at| self.inner.remove_file(&at))
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        inside!(self, from unless root is FsError::Denied, |at| {
            let to = match to.is_root() {
                true => return Err(FsError::Denied),
                false => self.at(to)?,
            };
            async move { self.inner.rename(&at, &to, replace).await }
        })
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        inside!(self, path, |at| self.inner.set_meta(&at, set))
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        inside!(self, path, |at| self.inner.free_space(&at))
    }

    fn hash<'a>(
        &'a self,
        path: &'a FtpPath,
        algorithm: Algorithm,
        from: u64,
        len: Option<u64>,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        inside!(self, path, |at| self.inner.hash(&at, algorithm, from, len))
    }

    fn writers<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<usize, FsError>> {
        inside!(self, path, |at| self.inner.writers(&at))
    }

    fn width(&self) -> usize {
        self.inner.width()
    }

    fn ready(&self, at_a_time: usize) -> BoxFut<'_, ()> {
        self.inner.ready(at_a_time)
    }

    fn expect_small(&self, stored: bool) {
        self.inner.expect_small(stored);
    }
}
