//! Facts in, text out: what is told, and every finding with what to do about it.

use super::facts::State;
use super::*;
use ferry_server::options::{DataResumption, Limits, Listen};

fn facts(own: &[&str], listen: &[&str]) -> Facts {
    let at = |at: &&str| Listen { at: at.parse().unwrap(), tls: ListenTls::Explicit };
    let listen: Vec<Listen> = listen.iter().map(at).collect();
    let options = Options { listen: listen.clone(), ..Options::default() };
    Facts {
        options,
        has_tls: true,
        own: own.iter().map(|ip| ip.parse().unwrap()).collect(),
        names: Vec::new(),
        controls: listen.into_iter().map(|listen| (listen, State::Free)).collect(),
        data: Vec::new(),
        unreached: Vec::new(),
        in_container: false,
    }
}

/// A machine with a public address, listening everywhere.
fn public() -> Facts {
    facts(&["203.0.113.9", "127.0.0.1"], &["0.0.0.0:21"])
}

/// One behind a router, told so.
fn routed() -> Facts {
    let mut facts = facts(&["10.0.0.5", "127.0.0.1"], &["0.0.0.0:21"]);
    facts.options.public_address = Some(Public::Ip([203, 0, 113, 9].into()));
    facts
}

fn wrong(facts: &Facts) -> Vec<String> {
    judge::judge(facts).wrong
}

fn known(facts: &Facts) -> Vec<String> {
    judge::judge(facts).known
}

/// Exactly one thing is wrong, and this is in what is said of it.
fn blames(facts: &Facts, part: &str) {
    let wrong = wrong(facts);
    assert!(wrong.len() == 1 && wrong[0].contains(part), "{part} in {wrong:#?}");
}

#[test]
fn a_machine_with_a_public_address_has_nothing_wrong() {
    let report = report(&public());
    assert!(report.is_well);
    let want = "\
Control connections
  0.0.0.0:21     explicit TLS; free to listen on

A client outside is told, with its first data port
  connect to     203.0.113.9 port 21
  PASV           227 Entering Passive Mode (203,0,113,9,195,80).
  EPSV           229 Entering Extended Passive Mode (|||50000|)
  data ports     50000-50999; what lies in between must let them through as they are

Nothing is wrong, as far as this machine can tell.
";
    assert_eq!(report.text, want);
}

#[test]
fn behind_a_router_both_sides_are_told_apart_and_the_rest_is_said() {
    let mut facts =
        facts(&["10.0.0.5", "2001:db8::5", "127.0.0.1"], &["0.0.0.0:2121", "[::]:2121"]);
    let name = "ftp.example.org".to_owned();
    facts.names = vec![(name.clone(), Ok(vec!["203.0.113.9".parse().unwrap()]))];
    facts.options.public_address = Some(Public::Name(name));
    let vpn = ("10.8.0.0/16".parse().unwrap(), Public::Ip([10, 8, 0, 1].into()));
    facts.options.public_for = vec![vpn];
    facts.options.outside_ports = Some(61_000);
    facts.data = vec![("0.0.0.0:50007".parse().unwrap(), State::Taken)];
    let report = report(&facts);
    assert!(!report.is_well);
    let want = "\
Control connections
  0.0.0.0:2121   explicit TLS; free to listen on
  [::]:2121      explicit TLS; free to listen on

A client outside is told, with its first data port
  connect to     ftp.example.org (203.0.113.9) port 2121
  PASV           227 Entering Passive Mode (203,0,113,9,238,72).
  EPSV           229 Entering Extended Passive Mode (|||61000|)
  over IPv6      [2001:db8::5]:2121, EPSV 229 Entering Extended Passive Mode (|||50000|)
  data ports     61000-61999; the router must map them to 50000-50999 here, in order
  except         clients of 10.8.0.0/16, who are told 10.8.0.1

A client inside, of private networks, is told
  PASV           227 Entering Passive Mode (10,0,0,5,195,80).

Wrong
 1. Of the data ports 50000-50999, taken now: 50007. Another program listens on them: end
    it, or choose other ports.

To know
  - 203.0.113.9 is not an address of this machine, so what the router in between does cannot
    be tried from here. Try it from outside: curl -v ftp://203.0.113.9:2121/
  - Under TLS no router can read along and open data ports by itself: forward the control
    port and 61000-61999 for good.
  - IPv6 clients use EPSV, which names a port and no address: the packet filter must let
    50000-50999 in over IPv6, too. They are told the ports as they are here, not those of
    outside_ports.
";
    assert_eq!(report.text, want);
}

#[test]
fn private_addresses_without_a_public_one_are_wrong() {
    let mut facts = facts(&["172.17.0.2", "127.0.0.1"], &["0.0.0.0:21"]);
    blames(&facts, "private addresses only (172.17.0.2), so it is behind a router");
    facts.in_container = true;
    blames(&facts, "so it is in a container");
    assert!(known(&facts).iter().any(|text| text.contains("-p 21:21 -p 50000-50999:50000-50999")));
    assert!(wrong(&routed()).is_empty());
}

#[test]
fn a_public_address_that_leads_nowhere_is_wrong() {
    let mut facts = routed();
    facts.options.public_address = Some(Public::Ip([192, 168, 1, 5].into()));
    blames(&facts, "The public address 192.168.1.5 is private");
    let name = "ftp.example.org".to_owned();
    facts.options.public_address = Some(Public::Name(name.clone()));
    facts.names = vec![(name.clone(), Err("no such name".to_owned()))];
    blames(&facts, "ftp.example.org cannot be looked up (no such name)");
    facts.names = vec![(name, Ok(vec!["2001:db8::1".parse().unwrap()]))];
    blames(&facts, "ftp.example.org has no IPv4 address");
}

#[test]
fn control_ports_that_cannot_be_had_are_wrong_each_in_its_way() {
    let cases = [
        (State::Taken, "0.0.0.0:21", "Port 21 is taken by another program"),
        (State::Forbidden, "0.0.0.0:21", "give the service CAP_NET_BIND_SERVICE"),
        (State::Forbidden, "0.0.0.0:2121", "Listening on 0.0.0.0:2121 is not permitted"),
        (State::NotHere, "203.0.113.9:21", "203.0.113.9 is not an address of this machine"),
        (State::Failed("odd".into()), "0.0.0.0:21", "Cannot listen on 0.0.0.0:21: odd."),
    ];
    for (state, at, part) in cases {
        let mut facts = facts(&["203.0.113.9", "127.0.0.1"], &[at]);
        facts.controls[0].1 = state;
        blames(&facts, part);
    }
    let mut facts = public();
    facts.controls[0].1 = State::Serving;
    facts.data = vec![("0.0.0.0:50000".parse().unwrap(), State::Taken)];
    assert!(wrong(&facts).is_empty(), "the server itself may run");
    assert!(known(&facts)[0].contains("An FTP server answers at 0.0.0.0:21 already"));
}

#[test]
fn data_ports_that_cannot_be_had_are_named() {
    let mut facts = public();
    let at = |port: u16| SocketAddr::from(([0, 0, 0, 0], port));
    facts.data = [1, 2, 3, 7].map(|n| (at(50_000 + n), State::Taken)).to_vec();
    blames(&facts, "taken now: 50001-50003, 50007.");
    facts.data = (0..40).map(|n| (at(50_000 + 2 * n), State::Taken)).collect();
    blames(&facts, "50012, 50014 and others.");
    facts.options.passive_ports = 900..=1899;
    facts.data = (900..1024).map(|port| (at(port), State::Forbidden)).collect();
    blames(&facts, "Of the data ports 900-1899, not permitted: 900-1023.");
}

#[test]
fn a_port_for_two_purposes_is_wrong_and_no_more_is_said_of_it() {
    let mut facts = facts(&["203.0.113.9"], &["0.0.0.0:50500"]);
    facts.data = vec![("0.0.0.0:50500".parse().unwrap(), State::Taken)];
    blames(&facts, "Port 50500 is both a control port and a data port");
}

#[test]
fn few_ports_for_many_sessions_are_wrong_unless_they_share_one() {
    let mut facts = public();
    facts.options.passive_ports = 50_000..=50_009;
    facts.options.limits = Limits { sessions: 101, ..Limits::default() };
    blames(&facts, "10 data ports are few for 101 sessions: allow 11 ports or more");
    facts.options.limits.sessions = 100;
    assert!(wrong(&facts).is_empty());
    facts.options.limits.sessions = 10_000;
    facts.options.shared_data_port = Some(2100);
    assert!(wrong(&facts).is_empty());
    assert!(known(&facts)[0].starts_with("Sessions of one address wait for each other"));
    facts.options.data_resumption = DataResumption::Strict;
    assert!(known(&facts).is_empty());
}

#[test]
fn only_loopback_is_wrong() {
    let facts = facts(&["203.0.113.9", "127.0.0.1"], &["127.0.0.1:21"]);
    blames(&facts, "only this machine can connect");
}

#[test]
fn an_address_of_its_own_that_it_does_not_reach_is_wrong() {
    let mut facts = public();
    facts.unreached = vec!["203.0.113.9:21".parse().unwrap()];
    blames(&facts, "203.0.113.9:21 is this machine's own");
}

#[test]
fn balancers_come_with_conditions() {
    let mut facts = public();
    facts.options.proxies = vec!["10.0.0.0/24".parse().unwrap()];
    let said = known(&facts).join("\n");
    assert!(said.contains("Connections from 10.0.0.0/24 must begin with a PROXY header"), "{said}");
    assert!(said.contains("set data_proxy = true"), "{said}");
    facts.options.data_proxy = true;
    assert!(known(&facts).join("\n").contains("The balancer must send data connections"));
}
