//! Reading commands and performing what the machine makes of them, in order.

use std::io;
use std::sync::Arc;

use ferry_proto::command::{CommandError, is_foreign_first_octet};
use ferry_proto::line::{LineEvent, LineReader};
use ferry_proto::server::Action;
use ferry_proto::verb::Verb;
use tokio::time::timeout;

use super::{BROKE, CLOSED, Control, Gone, Work};
use crate::events::Event;
use crate::tls::{Channel, SessionTls};
use crate::wire::Received;

/// Octets read from the control connection at a time.
const READ_CHUNK: usize = 4096;

/// Replies gathered before they are sent while more commands wait.
pub(super) const REPLIES_GATHERED: usize = 16 << 10;

/// Why a connection ended that should have become one under TLS.
const NO_HANDSHAKE: &str = "the TLS handshake failed";

/// Reads after which other sessions of the same thread get their turn.
const READS_IN_A_ROW: usize = 8;

impl Control {
    pub(super) async fn read_and_obey(&mut self, work: &mut Work) -> Result<(), Gone> {
        for reads in 1_usize.. {
            let limit = self.shared.line_limit();
            while let Some(event) = work.input.next(&mut self.lines, limit) {
                self.obey(work, event).await?;
            }
            if work.eof {
                self.flush(work).await?;
                // Under TLS the end of a connection is said, whoever began it (RFC 8446 §6.1).
                self.close().await;
                return Err(Gone(CLOSED));
            }
            if !self.read(work)? {
                break;
            }
            self.perform(work).await?;
            // Commands that never stop coming must not keep the thread from other sessions.
            if reads.is_multiple_of(READS_IN_A_ROW) {
                tokio::task::yield_now().await;
                // Nor do they put off the time by which one must have logged in.
                if !self.machine.is_logged_in() && self.is_overdue() {
                    break;
                }
            }
        }
        self.flush(work).await
    }

    /// Reads once; whether there was anything.
    pub(super) fn read(&mut self, work: &mut Work) -> Result<bool, Gone> {
        let mut chunk = [0; READ_CHUNK];
        let room = work.input.room().min(READ_CHUNK);
        match self.wire.try_read(chunk.get_mut(..room).unwrap_or_default()) {
            Ok(Received::Bytes(n)) => {
                let got = chunk.get(..n).unwrap_or_default();
                if self.fresh && got.first().copied().is_some_and(is_foreign_first_octet) {
                    let mut actions = Vec::new();
                    self.machine.foreign(&mut actions);
                    work.actions.extend(actions);
                }
                self.fresh &= n == 0;
                work.input.push(got);
                Ok(true)
            }
            Ok(Received::Eof | Received::Truncated) => {
                work.eof = true;
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(_) => Err(Gone(BROKE)),
        }
    }

    pub(super) async fn obey(&mut self, work: &mut Work, event: LineEvent) -> Result<(), Gone> {
        let mut actions = Vec::new();
        match event {
            LineEvent::Line(line) => {
                let word = line.split(|&b| b == b' ').next().unwrap_or_default();
                let verb = Verb::find(word);
                if let Some(verb) = verb {
                    self.place.slot().seen.say(verb);
                }
                if verb.is_some_and(|v| v.info().data) {
                    self.look_at_kept();
                    // A peer that has already finished sending gets no more data connections
                    // (docs/protocol.md), so its end is looked for first.
                    while !work.eof && work.input.room() > 0 && self.read(work)? {}
                    if work.eof {
                        self.flush(work).await?;
                        self.close().await;
                        return Err(Gone(CLOSED));
                    }
                }
                let rules = self.shared.hosts.rules(self.host);
                let line = self.said(&line);
                self.machine.command(&line, rules, 0, &mut actions);
            }
            LineEvent::TooLong => {
                let rules = self.shared.hosts.rules(self.host);
                self.machine.bad_line(CommandError::TooLong, rules, &mut actions);
            }
            LineEvent::Nul => {
                let rules = self.shared.hosts.rules(self.host);
                self.machine.bad_line(CommandError::Nul, rules, &mut actions);
            }
            LineEvent::Answer(octets) => work.replies.extend_from_slice(&octets),
        }
        work.actions.extend(actions);
        self.perform(work).await?;
        if work.replies.len() > REPLIES_GATHERED { self.flush(work).await } else { Ok(()) }
    }

    pub(super) async fn flush(&mut self, work: &mut Work) -> Result<(), Gone> {
        work.held = None;
        if work.replies.is_empty() {
            return Ok(());
        }
        let stall = self.shared.options.limits.stall;
        let sent = timeout(stall, self.wire.write_all(&work.replies)).await;
        work.replies.clear();
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Gone(BROKE)),
            Err(_) => Err(Gone("the peer does not read its replies")),
        }
    }

    /// Performs what the machine wants, in order, until it wants nothing more.
    pub(super) async fn perform(&mut self, work: &mut Work) -> Result<(), Gone> {
        while let Some(action) = work.actions.pop_front() {
            match action {
                Action::Reply(reply) => self.tell(&reply, &mut work.replies),
                Action::Ask(ask) => {
                    let outcome = Box::pin(self.answer(ask, work)).await?;
                    let mut actions = Vec::new();
                    self.machine.conclude(
                        outcome,
                        self.shared.hosts.rules(self.host),
                        &mut actions,
                    );
                    work.actions.extend(actions);
                }
                Action::StartTls => {
                    self.flush(work).await?;
                    self.start_tls(work).await?;
                }
                Action::StopTls => {
                    self.flush(work).await?;
                    self.stop_tls().await?;
                }
                Action::HandOver => {
                    self.flush(work).await?;
                    return Err(self.hand_over(work));
                }
                Action::Forget => self.forget(),
                Action::LeaveHost => self.leave_host(),
                Action::CloseData => self.close_data(),
                Action::DropOpened => work.ready = None,
                // Only a running transfer can be aborted, and that is where it is looked for.
                Action::AbortTransfer => {}
                Action::Close(why) => {
                    self.flush(work).await?;
                    self.close().await;
                    return Err(Gone(why));
                }
            }
        }
        Ok(())
    }

    /// Whoever was logged in is not any more; the time to log in begins anew.
    pub(super) fn forget(&mut self) {
        self.since = self.shared.second();
        self.place.slot().set_account(None);
        self.guard = None;
        self.counted = None;
    }

    /// Our end of the connection, then a short wait for the peer's: closing while octets are
    /// unread would reset the connection and could take the last reply with it.
    pub(super) async fn close(&mut self) {
        self.close_data();
        self.forget();
        let limit = self.shared.options.limits.close;
        let farewell = async {
            let mut scratch = [0; 512];
            let mut unread = 0;
            self.wire.close_write().await?;
            while unread < crate::input::INPUT_MAX {
                match self.wire.read(&mut scratch).await? {
                    Received::Bytes(n) => unread += n,
                    Received::Eof | Received::Truncated => break,
                }
            }
            io::Result::Ok(())
        };
        // The peer may be gone or silent; either way nothing is owed any more.
        let _ = timeout(limit, farewell).await;
    }

    /// What a client pipelined behind AUTH was sent in the clear, perhaps by someone else: it is
    /// taken for the start of the handshake or ends the connection, but is never obeyed
    /// (CVE-2011-0411 and its kin).
    pub(super) async fn start_tls(&mut self, work: &mut Work) -> Result<(), Gone> {
        let early = work.input.take_raw();
        if early.first().is_some_and(|&b| b != 0x16) || self.lines.is_mid_line() {
            let what = "commands were sent in the clear behind AUTH; closed";
            self.report(&Event::Noticed { what });
            return Err(Gone("plain text behind AUTH"));
        }
        let certified = self.secure(&early).await?;
        self.lines = LineReader::with_telnet(self.shared.options.telnet);
        self.machine.tls_up();
        self.machine.set_certified(certified);
        Ok(())
    }

    /// Shakes hands; whether the client showed a certificate.
    pub(super) async fn secure(&mut self, early: &[u8]) -> Result<bool, Gone> {
        let shared = Arc::clone(&self.shared);
        let mut host = self.host;
        let mut session = None;
        // The client's first message says which host it wants, and with that which certificate.
        let mut choose = |sni: Option<&str>| {
            // A HOST in the clear, perhaps of someone else's, counts only where TLS names none.
            let named = |name: &str| shared.hosts.named(name.as_bytes()).unwrap_or(0);
            host = sni.map_or(host, named);
            let setup = shared.hosts.tls(host)?;
            let tls = setup.session(shared.options.data_resumption).ok()?.asked_for(sni);
            let offer = tls.offer(Channel::Control);
            session = Some(Box::new(tls));
            Some(offer)
        };
        let limit = shared.options.limits.handshake;
        let handshake = self.wire.accept_tls_for(&mut choose, early);
        match timeout(limit, handshake).await {
            Ok(Ok(facts)) => {
                self.tls = session.map(|mut tls: Box<SessionTls>| {
                    tls.enter_control(facts);
                    tls
                });
                self.host = host;
                self.place.slot().seen.set_secured(true);
                let certified = self.tls.as_deref().is_some_and(|tls| tls.client().is_some());
                // The first octet under TLS is one the peer meant for FTP.
                self.fresh = false;
                Ok(certified)
            }
            Ok(Err(error)) => {
                let source = std::error::Error::source(&error);
                let what = source.map_or_else(|| error.to_string(), |s| format!("{error}: {s}"));
                self.report(&Event::Noticed { what: &what });
                Err(Gone(NO_HANDSHAKE))
            }
            Err(_) => Err(Gone(NO_HANDSHAKE)),
        }
    }
}
