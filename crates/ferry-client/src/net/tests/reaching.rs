//! Getting to a server, and being reached by one.

use std::net::{IpAddr, Ipv6Addr};

use super::*;
use crate::error::ErrorKind;
use crate::net::{Listening, connect, connect_data};
use crate::settings::Family;

/// A port that nobody listens at.
fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn settings() -> Settings {
    trusting(Trust::Any)
}

#[tokio::test]
async fn a_name_with_an_address_that_refuses_is_reached_by_its_other() {
    // `localhost` may be ::1 and 127.0.0.1; only the latter listens.
    let to = server_of_tcp(|mut tcp| tcp.write_all(b"220 here\r\n").unwrap());
    for host in ["localhost", "127.0.0.1"] {
        let tcp = connect(host, to.port(), &settings()).await.unwrap();
        assert!(tcp.nodelay().unwrap());
        assert!(socket2::SockRef::from(&tcp).keepalive().unwrap());
        let (greeting, _) = read_all(&mut Wire::plain(tcp), 100).await;
        assert_eq!(greeting, b"220 here\r\n");
    }
}

#[tokio::test]
async fn failures_to_connect_are_told_apart() {
    let gone = nobody();
    let v6 = Settings { family: Family::V6, ..settings() };
    let table = [
        ("127.0.0.1", settings(), ErrorKind::Connect, "refused"),
        ("127.0.0.1", v6, ErrorKind::Resolve, "no address of the wanted kind"),
        ("no-such-host.invalid", settings(), ErrorKind::Resolve, "no-such-host.invalid"),
        ("", settings(), ErrorKind::Resolve, "has no address"),
        ("a\r\nb", settings(), ErrorKind::Resolve, "has no address"),
    ];
    for (host, settings, kind, words) in table {
        let error = connect(host, gone.port(), &settings).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn data_connections_go_where_they_are_told() {
    let to = server_of_tcp(|mut tcp| tcp.write_all(b"data").unwrap());
    let tcp = connect_data(to, "not.looked.at.invalid", &settings()).await.unwrap();
    assert_eq!(read_all(&mut Wire::plain(tcp), 10).await.0, b"data");
    let error = connect_data(nobody(), "localhost", &settings()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
}

#[tokio::test]
async fn a_listening_socket_takes_the_server_and_drops_strangers() {
    let listening = Listening::bind(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
    let at = listening.addr();
    assert_eq!(at.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let server = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let call = |from: IpAddr| async move {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        socket.connect(at).await.unwrap()
    };
    let mut stranger = Wire::plain(call(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3))).await);
    let real = call(server).await;
    let taken = listening.accept_from(server, PATIENCE).await.unwrap();
    assert_eq!(taken.peer_addr().unwrap(), real.local_addr().unwrap());
    let (nothing, _) = read_all(&mut stranger, 10).await;
    assert!(nothing.is_empty());
    // The control connection may be over an IPv4 address in IPv6's clothes.
    let mapped = IpAddr::V6(Ipv4Addr::new(127, 0, 0, 2).to_ipv6_mapped());
    let real = call(server).await;
    let taken = listening.accept_from(mapped, PATIENCE).await.unwrap();
    assert_eq!(taken.peer_addr().unwrap(), real.local_addr().unwrap());
    let mapped = IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped());
    assert!(Listening::bind(mapped).unwrap().addr().is_ipv4());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_calls_is_not_waited_for_longer_than_said() {
    let listening = Listening::bind(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
    let error = listening.accept_from(Ipv6Addr::LOCALHOST.into(), PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
}
