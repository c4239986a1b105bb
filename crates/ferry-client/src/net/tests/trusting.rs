//! Whose certificates are good, who is asked, and what a person is told.

use std::sync::Mutex;

use rcgen::date_time_ymd;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::error::ErrorKind;
use crate::secret::Secret;
use crate::settings::{Answer, Asker, UnknownCertificate};

/// Answers always the same, and remembers what was asked.
#[derive(Debug)]
struct Person {
    answer: bool,
    asked: Mutex<Vec<UnknownCertificate>>,
}

impl Person {
    fn who_says(answer: bool) -> Arc<Self> {
        Arc::new(Self { answer, asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<UnknownCertificate> {
        self.asked.lock().unwrap().clone()
    }
}

impl Asker for Person {
    fn password<'a>(&'a self, _site: &'a Site) -> Answer<'a, Option<Secret>> {
        Box::pin(std::future::ready(None))
    }

    fn trust<'a>(&'a self, unknown: &'a UnknownCertificate) -> Answer<'a, bool> {
        self.asked.lock().unwrap().push(unknown.clone());
        Box::pin(std::future::ready(self.answer))
    }
}

fn fingerprint(identity: &Identity) -> [u8; 32] {
    Sha256::digest(&identity.chain[0]).into()
}

/// Connects as someone who trusts so; what it came to, as far as the certificate goes.
async fn judged(to: SocketAddr, host: &str, trust: Trust) -> Result<()> {
    let tls = Tls::new(&site(host, to.port()), &trusting(trust)).await.unwrap();
    control(to, &tls).await.map(|_| ())
}

#[tokio::test]
async fn roots_vouch_for_what_they_issued_and_failures_say_what_to_do() {
    let (authority, other) = (Authority::new(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let roots = || Trust::Roots(vec![dir.path().join("roots.pem")]);
    file(&dir, "roots.pem", &authority.pem);
    let past = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(3020, 1, 1);
    let as_authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let cases = [
        (authority.issue(&["localhost"], |_| {}), "localhost", None),
        (authority.issue(&["127.0.0.1"], |_| {}), "127.0.0.1", None),
        (authority.issue(&["localhost"], |_| {}), "localhost.", None),
        (other.issue(&["localhost"], |_| {}), "localhost", Some("self-signed")),
        (
            authority.issue(&["a.example", "b.example"], |_| {}),
            "localhost",
            Some("it is for a.example, b.example, not for localhost"),
        ),
        (authority.issue(&[], |_| {}), "localhost", Some("names no host")),
        (authority.issue(&["localhost"], past), "localhost", Some("days ago; the server needs")),
        (authority.issue(&["localhost"], future), "localhost", Some("clock")),
        (
            other.issue(&["localhost"], as_authority),
            "localhost",
            Some("may sign others, not a server's; it may be self-signed"),
        ),
    ];
    for (identity, host, complaint) in cases {
        for kind in [Kind::V12Ticket, Kind::V13Ticket] {
            let to = server_of_tls(config(kind, &identity, None), play);
            let judged = judged(to, host, roots()).await;
            match (complaint, judged) {
                (None, judged) => judged.unwrap(),
                (Some(words), judged) => {
                    let error = judged.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Certificate);
                    let text = error.to_string();
                    assert!(text.contains(words), "{text}");
                    let pairs = fingerprint(&identity).map(|octet| format!("{octet:02X}"));
                    let shown = pairs.join(":");
                    assert!(text.contains(&shown), "{text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_pin_is_the_one_thing_that_counts() {
    let identity = Authority::new().issue(&["elsewhere.example"], |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let to = server_of_tls(config(Kind::V13Ticket, &identity, None), play);
    judged(to, "localhost", Trust::Pinned(vec![[0; 32], fingerprint(&identity)])).await.unwrap();
    judged(to, "localhost", Trust::Any).await.unwrap();
    let error = judged(to, "localhost", Trust::Pinned(vec![[0; 32]])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate);
    assert!(error.to_string().contains("pinned"), "{error}");
}

#[tokio::test]
async fn a_person_is_asked_once_and_a_changed_certificate_is_told() {
    let authority = Authority::new();
    let (one, two) =
        (authority.issue(&["localhost"], |_| {}), authority.issue(&["localhost"], |_| {}));
    let to = server_of_tls(config(Kind::V13Ticket, &one, None), play);
    let site = site("localhost", to.port());
    let dir = tempfile::tempdir().unwrap();
    let mut settings = trusting(Trust::KnownHosts(dir.path().join("known_hosts")));

    // Nobody to ask.
    let refused = |to, settings: Settings| {
        let site = site.clone();
        async move {
            let tls = Tls::new(&site, &settings).await.unwrap();
            let error = control(to, &tls).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Certificate);
            (error.to_string(), tls.ask_for_trust(&settings).await)
        }
    };
    assert!(!refused(to, settings.clone()).await.1);

    // Someone who does not trust it.
    settings.asker = Some(Person::who_says(false));
    assert!(!refused(to, settings.clone()).await.1);

    // Someone who does.
    let person = Person::who_says(true);
    settings.asker = Some(Arc::<Person>::clone(&person));
    assert!(refused(to, settings.clone()).await.1);
    let asked = person.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].host.as_str(), asked[0].port), ("localhost", to.port()));
    assert_eq!(asked[0].fingerprint, fingerprint(&one));
    assert!(!asked[0].changed);

    // From now on it is known.
    let tls = Tls::new(&site, &settings).await.unwrap();
    control(to, &tls).await.unwrap();
    assert!(!tls.ask_for_trust(&settings).await, "there is nothing more to ask");

    // The same server with another certificate.
    let changed = server_of_tls(config(Kind::V13Ticket, &two, None), play);
    let (words, trusted) = refused(changed, settings.clone()).await;
    assert!(words.contains("another one was known"), "{words}");
    assert!(trusted && person.asked()[1].changed);
    control(changed, &Tls::new(&site, &settings).await.unwrap()).await.unwrap();

    // The new one took the place of the old.
    refused(to, settings).await;
}

#[tokio::test]
async fn trust_that_cannot_be_written_down_lasts_as_long_as_the_program() {
    let identity = Authority::new().issue(&["localhost"], |_| {});
    let to = server_of_tls(config(Kind::V12Ticket, &identity, None), play);
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = file(&dir, "a file", "");
    let mut settings = trusting(Trust::KnownHosts(in_the_way.join("known_hosts")));
    settings.asker = Some(Person::who_says(true));
    let site = site("localhost", to.port());
    let tls = Tls::new(&site, &settings).await.unwrap();
    control(to, &tls).await.unwrap_err();
    assert!(tls.ask_for_trust(&settings).await);
    control(to, &Tls::new(&site, &settings).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn who_is_refused_has_seen_no_word_of_ours() {
    let identity = Authority::new().issue(&["localhost"], |_| {});
    let (send, receive) = std::sync::mpsc::channel();
    let config = Arc::new(config(Kind::V13Ticket, &identity, None));
    let to = server_of_tcp(move |mut tcp| {
        let mut conn = ServerConnection::new(Arc::clone(&config)).unwrap();
        let failed = loop {
            match conn.complete_io(&mut tcp) {
                Ok(_) if conn.is_handshaking() => {}
                done => break done.is_err(),
            }
        };
        send.send(failed).unwrap();
    });
    judged(to, "localhost", Trust::Pinned(Vec::new())).await.unwrap_err();
    assert!(receive.recv().unwrap(), "the handshake never was complete for the server");
}

#[tokio::test]
async fn what_is_no_tls_is_told_so() {
    let plain = server_of_tcp(|mut tcp| {
        let _ = tcp.write_all(b"220 Welcome to this server, it has no TLS at all\r\n");
        let _ = tcp.read(&mut [0; 512]);
    });
    let error = judged(plain, "localhost", Trust::Any).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    let gone = server_of_tcp(drop);
    let error = judged(gone, "localhost", Trust::Any).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
}

#[tokio::test]
async fn names_and_files_that_cannot_be_are_refused_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let empty = file(&dir, "empty.pem", "nothing\n");
    let table = [
        ("a b", Trust::Any, ErrorKind::Tls),
        ("bücher.example", Trust::Any, ErrorKind::Tls),
        ("localhost", Trust::Roots(vec![empty]), ErrorKind::Local),
        ("localhost", Trust::Roots(vec![dir.path().join("none")]), ErrorKind::Local),
    ];
    for (host, trust, kind) in table {
        let error = Tls::new(&site(host, 21), &trusting(trust)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    Tls::new(&site("fe80::1%eth0", 21), &trusting(Trust::Any)).await.unwrap();
}
