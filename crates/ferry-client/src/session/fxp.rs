//! A file from one server to another over a data connection between the two (RFC 959 §5.2). What
//! to try and what refusals mean is decided in `ferry_proto::client::fxp`.
//!
//! Nothing of the file comes past here, so neither its progress nor its end can be seen: both
//! servers' last replies are waited for, and the lengths compared by who asked for it. A failure
//! ends the transfer on both servers, at the target first: a source that is cut off ends its data
//! connection as if it had sent the whole file.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferry_proto::addr;
use ferry_proto::client::fxp::{self, Abilities, Next, Roles, Side, Step, Way};
use ferry_proto::client::replies;
use ferry_proto::reply_reader::IncomingReply;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::control::{Progress, Ticket, outgoing};
use super::unmet::Unmet;
use super::{Session, refused};
use crate::error::{Error, ErrorKind, Result};
use crate::fxp::{How, Unmoved};

/// How long the one that listens may take for its first reply before the other one is told. Some
/// servers say 1yz only once there is a data connection, so that it cannot be waited for.
const FIRST_WORD_MIN: Duration = Duration::from_millis(200);
const FIRST_WORD_MAX: Duration = Duration::from_secs(1);

/// The same in round trips.
const FIRST_WORD_TRIPS: u32 = 3;

/// How long the other server's reply may still come once one has failed by what may be the other's
/// fault.
const OTHERS_WORD: Duration = Duration::from_secs(1);

/// A connection that breaks that soon may never have been one to the other server's liking.
const EARLY: Duration = Duration::from_secs(2);

/// How much longer than the one who waits here the control connection does: what is late is to be
/// ended by ABOR, not by the end of the session.
const SLACK: Duration = Duration::from_secs(20);

/// Why an attempt ended.
enum Stopped {
    /// No other way will do.
    Failed(Error),
    /// Another may.
    Next(Next, Error),
}

impl Stopped {
    fn of(step: Step, error: Error) -> Self {
        match error.reply().map(|reply| fxp::after(step, reply.code)) {
            Some(next @ (Next::Other | Next::OtherListener)) => Self::Next(next, error),
            Some(Next::Nothing) | None => Self::Failed(error),
        }
    }
}

/// Both sessions and what goes from one to the other.
struct Pair<'a> {
    source: &'a Session,
    target: &'a Session,
    from: &'a [u8],
    to: &'a [u8],
    how: How,
}

/// See [`crate::fxp::transfer`].
pub(crate) async fn transfer(
    (source, from): (&Session, &[u8]),
    (target, to): (&Session, &[u8]),
    how: How,
) -> Result<Way, Unmoved> {
    if source.id() == target.id() {
        let what = "a session cannot have a file moved to itself; that takes two";
        return Err(Unmoved::NotDirect(Error::new(ErrorKind::Unsupported, what)));
    }
    let ways = fxp::ways(source.abilities(), target.abilities())
        .map_err(|why| Unmoved::NotDirect(Error::new(ErrorKind::Tls, why.to_string())))?;
    let mut ways = match how.first {
        Some(first) if ways.contains(&first) => {
            let others = ways.into_iter().filter(|way| *way != first);
            std::iter::once(first).chain(others).collect()
        }
        _ => ways,
    };
    let pair = Pair { source, target, from, to, how };
    let mut last = None;
    while let Some(way) = ways.first().copied() {
        match Box::pin(pair.attempt(way)).await {
            Ok(()) => return Ok(way),
            Err(Stopped::Failed(error)) => return Err(Unmoved::Failed(error)),
            Err(Stopped::Next(next, error)) => {
                ways = fxp::left(ways, way, next);
                last = Some(error);
            }
        }
        if source.is_closed() || target.is_closed() {
            break;
        }
    }
    Err(Unmoved::NotDirect(last.unwrap_or_else(|| {
        Error::new(ErrorKind::Unsupported, "there is no way to move it directly")
    })))
}

impl Session {
    fn abilities(&self) -> Abilities {
        self.0.known.read(|known| Abilities {
            v4: self.0.peer.ip().to_canonical().is_ipv4(),
            protected: self.0.protected,
            sscn: known.has("SSCN"),
            cpsv: known.has("CPSV"),
        })
    }

    /// TYPE I and MODE S.
    async fn as_image(&self) -> Result<()> {
        let (code, mode) = {
            let form = self.form();
            (form.code, form.mode)
        };
        if mode == Some(b'B') {
            let what = "the session keeps a data connection of its own open";
            return Err(Error::new(ErrorKind::Data, what));
        }
        if mode != Some(b'S') {
            self.form().mode = None;
            self.demand("MODE", b"S").await?;
            self.form().mode = Some(b'S');
        }
        if code != Some(b'I') {
            self.form().code = None;
            self.demand("TYPE", b"I").await?;
            self.form().code = Some(b'I');
        }
        Ok(())
    }

    /// REST, where the transfer begins in the middle or an earlier offset may be left.
    async fn start_at(&self, at: u64) -> Result<()> {
        if at == 0 && !self.form().restarts {
            return Ok(());
        }
        self.form().restarts = true;
        let reply = self.ask("REST", at.to_string().as_bytes()).await?;
        if reply.code == 350 || at == 0 {
            return Ok(());
        }
        let what = "the server cannot start in the middle of a file";
        Err(Error::new(ErrorKind::Unsupported, what).with_reply(reply))
    }

    /// How long its first reply to a transfer is waited for with no data connection in sight.
    fn first_word(&self) -> Duration {
        let rtt = self.0.known.read(|known| known.rtt).unwrap_or(FIRST_WORD_MAX);
        rtt.saturating_mul(FIRST_WORD_TRIPS).clamp(FIRST_WORD_MIN, FIRST_WORD_MAX)
    }

    /// What a 227 reply says, as the settings have it believed; through a proxy only that address
    /// can be right, if it is one of the public network.
    fn told(&self, at: SocketAddr) -> Option<SocketAddr> {
        match self.0.settings.proxy {
            None => Some(self.believe(at)),
            Some(_) => (!addr::is_private(at.ip())).then_some(at),
        }
    }
}

/// Ends both sessions unless told not to: dropped in the middle, nobody knows what they are at.
struct Guard<'a>(Option<&'a Pair<'a>>);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(pair) = self.0 {
            let what = "the transfer between servers was given up";
            pair.target.0.control.kill(ErrorKind::Cancelled, what);
            pair.source.0.control.kill(ErrorKind::Cancelled, what);
        }
    }
}

/// One of the two commands that move the file.
struct Leg<'a> {
    session: &'a Session,
    verb: &'static str,
    path: &'a [u8],
    ticket: Ticket,
    begun: bool,
    last: Option<Result<IncomingReply>>,
}

impl<'a> Leg<'a> {
    fn start(
        session: &'a Session,
        (verb, path): (&'static str, &'a [u8]),
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<Self> {
        let line = ferry_proto::client::line::command(verb, path)
            .map_err(|e| Error::new(ErrorKind::BadName, e.to_string()))?;
        let (command, ticket) = outgoing(line, session.timeout() + SLACK);
        session.0.control.send(vec![command.holding(turn)]);
        Ok(Self { session, verb, path, ticket, begun: false, last: None })
    }

    /// The next reply, once there is one; never, after the last.
    async fn hear(&mut self) {
        if self.last.is_some() {
            return std::future::pending().await;
        }
        match self.ticket.next().await {
            Ok(Progress::Early(_)) => self.begun = true,
            Ok(Progress::Last(reply)) => self.last = Some(Ok(reply)),
            Err(error) => self.last = Some(Err(error)),
        }
        if self.begun || self.last.is_some() {
            self.session.form().restarts = false;
        }
    }

    /// The code of the last reply, 0 for a session that has ended.
    fn code(&self) -> Option<u16> {
        self.last.as_ref().map(|last| last.as_ref().map_or(0, |reply| reply.code))
    }

    fn succeeded(&self) -> bool {
        self.code().is_some_and(|code| (200..300).contains(&code))
    }

    fn failed(&self) -> bool {
        self.last.is_some() && !self.succeeded()
    }

    /// The error it ended with.
    fn error(&mut self) -> Option<Error> {
        match self.last.take()? {
            Ok(reply) if (200..300).contains(&reply.code) => None,
            Ok(reply) => Some(refused(self.verb, self.path, reply)),
            Err(error) => Some(error),
        }
    }

    async fn abort(&self) {
        if self.last.is_none() {
            // The session is usable afterwards, or gone; either will do.
            _ = self.session.0.control.abort().await;
        }
    }
}

impl<'a> Pair<'a> {
    fn of(&self, side: Side) -> &'a Session {
        match side {
            Side::Source => self.source,
            Side::Target => self.target,
        }
    }

    fn command(&self, side: Side) -> (&'static str, &'a [u8]) {
        match side {
            Side::Source => ("RETR", self.from),
            Side::Target => ("STOR", self.to),
        }
    }

    async fn attempt(&self, way: Way) -> Result<(), Stopped> {
        // In the order of their numbers, so that two files in opposite directions do not wait for
        // each other.
        let (source, target) = if self.source.id() < self.target.id() {
            let source = self.source.whole_turn().await;
            (source, self.target.whole_turn().await)
        } else {
            let target = self.target.whole_turn().await;
            (self.source.whole_turn().await, target)
        };
        let turns = (source.map_err(Stopped::Failed)?, target.map_err(Stopped::Failed)?);
        let mut guard = Guard(Some(self));
        let result = self.set_up_and_move(way, turns).await;
        if let Roles::Sscn(side) = way.roles {
            let client = self.of(side);
            let off = client.demand("SSCN", b"OFF").await;
            if off.is_err() && !client.is_closed() {
                let what = "the server did not take its role back";
                client.0.control.kill(ErrorKind::Tls, what);
            }
        }
        guard.0 = None;
        result
    }

    async fn set_up_and_move(
        &self,
        way: Way,
        turns: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    ) -> Result<(), Stopped> {
        let (source, target) = tokio::join!(self.source.as_image(), self.target.as_image());
        source.and(target).map_err(Stopped::Failed)?;
        if let Roles::Sscn(side) = way.roles {
            let on = self.of(side).demand("SSCN", b"ON").await;
            on.map_err(|error| Stopped::of(Step::Roles, error))?;
        }
        let (listener, caller) = (self.of(way.listener), self.of(way.listener.other()));
        let at = self.listen(way).await?;
        let named = name(caller, at).await?;
        listener.status(&format!("Data goes directly, to {at}"));
        let at_octet = self.how.from;
        let (source, target) =
            tokio::join!(self.source.start_at(at_octet), self.target.start_at(at_octet));
        source.and(target).map_err(Stopped::Failed)?;
        // Until both have a data connection, the one that listens may wait for it in vain.
        let mut unmet = Unmet::new(listener, way.listener == Side::Target);
        unmet.at(at);
        let moved = self.moving(turns, fxp::told_first(way.listener, &named), &mut unmet).await;
        if moved.is_ok() {
            unmet.met();
        }
        moved
    }

    /// Has one of them listen, and gives where.
    async fn listen(&self, way: Way) -> Result<SocketAddr, Stopped> {
        let (listener, caller) = (self.of(way.listener), self.of(way.listener.other()));
        if listener.0.known.read(|known| known.has("PRET")) {
            // Distributed servers choose by it who listens.
            let (verb, path) = self.command(way.listener);
            let told = [verb.as_bytes(), b" ", path].concat();
            let told = listener.demand("PRET", &told).await;
            told.map_err(|error| Stopped::of(Step::Move, error))?;
        }
        let v4 = listener.0.peer.ip().to_canonical().is_ipv4();
        let (verb, step) = match way.roles {
            Roles::Cpsv => ("CPSV", Step::Roles),
            _ if v4 => ("PASV", Step::Listen),
            _ => ("EPSV", Step::Listen),
        };
        let reply = listener.ask(verb, b"").await.map_err(Stopped::Failed)?;
        if !(200..300).contains(&reply.code) {
            return Err(Stopped::of(step, refused(verb, b"", reply)));
        }
        let at = match verb {
            "EPSV" if listener.0.settings.proxy.is_some() => None,
            "EPSV" => replies::extended_passive_port(&reply).map(|port| listener.peer_at(port)),
            _ => replies::passive_address(&reply).and_then(|at| listener.told(at.into())),
        };
        let own = caller.0.peer.ip();
        // Through a proxy it is the proxy's address that is known.
        let own = if caller.0.settings.proxy.is_some() { PUBLIC } else { own };
        let Some(at) = at.filter(|at| fxp::may_name(at.ip(), own)) else {
            let what = format!("{verb} gave no address that the other server could use");
            let error = Error::new(ErrorKind::Data, what).with_reply(reply);
            return Err(Stopped::Next(Next::OtherListener, error));
        };
        Ok(SocketAddr::new(at.ip().to_canonical(), at.port()))
    }

    /// RETR and STOR, and what both servers say of it in the end.
    async fn moving(
        &self,
        (source_turn, target_turn): (OwnedSemaphorePermit, OwnedSemaphorePermit),
        side: Side,
        unmet: &mut Unmet<'_>,
    ) -> Result<(), Stopped> {
        let mut source_turn = Some(source_turn);
        let mut target_turn = Some(target_turn);
        let mut start = |side: Side| {
            let turn = match side {
                Side::Source => source_turn.take(),
                Side::Target => target_turn.take(),
            };
            Leg::start(self.of(side), self.command(side), turn).map_err(Stopped::Failed)
        };
        let mut first = start(side)?;
        _ = timeout(first.session.first_word(), first.hear()).await;
        if first.failed() {
            unmet.met();
            return Err(failed(&mut first, None, true));
        }
        let second = match start(side.other()) {
            Ok(second) => second,
            Err(error) => {
                first.abort().await;
                return Err(error);
            }
        };
        let (mut retr, mut stor) = match side {
            Side::Source => (first, second),
            Side::Target => (second, first),
        };
        let start = Instant::now();
        let mut one_ended = None;
        loop {
            if retr.begun && stor.begun {
                unmet.met();
            }
            if retr.succeeded() && stor.succeeded() {
                return Ok(());
            }
            if retr.failed() || stor.failed() {
                break;
            }
            if one_ended.is_none() && (retr.last.is_some() || stor.last.is_some()) {
                one_ended = Some(Instant::now());
            }
            let patience = self.source.timeout().max(self.target.timeout());
            let begun = |leg: &Leg<'_>| leg.begun || leg.last.is_some();
            let deadline = match one_ended {
                // All is sent, or all is stored.
                Some(ended) => ended + patience,
                None if begun(&retr) && begun(&stor) => start + self.how.longest,
                None => start + patience,
            };
            tokio::select! {
                () = retr.hear() => {}
                () = stor.hear() => {}
                () = sleep_until(deadline) => {
                    tokio::join!(stor.abort(), retr.abort());
                    return Err(late(begun(&retr) && begun(&stor), one_ended.is_some()));
                }
            }
        }
        // Whose fault it was, the other one may know.
        let code = retr.code().filter(|_| retr.failed()).or_else(|| stor.code()).unwrap_or(0);
        if fxp::is_consequence(code) {
            let others = async {
                tokio::select! {
                    () = retr.hear() => {}
                    () = stor.hear() => {}
                }
            };
            _ = timeout(OTHERS_WORD, others).await;
        }
        tokio::join!(stor.abort(), retr.abort());
        let early = !(retr.begun && stor.begun) || start.elapsed() < EARLY;
        Err(failed(&mut retr, Some(&mut stor), early))
    }
}

/// What the failure of one or both means.
fn failed(first: &mut Leg<'_>, second: Option<&mut Leg<'_>>, early: bool) -> Stopped {
    let (first, second) = (first.error(), second.and_then(Leg::error));
    let consequence =
        |error: &Error| error.reply().is_some_and(|reply| fxp::is_consequence(reply.code));
    let error = match (first, second) {
        (Some(first), Some(second)) if consequence(&first) && !consequence(&second) => second,
        (Some(first), _) => first,
        (None, Some(second)) => second,
        (None, None) => Error::new(ErrorKind::Protocol, "the transfer failed"),
    };
    // The one that listens may have closed the connection when it saw who it was.
    match error.reply().map(|reply| reply.code) {
        Some(426) if early => Stopped::Next(Next::Other, error),
        _ => Stopped::of(Step::Move, error),
    }
}

/// Stands for an address somewhere in the public network (RFC 5737).
const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Tells a server where the other one listens.
async fn name(caller: &Session, at: SocketAddr) -> Result<IncomingReply, Stopped> {
    let over_v4 = caller.0.peer.ip().to_canonical().is_ipv4();
    let told = match at {
        SocketAddr::V4(v4) if over_v4 => {
            caller.demand("PORT", addr::port_argument(v4).as_bytes()).await
        }
        _ => caller.demand("EPRT", addr::eprt_argument(at).as_bytes()).await,
    };
    told.map_err(|error| Stopped::of(Step::Address, error))
}

/// What a silence means: without a beginning another way may do.
fn late(begun: bool, one_ended: bool) -> Stopped {
    let what = match (begun, one_ended) {
        (_, true) => "one of the servers does not confirm the transfer",
        (true, false) => "the transfer between the servers takes longer than allowed",
        (false, false) => "the servers have not begun the transfer between them in time",
    };
    let error = Error::new(ErrorKind::Timeout, what);
    if begun || one_ended { Stopped::Failed(error) } else { Stopped::Next(Next::Other, error) }
}
