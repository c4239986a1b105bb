//! A server we are connected to: the engine's storage over a pool of sessions, and what goes
//! beyond a storage.

use std::sync::Arc;

use ferry_client::error::Result;
use ferry_client::{Error, ErrorKind, Settings, Site};
use ferry_proto::path::FtpPath;
use ferry_proto::reply_reader::IncomingReply;
use ferry_storage::Storage;

/// Clones are the same pool.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    storage: Arc<dyn Storage>,
    home: FtpPath,
}

#[allow(clippy::unused_async, reason = "they wait as soon as there is someone to wait for")]
impl Link {
    /// Connects and logs in.
    pub(crate) async fn connect(site: Site, settings: Settings) -> Result<Self> {
        let _ = (site, settings);
        Err(Error::new(ErrorKind::Unsupported, "servers cannot be reached yet"))
    }

    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }

    /// The directory right after log-in.
    pub(crate) fn home(&self) -> &FtpPath {
        &self.home
    }

    /// Sends a command as it is and waits for its last reply.
    pub(crate) async fn command(&self, line: &[u8]) -> Result<IncomingReply> {
        let _ = line;
        Err(Error::new(ErrorKind::Unsupported, "servers cannot be reached yet"))
    }

    /// Says goodbye on every session.
    pub(crate) async fn close(&self) {}
}
