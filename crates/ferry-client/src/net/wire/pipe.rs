//! From a connection in the clear into a file of this machine through a pipe (`splice`): octets are
//! copied once, from where they came to where the system keeps the file, and never pass through
//! this process. Nothing here waits.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::net::TcpStream;

use super::Received;

/// What a pipe is asked to hold. One user may have 64 MiB in pipes without privileges.
const SIZE: usize = 512 << 10;

/// How octets are spliced: moved where that is possible, never waited for.
const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

/// A pipe for one burst.
#[derive(Debug)]
pub(super) struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    /// The file or the connection knows nothing of pipes.
    useless: bool,
}

impl Pipe {
    /// One, where the system has any left that hold enough.
    pub(super) fn new() -> Option<Self> {
        let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        fcntl_setpipe_size(&into, SIZE).ok()?;
        Some(Self { out, into, useless: false })
    }

    /// Whether it has turned out that octets cannot go this way; what was taken has gone another.
    pub(super) fn is_useless(&self) -> bool {
        self.useless
    }

    /// Takes octets from the connection until there are `room`, the pipe is full, or no more are
    /// there. What came before an error counts.
    pub(super) fn fill(
        &mut self,
        tcp: &TcpStream,
        room: usize,
    ) -> (usize, io::Result<Option<Received>>) {
        let mut filled = 0;
        while filled < room {
            match splice(tcp, None, &self.into, None, room - filled, FLAGS) {
                Ok(0) => return (filled, Ok(Some(Received::Eof))),
                Ok(n) => filled += n,
                // There is no more, or no room for it: octets of small packets take a page each.
                Err(Errno::AGAIN) if filled > 0 => break,
                Err(Errno::INTR) => {}
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    self.useless = true;
                    break;
                }
                Err(e) => return (filled, Err(e.into())),
            }
        }
        (filled, Ok(None))
    }

    /// Writes the `left` octets that are in the pipe.
    pub(super) fn empty_into(&mut self, mut file: &File, mut left: usize) -> io::Result<()> {
        while left > 0 {
            match splice(&self.out, None, file, None, left, FLAGS) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => left = left.saturating_sub(n),
                Err(Errno::INTR) => {}
                // A file that is appended to, or of a file system that cannot.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    self.useless = true;
                    let mut octets = vec![0; left];
                    File::from(self.out.try_clone()?).read_exact(&mut octets)?;
                    return file.write_all(&octets);
                }
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    async fn connected() -> (TcpStream, std::net::TcpStream) {
        let door = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let tcp = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
        (tcp, door.accept().unwrap().0)
    }

    #[tokio::test]
    async fn no_more_is_taken_than_there_is_room_for_and_the_end_is_seen() {
        let (tcp, mut peer) = connected().await;
        let dir = tempfile::tempdir().unwrap();
        let file = File::create_new(dir.path().join("f")).unwrap();
        let mut pipe = Pipe::new().unwrap();
        let (none, end) = pipe.fill(&tcp, 10);
        assert_eq!((none, end.unwrap_err().kind()), (0, io::ErrorKind::WouldBlock));

        peer.write_all(b"0123456789").unwrap();
        for (room, want) in [(4, 4), (100, 6)] {
            tcp.readable().await.unwrap();
            let (filled, end) = pipe.fill(&tcp, room);
            assert_eq!((filled, end.unwrap()), (want, None));
            pipe.empty_into(&file, filled).unwrap();
        }
        drop(peer);
        let end = loop {
            match pipe.fill(&tcp, 10) {
                (0, Ok(end)) => break end,
                (filled, end) => {
                    let kind = end.map_err(|e| e.kind());
                    assert_eq!((filled, kind), (0, Err(io::ErrorKind::WouldBlock)));
                    tokio::task::yield_now().await;
                }
            }
        };
        assert_eq!(end, Some(Received::Eof));
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"0123456789");
        assert!(!pipe.is_useless());
    }

    #[tokio::test]
    async fn what_a_file_does_not_take_from_pipes_it_gets_otherwise() {
        let (tcp, mut peer) = connected().await;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), b"before ").unwrap();
        let file = File::options().append(true).open(dir.path().join("f")).unwrap();
        let mut pipe = Pipe::new().unwrap();
        peer.write_all(b"and after").unwrap();
        tcp.readable().await.unwrap();
        let (filled, end) = pipe.fill(&tcp, 100);
        assert_eq!((filled, end.unwrap()), (9, None));
        pipe.empty_into(&file, filled).unwrap();
        assert!(pipe.is_useless());
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"before and after");
    }
}
