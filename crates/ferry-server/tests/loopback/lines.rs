//! Overlong and never-ending lines, and input that was meant for another protocol.

use crate::support::{Blueprint, Client, WRITER, certified};

/// A command line of `len` octets with its CRLF.
fn line_of(len: usize) -> Vec<u8> {
    let mut line = b"NOOP ".to_vec();
    line.resize(len - 2, b'x');
    line.extend_from_slice(b"\r\n");
    line
}

#[test]
fn a_line_may_have_8192_octets_and_the_third_longer_one_ends_the_session() {
    let site = Blueprint::default().build();
    let mut client = site.client();
    client.send(&line_of(8192));
    client.expect(200);
    for len in [8193, 100_000] {
        client.send(&line_of(len));
        client.expect(500);
        client.ok("NOOP", 200);
    }
    client.send(&line_of(9000));
    client.expect(421);
    assert_eq!(client.rest_or_reset(), b"");
}

#[test]
fn what_an_overlong_line_hides_is_not_carried_out() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    client.store("STOR f", b"x");
    // The command would begin where a buffer of this length ends.
    for len in [4096, 8190, 8192, 8193, 16_384] {
        let mut client = site.writer();
        client.send(&[&b"y".repeat(len)[..], b"DELE f\r\n"].concat());
        client.expect(500);
        client.ok("SIZE f", 213);
    }
}

/// Sends what another protocol's client would, followed by commands that must never be obeyed.
fn says(mut client: Client, input: &[u8], about: &str) {
    let bait = format!("\r\nUSER {WRITER}\r\nPASS {WRITER}'s password\r\nDELE f\r\n");
    // The server may close at once.
    let _ = client.try_send(&[input, bait.as_bytes()].concat());
    let said = client.rest_or_reset();
    let replies = said.split_inclusive(|&b| b == b'\n').count();
    assert!(replies <= 1, "{about}: {}", said.escape_ascii());
    assert!(said.is_empty() || said.starts_with(b"421 "), "{about}");
}

#[test]
fn whoever_speaks_another_protocol_is_sent_away_before_a_command_of_theirs_counts() {
    let site = Blueprint::default().build();
    let hello = {
        let mut tls = certified().peer13().begin();
        let mut hello = Vec::new();
        tls.write_tls(&mut hello).unwrap();
        hello
    };
    let cases: [(&str, &[u8]); 12] = [
        ("GET", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("get", b"get / HTTP/1.1\r\n"),
        ("POST", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n"),
        ("HEAD", b"HEAD / HTTP/1.0\n"),
        ("OPTIONS", b"OPTIONS * HTTP/1.1\r\n"),
        ("CONNECT", b"CONNECT 127.0.0.1:25 HTTP/1.1\r\n"),
        ("header", b"Host: ftp.example.org\r\n"),
        ("EHLO", b"EHLO example.org\r\n"),
        ("MAIL", b"MAIL FROM:<a@example.org>\r\n"),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n"),
        ("ClientHello", &hello),
        ("control", b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00"),
    ];
    for (about, input) in cases {
        says(site.client(), input, about);
        assert!(site.auth.asked().is_empty(), "{about} logged in");
    }
}

#[test]
fn an_empty_line_does_not_hide_another_protocol() {
    let site = Blueprint::default().build();
    says(site.client(), b"\r\n\r\nPOST / HTTP/1.1\r\n", "after empty lines");
    assert!(site.auth.asked().is_empty());
}
