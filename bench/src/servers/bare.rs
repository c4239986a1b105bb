//! A server that knows nothing: it accepts, greets, and answers each line by its first letter. What
//! servers cannot be faster than.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// As many as log in at a time.
const THREADS: usize = 8;

/// Starts it, until this process ends.
///
/// # Errors
/// There is no port.
pub(super) fn start() -> io::Result<SocketAddr> {
    let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    let at = listener.local_addr()?;
    for _ in 0..THREADS {
        let listener = Arc::clone(&listener);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                // Clients go when they like.
                drop(serve(&stream));
            }
        });
    }
    Ok(at)
}

fn serve(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"220 ready\r\n")?;
    let mut room = vec![0; 64 * 1024];
    let mut replies = Vec::new();
    let mut first = None;
    loop {
        let count = stream.read(&mut room)?;
        if count == 0 {
            return Ok(());
        }
        for &octet in room.iter().take(count) {
            first.get_or_insert(octet);
            if octet == b'\n' {
                replies.extend_from_slice(match first.take() {
                    Some(b'U') => b"331 go on\r\n",
                    Some(b'P') => b"230 go on\r\n",
                    _ => b"200 done\r\n",
                });
            }
        }
        stream.write_all(&replies)?;
        replies.clear();
    }
}
