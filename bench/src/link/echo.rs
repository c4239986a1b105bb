//! Looking at a link by itself: how long an octet takes to and fro, and how many pass in a second.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::DelayLink;
use crate::clock;

/// No wait on the link is longer.
const LIMIT: Duration = Duration::from_secs(30);

const BLOCK: usize = 256 << 10;

/// How long a connection takes, and then `count` single octets to and fro.
pub(crate) fn measure_round_trips(link: &DelayLink, count: usize) -> io::Result<Vec<Duration>> {
    let (listener, at) = listen(link)?;
    let echo = thread::spawn(move || -> io::Result<()> {
        let (mut peer, from) = listener.accept()?;
        if from.ip() != link_client(at) {
            return Err(io::Error::other(format!("a client came from {from}")));
        }
        limit(&peer)?;
        let mut octet = [0];
        while peer.read(&mut octet)? == 1 {
            peer.write_all(&octet)?;
        }
        Ok(())
    });
    let mut times = Vec::with_capacity(count + 1);
    let began = clock::now();
    let mut client = TcpStream::connect_timeout(&(link.public(), at.port()).into(), LIMIT)?;
    times.push(began.elapsed());
    limit(&client)?;
    for _ in 0..count {
        let began = clock::now();
        client.write_all(&[1])?;
        client.read_exact(&mut [0])?;
        times.push(began.elapsed());
    }
    drop(client);
    echo.join().map_err(|_| io::Error::other("the echo panicked"))??;
    Ok(times)
}

/// Octets a second of one connection that sends `octets`, slow start included.
pub(crate) fn measure_rate(link: &DelayLink, octets: u64) -> io::Result<f64> {
    let (listener, at) = listen(link)?;
    let source = thread::spawn(move || -> io::Result<()> {
        let (mut peer, _) = listener.accept()?;
        limit(&peer)?;
        let block = vec![7; BLOCK];
        let mut left = octets;
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            peer.write_all(block.get(..now).unwrap_or_default())?;
            left -= u64::try_from(now).map_err(io::Error::other)?;
        }
        Ok(())
    });
    let began = clock::now();
    let mut client = TcpStream::connect_timeout(&(link.public(), at.port()).into(), LIMIT)?;
    limit(&client)?;
    let mut block = vec![0; BLOCK];
    let mut came = 0;
    loop {
        match client.read(&mut block)? {
            0 => break,
            more => came += u64::try_from(more).map_err(io::Error::other)?,
        }
    }
    let took = began.elapsed();
    source.join().map_err(|_| io::Error::other("the source panicked"))??;
    if came != octets {
        return Err(io::Error::other(format!("{came} octets came of {octets}")));
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    Ok(octets as f64 / took.as_secs_f64())
}

fn listen(link: &DelayLink) -> io::Result<(TcpListener, std::net::SocketAddrV4)> {
    let listener = TcpListener::bind((link.server(), 0))?;
    match listener.local_addr()? {
        std::net::SocketAddr::V4(at) => Ok((listener, at)),
        std::net::SocketAddr::V6(_) => Err(io::Error::other("not IPv4")),
    }
}

/// Whom a server at `at` sees.
fn link_client(at: std::net::SocketAddrV4) -> std::net::Ipv4Addr {
    let [a, b, c, _] = at.ip().octets();
    std::net::Ipv4Addr::new(a, b, c, 3)
}

fn limit(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))
}
