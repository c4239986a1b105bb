//! `ferry shell`: a server by hand, with the commands that fingers know from ftp(1) and lftp.
//!
//! A line is taken apart in [`parse`]; what it names is turned into places in [`words`]. Commands
//! that exist on the command line are those ([`commands`](crate::commands)); the rest is in
//! [`builtin`].

mod builtin;
mod complete;
mod input;
mod jobs;
mod parse;
mod table;
mod words;

use std::ffi::OsStr;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use ferry_proto::path::{ForPeople, FtpPath};
use ferry_storage::Kind;

use crate::cli;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::say;
use jobs::Jobs;
use parse::{Step, When};

/// What the shell knows.
pub(crate) struct Shell {
    cx: Cx,
    /// The server and the directory there.
    at: Option<Place>,
    /// The directory before that, for `cd -`.
    before: Option<FtpPath>,
    jobs: Jobs,
    /// Files are moved as text.
    text: bool,
    /// What completion needs to know; shared with the thread that reads lines.
    known: Arc<complete::Known>,
    /// What `exit` said.
    ended: Option<Exit>,
}

/// Obeys a file, some commands, or a person.
pub(crate) async fn run(cx: &Cx, args: &cli::Shell) -> Outcome<Exit> {
    let mut shell = Shell {
        cx: cx.clone(),
        at: None,
        before: None,
        jobs: Jobs::default(),
        text: false,
        known: Arc::new(complete::Known::new()),
        ended: None,
    };
    if let Some(place) = &args.place {
        Box::pin(shell.open(place)).await?;
    }
    let exit = if let Some(commands) = &args.command {
        shell.script(commands).await
    } else if let Some(file) = &args.file {
        shell.script(&script_text(file)?).await
    } else if !std::io::stdin().is_terminal() {
        shell.script(&script_text(Path::new("-"))?).await
    } else {
        shell.interactive().await
    };
    shell.jobs.wait_all(&shell.cx).await;
    exit
}

/// At a place that must be there, by hand.
pub(crate) async fn open(cx: &Cx, args: &cli::Open) -> Outcome<Exit> {
    let args = cli::Shell { place: Some(args.place.clone()), file: None, command: None };
    run(cx, &args).await
}

fn script_text(file: &Path) -> Outcome<String> {
    let text = match file == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    text.map_err(|e| Failure::local(file.display(), &e))
}

impl Shell {
    /// Goes to a place on a server.
    async fn open(&mut self, argument: &OsStr) -> Outcome<()> {
        let place = self.cx.places.open(argument, Role::Read).await?;
        if place.is_local() {
            return Err(Failure::usage("the shell works on servers; write ftp://HOST/"));
        }
        self.enter(place).await
    }

    /// Makes a directory of a server the present one.
    async fn enter(&mut self, place: Place) -> Outcome<()> {
        if place.path != place.home {
            let meta = place.storage.stat(&place.path, true).await;
            let meta = meta.map_err(|e| Failure::storage(place.shown(), &e))?;
            if meta.kind != Kind::Dir {
                let what = format!("{} is no directory", place.shown());
                return Err(Failure::new(Exit::Exists, what));
            }
        }
        self.before = self.at.as_ref().map(|at| at.path.clone());
        self.known.enter(Some(&place));
        self.at = Some(place);
        Ok(())
    }

    /// Obeys a text; the first command that fails ends it, unless `||` follows.
    async fn script(&mut self, text: &str) -> Outcome<Exit> {
        let steps = parse::parse(text).map_err(|e| Failure::usage(e.to_string()))?;
        let mut last = Exit::Done;
        let mut steps = steps.into_iter().peekable();
        while let Some(step) = steps.next() {
            if !due(&step, last) {
                continue;
            }
            last = self.obey(step).await;
            if let Some(exit) = self.ended {
                return Ok(exit);
            }
            let caught = steps.peek().is_some_and(|next| next.when != When::Always);
            if last != Exit::Done && !caught {
                return Ok(last);
            }
        }
        Ok(last)
    }

    /// Reads lines from a person until there are no more.
    async fn interactive(&mut self) -> Outcome<Exit> {
        let mut input = input::Input::new(Arc::clone(&self.known))?;
        let mut last = Exit::Done;
        if self.at.is_none() {
            say::err("No server yet: open ftp://HOST/ goes to one, help tells what there is.");
        }
        loop {
            self.jobs.tell_finished();
            say::flush()?;
            let Some(line) = input.line(self.prompt()).await? else { break };
            self.cx.stop.reset();
            let steps = match parse::parse(&line) {
                Ok(steps) => steps,
                Err(e) => {
                    say::failed(&e.to_string());
                    continue;
                }
            };
            for step in steps {
                if !due(&step, last) {
                    continue;
                }
                last = self.obey(step).await;
                if let Some(exit) = self.ended {
                    return Ok(exit);
                }
            }
            self.known.forget();
        }
        Ok(Exit::Done)
    }

    fn prompt(&self) -> String {
        match &self.at {
            None => "ferry> ".to_owned(),
            Some(at) => {
                let base = at.base.split_once("://").map_or("", |(_, base)| base);
                format!("{}:{}> ", ForPeople(base.as_bytes()), at.path)
            }
        }
    }

    /// Does one step, tells what did not work, and says how it went.
    async fn obey(&mut self, step: Step) -> Exit {
        let stop = self.cx.stop.clone();
        let outcome = tokio::select! {
            outcome = Box::pin(self.step(step)) => outcome,
            () = stop.requested() => Err(Failure::new(Exit::Interrupted, "stopped")),
        };
        outcome.unwrap_or_else(|failure| {
            self.cx.report(&failure);
            failure.exit
        })
    }

    async fn step(&mut self, step: Step) -> Outcome<Exit> {
        if let Some(command) = &step.system {
            return builtin::system(command).await;
        }
        let Some((name, rest)) = step.words.split_first() else { return Ok(Exit::Done) };
        let name = name.text();
        let Some(entry) = table::find(&name) else {
            let what = format!("\"{}\" is no command; help lists them", ForPeople(name.as_bytes()));
            return Err(Failure::usage(what));
        };
        if let Some(outcome) = Box::pin(self.builtin(entry.name, rest)).await {
            return outcome;
        }
        let (cx, command) = Box::pin(self.command(entry.name, rest)).await?;
        if step.background {
            self.jobs.start(cx, command, step.text);
            return Ok(Exit::Done);
        }
        Box::pin(crate::commands::run(&cx, command)).await
    }

    /// Where we are on a server.
    fn here(&self) -> Outcome<&Place> {
        self.at.as_ref().ok_or_else(|| Failure::usage("no server yet; open ftp://HOST/ first"))
    }
}

/// Whether a step is to be obeyed after one that ended so.
fn due(step: &Step, last: Exit) -> bool {
    match step.when {
        When::Always => true,
        When::IfDone => last == Exit::Done,
        When::IfFailed => last != Exit::Done,
    }
}
