//! A copy that two servers make between themselves: how much of the file the target has in the
//! end, whether it is the same file, and when the octets had better come through here.

use ferry_proto::client::fxp::{Arrived, arrived};
use ferry_proto::path::FtpPath;

use super::attempt::{Ground, State};
use super::digest::same_where_known;
use super::options::{Job, Step};
use super::retry::of_storage;
use crate::error::{Error, ErrorKind, Result};
use crate::fxp::Unmoved;

/// Whether the servers are to be asked.
pub(crate) fn wanted(job: &Job<'_>, state: &State) -> bool {
    let direct = job.options.direct.as_deref();
    direct.is_some_and(|direct| !direct.is_refused() && !state.through_here)
}

/// Has the rest of the file from octet `at` on moved directly; [`None`] where it is to come through
/// here instead.
pub(crate) async fn grow(
    job: &Job<'_>,
    state: &mut State,
    ground: &Ground,
    path: &FtpPath,
    at: u64,
) -> Result<Option<u64>> {
    let Some(direct) = job.options.direct.as_deref().filter(|_| wanted(job, state)) else {
        return Ok(None);
    };
    match direct.transfer(job.from_path, path, at).await {
        Ok(()) => {}
        // Every way was tried: once more would come to the same.
        Err(Unmoved::NotDirect(error)) if direct.is_only() && error.may_pass() => {
            let what = format!("the servers do not move it between themselves: {error}");
            return Err(Error::new(ErrorKind::Refused, what).with_source(error));
        }
        Err(Unmoved::NotDirect(error)) if direct.is_only() => return Err(error),
        Err(Unmoved::NotDirect(error)) => {
            if !direct.has_worked() {
                direct.refused(&error);
            }
            state.through_here = true;
            return Ok(None);
        }
        Err(Unmoved::Failed(error)) => {
            // Where nothing at all has come, it may be that nothing can: handshakes that fail,
            // connections that are closed again and packets that are dropped look like this.
            let came = length(job.to.stat(path, true).await.ok().as_ref());
            if direct.is_only() || !error.may_pass() || came.is_some_and(|came| came > at) {
                return Err(error);
            }
            if !direct.has_worked() {
                direct.refused(&error);
            }
            state.through_here = true;
            return Ok(None);
        }
    }
    let len = compare(job, ground, path, at).await?;
    if !job.options.verify {
        job.progress.on(&Step::Verifying);
        let same = same_where_known((job.from, job.from_path), (job.to, path)).await;
        match same {
            Some(false) => {
                let what = "the digests of both servers differ";
                return Err(Error::new(ErrorKind::Mismatch, what));
            }
            same => state.copied.verified = same.is_some(),
        }
    }
    let moved = len.saturating_sub(at);
    state.copied.moved += moved;
    state.copied.direct = true;
    job.progress.on(&Step::Moved(moved));
    Ok(Some(len))
}

fn length(meta: Option<&ferry_storage::Meta>) -> Option<u64> {
    meta.filter(|meta| meta.size_known).map(|meta| meta.size)
}

/// The length of what has arrived, if it is that of the source.
async fn compare(job: &Job<'_>, ground: &Ground, path: &FtpPath, at: u64) -> Result<u64> {
    let looking = |e| of_storage(e, "looking at what has arrived");
    let target = length(Some(&job.to.stat(path, true).await.map_err(looking)?));
    let mut source = ground.size();
    if arrived(source, target) != Arrived::Whole {
        // It may have changed since it was last looked at.
        let again = job.from.stat(job.from_path, true).await;
        source = length(Some(&again.map_err(|e| of_storage(e, "looking at the source"))?));
    }
    match (arrived(source, target), source, target) {
        (Arrived::Short, Some(source), Some(target)) => {
            let what = format!("only {target} of {source} octets came");
            Err(Error::new(ErrorKind::Truncated, what))
        }
        (Arrived::Long, Some(source), Some(target)) => {
            let what = format!("{target} octets are there, of a file of {source}");
            Err(Error::new(ErrorKind::Mismatch, what))
        }
        // Both servers have said that it went well; more there is not to know.
        (_, source, target) => Ok(target.or(source).unwrap_or(at)),
    }
}
