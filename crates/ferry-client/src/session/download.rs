//! A file on its way here.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferry_proto::client::transfer::{Ended, Verdict, judge};
use ferry_proto::client::{fault, replies};
use ferry_proto::reply_reader::IncomingReply;
use ferry_proto::repr::FormatError;
use ferry_storage::FsError;

use super::capabilities::Known;
use super::control::{Progress, Ticket};
use super::data::{Main, Running};
use super::deflated::Inflating;
use super::{Session, TypeCode};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{Burst, Received, Wire};

/// The shortest wait for the last reply: servers that write to slow disks take their time.
const LAST_MIN: Duration = Duration::from_millis(100);

/// How long data may still come once the server has said that the transfer failed: what is under
/// way may make the file whole all the same.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How long a listing may stay without a single octet once the server has said that all is sent.
/// Some make no use of the data connection where there is nothing to list.
const AFTER_NOTHING: Duration = Duration::from_secs(3);

/// How much more than it is known to have a file may bring in MODE Z, beside as much again: it may
/// grow while it is read, but a few octets of a stream can be made to expand to any number.
const GROWTH_MAX: u64 = 16 << 20;

/// A file being received. Dropping it before the end closes the data connection; the session goes
/// on as soon as the server has noticed.
#[derive(Debug)]
pub struct Download {
    session: Session,
    verb: &'static str,
    from: u64,
    wire: Option<Wire>,
    /// In MODE Z; what came on the wire goes through it.
    inflating: Option<Box<Inflating>>,
    ticket: Ticket,
    early: Option<IncomingReply>,
    last: Option<IncomingReply>,
    /// Why no last reply will come.
    gone: Option<Error>,
    /// What must come in this transfer.
    size: Option<u64>,
    received: u64,
    whole: bool,
    may_be_empty: bool,
    /// The end that a burst has found behind the last octets.
    ended: Option<Ended>,
    /// Of bursts.
    buf: Vec<u8>,
}

/// What failed where a connection and a file of this machine are moved between.
#[derive(Debug)]
pub(crate) enum Failing {
    /// The transfer.
    Transfer(Error),
    /// The file of this machine.
    File(io::Error),
}

impl From<Error> for Failing {
    fn from(error: Error) -> Self {
        Self::Transfer(error)
    }
}

impl From<Failing> for FsError {
    fn from(failing: Failing) -> Self {
        match failing {
            Failing::Transfer(error) => error.into(),
            Failing::File(error) => match rustix::io::Errno::from_io_error(&error) {
                Some(errno) => errno.into(),
                None => Self::Io(error),
            },
        }
    }
}

impl Session {
    /// Starts to receive a file from octet `from` on, in TYPE I.
    ///
    /// # Errors
    /// What the server says; [`ErrorKind::Unsupported`] where it cannot start in the middle.
    pub async fn download(&self, path: &[u8], from: u64) -> Result<Download> {
        self.download_as(path, from, TypeCode::Image).await
    }

    /// As [`download`](Self::download) in another type; text has no offsets on most servers.
    ///
    /// # Errors
    /// As `download`.
    pub async fn download_as(&self, path: &[u8], from: u64, code: TypeCode) -> Result<Download> {
        let main = Main {
            verb: "RETR",
            argument: path,
            code: code.letter(),
            from,
            ranged: false,
            upload: false,
            may_be_empty: false,
            deflate: self.compresses(path),
        };
        let running = self.open(&main).await?;
        let mut download = Download::new(self.clone(), &main, running);
        if from == 0 && code == TypeCode::Image {
            let size = download.early.as_ref().and_then(replies::transfer_size);
            // "(0 bytes)" is also said by servers that do not know.
            download.size = size.filter(|size| *size > 0);
        }
        Ok(download)
    }
}

impl Download {
    pub(super) fn new(session: Session, main: &Main<'_>, running: Running) -> Self {
        let Running { wire, early, ticket, last, deflated } = running;
        Self {
            session,
            verb: main.verb,
            from: main.from,
            wire,
            inflating: deflated.then(|| Box::new(Inflating::new(main.verb == "MLSD"))),
            ticket,
            early,
            last,
            gone: None,
            size: None,
            received: 0,
            whole: false,
            may_be_empty: main.may_be_empty,
            ended: None,
            buf: Vec::new(),
        }
    }

    /// How many octets must come in this transfer, where the server or the caller said so.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Says how many octets must come, as a listing or SIZE had it; fewer are then an error even
    /// if the server reports success.
    pub fn expect(&mut self, size: u64) {
        self.size = Some(size);
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Whether octets go from the connection to the file as they are, without a buffer in between.
    pub(crate) fn is_straight(&self) -> bool {
        self.inflating.is_none()
    }

    /// How many octets have come; in MODE Z, of the file.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next octets, as many as are there, at most `buf.len()`. 0 (for a buffer that is not
    /// empty) means that the whole file is here, and that this is proved.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] after a silence, [`ErrorKind::Truncated`] where the whole is not
    /// proved, or what the server said.
    pub async fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        if self.whole || buf.is_empty() {
            return Ok(0);
        }
        let ended = loop {
            let n = self.inflated(buf)?;
            if n > 0 {
                return Ok(n);
            }
            let patience = self.patience();
            let Some(wire) = &mut self.wire else {
                break Ended::Properly;
            };
            let hears = self.last.is_none() && self.gone.is_none();
            let into = self.inflating.as_mut().map_or(&mut *buf, |inflating| inflating.room());
            tokio::select! {
                biased;
                received = tokio::time::timeout(patience, wire.read(into)) => match received {
                    Ok(Ok(Received::Bytes(n))) => {
                        if let Some(inflating) = &mut self.inflating {
                            inflating.filled(n);
                            continue;
                        }
                        self.received += n as u64;
                        return Ok(n);
                    }
                    Ok(Ok(Received::Eof)) => break Ended::Properly,
                    Ok(Ok(Received::Truncated) | Err(_)) => break Ended::CutOff,
                    Err(_) if self.is_nothing() => break Ended::Properly,
                    // The control connection is in order; it knows of the end already.
                    Err(_) if !hears => break Ended::CutOff,
                    Err(_) => return Err(self.silent()),
                },
                // It may say that no data will come, or be gone, long before silence would tell.
                progress = self.ticket.next(), if hears => self.heard(progress),
            }
        };
        self.finish(ended).await?;
        self.whole = true;
        Ok(0)
    }

    /// What MODE Z makes of what has come; 0 where more must come.
    fn inflated(&mut self, buf: &mut [u8]) -> Result<usize> {
        let Some(inflating) = &mut self.inflating else { return Ok(0) };
        match inflating.take(buf) {
            Ok(n) => {
                self.received += n as u64;
                let most = self.size.map(|size| size.saturating_mul(2).saturating_add(GROWTH_MAX));
                if most.is_none_or(|most| self.received <= most) {
                    return Ok(n);
                }
                self.wire = None;
                let what = "the compressed data expands far beyond the size of the file";
                Err(Error::new(ErrorKind::Mismatch, what))
            }
            Err(error) => {
                self.wire = None;
                if error == FormatError::BadDeflate && !inflating.has_made() {
                    // It says MODE Z and does something else: it is not asked for that again.
                    self.session.0.known.lock().deflate = Known::No;
                    let what = "the server does not compress as it says (MODE Z)";
                    return Err(Error::new(ErrorKind::Data, what).with_source(error));
                }
                let what = "the compressed data is damaged";
                Err(Error::new(ErrorKind::Protocol, what).with_source(error))
            }
        }
    }

    /// Writes what comes next to `file`, `max` octets at most, where both are of this machine. 0
    /// means that the whole file is here, as with [`read`](Self::read).
    pub(crate) async fn read_to_file(
        &mut self,
        file: &Arc<File>,
        max: u64,
    ) -> Result<u64, Failing> {
        if self.whole || max == 0 {
            return Ok(0);
        }
        let ended = loop {
            if let Some(ended) = self.ended.take() {
                break ended;
            }
            let patience = self.patience();
            let Some(wire) = &self.wire else {
                break Ended::Properly;
            };
            let hears = self.last.is_none() && self.gone.is_none();
            tokio::select! {
                biased;
                ready = tokio::time::timeout(patience, wire.until_readable()) => match ready {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => break Ended::CutOff,
                    Err(_) if !hears => break Ended::CutOff,
                    Err(_) => return Err(Failing::Transfer(self.silent())),
                },
                progress = self.ticket.next(), if hears => {
                    self.heard(progress);
                    continue;
                }
            }
            let Some(mut wire) = self.wire.take() else {
                break Ended::Properly;
            };
            let (to, mut buf) = (Arc::clone(file), std::mem::take(&mut self.buf));
            let job = move || {
                let burst = wire.receive_to(&to, &mut buf, max);
                (wire, buf, burst)
            };
            let Ok((wire, buf, burst)) = tokio::task::spawn_blocking(job).await else {
                break Ended::CutOff; // the runtime is at its end
            };
            (self.wire, self.buf) = (Some(wire), buf);
            let Burst { octets, end } = burst.map_err(Failing::File)?;
            self.received += octets;
            self.ended = end.map(|end| match end {
                Received::Eof => Ended::Properly,
                _ => Ended::CutOff,
            });
            if octets > 0 {
                return Ok(octets);
            }
        };
        self.finish(ended).await?;
        self.whole = true;
        Ok(0)
    }

    fn heard(&mut self, progress: Result<Progress>) {
        match progress {
            Ok(Progress::Early(reply)) => self.early = Some(reply),
            Ok(Progress::Last(reply)) => self.last = Some(reply),
            Err(error) => self.gone = Some(error),
        }
    }

    /// In whatever state the server is, it cannot be asked.
    fn silent(&mut self) -> Error {
        let what = "no data came for too long";
        self.session.0.control.kill(ErrorKind::Timeout, what);
        self.wire = None;
        Error::new(ErrorKind::Timeout, what)
    }

    /// How long data may stay away.
    fn patience(&self) -> Duration {
        let timeout = self.session.timeout();
        match &self.last {
            Some(reply) if reply.code >= 400 => timeout.min(AFTER_FAILURE),
            Some(_) if self.may_be_empty && self.received == 0 => timeout.min(AFTER_NOTHING),
            None if self.gone.is_some() => timeout.min(AFTER_FAILURE),
            _ => timeout,
        }
    }

    /// Whether the server says that there is nothing to list, and has sent nothing.
    fn is_nothing(&self) -> bool {
        let succeeded = self.last.as_ref().is_some_and(|reply| reply.code < 300);
        self.may_be_empty && self.received == 0 && succeeded
    }

    /// The end of the data connection is here: waits for the last reply and judges both.
    async fn finish(&mut self, ended: Ended) -> Result<()> {
        self.wire = None;
        let mut silence = self.gone.take();
        if self.last.is_none() && silence.is_none() {
            match self.last_reply().await {
                Ok(reply) => self.last = Some(reply),
                Err(error) => silence = Some(error),
            }
        }
        let code = self.last.as_ref().map(|reply| reply.code);
        let verdict = match &self.inflating {
            None => judge(self.size, self.received, ended, code),
            // The end of the stream is the sender's word, however the connection ends.
            Some(inflating) if inflating.is_whole() => {
                judge(self.size, self.received, Ended::Properly, code)
            }
            Some(inflating) if inflating.is_plain() || self.is_nothing_at_all(inflating) => {
                judge(self.size, self.received, ended, code)
            }
            // Without its end a stream is no proof of anything, though the size be right.
            Some(_) if code.is_some_and(|code| code >= 400) => Verdict::Refused,
            Some(_) => Verdict::Truncated,
        };
        if self.may_be_empty
            && let Some(reply) = self.last.take_if(|reply| fault::is_unread_listing(reply))
        {
            let what = "the server could not read the directory";
            return Err(Error::new(ErrorKind::Listing, what).with_reply(reply));
        }
        match (verdict, silence) {
            (Verdict::Whole, None) => Ok(()),
            (Verdict::Whole, Some(_)) => {
                self.session.status("The server has not confirmed the transfer; its size is right");
                Ok(())
            }
            (Verdict::Longer, _) if self.from > 0 => {
                let what = "more came than is left of the file: it was not sent from there on";
                Err(Error::new(ErrorKind::Mismatch, what))
            }
            (Verdict::Longer, _) => {
                self.session.status("More came than the server had announced");
                Ok(())
            }
            (Verdict::Refused, _) if self.may_be_empty && self.is_empty_listing() => Ok(()),
            (Verdict::Refused, _) => Err(match self.last.clone() {
                Some(reply) => self.session.transfer_failed(self.verb, b"", reply),
                None => self.truncated(ended),
            }),
            (_, Some(error)) => Err(error),
            (_, None) => Err(self.truncated(ended)),
        }
    }

    /// Whether there is no stream because there is nothing to be in it. Even nothing makes a stream
    /// of eight octets, but not every server takes that trouble.
    fn is_nothing_at_all(&self, inflating: &Inflating) -> bool {
        inflating.is_untouched() && (self.may_be_empty || self.size == Some(0))
    }

    fn is_empty_listing(&self) -> bool {
        self.received == 0 && self.last.as_ref().is_some_and(fault::is_empty_listing)
    }

    async fn last_reply(&mut self) -> Result<IncomingReply> {
        let patience = self.session.timeout().max(LAST_MIN);
        let waiting = async {
            loop {
                match self.ticket.next().await? {
                    Progress::Early(reply) => self.early = Some(reply),
                    Progress::Last(reply) => return Ok(reply),
                }
            }
        };
        match tokio::time::timeout(patience, waiting).await {
            Ok(reply) => reply,
            Err(_) => {
                let what = "the server does not confirm the transfer";
                self.session.0.control.kill(ErrorKind::Timeout, what);
                Err(Error::new(ErrorKind::Timeout, what))
            }
        }
    }

    fn truncated(&self, ended: Ended) -> Error {
        let what = match (self.size, ended) {
            (Some(size), _) => format!("{} of {size} octets came", self.received),
            (None, _) => {
                format!("the connection broke off after {} octets, size unknown", self.received)
            }
        };
        Error::new(ErrorKind::Truncated, what)
    }

    /// Ends the transfer by ABOR (RFC 959 §4.1.3). The session is usable afterwards, or gone.
    ///
    /// # Errors
    /// The session is gone.
    pub async fn abort(mut self) -> Result<()> {
        if self.whole || self.last.is_some() {
            return Ok(());
        }
        // Closing first wakes servers that do not look at the control connection meanwhile.
        self.wire = None;
        self.session.0.control.abort().await
    }
}
