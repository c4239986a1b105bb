//! Sends a sequence to the engine and compares what it does with what the model says.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use ferry_proto::path::FtpPath;
use ferry_storage::Storage as _;
use ferry_storage::memory::Memory;

use super::command::{Command, Kind};
use super::expect::{Data, Expect};
use super::generate::Generator;
use super::tree::{FILES, Node};
use super::{Model, USERS, Way};
use crate::net::{SimLink, SimListener};
use crate::rng::Rng;
use crate::script::{Ferry, Stage, Subject as _};

/// How long any reply or any data may take, in virtual time.
const PATIENCE: Duration = Duration::from_secs(50);

/// How many commands a sequence has at most.
const COMMANDS_MAX: usize = 30;

/// How many commands are sent ahead at most.
const AHEAD_MAX: usize = 5;

/// What a sequence that went as it should came to.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Done {
    /// Commands answered.
    pub commands: usize,
    /// Transfers that moved something or might have.
    pub transfers: usize,
}

/// Runs the sequence of this seed.
///
/// # Errors
/// What did not go as the model says, below a transcript.
pub fn run(seed: u64) -> Result<Done, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(Box::pin(async {
        let mut drive = Drive::start(seed).await?;
        let outcome = drive.sequence().await;
        outcome.map(|()| drive.done).map_err(|what| format!("{}{what}", drive.transcript))
    }))
}

struct Drive {
    stage: Stage,
    control: SimLink,
    model: Model,
    generator: Generator,
    /// Where PORT leads.
    active: SimListener,
    /// Where the server finds the client without PORT or PASV, if anywhere.
    default_port: Option<SimListener>,
    /// What the last 227 or 229 named.
    passive: Option<SocketAddr>,
    /// A data connection made before its command.
    early: Option<SimLink>,
    /// Lines of replies that came while commands were still being sent.
    heard: VecDeque<Vec<u8>>,
    transcript: String,
    done: Done,
}

struct Reply {
    code: u16,
    lines: Vec<Vec<u8>>,
}

impl Drive {
    async fn start(seed: u64) -> Result<Self, String> {
        let mut rng = Rng::new(seed);
        // One in four networks is calm.
        let weather = if rng.below(4) == 0 { 0 } else { rng.next_u64() };
        let mut stage = Stage::new(weather);
        for (name, password, writes, home) in USERS {
            stage.add_user(name, password, writes, home)?;
        }
        for (path, content) in FILES {
            stage.storage.put(path, content).map_err(|e| e.to_string())?;
        }
        stage.finish();
        let _server = Ferry.start(&stage).map_err(|e| e.to_string())?;
        let from = SocketAddr::new(stage.peer, 0);
        let control = stage.net.dial(from, stage.server).await.map_err(|e| e.to_string())?;
        let active = stage.net.listen_at(from, 4).map_err(|e| e.to_string())?;
        let default_port = if rng.below(2) == 0 {
            Some(stage.net.listen_at(control.local(), 4).map_err(|e| e.to_string())?)
        } else {
            None
        };
        Ok(Self {
            model: Model::new(default_port.is_some()),
            generator: Generator::new(rng, active.at().port()),
            stage,
            control,
            active,
            default_port,
            passive: None,
            early: None,
            heard: VecDeque::new(),
            transcript: String::new(),
            done: Done::default(),
        })
    }

    async fn sequence(&mut self) -> Result<(), String> {
        self.must_be(220).await?;
        let mut left = 4 + self.generator.number(COMMANDS_MAX - 3);
        while left > 0 {
            let group = self.group(left);
            left -= group.len();
            if self.send(&group).await? {
                return self.ended().await;
            }
        }
        self.tell(b"NOOP\r\n").await?;
        self.must_be(200).await?;
        self.same_files().await?;
        self.tell(b"QUIT\r\n").await?;
        self.must_be(221).await?;
        self.ended().await
    }

    /// The next commands to be sent together: some without data, or one.
    fn group(&mut self, most: usize) -> Vec<Command> {
        let ahead = if self.generator.chance(3) { AHEAD_MAX.min(most) } else { 1 };
        let mut group = Vec::new();
        while group.len() < ahead {
            group.push(self.generator.command(&self.model));
            if group.last().is_some_and(|c| c.uses_data() || c.kind == Kind::TooLong) {
                break;
            }
        }
        group
    }

    /// Sends commands and compares what is answered; whether the session ended by right.
    async fn send(&mut self, group: &[Command]) -> Result<bool, String> {
        let lone = group.len() == 1;
        if lone && group.iter().any(|c| c.early && c.uses_data()) {
            self.connect_early().await;
        }
        let octets: Vec<u8> = group.iter().flat_map(Command::line).collect();
        self.tell(&octets).await?;
        for command in group {
            let expect = self.model.expect(command);
            self.done.commands += 1;
            let reply = self.answer(command, &expect).await?;
            if reply.code == 421 {
                return Ok(true);
            }
            let good = (200..400).contains(&reply.code);
            if let Some(effect) = expect.effect.filter(|_| good) {
                let before = self.model.way();
                effect(&mut self.model);
                if before == Way::Passive && self.model.way() != Way::Passive {
                    (self.passive, self.early) = (None, None);
                }
            }
            if reply.code == 425 {
                self.after_425(command);
            }
            if matches!(reply.code, 227 | 229) {
                self.early = None;
                self.passive = self.announced(&reply);
                self.passive.ok_or("no address in this reply")?;
            }
        }
        Ok(false)
    }

    /// An upload whose data connection never came (425) changes nothing, except that APPE has made
    /// its file before 150: the model takes that over, and nothing else.
    fn after_425(&mut self, command: &Command) {
        let stores = matches!(command.verb, "STOR" | "APPE");
        let Some(path) = command.name().filter(|_| stores).map(|n| self.model.path(n)) else {
            return;
        };
        let Some(found) = self.stage.storage.get(&path) else { return };
        if found.is_empty() && !self.model.tree.exists(&path) {
            self.model.tree.put(&path, Node::File(found));
        }
    }

    async fn answer(&mut self, command: &Command, expect: &Expect) -> Result<Reply, String> {
        let mut reply = self.reply().await?;
        let moves = !matches!(expect.data, Data::None);
        if reply.code == 150 && moves {
            self.done.transfers += 1;
            if let Data::Octets(octets) = &expect.data {
                let told = format!("({} bytes)", octets.len());
                let first = reply.lines.first().map(Vec::as_slice).unwrap_or_default();
                if first.ends_with(b" bytes)") && !first.ends_with(told.as_bytes()) {
                    return Err(format!("150 should tell {told}"));
                }
            }
            reply = self.transfer(command, expect).await?;
        } else if moves && expect.codes.iter().all(|c| matches!(c, 226 | 425)) {
            return Err("150 was expected".to_owned());
        }
        if !expect.allows(reply.code) {
            return Err(format!("one of {:?} was expected", expect.codes));
        }
        let Some(says) = &expect.says else { return Ok(reply) };
        let fits = |line: &Vec<u8>| {
            if reply.code == 213 {
                line == says
            } else {
                line.windows(says.len()).any(|w| w == says)
            }
        };
        if (200..400).contains(&reply.code) && !reply.lines.iter().any(fits) {
            return Err(format!("{:?} is not in the reply", says.escape_ascii().to_string()));
        }
        Ok(reply)
    }

    /// What follows 150.
    async fn transfer(&mut self, command: &Command, expect: &Expect) -> Result<Reply, String> {
        let link = match (self.model.way(), &self.default_port) {
            (Way::Default, None) => return self.reply().await,
            (Way::Default, Some(listener)) => soon(listener.accept()).await?,
            (Way::Active, _) => soon(self.active.accept()).await?,
            (Way::Passive, _) => {
                self.connect_early().await;
                self.early.take().ok_or("the passive port could not be reached")?
            }
        };
        if matches!(expect.data, Data::Upload) {
            let sent = soon(link.send(&command.upload)).await?;
            sent.and_then(|()| link.finish()).map_err(|e| format!("data: {e}"))?;
        } else {
            let (got, _) = soon(link.recv_to_end()).await?.map_err(|e| format!("data: {e}"))?;
            check(&got, &expect.data)?;
        }
        self.reply().await
    }

    async fn connect_early(&mut self) {
        if let Some(at) = self.passive.filter(|_| self.early.is_none()) {
            let from = SocketAddr::new(self.stage.peer, 0);
            self.early = self.stage.net.dial(from, at).await.ok();
        }
    }

    fn announced(&self, reply: &Reply) -> Option<SocketAddr> {
        let line = reply.lines.last()?;
        let text = std::str::from_utf8(line).ok()?;
        let inside = text.split_once('(')?.1.split_once(')')?.0;
        if reply.code == 229 {
            let port = inside.trim_matches('|').parse().ok()?;
            return Some(SocketAddr::new(self.stage.server.ip(), port));
        }
        let numbers: Vec<u16> = inside.split(',').filter_map(|n| n.parse().ok()).collect();
        let [_, _, _, _, high, low] = numbers.as_slice() else { return None };
        Some(SocketAddr::new(self.stage.server.ip(), high * 256 + low))
    }

    async fn tell(&mut self, octets: &[u8]) -> Result<(), String> {
        let shown = octets.get(..octets.len().min(200)).unwrap_or_default();
        let _ = writeln!(self.transcript, "C: {}", shown.escape_ascii());
        let Self { control, heard, .. } = self;
        // Who sends much ahead listens meanwhile, or each end might wait until the other reads.
        let listening = async {
            loop {
                match control.recv_line().await {
                    Ok(Some(line)) => heard.push_back(line),
                    // What is wrong shows when the reply is looked for.
                    Ok(None) | Err(_) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            biased;
            sent = soon(control.send(octets)) => sent?.map_err(|e| format!("control: {e}")),
            () = listening => Ok(()),
        }
    }

    async fn must_be(&mut self, code: u16) -> Result<(), String> {
        let reply = self.reply().await?;
        if reply.code == code { Ok(()) } else { Err(format!("{code} was expected")) }
    }

    async fn reply(&mut self) -> Result<Reply, String> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        loop {
            let line = match self.heard.pop_front() {
                Some(line) => line,
                None => soon(self.control.recv_line())
                    .await?
                    .map_err(|e| format!("control: {e}"))?
                    .ok_or("the server closed the control connection")?,
            };
            let _ = writeln!(self.transcript, "S: {}", line.escape_ascii());
            let digits = lines.first().unwrap_or(&line).get(..3).unwrap_or_default().to_vec();
            let last = line.strip_prefix(digits.as_slice()).and_then(<[u8]>::first) == Some(&b' ');
            lines.push(line);
            if last {
                let code = std::str::from_utf8(&digits).ok().and_then(|d| d.parse().ok());
                return Ok(Reply { code: code.ok_or("a reply begins with its code")?, lines });
            }
        }
    }

    /// The server has closed, and said no more.
    async fn ended(&self) -> Result<(), String> {
        match soon(self.control.recv_to_end()).await?.map_err(|e| e.to_string())? {
            (left, _) if left.is_empty() && self.heard.is_empty() => Ok(()),
            (left, _) => Err(format!("more than was asked for: {}", left.escape_ascii())),
        }
    }

    async fn same_files(&self) -> Result<(), String> {
        let found = contents(&self.stage.storage).await?;
        if found == *self.model.tree.all() {
            return Ok(());
        }
        Err(format!("the files are {found:?}\nbut should be {:?}", self.model.tree.all()))
    }
}

async fn contents(storage: &Memory) -> Result<BTreeMap<Vec<u8>, Node>, String> {
    let mut found = BTreeMap::from([(b"/".to_vec(), Node::Dir)]);
    let mut waiting = vec![b"/".to_vec()];
    while let Some(dir) = waiting.pop() {
        let at = FtpPath::new(&dir).map_err(|e| e.to_string())?;
        let mut entries = storage.list(&at).await.map_err(|e| e.to_string())?;
        loop {
            let batch = entries.next_batch().await.map_err(|e| e.to_string())?;
            if batch.is_empty() {
                break;
            }
            for entry in batch {
                let above = if dir == b"/" { &b""[..] } else { &dir };
                let path = [above, b"/", &entry.name].concat();
                let node = storage.get(&path).map_or(Node::Dir, Node::File);
                if node == Node::Dir {
                    waiting.push(path.clone());
                }
                found.insert(path, node);
            }
        }
    }
    Ok(found)
}

fn check(got: &[u8], want: &Data) -> Result<(), String> {
    match want {
        Data::Octets(want) if want == got => Ok(()),
        Data::Octets(want) => {
            Err(format!("got {} instead of {}", got.escape_ascii(), want.escape_ascii()))
        }
        Data::Lines(names) => {
            let text = got.strip_suffix(b"\r\n").unwrap_or(got);
            let mut lines: Vec<&[u8]> = text.split(|c| *c == b'\n').collect();
            lines.retain(|line| !line.is_empty() && !is_around(line));
            let there = |name: &Vec<u8>| {
                let whole = [name.as_slice(), b"\r"].concat();
                lines.iter().any(|line| line.ends_with(name) || line.ends_with(&whole))
            };
            if lines.len() == names.len() && names.iter().all(there) {
                return Ok(());
            }
            Err(format!("listed {}, should list {names:?}", got.escape_ascii()))
        }
        Data::None | Data::Upload => Err("nothing should have come".to_owned()),
    }
}

/// Whether a line of MLSD is the directory itself or the one above it.
fn is_around(line: &[u8]) -> bool {
    let line = line.to_ascii_lowercase();
    [&b"type=cdir;"[..], b"type=pdir;"].iter().any(|fact| line.windows(10).any(|w| w == *fact))
}

async fn soon<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.map_err(|_| format!("nothing came within {PATIENCE:?}"))
}
