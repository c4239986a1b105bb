//! The attempts at one copy: where each starts, what it leaves, and how a whole file gets its name.

use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, Kind, Meta, Precision, SetMeta, Upload, WriteMode};

use super::check::{Common, common};
use super::digest::same_content;
use super::options::{Copied, Job, Known, Placing, Resume, Step};
use super::pump::{Moved, Stop, pump};
use super::reader::Reader;
use super::retry::{Attempts, of_storage};
use super::{direct, partial, ranged, segments};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror;

/// What attempts pass on.
pub(crate) struct State {
    pub(crate) copied: Copied,
    /// The file under its final name was begun by us: it may be continued.
    begun: bool,
    /// What had that name before that.
    before: Option<Meta>,
    /// Renaming does not work here.
    no_rename: bool,
    /// Files cannot be continued here, or not in segments.
    pub(crate) in_order: bool,
    /// What is known of writing in ranges here.
    pub(crate) ranges: ranged::Worth,
    /// Several may write one file here, but none gives it its length.
    pub(crate) filled: bool,
    /// The way out of a failed renaming has not been taken yet.
    first: bool,
    /// Two servers had better not be asked to move it between themselves again.
    pub(crate) through_here: bool,
}

/// Tries until it is done, or not worth trying.
pub(crate) async fn run(job: &Job<'_>, mut known: Known) -> Result<Copied> {
    let mut state = State {
        copied: Copied { segments: 1, ..Copied::default() },
        begun: false,
        before: None,
        no_rename: false,
        in_order: !job.to.caps().write_in_place,
        ranges: ranged::Worth::default(),
        filled: false,
        first: true,
        through_here: false,
    };
    let mut attempts = Attempts::new(&job.options.retry);
    loop {
        let before = state.copied.moved;
        let error = match Box::pin(attempt(job, &mut state, &known)).await {
            Ok(()) => return Ok(state.copied),
            Err(error) => error,
        };
        if state.no_rename && error.kind() == ErrorKind::Unsupported && state.first {
            // Once more under the final name; that is no failure of the kind that is counted.
            state.first = false;
            continue;
        }
        let progress = state.copied.moved.saturating_sub(before);
        let Some(wait) = attempts.after(&error, progress) else { return Err(error) };
        job.progress.on(&Step::Retrying(&error, wait));
        tokio::time::sleep(wait).await;
        state.copied.retried += 1;
        known = Known::default();
    }
}

/// The source as it is, the place as it is, and where to write.
pub(crate) struct Ground {
    pub(crate) meta: Meta,
    /// What has the final name.
    there: Option<Meta>,
    pub(crate) perm: u32,
}

impl Ground {
    /// The length to hold the copy to.
    pub(crate) fn size(&self) -> Option<u64> {
        self.meta.size_known.then_some(self.meta.size)
    }
}

async fn attempt(job: &Job<'_>, state: &mut State, known: &Known) -> Result<()> {
    let placing = if state.no_rename { Placing::Final } else { job.options.placing };
    let mut ground = survey(job, known).await?;
    let mut fresh = known.from.is_none() || known.just_asked;
    let renamed = !state.no_rename && !state.begun;
    let existing = job.options.resume.existing() && resumable(&ground);
    // What servers move between themselves does not appear at once: it grows where it is.
    let grows = direct::wanted(job, state);
    if !grows && renamed && !existing && ranged::worth(job, state, &ground) {
        refresh(job, &mut fresh, &mut ground).await?;
        if let Some(parts) = ranged::copy(job, state, &ground).await? {
            let named = name(job, state, &ground, &parts.data).await;
            if named.is_ok() || state.no_rename {
                // Who cannot remove it has it swept another time.
                let _ = job.to.remove_file(&parts.record).await;
            }
            return named;
        }
    }
    match placing {
        Placing::Partial { above } if !grows && ground.size().is_some_and(|size| size <= above) => {
            if existing {
                under_final(job, state, &ground).await
            } else {
                Box::pin(at_once(job, state, &ground)).await
            }
        }
        Placing::Partial { .. } => {
            refresh(job, &mut fresh, &mut ground).await?;
            if existing {
                under_final(job, state, &ground).await
            } else {
                under_partial(job, state, &ground).await
            }
        }
        Placing::Final => under_final(job, state, &ground).await,
    }
}

/// A listing may know less than a question; the state of the source is what a partial file is told
/// by.
async fn refresh(job: &Job<'_>, fresh: &mut bool, ground: &mut Ground) -> Result<()> {
    if !std::mem::replace(fresh, true) {
        let meta = job.from.stat(job.from_path, true).await;
        ground.meta = meta.map_err(|e| of_storage(e, "looking at the source"))?;
    }
    Ok(())
}

/// Whether a file of that name is there and could be the source's beginning, or is too long.
fn resumable(ground: &Ground) -> bool {
    ground.there.as_ref().is_some_and(|there| there.size > 0 && there.size_known)
}

async fn survey(job: &Job<'_>, known: &Known) -> Result<Ground> {
    let look_from = async {
        match &known.from {
            Some(meta) => Ok(meta.clone()),
            None => job.from.stat(job.from_path, true).await,
        }
    };
    let look_to = async {
        match &known.to {
            Some(there) => Ok(there.clone()),
            None => match job.to.stat(job.to_path, false).await {
                Ok(meta) => Ok(Some(meta)),
                Err(FsError::NotFound) => Ok(None),
                Err(e) => Err(e),
            },
        }
    };
    let (meta, there) = tokio::join!(look_from, look_to);
    let meta = meta.map_err(|e| of_storage(e, "looking at the source"))?;
    let mut there = there.map_err(|e| of_storage(e, "looking at the destination"))?;
    if meta.kind != Kind::File {
        return Err(Error::new(ErrorKind::Refused, "the source is no regular file"));
    }
    match there.as_ref().map(|there| there.kind) {
        None | Some(Kind::File) => {}
        Some(Kind::Dir) => {
            return Err(Error::new(ErrorKind::Exists, "a directory has the name"));
        }
        Some(Kind::Symlink) if job.options.through_links => {
            there = job.to.stat(job.to_path, true).await.ok();
        }
        Some(Kind::Symlink) => {
            let what = "a symbolic link has the name, and is not written through";
            return Err(Error::new(ErrorKind::Exists, what));
        }
        Some(_) => return Err(Error::new(ErrorKind::Exists, "something else has the name")),
    }
    let kept = if job.options.mode { meta.mode } else { there.as_ref().and_then(|m| m.mode) };
    let perm = kept.unwrap_or(job.options.perm) & 0o777;
    Ok(Ground { meta, there, perm })
}

/// Files up to this are in memory whole; there may be a thousand of them under way.
const WHOLE_MAX: usize = 64 << 10;

/// A file that appears whole.
async fn at_once(job: &Job<'_>, state: &mut State, ground: &Ground) -> Result<()> {
    if Box::pin(whole(job, state, ground, Upload::Atomic)).await? {
        return Ok(());
    }
    job.progress.on(&Step::Started { size: ground.size(), resumed: 0 });
    let mode = WriteMode::Create(Upload::Atomic);
    let (source, sink) =
        tokio::join!(job.from.read(job.from_path, 0), job.to.write(job.to_path, mode, ground.perm));
    let reader = source.and_then(Reader::new).map_err(|e| of_storage(e, "reading"))?;
    let mut sink = sink.map_err(|e| of_storage(e, "writing"))?;
    let moved = pump(reader, &mut *sink, None, job, (&|_| (), &Stop::default())).await;
    // On failure the sink is dropped and keeps nothing, as half a file must not get the name.
    let len = settle(state, ground, 0, moved)?;
    sink.commit().await.map_err(|e| of_storage(e, "writing"))?;
    state.copied.size = len;
    verify(job, state, job.to_path).await?;
    keep_meta(job, state, ground, job.to_path).await
}

/// A small file in memory; false if it is not so small. Then nothing has been done.
async fn whole(job: &Job<'_>, state: &mut State, ground: &Ground, upload: Upload) -> Result<bool> {
    let small = ground.size().is_some_and(|size| size <= WHOLE_MAX as u64);
    if !small {
        return Ok(false);
    }
    let loaded = job.from.load(job.from_path, WHOLE_MAX).await;
    let Some(octets) = loaded.map_err(|e| of_storage(e, "reading"))? else { return Ok(false) };
    job.progress.on(&Step::Started { size: ground.size(), resumed: 0 });
    let octets_len = octets.len() as u64;
    for limit in &job.options.limits {
        limit.pass(octets.len()).await;
    }
    let len = settle(state, ground, 0, Moved { octets: octets_len, error: None })?;
    // A copy that turns out wrong must not have the time of a right one.
    let set = if job.options.verify { SetMeta::default() } else { wanted_meta(job, ground) };
    let stored = job.to.store(job.to_path, octets, upload, ground.perm, set).await;
    let kept = stored.map_err(|e| of_storage(e, "writing"))?;
    job.progress.on(&Step::Moved(len));
    state.copied.size = len;
    state.copied.times_kept = kept && set.modified.is_some();
    if job.options.verify {
        verify(job, state, job.to_path).await?;
        keep_meta(job, state, ground, job.to_path).await?;
    }
    Ok(true)
}

/// Under a partial name, renamed when whole.
async fn under_partial(job: &Job<'_>, state: &mut State, ground: &Ground) -> Result<()> {
    let writing = |e| of_storage(e, "writing");
    let part = partial::path_of(job.to_path, &ground.meta).map_err(writing)?;
    let there = match job.to.stat(&part, false).await {
        Ok(meta) if meta.kind == Kind::File => Some(meta.size),
        Ok(_) => return Err(Error::new(ErrorKind::Exists, "the partial name is taken")),
        Err(FsError::NotFound) => None,
        Err(e) => return Err(of_storage(e, "looking at the destination")),
    };
    if there.is_none() && job.options.sweep && job.options.resume != Resume::Never {
        // Old ones are in nobody's way: what cannot be removed stays.
        let _ = partial::sweep(job.to, job.to_path).await;
    }
    let there = there.filter(|_| job.options.resume != Resume::Never).unwrap_or(0);
    if !segments::copy(job, state, ground, &part, there).await? {
        grow(job, state, ground, &part, there).await?;
    }
    name(job, state, ground, &part).await
}

/// Gives a whole file its name.
async fn name(job: &Job<'_>, state: &mut State, ground: &Ground, part: &FtpPath) -> Result<()> {
    verify(job, state, part).await?;
    keep_meta(job, state, ground, part).await?;
    match job.to.rename(part, job.to_path, true).await {
        Ok(()) => Ok(()),
        Err(e @ (FsError::Unsupported | FsError::Denied)) => {
            state.no_rename = true;
            state.copied.resumed = 0;
            let _ = job.to.remove_file(part).await;
            let error = of_storage(e, "renaming the finished file");
            Err(Error::new(ErrorKind::Unsupported, error.to_string()))
        }
        Err(e) => Err(of_storage(e, "renaming the finished file")),
    }
}

/// Under the final name from the start.
async fn under_final(job: &Job<'_>, state: &mut State, ground: &Ground) -> Result<()> {
    if !std::mem::replace(&mut state.begun, true) {
        state.before.clone_from(&ground.there);
    }
    let existing = job.options.resume.existing();
    let there = ground.there.as_ref().filter(|there| there.size_known);
    let there = there.filter(|there| existing || !is_untouched(state.before.as_ref(), there));
    let there = there.map_or(0, |there| there.size);
    if there == 0
        && !direct::wanted(job, state)
        && Box::pin(whole(job, state, ground, Upload::Direct)).await?
    {
        return Ok(());
    }
    grow(job, state, ground, job.to_path, there).await?;
    verify(job, state, job.to_path).await?;
    keep_meta(job, state, ground, job.to_path).await
}

/// Whether what is there is what was there before, as servers have it that put a file in its place
/// when it is whole: then nothing of it came from here, however long it is.
fn is_untouched(before: Option<&Meta>, there: &Meta) -> bool {
    before.is_some_and(|before| mirror::State::of(before).still(&mirror::State::of(there)))
}

/// Writes a file in place from where it may be continued, at most `there`.
async fn grow(
    job: &Job<'_>,
    state: &mut State,
    ground: &Ground,
    path: &FtpPath,
    there: u64,
) -> Result<()> {
    let size = ground.size();
    let writing = |e| of_storage(e, "writing");
    let mut at = if state.in_order { 0 } else { there };
    let mut reader = None;
    if at > 0 {
        let found = match size {
            Some(size) if at <= size => {
                // Nothing is read on here of what servers move between themselves.
                let end = if direct::wanted(job, state) { at } else { size };
                common(job, path, at, end)
                    .await
                    .map_err(|e| of_storage(e, "comparing what is there with the source"))?
            }
            _ => Common::Differs,
        };
        match found {
            Common::Same(behind) => reader = behind,
            Common::Differs if job.options.resume == Resume::ExistingOrFail => {
                let what = "what is there is not the beginning of the source";
                return Err(Error::new(ErrorKind::Mismatch, what));
            }
            Common::Differs => {
                job.progress.on(&Step::Restarted);
                at = 0;
            }
        }
    }
    state.copied.resumed = state.copied.resumed.max(at.saturating_sub(state.copied.moved));
    job.progress.on(&Step::Started { size, resumed: at });
    if at > 0 && Some(at) == size {
        state.copied.size = at;
        return Ok(());
    }
    if direct::wanted(job, state) {
        // It would hold a session that the servers' own transfer may need.
        reader = None;
    }
    match direct::grow(job, state, ground, path, at).await {
        Ok(Some(len)) => {
            state.copied.size = len;
            return Ok(());
        }
        Ok(None) => {}
        Err(error) if at > 0 && error.kind() == ErrorKind::Unsupported => {
            state.in_order = true;
            job.progress.on(&Step::Restarted);
            return Box::pin(grow(job, state, ground, path, 0)).await;
        }
        Err(error) => return Err(error),
    }
    let mode = if at > 0 { WriteMode::At(at) } else { WriteMode::Create(Upload::Direct) };
    let open = async {
        match reader {
            Some(reader) => Ok(reader),
            None => job.from.read(job.from_path, at).await.and_then(Reader::new),
        }
    };
    let (reader, sink) = tokio::join!(open, job.to.write(path, mode, ground.perm));
    let reader = reader.map_err(|e| of_storage(e, "reading"))?;
    let mut sink = match sink {
        Err(FsError::Unsupported | FsError::BadOffset) if at > 0 => {
            state.in_order = true;
            job.progress.on(&Step::Restarted);
            return Box::pin(grow(job, state, ground, path, 0)).await;
        }
        sink => sink.map_err(writing)?,
    };
    let moved = pump(reader, &mut *sink, None, job, (&|_| (), &Stop::default())).await;
    match settle(state, ground, at, moved) {
        Ok(len) => {
            sink.commit().await.map_err(writing)?;
            state.copied.size = len;
            Ok(())
        }
        Err(e) => {
            // What arrived stays in place, to be continued.
            let _ = sink.abandon().await;
            Err(e)
        }
    }
}

/// Counts what was moved and says the whole length, or why that is not the file.
fn settle(state: &mut State, ground: &Ground, at: u64, moved: Moved) -> Result<u64> {
    state.copied.moved += moved.octets;
    let len = at + moved.octets;
    if let Some(e) = moved.error {
        return Err(of_storage(e, "copying"));
    }
    // A file that has grown meanwhile is as good as one that grows a moment later.
    match ground.size() {
        Some(size) if len < size => {
            Err(Error::new(ErrorKind::Truncated, format!("only {len} of {size} octets came")))
        }
        _ => Ok(len),
    }
}

async fn verify(job: &Job<'_>, state: &mut State, path: &FtpPath) -> Result<()> {
    if !job.options.verify {
        return Ok(());
    }
    job.progress.on(&Step::Verifying);
    let same = same_content((job.to, path), (job.from, job.from_path)).await;
    if same.map_err(|e| of_storage(e, "comparing digests"))? {
        state.copied.verified = true;
        return Ok(());
    }
    // Nothing of it is worth continuing.
    if path != job.to_path {
        let _ = job.to.remove_file(path).await;
    }
    Err(Error::new(ErrorKind::Mismatch, "the copy's digest is not the source's"))
}

/// What of time and permission bits is to be passed on, and can be.
fn wanted_meta(job: &Job<'_>, ground: &Ground) -> SetMeta {
    let (options, caps) = (job.options, job.to.caps());
    let timed = options.times && caps.set_times && ground.meta.precision < Precision::Unknown;
    SetMeta {
        modified: timed.then_some(ground.meta.modified),
        mode: ground.meta.mode.filter(|_| options.mode && caps.set_mode),
        ..SetMeta::default()
    }
}

/// Passes time and permission bits on, as far as both sides have them.
async fn keep_meta(
    job: &Job<'_>,
    state: &mut State,
    ground: &Ground,
    path: &FtpPath,
) -> Result<()> {
    let set = wanted_meta(job, ground);
    if set == SetMeta::default() {
        return Ok(());
    }
    match job.to.set_meta(path, set).await {
        Ok(()) => state.copied.times_kept = set.modified.is_some(),
        // The content is there; some servers allow only to store it, or put it elsewhere at once.
        Err(FsError::Unsupported | FsError::Denied | FsError::NotFound) => {}
        Err(e) => return Err(of_storage(e, "setting the time")),
    }
    Ok(())
}
