//! Transfers between two servers, by our client: between every two of other people's servers and
//! ours, in the clear and under TLS, directly where there is a way and told so where there is none.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferry_client::fxp::{How, Unmoved, transfer};
use ferry_client::session::Session;
use ferry_client::settings::{Trust, Watcher, WireEvent};
use ferry_client::{Error, ErrorKind, Secret, Security, Settings, Site};
use interop::servers::{Kind, Options, Peer, Tls, start_with};

/// The servers; rclone's knows neither PORT nor AUTH.
const KINDS: [Kind; 5] =
    [Kind::Vsftpd, Kind::Proftpd, Kind::PureFtpd, Kind::Pyftpdlib, Kind::Ferryd];

/// One server of each kind that can be had, at an address of its own.
fn servers(foreign: bool) -> Vec<Peer> {
    let start = |(kind, last)| {
        let ip = Ipv4Addr::new(127, 0, 0, last);
        // In TLS 1.3 ProFTPD as TLS client loses the end of what it sends to those who give it
        // tickets: it closes with those unread, and that resets the connection.
        let tls = if kind == Kind::Ferryd { Tls::V13 } else { Tls::V12 };
        let options = Options { ip, strict: false, foreign, ..Options::new(tls) };
        let peer = start_with(kind, options).unwrap()?;
        fs::write(peer.root.join("f"), content()).unwrap();
        peer.settle().unwrap();
        Some(peer)
    };
    KINDS.into_iter().zip(21..).filter_map(start).collect()
}

/// A megabyte of no pattern.
fn content() -> Vec<u8> {
    (0..1_000_000_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// What goes over the control connections, for the report of a failure.
#[derive(Debug, Default)]
struct Seen {
    lines: Mutex<Vec<String>>,
    data: AtomicUsize,
}

impl Watcher for Seen {
    fn on(&self, session: u64, event: &WireEvent<'_>) {
        let (mark, line) = match event {
            WireEvent::Command(line) => ('<', *line),
            WireEvent::Response(line, _) => ('>', *line),
            WireEvent::Data { .. } => {
                self.data.fetch_add(1, Ordering::Relaxed);
                return;
            }
            _ => return,
        };
        let line = format!("{session} {mark} {}", String::from_utf8_lossy(line));
        self.lines.lock().unwrap().push(line);
    }
}

impl Seen {
    fn told(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

async fn session(peer: &Peer, tls: bool, seen: &Arc<Seen>) -> Session {
    let site = Site {
        port: Some(peer.addr.port()),
        user: Some(peer.user().into()),
        password: Some(Secret::new(peer.password())),
        security: if tls { Security::Explicit } else { Security::Plain },
        ..Site::new(peer.addr.ip().to_string())
    };
    let watcher: Arc<dyn Watcher> = Arc::<Seen>::clone(seen);
    let settings = Settings {
        trust: Trust::Any,
        timeout: Duration::from_secs(20),
        watcher: Some(watcher),
        ..Settings::default()
    };
    Box::pin(Session::connect(&site, &settings)).await.unwrap()
}

/// Has `f` of one moved to the other as `g`.
async fn moved(from: &Peer, to: &Peer, tls: bool, seen: &Arc<Seen>) -> Result<(), Unmoved> {
    let _ = fs::remove_file(to.root.join("g"));
    let (source, target) = (session(from, tls, seen).await, session(to, tls, seen).await);
    let done = Box::pin(transfer(&source, b"/f", &target, b"/g", How::default())).await;
    for session in [source, target] {
        if !session.is_closed() {
            let reply = session.command(b"NOOP").await.unwrap();
            assert!(reply.code < 400, "{}", seen.told());
            session.quit().await;
        }
    }
    done.map(drop)
}

/// Whether it can be the TLS client.
fn changes_roles(kind: Kind) -> bool {
    matches!(kind, Kind::Proftpd | Kind::Ferryd)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_two_servers_that_let_foreign_addresses_in_move_a_file_directly() {
    let servers = servers(true);
    let content = content();
    for tls in [false, true] {
        for from in &servers {
            for to in &servers {
                if from.kind == to.kind {
                    continue;
                }
                let seen = Arc::new(Seen::default());
                let done = Box::pin(moved(from, to, tls, &seen)).await;
                let way = format!("{} to {}, TLS {tls}", from.name(), to.name());
                if tls && !changes_roles(from.kind) && !changes_roles(to.kind) {
                    let error = done.as_ref().map_err(Unmoved::error).map_err(Error::kind);
                    assert_eq!(error, Err(ErrorKind::Tls), "{way}\n{}", seen.told());
                    continue;
                }
                let came = fs::read(to.root.join("g")).unwrap_or_default();
                let whole = done.is_ok() && came == content;
                let (told, logs) = (seen.told(), from.log_tail() + &to.log_tail());
                assert!(whole, "{way}: {done:?}, {} octets\n{told}\n{logs}", came.len());
                assert_eq!(seen.data.load(Ordering::Relaxed), 0);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_let_no_foreign_address_in_say_so_and_keep_their_sessions() {
    let servers = servers(false);
    for (i, from) in servers.iter().enumerate() {
        let to = &servers[(i + 1) % servers.len()];
        if from.kind == to.kind {
            continue;
        }
        let seen = Arc::new(Seen::default());
        match Box::pin(moved(from, to, false, &seen)).await {
            Err(Unmoved::NotDirect(error)) => assert!(error.reply().is_some(), "{error}"),
            other => {
                let way = format!("{} to {}", from.name(), to.name());
                panic!("{way}: {other:?}\n{}\n{}", seen.told(), to.log_tail());
            }
        }
    }
}
