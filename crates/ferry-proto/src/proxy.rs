//! The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): how a balancer says at the
//! start of a connection whose it is. Whom to believe is not decided here.
//!
//! What follows the header belongs to FTP or TLS, so a reader must not read beyond it:
//! [`read`] says how many more octets are surely part of the header.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

/// Longest header of version 1, CRLF included.
pub const TEXT_MAX: usize = 107;

/// Longest header of version 2. The protocol allows 64 KiB; what balancers send, with
/// identifiers and the facts of their own TLS, is a few hundred octets.
pub const BINARY_MAX: usize = 4096;

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family, length.
const BINARY_START: usize = 16;

/// `PROXY UNKNOWN` and CRLF: the shortest header of version 1.
const TEXT_MIN: usize = 15;

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Header {
    /// Someone else's.
    Proxied {
        /// Who connected to the balancer.
        source: SocketAddr,
        /// Where they connected to.
        destination: SocketAddr,
    },
    /// The balancer's own, as to see whether anybody is there, or it does not know: the addresses
    /// of the socket count.
    Own,
}

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// At least so many octets of the header are still to come; never 0.
    Wants(usize),
    /// That was all of it.
    Whole(Header),
}

/// Why it is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// Neither version begins like this.
    NotProxy,
    /// Longer than any header need be.
    TooLong,
    /// It begins like one and does not go on like one.
    Malformed,
    /// A version, command or family that cannot be an FTP client's.
    Unsupported,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotProxy => "no PROXY header",
            Self::TooLong => "a PROXY header that is too long",
            Self::Malformed => "a malformed PROXY header",
            Self::Unsupported => "a PROXY header of a kind that is not served",
        })
    }
}

impl core::error::Error for ProxyError {}

/// Reads what has come of a header. To be asked again with all of it when as many octets as are
/// wanted have been added, and no more than those.
///
/// # Errors
/// See [`ProxyError`]; told as early as it is certain.
pub fn read(came: &[u8]) -> Result<Progress, ProxyError> {
    if came.is_empty() {
        return Ok(Progress::Wants(TEXT_MIN));
    }
    if starts_alike(came, SIGNATURE) {
        return binary(came);
    }
    if starts_alike(came, b"PROXY ") { text(came) } else { Err(ProxyError::NotProxy) }
}

/// Whether what has come is how `start` begins, or begins with it.
fn starts_alike(came: &[u8], start: &[u8]) -> bool {
    came.iter().zip(start).all(|(a, b)| a == b)
}

fn text(came: &[u8]) -> Result<Progress, ProxyError> {
    if came.len() < TEXT_MIN {
        return Ok(Progress::Wants(TEXT_MIN - came.len()));
    }
    if came.len() > TEXT_MAX {
        return Err(ProxyError::TooLong);
    }
    let Some(line) = came.strip_suffix(b"\r\n") else {
        let ended = came.contains(&b'\n') || came.len() == TEXT_MAX;
        return if ended { Err(ProxyError::Malformed) } else { Ok(Progress::Wants(1)) };
    };
    let line = core::str::from_utf8(line).map_err(|_| ProxyError::Malformed)?;
    if line.contains(['\r', '\n']) {
        return Err(ProxyError::Malformed);
    }
    let mut words = line.split(' ').skip(1);
    let v4 = match words.next() {
        Some("TCP4") => true,
        Some("TCP6") => false,
        // What follows UNKNOWN is to be passed over.
        Some("UNKNOWN") => return Ok(Progress::Whole(Header::Own)),
        _ => return Err(ProxyError::Malformed),
    };
    let ip = |word: Option<&str>| -> Option<IpAddr> {
        word?.parse().ok().filter(|ip: &IpAddr| ip.is_ipv4() == v4)
    };
    let (from, to) = (ip(words.next()), ip(words.next()));
    let (from_port, to_port) = (port(words.next()), port(words.next()));
    match (from, to, from_port, to_port, words.next()) {
        (Some(from), Some(to), Some(from_port), Some(to_port), None) => {
            Ok(Progress::Whole(Header::Proxied {
                source: SocketAddr::new(from, from_port),
                destination: SocketAddr::new(to, to_port),
            }))
        }
        _ => Err(ProxyError::Malformed),
    }
}

/// A decimal number without sign or leading zeros.
fn port(word: Option<&str>) -> Option<u16> {
    let word = word?;
    let plain = word.bytes().all(|b| b.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    word.parse().ok().filter(|_| plain)
}

fn binary(came: &[u8]) -> Result<Progress, ProxyError> {
    let Some((start, rest)) = came.split_first_chunk::<BINARY_START>() else {
        return Ok(Progress::Wants(BINARY_START - came.len()));
    };
    let &[.., version_and_command, family, high, low] = start;
    let len = usize::from(u16::from_be_bytes([high, low]));
    let local = match version_and_command {
        0x20 => true,
        0x21 => false,
        _ => return Err(ProxyError::Unsupported),
    };
    if BINARY_START + len > BINARY_MAX {
        return Err(ProxyError::TooLong);
    }
    if rest.len() < len {
        return Ok(Progress::Wants(len - rest.len()));
    }
    if rest.len() > len {
        return Err(ProxyError::Malformed);
    }
    if local {
        // Whatever it holds counts for nothing.
        return Ok(Progress::Whole(Header::Own));
    }
    let (header, extensions) = match family {
        0x00 => return Ok(Progress::Whole(Header::Own)),
        0x11 => addresses::<4>(rest),
        0x21 => addresses::<16>(rest),
        _ => return Err(ProxyError::Unsupported),
    }
    .ok_or(ProxyError::Malformed)?;
    if are_extensions(extensions) {
        Ok(Progress::Whole(header))
    } else {
        Err(ProxyError::Malformed)
    }
}

/// Two addresses of `N` octets, two ports, and what follows.
fn addresses<const N: usize>(block: &[u8]) -> Option<(Header, &[u8])>
where
    IpAddr: From<[u8; N]>,
{
    let (&from, rest) = block.split_first_chunk::<N>()?;
    let (&to, rest) = rest.split_first_chunk::<N>()?;
    let (&[a, b, c, d], rest) = rest.split_first_chunk::<4>()?;
    let source = SocketAddr::new(from.into(), u16::from_be_bytes([a, b]));
    let destination = SocketAddr::new(to.into(), u16::from_be_bytes([c, d]));
    Some((Header::Proxied { source, destination }, rest))
}

/// Whether it is a run of extensions (type, length, value), none of which is needed here.
fn are_extensions(mut rest: &[u8]) -> bool {
    while let Some((&[_kind, high, low], value)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        match value.get(len..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    rest.is_empty()
}

impl Header {
    /// Writes it in version 1. Addresses of two families cannot be written and become `UNKNOWN`.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        match self {
            Self::Proxied { source: from, destination: to } if from.is_ipv4() == to.is_ipv4() => {
                let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
                let (from_ip, to_ip) = (from.ip(), to.ip());
                let (from, to) = (from.port(), to.port());
                format!("PROXY {family} {from_ip} {to_ip} {from} {to}\r\n").into_bytes()
            }
            _ => b"PROXY UNKNOWN\r\n".to_vec(),
        }
    }

    /// Writes it in version 2, with `extensions` as they are. Addresses of two families become the
    /// balancer's own connection.
    #[must_use]
    pub fn to_binary(&self, extensions: &[u8]) -> Vec<u8> {
        let (command, family, mut block) = match self {
            Self::Proxied { source: SocketAddr::V4(from), destination: SocketAddr::V4(to) } => {
                (0x21, 0x11, [from.ip().octets(), to.ip().octets()].concat())
            }
            Self::Proxied { source: SocketAddr::V6(from), destination: SocketAddr::V6(to) } => {
                (0x21, 0x21, [from.ip().octets(), to.ip().octets()].concat())
            }
            _ => (0x20, 0x00, Vec::new()),
        };
        if let (0x21, Self::Proxied { source, destination }) = (command, self) {
            block.extend_from_slice(&source.port().to_be_bytes());
            block.extend_from_slice(&destination.port().to_be_bytes());
        }
        block.extend_from_slice(extensions);
        block.truncate(usize::from(u16::MAX));
        let len = u16::try_from(block.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &len, &block].concat()
    }
}

#[cfg(test)]
mod tests;
