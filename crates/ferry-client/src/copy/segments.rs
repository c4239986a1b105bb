//! A large file in several ranges at a time.
//!
//! The partial file is given its full length at once, and behind that a record of how far each
//! range has come; so one file tells everything that a later run must know. The record is written
//! again after every so many octets, always after the octets it speaks of, and cut off at the end.
//!
//! So it is where what was written is there, and a file can be given its length: on this machine.
//! Uploads to a server are in `ranged.rs`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, WriteMode};

use super::attempt::{Ground, State};
use super::check::{Common, overlap};
use super::options::{Job, Resume, Segments, Step};
use super::pump::{Stop, pump};
use super::reader::{Reader, range};
use super::retry::of_storage;
use crate::error::Result;

/// The least octets worth a range of their own.
pub(super) const RANGE_MIN: u64 = 1 << 20;

/// The least size of a file that is split without being asked to.
pub(super) const AUTO_MIN: u64 = 32 << 20;

/// How many ranges then.
pub(super) const AUTO_COUNT: u64 = 4;

/// The most ranges.
pub(super) const COUNT_MAX: u64 = 32;

/// How many octets may have to be moved again after an interruption, per range.
const RECORD_EVERY: u64 = 8 << 20;

const MAGIC: &[u8; 8] = b"FERRYSEG";

/// One range; `done` is where it goes on.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) done: AtomicU64,
}

impl Range {
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// Copies in ranges if that is wanted and can be done; `false` when it has to be done in one.
/// `there` is the length of the partial file.
pub(crate) async fn copy(
    job: &Job<'_>,
    state: &mut State,
    ground: &Ground,
    part: &FtpPath,
    there: u64,
) -> Result<bool> {
    let possible = job.to.caps().write_over && !state.filled;
    let Some(size) = ground.size().filter(|_| possible) else { return Ok(false) };
    let writing = |e| of_storage(e, "writing");
    let resumed = match there > size && job.options.resume != Resume::Never {
        true => read_record(job, part, size, there).await.map_err(writing)?,
        false => None,
    };
    let ranges = match resumed {
        Some(ranges) => ranges,
        // What one stream has begun is continued so.
        None if (1..=size).contains(&there) => return Ok(false),
        None => {
            let count = count(job, state, size);
            if count < 2 {
                return Ok(false);
            }
            let ranges = split(size, count);
            match prepare(job, ground, part, size, &ranges).await {
                Ok(()) => {}
                Err(FsError::Unsupported | FsError::BadOffset) => {
                    state.in_order = true;
                    let _ = job.to.remove_file(part).await;
                    return Ok(false);
                }
                Err(e) => return Err(writing(e)),
            }
            ranges
        }
    };
    let before: u64 = ranges.iter().map(|r| r.done() - r.start).sum();
    state.copied.resumed = state.copied.resumed.max(before.saturating_sub(state.copied.moved));
    state.copied.segments = u8::try_from(ranges.len()).unwrap_or(u8::MAX);
    job.progress.on(&Step::Started { size: Some(size), resumed: before });
    job.from.ready(ranges.iter().filter(|r| r.done() < r.end).count()).await;
    let result = move_all(job, ground, part, &ranges).await;
    let now: u64 = ranges.iter().map(|r| r.done() - r.start).sum();
    state.copied.moved += now.saturating_sub(before);
    if let Err(e) = result {
        let _ = record(job, part, size, &ranges, ground.perm).await;
        return Err(of_storage(e, "copying"));
    }
    // Cuts the record off.
    let sink = job.to.write(part, WriteMode::At(size), ground.perm).await.map_err(writing)?;
    sink.commit().await.map_err(writing)?;
    state.copied.size = size;
    Ok(true)
}

/// How many ranges to use.
fn count(job: &Job<'_>, state: &State, size: u64) -> u64 {
    let wanted = match job.options.segments {
        Segments::Off => 1,
        _ if state.in_order => 1,
        Segments::Count(n) => u64::from(n).min(COUNT_MAX),
        Segments::Auto if size < AUTO_MIN || !job.from.caps().far => 1,
        Segments::Auto => AUTO_COUNT.min(job.from.width() as u64),
    };
    wanted.min(size / RANGE_MIN)
}

pub(super) fn split(size: u64, count: u64) -> Vec<Range> {
    let step = size.div_ceil(count.max(1)).max(1);
    let starts = (0..count).map(|i| i * step).take_while(|start| *start < size);
    starts
        .map(|start| Range { start, end: (start + step).min(size), done: AtomicU64::new(start) })
        .collect()
}

/// Gives the partial file its length and its record.
async fn prepare(
    job: &Job<'_>,
    ground: &Ground,
    part: &FtpPath,
    size: u64,
    ranges: &[Range],
) -> Result<(), FsError> {
    let mut sink = job.to.write(part, WriteMode::At(0), ground.perm).await?;
    sink.seek(size).await?;
    let (_, done) = sink.write(encode(ranges)).await;
    done?;
    sink.commit().await
}

async fn record(
    job: &Job<'_>,
    part: &FtpPath,
    size: u64,
    ranges: &[Range],
    perm: u32,
) -> Result<(), FsError> {
    let mut sink = job.to.write(part, WriteMode::Over(size), perm).await?;
    let (_, done) = sink.write(encode(ranges)).await;
    done?;
    sink.commit().await
}

pub(super) fn encode(ranges: &[Range]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&(ranges.len() as u64).to_be_bytes());
    for range in ranges {
        for number in [range.start, range.done(), range.end] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
    let sum = blake3::hash(&out);
    out.extend_from_slice(sum.as_bytes());
    out
}

/// The ranges of a record, if it is whole and speaks of a file of that length.
pub(super) fn decode(record: &[u8], size: u64) -> Option<Vec<Range>> {
    let (body, sum) = record.split_at_checked(record.len().checked_sub(32)?)?;
    if blake3::hash(body).as_bytes() != sum {
        return None;
    }
    let numbers = body.strip_prefix(MAGIC)?;
    let (numbers, rest) = numbers.as_chunks::<8>();
    let mut numbers = numbers.iter().map(|octets| u64::from_be_bytes(*octets));
    let count = numbers.next()?;
    let mut ranges = Vec::new();
    let mut next = 0;
    for _ in 0..count.min(COUNT_MAX) {
        let (start, done, end) = (numbers.next()?, numbers.next()?, numbers.next()?);
        if start != next || done < start || end < done {
            return None;
        }
        next = end;
        ranges.push(Range { start, end, done: AtomicU64::new(done) });
    }
    (next == size && rest.is_empty() && numbers.next().is_none()).then_some(ranges)
}

async fn read_record(
    job: &Job<'_>,
    part: &FtpPath,
    size: u64,
    there: u64,
) -> Result<Option<Vec<Range>>, FsError> {
    let most = encode(&[]).len() + 24 * usize::try_from(COUNT_MAX).unwrap_or(0);
    match usize::try_from(there - size) {
        Ok(len) if len <= most => Ok(decode(&range(job.to, part, size, len).await?, size)),
        _ => Ok(None),
    }
}

/// Moves all ranges at a time; the first that fails ends the others, which keep what they have.
async fn move_all(
    job: &Job<'_>,
    ground: &Ground,
    part: &FtpPath,
    ranges: &[Range],
) -> Result<(), FsError> {
    let size = ground.meta.size;
    let unrecorded = AtomicU64::new(0);
    let due = tokio::sync::Notify::new();
    let every = RECORD_EVERY.saturating_mul(ranges.len() as u64);
    let each = |n: u64| {
        if unrecorded.fetch_add(n, Ordering::Relaxed) + n >= every {
            unrecorded.store(0, Ordering::Relaxed);
            due.notify_one();
        }
    };
    let recording = async {
        loop {
            due.notified().await;
            if let Err(e) = record(job, part, size, ranges, ground.perm).await {
                return e;
            }
        }
    };
    let stop = Stop::default();
    let one = |r| move_one(job, ground, part, r, (&each, &stop));
    let moving = all(ranges.iter().map(one).collect(), &stop);
    tokio::select! {
        done = moving => done,
        failed = recording => Err(failed),
    }
}

/// Waits for all of some futures; the first failure is what is told, and stops the others.
pub(super) async fn all<F>(futures: Vec<F>, stop: &Stop) -> Result<(), FsError>
where
    F: Future<Output = Result<(), FsError>>,
{
    let mut running: Vec<_> = futures.into_iter().map(|f| Some(Box::pin(f))).collect();
    let mut failed = None;
    std::future::poll_fn(|cx| {
        for slot in &mut running {
            let Some(Poll::Ready(done)) = slot.as_mut().map(|f| f.as_mut().poll(cx)) else {
                continue;
            };
            *slot = None;
            if let Err(e) = done {
                failed.get_or_insert(e);
                stop.set();
            }
        }
        if running.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    failed.map_or(Ok(()), Err)
}

async fn move_one(
    job: &Job<'_>,
    ground: &Ground,
    part: &FtpPath,
    range: &Range,
    (each, stop): (&(dyn Fn(u64) + Sync), &Stop),
) -> Result<(), FsError> {
    let size = ground.meta.size;
    let mut at = range.done();
    if at == range.end {
        return Ok(());
    }
    let mut reader = None;
    if at > range.start {
        match overlap(job, part, at, size).await? {
            Common::Same(behind) => reader = behind,
            Common::Differs => {
                job.progress.on(&Step::Restarted);
                at = range.start;
                range.done.store(at, Ordering::Relaxed);
            }
        }
    }
    let open = async {
        match reader {
            Some(reader) => Ok(reader),
            None => job.from.read(job.from_path, at).await.and_then(Reader::new),
        }
    };
    let (reader, sink) = tokio::join!(open, job.to.write(part, WriteMode::Over(at), ground.perm));
    let (reader, mut sink) = (reader?, sink?);
    let count = |n: u64| {
        range.done.fetch_add(n, Ordering::Relaxed);
        each(n);
    };
    let moved = pump(reader, &mut *sink, Some(range.end - at), job, (&count, stop)).await;
    match moved.error {
        None if range.done() == range.end => sink.commit().await,
        // Another one has failed, and says why.
        None => sink.abandon().await.map(drop),
        Some(e) => {
            let _ = sink.abandon().await;
            Err(e)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_a_file_without_gap_and_their_record_is_read_back() {
        for (size, count) in [(10, 3), (1 << 20, 7), (5, 5), (7, 4)] {
            let ranges = split(size, count);
            let record = encode(&ranges);
            let back = decode(&record, size).expect("a whole record");
            assert_eq!(back.first().map(|r| r.start), Some(0));
            assert_eq!(back.last().map(|r| r.end), Some(size));
            assert!(decode(&record, size + 1).is_none());
            assert!(decode(&record[..record.len() - 1], size).is_none());
            let mut torn = record.clone();
            torn[20] ^= 1;
            assert!(decode(&torn, size).is_none());
        }
    }
}
