//! Two trees made alike in both directions.
//!
//! What the last sync has left says what is new on one side and what has gone from the other. A
//! file that only one side has is copied, unless it was on both and is unchanged: then it was
//! deleted on the other, and is deleted here. That takes complete listings of the side where it is
//! missing. Without a state nothing is deleted.

mod decide;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use ferry_proto::path::FtpPath;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::act::Shared;
use super::apply::Apply;
use super::options::{Delete, Event, MirrorOptions, Observer, Summary, Tree};
use super::plan::{Plan, State, What};
use super::sync_state::SyncState;
use decide::Decider;

/// How a sync goes.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..SyncOptions::default()")]
pub struct SyncOptions {
    /// As for a mirror; [`MirrorOptions::delete`] and [`MirrorOptions::update`] say nothing here,
    /// links are left out or followed.
    pub mirror: MirrorOptions,
    /// Which side wins where both have changed.
    pub conflict: Conflict,
}

/// Which side wins where both have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Conflict {
    /// Neither: it is reported, and in a plan it is a line to be replaced by who decides.
    #[default]
    Skip,
    /// The one last changed; neither if that cannot be told.
    Newer,
    /// The larger one; neither if that cannot be told.
    Larger,
    /// The left one.
    Left,
    /// The right one.
    Right,
    /// Both are kept: the right one gets another name on both sides.
    Both,
}

/// Makes two trees alike, and returns what is to be remembered for the next time.
pub async fn sync(
    left: &Tree,
    right: &Tree,
    options: &SyncOptions,
    state: &SyncState,
    observer: Arc<dyn Observer>,
) -> (Summary, SyncState) {
    let next = Arc::new(Mutex::new(state.clone()));
    let recorder: Arc<dyn Observer> =
        Arc::new(Recorder { next: Arc::clone(&next), then: Arc::clone(&observer) });
    let shared = Arc::new(Shared {
        left: left.clone(),
        right: right.clone(),
        options: Arc::new(options.mirror.clone()),
        observer: recorder,
        check: false,
        real: Default::default(),
        expected: Default::default(),
    });
    let (out, msgs) = mpsc::channel(1024);
    let apply = Apply::new(shared, Delete::After);
    let decider = Decider::new(left, right, options, state, Arc::clone(&next));
    let (stop, mut summary) = tokio::join!(Box::pin(decider.run(out)), Box::pin(apply.run(msgs)));
    summary.stopped = stop.or(summary.stopped);
    remember_copies(left, right, &next).await;
    observer.on(&Event::Summary(&summary));
    let next = next.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (summary, next)
}

/// Says what [`sync`] would do; [`apply`](super::apply()) does it.
pub async fn plan_sync(
    left: &Tree,
    right: &Tree,
    options: &SyncOptions,
    state: &SyncState,
    observer: Arc<dyn Observer>,
) -> (Plan, Summary) {
    let next = Arc::new(Mutex::new(SyncState::default()));
    let (out, msgs) = mpsc::channel(1024);
    let decider = Decider::new(left, right, options, state, next);
    let (stop, (plan, mut summary)) =
        tokio::join!(Box::pin(decider.run(out)), super::collect(msgs, &*observer, Delete::After));
    if stop.is_some() {
        summary.stopped = stop;
        return (Plan::default(), summary);
    }
    observer.on(&Event::Summary(&summary));
    (plan, summary)
}

/// Notes what was done, and passes everything on.
struct Recorder {
    next: Arc<Mutex<SyncState>>,
    then: Arc<dyn Observer>,
}

impl Observer for Recorder {
    fn on(&self, event: &Event<'_>) {
        if let Event::Done(action, _) = event {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            match &action.what {
                What::Copy { from, .. } => {
                    // The copy is looked at when all is done; until then it is as its source.
                    next.known.insert(action.path.clone(), Some([*from; 2]));
                }
                What::MakeDir { .. } => {
                    next.known.insert(action.path.clone(), None);
                }
                What::Delete { .. } => {
                    next.known.remove(&action.path);
                }
                _ => {}
            }
        }
        self.then.on(event);
    }
}

/// Looks at files on sides that do not keep times: they have others than what they were made from.
async fn remember_copies(left: &Tree, right: &Tree, next: &Mutex<SyncState>) {
    let unkept = [left, right].map(|tree| !tree.storage.caps().set_times);
    if unkept == [false; 2] {
        return;
    }
    let paths: Vec<FtpPath> = {
        let next = next.lock().unwrap_or_else(PoisonError::into_inner);
        let copied = |states: &Option<[State; 2]>| states.is_some_and(|[a, b]| a == b);
        next.known.iter().filter(|(_, s)| copied(s)).map(|(path, _)| path.clone()).collect()
    };
    let mut paths = paths.into_iter();
    let (mut running, width) = (JoinSet::new(), left.storage.width().max(right.storage.width()));
    loop {
        while running.len() < width
            && let Some(path) = paths.next()
        {
            let (left, right) = (left.clone(), right.clone());
            running.spawn(async move {
                let look = async |tree: &Tree| tree.storage.stat(&tree.at(&path)?, true).await;
                let (a, b) = tokio::join!(look(&left), look(&right));
                (path, a, b)
            });
        }
        match running.join_next().await {
            None => return,
            Some(Ok((path, Ok(a), Ok(b)))) => {
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                next.known.insert(path, Some([State::of(&a), State::of(&b)]));
            }
            // Then the next sync will compare it.
            Some(_) => {}
        }
    }
}
