//! TCP connections: to every address of a name, side by side (RFC 8305), or through a proxy.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::proxy;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Family, Settings};

/// How long one address is tried alone before the next joins in (RFC 8305 §8).
const HEAD_START: Duration = Duration::from_millis(250);

/// After how much silence the system asks whether the peer is still there. Routers forget idle
/// connections within minutes, and a control connection is idle through a long transfer.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Connects a control connection.
///
/// # Errors
/// [`ErrorKind::Resolve`], [`ErrorKind::Connect`], [`ErrorKind::Timeout`].
pub(crate) async fn connect(host: &str, port: u16, settings: &Settings) -> Result<TcpStream> {
    let stream = match tokio::time::timeout(settings.timeout, reach(host, port, settings)).await {
        Ok(stream) => stream?,
        Err(_) => {
            let what = format!("{host} port {port} does not answer");
            return Err(Error::new(ErrorKind::Timeout, what));
        }
    };
    prepare(&stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    Ok(stream)
}

/// Connects a data connection: to that address, or through the proxy to the host's port.
///
/// # Errors
/// [`ErrorKind::Data`]. The caller sets the deadline.
pub(crate) async fn connect_data(
    to: SocketAddr,
    host: &str,
    settings: &Settings,
) -> Result<TcpStream> {
    let stream = match &settings.proxy {
        Some(via) => proxy::connect(via, host, to.port(), settings)
            .await
            .map_err(|e| Error::new(ErrorKind::Data, format!("no data connection: {e}"))),
        None => TcpStream::connect(to).await.map_err(|e| {
            Error::new(ErrorKind::Data, format!("no data connection to {to}")).with_source(e)
        }),
    }?;
    prepare(&stream);
    Ok(stream)
}

/// A reply or the end of a file must not wait for an acknowledgement.
fn prepare(stream: &TcpStream) {
    _ = stream.set_nodelay(true);
}

async fn reach(host: &str, port: u16, settings: &Settings) -> Result<TcpStream> {
    match &settings.proxy {
        Some(via) => proxy::connect(via, host, port, settings).await,
        None => direct(host, port, settings.family).await,
    }
}

/// Connects to a name without a proxy.
pub(super) async fn direct(host: &str, port: u16, family: Family) -> Result<TcpStream> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|e| {
        Error::new(ErrorKind::Resolve, format!("{host} has no address")).with_source(e)
    })?;
    let wanted = found.filter(|at| match family {
        Family::Any => true,
        Family::V4 => at.is_ipv4(),
        Family::V6 => at.is_ipv6(),
    });
    let addresses = interleave(wanted);
    if addresses.is_empty() {
        let what = format!("{host} has no address of the wanted kind");
        return Err(Error::new(ErrorKind::Resolve, what));
    }
    race(addresses).await.map_err(|e| {
        Error::new(ErrorKind::Connect, format!("{host} port {port}: {e}")).with_source(e)
    })
}

/// IPv6 and IPv4 by turns, beginning with what the system put first.
fn interleave(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut seen = Vec::new();
    for address in addresses {
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    let first_is_v6 = seen.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) =
        seen.into_iter().partition(|at| at.is_ipv6() == first_is_v6);
    let longest = one.len().max(other.len());
    let mut by_turns = VecDeque::new();
    for i in 0..longest {
        by_turns.extend(one.get(i).into_iter().chain(other.get(i)).copied());
    }
    by_turns
}

/// Tries the addresses with a head start for each; the first connection wins, the others are
/// dropped.
async fn race(mut addresses: VecDeque<SocketAddr>) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(next) = addresses.pop_front() {
            tries.spawn(TcpStream::connect(next));
        }
        let more = !addresses.is_empty();
        tokio::select! {
            ended = tries.join_next() => match ended {
                None => return Err(last),
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(e))) => last = e,
                Some(Err(_)) => {}
            },
            () = tokio::time::sleep(HEAD_START), if more => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_nothing_is_tried_twice() {
        let list = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "[::1]:1"];
        let got = interleave(list.iter().map(|at| at.parse().unwrap()));
        let want = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"];
        assert_eq!(got, want.map(|at| at.parse::<SocketAddr>().unwrap()));
    }

    #[tokio::test]
    async fn an_address_that_refuses_leaves_the_next_its_turn() {
        let there = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone_at = gone.local_addr().unwrap();
        drop(gone);
        let list = VecDeque::from([gone_at, there.local_addr().unwrap()]);
        let stream = race(list).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), there.local_addr().unwrap());
        assert!(race(VecDeque::from([gone_at])).await.is_err());
    }
}
