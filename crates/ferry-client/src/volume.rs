//! A directory of a server as a storage that is connected when it is first used, so that whoever
//! serves it can start while that server is down. Those who use it are strangers to each other, and
//! keep out of each other's way ([`Settings::apart`]).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;
use ferry_storage::{
    BoxFut, Caps, Entries, FsError, Meta, SetMeta, Sink, Source, Storage, Within, WriteMode,
};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::remote::Remote;
use crate::settings::Settings;
use crate::site::Site;

/// How long a server that could not be reached is left alone: whoever asks meanwhile is told at
/// once, instead of waiting behind others for the same time-out.
const LEFT_ALONE: Duration = Duration::from_secs(5);

/// So many times as long where the log-in was refused: the same words will not do better a moment
/// later, and whoever says wrong ones too often is turned away.
const REFUSED: u32 = 12;

/// A directory of a server. What goes wrong on the way there is an error of each operation, and
/// the next one tries again.
#[derive(Debug)]
pub struct Volume {
    site: Site,
    settings: Settings,
    /// As written: absolute, or from the directory after log-in.
    path: Vec<u8>,
    there: OnceCell<Within<Remote>>,
    /// When the last attempt to get there failed, and for how long no other is made.
    failed: Mutex<Option<(Instant, Duration)>>,
    left_alone: Duration,
    told: Option<Told>,
    told_at: Mutex<Option<Instant>>,
}

/// Who is told why the server could not be reached.
#[derive(Clone)]
struct Told(Arc<dyn Fn(&Error) + Send + Sync>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told(…)")
    }
}

impl Volume {
    /// The directory `path` of that server: absolute, or seen from the directory after log-in,
    /// which is also what an empty one means. Nothing is connected yet.
    #[must_use]
    pub fn new(site: Site, settings: Settings, path: Vec<u8>) -> Self {
        Self {
            site,
            settings: Settings { apart: true, ..settings },
            path,
            there: OnceCell::new(),
            failed: Mutex::new(None),
            left_alone: LEFT_ALONE,
            told: None,
            told_at: Mutex::new(None),
        }
    }

    /// Has `told` called when the server cannot be reached, refuses the log-in or has no session
    /// left: whoever uses the volume learns only that it is busy or broken, and not why. Not more
    /// often than a server is left alone. It must not block.
    #[must_use]
    pub fn telling(mut self, told: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.told = Some(Told(Arc::new(told)));
        self
    }

    /// Says how long a server that could not be reached is left alone, if not five seconds; one
    /// that refused the log-in is left alone for twelve times as long.
    #[must_use]
    pub fn leaving_alone(mut self, time: Duration) -> Self {
        self.left_alone = time;
        self
    }

    async fn there(&self) -> Result<&Within<Remote>, FsError> {
        self.there.get_or_try_init(|| Box::pin(self.connect())).await
    }

    async fn connect(&self) -> Result<Within<Remote>, FsError> {
        let failed = || self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed().is_some_and(|(at, long)| at.elapsed() < long) {
            return Err(FsError::Busy);
        }
        match Remote::connect(self.site.clone(), self.settings.clone()).await {
            Ok(remote) => {
                let path = match self.path.as_slice() {
                    b"" => Ok(remote.home().clone()),
                    path => remote.home().resolve(path),
                };
                Ok(Within::new(remote, path.map_err(|_| FsError::BadName)?))
            }
            Err(error) => {
                let times = if error.kind() == ErrorKind::Login { REFUSED } else { 1 };
                *failed() = Some((Instant::now(), self.left_alone.saturating_mul(times)));
                self.tell(&error);
                Err(unreachable(error))
            }
        }
    }

    fn tell(&self, error: &Error) {
        let mut at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Told(told)) = &self.told
            && at.is_none_or(|at| at.elapsed() >= self.left_alone)
        {
            *at = Some(Instant::now());
            told(error);
        }
    }

    /// An error of the storage there, for those who are not to know that it is elsewhere.
    fn passed_on(&self, error: FsError) -> FsError {
        let FsError::Io(source) = &error else { return error };
        let Some(why) = source.get_ref().and_then(|why| why.downcast_ref::<Error>()) else {
            return error;
        };
        match why.kind() {
            ErrorKind::Resolve | ErrorKind::Connect | ErrorKind::TooMany => {
                self.tell(why);
                FsError::Busy
            }
            _ => error,
        }
    }
}

/// Why nothing can be done there now. That the log-in there is refused says nothing about what the
/// one who asks here may do.
fn unreachable(error: Error) -> FsError {
    match error.kind() {
        ErrorKind::Resolve
        | ErrorKind::Connect
        | ErrorKind::Timeout
        | ErrorKind::Closed
        | ErrorKind::TooMany
        | ErrorKind::Busy => FsError::Busy,
        _ => FsError::Io(std::io::Error::other(error)),
    }
}

/// Does it on the server.
macro_rules! there {
    ($self:ident, |$there:ident| $work:expr) => {
        Box::pin(async move {
            let $there = $self.there().await?;
            $work.await.map_err(|error| $self.passed_on(error))
        })
    };
}

impl Storage for Volume {
    /// Before the server is known, all that it may be able to do.
    fn caps(&self) -> Caps {
        self.there.get().map_or(
            Caps {
                write_in_place: true,
                write_over: true,
                set_times: true,
                set_mode: true,
                set_created: false,
                set_owner: false,
                links: true,
                far: true,
            },
            Storage::caps,
        )
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        there!(self, |there| there.stat(path, follow))
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        there!(self, |there| there.list(path))
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        there!(self, |there| there.read(path, from))
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        there!(self, |there| there.write(path, mode, perm))
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        there!(self, |there| there.make_dir(path, perm))
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        there!(self, |there| there.make_link(path, target))
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        there!(self, |there| there.remove_dir(path))
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        there!(self, |there| there.remove_file(path))
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        there!(self, |there| there.rename(from, to, replace))
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        there!(self, |there| there.set_meta(path, set))
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        there!(self, |there| there.free_space(path))
    }

    fn hash<'a>(
        &'a self,
        path: &'a FtpPath,
        algorithm: Algorithm,
        from: u64,
        len: Option<u64>,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        there!(self, |there| there.hash(path, algorithm, from, len))
    }

    fn writers<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<usize, FsError>> {
        there!(self, |there| there.writers(path))
    }

    fn width(&self) -> usize {
        self.there.get().map_or(1, Storage::width)
    }

    fn ready(&self, at_a_time: usize) -> BoxFut<'_, ()> {
        match self.there.get() {
            Some(there) => there.ready(at_a_time),
            None => Box::pin(std::future::ready(())),
        }
    }

    fn expect_small(&self, stored: bool) {
        if let Some(there) = self.there.get() {
            there.expect_small(stored);
        }
    }
}
