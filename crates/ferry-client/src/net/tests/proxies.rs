//! Through proxies: what is said to them octet by octet, and every way they can refuse.

use super::*;
use crate::error::ErrorKind;
use crate::net::{connect, connect_data};
use crate::secret::Secret;
use crate::settings::Proxy;
use crate::settings::ProxyKind::{self, HttpConnect, Socks5};

/// What a proxy expects to read, and what it writes then.
type Script = &'static [(&'static [u8], &'static [u8])];

/// A proxy that plays this, checks what it reads, and closes.
fn proxy(script: Script) -> SocketAddr {
    server_of_tcp(move |mut tcp| {
        for (expected, answer) in script {
            let mut read = vec![0; expected.len()];
            tcp.read_exact(&mut read).unwrap();
            if read != *expected {
                let shown = read.escape_ascii().to_string();
                tcp.write_all(format!("UNEXPECTED {shown}").as_bytes()).unwrap();
                return;
            }
            tcp.write_all(answer).unwrap();
        }
    })
}

fn through(kind: ProxyKind, at: SocketAddr, login: Option<(&str, &str)>) -> Settings {
    let login = login.map(|(name, password)| (name.to_owned(), Secret::new(password)));
    let proxy = Proxy { kind, host: at.ip().to_string(), port: at.port(), login };
    Settings { proxy: Some(proxy), ..trusting(Trust::Any) }
}

const GREETED: &[u8] = b"220 here\r\n";

/// Name and password for a proxy.
type Login = Option<(&'static str, &'static str)>;

const LOGIN: Login = Some(("me", "pass"));

/// Scripts that end well: the server's first words come together with the proxy's last.
const GOOD: [(ProxyKind, Login, &str, Script); 7] = [
    (
        Socks5,
        None,
        "ftp.example",
        &[
            (b"\x05\x01\x00", b"\x05\x00"),
            (
                b"\x05\x01\x00\x03\x0bftp.example\x00\x15",
                b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x15220 here\r\n",
            ),
        ],
    ),
    (
        Socks5,
        None,
        "192.0.2.1",
        &[
            (b"\x05\x01\x00", b"\x05\x00"),
            (
                b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x15",
                b"\x05\x00\x00\x03\x04host\x00\x15220 here\r\n",
            ),
        ],
    ),
    (
        Socks5,
        None,
        "2001:db8::1",
        &[
            (b"\x05\x01\x00", b"\x05\x00"),
            (
                b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x15",
                b"\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x15220 here\r\n",
            ),
        ],
    ),
    (
        Socks5,
        LOGIN,
        "a",
        &[
            (b"\x05\x02\x00\x02", b"\x05\x02"),
            (b"\x01\x02me\x04pass", b"\x01\x00"),
            (b"\x05\x01\x00\x03\x01a\x00\x15", b"\x05\x00\x00\x01\0\0\0\0\0\x00220 here\r\n"),
        ],
    ),
    (
        Socks5,
        LOGIN,
        "a",
        &[
            (b"\x05\x02\x00\x02", b"\x05\x00"),
            (b"\x05\x01\x00\x03\x01a\x00\x15", b"\x05\x00\x00\x01\0\0\0\0\0\x00220 here\r\n"),
        ],
    ),
    (
        HttpConnect,
        LOGIN,
        "ftp.example",
        &[(
            b"CONNECT ftp.example:21 HTTP/1.1\r\nHost: ftp.example:21\r\n\
              Proxy-Authorization: Basic bWU6cGFzcw==\r\n\r\n",
            b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n220 here\r\n",
        )],
    ),
    (
        HttpConnect,
        None,
        "2001:db8::1",
        &[(
            b"CONNECT [2001:db8::1]:21 HTTP/1.1\r\nHost: [2001:db8::1]:21\r\n\r\n",
            b"HTTP/1.0 200\n\n220 here\r\n",
        )],
    ),
];

#[tokio::test]
async fn proxies_connect_and_no_octet_of_the_server_is_lost() {
    for (kind, login, host, script) in GOOD {
        let settings = through(kind, proxy(script), login);
        let tcp = connect(host, 21, &settings).await.unwrap();
        assert_eq!(read_all(&mut Wire::plain(tcp), 100).await.0, GREETED, "{host}");
        let to = SocketAddr::from(([203, 0, 113, 1], 21));
        let tcp = connect_data(to, host, &settings).await.unwrap();
        assert_eq!(read_all(&mut Wire::plain(tcp), 100).await.0, GREETED, "data, {host}");
    }
}

#[tokio::test]
async fn refusals_and_nonsense_end_with_a_sentence() {
    const CONNECT: &[u8] = b"CONNECT a:21 HTTP/1.1\r\nHost: a:21\r\n\r\n";
    let cases: [(ProxyKind, _, &str, Script); 13] = [
        (Socks5, None, "unexpected end", &[(b"\x05\x01\x00", b"")]),
        (Socks5, None, "no sense", &[(b"\x05\x01\x00", b"HTTP/1.1 400 Bad\r\n\r\n")]),
        (Socks5, None, "wants a name", &[(b"\x05\x01\x00", b"\x05\xff")]),
        (Socks5, None, "wants a name", &[(b"\x05\x01\x00", b"\x05\x02")]),
        (Socks5, LOGIN, "wants a name", &[(b"\x05\x02\x00\x02", b"\x05\xff")]),
        (
            Socks5,
            LOGIN,
            "refuses the name",
            &[(b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x02me\x04pass", b"\x01\x01")],
        ),
        (
            Socks5,
            None,
            "connection refused",
            &[
                (b"\x05\x01\x00", b"\x05\x00"),
                (b"\x05\x01\x00\x03\x01a\x00\x15", b"\x05\x05\x00\x01\0\0\0\0\0\0"),
            ],
        ),
        (
            Socks5,
            None,
            "no sense",
            &[
                (b"\x05\x01\x00", b"\x05\x00"),
                (b"\x05\x01\x00\x03\x01a\x00\x15", b"\x05\x00\x00\x09\0\0\0\0\0\0"),
            ],
        ),
        (HttpConnect, None, "no sense", &[(CONNECT, b"220 Hello\r\n\r\n")]),
        (HttpConnect, None, "answers 403", &[(CONNECT, b"HTTP/1.1 403 No\r\nA: b\r\n\r\nno")]),
        (HttpConnect, None, "wants a name", &[(CONNECT, b"HTTP/1.1 407 Who\r\n\r\n")]),
        (HttpConnect, None, "answers OK", &[(CONNECT, b"HTTP/1.1 OK\r\n\r\n")]),
        (HttpConnect, None, "unexpected end", &[(CONNECT, b"HTTP/1.1 200 OK\r\n")]),
    ];
    for (kind, login, words, script) in cases {
        let settings = through(kind, proxy(script), login);
        let error = connect("a", 21, &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
        let to = SocketAddr::from(([203, 0, 113, 1], 21));
        let error = connect_data(to, "a", &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_cut_short() {
    let at = server_of_tcp(|mut tcp| {
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\n");
        while tcp.write_all(b"X-More: and more\r\n").is_ok() {}
    });
    let error = connect("a", 21, &through(HttpConnect, at, None)).await.unwrap_err();
    assert!(error.to_string().contains("no sense"), "{error}");
}

#[tokio::test]
async fn what_does_not_fit_into_socks_is_refused_here() {
    let at = proxy(&[(b"\x05\x01\x00", b"\x05\x00")]);
    let error = connect(&"a".repeat(256), 21, &through(Socks5, at, None)).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Connect);
    let at = proxy(&[(b"\x05\x02\x00\x02", b"\x05\x02")]);
    let long = "x".repeat(256);
    let settings = through(Socks5, at, Some(("me", &long)));
    let error = connect("a", 21, &settings).await.unwrap_err().to_string();
    assert!(error.contains("too long") && !error.contains("xxx"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named_as_such() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let error = connect("a", 21, &through(Socks5, gone, None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}
