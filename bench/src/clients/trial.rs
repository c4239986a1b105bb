//! One run of one client: cleared before, timed, and looked at afterwards.

use std::io;
use std::path::Path;
use std::time::Duration;

use interop::process;

use super::cell::{Cell, Direction, Work};
use super::place::Place;
use super::servers::Running;
use super::tools::{Job, Ready};
use crate::clock;

/// The longest reason that goes into a table.
const REASON_MAX: usize = 140;

/// How much room the smaller load has over what the whole one would allow it: logging in and
/// starting weigh more there.
const ROOM: f64 = 2.0;

/// What came of a run.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// All is there, octet for octet.
    Done(Duration),
    /// Ended at its time limit.
    Late { limit: Duration, arrived: usize, files: usize },
    /// Ended otherwise.
    Failed(String),
}

/// What all runs of a cell have in common.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) cell: Cell,
    pub(crate) place: &'a Place,
    pub(crate) server: &'a Running,
    pub(crate) limit: Duration,
}

impl Stage<'_> {
    /// Runs `tool` once, with `home` for its settings and what it remembers, on the smaller load if
    /// `trying`.
    ///
    /// # Errors
    /// Something of our own fails; what fails of the client is an outcome.
    pub(crate) fn run(
        &self,
        tool: &Ready,
        home: &Path,
        parallel: u32,
        trying: bool,
    ) -> io::Result<Outcome> {
        let Cell { work, direction, tls, .. } = self.cell;
        let load = self.place.load(work, trying);
        self.place.make_ready(load)?;
        let (local, remote) = match (direction, work) {
            (Direction::Down, Work::Small) => (self.place.local(), load.name.clone()),
            (Direction::Down, Work::Large) => {
                (self.place.local().join(&load.name), load.name.clone())
            }
            (Direction::Up, Work::Small) => (self.place.served().join(&load.name), "up".to_owned()),
            (Direction::Up, Work::Large) => {
                (self.place.served().join(&load.name), format!("up/{}", load.name))
            }
        };
        let job = Job {
            work,
            direction,
            tls,
            at: self.server.at,
            user: self.server.user,
            password: self.server.password,
            load,
            local: &local,
            remote: &remote,
            parallel,
            home,
        };
        let command = tool.command(&job)?;
        let limit = if trying { self.try_limit() } else { self.limit };
        let began = clock::now();
        let finished = process::run(command, b"", limit)?;
        let took = began.elapsed();
        let outcome = if finished.timed_out {
            let arrived = self.place.arrived(load, direction)?;
            Outcome::Late { limit, arrived, files: load.files.len() }
        } else if !finished.status.success() {
            Outcome::Failed(format!("{}: {}", finished.status, last_words(&finished)))
        } else {
            match self.place.verify(load, direction) {
                Ok(()) => Outcome::Done(took),
                Err(e) => Outcome::Failed(format!("called itself done, but {e}")),
            }
        };
        if outcome.took().is_none() {
            self.server.check()?;
        }
        self.place.clear()?;
        Ok(outcome)
    }

    /// The longest a run on the smaller load may take: who needs more would be stopped on the whole
    /// one too.
    fn try_limit(&self) -> Duration {
        self.longest().mul_f64(self.share() * ROOM).min(self.limit)
    }

    /// What a run may be expected to take and still is tried: an estimate is not the truth.
    pub(crate) fn longest(&self) -> Duration {
        self.limit.mul_f64(1.3)
    }

    /// The smaller load by the whole one, octets.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn share(&self) -> f64 {
        let octets = |trying| self.place.load(self.cell.work, trying).octets as f64;
        octets(true) / octets(false).max(1.0)
    }
}

/// The last line of words it said, errors before others; meters are no words.
fn last_words(finished: &process::Finished) -> String {
    let is_words = |line: &&str| line.chars().filter(char::is_ascii_alphabetic).count() >= 10;
    let last =
        |text: &str| text.split(['\n', '\r']).map(str::trim).rfind(is_words).map(str::to_owned);
    let said = last(&finished.stderr).or_else(|| last(&finished.stdout));
    said.unwrap_or_else(|| "said nothing".to_owned())
        .chars()
        .map(|c| if c.is_control() || c == '|' { ' ' } else { c })
        .take(REASON_MAX)
        .collect()
}

impl Outcome {
    /// How long it took, if it came to an end.
    pub(crate) fn took(&self) -> Option<Duration> {
        match self {
            Self::Done(took) => Some(*took),
            Self::Late { .. } | Self::Failed(_) => None,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done(took) => write!(f, "{:.2} s", took.as_secs_f64()),
            Self::Late { limit, arrived, files } => {
                write!(f, "stopped after {} s", limit.as_secs())?;
                if *files > 1 {
                    let rate = per_second(*arrived, *limit);
                    write!(f, " with {arrived} of {files} files ({rate:.1} files/s)")?;
                }
                Ok(())
            }
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

/// `count` in `time`, a second.
#[allow(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}
