//! Data connections of the load generator. What comes is thrown away as cheaply as can be
//! (`MSG_TRUNC` does not even copy it), so that the server gets as much of the machine as it can.
//!
//! Over loopback the sender wakes the receiver, and pays for it; a receiver that keeps up with
//! every segment would triple what sending costs. No network card does that to a server, so
//! receivers of large files are woken once for every [`WAKE_AT`] octets.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use rustix::net::{RecvFlags, recv};

use super::dialog::{Control, Stream};
use super::security::Secured;
use crate::sys::wake_at;

/// How much is thrown away or sent at a time.
pub(super) const PART: usize = 256 * 1024;
/// When the receiver of a large file is woken.
pub(super) const WAKE_AT: i32 = 1 << 20;
/// What a large file is, and the end of one that is read as it comes.
const LARGE: u64 = 4 << 20;

/// Downloads a file of `size` octets and forgets it.
///
/// # Errors
/// The server says no, or less comes.
pub(super) fn get(control: &mut Control, name: &str, size: u64) -> io::Result<()> {
    let data = control.data()?;
    let command = format!("RETR {name}");
    control.send(&format!("{command}\r\n"))?;
    control.begun(&command)?;
    let came = control.secure(data).and_then(|data| match data {
        Stream::Plain(data) => {
            if size >= LARGE {
                wake_at(&data, WAKE_AT)?;
            }
            discard(&data)
        }
        Stream::Tls(data) => open_and_discard(*data, size),
    });
    let done = control.done(&command).map(drop);
    // Where both ends are unhappy, the server knows why.
    let came = match (came, &done) {
        (Ok(came), _) => came,
        (Err(e), Ok(())) => return Err(e),
        (Err(_), Err(_)) => return done,
    };
    if came != size {
        return Err(io::Error::other(format!("{came} octets came instead of {size}")));
    }
    done
}

/// Uploads `size` octets, which are repetitions of `part`.
///
/// # Errors
/// The server says no.
pub(super) fn put(control: &mut Control, name: &str, part: &[u8], size: u64) -> io::Result<()> {
    let data = control.data()?;
    let command = format!("STOR {name}");
    control.send(&format!("{command}\r\n"))?;
    control.begun(&command)?;
    let mut data = control.secure(data)?;
    match &mut data {
        Stream::Plain(data) => {
            repeat(part, size, |octets| data.write_all(octets))?;
            data.shutdown(Shutdown::Write)?;
        }
        Stream::Tls(data) => {
            repeat(part, size, |octets| data.write_all(octets))?;
            data.conn.send_close_notify();
            data.flush()?;
            data.sock.shutdown(Shutdown::Write)?;
            // Fresh tickets, if the server gives any; how it closes is its own affair.
            drop(data.read_to_end(&mut Vec::new()));
        }
    }
    control.done(&command).map(drop)
}

/// Gives `size` octets to `write` in parts.
///
/// # Errors
/// What `write` says.
pub(super) fn repeat(
    part: &[u8],
    size: u64,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut left = size;
    while left > 0 && !part.is_empty() {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(part.len());
        write(part.get(..count).unwrap_or_default())?;
        left -= u64::try_from(count).unwrap_or(left);
    }
    Ok(())
}

/// Throws away all that comes and counts it.
///
/// # Errors
/// The connection breaks.
pub(super) fn discard(from: &TcpStream) -> io::Result<u64> {
    let mut room = vec![0; PART * 4];
    let mut all = 0;
    loop {
        match recv(from, room.as_mut_slice(), RecvFlags::TRUNC) {
            Ok((_, 0)) => return Ok(all),
            Ok((_, count)) => all += u64::try_from(count).map_err(io::Error::other)?,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// The same under TLS, by few system calls. It has to be opened: vsftpd closes its end only when
/// ours has been, so that who waits for the connection's end waits for ever.
pub(super) fn open_and_discard(secured: Secured, size: u64) -> io::Result<u64> {
    let (mut connection, mut socket) = secured.into_parts();
    let mut all = 0;
    let mut rarely = size >= LARGE;
    if rarely {
        wake_at(&socket, WAKE_AT)?;
    }
    let mut room = vec![0; PART];
    {
        let mut from = io::BufReader::with_capacity(PART, &socket);
        loop {
            match connection.reader().read(&mut room) {
                Ok(0) => break,
                Ok(count) => all += u64::try_from(count).map_err(io::Error::other)?,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    // The last octets may not be as many, and no end may follow them.
                    if rarely && all + LARGE > size {
                        wake_at(&socket, 1)?;
                        rarely = false;
                    }
                    connection.read_tls(&mut from)?;
                    connection.process_new_packets().map_err(io::Error::other)?;
                }
                // ProFTPD sometimes says no farewell; all is there.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof && all == size => break,
                Err(e) => return Err(e),
            }
        }
    }
    connection.send_close_notify();
    // Some have gone by now.
    drop(connection.write_tls(&mut socket));
    Ok(all)
}
