//! Single files copied by the engine: continued where they broke off, both ways, and compared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_client::copy::{CopyOptions, Placing, Progress, Resume, Step, copy_file};
use ferry_storage::Storage;
use ferry_storage::local::LocalDir;
use interop::content::noise;
use interop::servers::Kind;
use tokio::sync::Notify;

use super::at::{At, path};

const LEN: usize = 6 << 20;
const HALF: u64 = 2 << 20;
const SMALL: usize = 70_000;

/// Says when about a third is there.
#[derive(Debug, Default)]
struct Third {
    moved: AtomicU64,
    reached: Notify,
}

impl Progress for Third {
    fn on(&self, step: &Step<'_>) {
        if let Step::Moved(n) = step
            && self.moved.fetch_add(*n, Ordering::Relaxed) + n >= HALF
        {
            self.reached.notify_one();
        }
    }
}

type Place<'a> = (&'a dyn Storage, &'a str);

/// Dropped in the middle, then continued; how much had not to be moved again.
async fn cut(
    at: &At<'_>,
    from: Place<'_>,
    to: Place<'_>,
    options: &CopyOptions,
) -> Result<u64, String> {
    let third = Third::default();
    let (source, target) = (path(from.1), path(to.1));
    tokio::select! {
        biased;
        () = third.reached.notified() => {}
        done = copy_file(from.0, &source, to.0, &target, options, &third) => {
            let done = done.map_err(|e| at.failed("first attempt", e))?;
            return Err(format!("it was over before: {done:?}"));
        }
    }
    let copied = copy_file(from.0, &source, to.0, &target, options, &()).await;
    let copied = copied.map_err(|e| at.failed("second attempt", e))?;
    let told = format!("{copied:?}");
    at.check(copied.size == LEN as u64 && copied.moved + copied.resumed >= copied.size, &told)?;
    Ok(copied.resumed)
}

/// Up in one piece: whole whether or not the server sets times, and which of the two is told.
pub(super) async fn timed(at: &At<'_>) -> Result<(), String> {
    at.dir("timed")?;
    let content = noise(9, SMALL);
    let here = tempfile::tempdir().map_err(|e| e.to_string())?;
    std::fs::write(here.path().join("file"), &content).map_err(|e| e.to_string())?;
    let local = LocalDir::open(here.path()).map_err(|e| e.to_string())?;
    let options = CopyOptions { placing: Placing::Final, ..CopyOptions::default() };
    let (from, to) = (path("/file"), path("/timed/file"));
    let copied = copy_file(&local, &from, &at.remote, &to, &options, &()).await;
    let copied = copied.map_err(|e| at.failed("copy", e))?;
    at.is_on_disk("timed/file", &content)?;
    let sets = at.peer.kind != Kind::Rclone;
    at.check(copied.times_kept == sets, &format!("{copied:?}"))
}

/// Down by a partial file, up under its own name.
pub(super) async fn copies(at: &At<'_>) -> Result<(), String> {
    at.dir("copies")?;
    let content = noise(8, LEN);
    at.file("copies/down", &content)?;
    let here = tempfile::tempdir().map_err(|e| e.to_string())?;
    let local = LocalDir::open(here.path()).map_err(|e| e.to_string())?;
    let remote: Arc<dyn Storage> = Arc::new(at.remote.clone());
    let down = CopyOptions { verify: true, ..CopyOptions::default() };
    let resumed = cut(at, (&*remote, "/copies/down"), (&local, "/down"), &down).await;
    let resumed = resumed.map_err(|e| format!("down: {e}"))?;
    at.check(resumed > 0, "down: it began anew")?;
    let came = std::fs::read(here.path().join("down")).map_err(|e| e.to_string())?;
    at.check(came == content, "down: something else came")?;
    let left = std::fs::read_dir(here.path()).map_err(|e| e.to_string())?.count();
    at.check(left == 1, "down: something is left beside it")?;

    let up = CopyOptions {
        placing: Placing::Final,
        resume: Resume::Existing,
        verify: true,
        ..CopyOptions::default()
    };
    let resumed = cut(at, (&local, "/down"), (&*remote, "/copies/up"), &up).await;
    resumed.map_err(|e| format!("up: {e}"))?;
    at.is_on_disk("copies/up", &content)?;
    // Half of it, left by whoever.
    at.file("copies/half", content.get(..LEN / 2).unwrap_or_default())?;
    let (from, to) = (path("/down"), path("/copies/half"));
    let copied = copy_file(&local, &from, &*remote, &to, &up, &()).await;
    let copied = copied.map_err(|e| at.failed("half", e))?;
    at.check(copied.resumed == LEN as u64 / 2, &format!("half: {copied:?}"))?;
    at.is_on_disk("copies/half", &content)
}
