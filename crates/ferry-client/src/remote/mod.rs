//! A server as a [`Storage`]: what works on a directory of this machine works on it.
//!
//! Paths are absolute on the server. Operations share a pool of sessions; many may be started at
//! once ([`Storage::width`] says how many are worth it), and small files then follow each other
//! without waiting for round trips where the server allows that.

mod entries;
mod looked;
mod ranges;
mod read;
mod sizes;
mod write;

use std::sync::Arc;

use ferry_proto::client::packed::is_packed;
use ferry_proto::date::UnixTime;
use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;
use ferry_proto::reply_reader::IncomingReply;
use ferry_storage::{
    BoxFut, Caps, Entries, FsError, Kind, Meta, Precision, SetMeta, Sink, Source, Storage,
    WriteMode,
};

use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Lease, Pool, Use};
use crate::session::capabilities::{Capabilities, Ranges, Shared};
use crate::session::{Session, Stat};
use crate::settings::{Compress, Settings};
use crate::site::Site;

use sizes::{LongDirs, Sizes};

/// A server's files. Clones share its sessions.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use ferry_client::{Settings, Site, remote::Remote};
/// use ferry_proto::path::FtpPath;
/// use ferry_storage::Storage as _;
/// let remote = Remote::connect(Site::new("ftp.example.org"), Settings::default()).await?;
/// let readme = remote.stat(&FtpPath::new(b"/README")?, true).await?;
/// println!("{} octets", readme.size);
/// remote.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Remote(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: Arc<Pool>,
    home: FtpPath,
    sizes: Sizes,
    long_dirs: LongDirs,
    looked: looked::Looked,
    /// Held by who finds out whether several sessions can fill one file.
    proving: tokio::sync::Semaphore,
}

/// Below this many octets, what compression saves is less than what a data connection costs.
const SMALL_COMPRESSED_MAX: u64 = 32 * 1024;

/// What an operation returns as a future.
macro_rules! storage {
    ($body:expr) => {
        Box::pin(async move { $body.await.map_err(FsError::from) })
    };
}

impl Remote {
    /// Logs in once, so that what is wrong shows at once.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn connect(site: Site, settings: Settings) -> Result<Self> {
        Self::begin(site, settings, None, None).await
    }

    /// As [`connect`](Self::connect), for moving many files to the server (`up`) or from it. Where
    /// the last such run is remembered to have moved many small ones over a long way, further
    /// sessions are made together with the first.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn connect_for_many(site: Site, settings: Settings, up: bool) -> Result<Self> {
        Self::begin(site, settings, Some(up), None).await
    }

    /// As [`connect_for_many`](Self::connect_for_many), from the server, for a tree below `path`,
    /// which may be relative to where one is after the log-in. What is there is then asked for
    /// together with the log-in.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn connect_for_tree(site: Site, settings: Settings, path: &[u8]) -> Result<Self> {
        Self::begin(site, settings, Some(false), Some(path)).await
    }

    async fn begin(
        site: Site,
        settings: Settings,
        many: Option<bool>,
        tree: Option<&[u8]>,
    ) -> Result<Self> {
        let known = Arc::new(Shared::new(crate::memory::recall(&site, &settings)));
        let pool = Pool::new(site, settings, known);
        let mut hasty = many.is_some_and(|up| pool.begin_early(up, tree));
        let mut tried = 0;
        let lease = loop {
            match pool.lease(Use::Command).await {
                Ok(lease) => break lease,
                Err(error) if std::mem::take(&mut hasty) && is_of_haste(&error) => continue,
                Err(error) => match pool.again(&error, tried) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
            }
            tried += 1;
        };
        let home = match lease.home() {
            [] => lease.working_dir().await.unwrap_or_default(),
            home => home.to_vec(),
        };
        drop(lease);
        let home = FtpPath::new(&home).unwrap_or_else(|_| FtpPath::root());
        crate::memory::keep(pool.site(), pool.settings(), &pool.capabilities());
        let look = pool.take_look();
        let at = tree.and_then(|tree| home.resolve(tree).ok());
        Ok(Self(Arc::new(Inner {
            pool,
            home,
            sizes: Sizes::default(),
            long_dirs: LongDirs::default(),
            looked: looked::Looked::new(at.zip(look)),
            proving: tokio::sync::Semaphore::new(1),
        })))
    }

    /// The directory right after the log-in.
    #[must_use]
    pub fn home(&self) -> &FtpPath {
        &self.0.home
    }

    /// What is known of the server.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.0.pool.capabilities()
    }

    /// Sends one command on one of the sessions and gives its last reply, whatever it says. Not for
    /// commands that need a data connection or change the session.
    ///
    /// # Errors
    /// As [`Session::command`].
    pub async fn command(&self, line: &[u8]) -> Result<IncomingReply> {
        let lease = self.0.pool.lease(Use::Alone).await?;
        lease.command(line).await
    }

    /// A session for what this does not offer. It counts as one of the pool's until dropped.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn session(&self) -> Result<Session> {
        let lease = self.0.pool.lease(Use::Alone).await?;
        Ok((*lease).clone())
    }

    /// Ends all sessions, and keeps what was learned of the server.
    pub async fn close(&self) {
        self.0.pool.remember_small();
        crate::memory::keep(self.0.pool.site(), self.0.pool.settings(), &self.capabilities());
        self.0.pool.close().await;
    }

    /// Its sessions.
    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.0.pool
    }

    /// Does something on a session, again on another where that may help.
    async fn with<T, F>(&self, wanted: Use, work: impl Fn(Lease) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut tried = 0;
        loop {
            let result = match self.0.pool.lease(wanted).await {
                Ok(lease) => work(lease).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(value) => return Ok(value),
                Err(error) => match self.0.pool.again(&error, tried) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
            }
            tried += 1;
        }
    }

    /// Whether the settings want data compressed, and the server may do that.
    fn compresses(&self) -> bool {
        let takes = || {
            self.0.pool.known().read(|known| {
                known.deflate.may() && known.features.as_ref().is_some_and(|f| f.mode(b'Z'))
            })
        };
        self.0.pool.settings().compress != Compress::Off && takes()
    }

    /// The longest file that is worth being moved with others on one connection, which is not
    /// compressed, where it could be compressed.
    fn small_max(&self, path: &FtpPath) -> Option<u64> {
        (self.compresses() && !is_packed(path.as_bytes())).then_some(SMALL_COMPRESSED_MAX)
    }

    fn meta_of(&self, path: &FtpPath, stat: &Stat) -> Meta {
        let kind = match stat.is_dir {
            Some(true) => Kind::Dir,
            _ if stat.is_link => Kind::Symlink,
            _ => Kind::File,
        };
        Meta {
            kind,
            size: stat.size.unwrap_or(0),
            size_known: stat.size.is_some(),
            modified: stat.modified.unwrap_or_default(),
            precision: match stat.modified {
                Some(UnixTime { nanos: 0, .. }) => Precision::Second,
                Some(_) => Precision::Fraction,
                None => Precision::Unknown,
            },
            created: None,
            mode: stat.mode,
            links: 1,
            owner: None,
            group: None,
            unique: entries::identity(path, stat.unique.as_deref()),
        }
    }

    async fn stat_path(&self, path: &FtpPath, follow: bool) -> Result<Meta> {
        if path.is_root() {
            let stat = Stat { is_dir: Some(true), ..Stat::default() };
            return Ok(self.meta_of(path, &stat));
        }
        if let Some(stat) = self.0.looked.stat(path) {
            return Ok(self.meta_of(path, &stat));
        }
        // Without MLST the working directory is needed to tell what it is.
        let mlst = self.0.pool.known().read(|known| known.mlsd.may() && known.has("MLST"));
        let wanted = if mlst { Use::Command } else { Use::Alone };
        let stat =
            self.with(wanted, |lease| async move { lease.stat(path.as_bytes()).await }).await?;
        if stat.is_link && follow {
            let is_dir = self
                .with(Use::Alone, |lease| async move { Ok(lease.is_dir(path.as_bytes()).await) })
                .await?;
            let stat = Stat { is_dir: Some(is_dir), is_link: false, ..stat };
            return Ok(self.meta_of(path, &stat));
        }
        Ok(self.meta_of(path, &stat))
    }

    async fn change(&self, path: &FtpPath, set: SetMeta) -> Result<()> {
        if set.created.is_some() || set.owner.is_some() || set.group.is_some() {
            return Err(Error::new(ErrorKind::Unsupported, "FTP cannot set that"));
        }
        if set.mode.is_none() && set.modified.is_none() {
            // Nothing that FTP could set; but what is not there is not found.
            return self.stat_path(path, true).await.map(drop);
        }
        if let Some(mode) = set.mode {
            self.with(
                Use::Command,
                |lease| async move { lease.set_mode(path.as_bytes(), mode).await },
            )
            .await?;
        }
        let Some(time) = set.modified else { return Ok(()) };
        let done = self.with(Use::Command, |lease| async move {
            lease.set_modified(path.as_bytes(), time).await
        });
        let error = match done.await {
            Err(error) if error.reply().is_some() => error,
            other => return other,
        };
        match error.kind() {
            // It will not, and what its words may mean beside that is anybody's guess.
            ErrorKind::Refused | ErrorKind::Busy | ErrorKind::BadName => {
                let what = "the server does not set the time";
                Err(Error::new(ErrorKind::Unsupported, what).with_source(error))
            }
            _ => Err(error),
        }
    }

    async fn link(&self, path: &FtpPath, target: &FtpPath) -> Result<()> {
        let spaced = |path: &FtpPath| path.as_bytes().contains(&b' ');
        if spaced(path) || spaced(target) {
            let what = "a link with spaces cannot be asked for";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let line = [b"SITE SYMLINK ", target.as_bytes(), b" ", path.as_bytes()].concat();
        let line = line.as_slice();
        self.with(Use::Command, |lease| async move {
            let reply = lease.command(line).await?;
            match reply.code {
                200..=299 => Ok(()),
                _ => Err(crate::session::refused("SITE SYMLINK", path.as_bytes(), reply)),
            }
        })
        .await
    }

    /// Makes a directory; servers that say only "no" are asked whether it is there.
    async fn make(&self, path: &FtpPath) -> Result<()> {
        let made = self
            .with(Use::Command, |lease| async move { lease.make_dir(path.as_bytes()).await })
            .await;
        match made {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Refused | ErrorKind::Busy | ErrorKind::BadName | ErrorKind::Denied
                ) && self.stat_path(path, true).await.is_ok_and(|m| m.kind == Kind::Dir) =>
            {
                Err(Error::new(ErrorKind::Exists, "the directory exists"))
            }
            other => other,
        }
    }

    /// Removes an empty directory; servers that say only "no" are asked what is in it.
    async fn unmake(&self, path: &FtpPath) -> Result<()> {
        let removed = self
            .with(Use::Command, |lease| async move { lease.remove_dir(path.as_bytes()).await })
            .await;
        match removed {
            Err(error) if error.kind() == ErrorKind::Refused => {
                let listed = self.list(path).await;
                let holds = match listed {
                    Ok(mut listed) => listed.next_batch().await.is_ok_and(|b| !b.is_empty()),
                    Err(_) => false,
                };
                if holds {
                    let what = "the directory is not empty";
                    return Err(Error::new(ErrorKind::NotEmpty, what));
                }
                Err(error)
            }
            other => other,
        }
    }

    async fn move_to(&self, from: &FtpPath, to: &FtpPath, replace: bool) -> Result<()> {
        if !replace && self.stat_path(to, false).await.is_ok() {
            return Err(Error::new(ErrorKind::Exists, "the new name is taken"));
        }
        let renamed = self.rename_once(from, to).await;
        match renamed {
            // Some do not rename over a file.
            Err(error)
                if replace
                    && matches!(error.kind(), ErrorKind::Exists | ErrorKind::Refused)
                    && self.stat_path(to, false).await.is_ok_and(|m| m.kind != Kind::Dir)
                    && self.stat_path(from, false).await.is_ok_and(|m| m.kind != Kind::Dir) =>
            {
                self.remove(to).await?;
                self.rename_once(from, to).await
            }
            other => other,
        }
    }

    async fn rename_once(&self, from: &FtpPath, to: &FtpPath) -> Result<()> {
        self.with(Use::Command, |lease| async move {
            lease.rename(from.as_bytes(), to.as_bytes()).await
        })
        .await
    }

    /// AVBL, where the server has it.
    async fn free(&self, path: &FtpPath) -> Result<Option<u64>> {
        let asked = match self.0.pool.known().read(|known| known.has("AVBL")) {
            true => self.ask_free(path).await,
            false => Ok(None),
        };
        match asked {
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            Ok(Some(free)) => Ok(Some(free)),
            _ if self.stat_path(path, true).await?.kind != Kind::Dir => {
                Err(Error::new(ErrorKind::NotDir, "it is no directory"))
            }
            _ => Ok(None),
        }
    }

    async fn ask_free(&self, path: &FtpPath) -> Result<Option<u64>> {
        let line = [b"AVBL ", path.as_bytes()].concat();
        let line = line.as_slice();
        self.with(Use::Command, |lease| async move {
            let reply = lease.command(line).await?;
            match reply.code {
                213 => Ok(ferry_proto::client::replies::size(&reply)),
                _ => Err(crate::session::refused("AVBL", path.as_bytes(), reply)),
            }
        })
        .await
    }

    async fn remove(&self, path: &FtpPath) -> Result<()> {
        self.with(Use::Command, |lease| async move { lease.remove_file(path.as_bytes()).await })
            .await
    }
}

impl Storage for Remote {
    fn caps(&self) -> Caps {
        self.0.pool.known().read(|known| Caps {
            write_in_place: true,
            write_over: matches!(known.ranges, Ranges::Rang | Ranges::Rest),
            set_times: known.sets_times(),
            set_mode: !known.features.as_ref().is_some_and(|f| !f.is_empty() && no_chmod(f)),
            set_created: false,
            set_owner: false,
            links: known.features.as_ref().is_some_and(|f| f.site("SYMLINK")),
            far: true,
        })
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        storage!(self.stat_path(path, follow))
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        storage!(entries::open(self, path))
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        storage!(read::open(self, path, from))
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        _perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        Box::pin(async move { write::open(self, path, mode).await })
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, _perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        storage!(self.make(path))
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        storage!(self.link(path, target))
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        if path.is_root() {
            return Box::pin(std::future::ready(Err(FsError::Denied)));
        }
        storage!(self.unmake(path))
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        storage!(self.remove(path))
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        storage!(self.move_to(from, to, replace))
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        storage!(self.change(path, set))
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        storage!(self.free(path))
    }

    fn hash<'a>(
        &'a self,
        path: &'a FtpPath,
        algorithm: Algorithm,
        from: u64,
        len: Option<u64>,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        storage!(self.with(Use::Alone, |lease| async move {
            lease.hash(path.as_bytes(), algorithm, from, len).await
        }))
    }

    fn writers<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<usize, FsError>> {
        Box::pin(async move { Ok(ranges::writers(self, path).await) })
    }

    fn width(&self) -> usize {
        self.0.pool.width()
    }

    fn ready(&self, at_a_time: usize) -> BoxFut<'_, ()> {
        Box::pin(self.0.pool.gather(at_a_time))
    }

    fn expect_small(&self, stored: bool) {
        self.0.pool.expect_small(stored);
    }
}

/// Whether a first session may have failed because it did not wait for the greeting.
fn is_of_haste(error: &Error) -> bool {
    use ErrorKind::{Certificate, Connect, Login, Resolve};
    !matches!(error.kind(), Resolve | Connect | Certificate | Login)
}

/// A server that lists SITE commands and not this one has it not.
fn no_chmod(features: &ferry_proto::feat::Features) -> bool {
    features.iter().any(|feature| feature.label.starts_with("SITE")) && !features.site("CHMOD")
}
