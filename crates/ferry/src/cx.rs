//! What every command has at hand: the flags, the places, the way out.

use std::ffi::OsString;
use std::sync::Arc;

use clap::ArgMatches;
use ferry_proto::date::UnixTime;

use crate::cli::Flags;
use crate::exit::{Exit, Failure, Outcome, Tally};
use crate::place::{Place, Places, Role};
use crate::records::{Failed, Record};
use crate::say;
use crate::stop::Stop;

/// Shared by everything that runs.
#[derive(Debug, Clone)]
pub(crate) struct Cx {
    pub(crate) flags: Arc<Flags>,
    pub(crate) places: Arc<Places>,
    pub(crate) stop: Stop,
    /// The command line of the process, for what runs in a shell.
    pub(crate) session: Arc<ArgMatches>,
}

impl Cx {
    pub(crate) fn json(&self) -> bool {
        self.flags.output.json
    }

    pub(crate) fn verbose(&self) -> bool {
        self.flags.output.verbose
    }

    pub(crate) fn quiet(&self) -> bool {
        self.flags.output.quiet
    }

    pub(crate) fn dry_run(&self) -> bool {
        self.flags.transfer.dry_run
    }

    /// Writes what was asked for: as a record, or as the text for people.
    pub(crate) fn put<R: Record>(
        &self,
        record: impl FnOnce() -> R,
        text: impl FnOnce() -> String,
    ) -> Outcome<()> {
        if self.json() { say::out(&record().line()) } else { say::out(&text()) }
    }

    /// Tells what was done: as a record, or to people who want to hear it.
    pub(crate) fn tell<R: Record>(
        &self,
        record: impl FnOnce() -> R,
        text: impl FnOnce() -> String,
    ) -> Outcome<()> {
        if self.json() {
            return say::out(&record().line());
        }
        if self.verbose() || (self.dry_run() && !self.quiet()) {
            say::err(&text());
        }
        Ok(())
    }

    /// Tells that something did not work, and counts it.
    pub(crate) fn fail(&self, tally: &mut Tally, failure: &Failure) {
        self.report(failure);
        tally.failed(failure.exit);
    }

    /// Tells that something did not work.
    pub(crate) fn report(&self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        if self.json() {
            let (message, exit) = (failure.message.as_str(), failure.exit.code());
            let failed = Failed { message, exit, reply: failure.reply };
            // If standard output is the trouble, standard error still tells.
            if say::out(&failed.line()).is_ok() {
                return;
            }
        }
        say::failed(&failure.message);
    }

    /// Opens a place, does something for each path that it stands for, and counts what fails.
    /// What breaks the whole run is passed on.
    pub(crate) async fn each(
        &self,
        arguments: &[OsString],
        role: Role,
        mut job: impl AsyncFnMut(&Place) -> Outcome<()>,
    ) -> Outcome<Exit> {
        let mut tally = Tally::default();
        for argument in arguments {
            let places = match self.places.open(argument, role).await {
                Ok(place) => crate::glob::expand(&place).await,
                Err(failure) => Err(failure),
            };
            let places = match places {
                Ok(found) => found,
                Err(failure) => {
                    self.fail(&mut tally, &failure);
                    continue;
                }
            };
            for place in places {
                match job(&place).await {
                    Ok(()) => tally.done(),
                    Err(failure) => {
                        self.fail(&mut tally, &failure);
                        if failure.message.is_empty() {
                            return Ok(failure.exit);
                        }
                    }
                }
            }
        }
        Ok(tally.exit())
    }
}

/// What the clock says.
#[allow(clippy::disallowed_methods, reason = "this is the edge, where the clock is read")]
pub(crate) fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let since = since.unwrap_or_default();
    UnixTime {
        secs: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: since.subsec_nanos(),
    }
}

/// A clock that does not go back.
#[allow(clippy::disallowed_methods, reason = "this is the edge, where the clock is read")]
pub(crate) fn instant() -> std::time::Instant {
    std::time::Instant::now()
}
