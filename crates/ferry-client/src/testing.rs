//! For tests: a storage that is slow, forgetful, coarse or broken, around one that is not.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferry_proto::date::UnixTime;
use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;
use ferry_storage::memory::Memory;
use ferry_storage::{
    BoxFut, ByteSource, Caps, Entries, Entry, FsError, Kind, Meta, Precision, SetMeta, Sink,
    Source, Storage, WriteMode,
};

/// Numbers that look random and are the same for the same seed.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below `n`.
    pub(crate) fn below(&self, n: u64) -> u64 {
        let x = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n.max(1)
    }
}

/// How a storage is broken.
#[derive(Debug)]
pub(crate) struct Ill {
    pub(crate) inner: Memory,
    /// How long every operation takes.
    pub(crate) latency: Duration,
    /// One operation in so many fails; 0 for none.
    pub(crate) one_in: u64,
    pub(crate) dice: Dice,
    /// Octets that reads give before they fail; negative for all.
    pub(crate) reads: Arc<AtomicI64>,
    /// Lines of each listing that are not understood.
    pub(crate) unread: u64,
    pub(crate) precision: Precision,
    pub(crate) caps: Caps,
    pub(crate) renames: bool,
    /// Whether it tells which files are the same.
    pub(crate) identities: bool,
    /// Whether it knows digests.
    pub(crate) hashes: bool,
    /// The length of its reads.
    pub(crate) chunk: usize,
    /// Entries that the listing of a directory has besides.
    pub(crate) added: Vec<(FtpPath, Entry)>,
    pub(crate) width: usize,
    /// How many may write one file at a time.
    pub(crate) writers: usize,
    /// Whether a file is cut off where a part is to be written over.
    pub(crate) cuts: bool,
    /// Octets that sinks take before they fail; negative for all. What a sink has taken is kept
    /// only by its commit.
    pub(crate) writes: Arc<AtomicI64>,
    /// Reads and writes open now, and the most there were.
    pub(crate) open: Arc<(AtomicUsize, AtomicUsize)>,
    /// What was done, by name.
    pub(crate) log: Mutex<Vec<String>>,
}

impl Ill {
    pub(crate) fn new(inner: &Memory) -> Self {
        Self {
            inner: inner.clone(),
            latency: Duration::ZERO,
            one_in: 0,
            dice: Dice::new(1),
            reads: Arc::new(AtomicI64::new(-1)),
            unread: 0,
            precision: Precision::Fraction,
            caps: inner.caps(),
            renames: true,
            identities: true,
            hashes: false,
            chunk: usize::MAX,
            added: Vec::new(),
            width: 16,
            writers: 1,
            cuts: false,
            writes: Arc::new(AtomicI64::new(-1)),
            open: Arc::default(),
            log: Mutex::default(),
        }
    }

    async fn pass(&self, what: &str, path: &FtpPath) -> Result<(), FsError> {
        self.log.lock().unwrap().push(format!("{what} {path}"));
        pause(self.latency).await;
        if self.one_in > 0 && self.dice.below(self.one_in) == 0 {
            return Err(FsError::Io(std::io::ErrorKind::ConnectionReset.into()));
        }
        Ok(())
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.starts_with(what)).count()
    }

    fn coarse(&self, mut meta: Meta) -> Meta {
        let secs = meta.modified.secs;
        if !self.identities {
            meta.unique = (0, 0);
        }
        meta.modified = match self.precision {
            Precision::Fraction => meta.modified,
            Precision::Second => UnixTime { secs, nanos: 0 },
            Precision::Minute => UnixTime { secs: secs - secs.rem_euclid(60), nanos: 0 },
            _ => UnixTime::default(),
        };
        meta.precision = self.precision;
        meta
    }
}

/// Waits, unless there is nothing to wait for: the shortest sleep is a millisecond.
async fn pause(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

/// Counts what is open.
struct Open(Arc<(AtomicUsize, AtomicUsize)>);

impl Open {
    fn new(counts: &Arc<(AtomicUsize, AtomicUsize)>) -> Self {
        let now = counts.0.fetch_add(1, Ordering::Relaxed) + 1;
        counts.1.fetch_max(now, Ordering::Relaxed);
        Self(Arc::clone(counts))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct IllSource {
    inner: Box<dyn ByteSource>,
    reads: Arc<AtomicI64>,
    chunk: usize,
    latency: Duration,
    _open: Open,
}

impl ByteSource for IllSource {
    fn read(&mut self, mut buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)> {
        Box::pin(async move {
            pause(self.latency).await;
            let left = self.reads.load(Ordering::Relaxed);
            if left == 0 {
                return (buf, Err(FsError::Io(std::io::ErrorKind::ConnectionReset.into())));
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(self.chunk);
            buf.truncate(most);
            let (buf, done) = self.inner.read(buf).await;
            if let (Ok(n), true) = (&done, left > 0) {
                self.reads.fetch_sub(i64::try_from(*n).unwrap(), Ordering::Relaxed);
            }
            (buf, done)
        })
    }
}

struct IllSink {
    inner: Box<dyn Sink>,
    latency: Duration,
    writes: Arc<AtomicI64>,
    /// What only the commit writes.
    taken: Vec<u8>,
    _open: Open,
}

impl Sink for IllSink {
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        Box::pin(async move {
            pause(self.latency).await;
            let left = self.writes.load(Ordering::Relaxed);
            if left < 0 {
                return self.inner.write(buf).await;
            }
            let now = left - i64::try_from(buf.len()).unwrap();
            self.writes.store(now.max(0), Ordering::Relaxed);
            if now <= 0 {
                return (buf, Err(FsError::Io(std::io::ErrorKind::ConnectionReset.into())));
            }
            self.taken.extend_from_slice(&buf);
            (buf, Ok(()))
        })
    }

    fn seek(&mut self, offset: u64) -> BoxFut<'_, Result<(), FsError>> {
        self.inner.seek(offset)
    }

    fn commit(mut self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(async move {
            if !self.taken.is_empty() {
                self.inner.write(std::mem::take(&mut self.taken)).await.1?;
            }
            self.inner.commit().await
        })
    }

    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        self.inner.abandon()
    }
}

struct IllEntries<'a> {
    batches: Vec<Vec<Entry>>,
    unread: u64,
    _of: std::marker::PhantomData<&'a ()>,
}

impl Entries for IllEntries<'static> {
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>> {
        Box::pin(std::future::ready(Ok(self.batches.pop().unwrap_or_default())))
    }

    fn unread(&self) -> u64 {
        self.unread
    }
}

impl Storage for Ill {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        Box::pin(async move {
            self.pass("stat", path).await?;
            Ok(self.coarse(self.inner.stat(path, follow).await?))
        })
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        Box::pin(async move {
            self.pass("list", path).await?;
            let mut inner = self.inner.list(path).await?;
            let mut batches = Vec::new();
            loop {
                let mut batch = inner.next_batch().await?;
                if batch.is_empty() {
                    break;
                }
                for entry in &mut batch {
                    entry.meta = self.coarse(entry.meta.clone());
                    entry.target = entry.target.take().map(|target| self.coarse(target));
                }
                batches.push(batch);
            }
            let added = self.added.iter().filter(|(dir, _)| dir == path).map(|(_, e)| e.clone());
            batches.push(added.collect());
            batches.retain(|batch: &Vec<Entry>| !batch.is_empty());
            batches.reverse();
            let unread = self.unread;
            let all = IllEntries { batches, unread, _of: std::marker::PhantomData };
            Ok(Box::new(all) as Box<dyn Entries>)
        })
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        Box::pin(async move {
            self.pass("read", path).await?;
            let Source::Stream { stream, len } = self.inner.read(path, from).await? else {
                return Err(FsError::Unsupported);
            };
            let stream = Box::new(IllSource {
                inner: stream,
                reads: Arc::clone(&self.reads),
                chunk: self.chunk,
                latency: self.latency,
                _open: Open::new(&self.open),
            });
            Ok(Source::Stream { stream, len })
        })
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        Box::pin(async move {
            self.pass("write", path).await?;
            let possible = match mode {
                WriteMode::Create(_) | WriteMode::CreateNew(_) => true,
                WriteMode::Over(_) => self.caps.write_over,
                _ => self.caps.write_in_place,
            };
            if !possible {
                return Err(FsError::Unsupported);
            }
            let inner = match mode {
                WriteMode::Over(from) if self.cuts => {
                    let size = self.inner.stat(path, true).await?.size;
                    self.inner.write(path, WriteMode::At(from.min(size)), perm).await?
                }
                WriteMode::Over(from) if self.writers > 1 => {
                    let mut inner = self.inner.write(path, WriteMode::Over(0), perm).await?;
                    inner.seek(from).await?;
                    inner
                }
                mode => self.inner.write(path, mode, perm).await?,
            };
            let (latency, _open) = (self.latency, Open::new(&self.open));
            let writes = Arc::clone(&self.writes);
            Ok(Box::new(IllSink { inner, latency, writes, taken: Vec::new(), _open })
                as Box<dyn Sink>)
        })
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        Box::pin(async move {
            self.pass("make_dir", path).await?;
            self.inner.make_dir(path, perm).await
        })
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        Box::pin(async move {
            self.pass("make_link", path).await?;
            self.inner.make_link(path, target).await
        })
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        Box::pin(async move {
            self.pass("remove", path).await?;
            self.inner.remove_dir(path).await
        })
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        Box::pin(async move {
            self.pass("remove", path).await?;
            self.inner.remove_file(path).await
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        Box::pin(async move {
            self.pass("rename", from).await?;
            if !self.renames {
                return Err(FsError::Unsupported);
            }
            self.inner.rename(from, to, replace).await
        })
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        Box::pin(async move {
            self.pass("set_meta", path).await?;
            if set.modified.is_some() && !self.caps.set_times {
                return Err(FsError::Unsupported);
            }
            self.inner.set_meta(path, set).await
        })
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        self.inner.free_space(path)
    }

    fn hash<'a>(
        &'a self,
        path: &'a FtpPath,
        algorithm: Algorithm,
        from: u64,
        len: Option<u64>,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        Box::pin(async move {
            if !self.hashes || from > 0 || algorithm != Algorithm::Sha1 {
                return Ok(None);
            }
            self.log.lock().unwrap().push(format!("hash {path}"));
            crate::copy::digest(&self.inner, path, algorithm, len).await.map(Some)
        })
    }

    fn writers<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<usize, FsError>> {
        Box::pin(async move {
            self.pass("writers", path).await?;
            Ok(self.writers)
        })
    }

    fn ready(&self, at_a_time: usize) -> BoxFut<'_, ()> {
        self.log.lock().unwrap().push(format!("ready {at_a_time}"));
        Box::pin(std::future::ready(()))
    }

    fn expect_small(&self, stored: bool) {
        let what = if stored { "expect stored" } else { "expect loaded" };
        self.log.lock().unwrap().push(what.to_owned());
    }

    fn width(&self) -> usize {
        self.width
    }
}

/// The path that `text` is.
pub(crate) fn p(text: &str) -> FtpPath {
    FtpPath::new(text.as_bytes()).unwrap()
}

/// Sets a time of modification.
pub(crate) async fn touch(files: &Memory, path: &str, secs: i64, nanos: u32) {
    let set = SetMeta { modified: Some(UnixTime { secs, nanos }), ..SetMeta::default() };
    files.set_meta(&p(path), set).await.unwrap();
}

/// Everything below `root`: paths, kinds, times, and contents or where links lead.
pub(crate) async fn tree(files: &Memory, root: &str) -> Vec<(FtpPath, Kind, UnixTime, Vec<u8>)> {
    let mut todo = vec![(p(root), FtpPath::root())];
    let mut all = Vec::new();
    while let Some((dir, rel)) = todo.pop() {
        let mut entries = files.list(&dir).await.unwrap();
        loop {
            let batch = entries.next_batch().await.unwrap();
            if batch.is_empty() {
                break;
            }
            for entry in batch {
                let (path, rel) =
                    (dir.child(&entry.name).unwrap(), rel.child(&entry.name).unwrap());
                let content = match entry.meta.kind {
                    Kind::File => files.get(path.as_bytes()).unwrap(),
                    _ => entry.link.clone().unwrap_or_default(),
                };
                let time = match entry.meta.kind {
                    Kind::Symlink => UnixTime::default(),
                    _ => entry.meta.modified,
                };
                if entry.meta.kind == Kind::Dir {
                    todo.push((path, rel.clone()));
                }
                all.push((rel, entry.meta.kind, time, content));
            }
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}
