//! A file of this machine to a plain TCP connection without passing through the process: a third
//! to a tenth of the CPU time of reading and writing.
//!
//! A page that is not in memory blocks the thread until the disk has brought it, so this happens in
//! bursts on threads that may block, and never on one that serves others. Small files are read
//! instead, see [`WORTH_IT`]. Under TLS it is the same but for what a burst does, see
//! `sealed.rs`.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferry_storage::FsError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::buffers::CHUNK;
use super::flow::Flow;
use super::loan::Loan;
use super::source::FileReader;
use super::{PumpError, TURN, sealed};
use crate::wire::Wire;

/// What has no more octets than this left is cheaper to read and write on the spot.
const WORTH_IT: u64 = CHUNK as u64;

/// How long a burst may take before its transfer is looked at.
pub(super) const LONGEST: Duration = Duration::from_millis(50);

/// How long a burst waits for a peer that has shown to be fast before it gives its thread back.
pub(super) const LINGER: Duration = Duration::from_millis(2);

/// A peer that took this much in one burst is fast.
const FAST: u64 = 1 << 20;

/// How long a burst that could send nothing keeps the next from following.
const BREATH: Duration = Duration::from_millis(1);

/// Bursts at a time. Others read and write meanwhile, so that threads which wait for a disk never
/// become too few for short work.
pub(super) const BURSTS_MAX: usize = 64;

pub(super) static BURSTS: Semaphore = Semaphore::const_new(BURSTS_MAX);

/// What is to be done about what was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It is little, or cannot be sent this way: all of it is to be read.
    Rest,
    /// Others have the threads: some of it is to be read, and this is worth another try.
    Crowded,
}

/// Whether enough of it is left.
pub(super) fn is_worth_it(file: &FileReader) -> bool {
    file.end.saturating_sub(file.at) > WORTH_IT
}

/// Sends of `file` what can be sent this way now.
pub(super) async fn send(
    wire: &mut Wire,
    file: &mut FileReader,
    flow: &mut Flow<'_>,
) -> Result<Left, PumpError> {
    // A peer may be so slow that its connection never looks writable; only one that takes nothing
    // when it is tried stalls.
    let mut last_try = false;
    while is_worth_it(file) {
        let granted = flow.pace.grant(file.end.saturating_sub(file.at)).await;
        let Some(burst) = burst_to(wire, file, granted).await? else {
            return Ok(Left::Crowded);
        };
        flow.went(burst.octets);
        match burst.end {
            End::Done | End::Time => last_try = false,
            End::Full if last_try && !burst.moved => return Err(PumpError::Stalled),
            End::Full => {
                if !burst.moved {
                    tokio::time::sleep(BREATH).await;
                }
                last_try = match timeout(flow.stall, wire.writable()).await {
                    Ok(ready) => ready.map(|()| false)?,
                    Err(_) => true,
                };
            }
            End::Unable => return Ok(Left::Rest),
        }
    }
    Ok(Left::Rest)
}

/// How a burst ended.
pub(super) enum End {
    /// With all that was to be sent.
    Done,
    /// After [`LONGEST`]; there is more.
    Time,
    /// The peer takes no more now.
    Full,
    /// It is not possible with this file.
    Unable,
}

/// What a burst has sent.
struct Burst {
    octets: u64,
    /// The peer has taken something: under TLS it may be what was counted before.
    moved: bool,
    end: End,
}

/// Sends `most` octets at most from a thread that may block; [`None`] where there is none now.
/// Whoever drops this loses the connection.
async fn burst_to(
    wire: &mut Wire,
    file: &mut FileReader,
    most: u64,
) -> Result<Option<Burst>, PumpError> {
    let Ok(permit) = BURSTS.try_acquire() else {
        return Ok(None);
    };
    let (mut loan, open) = (Loan::of(wire), Arc::clone(&file.file));
    let (mut at, end) = (file.at, file.end.min(file.at.saturating_add(most)));
    let job = tokio::task::spawn_blocking(move || {
        let sent = loan.wire_mut().map(|wire| {
            let before = (at, wire.sent_under_tls());
            let ended = match wire.plain_tcp() {
                Some(tcp) => burst(tcp, &open, &mut at, end),
                None => sealed::burst(wire, &open, &mut at, end),
            };
            let moved = before != (at, wire.sent_under_tls());
            ended.map(|end| Burst { octets: at - before.0, moved, end })
        });
        drop::<SemaphorePermit<'_>>(permit);
        (loan, at, sent)
    });
    // The pool ends only with the runtime, and this task with it.
    let (loan, at, sent) = job.await.map_err(|e| FsError::Io(io::Error::other(e)))?;
    loan.back_to(wire);
    file.at = at;
    sent.transpose()
}

fn burst(tcp: &TcpStream, file: &File, at: &mut u64, end: u64) -> Result<End, PumpError> {
    let (before, started) = (*at, Instant::now());
    let mut patient = None;
    let mut stuck_at = None;
    while *at < end {
        let left = usize::try_from(end - *at).unwrap_or(TURN).min(TURN);
        let full = match rustix::fs::sendfile(tcp, file, Some(&mut *at), left) {
            // The file ends earlier than it did when it was opened.
            Ok(0) => return Err(FsError::Io(io::ErrorKind::UnexpectedEof.into()).into()),
            Ok(_) => false,
            Err(Errno::INTR) => false,
            Err(Errno::AGAIN) => true,
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return Ok(End::Unable),
            Err(e @ (Errno::IO | Errno::STALE | Errno::NXIO | Errno::NODATA | Errno::NOMEM)) => {
                return Err(FsError::Io(e.into()).into());
            }
            Err(e) => return Err(PumpError::Peer(e.into())),
        };
        if full && patient.is_none() && *at - before >= FAST {
            patient = Patient::new(tcp);
        } else if full {
            drop(patient.take());
            // A system short of memory takes nothing even where there seems to be room.
            if stuck_at.replace(*at) == Some(*at) || !is_writable(tcp) {
                return Ok(End::Full);
            }
        }
        if started.elapsed() >= LONGEST {
            return Ok(End::Time);
        }
    }
    Ok(End::Done)
}

/// A connection whose calls wait for the peer, each for [`LINGER`] or so. It wakes the thread less
/// often than waiting for room to write does, and there is as much to send each time.
struct Patient<'a>(&'a TcpStream);

impl<'a> Patient<'a> {
    fn new(tcp: &'a TcpStream) -> Option<Self> {
        set_socket_timeout(tcp, Timeout::Send, Some(LINGER)).ok()?;
        ioctl_fionbio(tcp, false).ok()?;
        Some(Self(tcp))
    }
}

impl Drop for Patient<'_> {
    fn drop(&mut self) {
        // Cannot fail where the opposite did not.
        let _ = ioctl_fionbio(self.0, true);
    }
}

/// Whether it does now. If not, the runtime knows that, too, and will tell when that changes.
pub(super) fn is_writable(tcp: &TcpStream) -> bool {
    let full = || io::Error::from(io::ErrorKind::WouldBlock);
    let look = || {
        let now = Timespec::default();
        // What is wrong with a connection shows when it is written to.
        let ready = poll(&mut [PollFd::new(tcp, PollFlags::OUT)], Some(&now));
        if ready.is_ok_and(|ready| ready > 0) { Ok(()) } else { Err(full()) }
    };
    tcp.try_io(Interest::WRITABLE, look).is_ok()
}
