//! An upload on one thread that may block: from the connection into a file of this machine. Nothing
//! awaits here, and nobody is waited for longer than [`LINGER`].
//!
//! Handing every buffer from a thread that reads to one that writes costs two wake-ups and moves
//! the octets from the cache of one core to that of another. A burst takes as long as a system call
//! that writes a large buffer to a slow disk may take anyway.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferry_storage::{FsError, Sink};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::buffers::Buffer;
use super::loan::Loan;
use super::pipe::Pipe;
use super::receive::{GATHER, ROOM_MIN, Receiving, Round};
use super::{PumpError, widen};
use crate::wire::{Received, Wire};

/// How long a burst may take before its transfer is looked at: told to stop, or counted.
pub(super) const LONGEST: Duration = Duration::from_millis(50);

/// How long a burst waits for the peer before it gives its thread back.
pub(super) const LINGER: Duration = Duration::from_millis(2);

/// Bursts at a time. Others go by the ordinary way meanwhile, so that threads which wait for a disk
/// never become too few for short work.
const BURSTS_MAX: usize = 64;

static BURSTS: Semaphore = Semaphore::const_new(BURSTS_MAX);

/// Where octets go.
pub(super) struct Target {
    file: File,
    /// As far as is known.
    takes_pipes: AtomicBool,
}

impl Target {
    /// Receives through a pipe, if that is possible.
    fn splice(&self, wire: &Wire, most: u64) -> Result<Option<Burst>, FsError> {
        let Some(tcp) = wire.plain_tcp().filter(|_| self.takes_pipes.load(Ordering::Relaxed))
        else {
            return Ok(None);
        };
        let Some(mut pipe) = Pipe::new() else {
            return Ok(None);
        };
        let done = pipe.burst(tcp, &self.file, most);
        self.takes_pipes.store(!pipe.is_useless(), Ordering::Relaxed);
        done
    }
}

/// Whether an upload can go straight into a file of this machine.
pub(super) enum Way {
    /// Nobody has asked.
    Unknown,
    /// Into this one.
    Straight(Arc<Target>),
    /// There is none, or no TCP.
    Around,
}

impl Way {
    /// Asks for the file when it is first wanted.
    pub(super) async fn is_straight(
        &mut self,
        from: &Receiving<'_>,
        sink: &mut dyn Sink,
    ) -> Result<bool, PumpError> {
        if matches!(self, Self::Unknown) {
            let lent = if from.wire.tcp().is_some() { sink.lend_file().await? } else { None };
            *self = lent.map_or(Self::Around, |file| {
                Self::Straight(Arc::new(Target { file, takes_pipes: AtomicBool::new(true) }))
            });
        }
        Ok(matches!(self, Self::Straight(_)))
    }
}

impl Receiving<'_> {
    /// Lets bursts write to the file as long as they have something to do, then reads on into `buf`
    /// as [`fill`](Self::fill) does.
    pub(super) async fn straight(
        &mut self,
        way: &Way,
        buf: &mut Buffer,
    ) -> Result<Round, PumpError> {
        while let Way::Straight(to) = way
            && let Some(burst) = receive_to(self.wire, to, buf, self.flow.pace.portion()).await?
        {
            self.flow.count(burst.octets);
            let ended = match burst.end {
                _ if self.is_stopped_meanwhile(burst.octets).await => {
                    Some(Round::Broken(PumpError::Stopped))
                }
                End::Eof { truncated } => Some(Round::End { truncated }),
                End::Broken(error) => Some(Round::Broken(error)),
                End::Silent => break,
                End::Time => None,
            };
            if let Some(ended) = ended {
                buf.set_filled(0);
                return Ok(ended);
            }
        }
        Ok(self.fill(buf, (self.flow.stall, Some(GATHER))).await)
    }

    /// Waits until more than those octets may come; whether the transfer is told to stop.
    async fn is_stopped_meanwhile(&self, octets: u64) -> bool {
        tokio::select! {
            biased;
            () = self.stop.notified() => true,
            () = self.flow.pace.came(octets) => false,
        }
    }
}

/// How a burst ended.
pub(super) enum End {
    /// After [`LONGEST`] or as much as was to come; there is more.
    Time,
    /// Nothing came for [`LINGER`].
    Silent,
    /// The peer has ended.
    Eof {
        /// Without the close_notify of TLS.
        truncated: bool,
    },
    /// The connection broke; what came before is written.
    Broken(PumpError),
}

/// What a burst has brought.
pub(super) struct Burst {
    /// Octets of payload; they are in the file.
    pub(super) octets: u64,
    pub(super) end: End,
}

/// Receives into a file at its cursor, little more than `most` octets at once. [`None`] where that
/// is not possible now.
///
/// The connection is away meanwhile; a caller that goes before it is back loses it.
///
/// # Errors
/// Those of the file.
async fn receive_to(
    wire: &mut Wire,
    to: &Arc<Target>,
    buf: &mut Buffer,
    most: u64,
) -> Result<Option<Burst>, FsError> {
    if wire.tcp().is_none() {
        return Ok(None);
    }
    let Ok(permit) = BURSTS.try_acquire() else {
        return Ok(None);
    };
    let (mut loan, mut room, to) = (Loan::of(wire), std::mem::take(buf), Arc::clone(to));
    let job = tokio::task::spawn_blocking(move || {
        let done = loan.wire_mut().map(|wire| {
            let spliced = to.splice(wire, most)?;
            spliced.map_or_else(|| burst(wire, &to.file, &mut room, most), Ok)
        });
        drop::<SemaphorePermit<'_>>(permit);
        (loan, room, done)
    });
    // The pool ends only with the runtime, and this task with it.
    let (loan, room, done) = job.await.map_err(|e| FsError::Io(io::Error::other(e)))?;
    loan.back_to(wire);
    *buf = room;
    done.transpose()
}

fn burst(wire: &mut Wire, mut file: &File, buf: &mut Buffer, most: u64) -> Result<Burst, FsError> {
    let (mut octets, started) = (0, Instant::now());
    loop {
        let (filled, stopped) = fill(wire, buf.whole());
        file.write_all(buf.get(..filled).unwrap_or_default()).map_err(of_io)?;
        octets += widen(filled);
        let end = match stopped {
            Some(End::Silent) if wire.tcp().is_some_and(soon) => None,
            stopped => stopped,
        };
        let enough = || octets >= most || started.elapsed() >= LONGEST;
        if let Some(end) = end.or_else(|| enough().then_some(End::Time)) {
            return Ok(Burst { octets, end });
        }
    }
}

/// What the system says of a file.
pub(super) fn of_io(e: io::Error) -> FsError {
    Errno::from_io_error(&e).map_or(FsError::Io(e), FsError::from)
}

/// Reads until there is little room, or nothing more; [`None`] for the former.
fn fill(wire: &mut Wire, buf: &mut [u8]) -> (usize, Option<End>) {
    let mut filled = 0;
    loop {
        let into = buf.get_mut(filled..).unwrap_or_default();
        if into.len() < ROOM_MIN {
            return (filled, None);
        }
        let end = match wire.try_read_now(into) {
            Ok(Received::Bytes(n)) => {
                filled += n;
                continue;
            }
            Ok(end) => End::Eof { truncated: end == Received::Truncated },
            // Little is worth waiting for more; much is written while more is on its way.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => match filled {
                1..ROOM_MIN if wire.tcp().is_some_and(soon) => continue,
                _ => End::Silent,
            },
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => End::Broken(e.into()),
        };
        return (filled, Some(end));
    }
}

/// Waits for [`LINGER`] at most; whether there is something to read.
pub(super) fn soon(tcp: &TcpStream) -> bool {
    let wait = Timespec::try_from(LINGER).unwrap_or_default();
    // What is wrong with a connection shows when it is read.
    poll(&mut [PollFd::new(tcp, PollFlags::IN)], Some(&wait)).is_ok_and(|ready| ready > 0)
}
