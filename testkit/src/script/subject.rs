//! What conversations are held with: anything that can be started on a [`Stage`]. [`Ferry`] is the
//! real engine; tests of this crate bring small ones of their own.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferry_accounts::{Access, Account};
use ferry_server::auth::{Authenticator, Login, Volume};
use ferry_server::events::Quiet;
use ferry_server::net::BoxFut;
use ferry_server::{Server, Setup, VirtualHost};
use ferry_storage::memory::Memory;
use tokio::task::JoinHandle;

use super::stage::{NOW, Stage, User, VirtualStage};
use crate::StoppedClock;

/// How long a server that was asked to end may take over transfers.
pub const GRACE: Duration = Duration::from_secs(10);

/// A server that can be started on a stage.
pub trait Subject: fmt::Debug {
    /// Starts it; when this returns, a client can connect. Called inside the runtime.
    ///
    /// # Errors
    /// It cannot be started.
    fn start(&self, stage: &Stage) -> io::Result<Running>;
}

/// A server that runs.
#[non_exhaustive]
pub struct Running {
    /// Ends when the server has ended.
    pub task: JoinHandle<()>,
    /// Asks it to end.
    pub stop: Box<dyn Fn()>,
    /// How many sessions it has.
    pub sessions: Box<dyn Fn() -> u32>,
}

impl Running {
    /// A running server.
    #[must_use]
    pub fn new(task: JoinHandle<()>, stop: Box<dyn Fn()>, sessions: Box<dyn Fn() -> u32>) -> Self {
        Self { task, stop, sessions }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("sessions", &(self.sessions)()).finish_non_exhaustive()
    }
}

/// The engine of `ferry-server`, without TLS.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Ferry;

impl Subject for Ferry {
    fn start(&self, stage: &Stage) -> io::Result<Running> {
        let server = Server::bind(Setup {
            options: stage.options.clone(),
            net: Arc::new(stage.net.clone()),
            auth: Arc::new(Accounts::of(stage)),
            tls: None,
            hosts: stage.hosts.iter().map(virtual_host).collect(),
            clock: Arc::new(StoppedClock(NOW)),
            observer: Arc::new(Quiet),
            seed: stage.seed,
        })?;
        let (stop, sessions) = (server.handle(), server.handle());
        Ok(Running::new(
            tokio::spawn(server.run()),
            Box::new(move || stop.shut_down(GRACE)),
            Box::new(move || sessions.sessions()),
        ))
    }
}

fn virtual_host(stage: &VirtualStage) -> VirtualHost {
    VirtualHost {
        names: vec![stage.name.clone()],
        banner: vec![stage.banner.clone()],
        charset: stage.charset,
        auth: Arc::new(Accounts {
            users: vec![stage.user.clone()],
            anonymous: false,
            storage: Arc::clone(&stage.storage),
        }),
        tls: None,
    }
}

/// The users of a stage; passwords are compared as they are.
#[derive(Debug)]
struct Accounts {
    users: Vec<User>,
    anonymous: bool,
    storage: Arc<Memory>,
}

impl Accounts {
    fn of(stage: &Stage) -> Self {
        Self {
            users: stage.users.clone(),
            anonymous: stage.anonymous,
            storage: Arc::clone(&stage.storage),
        }
    }

    fn account(&self, name: &[u8], password: &[u8]) -> Option<Account> {
        if self.anonymous && (name == b"anonymous" || name == b"ftp") {
            return Some(Account {
                anonymous: true,
                ..Account::new("anonymous", Access::ReadOnly)
            });
        }
        let user = self.users.iter().find(|u| u.name.as_bytes() == name)?;
        let access = if user.writes { Access::ReadWrite } else { Access::ReadOnly };
        (user.password == password).then(|| Account {
            home: user.home.clone(),
            admin: user.admin,
            charset: user.charset,
            fxp: user.fxp,
            acct: user.acct.as_ref().map(|(until, _)| *until),
            ..Account::new(user.name.clone(), access)
        })
    }

    fn volumes(&self, name: &str) -> Arc<[Volume]> {
        let user = self.users.iter().find(|u| u.name == name);
        let volume = |(name, storage): &(String, Arc<Memory>)| Volume {
            name: name.clone(),
            storage: Arc::<Memory>::clone(storage),
        };
        user.map(|u| u.volumes.iter().map(volume).collect()).unwrap_or_default()
    }
}

impl Authenticator for Accounts {
    fn login<'a>(
        &'a self,
        user: &'a [u8],
        password: &'a [u8],
        _peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        let login = self.account(user, password).map(|account| {
            let storage: Arc<dyn ferry_storage::Storage> = Arc::<Memory>::clone(&self.storage);
            let volumes = self.volumes(&account.name);
            Login { account: Arc::new(account), storage, volumes }
        });
        Box::pin(std::future::ready(login))
    }

    fn account<'a>(&'a self, account: &'a Account, info: &'a [u8]) -> BoxFut<'a, bool> {
        let user = self.users.iter().find(|u| u.name == account.name);
        let wanted = user.and_then(|u| u.acct.as_ref());
        Box::pin(std::future::ready(wanted.is_some_and(|(_, wanted)| wanted == info)))
    }

    fn welcomes_anonymous(&self) -> bool {
        self.anonymous
    }

    fn sets_created(&self) -> bool {
        true
    }
}
