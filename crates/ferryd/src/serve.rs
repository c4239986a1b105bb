//! From a checked set of decisions to a running server and back to a clean end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ferry_server::options::{Listen, NameCharset, Options};
use ferry_server::tcp::Tcp;
use ferry_server::{Server, Setup, VirtualHost};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::auth::TableAuth;
use crate::certs::Identity;
use crate::clock::SystemClock;
use crate::homes::Homes;
use crate::log::Lines;
use crate::nofile::{self, Cap};

/// How long transfers may go on after the first signal.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// All that is needed to serve, checked: homes are open, certificates loaded, hashes parsed.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) options: Options,
    /// Whether the operator named the number of sessions.
    pub(crate) sessions_named: bool,
    pub(crate) auth: Arc<TableAuth>,
    pub(crate) identity: Option<Identity>,
    pub(crate) hosts: Vec<HostPlan>,
    pub(crate) homes: Homes,
}

/// What is different on a virtual host.
#[derive(Debug)]
pub(crate) struct HostPlan {
    pub(crate) names: Vec<String>,
    pub(crate) banner: Vec<String>,
    pub(crate) charset: Option<NameCharset>,
    pub(crate) auth: Arc<TableAuth>,
    pub(crate) identity: Option<Identity>,
}

impl HostPlan {
    fn host(&self) -> VirtualHost {
        VirtualHost {
            names: self.names.clone(),
            banner: self.banner.clone(),
            charset: self.charset,
            auth: Arc::<TableAuth>::clone(&self.auth),
            tls: self.identity.as_ref().map(|identity| identity.setup.clone()),
        }
    }
}

impl Plan {
    /// Raises the limit on open files and lowers the number of sessions to what it allows, which
    /// is worth a warning where more were asked for by name.
    pub(crate) fn fit_to_open_files(&mut self) {
        let (files, wanted) = (nofile::raise(), self.options.limits.sessions);
        let limit = files.unwrap_or(u64::MAX);
        match nofile::cap(wanted, self.sessions_named, files) {
            Cap::Enough => {}
            Cap::Idle { transfers } => info!(
                "{wanted} sessions, of which {transfers} can transfer at a time, because open \
                 files are limited to {limit}"
            ),
            Cap::Fewer(sessions) => {
                self.options.limits.sessions = sessions;
                if self.sessions_named {
                    warn!(
                        "{sessions} sessions instead of {wanted}: open files are limited to {limit}"
                    );
                } else {
                    info!("at most {sessions} sessions, because open files are limited to {limit}");
                }
            }
        }
    }

    /// Binds the listeners of the plan; nothing is accepted yet. Can be tried again with others.
    pub(crate) fn bind(&self, listen: Vec<Listen>) -> io::Result<Server> {
        let options = Options { listen, ..self.options.clone() };
        Server::bind(Setup {
            options,
            net: Arc::new(Tcp::new()),
            auth: Arc::<TableAuth>::clone(&self.auth),
            tls: self.identity.as_ref().map(|identity| identity.setup.clone()),
            hosts: self.hosts.iter().map(HostPlan::host).collect(),
            clock: Arc::new(SystemClock),
            observer: Arc::new(Lines::default()),
            seed: getrandom::u64()?,
        })
    }

    /// Removes what uploads of an earlier run left behind when they were killed. Uploads of this
    /// run are locked, so a large tree is swept while it is already being served.
    pub(crate) async fn sweep(&self) {
        let homes: Vec<_> = self.homes.all().map(Arc::clone).collect();
        let sweeping = tokio::spawn(async move {
            for home in homes {
                let gone = home.clean().await;
                if gone > 0 {
                    info!("removed {gone} unfinished uploads of an earlier run");
                }
            }
        });
        let _ = tokio::time::timeout(SWEEP_WAIT, sweeping).await;
    }
}

/// How long the first log-in waits for the sweep: long enough for a small tree to be clean before
/// anyone sees it.
const SWEEP_WAIT: Duration = Duration::from_secs(2);

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As asked; every session has ended.
    Gracefully,
    /// A second signal came before the last session had ended.
    Cut,
}

/// Serves until SIGINT or SIGTERM, then lets transfers finish for [`GRACE`]; a second signal ends
/// everything at once.
pub(crate) async fn until_stopped(server: Server) -> io::Result<Ended> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let handle = server.handle();
    let mut running = pin!(server.run());
    tokio::select! {
        () = &mut running => return Ok(Ended::Gracefully),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    match handle.sessions() {
        1 => info!("stopping; 1 session is open"),
        open => info!("stopping; {open} sessions are open"),
    }
    handle.shut_down(GRACE);
    tokio::select! {
        () = &mut running => Ok(Ended::Gracefully),
        _ = interrupt.recv() => Ok(Ended::Cut),
        _ = terminate.recv() => Ok(Ended::Cut),
    }
}
