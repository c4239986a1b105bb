//! Data connections: which way they are made, and the command that uses them.
//!
//! A passive connection is made as soon as its port is known, and its TLS handshake runs while the
//! 1yz reply is still awaited: some servers shake hands before that reply, some after. Where the
//! server is known to take commands ahead, the transfer command follows EPSV in the same segment.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use ferry_proto::addr;
use ferry_proto::client::fault::{self, Fault};
use ferry_proto::client::replies;
use ferry_proto::reply_reader::IncomingReply;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use super::capabilities::{Capabilities, Known};
use super::control::{Outgoing, Progress, Ticket};
use super::unmet::Unmet;
use super::{Form, Session, refused};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{self, Listening, Purpose, Wire};
use crate::settings::{DataMode, PassiveAddress, WireEvent};

/// How long a passive connection that has never worked is tried before the next way.
const FIRST_CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long data that came before its 1yz reply waits for it.
const DOWNLOAD_GRACE: Duration = Duration::from_millis(300);

/// How long an upload waits for a 1yz reply with its data connection ready: some servers send none.
const UPLOAD_GRACE: Duration = Duration::from_secs(5);

/// How long a data connection may take once the server has said that all is done.
const LATE_DATA_MAX: Duration = Duration::from_secs(3);

/// The last octet of a range that is open, for RANG: what a signed number of 64 bits holds.
const RANG_LAST: u64 = u64::MAX >> 1;

/// A command that uses a data connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Main<'a> {
    pub(super) verb: &'static str,
    pub(super) argument: &'a [u8],
    /// The argument of TYPE.
    pub(super) code: u8,
    /// REST, where not 0.
    pub(super) from: u64,
    /// RANG in place of REST.
    pub(super) ranged: bool,
    pub(super) upload: bool,
    /// A last reply without a data connection means that there was nothing to send.
    pub(super) may_be_empty: bool,
}

/// A transfer on its way.
#[derive(Debug)]
pub(super) struct Running {
    /// [`None`] where the server was done without one.
    pub(super) wire: Option<Wire>,
    pub(super) early: Option<IncomingReply>,
    pub(super) ticket: Ticket,
    /// The last reply, where it is there already.
    pub(super) last: Option<IncomingReply>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Epsv,
    Pasv,
    Eprt,
    Port,
}

/// Why a way led nowhere.
enum Blocked {
    /// Another may do.
    Next(Error),
    /// No other will.
    Final(Error),
}

type Tried<T> = std::result::Result<T, Blocked>;

impl From<Error> for Blocked {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Where the server can be reached for data.
enum Offer {
    At(SocketAddr),
    Listening(Listening),
}

impl Session {
    /// Makes a data connection and starts the transfer.
    pub(super) async fn open(&self, main: &Main<'_>) -> Result<Running> {
        let mut turn = Some(self.turn().await?);
        let mut last = None;
        for way in self.ways() {
            match Box::pin(self.go(way, main, &mut turn)).await {
                Ok(running) => return Ok(running),
                Err(Blocked::Next(error)) => last = Some(error),
                Err(Blocked::Final(error)) => return Err(error),
            }
            if turn.is_none() {
                turn = Some(self.turn().await?);
            }
        }
        Err(last.unwrap_or_else(|| {
            Error::new(ErrorKind::Data, "no way to make a data connection is left")
        }))
    }

    fn ways(&self) -> Vec<Way> {
        let v4 = self.0.peer.ip().to_canonical().is_ipv4();
        let (epsv, pasv) = self.0.known.read(|known| (known.epsv, known.pasv));
        let mut passive = Vec::new();
        if epsv.may() {
            passive.push(Way::Epsv);
        }
        if v4 && pasv.may() {
            passive.push(Way::Pasv);
        }
        if passive.is_empty() {
            // What failed once may have failed for another reason.
            passive.push(Way::Epsv);
        }
        let active = if v4 { vec![Way::Eprt, Way::Port] } else { vec![Way::Eprt] };
        match self.0.settings.data {
            DataMode::Passive => passive,
            DataMode::Active => active,
            DataMode::Auto => passive.into_iter().chain(active).collect(),
        }
    }

    async fn go(
        &self,
        way: Way,
        main: &Main<'_>,
        turn: &mut Option<OwnedSemaphorePermit>,
    ) -> Tried<Running> {
        let pipelined = self.0.known.read(Capabilities::pipelines);
        let proven = self.is_proven(way);
        if matches!(way, Way::Epsv | Way::Pasv) && self.0.known.read(|known| known.has("PRET")) {
            // Distributed servers choose by it who listens. What they refuse, they refuse again.
            let mut told = main.verb.as_bytes().to_vec();
            if !main.argument.is_empty() {
                told.push(b' ');
                told.extend_from_slice(main.argument);
            }
            let _answer = self.ask("PRET", &told).await?;
        }
        let (listening, verb, argument) = self.offer(way)?;
        // A STOR behind a REST that is refused would have emptied the file by then.
        let ahead = pipelined && proven && !(main.upload && main.from > 0);
        let mut unmet = Unmet::new(self, main.upload);
        let mut set_type;
        let (mut setup, mut main_tickets);
        if pipelined {
            let mut batch = Vec::new();
            let mut form = self.form();
            set_type = self.type_command(form.code, main, &mut batch)?;
            form.code = Some(main.code);
            let (outgoing, ticket) = self.outgoing(verb, &argument)?;
            batch.push(outgoing);
            setup = Some(ticket);
            main_tickets = None;
            if ahead {
                main_tickets = Some(self.main_commands(main, &mut form, turn, &mut batch)?);
                setup.take().into_iter().for_each(|setup| unmet.told_by(setup));
            }
            self.0.control.send(batch);
        } else {
            let mut batch = Vec::new();
            let before = self.form().code;
            set_type = self.type_command(before, main, &mut batch)?;
            if let Some(ticket) = &mut set_type {
                // Whoever drops us here has not seen which of the two is in force.
                self.form().code = None;
                self.0.control.send(std::mem::take(&mut batch));
                self.check_type(ticket.last().await?, main)?;
                self.form().code = Some(main.code);
                set_type = None;
            }
            let (outgoing, ticket) = self.outgoing(verb, &argument)?;
            self.0.control.send(vec![outgoing]);
            setup = Some(ticket);
            main_tickets = None;
        }
        if let Some(ticket) = &mut set_type {
            let reply = ticket.last().await?;
            self.check_type(reply, main)?;
        }
        let setup = setup.as_mut().or_else(|| unmet.setup());
        let reply = match setup {
            Some(setup) => setup.last().await?,
            None => return Err(Blocked::Final(Error::new(ErrorKind::Data, "no offer of data"))),
        };
        let offer = match self.read_offer(way, reply, listening) {
            Ok(offer) => offer,
            Err(blocked) => {
                unmet.met();
                if main_tickets.is_some() {
                    let what = "the server stopped making data connections";
                    self.0.control.kill(ErrorKind::Data, what);
                    return Err(Blocked::Final(Error::new(ErrorKind::Data, what)));
                }
                return Err(blocked);
            }
        };
        if let (Offer::At(at), true) = (&offer, main_tickets.is_some()) {
            unmet.at(*at);
        }
        let running = Box::pin(self.run(way, offer, main, main_tickets, turn, &mut unmet)).await;
        // Dropped before, it is somebody else who has to meet the server.
        unmet.met();
        running
    }

    /// Whether data connections have come about that way.
    fn is_proven(&self, way: Way) -> bool {
        self.0.known.read(|known| match way {
            Way::Epsv => known.epsv == Known::Yes,
            Way::Pasv => known.pasv == Known::Yes,
            Way::Eprt | Way::Port => false,
        })
    }

    /// What the server is told of where to connect.
    fn offer(&self, way: Way) -> Tried<(Option<Listening>, &'static str, Vec<u8>)> {
        match way {
            Way::Epsv => Ok((None, "EPSV", Vec::new())),
            Way::Pasv => Ok((None, "PASV", Vec::new())),
            Way::Eprt | Way::Port => {
                let listening = Listening::bind(self.0.local.ip().to_canonical()).map_err(|e| {
                    Blocked::Final(Error::new(ErrorKind::Data, "cannot listen").with_source(e))
                })?;
                let at = listening.addr();
                match (way, at) {
                    (Way::Port, SocketAddr::V4(v4)) => {
                        Ok((Some(listening), "PORT", addr::port_argument(v4).into_bytes()))
                    }
                    _ => Ok((Some(listening), "EPRT", addr::eprt_argument(at).into_bytes())),
                }
            }
        }
    }

    fn type_command(
        &self,
        before: Option<u8>,
        main: &Main<'_>,
        batch: &mut Vec<Outgoing>,
    ) -> Result<Option<Ticket>> {
        if before == Some(main.code) {
            return Ok(None);
        }
        let (outgoing, ticket) = self.outgoing("TYPE", &[main.code])?;
        batch.push(outgoing);
        Ok(Some(ticket))
    }

    /// TYPE that is refused does not matter for a listing.
    fn check_type(&self, reply: IncomingReply, main: &Main<'_>) -> Result<()> {
        if reply.code < 400 {
            return Ok(());
        }
        self.form().code = None;
        if main.may_be_empty { Ok(()) } else { Err(refused("TYPE", &[main.code], reply)) }
    }

    fn main_commands(
        &self,
        main: &Main<'_>,
        form: &mut Form,
        turn: &mut Option<OwnedSemaphorePermit>,
        batch: &mut Vec<Outgoing>,
    ) -> Result<(Option<Ticket>, Ticket)> {
        let mut rest = None;
        // An offset that a failed transfer left behind would cut the head off this one.
        if main.from > 0 || form.restarts {
            form.restarts = main.from > 0;
            let (verb, argument) = match main.ranged && main.from > 0 {
                true => ("RANG", format!("{} {RANG_LAST}", main.from)),
                false => ("REST", main.from.to_string()),
            };
            let (outgoing, ticket) = self.outgoing(verb, argument.as_bytes())?;
            batch.push(outgoing);
            rest = Some(ticket);
        }
        let (outgoing, ticket) = self.outgoing(main.verb, main.argument)?;
        batch.push(outgoing.holding(turn.take()));
        Ok((rest, ticket))
    }

    fn read_offer(
        &self,
        way: Way,
        reply: IncomingReply,
        listening: Option<Listening>,
    ) -> Tried<Offer> {
        if let Some(listening) = listening {
            return match reply.code {
                200..=299 => Ok(Offer::Listening(listening)),
                _ => Err(Blocked::Next(refused(
                    if way == Way::Port { "PORT" } else { "EPRT" },
                    b"",
                    reply,
                ))),
            };
        }
        let verb = if way == Way::Epsv { "EPSV" } else { "PASV" };
        let at = match (way, reply.code) {
            (Way::Epsv, 200..=299) => {
                replies::extended_passive_port(&reply).map(|port| self.peer_at(port))
            }
            (_, 200..=299) => replies::passive_address(&reply).map(|at| self.believe(at.into())),
            _ => None,
        };
        if let Some(at) = at {
            return Ok(Offer::At(at));
        }
        let fault = fault::of(&reply);
        if matches!(fault, Fault::Login | Fault::TooMany) {
            return Err(Blocked::Final(refused(verb, b"", reply)));
        }
        let mut known = self.0.known.lock();
        if way == Way::Epsv && reply.code != 425 && known.epsv == Known::Untried {
            known.epsv = Known::No;
        }
        let error = match reply.code {
            200..=299 => {
                Error::new(ErrorKind::Protocol, format!("{verb}: no address in the reply"))
                    .with_reply(reply)
            }
            _ => refused(verb, b"", reply),
        };
        Err(Blocked::Next(error))
    }

    pub(super) fn peer_at(&self, port: u16) -> SocketAddr {
        let mut at = self.0.peer;
        at.set_port(port);
        at
    }

    /// The address of a 227 reply, or the control connection's in its place.
    pub(super) fn believe(&self, at: SocketAddr) -> SocketAddr {
        let peer = self.0.peer.ip().to_canonical();
        let unroutable = |ip: IpAddr| {
            ip.is_unspecified()
                || ip.is_multicast()
                || (addr::is_private(ip) && !addr::is_private(peer))
                || (ip.is_loopback() && !peer.is_loopback())
        };
        match self.0.settings.passive_address {
            PassiveAddress::Trust if !at.ip().is_unspecified() => at,
            PassiveAddress::PublicOnly if !unroutable(at.ip()) => at,
            _ => self.peer_at(at.port()),
        }
    }

    /// Connects and secures, or waits to be connected to.
    async fn connect_to(&self, offer: Offer, wait: Duration) -> Result<Wire> {
        let stream = match offer {
            Offer::At(at) => {
                let connecting = net::connect_data(at, &self.0.site.host, &self.0.settings);
                tokio::time::timeout(wait, connecting).await.map_err(|_| {
                    Error::new(ErrorKind::Data, "the data connection could not be made in time")
                })??
            }
            Offer::Listening(listening) => listening.accept_from(self.0.peer.ip(), wait).await?,
        };
        self.secure_data(stream).await
    }

    async fn run(
        &self,
        way: Way,
        offer: Offer,
        main: &Main<'_>,
        sent: Option<(Option<Ticket>, Ticket)>,
        turn: &mut Option<OwnedSemaphorePermit>,
        unmet: &mut Unmet<'_>,
    ) -> Tried<Running> {
        let proven = self.is_proven(way);
        let is_passive = matches!(offer, Offer::At(_));
        let wait = if proven { self.timeout() } else { self.timeout().min(FIRST_CONNECT_MAX) };
        // Unproven passive ways must connect before the command is sent: then another can be tried.
        let (data, ready) = match offer {
            Offer::At(at) if !proven => {
                let connecting = net::connect_data(at, &self.0.site.host, &self.0.settings);
                match tokio::time::timeout(wait, connecting).await {
                    Ok(Ok(stream)) => (None, Some(stream)),
                    Ok(Err(error)) => return Err(self.unreachable(way, error)),
                    Err(_) => {
                        let what = "the data connection could not be made in time";
                        return Err(self.unreachable(way, Error::new(ErrorKind::Data, what)));
                    }
                }
            }
            offer => (Some(offer), None),
        };
        let (rest, ticket) = match sent {
            Some(sent) => sent,
            None => {
                if let Some(Offer::At(at)) = &data {
                    unmet.at(*at);
                }
                let mut batch = Vec::new();
                let (mut rest, ticket) =
                    self.main_commands(main, &mut self.form(), turn, &mut batch)?;
                if (main.upload || !self.0.known.read(Capabilities::pipelines))
                    && let Some(rest_ticket) = &mut rest
                {
                    let command = batch.remove(0);
                    self.0.control.send(vec![command]);
                    check_rest(main, rest_ticket.last().await?)?;
                    rest = None;
                }
                self.0.control.send(batch);
                (rest, ticket)
            }
        };
        if let Some(mut rest) = rest
            && let Err(error) = check_rest(main, rest.last().await?)
        {
            // The command behind it was obeyed from the start of the file.
            self.0.control.kill(ErrorKind::Unsupported, "the server cannot start in the middle");
            return Err(Blocked::Final(error));
        }
        let connecting = async {
            match (data, ready) {
                (Some(offer), _) => self.connect_to(offer, self.timeout()).await,
                (None, Some(stream)) => self.secure_data(stream).await,
                (None, None) => Err(Error::new(ErrorKind::Data, "no data connection")),
            }
        };
        let running = Box::pin(self.meet(connecting, ticket, main)).await;
        if running.is_ok() {
            self.form().restarts = false;
        }
        if running.is_ok() && is_passive {
            let mut known = self.0.known.lock();
            match way {
                Way::Epsv => known.epsv = Known::Yes,
                _ => known.pasv = Known::Yes,
            }
        }
        running.map_err(Blocked::Final)
    }

    /// Protects a data connection as the session's are, and says that it is there.
    pub(super) async fn secure_data(&self, stream: tokio::net::TcpStream) -> Result<Wire> {
        let peer = stream.peer_addr().unwrap_or(self.0.peer);
        let mut wire = Wire::plain(stream);
        if self.0.protected
            && let Some(tls) = &self.0.tls
        {
            wire = wire.secure(tls, Purpose::Data, self.timeout()).await?;
        }
        if let Some(watcher) = self.watcher() {
            let resumed = wire.facts().map(|facts| facts.resumed);
            watcher.on(self.0.id, &WireEvent::Data { peer, resumed });
        }
        Ok(wire)
    }

    /// EPSV whose port cannot be reached: some firewalls know PASV only.
    fn unreachable(&self, way: Way, error: Error) -> Blocked {
        let mut known = self.0.known.lock();
        match way {
            Way::Epsv => known.epsv = Known::No,
            Way::Pasv => known.pasv = Known::No,
            Way::Eprt | Way::Port => {}
        }
        Blocked::Next(error)
    }

    /// Waits for the data connection and the 1yz reply, in whatever order they come.
    async fn meet(
        &self,
        connecting: impl Future<Output = Result<Wire>>,
        mut ticket: Ticket,
        main: &Main<'_>,
    ) -> Result<Running> {
        let mut connecting = pin!(connecting);
        let mut wire: Option<Wire> = None;
        let mut early = None;
        let mut grace: Option<Instant> = None;
        loop {
            if wire.is_some() && early.is_some() {
                return Ok(Running { wire, early, ticket, last: None });
            }
            let waits_for_data = !main.upload && grace.is_none();
            tokio::select! {
                biased;
                // Also behind 1yz: it may say that there will be no data connection.
                progress = ticket.next() => match progress? {
                    Progress::Early(reply) => early = Some(reply),
                    Progress::Last(reply) => {
                        let met = Running { wire, early, ticket, last: Some(reply) };
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
                            return Ok(Running { wire, early, ticket, last: None });
                        }
                        if main.upload {
                            grace = Some(Instant::now() + UPLOAD_GRACE.min(self.timeout() / 2));
                        }
                    }
                    Err(error) => return Err(self.no_data(error, ticket, main).await),
                },
                () = until(grace) => {
                    return Ok(Running { wire, early, ticket, last: None });
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
    pub(super) fn transfer_failed(&self, verb: &str, path: &[u8], reply: IncomingReply) -> Error {
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

fn check_rest(main: &Main<'_>, reply: IncomingReply) -> Result<()> {
    // REST 0 only takes back what may be left; whoever refuses it has left nothing.
    if reply.code == 350 || main.from == 0 {
        return Ok(());
    }
    let what = "the server cannot start in the middle of a file";
    Err(Error::new(ErrorKind::Unsupported, what).with_reply(reply))
}

pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
