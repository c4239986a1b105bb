//! The data connection and the first reply of the transfer, in whatever order they come, and what
//! it means when one of them does not.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use ferry_proto::client::fault::{self, Fault};
use ferry_proto::reply_reader::IncomingReply;
use tokio::time::{Instant, sleep_until};

use super::{Main, Running};
use crate::error::{Error, ErrorKind, Result};
use crate::net::Wire;
use crate::session::capabilities::Capabilities;
use crate::session::control::{Progress, Ticket};
use crate::session::{Session, refused};

/// How long data that came before its 1yz reply waits for it.
const DOWNLOAD_GRACE: Duration = Duration::from_millis(300);

/// How long an upload waits for a 1yz reply with its data connection ready: some servers send none.
const UPLOAD_GRACE: Duration = Duration::from_secs(5);

/// How long a data connection may take once the server has said that all is done.
const LATE_DATA_MAX: Duration = Duration::from_secs(3);

impl Session {
    /// Waits for the data connection and the 1yz reply, in whatever order they come.
    pub(super) async fn meet(
        &self,
        connecting: impl Future<Output = Result<Wire>>,
        mut ticket: Ticket,
        main: &Main<'_>,
    ) -> Result<Running> {
        let mut connecting = pin!(connecting);
        let mut wire: Option<Wire> = None;
        let mut early = None;
        let deflated = main.deflate;
        let mut grace: Option<Instant> = None;
        loop {
            if wire.is_some() && early.is_some() {
                return Ok(Running { wire, early, ticket, last: None, deflated });
            }
            let waits_for_data = !main.upload && grace.is_none();
            tokio::select! {
                biased;
                // Also behind 1yz: it may say that there will be no data connection.
                progress = ticket.next() => match progress? {
                    Progress::Early(reply) => early = Some(reply),
                    Progress::Last(reply) => {
                        let met = Running { wire, early, ticket, last: Some(reply), deflated };
                        return self.done_early(connecting, met, main).await;
                    }
                },
                () = readable(wire.as_mut()), if waits_for_data && wire.is_some() => {
                    grace = Some(Instant::now() + DOWNLOAD_GRACE);
                }
                made = &mut connecting, if wire.is_none() => match made {
                    Ok(made) => {
                        wire = Some(made);
                        if main.upload && self.0.known.read(Capabilities::pipelines_transfers) {
                            // The octets may go along with the last packet of the handshake: a
                            // refusal resets the connection, and its reply is heard all the same.
                            return Ok(Running { wire, early, ticket, last: None, deflated });
                        }
                        if main.upload {
                            grace = Some(Instant::now() + UPLOAD_GRACE.min(self.timeout() / 2));
                        }
                    }
                    Err(error) => return Err(self.no_data(error, ticket, main).await),
                },
                () = until(grace) => {
                    return Ok(Running { wire, early, ticket, last: None, deflated });
                }
            }
        }
    }

    /// The last reply came before the data connection was ready, or before any 1yz reply.
    async fn done_early(
        &self,
        connecting: std::pin::Pin<&mut impl Future<Output = Result<Wire>>>,
        mut met: Running,
        main: &Main<'_>,
    ) -> Result<Running> {
        let Some(reply) = met.last.take_if(|reply| reply.code >= 400 || met.wire.is_none()) else {
            return Ok(met);
        };
        if reply.code >= 400 {
            // Behind 1yz all may have come before it failed; what is there already is looked at.
            if met.early.is_some() && met.wire.is_none() {
                let now = tokio::time::timeout(Duration::ZERO, connecting).await;
                met.wire = now.ok().and_then(Result::ok);
            }
            if met.early.is_none() || met.wire.is_none() {
                return Err(self.transfer_refused(main, reply));
            }
            met.last = Some(reply);
            return Ok(met);
        }
        let wait = self.timeout().min(LATE_DATA_MAX);
        met.wire = match tokio::time::timeout(wait, connecting).await {
            Ok(Ok(wire)) => Some(wire),
            // It came about and failed: who knows what it would have brought. The reply stays out
            // of the error, where it would pass for the word that there is nothing to list.
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::Tls | ErrorKind::Certificate) => {
                return Err(error);
            }
            Ok(Err(_)) | Err(_) => None,
        };
        if met.wire.is_none() && !main.may_be_empty {
            let what = "the server reports success, but there was no data connection";
            return Err(Error::new(ErrorKind::Data, what).with_reply(reply));
        }
        met.last = Some(reply);
        Ok(met)
    }

    /// The data connection failed: what the server says of it tells more.
    async fn no_data(&self, error: Error, mut ticket: Ticket, main: &Main<'_>) -> Error {
        let wait = self.timeout().min(Duration::from_secs(15));
        let said = tokio::time::timeout(wait, ticket.last()).await;
        match said {
            Ok(Ok(reply)) if reply.code >= 400 => {
                let refusal = self.transfer_refused(main, reply);
                if refusal.kind() == ErrorKind::Data || refusal.kind() == ErrorKind::Truncated {
                    // Our side knows better why it did not come about.
                    return match refusal.reply() {
                        Some(reply) => error.with_reply(reply.clone()),
                        None => error,
                    };
                }
                refusal
            }
            Ok(Ok(_)) => error,
            Ok(Err(_)) => error,
            Err(_) => {
                self.0.control.kill(ErrorKind::Data, "no data connection could be made");
                error
            }
        }
    }

    fn transfer_refused(&self, main: &Main<'_>, reply: IncomingReply) -> Error {
        self.transfer_failed(main.verb, main.argument, reply)
    }

    /// The error of a transfer that the server says failed, and what is to be learned from it.
    pub(in crate::session) fn transfer_failed(
        &self,
        verb: &str,
        path: &[u8],
        reply: IncomingReply,
    ) -> Error {
        if fault::of(&reply) == Fault::NotResumed {
            // One session is enough for any number of connections in TLS 1.2.
            self.0.known.lock().tls12_only = true;
        }
        refused(verb, path, reply)
    }
}

/// Waits until there is something to read.
async fn readable(wire: Option<&mut Wire>) {
    match wire {
        Some(wire) => _ = poll_fn(|cx| wire.poll_readable(cx)).await,
        None => std::future::pending().await,
    }
}

pub(in crate::session) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
