//! The doors of a test's server, each with a counter: who asked to log in, what was listened on,
//! and where the server connected to.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use ferry_accounts::Account;
use ferry_server::auth::{Authenticator, Login};
use ferry_server::net::{BoxFut, Link, Listener, Net, Purpose};
use ferry_server::tcp::Tcp;
use ferry_storage::Storage;

/// The account that may write.
pub(crate) const WRITER: &str = "writer";

/// The account that may only read.
pub(crate) const READER: &str = "reader";

/// The account that may write and have data moved between servers.
pub(crate) const PARTNER: &str = "partner";

/// The anonymous account, which may only read.
const ANONYMOUS: &str = "anonymous";

/// Lets the accounts above in; their password is the name and `'s password`.
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    storage: Arc<dyn Storage>,
    anonymous: bool,
    asked: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    badge: Mutex<Option<Vec<u8>>>,
    sessions_max: Mutex<Option<u32>>,
}

impl Doorkeeper {
    pub(crate) fn new(storage: Arc<dyn Storage>, anonymous: bool) -> Self {
        let (asked, badge, sessions_max) = Default::default();
        Self { storage, anonymous, asked, badge, sessions_max }
    }

    /// From now on each account may have this many sessions at once.
    pub(crate) fn allow(&self, sessions: u32) {
        *self.sessions_max.lock().unwrap() = Some(sessions);
    }

    /// Whoever shows this certificate may log in as the writer.
    pub(crate) fn know(&self, certificate: &[u8]) {
        *self.badge.lock().unwrap() = Some(certificate.to_vec());
    }

    fn entry(&self, name: &str) -> Login {
        Login {
            account: Arc::new(Account {
                anonymous: name == ANONYMOUS,
                sessions_max: *self.sessions_max.lock().unwrap(),
                fxp: name == PARTNER,
                ..Account::new(name, super::access_of(name))
            }),
            storage: Arc::clone(&self.storage),
            volumes: Arc::default(),
        }
    }

    /// Every name and password asked about since the last call.
    pub(crate) fn asked(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Authenticator for Doorkeeper {
    fn login<'a>(
        &'a self,
        user: &'a [u8],
        password: &'a [u8],
        _peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        let question = (user.to_vec(), password.to_vec());
        self.asked.lock().unwrap().push(question);
        let known = [WRITER, READER, PARTNER].iter().find(|name| {
            user == name.as_bytes() && password == format!("{name}'s password").as_bytes()
        });
        let anonymous = self.anonymous && user == ANONYMOUS.as_bytes();
        let name = known.copied().or_else(|| anonymous.then_some(ANONYMOUS));
        let login = name.map(|name| self.entry(name));
        Box::pin(std::future::ready(login))
    }

    fn recognise<'a>(
        &'a self,
        user: &'a [u8],
        certificate: &'a [u8],
        _peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        let known = self.badge.lock().unwrap().as_deref() == Some(certificate);
        let login = (known && user == WRITER.as_bytes()).then(|| self.entry(WRITER));
        Box::pin(std::future::ready(login))
    }

    fn welcomes_anonymous(&self) -> bool {
        self.anonymous
    }
}

/// The machine's network, which remembers what the server did with it.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    tcp: Tcp,
    connects: Mutex<Vec<SocketAddr>>,
}

impl Watched {
    /// Where the server tried to connect to since the last call.
    pub(crate) fn connects(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut self.connects.lock().unwrap())
    }
}

impl Net for Watched {
    fn listen(&self, at: SocketAddr, purpose: Purpose) -> std::io::Result<Box<dyn Listener>> {
        self.tcp.listen(at, purpose)
    }

    fn connect(
        &self,
        from: Option<SocketAddr>,
        to: SocketAddr,
    ) -> BoxFut<'_, std::io::Result<Box<dyn Link>>> {
        self.connects.lock().unwrap().push(to);
        self.tcp.connect(from, to)
    }
}
