//! A large file of this machine to a server in several ranges at a time.
//!
//! Only where [`Storage::writers`](ferry_storage::Storage::writers) says that it can be done, which
//! a server has proved with a small file before. The file grows under a partial name that nothing
//! else uses, for its length says nothing: it is whole only when all ranges are, and only then gets
//! its own name. How far they are is in a second file, the record. It speaks only of what the
//! server has confirmed: octets that were sent may be lost on the way. So a range goes in pieces,
//! each an upload of its own, and an interruption costs the pieces under way.
//!
//! ```text
//! .name.DIGITS.ferry-part     ├─────┤▒▒     ├─────┤▒▒▒▒▒  ├──────────┤   ▒ not confirmed
//! .name.OTHERS.ferry-part     where each range begins, how far it is confirmed, where it ends
//! ```

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, Upload, WriteMode};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::attempt::{Ground, State};
use super::check::{Common, overlap};
use super::digest::same_cheaply;
use super::options::{Job, Placing, Resume, Segments, Step};
use super::partial;
use super::pump::{Stop, pump};
use super::reader::{Reader, range};
use super::retry::{may_pass, of_storage};
use super::segments::{
    AUTO_COUNT, AUTO_MIN, COUNT_MAX, RANGE_MIN, Range, all, decode, encode, split,
};
use crate::error::Result;

/// The first octets are sent alone: they make the file, which would cut off what others have sent.
const HEAD: u64 = 64 << 10;

/// The first piece of each range, in octets.
const PIECE_FIRST: u64 = 8 << 20;

/// A piece that took less is followed by one of twice the length: what an upload costs besides its
/// octets, some round trips, should not count.
const PIECE_TIME: Duration = Duration::from_secs(5);

/// The longest piece, in octets.
const PIECE_MAX: u64 = 1 << 30;

/// How much of the beginning of each range is looked at when all are done, in octets.
const SAMPLE: usize = 16 << 10;

/// What is known of writing in ranges at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Worth {
    #[default]
    Trying,
    /// An attempt got nowhere.
    Stuck,
    /// It cannot be done, or does not do.
    Nothing,
}

/// The names that are used.
pub(crate) struct Parts {
    pub(crate) data: FtpPath,
    pub(crate) record: FtpPath,
}

/// Whether it should be looked into at all.
pub(crate) fn worth(job: &Job<'_>, state: &State, ground: &Ground) -> bool {
    let size = ground.size().unwrap_or(0);
    let wanted = match job.options.segments {
        Segments::Off => false,
        // Nobody has asked for another name.
        Segments::Auto if job.options.placing == Placing::Final => false,
        Segments::Auto => size >= AUTO_MIN,
        Segments::Count(n) => n > 1 && size >= 2 * RANGE_MIN,
    };
    wanted && !state.in_order && state.ranges != Worth::Nothing
}

/// Copies in ranges if that can be done: then the file is whole, and only its name is missing.
/// [`None`] when it has to be done in one.
pub(crate) async fn copy(
    job: &Job<'_>,
    state: &mut State,
    ground: &Ground,
) -> Result<Option<Parts>> {
    let writing = |e| of_storage(e, "writing");
    let named = |purpose: &[u8]| partial::path_for(job.to_path, &ground.meta, purpose);
    let trial = named(b"trial").map_err(writing)?;
    let writers = job.to.writers(&trial).await.unwrap_or(1) as u64;
    state.filled = writers > 1;
    let size = ground.meta.size;
    let count = match job.options.segments {
        Segments::Count(n) => u64::from(n).min(COUNT_MAX),
        _ => AUTO_COUNT,
    };
    let count = count.min(writers).min(size / RANGE_MIN);
    // From another server each range would take two sessions, and both servers may be the same.
    if count < 2 || one_has_begun(job, ground).await || job.from.caps().far {
        state.ranges = Worth::Nothing;
        return Ok(None);
    }
    let parts = Parts {
        data: named(b"ranges").map_err(writing)?,
        record: named(b"record").map_err(writing)?,
    };
    let work = Work { job, ground, parts: &parts, size };
    let resumed = match job.options.resume {
        Resume::Never => None,
        _ => work.resumed().await.map_err(writing)?,
    };
    let continued = resumed.is_some();
    let ranges = match resumed {
        Some(ranges) => ranges,
        None => match work.begin(count).await {
            Ok(ranges) => ranges,
            Err(e) if may_pass(&e) => return Err(writing(e)),
            // Who may not make two files may perhaps make one.
            Err(_) => return work.give_up(state).await,
        },
    };
    let confirmed = || ranges.iter().map(|r| r.done() - r.start).sum::<u64>();
    let before = confirmed();
    // What this call has sent itself to begin with was not there.
    let there = if continued { before } else { 0 };
    state.copied.resumed = state.copied.resumed.max(there.saturating_sub(state.copied.moved));
    state.copied.segments = u8::try_from(ranges.len()).unwrap_or(u8::MAX);
    job.progress.on(&Step::Started { size: Some(size), resumed: before });
    let sent = AtomicU64::new(before - there);
    let result = work.move_all(&ranges, &sent).await;
    state.copied.moved += sent.into_inner();
    if let Err(e) = result {
        let nowhere = confirmed() == before;
        let cannot = matches!(e, FsError::Unsupported | FsError::BadOffset);
        if cannot || nowhere && (state.ranges == Worth::Stuck || !may_pass(&e)) {
            return work.give_up(state).await;
        }
        let _ = work.record(&ranges).await;
        state.ranges = if nowhere { Worth::Stuck } else { Worth::Trying };
        return Err(of_storage(e, "copying"));
    }
    if !work.is_whole(&ranges, continued).await.map_err(|e| of_storage(e, "comparing"))? {
        return work.give_up(state).await;
    }
    state.copied.size = size;
    Ok(Some(parts))
}

/// What one stream has begun is continued so.
async fn one_has_begun(job: &Job<'_>, ground: &Ground) -> bool {
    let begun = async {
        let one = partial::path_of(job.to_path, &ground.meta)?;
        job.to.stat(&one, false).await
    };
    job.options.resume != Resume::Never && begun.await.is_ok_and(|meta| meta.size > 0)
}

struct Work<'a> {
    job: &'a Job<'a>,
    ground: &'a Ground,
    parts: &'a Parts,
    size: u64,
}

impl Work<'_> {
    /// How far an earlier attempt has come. Each range is held against the source where it ends.
    async fn resumed(&self) -> Result<Option<Vec<Range>>, FsError> {
        let (job, parts) = (self.job, self.parts);
        let most = encode(&split(self.size, COUNT_MAX)).len();
        let record = match job.to.stat(&parts.record, false).await {
            Ok(meta) if meta.size <= most as u64 => range(job.to, &parts.record, 0, most).await?,
            Ok(_) | Err(FsError::NotFound) => return Ok(None),
            Err(e) => return Err(e),
        };
        let there = match job.to.stat(&parts.data, false).await {
            Ok(meta) => meta.size,
            Err(FsError::NotFound) => return Ok(None),
            Err(e) => return Err(e),
        };
        let Some(ranges) = decode(&record, self.size) else { return Ok(None) };
        for range in &ranges {
            let done = range.done();
            if done == range.start && done > 0 {
                continue;
            }
            let same = done > 0
                && done <= there
                && matches!(overlap(job, &parts.data, done, self.size).await?, Common::Same(_));
            match (same, range.start) {
                (true, _) => {}
                // Without its beginning it would have to be made anew.
                (false, 0) => return Ok(None),
                (false, start) => {
                    job.progress.on(&Step::Restarted);
                    range.done.store(start, Ordering::Relaxed);
                }
            }
        }
        Ok(Some(ranges))
    }

    /// Makes both files: first the record that nothing is there, then the beginning of what is.
    async fn begin(&self, count: u64) -> Result<Vec<Range>, FsError> {
        let (job, parts) = (self.job, self.parts);
        if job.options.sweep && job.options.resume != Resume::Never {
            let _ = partial::sweep(job.to, job.to_path).await;
        }
        let ranges = split(self.size, count);
        self.record(&ranges).await?;
        let head = range(job.from, job.from_path, 0, usize::try_from(HEAD).unwrap_or(0)).await?;
        let len = head.len() as u64;
        self.whole(&parts.data, head).await?;
        job.progress.on(&Step::Moved(len));
        if let Some(first) = ranges.first() {
            first.done.store(len.min(first.end), Ordering::Relaxed);
        }
        Ok(ranges)
    }

    async fn whole(&self, path: &FtpPath, octets: Vec<u8>) -> Result<(), FsError> {
        let mode = WriteMode::Create(Upload::Direct);
        let mut sink = self.job.to.write(path, mode, self.ground.perm).await?;
        sink.write(octets).await.1?;
        sink.commit().await
    }

    async fn record(&self, ranges: &[Range]) -> Result<(), FsError> {
        self.whole(&self.parts.record, encode(ranges)).await
    }

    async fn move_all(&self, ranges: &[Range], sent: &AtomicU64) -> Result<(), FsError> {
        let (due, over, stop) = (Notify::new(), AtomicBool::new(false), Stop::default());
        // Never dropped half done: a server may carry it out later, when the file is gone.
        let recording = async {
            loop {
                due.notified().await;
                if over.load(Ordering::Relaxed) {
                    return Ok(());
                }
                if let Err(e) = self.record(ranges).await {
                    stop.set();
                    return Err(e);
                }
            }
        };
        let one = |range| self.move_one(range, (sent, &due, &stop));
        let moving = async {
            let done = all(ranges.iter().map(one).collect(), &stop).await;
            over.store(true, Ordering::Relaxed);
            due.notify_one();
            done
        };
        let (moved, recorded) = tokio::join!(moving, recording);
        moved.and(recorded)
    }

    async fn move_one(
        &self,
        range: &Range,
        (sent, due, stop): (&AtomicU64, &Notify, &Stop),
    ) -> Result<(), FsError> {
        let (job, mut piece) = (self.job, PIECE_FIRST);
        let count = |n: u64| {
            sent.fetch_add(n, Ordering::Relaxed);
        };
        while range.done() < range.end {
            let at = range.done();
            let len = piece.min(range.end - at);
            let begun = Instant::now();
            let mode = WriteMode::Over(at);
            let (reader, sink) = tokio::join!(
                job.from.read(job.from_path, at),
                job.to.write(&self.parts.data, mode, self.ground.perm)
            );
            let (reader, mut sink) = (Reader::new(reader?)?, sink?);
            let moved = pump(reader, &mut *sink, Some(len), job, (&count, stop)).await;
            match moved.error {
                None if moved.octets == len => sink.commit().await?,
                // Another one has failed, and says why.
                None => return sink.abandon().await.map(drop),
                Some(e) => {
                    let _ = sink.abandon().await;
                    return Err(e);
                }
            }
            range.done.store(at + len, Ordering::Relaxed);
            due.notify_one();
            if begun.elapsed() < PIECE_TIME {
                piece = (piece * 2).min(PIECE_MAX);
            }
        }
        Ok(())
    }

    /// A second look, for a server that does not do everywhere what it did in the trial: cut off
    /// by another range, a range would have lost its beginning. After an interruption, which does
    /// more than a trial can try, digests are compared where they are to be had.
    async fn is_whole(&self, ranges: &[Range], continued: bool) -> Result<bool, FsError> {
        let (job, parts) = (self.job, self.parts);
        if job.to.stat(&parts.data, false).await?.size != self.size {
            return Ok(false);
        }
        if continued && !job.options.verify {
            let (there, here) = ((job.to, &parts.data), (job.from, job.from_path));
            if let Some(same) = same_cheaply(there, here, self.size).await? {
                return Ok(same);
            }
        }
        for part in ranges {
            let (there, here) = tokio::join!(
                range(job.to, &parts.data, part.start, SAMPLE),
                range(job.from, job.from_path, part.start, SAMPLE)
            );
            if there? != here? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Back to one stream, for the rest of this copy.
    async fn give_up(&self, state: &mut State) -> Result<Option<Parts>> {
        state.ranges = Worth::Nothing;
        state.copied.segments = 1;
        state.copied.resumed = 0;
        for path in [&self.parts.data, &self.parts.record] {
            let _ = self.job.to.remove_file(path).await;
        }
        self.job.progress.on(&Step::Restarted);
        Ok(None)
    }
}
