//! What runs in the background.

use tokio::task::JoinHandle;

use super::parse::Word;
use crate::cli::Command;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::stop::Stop;

/// The most jobs at a time.
const JOBS_MAX: usize = 64;

#[derive(Debug)]
struct Job {
    number: usize,
    text: String,
    handle: JoinHandle<Exit>,
}

/// All that run, and those whose end was not told yet.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    jobs: Vec<Job>,
    last: usize,
}

impl Jobs {
    /// Starts one. It says nothing of its progress, and Ctrl-C is not for it.
    pub(super) fn start(&mut self, cx: Cx, command: Command, text: String) {
        if self.jobs.len() >= JOBS_MAX {
            say::failed("too many jobs; wait for some");
            return;
        }
        self.last += 1;
        let mut flags = (*cx.flags).clone();
        flags.output.quiet = true;
        let cx = Cx { flags: flags.into(), stop: Stop::default(), ..cx };
        let handle = tokio::task::spawn_local(async move {
            let outcome = Box::pin(crate::commands::run(&cx, command)).await;
            outcome.unwrap_or_else(|failure| {
                cx.report(&failure);
                failure.exit
            })
        });
        say::err(&format!("[{}] {text}", self.last));
        self.jobs.push(Job { number: self.last, text, handle });
    }

    pub(super) fn list(&self) -> Outcome<()> {
        self.jobs.iter().try_for_each(|job| {
            let state = if job.handle.is_finished() { "ended" } else { "runs" };
            say::out(&format!("[{}] {state}  {}", job.number, job.text))
        })
    }

    /// Tells of those that have ended, and forgets them.
    pub(super) fn tell_finished(&mut self) {
        for job in self.jobs.extract_if(.., |job| job.handle.is_finished()) {
            say::err(&format!("[{}] ended  {}", job.number, job.text));
        }
    }

    fn position(&self, word: &Word) -> Outcome<usize> {
        let text = word.text();
        let number = text.trim_start_matches('%').parse::<usize>().ok();
        let found = self.jobs.iter().position(|job| Some(job.number) == number);
        found.ok_or_else(|| Failure::new(Exit::NotFound, "there is no such job"))
    }

    /// Waits for one, or for all.
    pub(super) async fn wait(&mut self, cx: &Cx, which: Option<&Word>) -> Outcome<Exit> {
        match which {
            None => Ok(self.wait_all(cx).await),
            Some(word) => {
                let job = self.jobs.remove(self.position(word)?);
                Ok(end(job).await)
            }
        }
    }

    /// Waits for all, unless someone wants to stop. Says the worst end.
    pub(super) async fn wait_all(&mut self, cx: &Cx) -> Exit {
        let mut worst = Exit::Done;
        while !self.jobs.is_empty() {
            let job = self.jobs.remove(0);
            let abort = job.handle.abort_handle();
            tokio::select! {
                exit = end(job) => worst = worst.max(exit),
                () = cx.stop.requested() => {
                    abort.abort();
                    worst = Exit::Interrupted;
                }
            }
        }
        worst
    }

    /// Stops one, or all.
    pub(super) fn kill(&mut self, which: Option<&Word>) -> Outcome<()> {
        let Some(word) = which else {
            return Err(Failure::usage("kill wants the number of a job, or all"));
        };
        let killed: Vec<Job> = match word.plain().as_slice() {
            b"all" => self.jobs.drain(..).collect(),
            _ => vec![self.jobs.remove(self.position(word)?)],
        };
        for job in killed {
            job.handle.abort();
            say::err(&format!("[{}] stopped  {}", job.number, job.text));
        }
        Ok(())
    }
}

async fn end(job: Job) -> Exit {
    let exit = job.handle.await.unwrap_or(Exit::Interrupted);
    say::err(&format!("[{}] ended  {}", job.number, job.text));
    exit
}
