//! Who is told what, as tables, and names that change under a clock that stands still.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::net::{BoxFut, Link, Listener, Purpose};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn fixed(text: &str) -> Public {
    Public::Ip(text.parse().unwrap())
}

fn told(options: &Options, peer: &str, local: &str, port: u16) -> String {
    let ends = Ends { peer: ip(peer), local: ip(local), socket: ip(local) };
    PublicAddresses::new(options).announced(ends, port).to_string()
}

#[test]
fn the_public_address_is_told_to_the_outside_only() {
    let with = Options { public_address: Some(fixed("203.0.113.9")), ..Options::default() };
    let cases = [
        (&with, "198.51.100.7", "10.0.0.5", "203.0.113.9:50000"),
        (&with, "10.0.0.77", "10.0.0.5", "10.0.0.5:50000"),
        (&with, "100.64.1.1", "10.0.0.5", "10.0.0.5:50000"),
        (&with, "127.0.0.1", "127.0.0.1", "127.0.0.1:50000"),
        (&with, "169.254.0.9", "10.0.0.5", "10.0.0.5:50000"),
        (&with, "2001:db8::7", "2001:db8::1", "[2001:db8::1]:50000"),
        (&Options::default(), "198.51.100.7", "192.0.2.1", "192.0.2.1:50000"),
    ];
    for (options, peer, local, want) in cases {
        assert_eq!(told(options, peer, local, 50_000), want, "{local} {peer}");
    }
}

#[test]
fn a_rule_for_a_network_goes_before_everything_and_the_narrower_before_the_wider() {
    let public_for = [
        ("10.0.0.0/8", "10.9.9.9"),
        ("10.8.0.0/16", "10.8.0.1"),
        ("198.51.100.0/24", "203.0.113.20"),
        ("172.17.0.1/32", "203.0.113.9"),
    ];
    let public_for = public_for.iter().map(|(net, ip)| (net.parse().unwrap(), fixed(ip))).collect();
    let public_address = Some(fixed("203.0.113.9"));
    let options = Options { public_for, public_address, ..Options::default() };
    let cases = [
        ("10.8.3.4", "10.8.0.1:50000"),
        ("10.7.3.4", "10.9.9.9:50000"),
        ("198.51.100.7", "203.0.113.20:50000"),
        ("198.51.101.7", "203.0.113.9:50000"),
        ("172.17.0.1", "203.0.113.9:50000"),
        ("172.17.0.2", "172.17.0.5:50000"),
    ];
    for (peer, want) in cases {
        assert_eq!(told(&options, peer, "172.17.0.5", 50_000), want, "{peer}");
    }
}

#[test]
fn mapped_ports_are_told_to_whoever_comes_through_the_mapping() {
    let options = Options {
        public_address: Some(fixed("203.0.113.9")),
        outside_ports: Some(61_000),
        ..Options::default()
    };
    let cases = [
        ("198.51.100.7", "10.0.0.5", 50_000, "203.0.113.9:61000"),
        ("198.51.100.7", "10.0.0.5", 50_999, "203.0.113.9:61999"),
        ("10.0.0.7", "10.0.0.5", 50_999, "10.0.0.5:50999"),
        ("2001:db8::7", "fd00::5", 50_001, "[fd00::5]:61001"),
        ("2001:db8::7", "2001:db8::1", 50_001, "[2001:db8::1]:50001"),
    ];
    for (peer, local, port, want) in cases {
        assert_eq!(told(&options, peer, local, port), want, "{peer} at {local}");
    }
    let shared = Options { shared_data_port: Some(2100), ..options };
    assert_eq!(told(&shared, "198.51.100.7", "10.0.0.5", 2100), "203.0.113.9:61000");
}

#[test]
fn a_balancer_s_address_is_told_unless_there_is_a_public_one() {
    let ends = Ends { peer: ip("198.51.100.7"), local: ip("203.0.113.1"), socket: ip("10.0.0.5") };
    let plain = PublicAddresses::new(&Options::default());
    assert_eq!(plain.announced(ends, 50_000).ip(), ip("203.0.113.1"));
    let options = Options { public_address: Some(fixed("203.0.113.9")), ..Options::default() };
    assert_eq!(PublicAddresses::new(&options).announced(ends, 50_000).ip(), ip("203.0.113.9"));
}

/// A network in which a name stands for something else each time it is looked up.
#[derive(Debug)]
struct Changing(Mutex<VecDeque<Option<&'static [&'static str]>>>);

impl Net for Changing {
    fn listen(&self, _: SocketAddr, _: Purpose) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect(
        &self,
        _: Option<SocketAddr>,
        _: SocketAddr,
    ) -> BoxFut<'_, io::Result<Box<dyn Link>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn resolve<'a>(&'a self, _: &'a str) -> BoxFut<'a, io::Result<Vec<IpAddr>>> {
        let next = self.0.lock().unwrap().pop_front();
        Box::pin(async move {
            match next {
                Some(Some(ips)) => Ok(ips.iter().map(|text| ip(text)).collect()),
                Some(None) => Err(io::Error::other("no answer")),
                // Nobody answers any more, ever.
                None => std::future::pending().await,
            }
        })
    }
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn on(&self, _: SessionId, event: &Event<'_>) {
        if let Event::Noticed { what } = event {
            self.0.lock().unwrap().push((*what).to_owned());
        }
    }
}

/// What clients are told after each minute, and what operators heard.
async fn minutes(
    answers: &[Option<&'static [&'static str]>],
    minutes: usize,
) -> (Vec<String>, Vec<String>) {
    let options =
        Options { public_address: Some(Public::Name("ftp.test".into())), ..Options::default() };
    let public = Arc::new(PublicAddresses::new(&options));
    let net = Arc::new(Changing(Mutex::new(answers.iter().copied().collect())));
    let heard = Arc::new(Heard::default());
    public.look_up_first(&*net, &*heard).await;
    let (p, n, h) = (Arc::clone(&public), Arc::clone(&net), Arc::clone(&heard));
    let keeping = tokio::spawn(async move { p.keep_current(&*n, &*h).await });
    let ends = Ends { peer: ip("198.51.100.7"), local: ip("10.0.0.5"), socket: ip("10.0.0.5") };
    let mut told = Vec::new();
    tokio::time::sleep(Duration::from_secs(30)).await;
    for _ in 0..minutes {
        told.push(public.announced(ends, 1).ip().to_string());
        tokio::time::sleep(LOOK_UP_EVERY).await;
    }
    keeping.abort();
    let heard = heard.0.lock().unwrap().clone();
    (told, heard)
}

#[tokio::test(start_paused = true)]
async fn a_name_is_looked_up_every_minute_and_its_last_good_answer_kept() {
    let answers: [Option<&[&str]>; 7] = [
        Some(&["203.0.113.9"]),
        Some(&["203.0.113.10"]),
        None,
        Some(&["2001:db8::1"]),
        Some(&["203.0.113.11", "203.0.113.10"]),
        Some(&["2001:db8::1", "203.0.113.12"]),
        None,
    ];
    let (told, heard) = minutes(&answers, 8).await;
    let last = ["9", "10", "10", "10", "10", "12", "12", "12"];
    assert_eq!(told, last.map(|n| format!("203.0.113.{n}")));
    assert_eq!(
        heard,
        [
            "the public address ftp.test is 203.0.113.9",
            "the public address ftp.test is 203.0.113.10",
            "the public address ftp.test cannot be looked up: no answer; \
             clients are told 203.0.113.10 as before",
            "the public address ftp.test is 203.0.113.10",
            "the public address ftp.test is 203.0.113.12",
            "the public address ftp.test cannot be looked up: no answer; \
             clients are told 203.0.113.12 as before",
        ],
        "a failure is told once, however long it lasts"
    );
}

#[tokio::test(start_paused = true)]
async fn without_any_answer_clients_are_told_where_they_connected_to_and_nobody_waits() {
    let started = tokio::time::Instant::now();
    let options =
        Options { public_address: Some(Public::Name("ftp.test".into())), ..Options::default() };
    let (public, net) = (PublicAddresses::new(&options), Changing(Mutex::default()));
    public.look_up_first(&net, &Heard::default()).await;
    assert_eq!(started.elapsed(), FIRST_MAX);
    let (told, heard) = minutes(&[], 3).await;
    assert_eq!(told, ["10.0.0.5"; 3]);
    assert_eq!(heard.len(), 1);
    assert!(heard[0].ends_with("clients are told the address they connected to"), "{heard:?}");
}
