//! Bandwidth limits, as clients feel them: a whole server over a network in memory, on a clock that
//! moves only while everyone waits. What a rate and a bucket are is tested in `ferry_proto::rate`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test panic as the test does")]

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ferry_accounts::{Access, Account};
use ferry_proto::date::UnixTime;
use ferry_server::auth::{Authenticator, Login};
use ferry_server::events::Quiet;
use ferry_server::net::BoxFut;
use ferry_server::options::{
    Bandwidth, Bandwidths, Limits, Listen, ListenTls, Options, Rates, Timetable,
};
use ferry_server::{Server, Setup};
use ferry_storage::memory::Memory;
use testkit::StoppedClock;
use testkit::net::{SimLink, SimNet};
use tokio::time::Instant;

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), 21);
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 0);

const MIB: usize = 1 << 20;

/// Lets anyone in; bob has limits of his own.
#[derive(Debug)]
struct Open(Arc<Memory>, Bandwidth);

impl Authenticator for Open {
    fn login<'a>(&'a self, user: &'a [u8], _: &'a [u8], _: IpAddr) -> BoxFut<'a, Option<Login>> {
        let mut account =
            Account::new(String::from_utf8_lossy(user).into_owned(), Access::ReadWrite);
        if user == b"bob" {
            account.bandwidth = self.1.clone();
        }
        let storage = Arc::<Memory>::clone(&self.0);
        let login = Login { account: Arc::new(account), storage, volumes: Arc::default() };
        Box::pin(std::future::ready(Some(login)))
    }

    fn welcomes_anonymous(&self) -> bool {
        false
    }
}

fn rate(octets: u64) -> Option<Timetable> {
    Some(Timetable::constant(Some(octets)))
}

fn down(octets: u64) -> Rates {
    Rates { download: rate(octets), upload: None }
}

fn up(octets: u64) -> Rates {
    Rates { download: None, upload: rate(octets) }
}

/// What a test is given: where to connect, and the files.
struct Stage {
    net: SimNet,
    files: Arc<Memory>,
}

/// Runs `talk` with a server of these limits; `bob` has his own.
fn with_server<F: Future<Output = ()>>(
    limits: Bandwidths,
    bob: Bandwidth,
    second_of_day: i64,
    talk: impl FnOnce(Stage) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (net, files) = (SimNet::new(0), Arc::new(Memory::new()));
        let setup = Setup {
            options: Options {
                listen: vec![Listen { at: SERVER, tls: ListenTls::Explicit }],
                bandwidth: limits,
                limits: Limits { per_address: 100, ..Limits::default() },
                ..Options::default()
            },
            net: Arc::new(net.clone()),
            auth: Arc::new(Open(Arc::clone(&files), bob)),
            tls: None,
            hosts: Vec::new(),
            clock: Arc::new(StoppedClock(UnixTime::from_secs(second_of_day))),
            observer: Arc::new(Quiet),
            seed: 1,
        };
        let server = Server::bind(setup).unwrap();
        tokio::select! {
            () = server.run() => panic!("the server ended"),
            () = talk(Stage { net, files }) => {}
        }
    });
}

/// One client, logged in.
struct Session {
    net: SimNet,
    control: SimLink,
}

impl Session {
    async fn open(stage: &Stage, user: &str) -> Self {
        let control = stage.net.dial(CLIENT, SERVER).await.unwrap();
        let session = Self { net: stage.net.clone(), control };
        session.reply("220").await;
        session.say(&format!("USER {user}"), "331").await;
        session.say("PASS x", "230").await;
        session.say("TYPE I", "200").await;
        session
    }

    async fn reply(&self, code: &str) -> String {
        loop {
            let line = self.control.recv_line().await.unwrap().unwrap();
            let line = String::from_utf8(line).unwrap();
            if line.as_bytes().get(3) == Some(&b' ') {
                assert!(line.starts_with(code), "{code} was expected: {line}");
                return line;
            }
        }
    }

    async fn say(&self, command: &str, code: &str) -> String {
        self.control.send(format!("{command}\r\n").as_bytes()).await.unwrap();
        self.reply(code).await
    }

    async fn data(&self, command: &str) -> SimLink {
        let passive = self.say("EPSV", "229").await;
        let port = passive.split('|').nth(3).unwrap().parse().unwrap();
        let data = self.net.dial(CLIENT, SocketAddr::new(SERVER.ip(), port)).await.unwrap();
        self.say(command, "150").await;
        data
    }

    /// Downloads to the end, reading as fast as it comes, and hears that it is complete.
    async fn download(&self, command: &str) -> usize {
        let data = self.data(command).await;
        let (mut got, mut buf) = (0, vec![0; 64 << 10]);
        loop {
            let n = data.recv(&mut buf).await.unwrap();
            if n == 0 {
                break;
            }
            got += n;
        }
        drop(data);
        self.reply("226").await;
        got
    }

    /// Uploads and hears that it is complete.
    async fn upload(&self, name: &str, content: &[u8]) {
        let data = self.data(&format!("STOR {name}")).await;
        data.send(content).await.unwrap();
        drop(data);
        self.reply("226").await;
    }
}

/// Whether that was the time it had to take, to a twentieth.
#[track_caller]
fn assert_took(since: Instant, octets: usize, rate: u64) {
    #[allow(clippy::cast_precision_loss, reason = "a ratio")]
    let want = octets as f64 / rate as f64;
    let took = since.elapsed().as_secs_f64();
    assert!((0.95 * want..=1.05 * want).contains(&took), "{took} s, not {want} s");
}

/// Both ends of what limits must be exact for.
const RATES: [u64; 3] = [10 << 10, 1_000_000, 1 << 30];

#[test]
fn a_download_goes_at_its_rate_whatever_that_is() {
    for octets_per_second in RATES {
        let account = Bandwidth { transfer: down(octets_per_second), ..Bandwidth::default() };
        let limits = Bandwidths { account, ..Bandwidths::default() };
        with_server(limits, Bandwidth::default(), 0, |stage| async move {
            let len = usize::try_from(octets_per_second / 10).unwrap().max(100 << 10);
            stage.files.put(b"/file", &vec![7; len]).unwrap();
            let session = Session::open(&stage, "alice").await;
            let begun = Instant::now();
            assert_eq!(session.download("RETR file").await, len);
            assert_took(begun, len, octets_per_second);
        });
    }
}

#[test]
fn an_upload_goes_at_its_rate_whatever_that_is() {
    for octets_per_second in RATES {
        let account = Bandwidth { transfer: up(octets_per_second), ..Bandwidth::default() };
        let limits = Bandwidths { account, ..Bandwidths::default() };
        with_server(limits, Bandwidth::default(), 0, |stage| async move {
            let len = usize::try_from(octets_per_second / 10).unwrap().max(100 << 10);
            let session = Session::open(&stage, "alice").await;
            let begun = Instant::now();
            session.upload("file", &vec![7; len]).await;
            assert_took(begun, len, octets_per_second);
        });
    }
}

#[test]
fn limits_hold_in_every_mode_and_for_listings() {
    let limits = Bandwidths {
        in_all: Rates { download: rate(50_000), upload: rate(50_000) },
        ..Bandwidths::default()
    };
    with_server(limits, Bandwidth::default(), 0, |stage| async move {
        for i in 0..1000 {
            let name = format!("/{i:0200}");
            stage.files.put(name.as_bytes(), b"").unwrap();
        }
        stage.files.put(b"/0", &[b'x'; 100_000]).unwrap();
        let session = Session::open(&stage, "alice").await;
        let begun = Instant::now();
        let listed = session.download("NLST").await;
        assert_took(begun, listed, 50_000);
        session.say("TYPE A", "200").await;
        let begun = Instant::now();
        assert_eq!(session.download("RETR 0").await, 100_000);
        assert_took(begun, 100_000, 50_000);
        let begun = Instant::now();
        session.upload("1", &[b'x'; 100_000]).await;
        assert_took(begun, 100_000, 50_000);
    });
}

#[test]
fn the_sessions_of_an_account_share_its_rate_and_those_of_others_do_not() {
    let account = Bandwidth { in_all: down(1_000_000), ..Bandwidth::default() };
    let limits = Bandwidths { account, ..Bandwidths::default() };
    let bob = Bandwidth { in_all: down(500_000), ..Bandwidth::default() };
    with_server(limits, bob, 0, |stage| async move {
        stage.files.put(b"/file", &vec![7; MIB]).unwrap();
        let mut sessions = Vec::new();
        for user in ["alice", "alice", "alice", "alice", "bob", "carol"] {
            sessions.push(Session::open(&stage, user).await);
        }
        let begun = Instant::now();
        let end = |i: usize| {
            let session = sessions.get(i).unwrap();
            async move {
                session.download("RETR file").await;
                begun.elapsed().as_secs_f64()
            }
        };
        let (a, b, c, d, bob, carol) = tokio::join!(end(0), end(1), end(2), end(3), end(4), end(5));
        // Fair: whoever shares a rate ends at the same time.
        for alice in [a, b, c, d] {
            assert!((4.0..=4.4).contains(&alice), "{alice}");
        }
        assert!((2.0..=2.2).contains(&bob), "{bob}");
        assert!((1.0..=1.1).contains(&carol), "{carol}");
    });
}

#[test]
fn many_small_files_keep_to_the_rate_as_one_large_file_does() {
    let account = Bandwidth { in_all: up(100_000), ..Bandwidth::default() };
    let limits = Bandwidths { account, ..Bandwidths::default() };
    let own = Bandwidth { in_all: down(100_000), ..Bandwidth::default() };
    with_server(limits, own, 0, |stage| async move {
        let session = Session::open(&stage, "bob").await;
        let begun = Instant::now();
        for i in 0..300 {
            session.upload(&format!("{i}"), &[1; 1000]).await;
        }
        assert_took(begun, 300_000, 100_000);
        let begun = Instant::now();
        for i in 0..300 {
            session.download(&format!("RETR {i}")).await;
        }
        assert_took(begun, 300_000, 100_000);
    });
}

#[test]
fn the_rate_is_that_of_the_time_of_day() {
    let table = Timetable::parse("08:00-18:00 100K, else off").unwrap();
    let limits = Bandwidths {
        in_all: Rates { download: Some(table), upload: None },
        ..Bandwidths::default()
    };
    for (hour, limited) in [(7, false), (8, true), (17, true), (18, false)] {
        with_server(limits.clone(), Bandwidth::default(), hour * 3600, |stage| async move {
            stage.files.put(b"/file", &vec![7; MIB]).unwrap();
            let session = Session::open(&stage, "alice").await;
            let begun = Instant::now();
            session.download("RETR file").await;
            assert_eq!(begun.elapsed() > Duration::from_secs(10), limited, "{hour}:00");
        });
    }
}

#[test]
fn a_transfer_that_waits_for_its_rate_is_aborted_at_once() {
    let limits = Bandwidths {
        in_all: Rates { download: rate(1), upload: rate(1) },
        ..Bandwidths::default()
    };
    with_server(limits, Bandwidth::default(), 0, |stage| async move {
        stage.files.put(b"/file", &[7; 100_000]).unwrap();
        let session = Session::open(&stage, "alice").await;
        let begun = Instant::now();
        let down = session.data("RETR file").await;
        session.control.send(b"ABOR\r\n").await.unwrap();
        session.reply("426").await;
        session.reply("226").await;
        drop(down);
        let up = session.data("STOR other").await;
        up.send(&[7; 1000]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        session.control.send(b"ABOR\r\n").await.unwrap();
        session.reply("426").await;
        session.reply("226").await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    });
}
