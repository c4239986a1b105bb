//! Trees made alike, both ways, in one go and after an interruption.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_client::copy::rate::{Limiter, Timetable};
use ferry_client::copy::{CopyOptions, Placing};
use ferry_client::mirror::{Event, MirrorOptions, Observer, Summary, Tree, mirror};
use ferry_proto::path::FtpPath;
use ferry_storage::local::LocalDir;
use tokio::sync::Notify;

use interop::servers::{Kind, Tls};

use super::at::{At, path};
use super::sample::{FILES, PART_FILES, alike};

/// How far apart times may be behind a download: vsftpd's listings tell days of what is older than
/// half a year.
fn apart(at: &At<'_>) -> u64 {
    if at.peer.kind == Kind::Vsftpd { 86_400 } else { 0 }
}

/// The tree below a directory of this machine.
pub(super) fn local(dir: &Path) -> Result<Tree, String> {
    let dir = LocalDir::open(dir).map_err(|e| e.to_string())?;
    Ok(Tree::new(Arc::new(dir), FtpPath::root()))
}

/// The tree below a directory of the server.
pub(super) fn served(at: &At<'_>, dir: &str) -> Tree {
    Tree::new(Arc::new(at.remote.clone()), path(dir))
}

/// As the command does it: on servers under the file's own name from the start.
pub(super) fn upward() -> MirrorOptions {
    let copy = CopyOptions { placing: Placing::Final, ..CopyOptions::default() };
    MirrorOptions { copy, ..MirrorOptions::default() }
}

/// Fails unless all went well.
pub(super) fn well(at: &At<'_>, done: &Summary) -> Result<(), String> {
    let failed = done.failures.first();
    let about = failed.map(|(path, _)| String::from_utf8_lossy(path.as_bytes()).into_owned());
    let about = about.map(|path| at.watch.about(&path)).unwrap_or_default();
    at.check(
        done.is_success() && done.skipped == 0,
        &format!("{:?} {failed:?}, {} skipped\n{about}\n", done.stopped, done.skipped),
    )
}

/// The whole tree by one link of each server, an eighth of it by the others: it takes a while.
fn part(at: &At<'_>) -> Option<usize> {
    let whole = match at.peer.kind {
        Kind::Rclone => Tls::Plain,
        // Crashes under TLS 1.3.
        Kind::Proftpd => Tls::V12,
        _ => Tls::V13,
    };
    (at.tls != whole).then_some(2)
}

async fn twice(
    at: &At<'_>,
    (from, to): (&Tree, &Tree),
    options: &MirrorOptions,
) -> Result<(), String> {
    let files = if part(at).is_some() { PART_FILES } else { FILES };
    let done = mirror(from, to, options, Arc::new(())).await;
    well(at, &done)?;
    at.check(done.copied == files, &format!("{} were copied", done.copied))?;
    let again = mirror(from, to, options, Arc::new(())).await;
    well(at, &again)?;
    let told = format!("again: {} copied, {} the same", again.copied, again.same);
    at.check((again.copied, again.same) == (0, files), &told)
}

/// 3,000 files up, then nothing more to do.
pub(super) async fn up(at: &At<'_>) -> Result<(), String> {
    at.dir("tree-up")?;
    let sample = at.content.sample(at.peer.kind);
    let here = sample.part(part(at));
    let trees = (&local(&here)?, &served(at, "/tree-up"));
    twice(at, trees, &upward()).await?;
    alike(&here, &at.peer.root.join("tree-up"), 0)
}

/// 3,000 files down, then nothing more to do.
pub(super) async fn down(at: &At<'_>) -> Result<(), String> {
    at.dir("tree-down")?;
    let sample = at.content.sample(at.peer.kind);
    let there = at.peer.root.join("tree-down");
    sample.copy_to(part(at), &there).map_err(|e| e.to_string())?;
    at.peer.settle().map_err(|e| e.to_string())?;
    let here = tempfile::tempdir().map_err(|e| e.to_string())?;
    let trees = (&served(at, "/tree-down"), &local(here.path())?);
    twice(at, trees, &MirrorOptions::default()).await?;
    alike(&sample.part(part(at)), here.path(), apart(at))
}

/// Octets a second of a mirror that is to be broken off: it takes more than a second.
const CUT_RATE: u64 = 512 << 10;

/// Says when so many files are there.
#[derive(Debug)]
struct Enough {
    files: AtomicU64,
    limit: u64,
    reached: Notify,
}

impl Observer for Enough {
    fn on(&self, event: &Event<'_>) {
        if matches!(event, Event::Done(_, Some(_)))
            && self.files.fetch_add(1, Ordering::Relaxed) + 1 == self.limit
        {
            self.reached.notify_one();
        }
    }
}

/// Broken off in the middle, then done to the end.
async fn broken_off(
    at: &At<'_>,
    (from, to): (&Tree, &Tree),
    options: &MirrorOptions,
) -> Result<(), String> {
    let enough = Arc::new(Enough {
        files: AtomicU64::new(0),
        limit: PART_FILES / 3,
        reached: Notify::new(),
    });
    // Without a limit a fast server would be done before anybody could break in.
    let mut slowly = options.clone();
    slowly.copy.limits = vec![Arc::new(Limiter::new(Timetable::constant(Some(CUT_RATE)), 0))];
    tokio::select! {
        biased;
        () = enough.reached.notified() => {}
        done = mirror(from, to, &slowly, Arc::clone(&enough) as Arc<dyn Observer>) => {
            return at.check(false, &format!("it was over before: {:?}", done.failures.first()));
        }
    }
    let done = mirror(from, to, options, Arc::new(())).await;
    well(at, &done)?;
    let told = format!("{} copied, {} the same", done.copied, done.same);
    at.check(done.copied > 0 && done.same > 0, &told)?;
    at.check(done.copied + done.same == PART_FILES, &told)
}

/// Both ways; the trees are alike in the end.
pub(super) async fn interrupted(at: &At<'_>) -> Result<(), String> {
    let sample = at.content.sample(at.peer.kind);
    at.dir("cut-down")?;
    let there = at.peer.root.join("cut-down");
    sample.copy_to(Some(1), &there).map_err(|e| e.to_string())?;
    at.peer.settle().map_err(|e| e.to_string())?;
    let here = tempfile::tempdir().map_err(|e| e.to_string())?;
    let trees = (&served(at, "/cut-down"), &local(here.path())?);
    broken_off(at, trees, &MirrorOptions::default()).await.map_err(|e| format!("down: {e}"))?;
    alike(&sample.part(Some(1)), here.path(), apart(at))?;
    if at.peer.kind == Kind::Rclone {
        // Seconds for each file.
        return Ok(());
    }
    at.dir("cut-up")?;
    let trees = (&local(&sample.part(Some(1)))?, &served(at, "/cut-up"));
    broken_off(at, trees, &upward()).await.map_err(|e| format!("up: {e}"))?;
    alike(&sample.part(Some(1)), &at.peer.root.join("cut-up"), 0)
}
