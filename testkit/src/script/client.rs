//! One client of a conversation: its control connection, its data connections, and what it last
//! read from each.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::play::{Transcript, difference, soon};
use super::step::{Content, Outcome, Slot, What};
use super::text::{Captures, Pattern, fill};
use crate::net::{End, SimLink, SimListener, SimNet};

/// How long a data connection may take for all its octets: a megabyte over the slowest of the
/// networks that seeds make, 1 KiB every 100 ms, takes 100 s.
const BULK_PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Client {
    who: char,
    ip: IpAddr,
    /// `None` once it is closed from either side.
    control: Option<SimLink>,
    reply: Vec<Vec<u8>>,
    /// What the last 227 or 229 named.
    passive: Option<SocketAddr>,
    data: BTreeMap<Slot, SimLink>,
    listener: Option<SimListener>,
    lines: Vec<Vec<u8>>,
}

/// What a step needs beside the client itself.
struct Scene<'a> {
    net: &'a SimNet,
    captured: &'a mut Captures,
    transcript: &'a mut Transcript,
    patience: Duration,
    who: char,
}

impl Scene<'_> {
    fn note(&mut self, what: &str) {
        self.transcript.add(self.net.elapsed(), self.who, what);
    }
}

impl Client {
    /// A client of this address, which a balancer may stand before.
    pub(crate) fn new(who: char, ip: IpAddr, control: SimLink) -> Self {
        Self {
            who,
            ip,
            control: Some(control),
            reply: Vec::new(),
            passive: None,
            data: BTreeMap::new(),
            listener: None,
            lines: Vec::new(),
        }
    }

    pub(crate) async fn act(
        &mut self,
        what: &What,
        net: &SimNet,
        captured: &mut Captures,
        transcript: &mut Transcript,
        patience: Duration,
    ) -> Result<(), String> {
        let scene = &mut Scene { net, captured, transcript, patience, who: self.who };
        match what {
            What::Send(_)
            | What::SendTogether(_)
            | What::ControlFin
            | What::ControlClose
            | What::ControlReset
            | What::Line(_)
            | What::Reply(_)
            | What::Has(_)
            | What::Lacks(_)
            | What::Silence(_)
            | What::ControlOver => self.act_on_control(what, scene).await,
            _ => self.act_on_data(what, scene).await,
        }
    }

    fn control(&self) -> Result<&SimLink, String> {
        self.control.as_ref().ok_or_else(|| "the control connection is closed".to_owned())
    }

    async fn act_on_control(&mut self, what: &What, scene: &mut Scene<'_>) -> Result<(), String> {
        match what {
            What::Send(octets) => {
                let octets = fill_line(octets, scene.captured)?;
                scene.note(&format!("C: {}", octets.escape_ascii()));
                scene.transcript.exchanges.sent(scene.who, &octets);
                let sent = soon(scene.patience, self.control()?.send(&octets)).await?;
                sent.map_err(|e| e.to_string())
            }
            What::SendTogether(octets) => {
                let start = octets.get(..octets.len().min(400)).unwrap_or_default();
                let len = octets.len();
                scene.note(&format!("C together: {} ({len} octets)", start.escape_ascii()));
                scene.transcript.exchanges.sent(scene.who, octets);
                self.control()?.send_whole(octets).map_err(|e| e.to_string())
            }
            What::ControlFin => {
                scene.note("control: FIN sent");
                self.control()?.finish().map_err(|e| e.to_string())
            }
            What::ControlClose | What::ControlReset => {
                let control = self.control.take().ok_or("already closed")?;
                if matches!(what, What::ControlReset) {
                    scene.note("control: reset");
                    control.reset();
                } else {
                    scene.note("control: closed");
                    control.close();
                }
                Ok(())
            }
            What::Line(pattern) => {
                let line = self.line(scene).await?;
                self.reply.push(line.clone());
                expect_fit(pattern, &line, scene.captured)
            }
            What::Reply(codes) => self.whole_reply(codes, scene).await,
            What::Has(pattern) => has(&self.reply, pattern, scene.captured),
            What::Lacks(pattern) => lacks(&self.reply, pattern, scene.captured),
            What::Silence(time) => self.silence(*time, scene.net, scene.transcript).await,
            _ => self.over(scene).await,
        }
    }

    async fn line(&mut self, scene: &mut Scene<'_>) -> Result<Vec<u8>, String> {
        let got = soon(scene.patience, self.control()?.recv_line()).await?;
        let line = got.map_err(|e| format!("the control connection broke: {e}"))?;
        let line = line.ok_or("the server closed the control connection")?;
        scene.note(&format!("S: {}", line.escape_ascii()));
        scene.transcript.exchanges.heard(scene.who, &line);
        if let Some(at) = announced(&line, self.control()?.peer().ip()) {
            self.passive = Some(at);
        }
        Ok(line)
    }

    async fn whole_reply(&mut self, codes: &[String], scene: &mut Scene<'_>) -> Result<(), String> {
        self.reply.clear();
        let first = self.line(scene).await?;
        let code = first.get(..3).unwrap_or_default().to_vec();
        let mut open = first.get(3) == Some(&b'-');
        self.reply.push(first);
        while open {
            let line = self.line(scene).await?;
            open = !(line.starts_with(&code) && line.get(3) == Some(&b' '));
            self.reply.push(line);
        }
        let code = String::from_utf8_lossy(&code);
        if codes.iter().any(|c| *c == code) { Ok(()) } else { Err(format!("the reply is {code}")) }
    }

    /// Nothing may come from the control connection, not even its end, for `time`.
    pub(crate) async fn silence(
        &self,
        time: Duration,
        net: &SimNet,
        transcript: &mut Transcript,
    ) -> Result<(), String> {
        let Some(control) = &self.control else {
            return Ok(());
        };
        let got = tokio::time::timeout(time, control.recv_line()).await;
        let at = net.elapsed();
        match got {
            Err(_) => Ok(()),
            Ok(Ok(Some(line))) => {
                transcript.add(at, self.who, &format!("S: {}", line.escape_ascii()));
                Err("a line came where none was expected".to_owned())
            }
            Ok(Ok(None)) => Err("the server closed the control connection".to_owned()),
            Ok(Err(e)) => Err(format!("the control connection broke: {e}")),
        }
    }

    async fn over(&mut self, scene: &mut Scene<'_>) -> Result<(), String> {
        let got = soon(scene.patience, self.control()?.recv_line()).await?;
        match got {
            Ok(Some(line)) => {
                scene.note(&format!("S: {}", line.escape_ascii()));
                scene.transcript.exchanges.heard(scene.who, &line);
                return Err("a line came instead of the end".to_owned());
            }
            Ok(None) => scene.note("S: (end)"),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => scene.note("S: (reset)"),
            Err(e) => return Err(e.to_string()),
        }
        self.control = None;
        Ok(())
    }

    async fn act_on_data(&mut self, what: &What, scene: &mut Scene<'_>) -> Result<(), String> {
        match what {
            What::Dial { slot, from, outcome } => self.dial(*slot, *from, *outcome, scene).await,
            What::Listen(at) => {
                let at = match at {
                    Some(at) => *at,
                    None => self.control()?.local(),
                };
                self.listener = None;
                self.listener = Some(scene.net.listen_at(at, 4).map_err(|e| e.to_string())?);
                scene.note(&format!("data: listens at {at}"));
                Ok(())
            }
            What::Accept { from } => self.accept(*from, scene).await,
            What::DataHas(pattern) => has(&self.lines, pattern, scene.captured),
            What::DataLacks(pattern) => lacks(&self.lines, pattern, scene.captured),
            What::DataCount(n) if self.lines.len() == *n => Ok(()),
            What::DataCount(_) => Err(format!("there are {} lines", self.lines.len())),
            What::DataSend(slot, content) => {
                let octets = content.octets();
                let link = self.link(*slot, scene).await?;
                let sent = soon(BULK_PATIENCE, link.send(&octets)).await?;
                scene.note(&format!("{slot:?}> {} octets", octets.len()));
                sent.map_err(|e| format!("the data connection broke: {e}"))
            }
            What::DataSome(slot, n) => {
                let mut got = vec![0; *n];
                let link = self.link(*slot, scene).await?;
                soon(BULK_PATIENCE, fill_up(link, &mut got)).await??;
                scene.note(&format!("{slot:?}< {n} octets, more may follow"));
                Ok(())
            }
            What::DataNext(slot, content) => {
                let want = content.octets();
                let mut got = vec![0; want.len()];
                let link = self.link(*slot, scene).await?;
                soon(BULK_PATIENCE, fill_up(link, &mut got)).await??;
                scene.note(&format!("{slot:?}< {} octets, more may follow", got.len()));
                if got == want {
                    Ok(())
                } else {
                    Err(format!("{:?} came", got.escape_ascii().to_string()))
                }
            }
            What::DataFin(slot) => {
                let link = self.link(*slot, scene).await?;
                let done = link.finish().map_err(|e| e.to_string());
                scene.note(&format!("{slot:?}: FIN sent"));
                done
            }
            What::DataClose(slot) | What::DataReset(slot) => {
                let abrupt = matches!(what, What::DataReset(_));
                self.link(*slot, scene).await?;
                scene.note(&format!("{slot:?}: {}", if abrupt { "reset" } else { "closed" }));
                match self.data.remove(slot) {
                    Some(link) if abrupt => link.reset(),
                    gone => drop(gone),
                }
                Ok(())
            }
            _ => self.read_out(what, scene).await,
        }
    }

    /// Steps that read a data connection up to its end, after which the client closes it.
    async fn read_out(&mut self, what: &What, scene: &mut Scene<'_>) -> Result<(), String> {
        let slot = match what {
            What::DataAll(slot, _)
            | What::DataLines(slot)
            | What::DataEmpty(slot)
            | What::DataOver(slot)
            | What::DataFewer(slot, _)
            | What::DataBroken(slot) => *slot,
            _ => return Err("nothing that can be read".to_owned()),
        };
        let link = self.link(slot, scene).await?;
        let read = soon(BULK_PATIENCE, link.recv_to_end()).await?;
        let (got, end) = read.map_err(|e| e.to_string())?;
        self.data.remove(&slot);
        scene.note(&format!("{slot:?}< {} octets, {end:?}", got.len()));
        match what {
            What::DataOver(_) => return Ok(()),
            What::DataFewer(_, n) if got.len() < *n => return Ok(()),
            What::DataFewer(..) => return Err(format!("{} octets came", got.len())),
            What::DataBroken(_) if end == End::Reset => return Ok(()),
            What::DataBroken(_) => return Err("the data connection ended cleanly".to_owned()),
            What::DataEmpty(_) if !got.is_empty() => {
                return Err(difference("the data connection brought", &got, &[]));
            }
            // A stranger may be turned away either way.
            What::DataEmpty(Slot::Other) => return Ok(()),
            _ if end == End::Reset => return Err("the data connection was reset".to_owned()),
            _ => {}
        }
        if let What::DataAll(_, content) = what {
            compare(&got, content)?;
        }
        if matches!(what, What::DataLines(_)) {
            self.lines = lines(&got)?;
            for line in &self.lines {
                scene.transcript.add(scene.net.elapsed(), scene.who, &shown(line));
            }
        }
        Ok(())
    }

    async fn dial(
        &mut self,
        slot: Slot,
        from: Option<IpAddr>,
        outcome: Outcome,
        scene: &mut Scene<'_>,
    ) -> Result<(), String> {
        let to = self.passive.ok_or("no 227 or 229 was seen")?;
        let from = SocketAddr::new(from.unwrap_or(self.ip), 0);
        let link = soon(scene.patience, scene.net.dial(from, to)).await?;
        match (link, outcome) {
            (Ok(link), Outcome::Open) => {
                scene.note(&format!("{slot:?}: connected to {to} from {}", link.local()));
                self.data.insert(slot, link);
                Ok(())
            }
            (Err(_), Outcome::Refused) => {
                scene.note(&format!("{slot:?}: refused by {to}"));
                Ok(())
            }
            (Ok(_), Outcome::Refused) => Err(format!("{to} was open")),
            (Err(e), Outcome::Open) => Err(format!("{to}: {e}")),
        }
    }

    async fn accept(
        &mut self,
        from: Option<SocketAddr>,
        scene: &mut Scene<'_>,
    ) -> Result<(), String> {
        let listener = self.listener.as_ref().ok_or("nothing listens")?;
        let link = soon(scene.patience, listener.accept()).await?;
        let peer = link.peer();
        scene.note(&format!("Data: accepted from {peer}"));
        self.data.insert(Slot::Data, link);
        match from {
            Some(want) if want.ip() != peer.ip() => Err(format!("it came from {peer}")),
            Some(want) if want.port() != 0 && want != peer => Err(format!("it came from {peer}")),
            _ => Ok(()),
        }
    }

    /// The data connection; an active one is accepted when it is first used.
    async fn link(&mut self, slot: Slot, scene: &mut Scene<'_>) -> Result<&SimLink, String> {
        if slot == Slot::Data && !self.data.contains_key(&slot) && self.listener.is_some() {
            self.accept(None, scene).await?;
        }
        self.data.get(&slot).ok_or_else(|| "there is no data connection".to_owned())
    }
}

async fn fill_up(link: &SimLink, buf: &mut [u8]) -> Result<(), String> {
    let mut at = 0;
    while let Some(room) = buf.get_mut(at..).filter(|r| !r.is_empty()) {
        match link.recv(room).await {
            Ok(0) => return Err(format!("the data connection ended after {at} octets")),
            Ok(n) => at += n,
            Err(e) => return Err(format!("the data connection broke after {at} octets: {e}")),
        }
    }
    Ok(())
}

/// A command line may use what was captured; raw octets with braces would be misread, so only
/// lines that name something captured are changed.
fn fill_line(octets: &[u8], captured: &Captures) -> Result<Vec<u8>, String> {
    if octets.contains(&b'{') { fill(octets, captured) } else { Ok(octets.to_vec()) }
}

fn compare(got: &[u8], content: &Content) -> Result<(), String> {
    let want = content.octets();
    if got == want { Ok(()) } else { Err(difference("the data connection brought", got, &want)) }
}

/// Splits a listing, which must end every line with CRLF.
fn lines(got: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut all = Vec::new();
    let mut rest = got;
    while !rest.is_empty() {
        let at = rest.windows(2).position(|w| w == b"\r\n").ok_or("a line without CRLF")?;
        all.push(rest.get(..at).unwrap_or_default().to_vec());
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    Ok(all)
}

fn shown(line: &[u8]) -> String {
    format!("D| {}", line.escape_ascii())
}

fn expect_fit(pattern: &Pattern, line: &[u8], captured: &mut Captures) -> Result<(), String> {
    if pattern.fits(line, captured) {
        Ok(())
    } else {
        Err(format!("{:?} does not fit {:?}", line.escape_ascii().to_string(), pattern.as_str()))
    }
}

fn has(lines: &[Vec<u8>], pattern: &Pattern, captured: &mut Captures) -> Result<(), String> {
    if lines.iter().any(|l| pattern.fits(l, captured)) {
        Ok(())
    } else {
        Err(format!("no line fits {:?}", pattern.as_str()))
    }
}

fn lacks(lines: &[Vec<u8>], pattern: &Pattern, captured: &mut Captures) -> Result<(), String> {
    match lines.iter().find(|l| pattern.fits(l, captured)) {
        Some(line) => Err(format!("the line {:?} is there", line.escape_ascii().to_string())),
        None => Ok(()),
    }
}

/// The address a 227 or 229 reply announces.
fn announced(line: &[u8], server: IpAddr) -> Option<SocketAddr> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    if text.starts_with("229 ") {
        let port = inside.strip_prefix("|||")?.strip_suffix('|')?.parse().ok()?;
        return Some(SocketAddr::new(server, port));
    }
    if !text.starts_with("227 ") {
        return None;
    }
    let numbers: Vec<u8> = inside.split(',').map_while(|n| n.parse().ok()).collect();
    let [a, b, c, d, high, low] = numbers[..] else {
        return None;
    };
    let ip = Ipv4Addr::new(a, b, c, d).into();
    Some(SocketAddr::new(ip, u16::from_be_bytes([high, low])))
}
