//! The server's side of a TLS handshake over a [`Link`]. No deadline: the caller sets one.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read};
use std::sync::Arc;

use rustls::server::{Accepted, Acceptor};
use rustls::{HandshakeKind, ProtocolVersion, ServerConnection};
use rustls_pki_types::CertificateDer;

use super::binding::Binding;
use super::records::Records;
use super::stream::{LinkIo, TlsStream};
use super::{TlsOffer, alpn};
use crate::net::Link;

/// What is read and dropped after a failure, so that the system does not answer unread octets with
/// a reset that overtakes our alert.
const DRAIN_MAX: usize = 16;

/// What was agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub(crate) version: &'static str,
    /// Whether an earlier session of the same FTP session was resumed.
    pub(crate) resumed: bool,
    /// The server name the client asked for.
    pub(crate) sni: Option<Box<str>>,
    /// Whether a ticket of another FTP session was offered.
    pub(crate) mixes: bool,
    /// Whether our ALPN name was chosen.
    pub(crate) alpn: bool,
    /// The certificate that the client showed, itself or in the session it resumed.
    pub(crate) client: Option<CertificateDer<'static>>,
}

/// Why there is no TLS.
#[derive(Debug)]
pub(crate) enum TlsFailure {
    /// The connection broke, or ended before the handshake did.
    Io(io::Error),
    /// The peer and we do not agree, or it does not speak TLS; it was sent an alert.
    Tls(rustls::Error),
    /// The handshake is complete but not resumed, and it had to be.
    NotResumed,
    /// The handshake is complete, but not with the certificate of the control connection.
    AnotherClient,
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the connection broke during the TLS handshake"),
            Self::Tls(_) => f.write_str("the TLS handshake failed"),
            Self::NotResumed => f.write_str("the TLS session was not resumed"),
            Self::AnotherClient => {
                f.write_str("the certificate is not that of the control connection")
            }
        }
    }
}

impl std::error::Error for TlsFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(e),
            Self::Tls(e) => Some(e),
            Self::NotResumed | Self::AnotherClient => None,
        }
    }
}

impl From<io::Error> for TlsFailure {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// Says what to offer to a client that asks for this server name; `None` ends the handshake.
pub(crate) type Choose<'a> = dyn FnMut(Option<&str>) -> Option<TlsOffer> + Send + 'a;

/// Shakes hands as the server, with what is chosen when the client has said whom it wants. `early`
/// was read from the link before and comes first. When this fails the connection is of no more
/// use: the peer has been told why, and our direction ended.
pub(crate) async fn accept(
    link: &dyn Link,
    choose: &mut Choose<'_>,
    early: &[u8],
) -> Result<(Box<TlsStream>, TlsFacts), TlsFailure> {
    let mut input = Input { early, ..Input::new(link) };
    let Begun { mut conn, binding, must_resume } = begin(&mut input, choose).await?;
    loop {
        if let Err(e) = conn.process_new_packets() {
            let _ = conn.write_tls(&mut LinkIo { link, at_once: false });
            return Err(part(link, TlsFailure::Tls(e)));
        }
        if let Some(binding) = &binding {
            binding.note(conn.handshake_kind());
        }
        while conn.wants_write() {
            match conn.write_tls(&mut LinkIo { link, at_once: false }) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| link.poll_writable(cx)).await?;
                }
                other => _ = other?,
            }
        }
        if !conn.is_handshaking() && input.early.is_empty() {
            break;
        }
        read_some(&mut input, |input| conn.read_tls(input)).await?;
    }
    let mixes = binding.is_some_and(|binding| binding.met_another());
    let facts = facts(&conn, mixes);
    if must_resume && !facts.resumed {
        conn.send_close_notify();
        let _ = conn.write_tls(&mut LinkIo { link, at_once: false });
        return Err(part(link, TlsFailure::NotResumed));
    }
    Ok((TlsStream::new((*conn).into(), input.records), facts))
}

/// A handshake whose ClientHello has been answered.
struct Begun {
    conn: Box<ServerConnection>,
    binding: Option<Arc<Binding>>,
    must_resume: bool,
}

/// Reads the ClientHello and answers it.
async fn begin(input: &mut Input<'_>, choose: &mut Choose<'_>) -> Result<Begun, TlsFailure> {
    // In a box, as everything of rustls here: these futures are part of every session's task.
    let mut acceptor = Box::<Acceptor>::default();
    loop {
        read_some(input, |input| acceptor.read_tls(input)).await?;
        let refused = match acceptor.accept() {
            Ok(None) => continue,
            Ok(Some(hello)) => match choose(hello.client_hello().server_name()).map(Box::new) {
                Some(offer) => {
                    let (binding, must_resume) = (offer.binding.clone(), offer.must_resume);
                    match answer(hello, *offer) {
                        Ok(conn) => return Ok(Begun { conn, binding, must_resume }),
                        Err(refused) => refused,
                    }
                }
                None => return Err(TlsFailure::Tls(rustls::Error::HandshakeNotComplete)),
            },
            Err(refused) => refused,
        };
        let (error, mut alert) = refused;
        let _ = alert.write_all(&mut LinkIo { link: input.link, at_once: false });
        return Err(part(input.link, TlsFailure::Tls(error)));
    }
}

/// Answers a ClientHello; ALPN takes part only with clients it would help or must stop.
fn answer(
    accepted: Accepted,
    mut offer: TlsOffer,
) -> Result<Box<ServerConnection>, (rustls::Error, rustls::server::AcceptedAlert)> {
    let hello = accepted.client_hello();
    let ours = offer.config.alpn_protocols.first().cloned().unwrap_or_default();
    if hello.alpn().is_some_and(|offered| !alpn::takes_part(offered, &ours)) {
        offer.config.alpn_protocols.clear();
    }
    accepted.into_connection(Arc::new(offer.config)).map(Box::new)
}

/// Waits for octets and reads some; the end of the stream is an error here.
pub(super) async fn read_some(
    input: &mut Input<'_>,
    mut read: impl FnMut(&mut Input<'_>) -> io::Result<usize>,
) -> Result<(), TlsFailure> {
    loop {
        match read(input) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(_) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let link = input.link;
                // Clients send their Finished behind a small record, and Nagle holds it back.
                link.acknowledge();
                poll_fn(|cx| link.poll_readable(cx)).await?;
            }
            Err(e) => return Err(e.into()),
        }
    }
}

fn facts(conn: &ServerConnection, mixes: bool) -> TlsFacts {
    TlsFacts {
        version: match conn.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
        resumed: conn.handshake_kind() == Some(HandshakeKind::Resumed),
        sni: conn.server_name().map(Into::into),
        mixes,
        alpn: conn.alpn_protocol().is_some(),
        client: conn
            .peer_certificates()
            .and_then(<[_]>::first)
            .map(|certificate| certificate.clone().into_owned()),
    }
}

/// Ends our direction after the alert and takes what the peer had sent, see [`DRAIN_MAX`].
pub(super) fn part(link: &dyn Link, why: TlsFailure) -> TlsFailure {
    // The failure matters, not whether the peer still hears of it.
    let _ = link.shutdown_write();
    let mut scratch = [0; 1024];
    for _ in 0..DRAIN_MAX {
        if !link.try_read(&mut scratch).is_ok_and(|n| n > 0) {
            break;
        }
    }
    why
}

/// What was read before the handshake, then the link.
pub(super) struct Input<'a> {
    early: &'a [u8],
    link: &'a dyn Link,
    records: Records,
}

impl<'a> Input<'a> {
    pub(super) fn new(link: &'a dyn Link) -> Self {
        Self { early: &[], link, records: Records::default() }
    }

    /// Where in the peer's records reading is.
    pub(super) fn records(&self) -> Records {
        self.records
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n =
            if self.early.is_empty() { self.link.try_read(buf)? } else { self.early.read(buf)? };
        self.records.pass(buf.get(..n).unwrap_or_default());
        Ok(n)
    }
}
