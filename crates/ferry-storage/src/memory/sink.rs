//! Writing into [`Memory`](super::Memory): how an upload starts, and what becomes of it.

use std::sync::{Arc, Mutex};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;

use super::tree::{Blob, Body, Place, Tree, lock};
use crate::{BoxFut, FsError, Sink, Upload, WriteMode};

/// The most octets that a seek may skip behind the end: memory has no holes.
const GAP_MAX: usize = 1 << 30;

/// A file being written.
pub(super) struct MemorySink {
    tree: Arc<Mutex<Tree>>,
    blob: Blob,
    /// Where the next octet goes; `None` for always the end.
    pos: Option<usize>,
    /// Where the file still has to be cut off, see [`WriteMode::At`].
    cut: Option<usize>,
    state: State,
}

/// Where the octets go.
enum State {
    /// Into a node that has its name. A name that this write made goes again if nothing is ever
    /// written.
    InPlace(u64, Option<(u64, Vec<u8>)>),
    /// Into a blob that has no node yet.
    Aside(Aside),
    /// Committed or abandoned.
    Done,
}

struct Aside {
    dir: u64,
    name: Vec<u8>,
    perm: u32,
    keep: bool,
    was: Was,
    written: UnixTime,
}

/// What had the name when the upload began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Was {
    Nothing,
    File,
    /// Our own empty file, put there so that nobody else takes the name.
    Reserved(u64),
}

impl MemorySink {
    pub(super) fn open(
        tree: &Arc<Mutex<Tree>>,
        path: &FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> Result<Self, FsError> {
        if path.is_root() {
            return Err(FsError::NotFile);
        }
        let mut t = lock(tree);
        let new = matches!(mode, WriteMode::CreateNew(_));
        let place = if new { t.place(path)? } else { t.place_of_file(path)? };
        match place.found {
            Some(_) if new => return Err(FsError::Exists),
            Some(ino) if t.blob(ino).is_none() => return Err(FsError::NotFile),
            _ => {}
        }
        let cut = match mode {
            WriteMode::At(offset) => usize::try_from(offset).ok(),
            WriteMode::Create(Upload::Direct) => Some(0),
            _ => None,
        };
        let (blob, pos, state) = match mode {
            WriteMode::Create(up @ (Upload::Atomic | Upload::Discard)) => {
                let was = if place.found.is_some() { Was::File } else { Was::Nothing };
                aside(place, was, up, perm, t.now)
            }
            WriteMode::CreateNew(up @ (Upload::Atomic | Upload::Discard)) => {
                let (ino, _) = make(&mut t, &place, perm)?;
                aside(place, Was::Reserved(ino), up, perm, t.now)
            }
            WriteMode::Create(_) | WriteMode::CreateNew(_) => {
                let (ino, blob) = find_or_make(&mut t, &place, perm)?;
                (blob, Some(0), State::InPlace(ino, new_name(&place)))
            }
            WriteMode::At(offset) | WriteMode::Over(offset) => {
                if offset > 0 && place.found.is_none() {
                    return Err(FsError::NotFound);
                }
                let at = usize::try_from(offset).map_err(|_| FsError::BadOffset)?;
                let (ino, blob) = find_or_make(&mut t, &place, perm)?;
                if at > lock(&blob).len() {
                    return Err(FsError::BadOffset);
                }
                (blob, Some(at), State::InPlace(ino, new_name(&place)))
            }
            WriteMode::Append => {
                let (ino, blob) = find_or_make(&mut t, &place, perm)?;
                (blob, None, State::InPlace(ino, new_name(&place)))
            }
        };
        drop(t);
        Ok(Self { tree: Arc::clone(tree), blob, pos, cut, state })
    }

    fn cut_off(&mut self) {
        if let State::InPlace(ino, new) = &mut self.state {
            *new = None;
            if let Some(len) = self.cut.take() {
                lock(&self.tree).truncate(*ino, len);
            }
        }
    }

    fn put(&mut self, buf: &[u8]) -> Result<(), FsError> {
        self.cut_off();
        let mut tree = lock(&self.tree);
        let mut data = lock(&self.blob);
        let at = self.pos.unwrap_or(data.len());
        let grow = (at + buf.len()).saturating_sub(data.len());
        let got = tree.take_space(grow);
        // What a seek skipped takes space, too, and is taken first.
        let fits = buf.len().checked_sub(grow - got).and_then(|n| buf.get(..n));
        let Some(fits) = fits else {
            tree.release(got);
            return Err(FsError::NoSpace);
        };
        let end = at + fits.len();
        if data.len() < end {
            data.resize(end, 0);
        }
        if let Some(room) = data.get_mut(at..end) {
            room.copy_from_slice(fits);
        }
        self.pos = self.pos.map(|_| end);
        drop(data);
        let now = tree.now;
        match &mut self.state {
            State::InPlace(ino, _) => tree.touch(*ino, now),
            State::Aside(aside) => aside.written = now,
            State::Done => {}
        }
        if fits.len() == buf.len() { Ok(()) } else { Err(FsError::NoSpace) }
    }

    fn go_to(&mut self, offset: u64) -> Result<(), FsError> {
        let at = usize::try_from(offset).map_err(|_| FsError::NoSpace)?;
        if self.pos.is_none() {
            return Err(FsError::Unsupported);
        }
        self.cut_off();
        if at.saturating_sub(lock(&self.blob).len()) > GAP_MAX {
            return Err(FsError::NoSpace);
        }
        self.pos = Some(at);
        Ok(())
    }

    fn commit_now(&mut self) -> Result<(), FsError> {
        self.cut_off();
        let State::Aside(aside) = std::mem::replace(&mut self.state, State::Done) else {
            return Ok(());
        };
        let mut tree = lock(&self.tree);
        match aside.publish(&mut tree, &self.blob) {
            Ok(()) => Ok(()),
            Err(e) => {
                tree.release(lock(&self.blob).len());
                Err(e)
            }
        }
    }

    /// Ends the write before it is complete; as if `keep` were false when `drop_it`.
    fn abandon_now(&mut self, drop_it: bool) -> Result<bool, FsError> {
        let aside = match std::mem::replace(&mut self.state, State::Done) {
            State::Aside(aside) => aside,
            State::InPlace(ino, Some((dir, name))) if drop_it => {
                let mut tree = lock(&self.tree);
                if tree.names(dir).and_then(|names| names.get(&name)) == Some(&ino) {
                    tree.unlink(dir, &name);
                }
                return Ok(false);
            }
            State::InPlace(..) => return Ok(true),
            State::Done => return Ok(false),
        };
        let mut tree = lock(&self.tree);
        let found = tree.names(aside.dir).and_then(|n| n.get(&aside.name).copied());
        let ours = match aside.was {
            Was::Nothing => found.is_none() && tree.names(aside.dir).is_some(),
            Was::File => false,
            Was::Reserved(ino) => found == Some(ino),
        };
        if ours && aside.keep && !drop_it {
            aside.publish(&mut tree, &self.blob)?;
            return Ok(true);
        }
        tree.release(lock(&self.blob).len());
        if let (true, Was::Reserved(ino)) = (ours, aside.was) {
            tree.unlink(aside.dir, &aside.name);
            tree.forget(ino);
        }
        Ok(false)
    }
}

impl Aside {
    /// Gives the octets their name, replacing what may be replaced.
    fn publish(&self, tree: &mut Tree, blob: &Blob) -> Result<(), FsError> {
        let found = tree.names(self.dir).ok_or(FsError::NotFound)?.get(&self.name).copied();
        let mode = match (self.was, found) {
            (_, None) => self.perm,
            (Was::Reserved(ours), Some(ino)) if ino == ours => self.perm,
            (Was::Reserved(_), Some(_)) => return Err(FsError::Exists),
            (_, Some(ino)) if tree.blob(ino).is_none() => return Err(FsError::NotFile),
            // A set-user-ID bit does not pass to new content, as the kernel has it for writes.
            (_, Some(ino)) => tree.node(ino).map_or(self.perm, |n| n.mode() & 0o1777),
        };
        let ino = tree.add(Body::File(Arc::clone(blob)), mode);
        tree.touch(ino, self.written);
        tree.link(self.dir, &self.name, ino)
    }
}

impl Drop for MemorySink {
    fn drop(&mut self) {
        // Nobody is left to tell; an upload that lost its owner keeps nothing aside.
        let _ = self.abandon_now(true);
    }
}

impl Sink for MemorySink {
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        let done = self.put(&buf);
        Box::pin(std::future::ready((buf, done)))
    }

    fn seek(&mut self, offset: u64) -> BoxFut<'_, Result<(), FsError>> {
        let done = self.go_to(offset);
        Box::pin(std::future::ready(done))
    }

    fn outlasts(&self) -> bool {
        match &self.state {
            State::InPlace(..) => true,
            State::Aside(aside) => aside.keep && !matches!(aside.was, Was::File),
            State::Done => false,
        }
    }

    fn commit(mut self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(std::future::ready(self.commit_now()))
    }

    fn abandon(mut self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        Box::pin(std::future::ready(self.abandon_now(false)))
    }
}

fn aside(
    place: Place,
    was: Was,
    upload: Upload,
    perm: u32,
    now: UnixTime,
) -> (Blob, Option<usize>, State) {
    let Place { dir, name, .. } = place;
    let keep = upload == Upload::Atomic;
    let aside = Aside { dir, name, perm, keep, was, written: now };
    (Blob::default(), Some(0), State::Aside(aside))
}

/// The name, if the write is what makes it.
fn new_name(place: &Place) -> Option<(u64, Vec<u8>)> {
    place.found.is_none().then(|| (place.dir, place.name.clone()))
}

fn make(tree: &mut Tree, place: &Place, perm: u32) -> Result<(u64, Blob), FsError> {
    let blob = Blob::default();
    let ino = tree.add(Body::File(Arc::clone(&blob)), perm);
    tree.link(place.dir, &place.name, ino)?;
    Ok((ino, blob))
}

fn find_or_make(tree: &mut Tree, place: &Place, perm: u32) -> Result<(u64, Blob), FsError> {
    match place.found {
        Some(ino) => Ok((ino, Arc::clone(tree.blob(ino).ok_or(FsError::NotFile)?))),
        None => make(tree, place, perm),
    }
}
