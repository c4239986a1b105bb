//! Whose certificates are good, who is asked, and what a person is told.

use std::sync::Mutex;

use rcgen::date_time_ymd;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::error::ErrorKind;
use crate::net::Answered;
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
    let cases = [
        (authority.issue(&["localhost"], |_| {}), "localhost", None),
        (authority.issue(&["127.0.0.1"], |_| {}), "127.0.0.1", None),
        (authority.issue(&["localhost"], |_| {}), "localhost.", None),
        (other.issue(&["localhost"], |_| {}), "localhost", Some("self-signed")),
        (
            authority.issue(&["a.example", "b.example"], |_| {}),
            "localhost",
            Some("it is for a.example, b.example, not for localhost; connect by that name"),
        ),
        (authority.issue(&[], |_| {}), "localhost", Some("names no server")),
        (authority.issue(&["localhost"], past), "localhost", Some("days ago; the server needs")),
        (authority.issue(&["localhost"], future), "localhost", Some("clock")),
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
                    let shown = crate::net::trust::shown(&fingerprint(&identity));
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
    let tls = Tls::new(&site, &settings).await.unwrap();
    let error = control(to, &tls).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate);
    assert!(matches!(tls.ask(&settings).await, Answered::No));

    // Someone who does not trust it.
    let careful = Person::who_says(false);
    settings.asker = Some(Arc::<Person>::clone(&careful));
    assert!(matches!(tls.ask(&settings).await, Answered::No));
    assert_eq!(control(to, &tls).await.unwrap_err().kind(), ErrorKind::Certificate);

    // Someone who does.
    let person = Person::who_says(true);
    settings.asker = Some(Arc::<Person>::clone(&person));
    assert!(matches!(tls.ask(&settings).await, Answered::Trusted));
    control(to, &tls).await.unwrap();
    assert!(matches!(tls.ask(&settings).await, Answered::No), "there is nothing more to ask");
    let asked = person.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].host.as_str(), asked[0].port), ("localhost", to.port()));
    assert_eq!(asked[0].fingerprint, fingerprint(&one));
    assert!(!asked[0].changed);

    // From now on it is known.
    let again = Tls::new(&site, &settings).await.unwrap();
    control(to, &again).await.unwrap();

    // The same server with another certificate.
    let changed = server_of_tls(config(Kind::V13Ticket, &two, None), play);
    let tls = Tls::new(&site, &settings).await.unwrap();
    let error = control(changed, &tls).await.unwrap_err();
    assert!(error.to_string().contains("another one was known"), "{error}");
    assert!(matches!(tls.ask(&settings).await, Answered::Trusted));
    control(changed, &tls).await.unwrap();
    assert!(person.asked()[1].changed);

    // The new one took the place of the old.
    let tls = Tls::new(&site, &settings).await.unwrap();
    assert_eq!(control(to, &tls).await.unwrap_err().kind(), ErrorKind::Certificate);
}

#[tokio::test]
async fn trust_that_cannot_be_written_down_is_trust_for_now() {
    let identity = Authority::new().issue(&["localhost"], |_| {});
    let to = server_of_tls(config(Kind::V12Ticket, &identity, None), play);
    let dir = tempfile::tempdir().unwrap();
    let in_the_way = file(&dir, "a file", "");
    let mut settings = trusting(Trust::KnownHosts(dir.path().join("known_hosts")));
    settings.asker = Some(Person::who_says(true));
    let mut tls = Tls::new(&site("localhost", to.port()), &settings).await.unwrap();
    Arc::get_mut(&mut tls).unwrap().known_hosts = Some(in_the_way.join("known_hosts"));
    control(to, &tls).await.unwrap_err();
    let Answered::TrustedForNow(error) = tls.ask(&settings).await else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Local);
    control(to, &tls).await.unwrap();
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
    assert!(error.to_string().contains("something else"), "{error}");
    let gone = server_of_tcp(drop);
    let error = judged(gone, "localhost", Trust::Any).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn names_and_files_that_cannot_be_are_refused_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let empty = file(&dir, "empty.pem", "nothing\n");
    let table = [
        ("a b", Trust::Any, ErrorKind::Resolve),
        ("bücher.example", Trust::Any, ErrorKind::Resolve),
        ("localhost", Trust::Roots(vec![empty]), ErrorKind::Local),
        ("localhost", Trust::Roots(vec![dir.path().join("none")]), ErrorKind::Local),
        ("localhost", Trust::Roots(Vec::new()), ErrorKind::Local),
        ("localhost", Trust::KnownHosts(dir.path().to_owned()), ErrorKind::Local),
    ];
    for (host, trust, kind) in table {
        let error = Tls::new(&site(host, 21), &trusting(trust)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    Tls::new(&site("fe80::1%eth0", 21), &trusting(Trust::Any)).await.unwrap();
}
