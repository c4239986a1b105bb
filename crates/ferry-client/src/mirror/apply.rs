//! Doing what a walk or a plan says: many small things at a time, large files by size, deletions
//! and times of directories when their turn has come.
//!
//! What comes in is taken only while there is room to do it, so a walk never runs far ahead. A
//! file waits for the directory it belongs into; links, deletions of directories and times come
//! last, since they need what was done before.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use ferry_proto::path::FtpPath;
use ferry_storage::Kind;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::act::{Finished, Gate, Outcome, Shared, act};
use super::compare::same_time;
use super::dir_times::DirTimes;
use super::options::{Delete, Event, Reason, Stop, Summary};
use super::plan::{Action, Side, State, What};
use super::walk::{Item, Msg};
use crate::copy::Known;
use crate::error::ErrorKind;
use crate::session::BLOCK_FILE_MAX;

/// Files of more octets wait for their turn by size.
const LARGE: u64 = 8 << 20;

/// How many of them at a time.
const LARGE_JOBS: usize = 4;

/// The same from a server to itself: a copy then takes two of its connections, and many that each
/// hold one would wait for each other for ever. Smaller files are read whole before they are sent.
const LARGE_WITHIN: u64 = 128 << 10;
const LARGE_JOBS_WITHIN: usize = 1;

/// So many files that are sent whole are many: only then is it said that more will come.
const MANY_SMALL: u32 = 16;

/// How many of them may wait before the walk has to.
const LARGE_WAITING: usize = 4096;

/// The most jobs at a time, whatever is asked for.
const JOBS_MAX: usize = 4096;

/// A large file that waits; the largest comes first.
struct Large(u64, Reverse<FtpPath>, Item);

impl PartialEq for Large {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Large {}
impl PartialOrd for Large {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Large {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, &self.1).cmp(&(other.0, &other.1))
    }
}

/// A run that does things.
pub(crate) struct Apply {
    shared: Arc<Shared>,
    summary: Summary,
    tasks: JoinSet<Finished>,
    jobs: usize,
    /// Directories being made, or that could not be.
    gates: HashMap<(Side, FtpPath), Gate>,
    large: BinaryHeap<Large>,
    large_running: usize,
    /// From which size on a file is large, and how many of them at a time.
    large_from: u64,
    large_jobs: usize,
    /// Deletions that wait for the end of everything else.
    late: Vec<Item>,
    dir_deletes: Vec<Item>,
    links: Vec<Item>,
    dir_times: DirTimes,
    /// Directories in which something has changed.
    dirty: HashSet<(Side, FtpPath)>,
    /// Places that were to be freed by a renaming that failed: nothing may be written there.
    blocked: HashSet<(Side, FtpPath)>,
    /// Deletions begun.
    deletes: u64,
    /// Octets of copies begun.
    begun: u64,
    /// Small files on their way to either side.
    small: HashMap<Side, u32>,
    when: Delete,
}

impl Apply {
    pub(crate) fn new(shared: Arc<Shared>, when: Delete) -> Self {
        let wider = shared.left.storage.width().max(shared.right.storage.width());
        let jobs = if shared.options.jobs == 0 { wider } else { shared.options.jobs };
        let within = Arc::ptr_eq(&shared.left.storage, &shared.right.storage);
        let (large_from, large_jobs) =
            if within { (LARGE_WITHIN, LARGE_JOBS_WITHIN) } else { (LARGE, LARGE_JOBS) };
        Self {
            large_from,
            large_jobs,
            shared,
            summary: Summary { complete: true, ..Summary::default() },
            tasks: JoinSet::new(),
            jobs: jobs.clamp(1, JOBS_MAX),
            gates: HashMap::new(),
            large: BinaryHeap::new(),
            large_running: 0,
            late: Vec::new(),
            dir_deletes: Vec::new(),
            links: Vec::new(),
            dir_times: DirTimes::default(),
            dirty: HashSet::new(),
            blocked: HashSet::new(),
            deletes: 0,
            small: HashMap::new(),
            begun: 0,
            when,
        }
    }

    /// Does everything that comes, then what had to wait for that.
    pub(crate) async fn run(mut self, mut msgs: mpsc::Receiver<Msg>) -> Summary {
        let mut open = true;
        loop {
            self.start_large();
            let room = self.tasks.len() < self.jobs && self.large.len() < LARGE_WAITING;
            tokio::select! {
                biased;
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    self.finished(done);
                }
                msg = msgs.recv(), if open && room => match msg {
                    Some(msg) => self.take(msg).await,
                    None => open = false,
                },
                else => {}
            }
            if self.summary.stopped.is_some_and(is_final) {
                msgs.close();
                self.large.clear();
                if self.summary.stopped != Some(Stop::MaxTransfer) {
                    self.tasks.shutdown().await;
                    return self.summary;
                }
                // What was sent before the walk noticed is dropped with the channel.
                open = false;
            }
            if !open && self.tasks.is_empty() && self.large.is_empty() {
                break;
            }
        }
        Box::pin(self.last_things()).await;
        self.summary
    }

    async fn take(&mut self, msg: Msg) {
        match msg {
            Msg::Found { path, files, octets, same, complete } => {
                self.told(&path);
                self.summary.files += files;
                self.summary.octets += octets;
                self.summary.dirs += 1;
                self.summary.same += same;
                self.summary.complete &= complete;
                self.shared.observer.on(&Event::Found { path: &path, files, octets });
            }
            Msg::Failed(path, error) => {
                self.summary.complete = false;
                self.fail(&path, error);
            }
            Msg::Act(item) => Box::pin(self.take_item(*item)).await,
        }
    }

    async fn take_item(&mut self, item: Item) {
        let side = item.action.to;
        // What is skipped or never begun stays under way: its directory's turn comes at the end.
        self.dir_times.begun(&item.action);
        match &item.action.what {
            What::Time { dir: true, .. } => self.dir_times.wait(item),
            What::Link { .. } => self.links.push(item),
            What::Skip(reason) => self.skip(&item.action.path, *reason),
            What::Delete { in_the_way: true, .. } | What::Rename { .. } => {
                let deletes = matches!(item.action.what, What::Delete { .. });
                if deletes && !self.may_delete(&item) {
                    self.blocked.insert((side, item.action.path.clone()));
                    return;
                }
                self.shared.observer.on(&Event::Planned(&item.action));
                // What follows needs the place; and this is rare.
                let (action, outcome) = act(&self.shared, item, None).await;
                if !matches!(outcome, Outcome::Done) {
                    self.blocked.insert((side, action.path.clone()));
                }
                self.finished(Ok(Finished { action, outcome, large: false }));
            }
            What::Copy { .. } if self.blocked.contains(&(side, item.action.path.clone())) => {
                self.skip(&item.action.path, Reason::OtherKind);
            }
            What::Delete { kind: Kind::Dir, .. } => self.dir_deletes.push(item),
            What::Delete { .. } if self.when == Delete::During => self.delete(item),
            What::Delete { .. } => self.late.push(item),
            What::MakeDir { .. } => {
                let (done, gate) = watch::channel(None);
                let own = self.gate(&item.action);
                self.gates.insert((side, item.action.path.clone()), gate);
                self.shared.observer.on(&Event::Planned(&item.action));
                let shared = Arc::clone(&self.shared);
                self.tasks.spawn(async move {
                    let (action, outcome) = act(&shared, item, own).await;
                    let _ = done.send(Some(matches!(outcome, Outcome::Done)));
                    Finished { action, outcome, large: false }
                });
            }
            What::Copy { from, .. } => {
                let size = from.size.unwrap_or(0);
                let full = |max| self.begun >= max;
                if self.shared.options.max_transfer.is_some_and(full) {
                    self.summary.stopped = Some(Stop::MaxTransfer);
                    return;
                }
                self.begun = self.begun.saturating_add(size);
                if size <= BLOCK_FILE_MAX as u64 {
                    let small = self.small.entry(side).or_default();
                    *small += 1;
                    if *small == MANY_SMALL {
                        self.shared.expect_small(side);
                    }
                }
                self.shared.observer.on(&Event::Planned(&item.action));
                if size > self.large_from {
                    self.large.push(Large(size, Reverse(item.action.path.clone()), item));
                } else {
                    self.spawn(item, false);
                }
            }
            What::Time { .. } => {
                self.shared.observer.on(&Event::Planned(&item.action));
                self.spawn(item, false);
            }
        }
    }

    /// Counts a deletion, if there may be one more.
    fn may_delete(&mut self, item: &Item) -> bool {
        if self.shared.options.max_delete.is_some_and(|max| self.deletes >= max) {
            self.summary.stopped.get_or_insert(Stop::MaxDelete);
            self.skip(&item.action.path, Reason::DeleteLimit);
            return false;
        }
        self.deletes += 1;
        true
    }

    fn delete(&mut self, item: Item) {
        if self.may_delete(&item) {
            self.shared.observer.on(&Event::Planned(&item.action));
            self.spawn(item, false);
        }
    }

    /// All that is to be done in a directory has been told.
    fn told(&mut self, path: &FtpPath) {
        let key = (Side::Right, path.clone());
        self.dir_times.told(&key);
        self.try_dir_time(&key);
    }

    /// Sets a directory's time if its turn has come: on a long way that is a round trip less at the
    /// end.
    fn try_dir_time(&mut self, key: &(Side, FtpPath)) {
        if self.gates.contains_key(key) || self.is_over() {
            return;
        }
        if let Some(item) = self.dir_times.take(key)
            && self.is_due(&item)
        {
            self.set_dir_time(item);
        }
    }

    /// Whether the directory that an action belongs into is being made.
    fn gate(&self, action: &Action) -> Option<Gate> {
        self.gates.get(&(action.to, action.path.parent()?)).cloned()
    }

    fn spawn(&mut self, item: Item, large: bool) {
        let gate = self.gate(&item.action);
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let (action, outcome) = act(&shared, item, gate).await;
            Finished { action, outcome, large }
        });
    }

    fn start_large(&mut self) {
        while self.large_running < self.large_jobs.min(self.jobs)
            && let Some(Large(_, _, item)) = self.large.pop()
        {
            self.large_running += 1;
            self.spawn(item, true);
        }
    }

    fn skip(&mut self, path: &FtpPath, reason: Reason) {
        self.summary.skipped += 1;
        self.shared.observer.on(&Event::Skipped(path, reason));
    }

    fn fail(&mut self, path: &FtpPath, error: crate::Error) {
        self.shared.observer.on(&Event::Failed(path, &error));
        if error.kind() == ErrorKind::NoSpace {
            self.summary.stopped = Some(Stop::NoSpace);
        }
        self.summary.fail(path, error);
        if self.shared.options.max_errors.is_some_and(|max| self.summary.errors > max) {
            self.summary.stopped.get_or_insert(Stop::TooManyErrors);
        }
    }

    fn finished(&mut self, done: Result<Finished, tokio::task::JoinError>) {
        let Finished { action, outcome, large } = match done {
            Ok(finished) => finished,
            Err(e) => {
                // A panic in a storage; its file is lost, the others are not.
                let error = crate::Error::new(ErrorKind::Local, format!("a task ended: {e}"));
                return self.fail(&FtpPath::root(), error);
            }
        };
        self.large_running -= usize::from(large);
        self.dir_times.ended(&action);
        let place = (action.to, action.path.clone());
        self.count(action, outcome);
        if let Some(parent) = place.1.parent() {
            self.try_dir_time(&(place.0, parent));
        }
        self.try_dir_time(&place);
    }

    /// Counts and tells what has been done.
    fn count(&mut self, action: Action, outcome: Outcome) {
        let key = |path: &FtpPath| path.parent().map(|parent| (action.to, parent));
        match outcome {
            Outcome::Failed(error) => return self.fail(&action.path, error),
            Outcome::Skipped(reason) => return self.skip(&action.path, reason),
            Outcome::Copied(copied) => {
                self.summary.copied += 1;
                self.summary.moved += copied.moved;
                self.summary.resumed += copied.resumed;
                self.summary.retried += u64::from(copied.retried);
                self.dirty.extend(key(&action.path));
                self.shared.observer.on(&Event::Done(&action, Some(&copied)));
                return;
            }
            Outcome::Done => {}
        }
        match &action.what {
            What::MakeDir { .. } => {
                self.summary.dirs_made += 1;
                // Whoever needs it needs no longer wait.
                self.gates.remove(&(action.to, action.path.clone()));
                self.dirty.insert((action.to, action.path.clone()));
                self.dirty.extend(key(&action.path));
            }
            What::Link { .. } => {
                self.summary.links_made += 1;
                self.dirty.extend(key(&action.path));
            }
            What::Time { .. } => self.summary.times_set += 1,
            What::Delete { kind, .. } => {
                self.summary.deleted += 1;
                self.dirty.extend(key(&action.path));
                self.shared.observer.on(&Event::Deleted(&action.path, *kind));
            }
            What::Rename { .. } => self.dirty.extend(key(&action.path)),
            What::Copy { .. } | What::Skip(_) => {}
        }
        self.shared.observer.on(&Event::Done(&action, None));
    }

    /// Waits until at most `most` tasks are running.
    async fn drain(&mut self, most: usize) {
        while self.tasks.len() > most
            && let Some(done) = self.tasks.join_next().await
        {
            self.finished(done);
        }
    }

    /// Whether nothing more may be begun.
    fn is_over(&self) -> bool {
        self.summary.stopped.is_some_and(|stop| is_final(stop) && stop != Stop::MaxTransfer)
    }

    async fn last_things(&mut self) {
        self.deletions().await;
        Box::pin(self.make_links()).await;
        self.set_dir_times().await;
    }

    async fn deletions(&mut self) {
        let (late, mut dirs) =
            (std::mem::take(&mut self.late), std::mem::take(&mut self.dir_deletes));
        if self.summary.stopped.is_some_and(is_final) {
            return;
        }
        let all = self.deletes + late.len() as u64 + dirs.len() as u64;
        let too_many = self.shared.options.max_delete.is_some_and(|max| all > max);
        if too_many && self.when != Delete::During {
            if !late.is_empty() || !dirs.is_empty() {
                self.summary.stopped.get_or_insert(Stop::MaxDelete);
            }
            for item in late.iter().chain(&dirs) {
                self.skip(&item.action.path, Reason::DeleteLimit);
            }
            return;
        }
        for item in late {
            self.drain(self.jobs - 1).await;
            self.delete(item);
        }
        self.drain(0).await;
        // What is in a directory goes before it.
        let depth = |item: &Item| item.action.path.components().count();
        dirs.sort_by_key(|item| Reverse(depth(item)));
        let mut level = None;
        for item in dirs {
            let own = depth(&item);
            let most = if level == Some(own) { self.jobs - 1 } else { 0 };
            level = Some(own);
            self.drain(most).await;
            self.delete(item);
        }
        self.drain(0).await;
    }

    /// A link needs what it leads to, which may be another link.
    async fn make_links(&mut self) {
        let mut links = std::mem::take(&mut self.links);
        while !links.is_empty() && !self.is_over() {
            let (mut again, before) = (Vec::new(), links.len());
            for item in links {
                let copy = Item::new(item.action.clone(), Known::default());
                let (action, outcome) = act(&self.shared, item, None).await;
                match outcome {
                    Outcome::Failed(e) if e.kind() == ErrorKind::NotFound => again.push(copy),
                    outcome => self.finished(Ok(Finished { action, outcome, large: false })),
                }
            }
            if again.len() == before {
                for item in again {
                    self.skip(&item.action.path, Reason::BadLink);
                }
                return;
            }
            links = again;
        }
    }

    async fn set_dir_times(&mut self) {
        for item in self.dir_times.take_all() {
            if self.is_over() {
                return;
            }
            if self.is_due(&item) {
                self.drain(self.jobs - 1).await;
                self.set_dir_time(item);
            }
        }
        self.drain(0).await;
    }

    /// Whether a directory's time has to be set.
    fn is_due(&self, item: &Item) -> bool {
        let key = (item.action.to, item.action.path.clone());
        let failed = self.gates.contains_key(&key);
        !failed && (self.dirty.contains(&key) || differs(item))
    }

    fn set_dir_time(&mut self, item: Item) {
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let (action, outcome) = act(&shared, item, None).await;
            // Servers that set times of files often refuse to set those of directories.
            let outcome = match outcome {
                Outcome::Failed(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::Unsupported
                            | ErrorKind::Denied
                            | ErrorKind::NotFound
                            | ErrorKind::Refused
                    ) =>
                {
                    Outcome::Done
                }
                outcome => outcome,
            };
            Finished { action, outcome, large: false }
        });
    }
}

/// Whether nothing more is begun after that.
fn is_final(stop: Stop) -> bool {
    stop != Stop::MaxDelete
}

/// Whether a directory's time is another than its source's.
pub(crate) fn differs(item: &Item) -> bool {
    let Known { from: Some(from), to: Some(Some(to)), .. } = &item.known else { return true };
    !same_time(&State::of(from), &State::of(to))
}
