//! Transfers between two servers (FXP), both of this engine: who may, plain and under TLS with
//! each of the ways to share out the roles, and what strict resumption makes of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ferry_server::options::{DataPeer, DataResumption, Options};

use crate::support::{
    Blueprint, Client, PARTNER, Site, TlsPeer, WRITER, certified, connect_from, listen_at,
    nobody_came, over_tls, until_end,
};

const CONTENT: &[u8] = b"moved without the client seeing it";

fn partner(change: impl FnOnce(&mut Options)) -> Blueprint {
    Blueprint::default()
        .with(|options| {
            options.fxp = true;
            options.data_resumption = DataResumption::Strict;
        })
        .with(change)
}

fn plain(site: &Site, name: &str) -> Client {
    let mut client = site.client();
    client.log_in(name);
    client.ok("TYPE I", 200);
    client
}

/// A session under TLS and TLS of its own, so that no ticket fits another server.
fn private(site: &Site) -> Client {
    site.private(PARTNER, &site.certified.as_ref().unwrap().peer13())
}

fn port_of(at: SocketAddr) -> String {
    let IpAddr::V4(ip) = at.ip() else { panic!("IPv4") };
    let [a, b, c, d] = ip.octets();
    let [high, low] = at.port().to_be_bytes();
    format!("PORT {a},{b},{c},{d},{high},{low}")
}

/// Moves `f` of the server behind `source` to `g` of the other; `listens` says by which command
/// which of them is made to listen.
fn move_file(source: &mut Client, target: &mut Client, source_listens: bool, command: &str) {
    if source_listens {
        let at = source.passive_by(command);
        target.ok(&port_of(at), 200);
        source.say("RETR f");
        target.say("STOR g");
    } else {
        let at = target.passive_by(command);
        source.ok(&port_of(at), 200);
        target.say("STOR g");
        source.say("RETR f");
    }
    for end in [source, target] {
        end.expect(150);
        end.expect(226);
    }
}

#[test]
fn a_file_moves_between_two_servers_in_the_clear_whoever_listens() {
    let (a, b) = (partner(|_| {}).build(), partner(|_| {}).build());
    let (mut source, mut target) = (plain(&a, PARTNER), plain(&b, PARTNER));
    source.store("STOR f", CONTENT);
    for source_listens in [true, false] {
        move_file(&mut source, &mut target, source_listens, "PASV");
        assert_eq!(target.fetch("RETR g"), CONTENT);
        target.ok("DELE g", 250);
    }
    a.heard.wait_for(&format!("data connection with another server, {}", b.at.ip()));
    b.heard.wait_for(&format!("data connection with another server, {}", a.at.ip()));
}

#[test]
fn a_file_moves_under_tls_when_one_of_the_servers_is_told_to_be_client() {
    let (a, b) = (partner(|_| {}).with_tls().build(), partner(|_| {}).with_tls().build());
    let (mut source, mut target) = (private(&a), private(&b));
    source.store("STOR f", CONTENT);
    for source_listens in [true, false] {
        for source_is_client in [true, false] {
            let (on, off) = if source_is_client { ("ON", "OFF") } else { ("OFF", "ON") };
            source.ok(&format!("SSCN {on}"), 200);
            target.ok(&format!("SSCN {off}"), 200);
            move_file(&mut source, &mut target, source_listens, "PASV");
            source.ok("SSCN OFF", 200);
            target.ok("SSCN OFF", 200);
            assert_eq!(target.fetch("RETR g"), CONTENT);
            target.ok("DELE g", 250);
        }
        move_file(&mut source, &mut target, source_listens, "CPSV");
        assert_eq!(target.fetch("RETR g"), CONTENT, "strict as ever for the client itself");
        target.ok("DELE g", 250);
    }
    for site in [&a, &b] {
        site.heard.wait_for("as TLS server");
        site.heard.wait_for("as TLS client");
        let line = site.heard.wait_for("has the SHA-256");
        let shown = line.rsplit(' ').next().unwrap_or_default();
        assert_eq!(shown.split(':').filter(|hex| hex.len() == 2).count(), 32, "{line}");
    }
}

#[test]
fn two_tls_clients_do_not_come_together() {
    let (a, b) = (partner(|_| {}).with_tls().build(), partner(|_| {}).with_tls().build());
    let (mut source, mut target) = (private(&a), private(&b));
    source.store("STOR f", CONTENT);
    source.ok("SSCN ON", 200);
    target.ok("SSCN ON", 200);
    let at = source.passive();
    target.ok(&port_of(at), 200);
    source.say("RETR f");
    target.say("STOR g");
    for end in [&mut source, &mut target] {
        end.expect(150);
        end.expect(522);
    }
    target.ok("SIZE g", 550);
}

#[test]
fn only_known_servers_are_talked_to_where_the_operator_says_which() {
    for (is_known, code) in [(true, 226), (false, 522)] {
        let a = partner(|_| {}).with_tls().build();
        let shown = a.certified.as_ref().unwrap().cert.clone();
        let known = if is_known { shown } else { certified().cert };
        let b = partner(|_| {}).with_tls().trusting(vec![known]).build();
        let (mut source, mut target) = (private(&a), private(&b));
        source.store("STOR f", CONTENT);
        let at = target.passive_by("CPSV");
        source.ok(&port_of(at), 200);
        target.say("STOR g");
        source.say("RETR f");
        target.expect(150);
        target.expect(code);
        source.expect(150);
        source.reply();
        target.ok("SIZE g", if code == 226 { 213 } else { 550 });
    }
}

#[test]
fn without_the_right_the_switch_opens_nothing() {
    let site = partner(|_| {}).build();
    let victim = listen_at(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3)));
    let at = victim.local_addr().unwrap();
    let mut client = plain(&site, WRITER);
    client.ok(&port_of(at), 504);
    client.ok(&format!("EPRT |1|{}|{}|", at.ip(), at.port()), 504);
    client.ok("LIST", 425);
    assert!(site.net.connects().is_empty() && nobody_came(&victim));
}

#[test]
fn ports_of_other_services_are_refused_even_to_whoever_may() {
    let site = partner(|_| {}).build();
    let mut client = plain(&site, PARTNER);
    for ip in [Ipv4Addr::new(127, 0, 0, 3), Ipv4Addr::LOCALHOST] {
        for port in [0, 1, 20, 25, 80, 1023] {
            client.ok(&port_of(SocketAddr::new(ip.into(), port)), 504);
        }
    }
    assert!(site.net.connects().is_empty());
}

#[test]
fn strict_resumption_is_waived_for_other_servers_alone() {
    let site = partner(|_| {}).with_tls().build();
    let certified = site.certified.as_ref().unwrap();
    for (version, forgetful) in certified.forgetful() {
        let mut client = site.private(PARTNER, &certified.peer13());
        let refused = over(&mut client, &forgetful, IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(refused, 522, "{version}: from the client's own address");
        let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
        assert_eq!(over(&mut client, &forgetful, elsewhere), 226, "{version}: a server");
        let mut writer = site.private(WRITER, &certified.peer13());
        let at = writer.passive();
        writer.ok("LIST", 150);
        let mut stranger = connect_from(elsewhere, at).unwrap();
        assert!(until_end(&mut stranger).is_empty(), "{version}: without the right, nobody's");
    }
}

/// A listing over TLS that does not resume, on a connection from `ip`; the last reply.
fn over(client: &mut Client, peer: &TlsPeer, ip: IpAddr) -> u16 {
    let data = connect_from(ip, client.passive()).unwrap();
    client.ok("LIST", 150);
    if let Ok(mut tls) = over_tls(peer, data) {
        until_end(&mut tls);
    }
    client.reply().code
}

#[test]
fn strict_resumption_holds_for_whoever_is_neither_the_client_nor_a_named_partner() {
    let site = partner(|options| {
        options.data_peer = DataPeer::Any;
        options.fxp_partners = vec!["127.0.0.200/32".parse().unwrap()];
    })
    .with_tls()
    .build();
    let certified = site.certified.as_ref().unwrap();
    let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
    for (version, forgetful) in certified.forgetful() {
        let mut client = site.private(PARTNER, &certified.peer13());
        assert_eq!(over(&mut client, &forgetful, elsewhere), 522, "{version}");
        // As TLS client the server cannot make anyone resume: it does not even begin.
        let mut stranger = connect_from(elsewhere, client.passive_by("CPSV")).unwrap();
        client.ok("LIST", 150);
        assert!(until_end(&mut stranger).is_empty(), "{version}");
    }
}
