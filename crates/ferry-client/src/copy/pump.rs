//! Moving octets from a reader to a sink: reading goes on while the last buffers are written.
//!
//! Buffers are lent, used again and few: [`DEPTH`] of them. Small reads are put together while the
//! writer is behind, so that a slow hop to another thread is not paid for every packet.

use std::collections::VecDeque;
use std::pin::pin;

use ferry_storage::{FsError, Sink};
use tokio::sync::mpsc;

use super::options::{Job, Step};
use super::reader::Reader;

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

/// Moves everything up to the reader's end, or `len` octets. `each` is told of all that the sink
/// has taken. What was read before the reader failed is still written.
pub(crate) async fn pump(
    mut reader: Reader,
    sink: &mut dyn Sink,
    len: Option<u64>,
    job: &Job<'_>,
    each: &(dyn Fn(u64) + Sync),
) -> Moved {
    let (full_in, mut full) = mpsc::channel::<Vec<u8>>(DEPTH);
    let (free_in, mut free) = mpsc::channel::<Vec<u8>>(2 * DEPTH);
    for _ in 0..DEPTH {
        // As many fit by construction; a buffer has no memory until it is first filled.
        let _ = free_in.try_send(Vec::new());
    }
    let reading = async move {
        let (mut want, mut left) = (SMALL, len);
        while left != Some(0) {
            let Some(buf) = free.recv().await else { return Ok(()) };
            let slowest = job.options.limits.iter().filter_map(|limit| limit.rate()).min();
            // A quarter of a second at a time, or a slow transfer would move in jumps.
            let room = slowest.map_or(LARGE, |rate| usize::try_from(rate / 4).unwrap_or(LARGE));
            let mut now = want.min(room.max(1024));
            if let Some(left) = left {
                now = now.min(usize::try_from(left).unwrap_or(now));
            }
            let buf = reader.next(buf, now).await?;
            let n = buf.len();
            if n == 0 {
                break;
            }
            left = left.map(|left| left.saturating_sub(n as u64));
            for limit in &job.options.limits {
                limit.pass(n).await;
            }
            if full_in.send(buf).await.is_err() {
                break;
            }
            want = if n == now { (want * 2).min(LARGE) } else { want.min((2 * n).max(SMALL)) };
        }
        if left.is_some_and(|left| left > 0) {
            return Err(FsError::Io(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    };
    let mut octets = 0u64;
    let writing = async {
        let mut waiting = VecDeque::new();
        while let Some(mut buf) = next(&mut full, &mut waiting).await {
            while buf.len() < SMALL {
                let Ok(more) = full.try_recv() else { break };
                if buf.len() + more.len() > LARGE {
                    waiting.push_back(more);
                    break;
                }
                buf.extend_from_slice(&more);
                let _ = free_in.try_send(more);
            }
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

async fn next(
    full: &mut mpsc::Receiver<Vec<u8>>,
    waiting: &mut VecDeque<Vec<u8>>,
) -> Option<Vec<u8>> {
    match waiting.pop_front() {
        Some(buf) => Some(buf),
        None => full.recv().await,
    }
}
