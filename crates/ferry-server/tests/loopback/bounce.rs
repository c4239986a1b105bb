//! The bounce attack (RFC 2577 §3): the server connects to nobody but the client that asks.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use crate::support::{Blueprint, Client, listen_at, nobody_came, until_end};

const VICTIM: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

fn port_command(ip: Ipv4Addr, port: u16) -> String {
    let [a, b, c, d] = ip.octets();
    let [high, low] = port.to_be_bytes();
    format!("PORT {a},{b},{c},{d},{high},{low}")
}

/// Every command is refused, and a transfer that follows connects to nobody.
fn all_refused(client: &mut Client, commands: &[String]) {
    for command in commands {
        let refused = client.ask(command);
        let code = refused.code;
        assert!(matches!(code, 501 | 504 | 522), "{command}: {}", refused.text());
        for transfer in ["LIST", "RETR f", "STOR g"] {
            client.ok(transfer, 425);
        }
    }
}

/// Stores `f` without PASV, which is for IPv4 only.
fn store_by_eprt(client: &mut Client) {
    let own = client.active();
    client.ok("STOR f", 150);
    drop(own.accept().unwrap());
    client.expect(226);
}

#[test]
fn over_ipv4_no_word_of_the_client_makes_the_server_connect_to_anyone_else() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    client.store("STOR f", b"content");
    let victim = listen_at(VICTIM);
    let port = victim.local_addr().unwrap().port();
    let own = Ipv4Addr::LOCALHOST;
    let mut commands: Vec<String> = [
        Ipv4Addr::new(127, 0, 0, 3),
        Ipv4Addr::new(127, 0, 0, 2),
        Ipv4Addr::new(192, 0, 2, 1),
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(224, 0, 0, 1),
        Ipv4Addr::new(239, 1, 2, 3),
        Ipv4Addr::new(169, 254, 169, 254),
    ]
    .into_iter()
    .flat_map(|ip| [port_command(ip, port), format!("EPRT |1|{ip}|{port}|")])
    .collect();
    for low in [0, 1, 20, 25, 80, 1023] {
        commands.push(port_command(own, low));
        commands.push(format!("EPRT |1|{own}|{low}|"));
    }
    for strange in [
        "EPRT |2|::ffff:127.0.0.3|PORT|",
        "EPRT |2|::ffff:0.0.0.0|PORT|",
        "EPRT |2|::1|PORT|",
        "EPRT |2|::|PORT|",
        "EPRT |2|::127.0.0.1|PORT|",
        "EPRT |2|fe80::1%lo|PORT|",
        "EPRT |1|localhost|PORT|",
        "EPRT |1|127.3|PORT|",
        "EPRT |1|0x7f000003|PORT|",
        "EPRT |1|2130706435|PORT|",
        "EPRT |1|127.0.0.1|65536|",
        "EPRT |1|127.0.0.1|-1|",
        "PORT 127,0,0,1,256,0",
        "PORT 127,0,0,1,4294967300,0",
        "PORT 127,0,0,3",
    ] {
        commands.push(strange.replace("PORT|", &format!("{port}|")));
    }
    all_refused(&mut client, &commands);
    assert!(site.net.connects().is_empty());
    assert!(nobody_came(&victim));
}

#[test]
fn over_ipv6_no_word_of_the_client_makes_the_server_connect_to_anyone_else() {
    let Ok(victim) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return; // a machine without IPv6
    };
    let site = Blueprint { ip: IpAddr::V6(Ipv6Addr::LOCALHOST), ..Blueprint::default() }.build();
    let mut client = site.writer();
    store_by_eprt(&mut client);
    site.net.connects();
    // An address that was granted outlives USER; another session has none.
    client = site.writer();
    let port = victim.local_addr().unwrap().port();
    let commands = [
        format!("EPRT |2|::ffff:127.0.0.1|{port}|"),
        format!("EPRT |2|::ffff:127.0.0.3|{port}|"),
        format!("EPRT |2|::127.0.0.1|{port}|"),
        format!("EPRT |2|::|{port}|"),
        format!("EPRT |2|2001:db8::1|{port}|"),
        format!("EPRT |2|ff02::1|{port}|"),
        format!("EPRT |2|fe80::1|{port}|"),
        String::from("EPRT |2|::1|1023|"),
        String::from("EPRT |2|::1|0|"),
        format!("EPRT |1|127.0.0.1|{port}|"),
        port_command(Ipv4Addr::LOCALHOST, port),
    ];
    all_refused(&mut client, &commands);
    assert!(site.net.connects().is_empty());
    assert!(nobody_came(&victim));

    let own = client.active();
    client.ok("LIST", 150);
    let (mut data, _) = own.accept().unwrap();
    assert!(!until_end(&mut data).is_empty());
    drop(data);
    client.expect(226);
}

#[test]
fn a_client_is_connected_to_where_it_is_itself() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    client.store("STOR f", b"content");
    let own = client.active();
    client.ok("RETR f", 150);
    let (mut data, from) = own.accept().unwrap();
    assert_eq!(from.ip(), site.at.ip());
    let mut came = Vec::new();
    data.read_to_end(&mut came).unwrap();
    drop(data);
    client.expect(226);
    assert_eq!(came, b"content");
    assert_eq!(site.net.connects(), [own.local_addr().unwrap()]);
}

#[test]
fn a_refused_address_does_not_replace_the_one_before() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    let own = client.active();
    let victim = listen_at(VICTIM);
    let port = victim.local_addr().unwrap().port();
    client.ok(&format!("EPRT |1|127.0.0.3|{port}|"), 504);
    client.ok("LIST", 150);
    drop(own.accept().unwrap());
    client.expect(226);
    assert!(nobody_came(&victim));
}

#[test]
fn the_default_data_port_is_the_clients_own() {
    let site = Blueprint::default().with(|o| o.default_data_port = true).build();
    let mut client = site.writer();
    let here = client.tcp().local_addr().unwrap();
    client.ok("LIST", 150);
    // Nobody listens there while the control connection uses it.
    client.expect(425);
    assert!(site.net.connects().iter().all(|to| *to == here));
    client.ok("NOOP", 200);
}
