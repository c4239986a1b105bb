//! One transfer from its data connection to its end: move, close, commit. The control connection
//! is not touched here; a transfer is told to stop by its [`Job::stop`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_proto::repr::FormatError;
use ferry_proto::server::End;
use ferry_storage::{BoxFut, FsError};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::connecting::{Broken, Connection};
use crate::events::{Event, SessionId};
use crate::kept::Kept;
use crate::listing::Listing;
use crate::opened::{Opened, Ready, Upload};
use crate::ops::failure;
use crate::pace::Pace;
use crate::pump::{
    self, Ahead, CloseNotify, Encoding, Flow, Marked, PeerEnd, PumpError, Receiving,
};
use crate::server::Shared;
use crate::tls::Channel;
use crate::wire::Wire;

/// The data connection of a transfer.
#[derive(Debug)]
pub(crate) enum Data {
    /// It has to be made.
    New(Connection),
    /// The last transfer left it open.
    Kept(Kept),
}

/// A transfer about to start.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) shared: Arc<Shared>,
    pub(crate) session: SessionId,
    pub(crate) data: Data,
    /// Whether the data connection stays open behind a whole file.
    pub(crate) keep: bool,
    pub(crate) ready: Ready,
    pub(crate) moved: Arc<AtomicU64>,
    pub(crate) pace: Pace,
    /// Where the restart markers of an upload go, if some can come.
    pub(crate) marks: Option<mpsc::Sender<Marked>>,
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
    /// The data connection, if it is still open.
    pub(crate) kept: Option<Kept>,
}

impl From<PumpError> for Broken {
    fn from(error: PumpError) -> Self {
        let end = match &error {
            PumpError::Stopped => End::Aborted,
            PumpError::Truncated => End::Truncated,
            PumpError::Format(e) => End::Format(*e),
            PumpError::Storage(e) => End::Storage(failure(e)),
            _ => End::Broken,
        };
        let why = match &error {
            PumpError::Storage(e) => e.to_string(),
            PumpError::Format(e) => format!("{error}: {e}"),
            PumpError::Peer(e) => format!("{error}: {e}"),
            PumpError::Tls(e) => format!("{error}: {e}"),
            _ => error.to_string(),
        };
        Self { end, why }
    }
}

/// A data connection that is there.
struct Made {
    wire: Wire,
    ahead: Ahead,
    tls: Option<bool>,
}

/// Runs a transfer to its end, whatever that is.
pub(crate) async fn run(job: Job) -> Done {
    let started = Instant::now();
    let expires_after = job.shared.options.limits.stall;
    let mut tls = None;
    let end = carry_out(job, &mut tls).await;
    let (end, why, made) = match end {
        Ok(None) => (End::Complete, None, None),
        Ok(Some(made)) => (End::Kept, None, Some(made)),
        Err(Broken { end, why }) => (end, Some(why), None),
    };
    let kept = made.map(|Made { wire, ahead, tls }| {
        let expires = Instant::now() + expires_after;
        Kept { wire, ahead, tls, expires }
    });
    Done { end, took: started.elapsed(), tls, why, kept }
}

/// The data connection afterwards, if it stays open.
async fn carry_out(job: Job, tls: &mut Option<bool>) -> Result<Option<Made>, Broken> {
    let Job { shared, session, data, keep, ready, moved, pace, marks, stop } = job;
    let flow = Flow::new(&moved, shared.options.limits.stall, pace);
    let upload = matches!(ready.opened, Opened::Upload(_));
    let channel = if upload { Channel::Upload } else { Channel::Download };
    let made = tokio::select! {
        biased;
        () = stop.notified() => Err(Broken::stopped()),
        made = Box::pin(make(data, channel, tls)) => made,
    };
    let mut made = match made {
        Ok(made) => made,
        Err(broken) => {
            give_up(ready.opened, 0).await;
            return Err(broken);
        }
    };
    *tls = made.tls;
    match ready.opened {
        Opened::Upload(upload) => {
            let receive = Receive {
                shared: &shared,
                session,
                keep,
                moved: &moved,
                marks: marks.as_ref(),
                stop: &stop,
            };
            receive.run(made, upload, flow).await
        }
        download => {
            let send = send(&shared, &mut made.wire, download, keep, flow);
            let sent = tokio::select! {
                biased;
                () = stop.notified() => Err(Broken::stopped()),
                sent = Box::pin(send) => sent,
            };
            match sent {
                Ok(()) => Ok(keep.then_some(made)),
                Err(broken) => {
                    made.wire.abort();
                    Err(broken)
                }
            }
        }
    }
}

/// The data connection, made if it has to be. One connection is taken on a passive port; from then
/// on it is closed to everyone.
async fn make(data: Data, channel: Channel, tls: &mut Option<bool>) -> Result<Made, Broken> {
    match data {
        Data::Kept(Kept { wire, ahead, tls, .. }) => Ok(Made { wire, ahead, tls }),
        Data::New(connection) => {
            let wire = connection.establish(channel, tls).await?;
            Ok(Made { wire, ahead: Ahead::default(), tls: *tls })
        }
    }
}

/// Ends what was opened for a transfer that did not happen or broke off. An upload of which
/// nothing arrived leaves nothing behind.
async fn give_up(opened: Opened, moved: u64) {
    if let Opened::Upload(Upload { sink, .. }) = opened
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
    keep: bool,
    mut flow: Flow<'_>,
) -> Result<(), Broken> {
    let limits = &shared.options.limits;
    match opened {
        Opened::File(source, encoder) => {
            let markers = shared.options.coding.markers;
            let encoding = encoder.map(|encoder| Encoding { encoder, markers });
            pump::send_file(wire, source, encoding, &mut flow).await?;
        }
        Opened::Listing(mut listing, mut encoder) => {
            let encoder = encoder.as_deref_mut();
            pump::send_lines(wire, &mut *listing, encoder, &mut flow).await?;
        }
        Opened::Upload(_) => {}
    }
    if keep {
        return Ok(());
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

struct Receive<'a> {
    shared: &'a Shared,
    session: SessionId,
    keep: bool,
    moved: &'a AtomicU64,
    marks: Option<&'a mpsc::Sender<Marked>>,
    stop: &'a Notify,
}

impl Receive<'_> {
    async fn run(
        &self,
        mut made: Made,
        upload: Upload,
        flow: Flow<'_>,
    ) -> Result<Option<Made>, Broken> {
        let mut upload = upload;
        match self.receive(&mut made, &mut upload, flow).await {
            Ok(rest) => {
                upload.sink.finish(rest).await.map_err(PumpError::Storage)?;
                Ok(self.keep.then_some(made))
            }
            Err(broken) => {
                made.wire.abort();
                give_up(Opened::Upload(upload), self.moved.load(Ordering::Relaxed)).await;
                Err(broken.into())
            }
        }
    }

    async fn receive(
        &self,
        made: &mut Made,
        upload: &mut Upload,
        flow: Flow<'_>,
    ) -> Result<Vec<u8>, PumpError> {
        let options = &self.shared.options;
        let policy =
            if options.strict_close_notify { CloseNotify::Strict } else { CloseNotify::Lenient };
        let mut from = Receiving { wire: &mut made.wire, flow, policy, stop: self.stop };
        let Upload { sink, decoder, marks } = upload;
        let (rest, truncated) = match decoder {
            None => {
                let received = Box::pin(pump::receive_file(from, &mut **sink)).await?;
                (received.rest, received.truncated)
            }
            Some(decoder) => {
                let marks = self.marks.filter(|_| *marks);
                let ahead = &mut made.ahead;
                let receiving = pump::decode_file(&mut from, &mut **sink, decoder, ahead, marks);
                let decoded = Box::pin(receiving).await?;
                if decoded.suspect {
                    self.notice("the peer doubts some of the octets it sent (suspect data)");
                }
                if !self.keep {
                    if !made.ahead.is_empty() {
                        return Err(FormatError::TrailingData.into());
                    }
                    self.close(&mut made.wire, decoded.ended).await?;
                }
                (decoded.rest, decoded.truncated)
            }
        };
        if truncated {
            self.notice("an upload's TLS connection ended without close_notify; accepted");
        }
        Ok(rest)
    }

    /// Our end of the connection, and a look at whether the peer's follows its file.
    async fn close(&self, wire: &mut Wire, ended: bool) -> Result<(), PumpError> {
        let limits = &self.shared.options.limits;
        // Best effort: the peer may be gone already, and has lost nothing if it is.
        let _ = tokio::time::timeout(limits.stall, wire.close_write()).await;
        if ended {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = self.stop.notified() => Err(PumpError::Stopped),
            end = pump::nothing_more(wire, limits.close) => end,
        }
    }

    fn notice(&self, what: &str) {
        self.shared.observer.on(self.session, &Event::Noticed { what });
    }
}
