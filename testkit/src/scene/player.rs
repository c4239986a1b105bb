//! Plays a scene: the listener, what all sessions of a scene share, the transcript, and what is
//! looked at when it is over.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::act::Act;
use super::parse::Check;
use super::session::{self, chosen};
use super::tls::{Tls, certificate_der};
use super::tree::Tree;
use super::{Scene, Stage};
use crate::script::text::Captures;

/// The most octets of one line in a transcript; more is counted.
const SHOWN_MAX: usize = 200;

/// What all sessions of a scene share.
#[derive(Debug)]
pub(crate) struct World {
    stage: Stage,
    rules: Vec<super::act::Rule>,
    pub(crate) tls: Tls,
    pub(crate) tree: Tree,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    transcript: Vec<String>,
    heard: Vec<Vec<u8>>,
    counts: HashMap<String, usize>,
    connections: usize,
}

impl World {
    pub(crate) fn writes_over(&self) -> bool {
        self.stage.writes_over
    }

    pub(crate) fn deflates(&self) -> bool {
        self.stage.deflates
    }

    pub(crate) fn drops_broken(&self) -> bool {
        self.stage.drops_broken
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, session: usize, what: &str) {
        self.log().transcript.push(format!("{session} . {what}"));
    }

    pub(crate) fn heard(&self, session: usize, line: &[u8]) {
        let mut log = self.log();
        log.transcript.push(format!("{session} < {}", shown(line)));
        log.heard.push(line.to_vec());
    }

    pub(crate) fn said(&self, session: usize, octets: &[u8]) {
        self.log().transcript.push(format!("{session} > {}", shown(octets)));
    }

    /// Counts a command and finds what is done for it.
    pub(crate) fn acts_for(&self, verb: &str, argument: &[u8]) -> Vec<Act> {
        let mut log = self.log();
        let mut counted = |verb: &str| {
            let count = log.counts.entry(verb.to_owned()).or_default();
            *count += 1;
            *count
        };
        let nth = counted(verb);
        let nth_any = if verb == "CONNECT" { 0 } else { counted("ANY") };
        chosen(&self.rules, verb, argument, nth, nth_any)
    }

    pub(crate) fn lacks(&self, verb: &str) -> bool {
        self.stage.without.iter().any(|word| word == verb)
    }

    pub(crate) fn explicit(&self) -> bool {
        self.stage.tls.explicit
    }

    pub(crate) fn implicit(&self) -> bool {
        self.stage.tls.implicit
    }

    /// What is replied where a data connection resumed nothing.
    pub(crate) fn required(&self) -> Option<Vec<u8>> {
        self.stage.tls.required.clone()
    }
}

/// Octets for a person: escapes, and not too many.
fn shown(octets: &[u8]) -> String {
    let octets = octets.strip_suffix(b"\r\n").unwrap_or(octets);
    match octets.get(..SHOWN_MAX) {
        Some(head) => format!("{}… ({} octets)", head.escape_ascii(), octets.len()),
        None => octets.escape_ascii().to_string(),
    }
}

pub(crate) async fn play(scene: &Scene) -> Result<Playing, String> {
    let world = Arc::new(World {
        stage: scene.stage.clone(),
        rules: scene.rules.clone(),
        tls: Tls::new(&scene.stage.tls)?,
        tree: Tree::new(&scene.stage.files),
        log: Mutex::default(),
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|e| e.to_string())?;
    let addr = listener.local_addr().map_err(|e| e.to_string())?;
    let shared = Arc::clone(&world);
    let task = tokio::spawn(async move {
        // Dropped with this task, and the sessions with it.
        let mut sessions = JoinSet::new();
        while let Ok((tcp, _)) = listener.accept().await {
            let number = {
                let mut log = shared.log();
                log.connections += 1;
                log.connections
            };
            sessions.spawn(session::run(Arc::clone(&shared), tcp, number));
        }
    });
    Ok(Playing { addr, world, task, checks: scene.checks.clone() })
}

/// A scene that is being played; dropped, its server is gone.
#[derive(Debug)]
pub struct Playing {
    addr: SocketAddr,
    world: Arc<World>,
    task: JoinHandle<()>,
    checks: Vec<Check>,
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Playing {
    /// Where its server listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate its server shows, DER.
    ///
    /// # Errors
    /// There is none.
    pub fn certificate(&self) -> Result<Vec<u8>, String> {
        certificate_der()
    }

    /// What a file of the server's holds now.
    #[must_use]
    pub fn file(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.world.tree.file(path)
    }

    /// Adds a line to the transcript, for what the client's side does and finds.
    pub fn note(&self, what: &str) {
        self.world.log().transcript.push(format!("client: {what}"));
    }

    /// Everything that happened so far.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.world.log().transcript.join("\n")
    }

    /// Looks at what must hold when the client is done.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), String> {
        self.checks.iter().try_for_each(|check| self.check_one(check))
    }

    fn check_one(&self, check: &Check) -> Result<(), String> {
        let name = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        let log = self.world.log();
        let times = |pattern: &crate::script::text::Pattern| {
            log.heard.iter().filter(|line| pattern.fits(line, &mut Captures::new())).count()
        };
        match check {
            Check::Saw(wanted, pattern) => {
                let seen = times(pattern);
                if wanted.map_or(seen > 0, |wanted| wanted == seen) {
                    return Ok(());
                }
                Err(format!("{:?} came {seen} times", pattern.as_str()))
            }
            Check::Never(pattern) if times(pattern) == 0 => Ok(()),
            Check::Never(pattern) => Err(format!("{:?} came", pattern.as_str())),
            Check::Connections(wanted) if log.connections == *wanted => Ok(()),
            Check::Connections(_) => Err(format!("{} control connections", log.connections)),
            Check::File(path, content) => match self.file(path) {
                Some(found) if found == *content => Ok(()),
                Some(found) => Err(format!("{} holds {}", name(path), shown(&found))),
                None => Err(format!("there is no {}", name(path))),
            },
            Check::Same(path, other) if self.file(path) == self.file(other) => Ok(()),
            Check::Same(path, other) => Err(format!("{} and {} differ", name(path), name(other))),
            Check::NoFile(path) if self.file(path).is_none() => Ok(()),
            Check::NoFile(path) => Err(format!("there is {}", name(path))),
        }
    }
}
