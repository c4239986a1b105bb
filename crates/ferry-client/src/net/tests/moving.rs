//! Octets over a wire: how it ends, that none is lost, whatever is dropped in between.

use sha2::{Digest as _, Sha256};
use std::sync::mpsc;

use super::*;

/// Some sizes that begin and end anywhere in records and buffers.
const SIZES: [usize; 5] = [0, 1, 16_384, 70_001, (9 << 20) + 5];

fn octets(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(len)
    .collect()
}

async fn wire(to: SocketAddr) -> Wire {
    let tls = Tls::new(&site("localhost", to.port()), &trusting(Trust::Any)).await.unwrap();
    secured(to, &tls, Purpose::Control).await.unwrap()
}

fn tls_server(kind: Kind, serve: impl Fn(Served) + Send + Sync + 'static) -> SocketAddr {
    let identity = Authority::new().issue(&["localhost"], |_| {});
    server_of_tls(config(kind, &identity, None), serve)
}

#[tokio::test]
async fn downloads_are_whole_with_small_buffers_and_large() {
    for size in SIZES {
        for kind in [Kind::V12Ticket, Kind::V13Ticket] {
            let to = tls_server(kind, move |mut served| {
                served.write_all(&octets(size)).unwrap();
                end(served);
            });
            for buffer in [4 << 10, 64 << 10, 256 << 10] {
                let (all, end) = read_all(&mut wire(to).await, buffer).await;
                assert_eq!(end, Received::Eof);
                assert_eq!(Sha256::digest(&all), Sha256::digest(octets(size)), "{size} {kind:?}");
            }
        }
        let to = server_of_tcp(move |mut tcp| tcp.write_all(&octets(size)).unwrap());
        let (all, end) = read_all(&mut dial(to).await, 64 << 10).await;
        assert_eq!((all, end), (octets(size), Received::Eof));
    }
}

#[tokio::test]
async fn uploads_are_whole_when_finish_write_is_done() {
    for size in SIZES {
        let (send, receive) = mpsc::channel();
        let sent = send.clone();
        let secure = tls_server(Kind::V13Ticket, move |mut served| {
            let mut all = Vec::new();
            served.read_to_end(&mut all).unwrap();
            sent.send(Sha256::digest(all)).unwrap();
            end(served);
        });
        let plain = server_of_tcp(move |mut tcp| {
            let mut all = Vec::new();
            tcp.read_to_end(&mut all).unwrap();
            send.send(Sha256::digest(all)).unwrap();
        });
        for mut wire in [wire(secure).await, dial(plain).await] {
            wire.write_all(&octets(size)).await.unwrap();
            wire.finish_write(PATIENCE).await.unwrap();
            assert_eq!(receive.recv().unwrap(), Sha256::digest(octets(size)), "{size}");
        }
    }
}

#[tokio::test]
async fn keys_may_change_on_the_way() {
    let to = tls_server(Kind::V13Ticket, |mut served| {
        for part in octets(1 << 20).chunks(100_000) {
            served.write_all(part).unwrap();
            served.conn.refresh_traffic_keys().unwrap();
        }
        let mut answer = [0; 5];
        served.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"whole");
        end(served);
    });
    let mut wire = wire(to).await;
    let (mut got, mut buf) = (Vec::new(), vec![0; 128 << 10]);
    while got.len() < 1 << 20 {
        let Received::Bytes(n) = wire.read(&mut buf).await.unwrap() else { panic!() };
        got.extend_from_slice(&buf[..n]);
    }
    assert_eq!(got, octets(1 << 20));
    wire.write_all(b"whole").await.unwrap();
    assert_eq!(wire.read(&mut buf).await.unwrap(), Received::Eof);
}

#[tokio::test]
async fn a_read_that_is_dropped_loses_nothing() {
    let to = tls_server(Kind::V13Ticket, |mut served| {
        for part in octets(2 << 20).chunks(3001) {
            served.write_all(part).unwrap();
        }
        end(served);
    });
    for buffer in [5000, 100_000] {
        let mut wire = wire(to).await;
        let (mut all, mut buf, mut dropped) = (Vec::new(), vec![0; buffer], 0);
        let end = loop {
            let received = tokio::select! {
                biased;
                received = wire.read(&mut buf) => received.unwrap(),
                () = tokio::task::yield_now() => {
                    dropped += 1;
                    continue;
                }
            };
            match received {
                Received::Bytes(n) => all.extend_from_slice(&buf[..n]),
                end => break end,
            }
        };
        assert!(dropped > 0, "some reads had to wait");
        assert_eq!((all, end), (octets(2 << 20), Received::Eof));
    }
}

#[tokio::test]
async fn tls_without_close_notify_is_truncated_and_plain_fin_is_the_end() {
    for kind in [Kind::V12Ticket, Kind::V13Ticket] {
        let to = tls_server(kind, |mut served| {
            served.write_all(&octets(50_000)).unwrap();
            served.sock.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = std::io::copy(&mut served.sock, &mut std::io::sink());
        });
        for buffer in [4096, 128 << 10] {
            let mut wire = wire(to).await;
            let (all, end) = read_all(&mut wire, buffer).await;
            assert_eq!((all, end), (octets(50_000), Received::Truncated));
            let again = wire.read(&mut [0; 100]).await.unwrap();
            assert_eq!(again, Received::Truncated, "and it stays so");
        }
    }
    let to = server_of_tcp(|mut tcp| tcp.write_all(b"all").unwrap());
    assert_eq!(read_all(&mut dial(to).await, 10).await, (b"all".to_vec(), Received::Eof));
}

#[tokio::test]
async fn a_reset_is_truncated() {
    let reset = |tcp: &Blocking| {
        socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO)).unwrap();
    };
    let secure = tls_server(Kind::V13Ticket, move |mut served| {
        served.read_exact(&mut [0]).unwrap();
        reset(&served.sock);
    });
    let plain = server_of_tcp(move |mut tcp| {
        tcp.read_exact(&mut [0]).unwrap();
        reset(&tcp);
    });
    for buffer in [4096, 128 << 10] {
        for mut wire in [wire(secure).await, dial(plain).await] {
            wire.write_all(b"x").await.unwrap();
            assert_eq!(read_all(&mut wire, buffer).await, (Vec::new(), Received::Truncated));
        }
    }
}

#[tokio::test]
async fn a_peer_that_never_ends_is_not_waited_for_longer_than_said() {
    let to = tls_server(Kind::V13Ticket, |mut served| {
        let _ = served.read_to_end(&mut Vec::new());
        std::thread::park();
    });
    let mut wire = wire(to).await;
    wire.write_all(b"all there is").await.unwrap();
    tokio::time::pause();
    wire.finish_write(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_never_reads_makes_writing_wait_and_finishing_fail() {
    let to = tls_server(Kind::V13Ticket, |_served| std::thread::park());
    let mut wire = wire(to).await;
    let block = vec![0; 1 << 20];
    let mut taken = 0;
    // The system says it would block, some of a socket's buffer later.
    loop {
        match wire.try_write(&block) {
            Ok(n) => taken += n,
            Err(e) => {
                assert_eq!(e.kind(), std::io::ErrorKind::WouldBlock);
                break;
            }
        }
        tokio::task::yield_now().await;
    }
    assert!(taken > 0);
    tokio::time::pause();
    let error = wire.finish_write(PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn what_waits_can_be_moved_between_threads() {
    fn can_be_sent<T: Send>(_: &T) {}
    fn check(tls: &Tls, settings: &Settings, wire: &mut Wire, other: Wire) {
        can_be_sent(&Tls::new(&Site::new("a"), settings));
        can_be_sent(&tls.ask_for_trust(settings));
        can_be_sent(&crate::net::connect("a", 21, settings));
        can_be_sent(&other.secure(tls, Purpose::Data, PATIENCE));
        can_be_sent(&wire.finish_write(PATIENCE));
        can_be_sent(&wire.write_all(b""));
        can_be_sent(&wire.read(&mut []));
    }
    let _compiles = check;
}
