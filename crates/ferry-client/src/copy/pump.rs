//! Moving octets from a reader to a sink: reading goes on while the last buffers are written.
//! Between a connection and a file of this machine there is a shorter way, in `straight.rs`.
//!
//! Buffers are lent, used again and few: [`DEPTH`] of them, and two that the reader fills. Small
//! reads are put together while the writer is behind, so that a slow hop to another thread is not
//! paid for every packet.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use ferry_storage::{FsError, Sink};
use tokio::sync::{Notify, mpsc};

use super::options::{Job, Step};
use super::reader::Reader;
use super::straight;

/// Buffers of one transfer.
const DEPTH: usize = 4;

/// The largest buffer, in octets.
const LARGE: usize = 512 << 10;

/// The first buffer, in octets; they grow while reads fill them.
const SMALL: usize = 64 << 10;

/// How moving ended.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Octets that the sink has taken.
    pub(crate) octets: u64,
    /// What stopped it; [`None`] at the end of the reader or of the range.
    pub(crate) error: Option<FsError>,
}

/// Tells transfers that belong together to end where they are, with what they have read written.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    set: AtomicBool,
    word: Notify,
}

impl Stop {
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Relaxed);
        self.word.notify_waiters();
    }

    pub(super) fn is_set(&self) -> bool {
        self.set.load(Ordering::Relaxed)
    }

    async fn wait(&self) {
        let word = self.word.notified();
        if !self.set.load(Ordering::Relaxed) {
            word.await;
        }
    }
}

/// Moves everything up to the end of the reader, or `len` octets, or until `stop`. Of all that the
/// sink has taken `each` is told. What was read before the reader failed is still written.
pub(crate) async fn pump(
    reader: Reader,
    sink: &mut dyn Sink,
    len: Option<u64>,
    job: &Job<'_>,
    (each, stop): (&(dyn Fn(u64) + Sync), &Stop),
) -> Moved {
    let mut moved = Moved::default();
    let straight = straight::move_on(reader, sink, len, job, (each, stop), &mut moved);
    let reader = match Box::pin(straight).await {
        Ok(Some(reader)) => reader,
        Ok(None) => return moved,
        Err(e) => return Moved { error: Some(e), ..moved },
    };
    let len = len.map(|len| len.saturating_sub(moved.octets));
    let (full_in, mut full) = mpsc::channel::<Vec<u8>>(DEPTH);
    let (free_in, free) = mpsc::channel::<Vec<u8>>(2 * DEPTH);
    for _ in 0..DEPTH {
        // As many fit by construction; a buffer has no memory until it is first filled.
        let _ = free_in.try_send(Vec::new());
    }
    let reading = read_all(reader, len, (job, stop), full_in, free);
    let mut octets = moved.octets;
    let writing = async {
        while let Some(buf) = full.recv().await {
            let n = buf.len() as u64;
            let (buf, done) = sink.write(buf).await;
            done?;
            octets += n;
            job.progress.on(&Step::Moved(n));
            each(n);
            // Nobody takes it any more at the end.
            let _ = free_in.try_send(buf);
        }
        Ok(())
    };
    let error = {
        let (mut reading, mut writing) = (pin!(reading), pin!(writing));
        tokio::select! {
            // A sink that failed takes nothing more, whatever is still being read.
            written = &mut writing => match written {
                Err(e) => Some(e),
                Ok(()) => reading.await.err(),
            },
            read = &mut reading => {
                let written: Result<(), FsError> = writing.await;
                read.err().or_else(|| written.err())
            }
        }
    };
    Moved { octets, error }
}

/// Reads up to the end, or `len` octets, and hands them over.
async fn read_all(
    mut reader: Reader,
    len: Option<u64>,
    (job, stop): (&Job<'_>, &Stop),
    full_in: mpsc::Sender<Vec<u8>>,
    mut free: mpsc::Receiver<Vec<u8>>,
) -> Result<(), FsError> {
    let (mut want, mut left) = (SMALL, len);
    let (mut scratch, mut gathered) = (Vec::new(), Vec::new());
    let failed = loop {
        if left == Some(0) {
            break None;
        }
        let mut now = want.min(step(job));
        if let Some(left) = left {
            now = now.min(usize::try_from(left).unwrap_or(now));
        }
        let filled = tokio::select! {
            biased;
            () = stop.wait() => break None,
            filled = reader.fill(scratch, now) => filled,
        };
        let n = match filled {
            Ok((_, 0)) => {
                let early = left.is_some_and(|left| left > 0);
                break early.then(|| FsError::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
            Ok((buf, n)) => {
                scratch = buf;
                n
            }
            Err(e) => break Some(e),
        };
        left = left.map(|left| left.saturating_sub(n as u64));
        for limit in &job.options.limits {
            limit.pass(n).await;
        }
        if n == now {
            want = (want * 2).min(LARGE);
        }
        let idle = full_in.capacity() == DEPTH;
        if gathered.is_empty() && n >= now / 2 {
            scratch.truncate(n);
            scratch = hand_over(scratch, &full_in, &mut free).await?;
        } else {
            gathered.extend_from_slice(scratch.get(..n).unwrap_or_default());
            // A writer that has nothing to do gets what there is; else as much as there can be.
            if idle || gathered.len() + want > LARGE {
                gathered = hand_over(gathered, &full_in, &mut free).await?;
                gathered.clear();
            }
        }
    };
    if !gathered.is_empty() {
        hand_over(gathered, &full_in, &mut free).await?;
    }
    failed.map_or(Ok(()), Err)
}

/// How much is moved at a time at most: what a quarter of a second may move, or a slow transfer
/// would go in jumps.
pub(super) fn step(job: &Job<'_>) -> usize {
    let slowest = job.options.limits.iter().filter_map(|limit| limit.rate()).min();
    slowest.map_or(usize::MAX, |rate| usize::try_from(rate / 4).unwrap_or(usize::MAX)).max(1024)
}

/// Gives a buffer to the writer and takes a free one.
async fn hand_over(
    buf: Vec<u8>,
    full: &mpsc::Sender<Vec<u8>>,
    free: &mut mpsc::Receiver<Vec<u8>>,
) -> Result<Vec<u8>, FsError> {
    // The writer ends before the reader only by failing, and then says so itself.
    let gone = || FsError::Io(std::io::ErrorKind::BrokenPipe.into());
    full.send(buf).await.map_err(|_| gone())?;
    free.recv().await.ok_or_else(gone)
}
