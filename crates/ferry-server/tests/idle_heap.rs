//! What an idle session costs: this is the budget that lets one process hold a million.

#![allow(clippy::unwrap_used, reason = "helpers of a test panic as the test does")]

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ferry_accounts::{Access, Account};
use ferry_proto::date::UnixTime;
use ferry_server::auth::{Authenticator, Login};
use ferry_server::events::Quiet;
use ferry_server::net::BoxFut;
use ferry_server::options::{Limits, Listen, ListenTls, Options};
use ferry_server::tcp::Tcp;
use ferry_server::{Server, Setup};
use ferry_storage::Storage;
use ferry_storage::memory::Memory;
use testkit::{StoppedClock, heap};

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

/// The budget of one idle session, in octets of heap, all told.
const BUDGET: usize = 1024;

const SESSIONS: usize = 400;

#[derive(Debug)]
struct Everyone(Arc<Account>, Arc<dyn Storage>);

impl Authenticator for Everyone {
    fn login<'a>(&'a self, _: &'a [u8], _: &'a [u8], _: IpAddr) -> BoxFut<'a, Option<Login>> {
        let login = Login {
            account: Arc::clone(&self.0),
            storage: Arc::clone(&self.1),
            volumes: Arc::default(),
        };
        Box::pin(std::future::ready(Some(login)))
    }

    fn welcomes_anonymous(&self) -> bool {
        false
    }
}

fn setup() -> Setup {
    let account = Account::new("alice", Access::ReadWrite);
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    Setup {
        options: Options {
            listen: vec![Listen { at: any, tls: ListenTls::Explicit }],
            limits: Limits { per_address: 10_000, ..Limits::default() },
            ..Options::default()
        },
        net: Arc::new(Tcp::new()),
        auth: Arc::new(Everyone(Arc::new(account), Arc::new(Memory::new()))),
        tls: None,
        hosts: Vec::new(),
        clock: Arc::new(StoppedClock(UnixTime::from_secs(0))),
        observer: Arc::new(Quiet),
        seed: 1,
    }
}

/// Logs in, uses the session a little, and leaves it idle.
fn idle_session(at: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"USER alice\r\nPASS x\r\nTYPE I\r\nPWD\r\nFEAT\r\nNOOP\r\n").unwrap();
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    while !line.starts_with("200 Ok") {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the server closed");
    }
    stream
}

#[test]
fn an_idle_session_holds_less_than_a_kibibyte_of_heap() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let server = Server::bind(setup()).unwrap();
    let (at, handle) = (server.addresses()[0], server.handle());
    let running = runtime.spawn(server.run());

    // The first sessions pay for what all share: thread-local caches, slabs, tables.
    let mut sessions: Vec<TcpStream> = (0..SESSIONS).map(|_| idle_session(at)).collect();
    let before = heap::held();
    sessions.reserve(SESSIONS);
    let reserved = heap::held() - before;
    sessions.extend((0..SESSIONS).map(|_| idle_session(at)));
    let each = (heap::held() - before - reserved) / SESSIONS;
    assert!(each <= BUDGET, "an idle session holds {each} octets of heap");
    assert!(each > 300, "{each} octets: the sessions are not there, the test measures nothing");

    drop(sessions);
    handle.shut_down(Duration::ZERO);
    runtime.block_on(running).unwrap();
}
