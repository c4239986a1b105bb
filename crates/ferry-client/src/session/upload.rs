//! A file on its way to the server.

use std::fs::File;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ferry_proto::client::replies;
use ferry_proto::reply_reader::IncomingReply;
use ferry_proto::repr::FormatError;
use tokio::time::Instant;

use super::control::{Progress, Ticket};
use super::data::{Main, Running, until};
use super::deflated::Deflating;
use super::download::Failing;
use super::{Session, TypeCode};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{Burst, Failed, Wire};

/// How long the end of the data connection is waited for after the last octet.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// The same once the server has confirmed the file.
const CONFIRMED_CLOSE_MAX: Duration = Duration::from_secs(2);

/// What an upload does with what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UploadHow {
    /// STOR: the whole file anew.
    #[default]
    Create,
    /// REST and STOR: goes on from that octet.
    At(u64),
    /// RANG and STOR: as [`At`](Self::At), but what follows the octets sent stays, and the offset
    /// may be beyond the end, where the server means RANG so.
    Over(u64),
    /// APPE: behind what is there.
    Append,
    /// STOU: under a name that the server chooses.
    Unique,
}

/// A file being sent. Dropping it before [`finish`](Self::finish) resets the data connection, so
/// that the server cannot take what has arrived for the whole.
#[derive(Debug)]
pub struct Upload {
    session: Session,
    verb: &'static str,
    path: Vec<u8>,
    wire: Option<Wire>,
    /// In MODE Z; what is sent goes through it.
    deflating: Option<Box<Deflating>>,
    ticket: Ticket,
    early: Option<IncomingReply>,
    last: Option<IncomingReply>,
    /// Why no last reply will come.
    gone: Option<Error>,
    sent: u64,
    from: u64,
    /// Whether the file's length tells that all has arrived.
    measured: bool,
}

impl Session {
    /// Starts to send a file in TYPE I.
    ///
    /// # Errors
    /// What the server says; [`ErrorKind::Unsupported`] where it cannot start in the middle.
    pub async fn upload(&self, path: &[u8], how: UploadHow) -> Result<Upload> {
        self.upload_as(path, how, TypeCode::Image).await
    }

    /// As [`upload`](Self::upload) in another type.
    ///
    /// # Errors
    /// As `upload`.
    pub async fn upload_as(&self, path: &[u8], how: UploadHow, code: TypeCode) -> Result<Upload> {
        let (verb, from) = match how {
            UploadHow::Create => ("STOR", 0),
            UploadHow::At(from) | UploadHow::Over(from) => ("STOR", from),
            UploadHow::Append => ("APPE", 0),
            UploadHow::Unique => ("STOU", 0),
        };
        let main = Main {
            verb,
            argument: if how == UploadHow::Unique { b"" } else { path },
            code: code.letter(),
            from,
            ranged: matches!(how, UploadHow::Over(_)),
            upload: true,
            may_be_empty: false,
            // RANG is for TYPE I in MODE S alone.
            deflate: self.compresses(path) && !matches!(how, UploadHow::Over(_)),
        };
        let Running { wire, early, ticket, last, deflated } = self.open(&main).await?;
        let level = self.0.settings.compress.level();
        Ok(Upload {
            session: self.clone(),
            verb,
            path: path.to_vec(),
            wire,
            deflating: deflated.then(|| Box::new(Deflating::new(level))),
            ticket,
            early,
            last,
            gone: None,
            sent: 0,
            from,
            measured: code == TypeCode::Image && !matches!(how, UploadHow::Over(_)),
        })
    }
}

impl Upload {
    /// Whether octets go from the file to the connection as they are, without a buffer in between.
    pub(crate) fn is_straight(&self) -> bool {
        self.deflating.is_none()
    }

    /// Whether the server has begun to take the file, as it says.
    pub(crate) fn is_taken(&self) -> bool {
        self.early.is_some()
    }

    /// How many octets were sent; in MODE Z, of the file.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Waits for the server's word that it takes the file.
    ///
    /// # Errors
    /// What the server says instead.
    pub(crate) async fn begun(&mut self) -> Result<()> {
        while self.early.is_none() && self.last.is_none() {
            match self.ticket.next().await? {
                Progress::Early(reply) => self.early = Some(reply),
                Progress::Last(reply) => self.last = Some(reply),
            }
        }
        match self.last.take() {
            Some(reply) => Err(self.stopped(reply)),
            None => Ok(()),
        }
    }

    /// Sends these octets.
    ///
    /// # Errors
    /// What the server says if it stops reading, [`ErrorKind::Timeout`] after a silence.
    pub async fn write(&mut self, octets: &[u8]) -> Result<()> {
        if self.deflating.is_none() {
            self.send(octets).await?;
        }
        let mut rest = octets;
        while let Some(deflating) = &mut self.deflating
            && !rest.is_empty()
        {
            let piece = deflating.push(&mut rest).map_err(misused)?;
            if let Some(piece) = piece {
                self.send(&piece).await?;
            }
        }
        self.sent += octets.len() as u64;
        Ok(())
    }

    /// Puts these octets on the data connection.
    async fn send(&mut self, octets: &[u8]) -> Result<()> {
        if let Some(reply) = self.last.take() {
            return Err(self.stopped(reply));
        }
        let patience = self.session.0.settings.timeout;
        let mut written = 0;
        // Piece by piece, so that the time-out is one of silence, not of slowness.
        while let Some(rest) = octets.get(written..).filter(|rest| !rest.is_empty()) {
            let piece = rest.get(..rest.len().min(64 * 1024)).unwrap_or(rest);
            match self.write_piece(piece, patience).await {
                End::Written(Ok(Ok(()))) => written += piece.len(),
                End::Written(Ok(Err(_))) => return Err(self.broken().await),
                End::Written(Err(_)) => return Err(self.untaken()),
                End::Last(reply) => return Err(self.stopped(reply)),
                End::Gone(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes while listening: the server may end the transfer first.
    async fn write_piece(&mut self, piece: &[u8], patience: Duration) -> End {
        let Some(wire) = &mut self.wire else {
            return End::Gone(Error::new(ErrorKind::Closed, "the data connection is closed"));
        };
        let mut writing = pin!(tokio::time::timeout(patience, wire.write_all(piece)));
        loop {
            tokio::select! {
                result = &mut writing => return End::Written(result),
                progress = self.ticket.next() => match progress {
                    Ok(Progress::Early(reply)) => self.early = Some(reply),
                    Ok(Progress::Last(reply)) => return End::Last(reply),
                    Err(error) => return End::Gone(error),
                },
            }
        }
    }

    /// Sends what is in `file` from octet `at` on, at most `max` octets, and says how many they
    /// were; 0 means that the file ends there.
    pub(crate) async fn write_from_file(
        &mut self,
        file: &Arc<File>,
        at: u64,
        max: u64,
    ) -> Result<u64, Failing> {
        loop {
            self.hear().await;
            if let Some(reply) = self.last.take() {
                return Err(self.stopped(reply).into());
            }
            if let Some(error) = self.gone.take() {
                return Err(error.into());
            }
            let Some(mut wire) = self.wire.take() else {
                return Err(Error::new(ErrorKind::Closed, "the data connection is closed").into());
            };
            let from = Arc::clone(file);
            let job = move || {
                let burst = wire.send_from(&from, at, max);
                (wire, burst)
            };
            let Ok((wire, burst)) = tokio::task::spawn_blocking(job).await else {
                return Err(Error::new(ErrorKind::Closed, "this program is ending").into());
            };
            self.wire = Some(wire);
            match burst {
                Ok(Burst { octets: 0, end: None }) => {}
                Ok(Burst { octets, .. }) => {
                    self.sent += octets;
                    return Ok(octets);
                }
                Err(Failed::Wire(_)) => return Err(self.broken().await.into()),
                Err(Failed::File(e)) => return Err(Failing::File(e)),
            }
            self.until_writable().await?;
        }
    }

    /// Waits for room while listening.
    async fn until_writable(&mut self) -> Result<()> {
        let patience = self.session.0.settings.timeout;
        let Some(wire) = &self.wire else { return Ok(()) };
        let mut ready = pin!(tokio::time::timeout(patience, wire.until_writable()));
        loop {
            let hears = self.last.is_none() && self.gone.is_none();
            tokio::select! {
                ready = &mut ready => match ready {
                    // What is wrong with it, writing will tell.
                    Ok(_) => return Ok(()),
                    Err(_) => break,
                },
                progress = self.ticket.next(), if hears => match progress {
                    Ok(Progress::Early(reply)) => self.early = Some(reply),
                    Ok(Progress::Last(reply)) => {
                        self.last = Some(reply);
                        return Ok(());
                    }
                    Err(error) => {
                        self.gone = Some(error);
                        return Ok(());
                    }
                },
            }
        }
        Err(self.untaken())
    }

    /// Nothing was taken for as long as anybody waits.
    fn untaken(&self) -> Error {
        let what = "the server has not taken data for too long";
        self.session.0.control.kill(ErrorKind::Timeout, what);
        Error::new(ErrorKind::Timeout, what)
    }

    /// The server ended the transfer while there was more to send.
    fn stopped(&mut self, reply: IncomingReply) -> Error {
        self.reset();
        if reply.code >= 400 {
            return self.session.transfer_failed(self.verb, &self.path, reply);
        }
        let what = "the server took the file for complete before it was";
        Error::new(ErrorKind::Truncated, what).with_reply(reply)
    }

    /// Writing failed: the last reply says why, if it comes.
    async fn broken(&mut self) -> Error {
        self.reset();
        match self.last_reply().await {
            Ok(reply) if reply.code >= 400 => {
                self.session.transfer_failed(self.verb, &self.path, reply)
            }
            Ok(reply) => {
                Error::new(ErrorKind::Truncated, "the data connection broke off").with_reply(reply)
            }
            Err(error) => error,
        }
    }

    fn reset(&mut self) {
        if let Some(wire) = self.wire.take() {
            wire.reset();
        }
    }

    async fn last_reply(&mut self) -> Result<IncomingReply> {
        if let Some(reply) = self.last.take() {
            return Ok(reply);
        }
        let waiting = async {
            loop {
                match self.ticket.next().await? {
                    Progress::Early(reply) => self.early = Some(reply),
                    Progress::Last(reply) => return Ok(reply),
                }
            }
        };
        match tokio::time::timeout(self.session.0.settings.timeout, waiting).await {
            Ok(reply) => reply,
            Err(_) => {
                let what = "the server does not confirm the transfer";
                self.session.0.control.kill(ErrorKind::Timeout, what);
                Err(Error::new(ErrorKind::Timeout, what))
            }
        }
    }

    /// Ends the file and waits for the server's word that it has it. Gives the reply, which after
    /// STOU names the file.
    ///
    /// # Errors
    /// The server's refusal, or an end of the connection that leaves open what it has.
    pub async fn finish(mut self) -> Result<IncomingReply> {
        self.conclude().await
    }

    /// As [`finish`](Self::finish), for who wants to ask about it afterwards.
    pub(crate) async fn conclude(&mut self) -> Result<IncomingReply> {
        while let Some(deflating) = &mut self.deflating {
            match deflating.finish().map_err(misused)? {
                Some(piece) => self.send(&piece).await?,
                None => break,
            }
        }
        let ended = match self.wire.take() {
            Some(mut wire) => Box::pin(self.end_data(&mut wire)).await,
            None => true,
        };
        let reply = match self.gone.take() {
            Some(error) => Err(error),
            None => self.last_reply().await,
        };
        match reply {
            Ok(reply) if reply.code >= 400 => {
                Err(self.session.transfer_failed(self.verb, &self.path, reply))
            }
            Ok(reply) if ended => Ok(reply),
            // Whatever it says: the last octets may never have reached it.
            Ok(reply) => match self.is_all_there().await {
                true => Ok(reply),
                false => Err(Error::new(
                    ErrorKind::Truncated,
                    "the data connection broke off at the end of the file",
                )),
            },
            Err(error) => Err(error),
        }
    }

    /// Closes the data connection and waits for the server to do so, unless its last word makes
    /// that pointless. Whether all went well.
    async fn end_data(&mut self, wire: &mut Wire) -> bool {
        self.hear().await;
        // A server that reports success before it was told of the end has not waited for it.
        let too_soon = self.last.is_some();
        let close = CLOSE_MAX.min(self.session.0.settings.timeout);
        let mut ending = pin!(wire.finish_write(close));
        let mut deadline = None;
        loop {
            let hears = self.last.is_none() && self.gone.is_none();
            tokio::select! {
                ended = &mut ending => return ended.is_ok() && !too_soon,
                progress = self.ticket.next(), if hears => match progress {
                    Ok(Progress::Early(reply)) => self.early = Some(reply),
                    Ok(Progress::Last(reply)) => {
                        let refused = reply.code >= 400;
                        self.last = Some(reply);
                        if refused {
                            return false;
                        }
                        deadline = Some(Instant::now() + CONFIRMED_CLOSE_MAX);
                    }
                    Err(error) => {
                        self.gone = Some(error);
                        return false;
                    }
                },
                () = until(deadline) => return !too_soon,
            }
        }
    }

    /// Takes the replies that are there.
    async fn hear(&mut self) {
        while self.last.is_none() {
            tokio::select! {
                biased;
                progress = self.ticket.next() => match progress {
                    Ok(Progress::Early(reply)) => self.early = Some(reply),
                    Ok(Progress::Last(reply)) => self.last = Some(reply),
                    Err(error) => {
                        self.gone = Some(error);
                        return;
                    }
                },
                () = std::future::ready(()) => return,
            }
        }
    }

    async fn is_all_there(&self) -> bool {
        if !self.measured || self.verb != "STOR" {
            return false;
        }
        let reply = self.session.ask("SIZE", &self.path).await;
        reply.ok().filter(|reply| reply.code == 213).and_then(|reply| replies::size(&reply))
            == Some(self.from + self.sent)
    }

    /// Ends the transfer by ABOR. What the server does with what has arrived is its own business.
    ///
    /// # Errors
    /// The session is gone.
    pub async fn abort(mut self) -> Result<()> {
        self.reset();
        if self.last.is_some() {
            return Ok(());
        }
        self.session.0.control.abort().await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.reset();
    }
}

/// Compressing fails for nothing that is in a file.
fn misused(error: FormatError) -> Error {
    Error::new(ErrorKind::Local, "the file could not be compressed").with_source(error)
}

enum End {
    Written(std::result::Result<std::io::Result<()>, tokio::time::error::Elapsed>),
    Last(IncomingReply),
    Gone(Error),
}
