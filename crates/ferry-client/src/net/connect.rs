//! TCP connections to a server: straight or through a proxy, everything under one deadline.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::proxy;
use super::race::{in_turns, race};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Family, Settings};

/// After this long without a word the system asks whether a control connection is still there:
/// middleboxes forget idle ones while a long transfer runs.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A control connection to `host`, within [`Settings::timeout`] from name to last word of a proxy.
///
/// # Errors
/// [`ErrorKind::Resolve`], [`ErrorKind::Connect`], or [`ErrorKind::Timeout`].
pub(crate) async fn connect(host: &str, port: u16, settings: &Settings) -> Result<TcpStream> {
    let made = timeout(settings.timeout, reach(host, port, settings)).await;
    let tcp = made.map_err(|_elapsed| {
        let secs = settings.timeout.as_secs_f32();
        let what = format!("no connection to {host} port {port} within {secs} s");
        Error::new(ErrorKind::Timeout, what)
    })??;
    tune(&tcp);
    Ok(tcp)
}

/// A data connection: straight to `to`, or with a proxy to the same port of `host`.
///
/// # Errors
/// [`ErrorKind::Data`].
pub(crate) async fn connect_data(
    to: SocketAddr,
    host: &str,
    settings: &Settings,
) -> Result<TcpStream> {
    let attempt = async {
        if settings.proxy.is_some() {
            return reach(host, to.port(), settings)
                .await
                .map_err(|e| Error::new(ErrorKind::Data, format!("no data connection: {e}")));
        }
        TcpStream::connect(to).await.map_err(|e| {
            let what = format!("no data connection to {to}: {}", words(&e));
            Error::new(ErrorKind::Data, what).with_source(e)
        })
    };
    let tcp = timeout(settings.timeout, attempt).await.map_err(|_elapsed| {
        let secs = settings.timeout.as_secs_f32();
        Error::new(ErrorKind::Data, format!("no data connection to {to} within {secs} s"))
    })??;
    tune(&tcp);
    Ok(tcp)
}

/// What every connection wants; a system that will not is no reason to fail.
pub(super) fn tune(tcp: &TcpStream) {
    let _ = tcp.set_nodelay(true);
    let _ = SockRef::from(tcp).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
}

async fn reach(host: &str, port: u16, settings: &Settings) -> Result<TcpStream> {
    let sound = |c: char| !c.is_whitespace() && !c.is_control();
    if host.is_empty() || !host.chars().all(sound) {
        return Err(Error::new(ErrorKind::Resolve, format!("{host:?} is not the name of a host")));
    }
    let Some(through) = &settings.proxy else {
        return straight(host, port, settings.family).await;
    };
    let tcp = straight(&through.host, through.port, settings.family).await.map_err(|e| {
        Error::new(e.kind(), format!("the proxy cannot be reached: {e}")).with_source(e)
    })?;
    proxy::pass(&tcp, through, host, port).await?;
    Ok(tcp)
}

async fn straight(host: &str, port: u16, family: Family) -> Result<TcpStream> {
    let found = match host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => tokio::net::lookup_host((host, port))
            .await
            .map_err(|e| {
                let what = format!("no address of {host} was found: {}", words(&e));
                Error::new(ErrorKind::Resolve, what).with_source(e)
            })?
            .collect(),
    };
    let order = in_turns(found, family);
    if order.is_empty() {
        let which = match family {
            Family::Any => "no",
            Family::V4 => "no IPv4",
            Family::V6 => "no IPv6",
        };
        return Err(Error::new(ErrorKind::Resolve, format!("{host} has {which} address")));
    }
    race(order, TcpStream::connect).await.map_err(|failed| no_way(host, port, failed))
}

/// All attempts failed: the last one is told, and how many there were.
fn no_way(host: &str, port: u16, mut failed: Vec<(SocketAddr, io::Error)>) -> Error {
    let tried = failed.len();
    let Some((_, last)) = failed.pop() else {
        return Error::new(ErrorKind::Connect, format!("no connection to {host} port {port}"));
    };
    let times = if tried > 1 { format!(" ({tried} addresses tried)") } else { String::new() };
    let what = format!("no connection to {host} port {port}: {}{times}", words(&last));
    Error::new(ErrorKind::Connect, what).with_source(last)
}

/// What the system says, without its number.
pub(super) fn words(e: &io::Error) -> String {
    let text = match e.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        io::ErrorKind::HostUnreachable => "there is no way to that host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "there is no way to that network".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was cut".to_owned(),
        io::ErrorKind::UnexpectedEof => "the connection ended".to_owned(),
        _ => e.to_string(),
    };
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
