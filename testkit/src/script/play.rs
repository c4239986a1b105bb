//! Plays one conversation: performs its steps in order and compares what comes back, writing a
//! transcript with virtual times as it goes. Sessions of the clients are in `client`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use super::Conversation;
use super::client::Client;
use super::exchange::Exchanges;
use super::stage::Stage;
use super::step::{Step, What};
use super::subject::{Running, Subject};
use super::text::{Captures, fill};

/// How long anything expected may take, in virtual time. Longer than every delay a server makes on
/// purpose in an answer (5 s for a wrong password), shorter than its time-outs.
const PATIENCE: Duration = Duration::from_secs(25);

/// At the end nothing unexpected may arrive for this long.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Sessions whose clients are gone must have ended within this time.
const ENDING: Duration = Duration::from_secs(600);

/// What happened, line by line.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    text: String,
    pub(crate) exchanges: Exchanges,
}

impl Transcript {
    pub(crate) fn add(&mut self, at: Duration, who: char, what: &str) {
        let (secs, ms) = (at.as_secs(), at.subsec_millis());
        let _ = writeln!(self.text, "{secs:>6}.{ms:03} {who} {what}");
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Why a conversation did not go as written.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) line: Option<(usize, String)>,
    pub(crate) what: String,
}

/// Plays `conversation`; the transcript, and what went wrong if something did.
pub(crate) async fn play(
    conversation: &Conversation,
    subject: &dyn Subject,
    seed: u64,
) -> (Transcript, Result<(), Failure>) {
    let mut play = Play {
        stage: Stage::new(seed),
        clients: BTreeMap::new(),
        captured: Captures::new(),
        transcript: Transcript::default(),
        within: None,
        running: None,
    };
    let mut done = Ok(());
    for step in &conversation.steps {
        let what = play.step(step, subject).await;
        if let Err(what) = what {
            let line = Some((step.line, step.source.clone()));
            done = Err(Failure { line, what });
            break;
        }
    }
    if done.is_ok() {
        done = play.finish().await.map_err(|what| Failure { line: None, what });
    }
    (play.transcript, done)
}

struct Play {
    stage: Stage,
    clients: BTreeMap<char, Client>,
    captured: Captures,
    transcript: Transcript,
    within: Option<Duration>,
    running: Option<Running>,
}

impl Play {
    async fn step(&mut self, step: &Step, subject: &dyn Subject) -> Result<(), String> {
        if let What::Setup(setup) = &step.what {
            if self.running.is_some() {
                return Err("setup comes before the first connect".to_owned());
            }
            return self.stage.set_up(setup).await;
        }
        if let What::Name(name, ip) = &step.what {
            self.stage.net.set_name(name, *ip);
            return Ok(());
        }
        if self.running.is_none() {
            self.stage.finish();
            self.running = Some(subject.start(&self.stage).map_err(|e| e.to_string())?);
        }
        let patience = self.within.take().unwrap_or(PATIENCE);
        match &step.what {
            What::Connect { from, proxied } => {
                self.connect(step.who, *from, *proxied, patience).await
            }
            What::Wait(time) => {
                self.note(step.who, &step.source);
                tokio::time::sleep(*time).await;
                Ok(())
            }
            What::Shutdown => {
                self.note(step.who, "the server is asked to end");
                if let Some(running) = &self.running {
                    (running.stop)();
                }
                Ok(())
            }
            What::Within(time) => {
                self.within = Some(*time);
                Ok(())
            }
            What::File(..)
            | What::NoFile(_)
            | What::Dir(_)
            | What::NoDir(_)
            | What::Connected(_)
            | What::NeverConnected(_)
            | What::Sessions(_) => self.expect(&step.what).await,
            _ => self.talk(step, patience).await,
        }
    }

    async fn connect(
        &mut self,
        who: char,
        from: Option<SocketAddr>,
        proxied: Option<(SocketAddr, SocketAddr)>,
        patience: Duration,
    ) -> Result<(), String> {
        let from = from.unwrap_or_else(|| SocketAddr::new(self.stage.peer, 0));
        let link = soon(patience, self.stage.net.dial(from, self.stage.server)).await?;
        let link = link.map_err(|e| format!("the control connection failed: {e}"))?;
        self.note(who, &format!("connected from {}", link.local()));
        self.transcript.exchanges.connected(who);
        let mut ip = link.local().ip();
        if let Some((source, destination)) = proxied {
            ip = source.ip();
            let family = if ip.is_ipv4() { "TCP4" } else { "TCP6" };
            let (to, port) = (destination.ip(), destination.port());
            let header = format!("PROXY {family} {ip} {to} {} {port}\r\n", source.port());
            self.note(who, header.trim_end());
            soon(patience, link.send(header.as_bytes())).await?.map_err(|e| e.to_string())?;
        }
        self.clients.insert(who, Client::new(who, ip, link));
        Ok(())
    }

    async fn talk(&mut self, step: &Step, patience: Duration) -> Result<(), String> {
        let client = self.clients.get_mut(&step.who).ok_or("this client is not connected")?;
        let net = &self.stage.net;
        client.act(&step.what, net, &mut self.captured, &mut self.transcript, patience).await
    }

    async fn expect(&self, what: &What) -> Result<(), String> {
        match what {
            What::File(path, content) => {
                let path = fill(path, &self.captured)?;
                let want = content.octets();
                match self.stage.file(&path) {
                    Some(got) if got == want => Ok(()),
                    Some(got) => Err(difference("the file holds", &got, &want)),
                    None => Err("there is no such file".to_owned()),
                }
            }
            What::NoFile(path) => match self.stage.file(&fill(path, &self.captured)?) {
                Some(got) => Err(format!("the file is there, {} octets", got.len())),
                None => Ok(()),
            },
            What::Dir(path) => {
                if self.stage.is_dir(&fill(path, &self.captured)?).await {
                    Ok(())
                } else {
                    Err("there is no such directory".to_owned())
                }
            }
            What::NoDir(path) => {
                if self.stage.is_dir(&fill(path, &self.captured)?).await {
                    Err("the directory is there".to_owned())
                } else {
                    Ok(())
                }
            }
            What::Connected(to) => {
                let attempts = self.stage.net.attempts();
                if attempts.iter().any(|a| a.by == crate::net::Party::Engine && a.to == *to) {
                    Ok(())
                } else {
                    Err("the server never tried to connect there".to_owned())
                }
            }
            What::NeverConnected(ip) => {
                let attempts = self.stage.net.attempts();
                let hit =
                    attempts.iter().find(|a| a.by == crate::net::Party::Engine && a.to.ip() == *ip);
                hit.map_or(Ok(()), |a| Err(format!("the server tried to connect to {}", a.to)))
            }
            What::Sessions(want) => {
                let got = self.running.as_ref().map_or(0, |r| (r.sessions)());
                if got == *want { Ok(()) } else { Err(format!("the server has {got} sessions")) }
            }
            _ => Ok(()),
        }
    }

    /// Nothing more may come, and the server must let go of everyone and end when asked.
    async fn finish(&mut self) -> Result<(), String> {
        for client in self.clients.values() {
            client
                .silence(AFTERMATH, &self.stage.net, &mut self.transcript)
                .await
                .map_err(|e| format!("after the last line: {e}"))?;
        }
        self.clients.clear();
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        let mut waited = Duration::ZERO;
        while (running.sessions)() > 0 {
            if waited > ENDING {
                return Err("a session outlived its client".to_owned());
            }
            tokio::time::sleep(AFTERMATH).await;
            waited += AFTERMATH;
        }
        (running.stop)();
        match tokio::time::timeout(ENDING, &mut running.task).await {
            Err(_) => Err("the server did not end when asked".to_owned()),
            Ok(Err(e)) => Err(format!("the server's task ended badly: {e}")),
            Ok(Ok(())) => Ok(()),
        }
    }

    fn note(&mut self, who: char, what: &str) {
        self.transcript.add(self.stage.net.elapsed(), who, what);
    }
}

/// Waits for `future`, but not for ever.
pub(crate) async fn soon<T>(
    patience: Duration,
    future: impl Future<Output = T>,
) -> Result<T, String> {
    tokio::time::timeout(patience, future)
        .await
        .map_err(|_| format!("nothing came within {patience:?}"))
}

/// Says how two octet strings differ, without printing a megabyte.
pub(crate) fn difference(what: &str, got: &[u8], want: &[u8]) -> String {
    let same = got.iter().zip(want).take_while(|(a, b)| a == b).count();
    let near = |all: &[u8]| {
        let from = same.saturating_sub(20);
        let piece = all.get(from..all.len().min(same + 60)).unwrap_or_default();
        format!("{:?}", piece.escape_ascii().to_string())
    };
    let (a, b) = (got.len(), want.len());
    format!("{what} {a} octets, wanted {b}; at {same}: {} instead of {}", near(got), near(want))
}
