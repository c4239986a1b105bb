//! A transfer, or long work without a data connection, beside the control connection, which is
//! listened to all the while: ABOR and STAT are answered at once, everything else waits
//! (RFC 959 §4.1.3, docs/protocol.md).

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_proto::path::FtpPath;
use ferry_proto::server::{Action, DataVia, End, Failure, Fxp, Outcome, Work as Task, canonical};
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep_until;

use super::{BROKE, Control, Gone, HELD_MAX, NextData, Opening, Work};
use crate::connecting::{Connection, Via};
use crate::events::Event;
use crate::opened::Opened;
use crate::pace::{Direction, Pace};
use crate::pump::Marked;
use crate::transfer::{self, Data, Job};
use crate::who::{Busy, Noted};
use crate::work;

/// Restart markers of an upload that wait to be answered; the upload waits with them.
const MARKS_WAITING: usize = 16;

/// How the data connection of a transfer comes about and what it is like.
pub(super) struct Way {
    pub(super) via: DataVia,
    pub(super) protect: bool,
    pub(super) fxp: Fxp,
}

impl Control {
    /// Runs a transfer while the control connection is still listened to.
    pub(super) async fn run_transfer(
        &mut self,
        way: Way,
        keep: bool,
        work: &mut Work,
    ) -> Result<Outcome, Gone> {
        let Some(Opening { ready, verb }) = work.ready.take() else {
            return Ok(Outcome::Ended(End::Broken));
        };
        let (moved, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let path = ready.path.clone();
        let pace = self.pace(&ready.opened);
        let data = self.data(way)?;
        // Only where some can come: the end of the channel would wake this task once more.
        let answers = matches!(&ready.opened, Opened::Upload(upload) if upload.marks);
        let (marks, mut marked) = answers.then(|| mpsc::channel(MARKS_WAITING)).unzip();
        let job = Job {
            shared: Arc::clone(&self.shared),
            session: self.id,
            data,
            keep,
            ready,
            moved: Arc::clone(&moved),
            pace,
            marks,
            stop: Arc::clone(&stop),
        };
        let busy = Busy { verb: verb.name(), path: Some(path.clone()), moved: Arc::clone(&moved) };
        let noted = Noted::new(&self.shared.registry, &self.place, busy);
        let running = transfer::run(job);
        let watching = Watched { moved: &moved, stop: &stop, marks: marked.as_mut() };
        let (done, alive) = Box::pin(self.watch(running, watching, work)).await;
        drop(noted);
        self.next_data = done.kept.map(|kept| Box::new(NextData::Kept(kept)));
        self.report(&Event::Transferred {
            verb: verb.name(),
            path: &path,
            bytes: moved.load(Ordering::Relaxed),
            took: done.took,
            tls: done.tls,
            failed: done.why.as_deref(),
        });
        alive.map(|()| Outcome::Ended(done.end))
    }

    /// The bandwidth limits of a transfer.
    fn pace(&self, opened: &Opened) -> Pace {
        let upload = matches!(opened, Opened::Upload(_));
        let direction = if upload { Direction::Upload } else { Direction::Download };
        let account = self.place.slot().account();
        account.map_or_else(Pace::default, |account| {
            self.shared.limiters.pace(&self.counted_as(&account.name), &account, direction)
        })
    }

    /// The data connection of a transfer, or how it comes about.
    fn data(&mut self, Way { via, protect, fxp }: Way) -> Result<Data, Gone> {
        let via = match via {
            DataVia::Active(to) => {
                let local = canonical(self.wire.socket_addr().map_err(|_| Gone(BROKE))?);
                Via::Active { local, to }
            }
            DataVia::Passive | DataVia::Kept => match self.next_data.take().map(|next| *next) {
                Some(NextData::Kept(kept)) => return Ok(Data::Kept(kept)),
                Some(NextData::Passive(passive)) => Via::Passive(passive.door),
                None => Via::Nowhere,
            },
        };
        Ok(Data::New(Connection {
            shared: Arc::clone(&self.shared),
            session: self.id,
            via,
            tls: self.tls.as_deref().filter(|_| protect).cloned(),
            peer: self.machine.peer().ip(),
            fxp,
            host: self.host,
        }))
    }

    /// Does work that may take long while the control connection is still listened to.
    pub(super) async fn run_work(
        &mut self,
        verb: &'static str,
        task: Task,
        work: &mut Work,
    ) -> Result<Outcome, Gone> {
        let Some(session) = self.session() else {
            return Ok(Outcome::Failed(Failure::Denied));
        };
        // What is said already counts first: an ABOR behind work that would be over at once.
        while !work.eof && work.input.room() > 0 && self.read(work)? {}
        let (moved, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let told = changes(&task);
        let path = told.as_ref().map(|(path, _)| path.clone());
        let busy = Busy { verb, path, moved: Arc::clone(&moved) };
        let _noted = Noted::new(&self.shared.registry, &self.place, busy);
        let running = work::run(session, task, Arc::clone(&moved), Arc::clone(&stop));
        let watching = Watched { moved: &moved, stop: &stop, marks: None };
        let (done, alive) = Box::pin(self.watch(running, watching, work)).await;
        if let (true, Some((path, to))) = (done.changed, &told) {
            self.report(&Event::Changed { verb, path, to: to.as_ref() });
        }
        alive.map(|()| done.outcome)
    }

    /// Waits for the end of `job`, which ends early when it is told to stop, and listens to the
    /// control connection meanwhile. How the job ended, and whether the control connection outlived
    /// it.
    async fn watch<T>(
        &mut self,
        job: impl Future<Output = T> + Send,
        watched: Watched<'_>,
        work: &mut Work,
    ) -> (T, Result<(), Gone>) {
        let Watched { moved, stop, mut marks } = watched;
        let shared = Arc::clone(&self.shared);
        let limit = shared.line_limit();
        let mut job = Box::pin(job);
        let mut gone = None;
        let held_until = tokio::time::Instant::now() + HELD_MAX;
        loop {
            work.input.look_ahead(&mut self.lines, limit);
            while let Some(line) = work.input.take_ahead(|c| self.machine.overtakes(c)) {
                gone = self.overtake(&line, moved, stop, work).await.err().or(gone);
            }
            // A control connection that ends takes its transfer or work with it, unless QUIT was
            // said.
            if gone.is_some() || (work.eof && !work.input.has_quit()) {
                stop.notify_one();
            }
            let holds = gone.is_none() && !work.replies.is_empty();
            let listen = gone.is_none() && !work.eof && work.input.room() > 0;
            tokio::select! {
                biased;
                done = &mut job => {
                    // Markers that came last are answered before the transfer.
                    while let Some(marked) = marks.as_mut().and_then(|m| m.try_recv().ok()) {
                        if gone.is_none() {
                            gone = self.mark(&marked, work).await.err();
                        }
                    }
                    return (done, gone.map_or(Ok(()), Err));
                }
                () = shared.ending.notified() => stop.notify_one(),
                () = sleep_until(held_until), if holds => {
                    gone = self.flush(work).await.err();
                }
                marked = next_mark(&mut marks) => {
                    if gone.is_none() {
                        gone = self.mark(&marked, work).await.err();
                    }
                }
                ready = poll_fn(|cx| self.wire.poll_readable(cx)), if listen => {
                    let read = ready.map_err(|_| Gone(BROKE)).and_then(|()| self.read(work));
                    gone = read.err();
                }
            }
        }
    }

    /// Answers a restart marker of an upload.
    async fn mark(&mut self, (theirs, ours): &Marked, work: &mut Work) -> Result<(), Gone> {
        let mut actions = Vec::new();
        self.machine.marked(theirs, *ours, &mut actions);
        for action in actions {
            if let Action::Reply(reply) = action {
                self.tell(&reply, &mut work.replies);
            }
        }
        self.flush(work).await
    }

    /// ABOR or STAT meanwhile: answered at once, before the transfer's or work's own reply.
    pub(super) async fn overtake(
        &mut self,
        line: &[u8],
        moved: &AtomicU64,
        stop: &Notify,
        work: &mut Work,
    ) -> Result<(), Gone> {
        let mut actions = Vec::new();
        let so_far = moved.load(Ordering::Relaxed);
        self.machine.command(line, self.shared.hosts.rules(self.host), so_far, &mut actions);
        for action in actions {
            match action {
                Action::Reply(reply) => self.tell(&reply, &mut work.replies),
                Action::AbortTransfer => stop.notify_one(),
                _ => {}
            }
        }
        self.flush(work).await
    }
}

/// What a job shares with who watches it.
struct Watched<'a> {
    moved: &'a AtomicU64,
    stop: &'a Notify,
    marks: Option<&'a mut mpsc::Receiver<Marked>>,
}

/// The next restart marker; waits forever where none can come any more.
async fn next_mark(marks: &mut Option<&mut mpsc::Receiver<Marked>>) -> Marked {
    if let Some(marks) = marks
        && let Some(marked) = marks.recv().await
    {
        return marked;
    }
    std::future::pending().await
}

/// What to report of work that changes the tree.
fn changes(task: &Task) -> Option<(FtpPath, Option<FtpPath>)> {
    match task {
        Task::Hash { .. } | Task::TreeSize(_) => None,
        Task::RemoveTree(path) => Some((path.clone(), None)),
        Task::Combine { target, .. } => Some((target.clone(), None)),
        Task::Copy { from, to, .. } => Some((from.clone(), Some(to.clone()))),
    }
}
