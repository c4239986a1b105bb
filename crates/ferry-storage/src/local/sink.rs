//! Writing: how each [`WriteMode`] opens its file, and what commit and abandon make of it.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use rustix::fs::{
    Access, AtFlags, Mode, OFlags, accessat, fdatasync, fsync, ftruncate, futimens, openat,
    unlinkat,
};
use rustix::io::Errno;
use tokio::sync::Mutex;

use super::errno::of_io;
use super::medium::Medium;
use super::root::{Place, Root, SAFE, nameable, regular};
use super::upload::{Aside, create_new};
use super::{change, hop_with, meta};
use crate::blocking::{at_once, is_allowed};
use crate::{BoxFut, FsError, SetMeta, Sink, Upload, WriteMode};

/// How often opening or naming a file starts over because someone made or removed it meanwhile.
const RACES_MAX: u32 = 16;

/// A file being written.
#[derive(Debug)]
pub(super) enum Writing {
    /// Under its name. `cut` is where the file still has to be cut off, see [`WriteMode::At`].
    InPlace { file: File, new: Option<NewName>, fsync: bool, cut: Option<u64>, appending: bool },
    /// Aside until it is complete.
    Aside(Pending),
    /// Committed or abandoned.
    Done,
}

/// A name that this write made: it must reach the medium with its directory, and it goes again if
/// the write never begins.
#[derive(Debug)]
pub(super) struct NewName {
    dir: OwnedFd,
    name: Vec<u8>,
    own: (u64, u64),
    begun: bool,
}

/// An upload aside, and what is to become of it.
#[derive(Debug)]
pub(super) struct Pending {
    aside: Aside,
    name: Vec<u8>,
    perm: u32,
    keep: bool,
    fsync: bool,
    was: Was,
}

/// What had the name when the upload began.
#[derive(Debug)]
enum Was {
    Nothing,
    File,
    /// Our own empty file, put there so that nobody else takes the name.
    Reserved(Reserved),
}

/// The empty file that keeps a name. It is held open, or the file system might give its inode
/// number to the next file of that name and the two could not be told apart.
#[derive(Debug)]
struct Reserved {
    unique: (u64, u64),
    _open: File,
}

impl Writing {
    pub(super) fn open(
        root: &Root,
        path: &FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> Result<Self, FsError> {
        if path.is_root() {
            return Err(FsError::NotFile);
        }
        nameable(path)?;
        match mode {
            WriteMode::Create(Upload::Direct) => in_place(root, path, Start::At(0), perm),
            WriteMode::Create(upload) => {
                let place = root.place_of_file(path)?;
                let was = match &place.meta {
                    Some(meta) => {
                        regular(meta)?;
                        // Replacing needs only rights on the directory; a file protected against
                        // writing is to be safe from it all the same.
                        accessat(&place.dir, &*place.name, Access::WRITE_OK, AtFlags::EACCESS)?;
                        Was::File
                    }
                    None => Was::Nothing,
                };
                Pending::open(root, place, was, upload, perm)
            }
            WriteMode::CreateNew(upload) => {
                let place = root.place(path)?;
                let file = create_new(&place.dir, &place.name, perm, OFlags::empty())?;
                if upload == Upload::Direct {
                    let new = Some(NewName::of(&file, place.dir, place.name)?);
                    let (fsync, cut, appending) = (root.fsync, None, false);
                    return Ok(Self::InPlace { file, new, fsync, cut, appending });
                }
                let unique = meta::of_fd(&file)?.unique;
                let was = Was::Reserved(Reserved { unique, _open: file });
                Pending::open(root, place, was, upload, perm)
            }
            WriteMode::At(offset) => in_place(root, path, Start::At(offset), perm),
            WriteMode::Over(offset) => in_place(root, path, Start::Over(offset), perm),
            WriteMode::Append => in_place(root, path, Start::End, perm),
        }
    }

    /// The file, cut off where it has to be.
    fn file(&mut self) -> Result<&File, FsError> {
        match self {
            Self::InPlace { file, cut, new, .. } => {
                if let Some(new) = new {
                    new.begun = true;
                }
                if let Some(len) = cut.take() {
                    ftruncate(&*file, len)?;
                }
                Ok(file)
            }
            Self::Aside(pending) => Ok(&pending.aside.file),
            Self::Done => Err(FsError::Unsupported),
        }
    }

    fn seek(&mut self, offset: u64) -> Result<(), FsError> {
        if matches!(self, Self::InPlace { appending: true, .. }) {
            return Err(FsError::Unsupported);
        }
        self.file()?.seek(SeekFrom::Start(offset)).map_err(of_io)?;
        Ok(())
    }

    pub(super) fn write_all(&mut self, octets: &[u8]) -> Result<(), FsError> {
        self.file()?.write_all(octets).map_err(of_io)
    }

    /// Sets the times of what `set` wants, if nothing there can stand in the way of that, and gives
    /// what is left to be set after the commit. Nothing may be written afterwards.
    pub(super) fn set_times(&mut self, set: SetMeta) -> Result<SetMeta, FsError> {
        if set.created.is_some() || (set.modified.is_none() && set.accessed.is_none()) {
            return Ok(set);
        }
        futimens(self.file()?, &change::timestamps(set))?;
        Ok(SetMeta { modified: None, accessed: None, ..set })
    }

    pub(super) fn commit(&mut self) -> Result<(), FsError> {
        self.file()?;
        match std::mem::replace(self, Self::Done) {
            Self::InPlace { file, new, fsync: true, .. } => {
                fsync_file(&file)?;
                new.map_or(Ok(()), |new| fsync_dir(&new.dir))
            }
            Self::Aside(mut pending) => pending.commit(),
            Self::InPlace { .. } | Self::Done => Ok(()),
        }
    }

    /// Whether nothing had its name: replacing a large file takes as long as freeing its memory.
    fn is_new(&self) -> bool {
        match self {
            Self::InPlace { new, cut, .. } => new.is_some() && cut.is_none(),
            Self::Aside(pending) => matches!(pending.was, Was::Nothing),
            Self::Done => false,
        }
    }

    fn outlasts(&self) -> bool {
        match self {
            Self::InPlace { .. } => true,
            Self::Aside(pending) => pending.keep && !matches!(pending.was, Was::File),
            Self::Done => false,
        }
    }

    fn abandon(&mut self) -> Result<bool, FsError> {
        match std::mem::replace(self, Self::Done) {
            Self::InPlace { mut new, .. } => {
                // It stays, but nothing is cut off for octets that never came.
                if let Some(new) = &mut new {
                    new.begun = true;
                }
                Ok(true)
            }
            Self::Aside(mut pending) => pending.abandon(),
            Self::Done => Ok(false),
        }
    }
}

impl Pending {
    fn open(
        root: &Root,
        place: Place,
        was: Was,
        upload: Upload,
        perm: u32,
    ) -> Result<Writing, FsError> {
        let Place { dir, name, .. } = place;
        let keep = upload == Upload::Atomic;
        let fsync = root.fsync;
        match Aside::create(dir, root.nameless) {
            Ok(aside) => Ok(Writing::Aside(Self { aside, name, perm, keep, fsync, was })),
            Err((dir, e)) => {
                if let Was::Reserved(own) = was {
                    own.remove(&dir, &name);
                }
                Err(e)
            }
        }
    }

    fn commit(&mut self) -> Result<(), FsError> {
        if self.fsync {
            fsync_file(&self.aside.file)?;
        }
        self.publish()?;
        if self.fsync { fsync_dir(&self.aside.dir) } else { Ok(()) }
    }

    fn publish(&mut self) -> Result<(), FsError> {
        // What had no name when the upload began seldom has one now: trying is the same as asking.
        let mut asked = !matches!(self.was, Was::Nothing);
        for _ in 0..RACES_MAX {
            let found = match asked {
                true => meta::of_name(&self.aside.dir, &self.name)?,
                false => None,
            };
            asked = true;
            match (&self.was, found) {
                (_, None) => {
                    self.aside.set_mode(self.perm)?;
                    match self.aside.take(&self.name) {
                        Err(FsError::Exists) if !matches!(self.was, Was::Reserved(_)) => continue,
                        done => return done,
                    }
                }
                (Was::Reserved(own), Some(meta)) if meta.unique == own.unique => {
                    self.aside.set_mode(self.perm)?;
                    return self.aside.replace(&self.name);
                }
                (Was::Reserved(_), Some(_)) => return Err(FsError::Exists),
                (_, Some(meta)) => {
                    regular(&meta)?;
                    self.aside.inherit(&meta)?;
                    return self.aside.replace(&self.name);
                }
            }
        }
        Err(FsError::Busy)
    }

    fn abandon(&mut self) -> Result<bool, FsError> {
        if !self.keep {
            return Ok(false);
        }
        match &self.was {
            Was::Nothing => {
                self.aside.set_mode(self.perm)?;
                match self.aside.take(&self.name) {
                    Ok(()) => Ok(true),
                    // The name is someone else's now, or its directory is gone.
                    Err(FsError::Exists | FsError::NotFound) => Ok(false),
                    Err(e) => Err(e),
                }
            }
            Was::Reserved(own) => match meta::of_name(&self.aside.dir, &self.name)? {
                Some(meta) if meta.unique == own.unique => self.publish().map(|()| true),
                _ => Ok(false),
            },
            Was::File => Ok(false),
        }
    }
}

impl NewName {
    fn of(file: &File, dir: OwnedFd, name: Vec<u8>) -> Result<Self, FsError> {
        Ok(Self { dir, name, own: meta::of_fd(file)?.unique, begun: false })
    }
}

impl Drop for NewName {
    fn drop(&mut self) {
        if !self.begun
            && let Ok(Some(meta)) = meta::of_name(&self.dir, &self.name)
            && meta.unique == self.own
        {
            let _ = unlinkat(&self.dir, &*self.name, AtFlags::empty());
        }
    }
}

impl Reserved {
    /// Frees the name, unless someone has put another file there.
    fn remove(&self, dir: &OwnedFd, name: &[u8]) {
        if let Ok(Some(meta)) = meta::of_name(dir, name)
            && meta.unique == self.unique
        {
            let _ = unlinkat(dir, name, AtFlags::empty());
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After a commit another file has the name, so this finds nothing of ours.
        if let Was::Reserved(own) = &self.was {
            own.remove(&self.aside.dir, &self.name);
        }
    }
}

/// Where writing in place starts.
#[derive(Clone, Copy)]
enum Start {
    At(u64),
    Over(u64),
    End,
}

fn in_place(root: &Root, path: &FtpPath, start: Start, perm: u32) -> Result<Writing, FsError> {
    let fsync = root.fsync;
    let appending = matches!(start, Start::End);
    let append = if appending { OFlags::APPEND } else { OFlags::empty() };
    for _ in 0..RACES_MAX {
        let Place { dir, name, meta } = root.place_of_file(path)?;
        let Some(meta) = meta else {
            if matches!(start, Start::At(offset) | Start::Over(offset) if offset > 0) {
                return Err(FsError::NotFound);
            }
            match create_new(&dir, &name, perm, append) {
                Err(FsError::Exists) => continue,
                done => {
                    let file = done?;
                    let new = Some(NewName::of(&file, dir, name)?);
                    return Ok(Writing::InPlace { file, new, fsync, cut: None, appending });
                }
            }
        };
        regular(&meta)?;
        let flags = OFlags::WRONLY | append | SAFE;
        let mut file = match openat(&dir, &*name, flags, Mode::empty()) {
            // Removed, or made a link, since we looked.
            Err(Errno::NOENT | Errno::LOOP) => continue,
            done => File::from(done?),
        };
        let meta = meta::of_fd(&file)?;
        regular(&meta)?;
        if let Start::At(offset) | Start::Over(offset) = start {
            if offset > meta.size {
                return Err(FsError::BadOffset);
            }
            file.seek(SeekFrom::Start(offset)).map_err(of_io)?;
        }
        let cut = if let Start::At(offset) = start { Some(offset) } else { None };
        return Ok(Writing::InPlace { file, new: None, fsync, cut, appending });
    }
    Err(FsError::Busy)
}

fn fsync_file(file: &File) -> Result<(), FsError> {
    Ok(fdatasync(file)?)
}

/// A name reaches the medium with its directory, which takes a descriptor open for reading.
fn fsync_dir(dir: &OwnedFd) -> Result<(), FsError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(fsync(openat(dir, ".", flags, Mode::empty())?)?)
}

/// The file being written as the trait gives it out: one hop to the blocking pool per buffer.
#[derive(Debug)]
pub(super) struct LocalSink {
    writing: Arc<Mutex<Writing>>,
    outlasts: bool,
    /// A buffer is written, and the file named, at once: it is new, and in memory.
    quick: bool,
}

impl LocalSink {
    pub(super) fn new(writing: Writing, root: &Root) -> Self {
        let outlasts = writing.outlasts();
        let quick = root.at_once.is_some() && root.medium == Medium::Memory && writing.is_new();
        Self { writing: Arc::new(Mutex::new(writing)), outlasts, quick }
    }

    /// Does what takes no longer than copying the octets of a buffer, at once where nothing can
    /// make it wait.
    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writing) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        if self.quick && !is_allowed() {
            let mut held = Arc::clone(&self.writing).lock_owned().await;
            return at_once(move || job(&mut held)).await;
        }
        hop_with(&self.writing, job).await
    }
}

impl Sink for LocalSink {
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        Box::pin(async move {
            let written = self.work(move |writing| {
                let done = writing.write_all(&buf);
                Ok((buf, done))
            });
            // Only a runtime that shuts down loses the job, and the buffer with it.
            written.await.unwrap_or_else(|e| (Vec::new(), Err(e)))
        })
    }

    fn lend_file(&mut self) -> BoxFut<'_, Result<Option<File>, FsError>> {
        Box::pin(async move {
            // Both have one cursor.
            let lend = |writing: &mut Writing| writing.file()?.try_clone().map_err(of_io);
            hop_with(&self.writing, lend).await.map(Some)
        })
    }

    fn seek(&mut self, offset: u64) -> BoxFut<'_, Result<(), FsError>> {
        Box::pin(async move { hop_with(&self.writing, move |writing| writing.seek(offset)).await })
    }

    fn outlasts(&self) -> bool {
        self.outlasts
    }

    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(async move { self.work(Writing::commit).await })
    }

    fn finish(self: Box<Self>, buf: Vec<u8>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(async move {
            let finish = move |writing: &mut Writing| match writing.write_all(&buf) {
                Ok(()) => writing.commit(),
                Err(e) => {
                    // Why it could not be written is what is told.
                    let _ = writing.abandon();
                    Err(e)
                }
            };
            self.work(finish).await
        })
    }

    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        Box::pin(async move { hop_with(&self.writing, Writing::abandon).await })
    }
}
