//! One data port for all sessions, under TLS: the sessions of one address are told apart by what
//! their data connections resume, and nobody gets what is another's.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ferry_server::options::{DataResumption, Options};
use rustls::HandshakeKind;

use crate::support::{Blueprint, Client, READER, Site, TlsPeer, connect_from, over_tls, until_end};

fn site(change: impl FnOnce(&mut Options)) -> Site {
    let strict = |options: &mut Options| {
        options.shared_data_port = Some(0);
        options.data_resumption = DataResumption::Strict;
        change(options);
    };
    Blueprint::default().with_tls().with(strict).build()
}

/// Every way of resuming that clients have, each remembering for itself.
fn peers(site: &Site) -> Vec<(&'static str, Arc<TlsPeer>)> {
    let certified = site.certified.as_ref().unwrap();
    let mut peers = certified.peers().to_vec();
    peers.push(("TLS 1.2 without tickets", certified.peer12_by_id()));
    peers
}

/// Shakes hands on `data`, sends `content` and ends; how it was made.
fn upload(peer: &TlsPeer, data: TcpStream, content: &[u8]) -> Option<HandshakeKind> {
    let mut tls = over_tls(peer, data).unwrap();
    tls.write_all(content).unwrap();
    tls.conn.send_close_notify();
    tls.flush().unwrap();
    tls.sock.shutdown(std::net::Shutdown::Write).unwrap();
    until_end(&mut tls);
    tls.conn.handshake_kind()
}

/// What comes on `data`, and how it was made.
fn download(peer: &TlsPeer, data: TcpStream) -> (Option<HandshakeKind>, Vec<u8>) {
    let mut tls = over_tls(peer, data).unwrap();
    let came = until_end(&mut tls);
    (tls.conn.handshake_kind(), came)
}

#[test]
fn accounts_behind_one_address_get_each_its_own_data_whoever_comes_first() {
    let site = site(|_| ());
    let resumed = Some(HandshakeKind::Resumed);
    for (first_way, second_way) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
        // Each client keeps its own tickets.
        let ((way, mine), (other_way, theirs)) =
            (peers(&site).swap_remove(first_way), peers(&site).swap_remove(second_way));
        let mut one = site.private_writer(&mine);
        one.store("STOR theirs", b"of the other");
        let mut two = site.private(READER, &theirs);
        assert_eq!(one.passive(), two.passive());
        // The second session's connection is there first, and begins first.
        let (second, first) = (two.connect_again(), one.connect_again());
        one.ok("STOR mine", 150);
        two.ok("RETR theirs", 150);
        let came = download(&theirs, second);
        assert_eq!(came, (resumed, b"of the other".to_vec()), "{way}, {other_way}");
        two.expect(226);
        assert_eq!(upload(&mine, first, b"of the one"), resumed, "{way}, {other_way}");
        one.expect(226);
        assert_eq!(one.fetch("RETR mine"), b"of the one", "{way}, {other_way}");
    }
}

#[test]
fn sessions_of_one_account_take_turns_for_its_client_may_mix_their_tickets() {
    let site = site(|_| ());
    let certified = site.certified.as_ref().unwrap();
    let (mine, theirs) = (certified.peer13(), certified.peer12());
    let (mut one, mut two) = (site.private_writer(&mine), site.private_writer(&theirs));
    one.passive();
    two.say("PASV");
    let first = one.connect_again();
    one.ok("STOR one", 150);
    assert!(two.stays_quiet_for(Duration::from_millis(100)), "it is not yet its turn");
    assert_eq!(upload(&mine, first, b"of one"), Some(HandshakeKind::Resumed));
    one.expect(226);
    two.expect(227);
    two.ok("ABOR", 226);
    assert_eq!(two.fetch("RETR one"), b"of one");
}

#[test]
fn a_client_that_mixes_tickets_of_two_accounts_takes_turns_as_well() {
    let site = site(|options| options.limits.data_connect = Duration::from_secs(1));
    for (version, both) in site.certified.as_ref().unwrap().peers() {
        let mut one = site.private_writer(&both);
        // Its control connection shows a ticket of the first.
        let mut two = site.private(READER, &both);
        one.passive();
        two.say("PASV");
        assert!(two.stays_quiet_for(Duration::from_millis(100)), "{version}");
        one.ok("ABOR", 226);
        two.expect(227);
        two.ok("QUIT", 221);
    }
}

#[test]
fn a_stranger_of_the_same_address_gets_nothing_and_is_in_nobodys_way() {
    for way in [0, 1] {
        let site = site(|_| ());
        let (version, peer) = site.certified.as_ref().unwrap().peers()[way].clone();
        let other = site.certified.as_ref().unwrap().peer13();
        let (mut one, mut two) = (site.private_writer(&peer), site.private(READER, &other));
        one.store("STOR one", b"of one");
        let at = one.passive();
        two.passive();
        one.ok("RETR one", 150);
        for (_, forgetful) in site.certified.as_ref().unwrap().forgetful() {
            let refused = over_tls(&forgetful, TcpStream::connect(at).unwrap());
            assert!(refused.is_err(), "{version}");
        }
        let mut plain = TcpStream::connect(at).unwrap();
        plain.write_all(b"let me in\r\n").unwrap();
        assert_eq!(until_end(&mut plain), b"", "{version}");
        let abroad = connect_from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)), at);
        let got = abroad.map(|mut tcp| until_end(&mut tcp)).unwrap_or_default();
        assert_eq!(got, b"", "{version}: of another address");
        let (kind, came) = download(&peer, TcpStream::connect(at).unwrap());
        assert_eq!((kind, came), (Some(HandshakeKind::Resumed), b"of one".to_vec()), "{version}");
        one.expect(226);
        let mut nobody = two.connect_again();
        two.ok("QUIT", 221);
        assert_eq!(until_end(&mut nobody), b"", "closed with the last session it could be for");
    }
}

#[test]
fn a_ticket_of_a_session_that_waits_for_nothing_opens_nobody_elses_transfer() {
    let site = site(|_| ());
    for (version, peer) in site.certified.as_ref().unwrap().peers() {
        let other = site.certified.as_ref().unwrap().peer13();
        let (mut victim, _thief) = (site.private_writer(&peer), site.private_writer(&other));
        let at = victim.passive();
        victim.ok("STOR f", 150);
        assert!(over_tls(&other, TcpStream::connect(at).unwrap()).is_err(), "{version}");
        let data = TcpStream::connect(at).unwrap();
        assert_eq!(upload(&peer, data, b"own"), Some(HandshakeKind::Resumed), "{version}");
        victim.expect(226);
        assert_eq!(victim.fetch("RETR f"), b"own", "{version}");
    }
}

#[test]
fn who_cannot_resume_and_is_alone_hears_that_he_must() {
    let site = site(|_| ());
    for (version, peer) in site.certified.as_ref().unwrap().forgetful() {
        let mut client = site.private_writer(&peer);
        let data = client.data();
        client.ok("STOR f", 150);
        let _ = over_tls(&peer, data);
        client.expect(522);
        let mut data = client.data();
        client.ok("STOR f", 150);
        data.write_all(b"in the clear\r\n").unwrap();
        client.expect(522);
        until_end(&mut data);
        assert_eq!(client.ask("SIZE f").code, 550, "{version}");
        client.ok("QUIT", 221);
        client.rest().unwrap();
    }
}

#[test]
fn a_level_lowered_after_pasv_does_not_open_the_port_to_the_clear() {
    let site = site(|_| ());
    let peer = site.certified.as_ref().unwrap().peer13();
    let mut client = site.private_writer(&peer);
    let mut data = client.data();
    client.ok("PROT C", 200);
    client.ok("STOR f", 150);
    client.expect(425);
    // It may be closed already.
    let _ = data.write_all(b"in the clear");
    assert_eq!(until_end(&mut data), b"");
}

#[test]
fn a_first_message_that_never_ends_is_given_up_and_the_right_one_still_served() {
    let site = site(|options| options.limits.handshake = Duration::from_secs(1));
    let peer = site.certified.as_ref().unwrap().peer13();
    let mut client = site.private_writer(&peer);
    let at = client.passive();
    let mut slow = TcpStream::connect(at).unwrap();
    slow.write_all(b"\x16\x03\x01\x02").unwrap();
    client.ok("STOR f", 150);
    assert_eq!(until_end(&mut slow), b"");
    let data = TcpStream::connect(at).unwrap();
    assert_eq!(upload(&peer, data, b"own"), Some(HandshakeKind::Resumed));
    client.expect(226);
}

#[test]
fn only_so_many_wait_without_saying_whose_they_are() {
    let site = site(|_| ());
    let peer = site.certified.as_ref().unwrap().peer13();
    let mut client = site.private_writer(&peer);
    let at = client.passive();
    let mut silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(at).unwrap()).collect();
    site.heard.wait_for("turned a stranger away from the data port");
    client.ok("QUIT", 221);
    assert!(silent.iter_mut().all(|tcp| until_end(tcp) == b""));
}

#[test]
fn where_nothing_need_be_resumed_one_session_of_an_address_comes_after_the_other() {
    let site = site(|options| options.data_resumption = DataResumption::Prefer);
    let certified = site.certified.as_ref().unwrap();
    for ((version, one), (_, two)) in certified.peers().into_iter().zip(certified.forgetful()) {
        let (mut first, mut second) = (site.private_writer(&one), site.private_writer(&two));
        let data = first.data();
        let mut waiting = second.data();
        first.ok("STOR one", 150);
        second.ok("STOR two", 150);
        waiting = {
            upload(&two, waiting, b"of two");
            second.expect(226);
            data
        };
        upload(&one, waiting, b"of one");
        first.expect(226);
        assert_eq!(first.fetch("RETR one"), b"of one", "{version}");
        assert_eq!(second.fetch("RETR two"), b"of two", "{version}");
    }
}

#[test]
fn a_transfer_gets_its_connection_while_the_server_drains() {
    let site = site(|_| ());
    let peer = site.certified.as_ref().unwrap().peer13();
    let mut client: Client = site.private_writer(&peer);
    let at = client.passive();
    client.ok("STOR f", 150);
    site.handle.shut_down(Duration::from_secs(10));
    site.heard.poll("no more control connections", || TcpStream::connect(site.at).is_err());
    let data = TcpStream::connect(at).unwrap();
    assert_eq!(upload(&peer, data, b"own"), Some(HandshakeKind::Resumed));
    client.expect(226);
}
