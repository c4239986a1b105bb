//! The PROXY protocol over real sockets: before TLS of either kind, on data connections, and from
//! trusted networks only. The rules of replies are told by the conversations in memory.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use ferry_proto::proxy::Header;
use ferry_server::options::{DataResumption, Options};

use crate::support::{Blueprint, Client, WRITER, connect_from, over_tls, until_end};

/// From where the trusted proxy of these tests connects.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

fn header(source: &str, to: SocketAddr) -> Header {
    let header = format!("PROXY TCP4 {source} {} 51234 {}\r\n", to.ip(), to.port());
    match ferry_proto::proxy::read(header.as_bytes()) {
        Ok(ferry_proto::proxy::Progress::Whole(header)) => header,
        other => panic!("{header}: {other:?}"),
    }
}

fn trusting(options: &mut Options) {
    options.proxies = vec![PROXY.into()];
}

#[test]
fn the_header_comes_before_tls_of_either_kind() {
    for implicit in [false, true] {
        let blueprint = Blueprint { implicit, ..Blueprint::default() };
        let site = blueprint.with_tls().with(trusting).build();
        let peer = site.certified.as_ref().unwrap().peer13();
        for text in [false, true] {
            let header = header("198.51.100.7", site.at);
            let mut client = Client::over(connect_from(PROXY, site.at).unwrap());
            client.send(&if text { header.to_text() } else { header.to_binary(b"\x04\0\0") });
            if implicit {
                client.shake_hands(&peer);
                client.expect(220);
            } else {
                client.expect(220);
                client.secure(&peer);
            }
            client.log_in(WRITER);
            client.ok("QUIT", 221);
        }
        site.heard.wait_for("connected from 198.51.100.7:51234");
    }
}

#[test]
fn a_header_from_outside_the_trusted_networks_is_garbage() {
    let site = Blueprint::default().with(trusting).build();
    let header = header("198.51.100.7", site.at);
    for octets in [header.to_text(), header.to_binary(&[])] {
        let mut client = site.client();
        // Whatever is answered, it is no welcome for someone else.
        client.try_send(&octets).unwrap();
        let answer = client.reply();
        assert!((500..=501).contains(&answer.code), "{}", answer.text());
    }
    let lines = site.heard.lines();
    assert!(!lines.iter().any(|line| line.contains("198.51.100.7")), "{lines:#?}");
}

#[test]
fn a_trusted_proxy_without_a_header_is_not_served() {
    let site = Blueprint::default().with(trusting).build();
    for octets in [&b"USER writer\r\n"[..], b"PROXY TCP4 1.2.3.4\r\n", b"\x16\x03\x01\x02\0"] {
        let mut tcp = connect_from(PROXY, site.at).unwrap();
        tcp.write_all(octets).unwrap();
        assert_eq!(until_end(&mut tcp), b"");
    }
    site.heard.wait_for("refused 127.0.0.3");
    assert_eq!(site.handle.sessions(), 0);
    // As balancers do to see whether anybody is there: nothing worth a word.
    drop(connect_from(PROXY, site.at).unwrap());
    site.client().ok("NOOP", 200);
}

#[test]
fn data_connections_through_the_proxy_belong_to_the_client_in_their_header() {
    for shared in [false, true] {
        let site = Blueprint::default()
            .with_tls()
            .with(trusting)
            .with(|options| {
                options.data_proxy = true;
                options.data_resumption = DataResumption::Strict;
                options.shared_data_port = shared.then_some(0);
            })
            .build();
        let peer = site.certified.as_ref().unwrap().peer13();
        let mut client = Client::over(connect_from(PROXY, site.at).unwrap());
        client.send(&header("198.51.100.7", site.at).to_binary(&[]));
        client.expect(220);
        client.secure(&peer);
        client.log_in(WRITER);
        client.ok("PBSZ 0", 200);
        client.ok("PROT P", 200);
        let at = client.passive();
        let through = |source: &str| -> TcpStream {
            let mut data = connect_from(PROXY, at).unwrap();
            data.write_all(&header(source, at).to_binary(&[])).unwrap();
            data
        };
        let mut other = through("198.51.100.8");
        let data = through("198.51.100.7");
        client.ok("STOR f", 150);
        assert_eq!(until_end(&mut other), b"", "shared: {shared}");
        let mut data = over_tls(&peer, data).unwrap();
        data.write_all(b"content").unwrap();
        data.conn.send_close_notify();
        data.flush().unwrap();
        data.sock.shutdown(std::net::Shutdown::Write).unwrap();
        client.expect(226);
    }
}
