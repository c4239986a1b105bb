//! Data connections: which way they are made, and the command that uses them.
//!
//! A passive connection is made as soon as its port is known, and its TLS handshake runs while the
//! 1yz reply is still awaited: some servers shake hands before that reply, some after. Where the
//! server is known to take commands ahead, the transfer command follows EPSV in the same segment.

mod meet;
mod offer;

use std::net::SocketAddr;
use std::time::Duration;

use ferry_proto::reply_reader::IncomingReply;
use tokio::sync::OwnedSemaphorePermit;

use super::Session;
use super::capabilities::{Capabilities, Known};
use super::control::{Outgoing, Ticket};
use super::form::{Form, Forming};
use super::unmet::Unmet;
use crate::error::{Error, ErrorKind, Result};
use crate::net::{self, Listening, Wire};
use crate::settings::DataMode;

pub(super) use meet::until;

/// How long a passive connection that has never worked is tried before the next way.
const FIRST_CONNECT_MAX: Duration = Duration::from_secs(10);

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
    /// MODE Z, where the server takes it.
    pub(super) deflate: bool,
}

impl Main<'_> {
    /// The argument of MODE.
    pub(super) fn mode(&self) -> u8 {
        if self.deflate { b'Z' } else { b'S' }
    }
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
    /// What is on the data connection is compressed.
    pub(super) deflated: bool,
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
        let at_once = self.ways().first().is_some_and(|way| self.goes_ahead(*way, main));
        let mut turn = Some(self.turn_for(at_once).await?);
        let main = &Main { deflate: main.deflate && self.deflates().await?, ..*main };
        let mut last = None;
        for way in self.ways() {
            let at_once = self.goes_ahead(way, main);
            let needed = if at_once { 1 } else { self.0.turns };
            if turn.as_ref().is_none_or(|turn| turn.num_permits() < needed) {
                drop(turn.take());
                turn = Some(self.turn_for(at_once).await?);
            }
            match Box::pin(self.go(way, main, &mut turn)).await {
                Ok(running) => return Ok(running),
                Err(Blocked::Next(error)) => last = Some(error),
                Err(Blocked::Final(error)) => return Err(error),
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
        let ahead = self.goes_ahead(way, main);
        let mut unmet = Unmet::new(self, main.upload);
        let mut forming = Forming::default();
        let (mut setup, mut main_tickets);
        if pipelined {
            let mut batch = Vec::new();
            let mut form = self.form();
            forming = self.form_commands(&mut form, main, &mut batch)?;
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
            self.form_for(main).await?;
            let (outgoing, ticket) = self.outgoing(verb, &argument)?;
            self.0.control.send(vec![outgoing]);
            setup = Some(ticket);
            main_tickets = None;
        }
        self.formed(forming, main).await?;
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

    /// Whether all commands of a transfer are sent at once.
    fn goes_ahead(&self, way: Way, main: &Main<'_>) -> bool {
        let pipelined = self.0.known.read(Capabilities::pipelines);
        // A STOR behind a REST that is refused would have emptied the file by then.
        pipelined && self.is_proven(way) && !(main.upload && main.from > 0)
    }

    /// A turn for a transfer whose commands are sent at once; else all of them, since another's
    /// PASV between its commands would take the place of its own.
    async fn turn_for(&self, at_once: bool) -> Result<OwnedSemaphorePermit> {
        if at_once { self.turn().await } else { self.whole_turn().await }
    }

    /// Whether data connections have come about that way.
    fn is_proven(&self, way: Way) -> bool {
        self.0.known.read(|known| match way {
            Way::Epsv => known.epsv == Known::Yes,
            Way::Pasv => known.pasv == Known::Yes,
            Way::Eprt | Way::Port => false,
        })
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
}

fn check_rest(main: &Main<'_>, reply: IncomingReply) -> Result<()> {
    // REST 0 only takes back what may be left; whoever refuses it has left nothing.
    if reply.code == 350 || main.from == 0 {
        return Ok(());
    }
    let what = "the server cannot start in the middle of a file";
    Err(Error::new(ErrorKind::Unsupported, what).with_reply(reply))
}
