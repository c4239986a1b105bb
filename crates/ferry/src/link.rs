//! A server we are connected to: the engine's storage over a pool of sessions, and what goes
//! beyond a storage.

use std::sync::Arc;

use ferry_client::error::Result;
use ferry_client::remote::Remote;
use ferry_client::{Settings, Site};
use ferry_proto::path::FtpPath;
use ferry_proto::reply_reader::IncomingReply;
use ferry_storage::Storage;

use crate::text::Text;

/// Whether many files will be moved.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Many<'a> {
    None,
    /// To the server.
    To,
    /// From the server, from below this path.
    From(&'a [u8]),
}

/// Clones are the same pool.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    remote: Remote,
    /// One and the same for all, so that two places can be told to be on one server.
    storage: Arc<dyn Storage>,
}

impl Link {
    /// Connects and logs in, for what is said of `many` files.
    pub(crate) async fn connect(site: Site, settings: Settings, many: Many<'_>) -> Result<Self> {
        let remote = match many {
            Many::None => Remote::connect(site, settings).await?,
            Many::To => Remote::connect_for_many(site, settings, true).await?,
            Many::From(path) => Remote::connect_for_tree(site, settings, path).await?,
        };
        Ok(Self { storage: Arc::new(remote.clone()), remote })
    }

    /// The engine's end of it.
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }

    /// The same files as text.
    pub(crate) fn text(&self) -> Arc<dyn Storage> {
        Arc::new(Text(self.remote.clone()))
    }

    /// The directory right after log-in.
    pub(crate) fn home(&self) -> &FtpPath {
        self.remote.home()
    }

    /// Sends a command as it is and waits for its last reply.
    pub(crate) async fn command(&self, line: &[u8]) -> Result<IncomingReply> {
        self.remote.command(line).await
    }

    /// Says goodbye on every session.
    pub(crate) async fn close(&self) {
        self.remote.close().await;
    }
}
