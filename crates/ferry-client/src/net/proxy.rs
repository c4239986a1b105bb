//! The way through a proxy: SOCKS 5 (RFC 1928, RFC 1929) and HTTP CONNECT (RFC 9110 §9.3.6). The
//! caller sets the deadline.

use std::io;
use std::net::IpAddr;

use tokio::net::TcpStream;

use super::connect::direct;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Proxy, ProxyKind, Settings};

/// The longest answer of an HTTP proxy.
const HEAD_MAX: usize = 16 * 1024;

/// How such an answer begins.
const HTTP: &[u8] = b"HTTP/1.";

/// Connects to `host` through `via`.
pub(super) async fn connect(
    via: &Proxy,
    host: &str,
    port: u16,
    settings: &Settings,
) -> Result<TcpStream> {
    let stream = direct(&via.host, via.port, settings.family).await?;
    let done = match via.kind {
        ProxyKind::Socks5 => socks(&stream, via, host, port).await,
        ProxyKind::HttpConnect => http(&stream, via, host, port).await,
    };
    done.map_err(|e| {
        let what = format!("the proxy {} does not connect to {host} port {port}: {e}", via.host);
        Error::new(ErrorKind::Connect, what).with_source(e)
    })?;
    Ok(stream)
}

async fn read_exact(stream: &TcpStream, buf: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        stream.readable().await?;
        match stream.try_read(rest) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

async fn write_all(stream: &TcpStream, mut buf: &[u8]) -> io::Result<()> {
    while !buf.is_empty() {
        stream.writable().await?;
        match stream.try_write(buf) {
            Ok(n) => buf = buf.get(n..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn nonsense() -> io::Error {
    io::Error::other("its answers make no sense")
}

async fn socks(stream: &TcpStream, via: &Proxy, host: &str, port: u16) -> io::Result<()> {
    let greeting: &[u8] = if via.login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    write_all(stream, greeting).await?;
    let mut chosen = [0; 2];
    read_exact(stream, &mut chosen).await?;
    match (chosen, &via.login) {
        ([5, 0], _) => {}
        ([5, 2], Some((name, password))) => {
            let short = |text: &[u8]| u8::try_from(text.len()).ok().filter(|len| *len > 0);
            let (Some(n), Some(p)) = (short(name.as_bytes()), short(password.reveal())) else {
                return Err(io::Error::other("name or password for it are too long"));
            };
            let mut login = vec![1, n];
            login.extend_from_slice(name.as_bytes());
            login.push(p);
            login.extend_from_slice(password.reveal());
            write_all(stream, &login).await?;
            let mut answer = [0; 2];
            read_exact(stream, &mut answer).await?;
            if answer[1] != 0 {
                return Err(io::Error::other("it refuses the name and password"));
            }
        }
        ([5, 0xFF | 2], _) => return Err(io::Error::other("it wants a name and a password")),
        _ => return Err(nonsense()),
    }
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend_from_slice(&ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend_from_slice(&ip.octets());
        }
        Err(_) => {
            let len = u8::try_from(host.len()).map_err(|_| nonsense())?;
            request.extend_from_slice(&[3, len]);
            request.extend_from_slice(host.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    write_all(stream, &request).await?;
    let mut head = [0; 4];
    read_exact(stream, &mut head).await?;
    let [5, code, _, kind] = head else {
        return Err(nonsense());
    };
    if code != 0 {
        return Err(io::Error::other(match code {
            1 => "general failure",
            2 => "not allowed",
            3 => "network unreachable",
            4 => "host unreachable",
            5 => "connection refused",
            6 => "too far away",
            7 => "it cannot do that",
            8 => "it does not know such addresses",
            _ => "failure",
        }));
    }
    let len = match kind {
        1 => 4,
        4 => 16,
        3 => {
            let mut len = [0];
            read_exact(stream, &mut len).await?;
            usize::from(len[0])
        }
        _ => return Err(nonsense()),
    };
    let mut bound = [0; 257];
    read_exact(stream, bound.get_mut(..len + 2).ok_or_else(nonsense)?).await
}

async fn http(stream: &TcpStream, via: &Proxy, host: &str, port: u16) -> io::Result<()> {
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    if bracketed.bytes().any(|octet| octet.is_ascii_control() || octet == b' ') {
        return Err(io::Error::other("the host's name cannot be put into a request"));
    }
    let mut request =
        format!("CONNECT {bracketed}:{port} HTTP/1.1\r\nHost: {bracketed}:{port}\r\n");
    if let Some((name, password)) = &via.login {
        let pair = [name.as_bytes(), b":", password.reveal()].concat();
        request += &format!("Proxy-Authorization: Basic {}\r\n", base64(&pair));
    }
    request += "\r\n";
    write_all(stream, request.as_bytes()).await?;
    // Octet by octet at the end of the head: what follows it is the server's greeting.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        let mut octet = [0];
        read_exact(stream, &mut octet).await?;
        head.push(octet[0]);
        // Something else would not send an empty line, and cost all of the time there is.
        let begins = head.get(..HTTP.len().min(head.len())).unwrap_or_default();
        if head.len() > HEAD_MAX || !HTTP.starts_with(begins) {
            return Err(nonsense());
        }
    }
    let line = head.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    match (words.next(), words.next()) {
        (Some(version), Some(code)) if version.starts_with("HTTP/1.") => match code {
            code if code.len() == 3 && code.starts_with('2') => Ok(()),
            "407" => Err(io::Error::other("it wants a name and a password")),
            code => Err(io::Error::other(format!("it answers {code}"))),
        },
        _ => Err(nonsense()),
    }
}

/// RFC 4648 §4.
fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in octets.chunks(3) {
        let at = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let digit = (bits >> (18 - 6 * i)) & 63;
            let digit = DIGITS.get(usize::try_from(digit).unwrap_or(0)).copied().unwrap_or(b'=');
            text.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_one_of_the_rfc() {
        for (plain, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }
}
