//! A server of Ferry's own in this process, for tests of the client.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ferry_accounts::{Access, Account};
use ferry_client::settings::Trust;
use ferry_client::{Secret, Security, Settings, Site};
use ferry_proto::date::UnixTime;
use ferry_server::auth::{Authenticator, Login};
use ferry_server::events::Quiet;
use ferry_server::net::BoxFut;
use ferry_server::options::{Listen, ListenTls, Options};
use ferry_server::tcp::Tcp;
use ferry_server::tls::TlsSetup;
use ferry_server::{Handle, Server, Setup, WallClock};
use ferry_storage::Storage;
use tokio::task::JoinHandle;

/// A running server; dropping it ends it.
pub(crate) struct Host {
    pub(crate) at: SocketAddr,
    handle: Handle,
    running: JoinHandle<()>,
}

impl Host {
    /// Serves a storage in the clear, to anyone.
    pub(crate) fn serve(storage: Arc<dyn Storage>) -> Self {
        Self::serve_at(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), storage)
    }

    /// The same at a certain address.
    pub(crate) fn serve_at(at: SocketAddr, storage: Arc<dyn Storage>) -> Self {
        Self::serve_so(at, Arc::new(Everyone::of(storage)), None, |_| {})
    }

    /// The same with a certificate or without, and more is said by `tweak`.
    pub(crate) fn serve_with(
        storage: Arc<dyn Storage>,
        tls: Option<TlsSetup>,
        tweak: impl FnOnce(&mut Options),
    ) -> Self {
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self::serve_so(at, Arc::new(Everyone::of(storage)), tls, tweak)
    }

    /// Serves a storage to anyone, of whom so many sessions are let in.
    pub(crate) fn serve_few(storage: Arc<dyn Storage>, sessions_max: u32) -> Self {
        let auth = Everyone { sessions_max: Some(sessions_max), ..Everyone::of(storage) };
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self::serve_so(at, Arc::new(auth), None, |_| {})
    }

    /// Serves a storage to anyone, who may also have data moved to and from other servers; more is
    /// said by `tweak`.
    pub(crate) fn among_servers(
        at: IpAddr,
        storage: Arc<dyn Storage>,
        tls: Option<TlsSetup>,
        tweak: impl FnOnce(&mut Options),
    ) -> Self {
        let auth = Arc::new(Everyone { fxp: true, ..Everyone::of(storage) });
        Self::serve_so(SocketAddr::new(at, 0), auth, tls, |options| {
            options.fxp = true;
            tweak(options);
        })
    }

    fn serve_so(
        at: SocketAddr,
        auth: Arc<Everyone>,
        tls: Option<TlsSetup>,
        tweak: impl FnOnce(&mut Options),
    ) -> Self {
        let mut options =
            Options { listen: vec![Listen { at, tls: ListenTls::Explicit }], ..Options::default() };
        options.default_data_port = false;
        options.limits.per_address = 1000;
        tweak(&mut options);
        let setup = Setup {
            options,
            net: Arc::new(Tcp::default()),
            auth,
            tls,
            hosts: Vec::new(),
            clock: Arc::new(Today),
            observer: Arc::new(Quiet),
            seed: RandomState::new().build_hasher().finish(),
        };
        let server = Server::bind(setup).unwrap();
        let (at, handle) = (server.addresses()[0], server.handle());
        let running = tokio::spawn(server.run());
        Self { at, handle, running }
    }

    /// Ends it, and returns when its port is free.
    pub(crate) async fn end(mut self) {
        self.handle.shut_down(Duration::ZERO);
        (&mut self.running).await.unwrap();
    }

    /// How to get there.
    pub(crate) fn site(&self) -> Site {
        Site {
            port: Some(self.at.port()),
            user: Some(b"pat".to_vec()),
            password: Some(Secret::new("secret")),
            security: Security::Plain,
            ..Site::new(self.at.ip().to_string())
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.handle.shut_down(Duration::ZERO);
    }
}

/// Settings of a test.
pub(crate) fn settings() -> Settings {
    Settings { trust: Trust::Any, timeout: Duration::from_secs(20), ..Settings::default() }
}

#[derive(Debug)]
struct Everyone {
    storage: Arc<dyn Storage>,
    fxp: bool,
    sessions_max: Option<u32>,
}

impl Everyone {
    fn of(storage: Arc<dyn Storage>) -> Self {
        Self { storage, fxp: false, sessions_max: None }
    }
}

impl Authenticator for Everyone {
    fn login<'a>(
        &'a self,
        user: &'a [u8],
        _password: &'a [u8],
        _peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        let login = Login {
            account: Arc::new(Account {
                fxp: self.fxp,
                sessions_max: self.sessions_max,
                ..Account::new(String::from_utf8_lossy(user).into_owned(), Access::ReadWrite)
            }),
            storage: Arc::clone(&self.storage),
            volumes: Arc::default(),
        };
        Box::pin(std::future::ready(Some(login)))
    }

    fn welcomes_anonymous(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Today;

impl WallClock for Today {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(1_780_000_000)
    }
}
