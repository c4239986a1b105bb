//! Too many connections, and connections that say too little: limits are answered, slots come
//! back, and nobody stays without logging in.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Blueprint, Client, PATIENCE, Site, WRITER, connect_from};

/// A client from another address of this machine, or the reply that turned it away.
fn knock(site: &Site) -> (Client, u16) {
    let mut client = Client::silent(site.at);
    let code = client.reply().code;
    (client, code)
}

#[test]
fn sessions_beyond_the_limit_of_their_address_hear_421_and_others_are_served() {
    let site = Blueprint::default().with(|o| o.limits.per_address = 3).build();
    let mut inside: Vec<Client> = (0..3).map(|_| site.client()).collect();
    for _ in 0..20 {
        let (mut outside, code) = knock(&site);
        assert_eq!(code, 421);
        assert_eq!(outside.rest_or_reset(), b"");
    }
    let mut elsewhere = connect_from([127, 0, 0, 2].into(), site.at).unwrap();
    elsewhere.write_all(b"QUIT\r\n").unwrap();
    let said = crate::support::until_end(&mut elsewhere);
    assert!(said.starts_with(b"220"), "{}", said.escape_ascii());
    for client in &mut inside {
        client.ok("NOOP", 200);
    }
    site.heard.poll("three are left", || site.handle.sessions() == 3);
}

#[test]
fn sessions_beyond_the_limit_of_the_server_hear_421() {
    let site = Blueprint::default().with(|o| o.limits.sessions = 2).build();
    let mut one = site.client();
    let _two = site.client();
    assert_eq!(knock(&site).1, 421);
    let other = connect_from([127, 0, 0, 2].into(), site.at).unwrap();
    let said = crate::support::until_end(&mut &other);
    assert!(said.starts_with(b"421 "), "{}", said.escape_ascii());
    one.ok("NOOP", 200);
}

#[test]
fn however_a_session_ends_its_place_is_given_back() {
    let site = Blueprint::default().with_tls().with(|o| o.limits.per_address = 1).build();
    type End = fn(Client);
    let ways: [(&str, End); 7] = [
        ("QUIT", |mut client| {
            client.ok("QUIT", 221);
        }),
        ("close", drop),
        ("half a line", |mut client| client.send(b"NOO")),
        ("reset", |mut client| {
            client.send(b"HELP\r\n");
            let tcp = socket2::SockRef::from(client.tcp());
            tcp.set_linger(Some(Duration::ZERO)).unwrap();
        }),
        ("foreign", |mut client| client.send(b"GET / HTTP/1.0\r\n\r\n")),
        ("no handshake", |mut client| client.send(b"AUTH TLS\r\nnot TLS\r\n")),
        ("in a transfer", |mut client| {
            client.log_in(WRITER);
            let _data = client.data();
            client.ok("STOR f", 150);
        }),
    ];
    for (way, end) in ways {
        for _ in 0..3 {
            end(site.client());
            // The next one is let in as soon as the server has noticed.
            site.wait_until_empty();
        }
        site.client().ok("NOOP", 200);
        site.wait_until_empty();
        assert_eq!(site.handle.sessions(), 0, "{way}");
    }
}

/// Reads what the server has to say to someone who never logs in, while `feed` keeps talking.
fn stays_too_long(mut client: Client, feed: impl FnMut() -> io::Result<()> + Send) -> Vec<u8> {
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut feed = feed;
            // Ends with the connection: the server closes it.
            while feed().is_ok() {}
        });
        client.rest_or_reset()
    })
}

fn impatient() -> Site {
    Blueprint::default().with_tls().with(|o| o.limits.login = Duration::from_secs(1)).build()
}

#[test]
fn who_says_nothing_is_sent_away() {
    let site = impatient();
    let mut client = site.client();
    let said = client.rest().unwrap();
    assert!(said.starts_with(b"421 "), "{}", said.escape_ascii());
    site.wait_until_empty();
}

#[test]
fn who_talks_without_logging_in_is_sent_away() {
    let site = impatient();
    let slow: [(&str, &[u8]); 4] = [
        ("letter by letter", b"x"),
        ("line by line", b"NOOP\r\n"),
        ("names only", b"USER writer\r\n"),
        ("empty lines", b"\r\n"),
    ];
    std::thread::scope(|scope| {
        for (about, octets) in slow {
            let site = &site;
            scope.spawn(move || {
                let mut client = site.client();
                let mut tcp = client.tcp().try_clone().unwrap();
                // Waiting on the socket's own reply would need a reader: a pause on an idle
                // socket paces it instead.
                let (pace, _other) = std::os::unix::net::UnixStream::pair().unwrap();
                pace.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                let said = stays_too_long(client, move || {
                    let _ = io::Read::read(&mut &pace, &mut [0]);
                    tcp.write_all(octets)
                });
                let last = String::from_utf8_lossy(&said).into_owned();
                let last = last.lines().last().unwrap_or_default();
                assert!(last.starts_with("421 Timeout"), "{about}: {last}");
            });
        }
    });
    site.wait_until_empty();
}

#[test]
fn a_flood_of_commands_does_not_put_the_login_timer_off() {
    let site = impatient();
    let mut client = site.client();
    let mut tcp = client.tcp().try_clone().unwrap();
    let flood = b"NOOP\r\n".repeat(4096);
    stays_too_long(client, move || tcp.write_all(&flood));
    site.wait_until_empty();
    site.heard.wait_for("closed: timeout");
}

#[test]
fn a_handshake_that_never_ends_is_ended() {
    let site = Blueprint::default()
        .with_tls()
        .with(|o| o.limits.handshake = Duration::from_secs(1))
        .build();
    for octets in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"] {
        let mut client = site.client();
        client.ok("AUTH TLS", 234);
        client.send(octets);
        assert_eq!(client.rest_or_reset(), b"");
    }
    let mut implicit =
        Blueprint::default().with_tls().with(|o| o.limits.handshake = Duration::from_secs(1));
    implicit.implicit = true;
    let site = implicit.build();
    assert_eq!(Client::silent(site.at).rest_or_reset(), b"");
}

#[test]
fn who_is_silent_after_logging_in_is_sent_away() {
    let site = Blueprint::default().with(|o| o.limits.idle = Duration::from_secs(1)).build();
    let mut client = site.writer();
    client.store("STOR f", b"x");
    let said = client.rest().unwrap();
    assert!(said.starts_with(b"421 Timeout"), "{}", said.escape_ascii());
}

#[test]
fn who_does_not_read_replies_is_given_up() {
    let site = Blueprint::default().with(|o| o.limits.stall = Duration::from_secs(1)).build();
    let mut client = site.client();
    let mut tcp: TcpStream = client.tcp().try_clone().unwrap();
    tcp.set_write_timeout(Some(PATIENCE)).unwrap();
    let lines = b"HELP\r\n".repeat(4096);
    while tcp.write_all(&lines).is_ok() {}
    site.heard.wait_for("closed: the peer does not read its replies");
    drop(client);
}
