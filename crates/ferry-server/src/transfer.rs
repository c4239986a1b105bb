//! One transfer from its data connection to its end: move, close, commit. The control connection
//! is not touched here; a transfer is told to stop by its [`Job::stop`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_proto::repr::Representation;
use ferry_proto::server::End;
use ferry_storage::{BoxFut, FsError};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connecting::{Broken, Connection};
use crate::events::{Event, SessionId};
use crate::listing::Listing;
use crate::opened::{Opened, Ready, UploadSink};
use crate::ops::failure;
use crate::pump::{self, CloseNotify, PeerEnd, PumpError};
use crate::server::Shared;
use crate::tls::Channel;
use crate::wire::Wire;

/// A transfer about to start.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) connection: Connection,
    pub(crate) ready: Ready,
    pub(crate) representation: Representation,
    pub(crate) moved: Arc<AtomicU64>,
    pub(crate) stop: Arc<Notify>,
}

/// A transfer that is over.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) end: End,
    pub(crate) took: std::time::Duration,
    /// Whether TLS was on, and if so whether it resumed.
    pub(crate) tls: Option<bool>,
    /// What went wrong, for a person.
    pub(crate) why: Option<String>,
}

impl From<PumpError> for Broken {
    fn from(error: PumpError) -> Self {
        let end = match &error {
            PumpError::Stopped => End::Aborted,
            PumpError::Truncated => End::Truncated,
            PumpError::Storage(e) => End::Storage(failure(e)),
            _ => End::Broken,
        };
        let why = match &error {
            PumpError::Storage(e) => e.to_string(),
            PumpError::Peer(e) => format!("{error}: {e}"),
            PumpError::Tls(e) => format!("{error}: {e}"),
            _ => error.to_string(),
        };
        Self { end, why }
    }
}

/// Runs a transfer to its end, whatever that is.
pub(crate) async fn run(job: Job) -> Done {
    let started = Instant::now();
    let mut resumed = None;
    let end = carry_out(job, &mut resumed).await;
    let (end, why) = match end {
        Ok(()) => (End::Complete, None),
        Err(Broken { end, why }) => (end, Some(why)),
    };
    Done { end, took: started.elapsed(), tls: resumed, why }
}

async fn carry_out(job: Job, resumed: &mut Option<bool>) -> Result<(), Broken> {
    let Job { connection, ready, representation, moved, stop } = job;
    let channel =
        if matches!(ready.opened, Opened::Upload(_)) { Channel::Upload } else { Channel::Download };
    let connected = tokio::select! {
        biased;
        () = stop.notified() => Err(Broken::stopped()),
        connected = Box::pin(connection.establish(channel, resumed)) => connected,
    };
    let Connection { shared, session, via, .. } = connection;
    // One connection is taken on a passive port; from then on it is closed to everyone.
    drop(via);
    let mut wire = match connected {
        Ok(wire) => wire,
        Err(broken) => {
            give_up(ready.opened, 0).await;
            return Err(broken);
        }
    };
    match ready.opened {
        Opened::Upload(sink) => {
            let upload = Upload { shared: &shared, session, representation, moved: &moved };
            upload.run(wire, sink, &stop).await
        }
        download => {
            let sent = tokio::select! {
                biased;
                () = stop.notified() => Err(Broken::stopped()),
                sent = Box::pin(send(&shared, &mut wire, download, representation, &moved)) => sent,
            };
            if sent.is_err() {
                wire.abort();
            }
            sent
        }
    }
}

/// Ends what was opened for a transfer that did not happen or broke off. An upload of which
/// nothing arrived leaves nothing behind.
async fn give_up(opened: Opened, moved: u64) {
    if let Opened::Upload(UploadSink(sink)) = opened
        && moved != 0
    {
        // Nothing more can be done about a partial file that cannot be kept.
        let _ = sink.abandon().await;
    }
}

async fn send(
    shared: &Shared,
    wire: &mut Wire,
    opened: Opened,
    representation: Representation,
    moved: &AtomicU64,
) -> Result<(), Broken> {
    let limits = &shared.options.limits;
    match opened {
        Opened::File { source, after_cr } => {
            let encoder = representation.encoder_after(after_cr);
            pump::send_file(wire, source, encoder, moved, limits.stall).await?;
        }
        Opened::Listing(mut listing) => {
            pump::send_lines(wire, &mut listing, moved, limits.stall).await?;
        }
        Opened::Upload(_) => {}
    }
    match pump::finish(wire, limits.stall, limits.close).await? {
        // Without TLS a reset means that the peer did not want, or did not get, all of it. Under
        // TLS many clients close without reading our close_notify, which looks the same.
        PeerEnd::Reset if !wire.is_tls() => {
            Err(Broken::new(End::Broken, "the peer reset the data connection"))
        }
        _ => Ok(()),
    }
}

impl pump::Lines for Listing {
    fn next<'a>(&'a mut self, out: &'a mut Vec<u8>) -> BoxFut<'a, Result<bool, FsError>> {
        Box::pin(self.next_chunk(out))
    }
}

struct Upload<'a> {
    shared: &'a Shared,
    session: SessionId,
    representation: Representation,
    moved: &'a AtomicU64,
}

impl Upload<'_> {
    async fn run(&self, mut wire: Wire, sink: UploadSink, stop: &Notify) -> Result<(), Broken> {
        let UploadSink(mut sink) = sink;
        let options = &self.shared.options;
        let policy =
            if options.strict_close_notify { CloseNotify::Strict } else { CloseNotify::Lenient };
        let stall = options.limits.stall;
        let receive = pump::receive_file(
            &mut wire,
            &mut *sink,
            self.representation,
            self.moved,
            stall,
            policy,
            stop,
        );
        let received = Box::pin(receive).await.map_err(Broken::from);
        match received {
            Ok(upload) => {
                if upload.truncated {
                    let what = "an upload's TLS connection ended without close_notify; accepted";
                    self.shared.observer.on(self.session, &Event::Noticed { what });
                }
                sink.commit().await.map_err(|e| PumpError::Storage(e).into())
            }
            Err(broken) => {
                wire.abort();
                give_up(Opened::Upload(UploadSink(sink)), self.moved.load(Ordering::Relaxed)).await;
                Err(broken)
            }
        }
    }
}
