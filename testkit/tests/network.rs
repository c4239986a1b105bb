//! The simulated network keeps what TCP promises, whatever the seed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ferry_server::net::{Link, Net, Purpose};
use testkit::net::{End, Host, Party, SimLink, SimListener, SimNet};
use tokio::time::timeout;

const SERVER: &str = "203.0.113.1:21";
const CLIENT: &str = "192.0.2.1:0";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Runs `test` under many seeds, each on a runtime of its own with a paused clock.
fn under_many_seeds<F: Future<Output = ()>>(test: impl Fn(SimNet) -> F) {
    for seed in 0..24 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async { test(SimNet::new(seed)).await });
    }
}

async fn pair(net: &SimNet) -> (SimLink, SimLink, SimListener) {
    let listener = net.listen_at(at(SERVER), 4).unwrap();
    let client = net.dial(at(CLIENT), at(SERVER)).await.unwrap();
    let server = listener.accept().await;
    (client, server, listener)
}

#[test]
fn octets_arrive_whole_and_in_order_however_they_are_cut() {
    under_many_seeds(|net| async move {
        let (client, server, _listener) = pair(&net).await;
        let sent: Vec<u8> = (0..100_000_u32).map(|i| i.to_le_bytes()[0] ^ 0x5a).collect();
        let (writing, reading) = tokio::join!(
            async {
                client.send(&sent).await.unwrap();
                client.finish().unwrap();
            },
            server.recv_to_end()
        );
        let () = writing;
        let (got, end) = reading.unwrap();
        assert!(got == sent && end == End::Finished);
    });
}

#[test]
fn a_reader_who_does_not_read_holds_the_writer_back() {
    under_many_seeds(|net| async move {
        let (client, server, _listener) = pair(&net).await;
        let lot = vec![7; 100_000];
        let stuck = timeout(Duration::from_secs(3600), client.send(&lot)).await;
        assert!(stuck.is_err());
        let mut buf = vec![0; 100_000];
        let mut got = 0;
        while let Ok(Ok(n)) = timeout(Duration::from_secs(60), server.recv(&mut buf)).await {
            got += n;
        }
        assert!((1..=16 * 1024).contains(&got), "{got} octets were in flight");
    });
}

#[test]
fn who_has_finished_sending_can_still_read() {
    under_many_seeds(|net| async move {
        let (client, server, _listener) = pair(&net).await;
        client.send(b"question\r\n").await.unwrap();
        client.finish().unwrap();
        assert_eq!(server.recv_line().await.unwrap().as_deref(), Some(&b"question"[..]));
        assert_eq!(server.recv_line().await.unwrap(), None);
        server.send(b"answer\r\n").await.unwrap();
        drop(server);
        assert_eq!(client.recv_line().await.unwrap().as_deref(), Some(&b"answer"[..]));
        assert_eq!(client.recv_line().await.unwrap(), None);
        assert_eq!(client.send(b"more").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn an_abrupt_close_breaks_the_other_side() {
    under_many_seeds(|net| async move {
        let (client, server, _listener) = pair(&net).await;
        server.send(b"some of it").await.unwrap();
        server.reset();
        let (got, end) = client.recv_to_end().await.unwrap();
        assert_eq!(end, End::Reset);
        assert!(b"some of it".starts_with(&got));
        let broken = client.send(b"x").await.unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn closing_with_unread_octets_resets_and_writing_to_the_closed_is_answered_by_a_reset() {
    under_many_seeds(|net| async move {
        let (client, server, listener) = pair(&net).await;
        client.send(b"never read").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.send(b"bye").await.unwrap();
        server.close();
        assert_eq!(client.recv_to_end().await.unwrap(), (b"bye".to_vec(), End::Reset));

        let client = net.dial(at(CLIENT), at(SERVER)).await.unwrap();
        listener.accept().await.close();
        client.send_whole(b"into the void").unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let broken = client.send(b"again").await.unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_writer_that_is_held_back_hears_of_a_reset() {
    under_many_seeds(|net| async move {
        let (client, server, _listener) = pair(&net).await;
        let lot = vec![7; 100_000];
        let (sent, ()) = tokio::join!(client.send(&lot), async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            server.reset();
        });
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn hosts_where_nobody_listens_refuse_are_unreachable_or_stay_silent() {
    under_many_seeds(|net| async move {
        net.set_host(at("10.0.0.2:0").ip(), Host::Unreachable);
        net.set_host(at("10.0.0.3:0").ip(), Host::Silent);
        let dial = |to: &str| net.connect(None, at(to));
        assert_eq!(dial("10.0.0.1:80").await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(dial("10.0.0.2:80").await.unwrap_err().kind(), io::ErrorKind::HostUnreachable);
        assert!(timeout(Duration::from_secs(86_400), dial("10.0.0.3:80")).await.is_err());
        let tried: Vec<_> = net.attempts().iter().map(|a| (a.by, a.to)).collect();
        let want = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"].map(|a| (Party::Engine, at(a)));
        assert_eq!(tried, want);
    });
}

#[test]
fn an_address_is_used_by_one_at_a_time() {
    under_many_seeds(|net| async move {
        let (client, _server, _listener) = pair(&net).await;
        let taken = net.listen(at(SERVER), Purpose::Data).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        let wild = net.listen(at("0.0.0.0:21"), Purpose::Data).unwrap_err();
        assert_eq!(wild.kind(), io::ErrorKind::AddrInUse);
        assert!(net.listen(at("[::]:21"), Purpose::Data).is_ok());
        let again = net.dial(client.local(), at(SERVER)).await.unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrNotAvailable);
        net.refuse_bind(at("0.0.0.0:20"), io::ErrorKind::PermissionDenied);
        let from = net.connect(Some(at("203.0.113.1:20")), at(SERVER)).await.unwrap_err();
        assert_eq!(from.kind(), io::ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_listener_that_goes_frees_its_port_and_turns_away_who_waited() {
    under_many_seeds(|net| async move {
        let listener = net.listen_at(at(SERVER), 4).unwrap();
        let waiting = net.dial(at(CLIENT), at(SERVER)).await.unwrap();
        drop(listener);
        assert_eq!(waiting.recv_to_end().await.unwrap(), (Vec::new(), End::Reset));
        let refused = net.dial(at(CLIENT), at(SERVER)).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(net.listen_at(at(SERVER), 4).is_ok());
    });
}

#[test]
fn a_listener_for_every_ipv6_address_hears_ipv4_in_its_ipv6_form() {
    under_many_seeds(|net| async move {
        let listener = net.listen_at(at("[::]:21"), 4).unwrap();
        let client = net.dial(at("192.0.2.1:5000"), at(SERVER)).await.unwrap();
        let server = listener.accept().await;
        assert_eq!(client.peer(), at(SERVER));
        assert_eq!(server.peer(), at("[::ffff:192.0.2.1]:5000"));
        assert_eq!(server.local(), at("[::ffff:203.0.113.1]:21"));
    });
}

#[test]
fn both_ends_know_the_addresses_the_client_chose() {
    under_many_seeds(|net| async move {
        let _listener = net.listen_at(at("[2001:db8::1]:21"), 4).unwrap();
        let client = net.dial(at("[2001:db8::9]:5000"), at("[2001:db8::1]:21")).await.unwrap();
        let server = _listener.accept().await;
        assert_eq!(server.peer_addr().unwrap(), at("[2001:db8::9]:5000"));
        assert_eq!(server.local_addr().unwrap(), client.peer());
    });
}
