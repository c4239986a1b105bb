//! From a plain TCP connection into a file of this machine through a pipe (`splice`): octets are
//! copied once, from where they came to where the system keeps the file, and never pass through
//! this process.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use ferry_storage::FsError;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::receive::ROOM_MIN;
use super::straight::{Burst, End, LONGEST, of_io, soon};
use super::widen;

/// What a pipe is asked to hold: half of what one user may have in pipes without privileges, where
/// as many bursts are under way as may be.
const SIZE: usize = 512 << 10;

/// How octets are spliced: moved where that is possible, never waited for.
const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

/// A pipe for one burst: kept for longer, each upload that waits for its peer would have one.
#[derive(Debug)]
pub(super) struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    /// The file or the connection knows nothing of pipes.
    useless: bool,
}

impl Pipe {
    /// One, where the system has any left.
    pub(super) fn new() -> Option<Self> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // Where it may not be as large, it is of the usual size.
        let _ = fcntl_setpipe_size(&into, SIZE);
        Some(Self { out, into, useless: false })
    }

    /// Whether it has turned out that octets cannot go this way.
    pub(super) fn is_useless(&self) -> bool {
        self.useless
    }

    /// Receives from `tcp` into `file` at its cursor, little more than `most` octets. [`None`]
    /// where that is not possible; then nothing has been received, either.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn burst(
        &mut self,
        tcp: &TcpStream,
        file: &File,
        most: u64,
    ) -> Result<Option<Burst>, FsError> {
        let (mut octets, started) = (0, Instant::now());
        while !self.useless {
            let (filled, stopped) = self.fill(tcp);
            self.empty_into(file, filled)?;
            octets += widen(filled);
            let end = match stopped {
                Some(End::Silent) if soon(tcp) => None,
                stopped => stopped,
            };
            let enough = octets >= most || started.elapsed() >= LONGEST;
            if let Some(end) = end.or_else(|| enough.then_some(End::Time)) {
                return Ok(Some(Burst { octets, end }));
            }
        }
        Ok((octets > 0).then_some(Burst { octets, end: End::Time }))
    }

    /// Takes octets from the connection until that is worth writing; how many, and why there are no
    /// more.
    fn fill(&mut self, tcp: &TcpStream) -> (usize, Option<End>) {
        let (mut filled, mut waited) = (0, false);
        loop {
            let end = match splice(tcp, None, &self.into, None, SIZE, FLAGS) {
                Ok(0) => End::Eof { truncated: false },
                Ok(n) => {
                    filled += n;
                    waited = false;
                    if filled >= ROOM_MIN {
                        return (filled, None);
                    }
                    continue;
                }
                // Something has come, and the pipe is full of small pieces.
                Err(Errno::AGAIN) if waited => return (filled, None),
                Err(Errno::AGAIN) if filled > 0 && soon(tcp) => {
                    waited = true;
                    continue;
                }
                Err(Errno::AGAIN) => End::Silent,
                Err(Errno::INTR) => continue,
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    self.useless = true;
                    return (filled, None);
                }
                Err(e) => End::Broken(io::Error::from(e).into()),
            };
            return (filled, Some(end));
        }
    }

    /// Writes the `left` octets that are in the pipe.
    fn empty_into(&mut self, mut file: &File, mut left: usize) -> Result<(), FsError> {
        while left > 0 {
            match splice(&self.out, None, file, None, left, FLAGS) {
                Ok(0) => return Err(FsError::Io(io::ErrorKind::WriteZero.into())),
                Ok(n) => left = left.saturating_sub(n),
                Err(Errno::INTR) => {}
                // A file that is appended to, or of a file system that cannot.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    self.useless = true;
                    let mut octets = vec![0; left];
                    let mut out = File::from(self.out.try_clone().map_err(FsError::Io)?);
                    out.read_exact(&mut octets).map_err(FsError::Io)?;
                    return file.write_all(&octets).map_err(of_io);
                }
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}
