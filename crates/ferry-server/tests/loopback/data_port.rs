//! Port stealing and foreign data peers (RFC 2577 §2 and §6): a passive port cannot be guessed,
//! serves nobody but the client it was opened for, and only once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use ferry_server::options::DataPeer;

use crate::support::{Blueprint, Client, connect_from, until_end};

const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Closed by the server: an end or a reset, which may come before `connect` has returned, and not
/// one octet of the file.
fn is_turned_away(stranger: io::Result<TcpStream>) {
    match stranger {
        Ok(mut stranger) => assert_eq!(until_end(&mut stranger), b""),
        Err(e) => assert_eq!(e.kind(), io::ErrorKind::ConnectionReset),
    }
}

fn ports(client: &mut Client, count: usize) -> Vec<u16> {
    (0..count).map(|_| client.passive().port()).collect()
}

#[test]
fn passive_ports_are_spread_over_the_range_and_never_in_sequence() {
    let range = 50_000..=50_999;
    let [one, other] = [(); 2].map(|()| Blueprint::default().build());
    let (first, second) = (ports(&mut one.writer(), 96), ports(&mut other.writer(), 96));
    for seen in [&first, &second] {
        assert!(seen.iter().all(|port| range.contains(port)), "{seen:?}");
        let different: BTreeSet<u16> = seen.iter().copied().collect();
        assert!(different.len() > 64, "{seen:?}");
        let tenths: BTreeSet<u16> = seen.iter().map(|port| (port - 50_000) / 100).collect();
        assert!(tenths.len() >= 8, "{seen:?}");
        let mut steps: BTreeMap<i32, usize> = BTreeMap::new();
        for pair in seen.windows(2) {
            let step = i32::from(pair[1]) - i32::from(pair[0]);
            *steps.entry(step).or_default() += 1;
        }
        assert!(steps.values().all(|n| *n <= 4), "a fixed step: {seen:?}");
    }
    assert_ne!(first, second, "two servers must not draw the same ports");
}

#[test]
fn a_stranger_at_the_data_port_gets_nothing_and_takes_nothing_from_the_right_peer() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    client.store("STOR f", b"private");
    let at = client.passive();
    // Before the command and after it, and more of them than wait in the backlog.
    let early = [(); 3].map(|()| connect_from(STRANGER, at));
    client.ok("RETR f", 150);
    let late = [(); 6].map(|()| connect_from(STRANGER, at));
    let mut data = TcpStream::connect(at).unwrap();
    let mut came = Vec::new();
    data.read_to_end(&mut came).unwrap();
    drop(data);
    client.expect(226);
    assert_eq!(came, b"private");
    early.into_iter().chain(late).for_each(is_turned_away);
    site.heard.wait_for("turned a stranger away from the data port: 127.0.0.2");
}

#[test]
fn a_stranger_cannot_put_content_into_an_upload() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    let at = client.passive();
    client.ok("STOR f", 150);
    let mut stranger = connect_from(STRANGER, at);
    if let Ok(stranger) = &mut stranger {
        // It may already have been closed.
        let _ = stranger.write_all(b"EVIL");
    }
    is_turned_away(stranger);
    let mut data = TcpStream::connect(at).unwrap();
    data.write_all(b"good").unwrap();
    drop(data);
    client.expect(226);
    assert_eq!(client.fetch("RETR f"), b"good");
}

#[test]
fn whom_the_operator_trusts_with_data_is_served() {
    let cases = [(DataPeer::Strict, false), (DataPeer::SameNet, true), (DataPeer::Any, true)];
    for (rule, served) in cases {
        let site = Blueprint::default().with(|o| o.data_peer = rule).build();
        let mut client = site.writer();
        client.store("STOR f", b"content");
        let at = client.passive();
        client.ok("RETR f", 150);
        let neighbour = connect_from(STRANGER, at);
        let came = neighbour.map(|mut tcp| until_end(&mut tcp));
        let came = came.unwrap_or_default();
        assert_eq!(came == b"content", served, "{rule:?}");
    }
}

#[test]
fn a_passive_port_takes_one_connection_and_is_closed() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    let at = client.passive();
    let data = TcpStream::connect(at).unwrap();
    client.ok("STOR f", 150);
    let mut writer = &data;
    writer.write_all(b"first").unwrap();
    // The transfer runs, so the port must be gone: 211 comes after the connection was taken.
    let refused = |at: SocketAddr| TcpStream::connect(at).map(until_end_of);
    site.heard.poll("the port is closed", || match refused(at) {
        Err(e) => e.kind() == io::ErrorKind::ConnectionRefused,
        Ok(came) => {
            assert_eq!(came, b"");
            false
        }
    });
    drop(data);
    client.expect(226);
    assert_eq!(client.fetch("RETR f"), b"first");
}

fn until_end_of(mut tcp: TcpStream) -> Vec<u8> {
    until_end(&mut tcp)
}

#[test]
fn a_session_holds_one_passive_port_however_often_it_asks() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    let mut all = Vec::new();
    for round in 0..40 {
        if round % 2 == 0 {
            all.push(client.passive());
        } else {
            let reply = client.ok("EPSV", 229).text();
            let port = reply.split('|').nth(3).unwrap().parse().unwrap();
            all.push(SocketAddr::new(site.at.ip(), port));
        }
    }
    let last = all.pop().unwrap();
    for at in all.iter().filter(|at| **at != last) {
        let refused = TcpStream::connect(at).map(drop).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{at}");
    }
    let _data = TcpStream::connect(last).unwrap();

    // PORT, ABOR and QUIT close it, too.
    for closing in ["PORT", "ABOR", "USER writer", "QUIT"] {
        let mut client = site.writer();
        let at = client.passive();
        if closing == "PORT" {
            drop(client.active());
        } else {
            client.ask(closing);
        }
        if closing == "QUIT" {
            client.rest().unwrap();
        }
        let refused = TcpStream::connect(at).map(drop).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{closing}");
    }
}
