//! Steps that go through the storage over a pool of sessions: what breaks is tried again there, and
//! what a listing lost is counted. The other steps are in `steps.rs`.

use ferry_client::copy::{CopyOptions, Placing, Segments, copy_file};
use ferry_client::remote::Remote;
use ferry_client::{Error, ErrorKind, Settings, Site};
use ferry_proto::path::FtpPath;
use ferry_storage::local::LocalDir;
use ferry_storage::memory::Memory;
use ferry_storage::{FsError, Kind, Source, Storage as _, Upload, WriteMode};
use testkit::scene::{filler, quoted};

use super::line::word;
use super::outcome::{Came, Outcome, shown};

/// How much is asked for at a time.
const READ_LEN: usize = 16 * 1024;

/// Performs `remote WHAT …`, connecting first.
pub(super) async fn perform(
    kept: &mut Option<Remote>,
    site: &Site,
    settings: &Settings,
    text: &str,
) -> Result<Outcome, String> {
    if kept.is_none() {
        match Box::pin(Remote::connect(site.clone(), settings.clone())).await {
            Ok(remote) => *kept = Some(remote),
            Err(error) => return Ok(Err(error)),
        }
    }
    let remote = kept.as_ref().ok_or("no remote")?;
    let (what, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (path, rest) = word(rest)?;
    let path = FtpPath::new(&path).map_err(|e| format!("{e:?}"))?;
    let done = match what {
        "connect" => Ok(Came::Done),
        "read" => Box::pin(read(remote, &path)).await,
        "list" => list(remote, &path).await,
        "write" => write(remote, &path, content(rest)?, WriteMode::Create(Upload::Direct)).await,
        "segments" => return segments(remote, &path, &content(rest)?).await,
        "copy" => return copy(remote, &path, &content(rest)?).await,
        "append" => write(remote, &path, content(rest)?, WriteMode::Append).await,
        "stat" => remote.stat(&path, true).await.map(|meta| {
            Came::Words(match meta.kind {
                Kind::Dir => "directory".to_owned(),
                _ if !meta.size_known => "file".to_owned(),
                _ => format!("file of {}", meta.size),
            })
        }),
        "rm" => remote.remove_file(&path).await.map(|()| Came::Done),
        "mkdir" => remote.make_dir(&path, 0o755).await.map(|()| Came::Done),
        "rmdir" => remote.remove_dir(&path).await.map(|()| Came::Done),
        _ => return Err("no such step".to_owned()),
    };
    Ok(done.map_err(plain))
}

fn content(text: &str) -> Result<Vec<u8>, String> {
    match text.strip_suffix(" octets") {
        Some(n) => Ok(filler(n.parse().map_err(|_| "not a number")?)),
        None => quoted(text).map(|(octets, _)| octets),
    }
}

/// The error of the client inside that of a storage.
fn plain(error: FsError) -> Error {
    let text = error.to_string();
    let kind = match error {
        FsError::Io(io) => {
            let inner = io.into_inner().map(|inner| inner.downcast::<Error>());
            return match inner {
                Some(Ok(error)) => *error,
                _ => Error::new(ErrorKind::Local, text),
            };
        }
        FsError::NotFound => ErrorKind::NotFound,
        FsError::Denied => ErrorKind::Denied,
        FsError::Exists => ErrorKind::Exists,
        FsError::NotEmpty => ErrorKind::NotEmpty,
        FsError::NotFile => ErrorKind::NotFile,
        FsError::NotDir => ErrorKind::NotDir,
        FsError::BadName => ErrorKind::BadName,
        FsError::NoSpace => ErrorKind::NoSpace,
        FsError::Unsupported => ErrorKind::Unsupported,
        _ => ErrorKind::Refused,
    };
    Error::new(kind, text)
}

/// Copies a file of this machine in two segments at a time, and says in how many it was.
async fn segments(remote: &Remote, path: &FtpPath, octets: &[u8]) -> Result<Outcome, String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    std::fs::write(dir.path().join("f"), octets).map_err(|e| e.to_string())?;
    let here = LocalDir::open(dir.path()).map_err(|e| e.to_string())?;
    let from = FtpPath::new(b"/f").map_err(|e| format!("{e:?}"))?;
    let (segments, placing) = (Segments::Count(2), Placing::Final);
    let options = CopyOptions { segments, placing, ..CopyOptions::default() };
    let copied = copy_file(&here, &from, remote, path, &options, &()).await;
    Ok(copied.map(|copied| Came::Words(copied.segments.to_string())))
}

/// Copies a file of this machine and says whether its time was kept.
async fn copy(remote: &Remote, path: &FtpPath, octets: &[u8]) -> Result<Outcome, String> {
    let here = Memory::new();
    here.put("/f", octets).map_err(|e| e.to_string())?;
    let from = FtpPath::new(b"/f").map_err(|e| format!("{e:?}"))?;
    let options = CopyOptions { placing: Placing::Final, ..CopyOptions::default() };
    let copied = copy_file(&here, &from, remote, path, &options, &()).await;
    let told = |kept| if kept { "time kept" } else { "time not kept" };
    Ok(copied.map(|copied| Came::Words(told(copied.times_kept).to_owned())))
}

async fn read(remote: &Remote, path: &FtpPath) -> Result<Came, FsError> {
    let Source::Stream { mut stream, .. } = remote.read(path, 0).await? else {
        return Err(FsError::Unsupported);
    };
    let mut content = Vec::new();
    let mut buf = vec![0; READ_LEN];
    loop {
        let (back, n) = stream.read(buf).await;
        buf = back;
        match n? {
            0 => return Ok(Came::Octets(content)),
            n => content.extend_from_slice(buf.get(..n).unwrap_or_default()),
        }
    }
}

async fn list(remote: &Remote, path: &FtpPath) -> Result<Came, FsError> {
    let mut entries = remote.list(path).await?;
    let mut names = Vec::new();
    loop {
        let batch = entries.next_batch().await?;
        if batch.is_empty() {
            break;
        }
        names.extend(batch.iter().map(|entry| match entry.meta.kind {
            Kind::Dir => format!("{}/", shown(&entry.name)),
            Kind::Symlink => format!("{}@", shown(&entry.name)),
            _ => shown(&entry.name),
        }));
    }
    let mut text = if names.is_empty() { "nothing".to_owned() } else { names.join(" ") };
    if entries.unread() > 0 {
        text.push_str(&format!(" ; unread {}", entries.unread()));
    }
    Ok(Came::Words(text))
}

async fn write(
    remote: &Remote,
    path: &FtpPath,
    content: Vec<u8>,
    mode: WriteMode,
) -> Result<Came, FsError> {
    let mut sink = remote.write(path, mode, 0o644).await?;
    let mut buf = Vec::new();
    for piece in content.chunks(READ_LEN) {
        buf.clear();
        buf.extend_from_slice(piece);
        let (back, written) = sink.write(buf).await;
        buf = back;
        written?;
    }
    sink.commit().await.map(|()| Came::Done)
}
