//! What is to be done, name by name. Nothing is done here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, Kind, Meta};
use tokio::sync::mpsc;

use super::super::both::{Both, Told, walk};
use super::super::compare::{Rules, Verdict, compare, order_of};
use super::super::options::{Reason, Stop, Tree};
use super::super::plan::{Action, Side, State, What, Why};
use super::super::sync_state::SyncState;
use super::super::walk::{Item, Msg};
use super::{Conflict, SyncOptions};
use crate::copy::{Known, of_storage, same_content};

/// Decides what is to be done.
pub(super) struct Decider<'a> {
    trees: [&'a Tree; 2],
    options: &'a SyncOptions,
    state: &'a SyncState,
    next: Arc<Mutex<SyncState>>,
    /// Directories that are there, or are being made.
    dirs: HashSet<(Side, FtpPath)>,
}

type Sent = Result<(), mpsc::error::SendError<Msg>>;

impl<'a> Decider<'a> {
    pub(super) fn new(
        left: &'a Tree,
        right: &'a Tree,
        options: &'a SyncOptions,
        state: &'a SyncState,
        next: Arc<Mutex<SyncState>>,
    ) -> Self {
        Self { trees: [left, right], options, state, next, dirs: HashSet::new() }
    }

    pub(super) async fn run(mut self, out: mpsc::Sender<Msg>) -> Option<Stop> {
        let [left, right] = self.trees;
        let options = Arc::new(self.options.mirror.clone());
        let (tell, mut told) = mpsc::channel(16);
        let deciding = async {
            while let Some(told) = told.recv().await {
                let sent = match told {
                    Told::Failed(path, error) => out.send(Msg::Failed(path, error)).await,
                    Told::Skipped(path, reason) => skip(&out, path, reason).await,
                    Told::Dir(both) => match Box::pin(self.directory(&both, &out)).await {
                        Ok(sent) => sent,
                        Err(stop) => return Some(stop),
                    },
                };
                if sent.is_err() {
                    break;
                }
            }
            // The walk ends when it next has something to tell.
            told.close();
            None
        };
        let walking = async {
            Box::pin(walk(left, right, &options, tell)).await;
        };
        let mut deciding = Box::pin(deciding);
        tokio::select! {
            biased;
            stop = &mut deciding => stop,
            () = walking => deciding.await,
        }
    }

    async fn directory(&mut self, both: &Both, out: &mpsc::Sender<Msg>) -> Result<Sent, Stop> {
        let emptied = |at: usize| {
            let gone = |(_, metas): &(FtpPath, [Option<Meta>; 2])| {
                metas.get(at).is_some_and(Option::is_none)
            };
            !both.entries.is_empty() && both.entries.iter().all(gone)
        };
        let root = both.path.is_root();
        let suspicious = root && !self.state.is_empty() && (emptied(0) || emptied(1));
        if suspicious && !self.options.mirror.force_empty {
            return Err(Stop::EmptySource);
        }
        for (side, there) in [Side::Left, Side::Right].into_iter().zip(both.there) {
            if there {
                self.dirs.insert((side, both.path.clone()));
            }
        }
        let (mut files, mut octets, mut same) = (0, 0, 0);
        for (path, metas) in &both.entries {
            let [left, right] = metas;
            for meta in left.iter().chain(right).filter(|m| m.kind == Kind::File).take(1) {
                files += 1;
                octets += meta.size;
            }
            let sent = match Box::pin(self.entry(path, [left.as_ref(), right.as_ref()], both, out))
                .await
            {
                Ok(was_same) => {
                    same += u64::from(was_same);
                    Ok(())
                }
                Err(e) => Err(e),
            };
            if sent.is_err() {
                return Ok(sent);
            }
        }
        let complete = both.proven == [true; 2];
        let path = both.path.clone();
        Ok(out.send(Msg::Found { path, files, octets, same, complete }).await)
    }

    /// Decides on one name; says whether it is a file that is the same on both sides.
    async fn entry(
        &mut self,
        path: &FtpPath,
        metas: [Option<&Meta>; 2],
        both: &Both,
        out: &mpsc::Sender<Msg>,
    ) -> Result<bool, mpsc::error::SendError<Msg>> {
        let before = self.state.known.get(path).copied();
        match metas {
            [Some(left), Some(right)] => match (left.kind, right.kind) {
                (Kind::Dir, Kind::Dir) => self.remember(path, None),
                (Kind::File, Kind::File) => {
                    return self.two_files(path, left, right, before.flatten(), out).await;
                }
                _ => skip(out, path.clone(), Reason::OtherKind).await?,
            },
            [Some(only), None] => {
                self.one(path, (Side::Left, only), before, both.proven[1], out).await?;
            }
            [None, Some(only)] => {
                self.one(path, (Side::Right, only), before, both.proven[0], out).await?;
            }
            [None, None] => {}
        }
        Ok(false)
    }

    /// Something that only one side has. `proven` tells whether the other really has not.
    async fn one(
        &mut self,
        path: &FtpPath,
        (side, meta): (Side, &Meta),
        before: Option<Option<[State; 2]>>,
        proven: bool,
        out: &mpsc::Sender<Msg>,
    ) -> Sent {
        let own = |[left, right]: [State; 2]| if side == Side::Left { left } else { right };
        let unchanged = match (before, meta.kind) {
            (Some(None), Kind::Dir) => true,
            (Some(Some(states)), Kind::File) => own(states).still(&State::of(meta)),
            _ => false,
        };
        if !unchanged {
            return match meta.kind {
                Kind::Dir => self.make_dir(side.other(), path, out).await,
                _ => self.copy(side, path, meta, None, Why::New, out).await,
            };
        }
        if !proven {
            return skip(out, path.clone(), Reason::Unproven).await;
        }
        let state = State::of(meta);
        let what = What::Delete { kind: meta.kind, state, in_the_way: false };
        act(out, side, path.clone(), what, Known::default()).await
    }

    async fn two_files(
        &mut self,
        path: &FtpPath,
        left: &Meta,
        right: &Meta,
        before: Option<[State; 2]>,
        out: &mpsc::Sender<Msg>,
    ) -> Result<bool, mpsc::error::SendError<Msg>> {
        let (a, b) = (State::of(left), State::of(right));
        let changed = match before {
            Some([was_a, was_b]) => [!was_a.still(&a), !was_b.still(&b)],
            None => [true; 2],
        };
        let rules = Rules { how: self.options.mirror.compare, update: false, times_kept: true };
        let why = match compare(left, right, rules) {
            Verdict::Same | Verdict::Newer => None,
            _ if changed == [false; 2] => None,
            Verdict::Differs(why) => Some(why),
            Verdict::Read { .. } => match self.contents(path).await {
                Ok(true) => None,
                Ok(false) => Some(Why::Content),
                Err(e) => {
                    let error = of_storage(e, "comparing contents");
                    out.send(Msg::Failed(path.clone(), error)).await?;
                    return Ok(false);
                }
            },
        };
        let Some(why) = why else {
            self.remember(path, Some([a, b]));
            return Ok(true);
        };
        // Changed on both sides and of one length: a copy that was cut off before its time was set
        // looks like that, and is no conflict.
        if changed == [true; 2] && a.size.is_some() && a.size == b.size {
            match self.contents(path).await {
                Ok(true) => {
                    let (older, newer) = match order_of(&a, &b) {
                        Some(std::cmp::Ordering::Less) => (left, Side::Right),
                        _ => (right, Side::Left),
                    };
                    let what = What::Time { modified: older.modified, dir: false };
                    act(out, newer, path.clone(), what, Known::default()).await?;
                    return Ok(false);
                }
                Ok(false) => {}
                Err(e) => {
                    let error = of_storage(e, "comparing contents");
                    out.send(Msg::Failed(path.clone(), error)).await?;
                    return Ok(false);
                }
            }
        }
        let winner = match changed {
            [true, false] => Some(Side::Left),
            [false, true] => Some(Side::Right),
            _ => match self.options.conflict {
                Conflict::Left => Some(Side::Left),
                Conflict::Right => Some(Side::Right),
                Conflict::Newer => order_of(&a, &b).and_then(side_of),
                Conflict::Larger => a.size.zip(b.size).and_then(|(a, b)| side_of(a.cmp(&b))),
                Conflict::Both => return self.keep_both(path, left, right, out).await,
                Conflict::Skip => None,
            },
        };
        match winner {
            None => skip(out, path.clone(), Reason::Conflict).await?,
            Some(Side::Left) => {
                self.copy(Side::Left, path, left, Some(right), why, out).await?;
            }
            Some(Side::Right) => {
                self.copy(Side::Right, path, right, Some(left), why, out).await?;
            }
        }
        Ok(false)
    }

    async fn contents(&self, path: &FtpPath) -> Result<bool, FsError> {
        let [left, right] = self.trees;
        let (a, b) = (left.at(path)?, right.at(path)?);
        same_content((&*left.storage, &a), (&*right.storage, &b)).await
    }

    /// The right file gets another name on both sides, the left one keeps its own.
    async fn keep_both(
        &mut self,
        path: &FtpPath,
        left: &Meta,
        right: &Meta,
        out: &mpsc::Sender<Msg>,
    ) -> Result<bool, mpsc::error::SendError<Msg>> {
        let Some(other) = conflict_name(path, right) else {
            skip(out, path.clone(), Reason::BadName).await?;
            return Ok(false);
        };
        let rename = What::Rename { to: other.clone() };
        act(out, Side::Right, path.clone(), rename, Known::default()).await?;
        self.copy(Side::Left, path, left, None, Why::New, out).await?;
        self.copy(Side::Right, &other, right, None, Why::New, out).await?;
        Ok(false)
    }

    /// Has a file copied to the other side of `from`.
    async fn copy(
        &mut self,
        from: Side,
        path: &FtpPath,
        meta: &Meta,
        there: Option<&Meta>,
        why: Why,
        out: &mpsc::Sender<Msg>,
    ) -> Sent {
        if let Some(parent) = path.parent() {
            self.make_dir(from.other(), &parent, out).await?;
        }
        let (state, to) = (State::of(meta), there.map(State::of));
        let what = What::Copy { why, name: None, from: state, to };
        let known =
            Known { from: Some(meta.clone()), to: Some(there.cloned()), ..Known::default() };
        act(out, from.other(), path.clone(), what, known).await
    }

    /// Has a directory made, with those above, where that has not been done.
    async fn make_dir(&mut self, side: Side, path: &FtpPath, out: &mpsc::Sender<Msg>) -> Sent {
        let mut missing = Vec::new();
        let mut at = Some(path.clone());
        while let Some(dir) = at.filter(|dir| !self.dirs.contains(&(side, dir.clone()))) {
            at = dir.parent();
            missing.push(dir);
        }
        while let Some(dir) = missing.pop() {
            self.dirs.insert((side, dir.clone()));
            act(out, side, dir, What::MakeDir { mode: None }, Known::default()).await?;
        }
        Ok(())
    }

    fn remember(&self, path: &FtpPath, states: Option<[State; 2]>) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.known.insert(path.clone(), states);
    }
}

fn side_of(order: std::cmp::Ordering) -> Option<Side> {
    match order {
        std::cmp::Ordering::Greater => Some(Side::Left),
        std::cmp::Ordering::Less => Some(Side::Right),
        std::cmp::Ordering::Equal => None,
    }
}

async fn act(out: &mpsc::Sender<Msg>, to: Side, path: FtpPath, what: What, known: Known) -> Sent {
    let action = Action { to, path, what };
    out.send(Msg::Act(Box::new(Item::new(action, known)))).await
}

async fn skip(out: &mpsc::Sender<Msg>, path: FtpPath, reason: Reason) -> Sent {
    act(out, Side::Right, path, What::Skip(reason), Known::default()).await
}

/// `name.txt` becomes `name.conflict-20260131-235959.txt`, by the time of the file itself, so that
/// it is the same name whenever it is made.
fn conflict_name(path: &FtpPath, meta: &Meta) -> Option<FtpPath> {
    let time = meta.modified.format_timeval(false);
    let (day, clock) = time.split_at_checked(8)?;
    let name = path.name();
    let dot = name.iter().rposition(|b| *b == b'.').filter(|at| *at > 0).unwrap_or(name.len());
    let (stem, ending) = name.split_at_checked(dot)?;
    let suffix = format!(".conflict-{day}-{clock}");
    let whole = [stem, suffix.as_bytes(), ending].concat();
    path.parent()?.child(&whole).ok()
}
