//! Binding, tickets and ALPN, with rustls as the client on loopback sockets.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls12Resumption, Tls13ClientSessionValue,
};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, NamedGroup, RootCertStore};
use rustls_pki_types::{PrivatePkcs8KeyDer, ServerName};

use super::suites::with_aes;
use super::{Channel, SessionTls, TlsFacts, TlsFailure, TlsSetup};
use crate::options::DataResumption::{self, Off, Prefer, Strict};
use crate::testing::{Client, beside, certified, client_config, pair};
use crate::wire::{Received, Wire};

/// One connection: the server accepts, sends a line and ends; the client reads it all.
async fn connect(
    tls: &SessionTls,
    channel: Channel,
    client: &Arc<ClientConfig>,
) -> Result<TlsFacts, TlsFailure> {
    let (mut wire, tcp) = pair().await;
    let client = Arc::clone(client);
    let peer = beside(move || Client::connect(&client, tcp).and_then(|mut c| c.read_to_end()));
    let accepted = wire.accept_tls(tls.offer(channel), b"").await;
    if accepted.is_ok() {
        wire.write_all(b"hello\r\n").await.unwrap();
        wire.close_write().await.unwrap();
        assert_eq!(peer.await.unwrap().unwrap(), b"hello\r\n");
    } else {
        let _ = peer.await.unwrap();
    }
    accepted
}

async fn resumed(tls: &SessionTls, channel: Channel, client: &Arc<ClientConfig>) -> bool {
    connect(tls, channel, client).await.unwrap().resumed
}

fn sessions(setup: &TlsSetup, resumption: DataResumption) -> (SessionTls, SessionTls) {
    (setup.session(resumption).unwrap(), setup.session(resumption).unwrap())
}

/// Clients of every kind that can resume.
fn clients(roots: &RootCertStore) -> Vec<(&'static str, Arc<ClientConfig>)> {
    let by_id = Resumption::in_memory_sessions(64).tls12_resumption(Tls12Resumption::SessionIdOnly);
    let mut tls12_by_id = client_config(roots.clone(), &TLS12);
    tls12_by_id.resumption = by_id;
    vec![
        ("1.3", Arc::new(client_config(roots.clone(), &TLS13))),
        ("1.2 by ticket", Arc::new(client_config(roots.clone(), &TLS12))),
        ("1.2 by session id", Arc::new(tls12_by_id)),
    ]
}

#[tokio::test]
async fn sessions_resume_whosever_ciphers_are_the_fastest() {
    for of_ring in [false, true] {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let cert = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(cert.clone()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(with_aes(of_ring));
        let setup = TlsSetup::by(provider, vec![cert], key.into(), None).unwrap();
        for (name, client) in clients(&roots) {
            let (own, _) = sessions(&setup, Strict);
            connect(&own, Channel::Control, &client).await.unwrap();
            assert!(resumed(&own, Channel::Download, &client).await, "{name}, {of_ring}");
        }
    }
}

#[tokio::test]
async fn a_data_connection_resumes_its_own_control_session_and_no_other() {
    let (setup, roots) = certified();
    for (what, client) in clients(&roots) {
        let (own, other) = sessions(&setup, Prefer);
        let control = connect(&own, Channel::Control, &client).await.unwrap();
        assert!(!control.resumed, "{what}");
        let version = control.version.strip_prefix("TLSv").unwrap();
        assert!(what.starts_with(version), "{what}: {version}");
        assert_eq!(control.sni.as_deref(), Some("localhost"));
        assert!(resumed(&own, Channel::Download, &client).await, "{what}");
        assert!(resumed(&own, Channel::Upload, &client).await, "{what}");
        assert!(!resumed(&other, Channel::Download, &client).await, "{what}");
        assert!(!resumed(&other, Channel::Control, &client).await, "{what}");
    }
}

#[tokio::test]
async fn tickets_of_another_server_are_strange() {
    let (setup, mut roots) = certified();
    let (elsewhere, their_roots) = certified();
    roots.extend(their_roots.roots);
    for (what, client) in clients(&roots) {
        let (theirs, _) = sessions(&elsewhere, Prefer);
        let (ours, _) = sessions(&setup, Prefer);
        connect(&theirs, Channel::Control, &client).await.unwrap();
        assert!(!resumed(&ours, Channel::Download, &client).await, "{what}");
    }
}

#[tokio::test]
async fn strict_refuses_a_full_handshake_and_gives_the_stranger_nothing_to_come_back_with() {
    let (setup, roots) = certified();
    for (what, client) in clients(&roots) {
        let (own, _) = sessions(&setup, Strict);
        for attempt in 0..3 {
            let refused = connect(&own, Channel::Download, &client).await;
            assert!(matches!(refused, Err(TlsFailure::NotResumed)), "{what}, attempt {attempt}");
        }
    }
}

/// A store that offers every session under every name, as an attacker may.
#[derive(Debug)]
struct Nameless(ClientSessionMemoryCache);

impl Nameless {
    fn name() -> ServerName<'static> {
        ServerName::try_from("any").unwrap()
    }
}

impl ClientSessionStore for Nameless {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(Self::name(), group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(&Self::name())
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(Self::name(), value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(&Self::name())
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.0.remove_tls12_session(&Self::name());
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(Self::name(), value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(&Self::name())
    }
}

#[tokio::test]
async fn a_ticket_shown_under_another_server_name_is_exchanged_for_nothing() {
    let (setup, roots) = certified();
    for version in [&TLS12, &TLS13] {
        let mut client = client_config(roots.clone(), version);
        let store = Arc::new(Nameless(ClientSessionMemoryCache::new(64)));
        client.resumption = Resumption::store(store);
        let client = Arc::new(client);
        let (own, _) = sessions(&setup, Strict);
        connect(&own, Channel::Control, &client).await.unwrap();
        // The ticket is genuine, but RFC 6066 §3 forbids to resume it here; were a fresh one given
        // out in its place, the next attempt would resume that.
        for attempt in 0..3 {
            let (mut wire, tcp) = pair().await;
            let config = Arc::clone(&client);
            let peer = beside(move || {
                let mut client = Client::connect_to("other", &config, tcp).unwrap();
                client.read_to_end().unwrap()
            });
            let refused = wire.accept_tls(own.offer(Channel::Download), b"").await;
            assert!(matches!(refused, Err(TlsFailure::NotResumed)), "attempt {attempt}");
            assert_eq!(peer.await.unwrap(), b"");
        }
    }
}

#[tokio::test]
async fn a_full_handshake_on_data_is_never_the_root_of_a_resumption() {
    let (setup, roots) = certified();
    for (what, client) in clients(&roots) {
        let (own, _) = sessions(&setup, Prefer);
        assert!(!resumed(&own, Channel::Download, &client).await, "{what}");
        assert!(!resumed(&own, Channel::Download, &client).await, "{what}");
    }
}

#[tokio::test]
async fn forty_downloads_resume_even_where_every_ticket_is_used_once() {
    let (setup, roots) = certified();
    for (what, client) in clients(&roots) {
        let (own, _) = sessions(&setup, Strict);
        connect(&own, Channel::Control, &client).await.unwrap();
        for transfer in 0..40 {
            assert!(resumed(&own, Channel::Download, &client).await, "{what}, {transfer}");
        }
    }
}

#[tokio::test]
async fn off_resumes_nothing() {
    let (setup, roots) = certified();
    for (what, client) in clients(&roots) {
        let (own, _) = sessions(&setup, Off);
        connect(&own, Channel::Control, &client).await.unwrap();
        assert!(!resumed(&own, Channel::Download, &client).await, "{what}");
    }
}

#[tokio::test]
async fn an_upload_connection_is_sent_no_tickets() {
    let (setup, roots) = certified();
    let client = Arc::new(client_config(roots, &TLS13));
    let (own, _) = sessions(&setup, Prefer);
    connect(&own, Channel::Control, &client).await.unwrap();
    for (channel, expected) in [(Channel::Download, 1), (Channel::Upload, 0)] {
        let (mut wire, tcp) = pair().await;
        let config = Arc::clone(&client);
        let peer = beside(move || {
            let mut client = Client::connect(&config, tcp).unwrap();
            client.read_to_end().unwrap();
            client.tls.tls13_tickets_received()
        });
        wire.accept_tls(own.offer(channel), b"").await.unwrap();
        wire.close_write().await.unwrap();
        assert_eq!(peer.await.unwrap(), expected, "{channel:?}");
    }
}

#[tokio::test]
async fn alpn_is_answered_ignored_or_fatal() {
    let cases: [(Channel, &[&str], Result<bool, ()>); 9] = [
        (Channel::Control, &[], Ok(false)),
        (Channel::Control, &["ftp"], Ok(true)),
        (Channel::Control, &["x-filezilla-ftp", "ftp"], Ok(true)),
        (Channel::Control, &["x-filezilla-ftp"], Ok(false)),
        (Channel::Control, &["h2", "http/1.1"], Err(())),
        (Channel::Download, &["ftp-data"], Ok(true)),
        (Channel::Upload, &["ftp-data"], Ok(true)),
        (Channel::Upload, &["ftp"], Ok(false)),
        (Channel::Download, &["http/1.1"], Err(())),
    ];
    let (setup, roots) = certified();
    for version in [&TLS12, &TLS13] {
        for (channel, offered, expected) in cases {
            let (own, _) = sessions(&setup, Prefer);
            let mut client = client_config(roots.clone(), version);
            client.alpn_protocols = offered.iter().map(|n| n.as_bytes().to_vec()).collect();
            let got = connect(&own, channel, &Arc::new(client)).await;
            match (got, expected) {
                (Ok(facts), Ok(answered)) => {
                    assert_eq!(facts.alpn, answered, "{channel:?} {offered:?}");
                }
                (Err(TlsFailure::Tls(rustls::Error::NoApplicationProtocol)), Err(())) => {}
                (got, _) => panic!("{channel:?} {offered:?}: {got:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_browser_is_told_by_an_alert() {
    let (setup, roots) = certified();
    let (own, _) = sessions(&setup, Prefer);
    let mut client = client_config(roots, &TLS13);
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (mut wire, tcp) = pair().await;
    let peer = beside(move || Client::connect(&Arc::new(client), tcp).err().unwrap());
    wire.accept_tls(own.offer(Channel::Control), b"").await.unwrap_err();
    drop(wire);
    let told = peer.await.unwrap();
    assert!(told.to_string().contains("NoApplicationProtocol"), "{told}");
}

#[tokio::test]
async fn a_hello_that_was_read_before_comes_first() {
    let (setup, roots) = certified();
    let client = Arc::new(client_config(roots, &TLS13));
    for early_len in [1, 5, 100] {
        let (own, _) = sessions(&setup, Prefer);
        let (mut wire, tcp) = pair().await;
        let config = Arc::clone(&client);
        let peer = beside(move || {
            let mut client = Client::connect(&config, tcp).unwrap();
            client.send(b"USER a\r\n");
            client.notify_close();
            client.read_to_end().unwrap()
        });
        let mut early = vec![0; early_len];
        let mut filled = 0;
        while filled < early_len {
            match wire.read(&mut early[filled..]).await.unwrap() {
                Received::Bytes(n) => filled += n,
                end => panic!("{end:?}"),
            }
        }
        wire.accept_tls(own.offer(Channel::Control), &early).await.unwrap();
        assert_eq!(read_to_end(&mut wire).await, (b"USER a\r\n".to_vec(), Received::Eof));
        wire.close_write().await.unwrap();
        assert_eq!(peer.await.unwrap(), b"");
    }
}

#[tokio::test]
async fn commands_in_clear_after_the_switch_end_the_connection() {
    let (setup, _) = certified();
    let (own, _) = sessions(&setup, Prefer);
    let (mut wire, mut tcp) = pair().await;
    tcp.write_all(b"USER anonymous\r\nPASS guest\r\n").unwrap();
    let failure = wire.accept_tls(own.offer(Channel::Control), b"").await.unwrap_err();
    assert!(matches!(failure, TlsFailure::Tls(_)), "{failure:?}");
    drop(wire);
    let answer = beside(move || {
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).map(|_| answer)
    });
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.first(), Some(&0x15), "an alert record: {answer:02x?}");
}

#[tokio::test]
async fn a_peer_that_leaves_during_the_handshake_is_an_error_of_the_connection() {
    let (setup, _) = certified();
    let (own, _) = sessions(&setup, Prefer);
    let (mut wire, mut tcp) = pair().await;
    tcp.write_all(&[0x16, 3, 1, 2, 0]).unwrap();
    drop(tcp);
    match wire.accept_tls(own.offer(Channel::Control), b"").await {
        Err(TlsFailure::Io(e)) => assert_eq!(e.kind(), io::ErrorKind::UnexpectedEof),
        other => panic!("{other:?}"),
    }
}

async fn read_to_end(wire: &mut Wire) -> (Vec<u8>, Received) {
    let (mut got, mut buf) = (Vec::new(), [0; 512]);
    loop {
        match wire.read(&mut buf).await.unwrap() {
            Received::Bytes(n) => got.extend_from_slice(&buf[..n]),
            end => return (got, end),
        }
    }
}
