//! Asking a proxy to connect: SOCKS version 5 (RFC 1928, RFC 1929) and HTTP CONNECT (RFC 9110
//! §9.3.6). Never an octet beyond the proxy's own words is read: the server's may follow at once.
//! No deadline: the caller sets one.

use std::io;
use std::net::IpAddr;

use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::connect::words;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::settings::{Proxy, ProxyKind};

/// The longest head of an HTTP answer that is read.
const HTTP_HEAD_MAX: usize = 16 << 10;

/// Has the proxy at the other end of `tcp` connect to `host`, which it resolves.
///
/// # Errors
/// [`ErrorKind::Connect`].
pub(super) async fn pass(tcp: &TcpStream, proxy: &Proxy, host: &str, port: u16) -> Result<()> {
    match proxy.kind {
        ProxyKind::Socks5 => socks5(tcp, proxy.login.as_ref(), host, port).await,
        ProxyKind::HttpConnect => http(tcp, proxy.login.as_ref(), host, port).await,
    }
}

async fn socks5(
    tcp: &TcpStream,
    login: Option<&(String, Secret)>,
    host: &str,
    port: u16,
) -> Result<()> {
    let greeting: &[u8] = if login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    write_all(tcp, greeting).await?;
    let mut choice = [0; 2];
    read_exact(tcp, &mut choice).await?;
    match (choice, login) {
        ([5, 0], _) => {}
        ([5, 2], Some((name, password))) => {
            let request = Zeroizing::new(socks5_login(name, password)?);
            write_all(tcp, &request).await?;
            let mut verdict = [0; 2];
            read_exact(tcp, &mut verdict).await?;
            if verdict[1] != 0 {
                return Err(no("the proxy refused the name and password for it"));
            }
        }
        ([5, _], None) => return Err(no("the proxy wants a name and a password")),
        ([5, _], Some(_)) => return Err(no("the proxy wants neither names nor passwords")),
        _ => return Err(no("what listens at the proxy's address does not speak SOCKS 5")),
    }
    write_all(tcp, &socks5_request(host, port)?).await?;
    let mut head = [0; 4];
    read_exact(tcp, &mut head).await?;
    let [version, reply, _, kind] = head;
    if version != 5 {
        return Err(no("the proxy's answer is not SOCKS 5"));
    }
    if reply != 0 {
        let why = match reply {
            1 => "it failed",
            2 => "its rules forbid it",
            3 => "there is no way to that network",
            4 => "there is no way to that host",
            5 => "nobody listens there",
            6 => "it took too long",
            7 => "it cannot connect at all",
            8 => "it does not know that kind of address",
            _ => "it does not say why in a way we know",
        };
        return Err(no(format!("the proxy did not connect to {host} port {port}: {why}")));
    }
    // The address it connects from, which nobody needs.
    let rest = match kind {
        1 => 4,
        4 => 16,
        3 => {
            let mut len = [0];
            read_exact(tcp, &mut len).await?;
            usize::from(len[0])
        }
        _ => return Err(no("the proxy's answer is not SOCKS 5")),
    };
    let mut bound = [0; 257];
    read_exact(tcp, bound.get_mut(..rest + 2).unwrap_or_default()).await
}

fn socks5_login(name: &str, password: &Secret) -> Result<Vec<u8>> {
    let too_long = |_| no("name or password for the proxy is longer than 255 octets");
    let name_len = u8::try_from(name.len()).map_err(too_long)?;
    let password = password.reveal();
    let password_len = u8::try_from(password.len()).map_err(too_long)?;
    Ok([&[1, name_len], name.as_bytes(), &[password_len], password].concat())
}

fn socks5_request(host: &str, port: u16) -> Result<Vec<u8>> {
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend(ip.octets());
        }
        Err(_) => {
            let len = u8::try_from(host.len());
            request.extend([3, len.map_err(|_| no("the name of the host is too long"))?]);
            request.extend(host.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

async fn http(
    tcp: &TcpStream,
    login: Option<&(String, Secret)>,
    host: &str,
    port: u16,
) -> Result<()> {
    let target =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
    if let Some((name, password)) = login {
        let pair = Zeroizing::new([name.as_bytes(), b":", password.reveal()].concat());
        let encoded = Zeroizing::new(base64(&pair));
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&encoded);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    write_all(tcp, request.as_bytes()).await?;
    let head = http_head(tcp).await?;
    match http_status(&head) {
        Some(200..=299) => Ok(()),
        Some(407) if login.is_some() => Err(no("the proxy refused the name and password for it")),
        Some(407) => Err(no("the proxy wants a name and a password")),
        Some(code) => {
            Err(no(format!("the proxy did not connect to {host} port {port}: it answered {code}")))
        }
        None => Err(no("what listens at the proxy's address does not speak HTTP")),
    }
}

/// Reads to the empty line and not beyond.
async fn http_head(tcp: &TcpStream) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        let mut octet = [0];
        read_exact(tcp, &mut octet).await?;
        head.extend(octet);
        let foreign = !b"HTTP/1.".starts_with(head.get(..7.min(head.len())).unwrap_or_default());
        if foreign {
            return Err(no("what listens at the proxy's address does not speak HTTP"));
        }
        if head.len() >= HTTP_HEAD_MAX {
            return Err(no("the proxy's answer is too long"));
        }
    }
    Ok(head)
}

fn http_status(head: &[u8]) -> Option<u16> {
    let line = head.split(|octet| *octet == b'\n').next()?;
    let mut parts = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let _version = parts.next()?;
    let code = parts.next()?;
    if code.len() == 3 { code.parse().ok() } else { None }
}

/// RFC 4648 §4.
fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let bits = (0..3)
            .fold(0_u32, |bits, at| bits << 8 | group.get(at).map_or(0, |octet| u32::from(*octet)));
        for at in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap_or(0);
            let digit = DIGITS.get(digit).map_or('=', |digit| char::from(*digit));
            text.push(if at <= group.len() { digit } else { '=' });
        }
    }
    text
}

fn no(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Connect, what)
}

fn broken(e: io::Error) -> Error {
    no(format!("the proxy went away: {}", words(&e))).with_source(e)
}

async fn write_all(tcp: &TcpStream, mut octets: &[u8]) -> Result<()> {
    while !octets.is_empty() {
        tcp.writable().await.map_err(broken)?;
        match tcp.try_write(octets) {
            Ok(n) => octets = octets.get(n..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(broken(e)),
        }
    }
    Ok(())
}

async fn read_exact(tcp: &TcpStream, mut buf: &mut [u8]) -> Result<()> {
    while !buf.is_empty() {
        tcp.readable().await.map_err(broken)?;
        match tcp.try_read(buf) {
            Ok(0) => return Err(broken(io::ErrorKind::UnexpectedEof.into())),
            Ok(n) => buf = buf.get_mut(n..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(broken(e)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648 §10
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in table {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn the_status_is_read_from_the_first_line_only() {
        let table: [(&[u8], _); 5] = [
            (b"HTTP/1.1 200 Connection established\r\n\r\n", Some(200)),
            (b"HTTP/1.0 407\r\nX: 200\r\n\r\n", Some(407)),
            (b"HTTP/1.1 2000 no\r\n\r\n", None),
            (b"HTTP/1.1\r\n200 x\r\n\r\n", None),
            (b"", None),
        ];
        for (head, status) in table {
            assert_eq!(http_status(head), status, "{}", head.escape_ascii());
        }
    }
}
