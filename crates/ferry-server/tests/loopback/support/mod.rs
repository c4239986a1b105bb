//! What the loopback tests share: a server of its own for each test, clients that block with
//! time-outs, and everything that may be asked about afterwards (events, connections, log-ins).

mod client;
mod doors;
mod heard;
mod tls;
mod trees;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use ferry_accounts::Access;
use ferry_proto::date::UnixTime;
use ferry_server::net::Net;
use ferry_server::options::{Listen, ListenTls, Options};
use ferry_server::tls::ClientCertificates;
use ferry_server::{Handle, Server, Setup};
use ferry_storage::Storage;
use ferry_storage::local::LocalDir;
use ferry_storage::memory::Memory;
use rustls_pki_types::CertificateDer;
use testkit::StoppedClock;
use tokio::runtime::Runtime;

#[allow(unused_imports, reason = "the tests of conformance name it")]
pub(crate) use self::client::Wire;
pub(crate) use self::client::{Client, PATIENCE, Reply, connect_from, until_end};
pub(crate) use self::doors::{Doorkeeper, PARTNER, READER, WRITER, Watched};
pub(crate) use self::heard::Heard;
use self::tls::certified_asking;
pub(crate) use self::tls::{Badge, Certified, Signer, TlsPeer, certified, over_tls};
pub(crate) use self::trees::{Outside, snapshot};

/// A server under test. Each has a loopback address of its own, so that the passive ports of tests
/// that run side by side are never mixed up.
pub(crate) struct Site {
    pub(crate) at: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) heard: Arc<Heard>,
    pub(crate) net: Arc<Watched>,
    pub(crate) auth: Arc<Doorkeeper>,
    pub(crate) certified: Option<Certified>,
    runtime: Option<Runtime>,
}

/// What a server is to be like; `Default` serves an empty memory without TLS.
pub(crate) struct Blueprint {
    pub(crate) options: Options,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) anonymous: bool,
    pub(crate) tls: bool,
    pub(crate) trusted: Option<Vec<CertificateDer<'static>>>,
    pub(crate) implicit: bool,
    /// Whether clients are asked for a certificate.
    pub(crate) clients: Option<ClientCertificates>,
    pub(crate) ip: IpAddr,
}

impl Default for Blueprint {
    fn default() -> Self {
        let mut options = Options::default();
        let limits = &mut options.limits;
        limits.close = Duration::from_secs(1);
        limits.data_connect = PATIENCE / 2;
        limits.handshake = PATIENCE / 2;
        limits.stall = PATIENCE / 2;
        options.default_data_port = false;
        Self {
            options,
            storage: Arc::new(Memory::new()),
            anonymous: false,
            tls: false,
            trusted: None,
            implicit: false,
            clients: None,
            ip: fresh_address(),
        }
    }
}

impl Blueprint {
    /// Serves this directory.
    pub(crate) fn of_dir(root: &Path) -> Self {
        Self::of(Arc::new(LocalDir::open(root).unwrap()))
    }

    /// Serves this storage.
    pub(crate) fn of(storage: Arc<dyn Storage>) -> Self {
        Self { storage, ..Self::default() }
    }

    /// With a certificate.
    pub(crate) fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Where it is TLS client of other servers, only of those with these certificates.
    pub(crate) fn trusting(mut self, certs: Vec<CertificateDer<'static>>) -> Self {
        self.trusted = Some(certs);
        self
    }

    /// With other options.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Starts it.
    pub(crate) fn build(self) -> Site {
        let Self { mut options, storage, anonymous, tls, trusted, implicit, clients, ip } = self;
        options.listen = vec![Listen {
            at: SocketAddr::new(ip, 0),
            tls: if implicit { ListenTls::Implicit } else { ListenTls::Explicit },
        }];
        let certified = tls.then(|| certified_asking(clients.as_ref()));
        let (heard, net) = (Arc::new(Heard::default()), Arc::new(Watched::default()));
        let auth = Arc::new(Doorkeeper::new(storage, anonymous));
        let setup = Setup {
            options,
            net: Arc::<Watched>::clone(&net) as Arc<dyn Net>,
            auth: Arc::<Doorkeeper>::clone(&auth),
            tls: certified.as_ref().map(|c| match trusted {
                Some(certs) => c.setup.clone().with_partners(certs).unwrap(),
                None => c.setup.clone(),
            }),
            hosts: Vec::new(),
            clock: Arc::new(StoppedClock(UnixTime::from_secs(1_780_000_000))),
            observer: Arc::<Heard>::clone(&heard),
            seed: RandomState::new().build_hasher().finish(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let server = {
            let _inside = runtime.enter();
            Server::bind(setup).unwrap()
        };
        let (at, handle) = (server.addresses()[0], server.handle());
        runtime.spawn(server.run());
        Site { at, handle, heard, net, auth, certified, runtime: Some(runtime) }
    }
}

impl Site {
    /// A client that has read the greeting.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.at)
    }

    /// A client logged in under the account that may write, in TYPE I.
    pub(crate) fn writer(&self) -> Client {
        let mut client = self.client();
        client.log_in(WRITER);
        client.ok("TYPE I", 200);
        client
    }

    /// A client under TLS, logged in, with private data connections, in TYPE I.
    pub(crate) fn private_writer(&self, peer: &Arc<TlsPeer>) -> Client {
        self.private(WRITER, peer)
    }

    /// The same under another account.
    pub(crate) fn private(&self, name: &str, peer: &Arc<TlsPeer>) -> Client {
        let mut client = self.client();
        client.secure(peer);
        client.log_in(name);
        client.ok("PBSZ 0", 200);
        client.ok("PROT P", 200);
        client.ok("TYPE I", 200);
        client
    }

    /// Waits until no session is left.
    pub(crate) fn wait_until_empty(&self) {
        self.heard.poll("no session left", || self.handle.sessions() == 0);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.handle.shut_down(Duration::ZERO);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What the account `boss` sees: its access, by name.
pub(crate) fn access_of(name: &str) -> Access {
    if name == WRITER || name == PARTNER { Access::ReadWrite } else { Access::ReadOnly }
}

/// A loopback address that no other test, nor another run of them, is likely to use.
pub(crate) fn fresh_address() -> IpAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let run = u8::try_from(std::process::id() % 100).unwrap();
    IpAddr::V4(Ipv4Addr::new(127, 100 + run, n[0] + 1, n[1].max(1)))
}

/// A listening socket of the test's own.
pub(crate) fn listen_at(ip: IpAddr) -> TcpListener {
    TcpListener::bind(SocketAddr::new(ip, 0)).unwrap()
}

/// Whether nobody has connected. Whoever did so before the last reply came is already queued, as a
/// loopback connection is made within `connect`.
pub(crate) fn nobody_came(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    let came: std::io::Result<(TcpStream, SocketAddr)> = listener.accept();
    came.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
}
