//! Files from one server of Ferry's to another, directly: every way there is, in the clear and
//! under TLS, by sessions and by the copier.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ferry_client::copy::{Copied, CopyOptions, Placing, Resume, Retry, copy_file};
use ferry_client::fxp::{Direct, How, Roles, Side, Unmoved, Way, transfer};
use ferry_client::mirror::{MirrorOptions, Tree, mirror};
use ferry_client::remote::Remote;
use ferry_client::session::Session;
use ferry_client::settings::{Watcher, WireEvent};
use ferry_client::{ErrorKind, Security, Settings, Site};
use ferry_proto::path::FtpPath;
use ferry_server::options::{DataResumption, Options};
use ferry_server::tls::TlsSetup;
use ferry_storage::memory::Memory;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::sync::Notify;

use support::{Host, settings};

/// Two servers at addresses of their own, and what they hold.
struct Two {
    files: [Memory; 2],
    hosts: [Host; 2],
}

/// A certificate of its own.
fn tls() -> TlsSetup {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    TlsSetup::new(vec![made.cert.der().clone()], key.into()).unwrap()
}

fn v4(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

impl Two {
    fn new() -> Self {
        Self::at([v4(2), v4(3)], |_| {})
    }

    fn at(at: [IpAddr; 2], tweak: impl Fn(&mut Options)) -> Self {
        let files = [Memory::new(), Memory::new()];
        let hosts = [0, 1].map(|i| {
            let storage = Arc::new(files[i].clone());
            Host::among_servers(at[i], storage, Some(tls()), |options| tweak(options))
        });
        Self { files, hosts }
    }

    fn site(&self, which: usize, tls: bool) -> Site {
        let security = if tls { Security::Explicit } else { Security::Plain };
        Site { security, ..self.hosts[which].site() }
    }

    async fn sessions(&self, tls: bool, settings: &Settings) -> [Session; 2] {
        let first = Session::connect(&self.site(0, tls), settings).await.unwrap();
        [first, Session::connect(&self.site(1, tls), settings).await.unwrap()]
    }

    async fn remotes(&self, settings: &Settings) -> [Remote; 2] {
        let first = Remote::connect(self.site(0, true), settings.clone()).await.unwrap();
        [first, Remote::connect(self.site(1, true), settings.clone()).await.unwrap()]
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from((i * i + i / 251) % 256).unwrap()).collect()
}

/// Counts the data connections made here and notes the commands.
#[derive(Debug, Default)]
struct Seen {
    data: AtomicUsize,
    commands: Mutex<Vec<String>>,
    news: Notify,
}

impl Watcher for Seen {
    fn on(&self, _: u64, event: &WireEvent<'_>) {
        match event {
            WireEvent::Data { .. } => _ = self.data.fetch_add(1, Ordering::Relaxed),
            WireEvent::Command(line) => {
                self.commands.lock().unwrap().push(String::from_utf8_lossy(line).into_owned());
                self.news.notify_one();
            }
            _ => {}
        }
    }
}

impl Seen {
    fn count(&self, start: &str) -> usize {
        self.commands.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }

    /// Returns once such a command has been sent.
    async fn sent(&self, start: &str) {
        while self.count(start) == 0 {
            self.news.notified().await;
        }
    }
}

fn watched() -> (Arc<Seen>, Settings) {
    let seen = Arc::new(Seen::default());
    let watcher: Arc<dyn Watcher> = Arc::<Seen>::clone(&seen);
    (seen, Settings { watcher: Some(watcher), ..settings() })
}

fn path(text: &str) -> FtpPath {
    FtpPath::new(text.as_bytes()).unwrap()
}

/// Every way under TLS.
fn protected() -> Vec<Way> {
    let mut ways = Vec::new();
    for listener in [Side::Target, Side::Source] {
        for roles in [Roles::Cpsv, Roles::Sscn(Side::Source), Roles::Sscn(Side::Target)] {
            ways.push(Way { listener, roles });
        }
    }
    ways
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_every_way_and_never_past_here() {
    let two = Two::new();
    let octets = content(3_000_000);
    two.files[0].put("/f", &octets).unwrap();
    let clear = [Side::Target, Side::Source].map(|listener| Way { listener, roles: Roles::Clear });
    for (tls, ways) in [(false, clear.to_vec()), (true, protected())] {
        let (seen, settings) = watched();
        let [from, to] = two.sessions(tls, &settings).await;
        for (i, way) in ways.into_iter().enumerate() {
            let how = How { first: Some(way), ..How::default() };
            let name = format!("/g{i}{tls}");
            let went = transfer(&from, b"/f", &to, name.as_bytes(), how).await;
            assert_eq!(went.unwrap(), way);
            assert!(two.files[1].get(&name).unwrap() == octets, "{way:?}");
        }
        assert_eq!(seen.data.load(Ordering::Relaxed), 0);
        assert_eq!(seen.count("SSCN ON"), seen.count("SSCN OFF"));
        // The roles are as they were: files come here as ever.
        for session in [&from, &to] {
            assert!(session.list(b"/").await.unwrap().entries.len() < 20);
        }
        assert_eq!(seen.count("PROT C"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_resumption_is_not_asked_of_other_servers() {
    let two = Two::at([v4(2), v4(3)], |options| options.data_resumption = DataResumption::Strict);
    two.files[0].put("/f", b"hello").unwrap();
    let [from, to] = two.sessions(true, &settings()).await;
    for first in protected() {
        let how = How { first: Some(first), ..How::default() };
        assert_eq!(transfer(&from, b"/f", &to, b"/g", how).await.unwrap(), first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_reached_over_ipv6_take_turns_at_being_tls_client_by_sscn() {
    let here = IpAddr::V6(Ipv6Addr::LOCALHOST);
    if std::net::TcpListener::bind((here, 0)).is_err() {
        return;
    }
    let two = Two::at([here, here], |_| {});
    two.files[0].put("/f", b"hello").unwrap();
    for tls in [false, true] {
        let (seen, settings) = watched();
        let [from, to] = two.sessions(tls, &settings).await;
        transfer(&from, b"/f", &to, b"/g", How::default()).await.unwrap();
        assert_eq!(two.files[1].get("/g").unwrap(), b"hello");
        assert_eq!((seen.count("EPSV"), seen.count("EPRT |2|::1|")), (1, 1));
        assert_eq!(seen.count("CPSV"), 0);
        two.files[1].put("/g", b"old").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_protects_data_moves_nothing_to_who_does_not() {
    let two = Two::new();
    two.files[0].put("/f", b"hello").unwrap();
    let (seen, settings) = watched();
    let from = Session::connect(&two.site(0, true), &settings).await.unwrap();
    let to = Session::connect(&two.site(1, false), &settings).await.unwrap();
    for (one, other) in [(&from, &to), (&to, &from)] {
        match transfer(one, b"/f", other, b"/g", How::default()).await {
            Err(Unmoved::NotDirect(error)) => assert_eq!(error.kind(), ErrorKind::Tls),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen.count("PROT C") + seen.count("STOR") + seen.count("RETR"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_is_dropped_leaves_no_session_in_between() {
    let two = Two::new();
    two.files[0].put("/f", &content(50_000_000)).unwrap();
    let (seen, settings) = watched();
    let [from, to] = two.sessions(false, &settings).await;
    tokio::select! {
        moved = transfer(&from, b"/f", &to, b"/g", How::default()) => panic!("{moved:?}"),
        () = seen.sent("STOR") => {}
    }
    for session in [&from, &to] {
        assert!(session.command(b"NOOP").await.is_err());
        assert!(session.is_closed());
    }
    assert!(two.files[1].get("/g").is_none_or(|came| came.len() < 50_000_000));
}

/// Copies `/f` to `/g` of the other server.
async fn copy(remotes: &[Remote; 2], direct: Direct, resume: Resume) -> Result<Copied, ErrorKind> {
    let options = CopyOptions {
        placing: Placing::Final,
        resume,
        direct: Some(Arc::new(direct)),
        retry: Retry { retries: 0, ..Retry::default() },
        ..CopyOptions::default()
    };
    let [from, to] = remotes;
    let copied = copy_file(from, &path("/f"), to, &path("/g"), &options, &()).await;
    copied.map_err(|error| error.kind())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copier_moves_directly_continues_and_compares_digests() {
    let two = Two::new();
    let octets = content(1_000_000);
    two.files[0].put("/f", &octets).unwrap();
    let (seen, settings) = watched();
    let remotes = two.remotes(&settings).await;
    let direct = || Direct::new(remotes[0].clone(), remotes[1].clone());
    let copied = copy(&remotes, direct(), Resume::Partial).await.unwrap();
    assert!(copied.direct && copied.verified && copied.moved == 1_000_000, "{copied:?}");
    two.files[1].put("/g", &octets[..400_000]).unwrap();
    let copied = copy(&remotes, direct(), Resume::Existing).await.unwrap();
    assert_eq!((copied.direct, copied.resumed, copied.moved), (true, 400_000, 600_000));
    assert!(two.files[1].get("/g").unwrap() == octets);
    assert_eq!((seen.data.load(Ordering::Relaxed), seen.count("REST 400000")), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_refuse_are_copied_through_here_and_that_is_told_once() {
    // Partners elsewhere: these two are none.
    let two = Two::at([v4(2), v4(3)], |options| {
        options.fxp_partners = vec!["192.0.2.0/24".parse().unwrap()];
    });
    for name in ["/t/a", "/t/b", "/f"] {
        two.files[0].put(name, name.as_bytes()).unwrap();
    }
    let remotes = two.remotes(&settings()).await;
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let direct = Direct::new(remotes[0].clone(), remotes[1].clone()).telling(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let copy_options = CopyOptions { direct: Some(Arc::new(direct)), ..CopyOptions::default() };
    let options = MirrorOptions { copy: copy_options, ..MirrorOptions::default() };
    let [from, to] = remotes.clone().map(|remote| Tree::new(Arc::new(remote), path("/")));
    let summary = mirror(&from, &to, &options, Arc::new(())).await;
    assert_eq!((summary.copied, summary.errors), (3, 0));
    assert_eq!(two.files[1].get("/t/b").unwrap(), b"/t/b");
    assert_eq!(told.load(Ordering::Relaxed), 1);
    let only = Direct::new(remotes[0].clone(), remotes[1].clone()).only();
    assert!(copy(&remotes, only, Resume::Never).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_in_both_directions_wait_for_each_other_and_end() {
    let two = Two::new();
    for (side, files) in two.files.iter().enumerate() {
        for i in 0..60 {
            files.put(format!("/from{side}/{i}"), &content(i * 1000 + 1)).unwrap();
        }
    }
    let (seen, few) = watched();
    let few = Settings { connections: 2, ..few };
    let [one, other] = two.remotes(&few).await;
    let mirrored = async |from: &Remote, to: &Remote, dir: &str| {
        let direct = Direct::new(from.clone(), to.clone()).only();
        let copy = CopyOptions {
            direct: Some(Arc::new(direct)),
            placing: Placing::Final,
            ..CopyOptions::default()
        };
        let options = MirrorOptions { copy, ..MirrorOptions::default() };
        let trees = [from, to].map(|remote| Tree::new(Arc::new(remote.clone()), path(dir)));
        to.clone().command(format!("MKD {dir}").as_bytes()).await.unwrap();
        mirror(&trees[0], &trees[1], &options, Arc::new(())).await
    };
    let (there, back) =
        tokio::join!(mirrored(&one, &other, "/from0"), mirrored(&other, &one, "/from1"));
    assert_eq!((there.copied, there.errors), (60, 0), "{:?}", there.failures);
    assert_eq!((back.copied, back.errors), (60, 0), "{:?}", back.failures);
    assert_eq!(seen.count("RETR"), 120);
    assert!(two.files[1].get("/from0/59").unwrap() == content(59_001));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_moves_a_file_to_itself_over_two_sessions() {
    let two = Two::new();
    two.files[0].put("/f", &content(100_000)).unwrap();
    let remote = Remote::connect(two.site(0, true), settings()).await.unwrap();
    let direct = Direct::new(remote.clone(), remote.clone()).only();
    let copied = copy(&[remote.clone(), remote], direct, Resume::Never).await.unwrap();
    assert!(copied.direct);
    assert!(two.files[0].get("/g").unwrap() == content(100_000));
}
