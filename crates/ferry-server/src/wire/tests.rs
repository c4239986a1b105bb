//! Ends and answers of a connection, plain and under TLS.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::{Received, Wire};
use crate::options::DataResumption;
use crate::testing::{Client, beside, certified, client_config, pair};
use crate::tls::{Channel, SessionTls};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn tls(version: &'static SupportedProtocolVersion) -> (SessionTls, Arc<ClientConfig>) {
    let (setup, roots) = certified();
    let session = setup.session(DataResumption::Prefer).unwrap();
    (session, Arc::new(client_config(roots, version)))
}

async fn read_to_end(wire: &mut Wire) -> (Vec<u8>, Received) {
    let (mut got, mut buf) = (Vec::new(), [0; 100]);
    loop {
        match wire.read(&mut buf).await.unwrap() {
            Received::Bytes(n) => got.extend_from_slice(&buf[..n]),
            end => return (got, end),
        }
    }
}

#[test]
fn a_plain_wire_is_a_pointer_and_little_more() {
    assert!(size_of::<Wire>() <= 24);
}

#[tokio::test]
async fn a_half_closed_peer_still_gets_everything() {
    let (mut wire, mut tcp) = pair().await;
    tcp.write_all(b"QUIT\r\n").unwrap();
    tcp.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut wire).await, (b"QUIT\r\n".to_vec(), Received::Eof));
    wire.write_all(b"221 Bye\r\n").await.unwrap();
    wire.close_write().await.unwrap();
    drop(wire);
    let mut got = Vec::new();
    tcp.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"221 Bye\r\n");
}

#[tokio::test]
async fn ending_sends_close_notify_and_tells_a_whole_stream_from_a_cut_one() {
    for version in VERSIONS {
        for whole in [true, false] {
            let (session, config) = tls(version);
            let (mut wire, tcp) = pair().await;
            let peer = beside(move || {
                let mut client = Client::connect(&config, tcp).unwrap();
                client.send(b"half a file");
                if whole {
                    client.notify_close();
                } else {
                    client.tcp.shutdown(Shutdown::Write).unwrap();
                }
                // Fails unless close_notify comes.
                client.read_to_end().unwrap()
            });
            wire.accept_tls(session.offer(Channel::Upload), b"").await.unwrap();
            let end = if whole { Received::Eof } else { Received::Truncated };
            assert_eq!(read_to_end(&mut wire).await, (b"half a file".to_vec(), end));
            wire.write_all(b"ok").await.unwrap();
            wire.close_write().await.unwrap();
            assert_eq!(peer.await.unwrap(), b"ok");
        }
    }
}

#[tokio::test]
async fn a_key_update_is_answered_though_nothing_is_written() {
    let (session, config) = tls(&TLS13);
    let (mut wire, tcp) = pair().await;
    let peer = beside(move || {
        let mut client = Client::connect(&config, tcp).unwrap();
        let mut greeting = [0; 5];
        rustls::Stream::new(&mut client.tls, &mut client.tcp).read_exact(&mut greeting).unwrap();
        client.tls.refresh_traffic_keys().unwrap();
        while client.tls.wants_write() {
            client.tls.write_tls(&mut client.tcp).unwrap();
        }
        // The answer: a record that holds no payload.
        assert!(client.tls.read_tls(&mut client.tcp).unwrap() > 0);
        let state = client.tls.process_new_packets().unwrap();
        assert_eq!(state.plaintext_bytes_to_read(), 0);
        client.send(b"after");
        client.notify_close();
        client.read_to_end().unwrap()
    });
    wire.accept_tls(session.offer(Channel::Control), b"").await.unwrap();
    wire.write_all(b"hello").await.unwrap();
    assert_eq!(read_to_end(&mut wire).await, (b"after".to_vec(), Received::Eof));
    wire.close_write().await.unwrap();
    assert_eq!(peer.await.unwrap(), b"");
}

#[tokio::test]
async fn payload_that_came_with_the_handshake_is_readable_without_waiting_for_more() {
    for version in VERSIONS {
        let (session, config) = tls(version);
        let (mut wire, tcp) = pair().await;
        let peer = beside(move || {
            let mut client = Client::connect(&config, tcp).unwrap();
            client.send(b"USER a\r\nPASS b\r\n");
            client.read_to_end().unwrap()
        });
        wire.accept_tls(session.offer(Channel::Control), b"").await.unwrap();
        // In pieces smaller than the record: later ones come from memory only.
        for expected in [b"USER a\r\n", b"PASS b\r\n"] {
            let mut piece = [0; 8];
            assert_eq!(wire.read(&mut piece).await.unwrap(), Received::Bytes(8));
            assert_eq!(&piece, expected);
        }
        wire.close_write().await.unwrap();
        assert_eq!(peer.await.unwrap(), b"");
    }
}

#[tokio::test]
async fn garbage_under_tls_is_an_error_and_answered_by_an_alert() {
    let (session, config) = tls(&TLS13);
    let (mut wire, tcp) = pair().await;
    // Sent sooner, the garbage could come along with the handshake and fail that instead.
    let (accepted, is_accepted) = std::sync::mpsc::channel();
    let peer = beside(move || {
        let mut client = Client::connect(&config, tcp).unwrap();
        is_accepted.recv().unwrap();
        client.tcp.write_all(&[0x17, 3, 3, 0, 20]).unwrap();
        client.tcp.write_all(&[0; 20]).unwrap();
        client.read_to_end().unwrap_err().to_string()
    });
    wire.accept_tls(session.offer(Channel::Control), b"").await.unwrap();
    accepted.send(()).unwrap();
    let error = wire.read(&mut [0; 100]).await.unwrap_err();
    assert!(error.get_ref().is_some_and(|e| e.is::<rustls::Error>()), "{error}");
    drop(wire);
    let told = peer.await.unwrap();
    assert!(told.contains("BadRecordMac"), "{told}");
}

/// How a client takes the end of TLS.
#[derive(Debug, Clone, Copy)]
enum Farewell {
    /// It answers close_notify and goes on in the clear, all in one segment.
    Answers,
    /// It goes on in the clear as if nothing had to be answered.
    GoesOn,
    /// It had more to say under TLS, and answers only then.
    Finishes,
}

/// Reads octet by octet, as far as TLS goes and no further.
fn hear_close_notify(client: &mut Client) {
    struct Sip<'a>(&'a mut std::net::TcpStream);
    impl Read for Sip<'_> {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(&mut buf[..1])
        }
    }
    loop {
        assert_ne!(client.tls.read_tls(&mut Sip(&mut client.tcp)).unwrap(), 0);
        if client.tls.process_new_packets().unwrap().peer_has_closed() {
            return;
        }
    }
}

#[tokio::test]
async fn tls_can_end_while_the_connection_goes_on() {
    for version in VERSIONS {
        for farewell in [Farewell::Answers, Farewell::GoesOn, Farewell::Finishes] {
            let (session, config) = tls(version);
            let (mut wire, tcp) = pair().await;
            let peer = beside(move || {
                let mut client = Client::connect(&config, tcp).unwrap();
                client.send(b"REIN\r\n");
                hear_close_notify(&mut client);
                let mut last = Vec::new();
                if matches!(farewell, Farewell::Finishes) {
                    client.tls.writer().write_all(b"NOOP\r\n").unwrap();
                    client.tls.write_tls(&mut last).unwrap();
                }
                if !matches!(farewell, Farewell::GoesOn) {
                    client.tls.send_close_notify();
                    client.tls.write_tls(&mut last).unwrap();
                }
                last.extend_from_slice(b"USER a\r\n");
                client.tcp.write_all(&last).unwrap();
                client.tcp.shutdown(Shutdown::Write).unwrap();
                let mut plain = Vec::new();
                client.tcp.read_to_end(&mut plain).unwrap();
                plain
            });
            wire.accept_tls(session.offer(Channel::Control), &[]).await.unwrap();
            let mut command = [0; 6];
            assert_eq!(wire.read(&mut command).await.unwrap(), Received::Bytes(6));
            wire.stop_tls().await.unwrap();
            wire.write_all(b"220 in the clear\r\n").await.unwrap();
            let want: &[u8] = match farewell {
                Farewell::Finishes => b"NOOP\r\nUSER a\r\n",
                _ => b"USER a\r\n",
            };
            let got = read_to_end(&mut wire).await;
            assert_eq!(got, (want.to_vec(), Received::Eof), "{version:?} {farewell:?}");
            assert!(!wire.is_tls());
            wire.close_write().await.unwrap();
            drop(wire);
            assert_eq!(peer.await.unwrap(), b"220 in the clear\r\n", "{version:?} {farewell:?}");
        }
    }
}
