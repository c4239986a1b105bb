//! A burst of a file of this machine to a connection under TLS: read, sealed and sent by one thread
//! that may block, so that what was read is sealed, and what was sealed is sent, out of the cache
//! of one core, and no thread that serves others spends its time on either.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use ferry_storage::FsError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::Instant;

use super::buffers::{Buffer, CHUNK};
use super::sendfile::{End, LINGER, LONGEST, is_writable};
use super::{PumpError, widen};
use crate::wire::Wire;

/// So much is read, then sealed and sent, at a time.
const PART: u64 = CHUNK as u64;

/// Sends the octets of `file` from `at` to `end`, and leaves `at` behind those that TLS has taken.
pub(super) fn burst(
    wire: &mut Wire,
    file: &File,
    at: &mut u64,
    end: u64,
) -> Result<End, PumpError> {
    let started = Instant::now();
    let mut buf = Buffer::borrow();
    while *at < end {
        let most = usize::try_from(PART.min(end - *at)).unwrap_or(usize::MAX);
        let room = buf.whole().get_mut(..most).unwrap_or_default();
        let read = match file.read_at(room, *at) {
            // The file ends earlier than it did when it was opened.
            Ok(0) => return Err(FsError::Io(io::ErrorKind::UnexpectedEof.into()).into()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(FsError::Io(e).into()),
        };
        let mut left = room.get(..read).unwrap_or_default();
        while !left.is_empty() {
            match wire.try_write(left, true) {
                Ok(n) => {
                    *at += widen(n);
                    left = left.get(n..).unwrap_or_default();
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let Some(tcp) = wire.tcp() else { return Ok(End::Unable) };
                    if !soon_writable(tcp, LINGER) && !is_writable(tcp) {
                        return Ok(End::Full);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
            if started.elapsed() >= LONGEST {
                return Ok(End::Time);
            }
        }
    }
    Ok(End::Done)
}

/// Waits so long at most; whether there is room to write.
fn soon_writable(tcp: &tokio::net::TcpStream, most: Duration) -> bool {
    let wait = Timespec::try_from(most).unwrap_or_default();
    // What is wrong with a connection shows when it is written to.
    poll(&mut [PollFd::new(tcp, PollFlags::OUT)], Some(&wait)).is_ok_and(|ready| ready > 0)
}
