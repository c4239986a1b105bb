//! The client's side of a TLS handshake, and what its failures mean to a person.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{
    AlertDescription, ClientConnection, HandshakeKind, InvalidMessage, PeerIncompatible,
    ProtocolVersion,
};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connect::words;
use super::tls::{Purpose, Tls, TlsFacts};
use super::tls_stream::{Socket, TlsStream, flush};
use crate::error::{Error, ErrorKind, Result};

/// Shakes hands; see [`Wire::secure`](super::Wire::secure).
pub(super) async fn run(
    tcp: &TcpStream,
    tls: &Tls,
    purpose: Purpose,
    patience: Duration,
) -> Result<Box<TlsStream>> {
    let config = match purpose {
        Purpose::Control => &tls.control,
        Purpose::Data => &tls.data,
    };
    let conn = ClientConnection::new(Arc::clone(config), tls.name.clone())
        .map_err(|e| Error::new(ErrorKind::Tls, format!("no TLS: {e}")).with_source(e))?;
    let mut conn = Box::new(conn);
    timeout(patience, shake(tcp, &mut conn))
        .await
        .map_err(|_elapsed| {
            let secs = patience.as_secs_f32();
            let what = format!("the TLS handshake was not complete within {secs} s");
            Error::new(ErrorKind::Timeout, what)
        })?
        .map_err(|failure| explain(tls, failure))?;
    let shown = conn.peer_certificates().and_then(<[_]>::first);
    match (purpose, shown) {
        (Purpose::Control, Some(shown)) => tls.judge.expect(shown),
        (Purpose::Data, shown) if tls.judge.is_expected(shown) => {}
        _ => {
            let what = "the data connection is not with the server of the control connection";
            return Err(Error::new(ErrorKind::Certificate, what));
        }
    }
    let facts = facts(&conn);
    Ok(TlsStream::new(*conn, facts))
}

enum Failure {
    Tls(rustls::Error),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

async fn shake(tcp: &TcpStream, conn: &mut ClientConnection) -> Result<(), Failure> {
    loop {
        match flush(conn, tcp) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|cx| tcp.poll_write_ready(cx)).await?;
                continue;
            }
            flushed => flushed?,
        }
        if !conn.is_handshaking() {
            return Ok(());
        }
        poll_fn(|cx| tcp.poll_read_ready(cx)).await?;
        match conn.read_tls(&mut Socket(tcp)) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
            read => read?,
        };
        if let Err(e) = conn.process_new_packets() {
            let _alert = flush(conn, tcp);
            return Err(Failure::Tls(e));
        }
    }
}

fn facts(conn: &ClientConnection) -> TlsFacts {
    let version = match conn.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    let cipher = conn.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let shown = conn.peer_certificates().and_then(<[_]>::first);
    TlsFacts {
        version,
        cipher: cipher.unwrap_or("unknown"),
        resumed: conn.handshake_kind() == Some(HandshakeKind::Resumed),
        certificate: shown.map(|cert| Sha256::digest(cert).into()).unwrap_or_default(),
    }
}

fn explain(tls: &Tls, failure: Failure) -> Error {
    let error = match failure {
        Failure::Io(e) => {
            let what = format!("no TLS: {} during the handshake", words(&e));
            return Error::new(ErrorKind::Closed, what).with_source(e);
        }
        Failure::Tls(e) => e,
    };
    if matches!(error, rustls::Error::InvalidCertificate(_))
        && let Some(refused) = tls.refused()
    {
        return refused.with_source(error);
    }
    let (kind, what) = match &error {
        rustls::Error::InvalidCertificate(why) => {
            (ErrorKind::Certificate, format!("the server's certificate cannot be used: {why}"))
        }
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => (ErrorKind::Tls, "no TLS: what the server says is something else".to_owned()),
        rustls::Error::AlertReceived(alert) => (ErrorKind::Tls, alert_words(*alert)),
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => (ErrorKind::Tls, "no TLS: the server and we share no version of it".to_owned()),
        other => (ErrorKind::Tls, format!("no TLS: {other}")),
    };
    Error::new(kind, what).with_source(error)
}

fn alert_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "no TLS: the server shares no cipher with us".to_owned()
        }
        AlertDescription::ProtocolVersion => {
            "no TLS: the server wants a version that we do not have".to_owned()
        }
        AlertDescription::UnrecognisedName => {
            "no TLS: the server knows no host of that name".to_owned()
        }
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "no TLS: the server wants a certificate from us".to_owned()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::AccessDenied => {
            format!("no TLS: the server refuses our certificate ({alert:?})")
        }
        AlertDescription::NoApplicationProtocol => {
            "no TLS: the server does not speak FTP there".to_owned()
        }
        other => format!("no TLS: the server broke off ({other:?})"),
    }
}
