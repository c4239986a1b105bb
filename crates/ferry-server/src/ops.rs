//! What the session machine asks of storage, carried out: each [`Ask`] about files becomes calls
//! on the guarded storage and one [`Outcome`]. Data connections and log-ins are elsewhere.

use std::sync::Arc;
use std::time::Duration;

use ferry_accounts::policy::Op;
use ferry_proto::charset::Names;
use ferry_proto::date::UnixTime;
use ferry_proto::modify::FactChange;
use ferry_proto::path::FtpPath;
use ferry_proto::server::listing::Target;
use ferry_proto::server::{Ask, Failure, Outcome};
use ferry_proto::site::ModeChange;
use ferry_storage::{ByteSource, Entry, FsError, Kind, SetMeta, Source, Storage as _, Upload};

use crate::entropy::Entropy;
use crate::guard::Guarded;
use crate::listing::{Teller, fact_kind};
use crate::opened::{Opened, list_target};
use crate::options::Coding;

/// What is read at a time when a file is only looked through.
const SCAN_CHUNK: usize = 256 << 10;

/// Why an operation did not happen.
#[derive(Debug)]
pub(crate) enum Refused {
    Storage(FsError),
    TooCostly,
    /// One file was named for two parts.
    SameFile,
    /// The file cannot be moved in that representation.
    NotOfForm,
    /// It was told to stop.
    Stopped,
}

impl From<FsError> for Refused {
    fn from(error: FsError) -> Self {
        Self::Storage(error)
    }
}

impl Refused {
    /// What the session machine is told.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::TooCostly => Failure::TooCostly,
            Self::SameFile => Failure::SameFile,
            Self::NotOfForm => Failure::NotOfForm,
            // Work that is stopped has an outcome of its own.
            Self::Stopped => Failure::Busy,
            Self::Storage(error) => failure(error),
        }
    }
}

/// The one mapping from storage errors to what the session machine is told.
pub(crate) fn failure(error: &FsError) -> Failure {
    match error {
        FsError::NotFound => Failure::NotFound,
        FsError::Denied => Failure::Denied,
        FsError::Exists => Failure::Exists,
        FsError::NotEmpty => Failure::NotEmpty,
        FsError::NotFile => Failure::NotFile,
        FsError::NotDir => Failure::NotDir,
        FsError::BadName => Failure::BadName,
        FsError::IntoItself => Failure::IntoItself,
        FsError::BadOffset => Failure::BadOffset,
        FsError::NoSpace => Failure::NoSpace,
        FsError::Quota => Failure::Quota,
        FsError::Busy => Failure::Busy,
        FsError::Unsupported => Failure::Unsupported,
        FsError::NeedsAccount => Failure::NeedsAccount,
        _ => Failure::Io,
    }
}

/// What one operation may use: the account's storage behind its guard and what the operator set.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) guard: Arc<Guarded>,
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) now: UnixTime,
    /// How names look in listings.
    pub(crate) names: Option<Names>,
    pub(crate) uploads: Upload,
    pub(crate) show_hidden: bool,
    pub(crate) recursive_listings: bool,
    pub(crate) coding: Coding,
    pub(crate) size_scan: u64,
    pub(crate) restart_scan: u64,
    pub(crate) stat_entries: usize,
    pub(crate) work_octets: u64,
    pub(crate) work_entries: u64,
    pub(crate) work_time: Duration,
}

impl Session {
    pub(crate) fn teller(&self) -> Teller {
        Teller { guard: Arc::clone(&self.guard), entropy: Arc::clone(&self.entropy) }
    }

    /// Opens a file to look through it from its start.
    pub(crate) async fn reader(&self, path: &FtpPath) -> Result<Scan, FsError> {
        self.reader_from(path, 0).await
    }

    /// The same, from an offset on.
    pub(crate) async fn reader_from(&self, path: &FtpPath, at: u64) -> Result<Scan, FsError> {
        Ok(Scan { source: Some(self.guard.read(path, at).await?), at, chunk: Vec::new() })
    }

    /// Carries out what is asked about files.
    pub(crate) async fn perform(&self, ask: Ask) -> Outcome {
        match self.attempt(ask).await {
            Ok(outcome) => outcome,
            Err(refused) => Outcome::Failed(refused.failure()),
        }
    }

    async fn attempt(&self, ask: Ask) -> Result<Outcome, Refused> {
        let guard = &self.guard;
        match ask {
            Ask::ChangeDir(path) => {
                if guard.stat(&path, true).await?.kind != Kind::Dir {
                    return Err(FsError::NotDir.into());
                }
            }
            Ask::MakeDir(path, umask) => guard.make_dir(&path, 0o777 & !u32::from(umask)).await?,
            Ask::RemoveDir(path) => guard.remove_dir(&path).await?,
            Ask::Delete(path) => guard.remove_file(&path).await?,
            Ask::RenameFrom(path) => self.may_rename(&path).await?,
            Ask::Rename(from, to) => guard.rename(&from, &to, true).await?,
            Ask::Size(path, form) => {
                let meta = guard.stat(&path, true).await?;
                if meta.kind != Kind::File {
                    return Err(FsError::NotFile.into());
                }
                return Ok(Outcome::Number(self.wire_size(&path, form, meta.size).await?));
            }
            Ask::ModTime { path, or_set } => return self.mod_time(path, or_set).await,
            Ask::SetTimes { path, modified, accessed } => {
                let set = SetMeta { modified: Some(modified), accessed, ..SetMeta::default() };
                guard.set_meta(&path, set).await?;
            }
            Ask::ChangeFacts { path, change, .. } => {
                guard.set_meta(&path, set_meta(&change)).await?;
            }
            Ask::MakeDirs(path, umask) => self.make_dirs(&path, umask).await?,
            Ask::MakeLink { path, target } => guard.make_link(&path, &target).await?,
            Ask::CopyFrom(path) => self.may_copy(&path).await?,
            Ask::FreeSpace(path) => {
                let free = guard.free_space(&path).await?.ok_or(FsError::Unsupported)?;
                return Ok(Outcome::Number(free));
            }
            Ask::ChangeMode(path, change) => self.change_mode(&path, &change).await?,
            Ask::Facts(path, set) => return Ok(Outcome::Text(self.facts(&path, set).await?)),
            Ask::Status(targets) => return Ok(Outcome::Text(self.status(targets).await?)),
            Ask::Room(path, octets) => match guard.free_space(&path).await {
                Ok(Some(free)) if free < octets => return Err(FsError::NoSpace.into()),
                // ALLO has no reply for a directory that was removed meanwhile (RFC 959 §5.4); the
                // upload that follows has.
                Ok(_) | Err(FsError::NotFound) => {}
                Err(error) => return Err(error.into()),
            },
            // The session driver answers these itself.
            Ask::Login { .. }
            | Ask::Recognise(_)
            | Ask::Account(_)
            | Ask::Host(_)
            | Ask::Mount(_)
            | Ask::LeaveUtf8
            | Ask::Pause(_)
            | Ask::Listen { .. }
            | Ask::Expect(_)
            | Ask::Join(_)
            | Ask::Who
            | Ask::Open(_)
            | Ask::Work { .. }
            | Ask::Move { .. } => return Err(FsError::Unsupported.into()),
        }
        Ok(Outcome::Done)
    }

    async fn may_rename(&self, path: &FtpPath) -> Result<(), Refused> {
        self.guard.stat(path, false).await?;
        self.guard.check(Op::RenameFrom, path)?;
        if path.is_root() {
            return Err(FsError::Denied.into());
        }
        Ok(())
    }

    async fn may_copy(&self, path: &FtpPath) -> Result<(), Refused> {
        let meta = self.guard.stat(path, true).await?;
        let op = match meta.kind {
            Kind::Dir => Op::List,
            Kind::File => Op::Read,
            _ => return Err(FsError::NotFile.into()),
        };
        if path.is_root() || !self.guard.allows(op, path) {
            return Err(FsError::Denied.into());
        }
        Ok(())
    }

    /// SITE MKDIR: the directory and those above it; what is there already is fine if it is a
    /// directory.
    async fn make_dirs(&self, path: &FtpPath, umask: u16) -> Result<(), Refused> {
        let mut at = FtpPath::root();
        for name in path.components() {
            at = at.child(name).map_err(|_| FsError::BadName)?;
            match self.guard.make_dir(&at, 0o777 & !u32::from(umask)).await {
                Ok(()) => {}
                // A read-only account is told only where something would have to be made.
                Err(refused @ (FsError::Exists | FsError::Denied)) => {
                    match self.guard.stat(&at, true).await {
                        Ok(meta) if meta.kind == Kind::Dir => {}
                        Ok(_) => return Err(FsError::Exists.into()),
                        Err(_) => return Err(refused.into()),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn mod_time(
        &self,
        path: FtpPath,
        or_set: Option<(UnixTime, FtpPath)>,
    ) -> Result<Outcome, Refused> {
        match (self.guard.stat(&path, true).await, or_set) {
            (Ok(meta), _) => Ok(Outcome::Time(meta.modified)),
            (Err(FsError::NotFound), Some((time, path))) => {
                let set = SetMeta { modified: Some(time), ..SetMeta::default() };
                self.guard.set_meta(&path, set).await?;
                Ok(Outcome::Done)
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    async fn change_mode(&self, path: &FtpPath, change: &ModeChange) -> Result<(), Refused> {
        let meta = self.guard.stat(path, true).await?;
        let now = meta.mode.ok_or(FsError::Unsupported)?;
        let mode = change.apply(now, meta.kind == Kind::Dir);
        self.guard.set_meta(path, SetMeta { mode, ..SetMeta::default() }).await?;
        Ok(())
    }

    /// MLST: the target of a link that leads inside, under the name asked for (full path).
    async fn facts(
        &self,
        path: &FtpPath,
        set: ferry_proto::facts::FactSet,
    ) -> Result<Vec<u8>, Refused> {
        let meta = match self.guard.stat(path, true).await {
            Err(FsError::NotFound) => self.guard.stat(path, false).await?,
            other => other?,
        };
        let entry = Entry { name: Vec::new(), meta, link: None, target: None };
        let (kind, meta) = fact_kind(&entry);
        let mut line = Vec::new();
        self.teller().facts(set, kind, path, meta, path.as_bytes(), &mut line);
        Ok(line)
    }

    /// STAT with a path: listing lines for the control connection, up to a bound.
    async fn status(&self, targets: Vec<Target>) -> Result<Vec<u8>, Refused> {
        let mut failed = FsError::NotFound;
        for mut target in targets {
            // The heading of a directory named `213 End` would be taken for the end of the reply.
            target.options.recursive = false;
            let meta = match self.guard.stat(&target.path, true).await {
                Ok(meta) => meta,
                Err(error) => {
                    failed = error;
                    continue;
                }
            };
            let ready = list_target(self, target, meta, false).await?;
            let Opened::Listing(mut listing, _) = ready.opened else {
                return Err(FsError::Unsupported.into());
            };
            let (mut text, mut lines) = (Vec::new(), 0);
            loop {
                let before = text.len();
                let more = listing.next_chunk(&mut text).await?;
                let added = text.get(before..).unwrap_or_default();
                lines += added.iter().filter(|b| **b == b'\n').count();
                if lines > self.stat_entries {
                    cut_lines(&mut text, self.stat_entries);
                    text.extend_from_slice(b" (truncated)\r\n");
                    return Ok(text);
                }
                if !more {
                    return Ok(text);
                }
            }
        }
        Err(failed.into())
    }
}

fn set_meta(change: &FactChange) -> SetMeta {
    SetMeta {
        modified: change.modify,
        created: change.create,
        mode: change.mode,
        owner: change.owner,
        group: change.group,
        ..SetMeta::default()
    }
}

fn cut_lines(text: &mut Vec<u8>, keep: usize) {
    let ends = text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1);
    if let Some(cut) = keep.checked_sub(1).and_then(|n| ends.clone().nth(n)) {
        text.truncate(cut);
    }
}

/// A file being looked through, chunk by chunk, off the async threads.
pub(crate) struct Scan {
    source: Option<Source>,
    at: u64,
    chunk: Vec<u8>,
}

impl Scan {
    /// The next octets; none at the end.
    pub(crate) async fn next(&mut self) -> Result<&[u8], FsError> {
        let mut buf = std::mem::take(&mut self.chunk);
        buf.resize(SCAN_CHUNK, 0);
        match self.source.take() {
            Some(Source::Stream { mut stream, len }) => {
                let (back, read) = ByteSource::read(&mut *stream, buf).await;
                buf = back;
                buf.truncate(read?);
                self.source = Some(Source::Stream { stream, len });
            }
            Some(Source::File { file, from, len }) => {
                let at = self.at;
                let read = tokio::task::spawn_blocking(move || {
                    let read = std::os::unix::fs::FileExt::read_at(&file, &mut buf, at);
                    (file, buf, read)
                });
                let (file, back, read) =
                    read.await.map_err(|e| FsError::Io(std::io::Error::other(e)))?;
                buf = back;
                buf.truncate(read.map_err(FsError::Io)?);
                self.source = Some(Source::File { file, from, len });
            }
            _ => buf.clear(),
        }
        self.at += u64::try_from(buf.len()).unwrap_or(0);
        self.chunk = buf;
        Ok(&self.chunk)
    }
}
