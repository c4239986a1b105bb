//! Making one tree like another, between any two storages.
//!
//! [`mirror`] does it, [`plan()`] says what it would do, [`apply()`] does what a plan says, perhaps
//! after a person has edited it. All three go the same way: `walk` compares directory by directory
//! and tells actions, `apply` does them. Interrupted at any point and run again, a mirror comes to
//! the same end.
//!
//! What a server says never leads out of the destination: see `names`. Nothing is deleted unless
//! the source's listings, of the directory and of all above it, were complete.

mod act;
mod apply;
mod both;
mod compare;
mod diff;
mod dir_times;
#[cfg(test)]
mod expect_tests;
mod listing;
pub mod names;
mod options;
mod pair;
mod plan;
mod plan_text;
mod sync;
mod sync_state;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use act::Shared;
pub use diff::{Difference, Record, diff};
pub use names::{RealDirs, safe_name};
pub use options::{
    Compare, ControlNames, Delete, Event, FAILURES_MAX, Links, MirrorOptions, Observer, Reason,
    Stop, Summary, Tree,
};
pub use plan::{Action, Plan, Side, State, What, Why};
pub use plan_text::PlanError;
pub use sync::{Conflict, SyncOptions, plan_sync, sync};
pub use sync_state::{SyncState, SyncStateError};
use walk::{Halt, Item, Msg, Walker, walk};

use crate::copy::Known;

/// How far a walk may run ahead, in messages.
const AHEAD: usize = 1024;

/// Makes the tree `to` like the tree `from`. What goes wrong with single files is in the summary;
/// so is a root that cannot be listed.
pub async fn mirror(
    from: &Tree,
    to: &Tree,
    options: &MirrorOptions,
    observer: Arc<dyn Observer>,
) -> Summary {
    let options = Arc::new(options.clone());
    let walker = |delete, only_delete| {
        let (from, to, options) = (from.clone(), to.clone(), Arc::clone(&options));
        Arc::new(Walker { from, to, options, delete, only_delete })
    };
    let shared = Arc::new(Shared {
        left: from.clone(),
        right: to.clone(),
        options: Arc::clone(&options),
        observer: Arc::clone(&observer),
        check: false,
        real: Default::default(),
        expected: Default::default(),
    });
    // While the trees are still being compared: what this costs for nothing is some log-ins.
    shared.expect_small(Side::Right);
    let summary = match options.delete {
        Delete::Before => {
            let first = pass(walker(true, true), &shared).await;
            if first.stopped.is_some() || first.errors > 0 {
                first
            } else {
                let second = pass(walker(false, false), &shared).await;
                let deleted = first.deleted + second.deleted;
                let skipped = first.skipped + second.skipped;
                Summary { deleted, skipped, ..second }
            }
        }
        delete => pass(walker(delete != Delete::Never, false), &shared).await,
    };
    observer.on(&Event::Summary(&summary));
    summary
}

/// One walk, and doing what it says.
async fn pass(walker: Arc<Walker>, shared: &Arc<Shared>) -> Summary {
    let (out, msgs) = mpsc::channel(AHEAD);
    let apply = apply::Apply::new(Arc::clone(shared), walker.options.delete);
    let (walked, mut summary) =
        tokio::join!(Box::pin(walk(walker, out)), Box::pin(apply.run(msgs)));
    if let Err(Halt::Stop(stop)) = walked {
        summary.stopped = Some(stop);
    }
    summary
}

/// Says what [`mirror`] would do, and changes nothing. The summary counts what would be done, was
/// left out, and could not be looked at.
pub async fn plan(
    from: &Tree,
    to: &Tree,
    options: &MirrorOptions,
    observer: Arc<dyn Observer>,
) -> (Plan, Summary) {
    let delete = options.delete != Delete::Never;
    let options = Arc::new(options.clone());
    let (from, to) = (from.clone(), to.clone());
    let when = options.delete;
    let walker = Arc::new(Walker { from, to, options, delete, only_delete: false });
    let (out, msgs) = mpsc::channel(AHEAD);
    let (walked, (plan, mut summary)) =
        tokio::join!(Box::pin(walk(walker, out)), collect(msgs, &*observer, when));
    if let Err(Halt::Stop(stop)) = walked {
        summary.stopped = Some(stop);
        return (Plan::default(), summary);
    }
    observer.on(&Event::Summary(&summary));
    (plan, summary)
}

/// Gathers a plan in the order in which it can be done.
async fn collect(
    mut msgs: mpsc::Receiver<Msg>,
    observer: &dyn Observer,
    when: Delete,
) -> (Plan, Summary) {
    let mut summary = Summary { complete: true, ..Summary::default() };
    let (mut actions, mut links, mut deletes, mut dirs, mut times) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::<Item>::new());
    while let Some(msg) = msgs.recv().await {
        match msg {
            Msg::Found { path, files, octets, same, complete } => {
                summary.files += files;
                summary.octets += octets;
                summary.dirs += 1;
                summary.same += same;
                summary.complete &= complete;
                observer.on(&Event::Found { path: &path, files, octets });
            }
            Msg::Failed(path, error) => {
                summary.complete = false;
                observer.on(&Event::Failed(&path, &error));
                summary.fail(&path, error);
            }
            Msg::Act(item) => match &item.action.what {
                What::Time { dir: true, .. } => times.push(*item),
                What::Link { .. } => links.push(item.action),
                What::Delete { in_the_way: false, kind, .. } => match kind {
                    ferry_storage::Kind::Dir => dirs.push(item.action),
                    _ => deletes.push(item.action),
                },
                What::Skip(reason) => {
                    summary.skipped += 1;
                    observer.on(&Event::Skipped(&item.action.path, *reason));
                    actions.push(item.action);
                }
                _ => actions.push(item.action),
            },
        }
    }
    dirs.sort_by_key(|action| std::cmp::Reverse(action.path.components().count()));
    deletes.append(&mut dirs);
    if when == Delete::Before {
        deletes.append(&mut actions);
        actions = deletes;
    } else {
        actions.append(&mut deletes);
    }
    actions.append(&mut links);
    for action in &actions {
        match &action.what {
            What::MakeDir { .. } => summary.dirs_made += 1,
            What::Copy { .. } => summary.copied += 1,
            What::Link { .. } => summary.links_made += 1,
            What::Delete { .. } => summary.deleted += 1,
            What::Time { .. } => summary.times_set += 1,
            What::Rename { .. } | What::Skip(_) => {}
        }
    }
    let changed: HashSet<_> = actions
        .iter()
        .filter(|action| !matches!(action.what, What::Skip(_)))
        .flat_map(|action| [action.path.parent(), Some(action.path.clone())])
        .flatten()
        .collect();
    let due = |item: &Item| apply::differs(item) || changed.contains(&item.action.path);
    actions.extend(times.into_iter().filter(due).map(|item| item.action));
    for action in actions.iter().filter(|action| !matches!(action.what, What::Skip(_))) {
        observer.on(&Event::Planned(action));
    }
    (Plan { actions }, summary)
}

/// Does what a plan says. Everything is looked at again first: what is not as the plan's maker saw
/// it is left out ([`Reason::Changed`]). Of the options, those that say how count (jobs, copying,
/// limits), those that say what do not.
pub async fn apply(
    plan: Plan,
    left: &Tree,
    right: &Tree,
    options: &MirrorOptions,
    observer: Arc<dyn Observer>,
) -> Summary {
    let shared = Arc::new(Shared {
        left: left.clone(),
        right: right.clone(),
        options: Arc::new(options.clone()),
        observer: Arc::clone(&observer),
        check: true,
        real: Default::default(),
        expected: Default::default(),
    });
    let summary = apply_with(plan, shared).await;
    observer.on(&Event::Summary(&summary));
    summary
}

async fn apply_with(mut plan: Plan, shared: Arc<Shared>) -> Summary {
    let deletes = |action: &Action| matches!(action.what, What::Delete { .. });
    let count = plan.actions.iter().filter(|action| deletes(action)).count() as u64;
    let too_many = shared.options.max_delete.is_some_and(|max| count > max);
    if too_many {
        for action in plan.actions.iter().filter(|action| deletes(action)) {
            shared.observer.on(&Event::Skipped(&action.path, Reason::DeleteLimit));
        }
        plan.actions.retain(|action| !deletes(action));
    }
    let (out, msgs) = mpsc::channel(AHEAD);
    // A plan says itself when something is deleted.
    let apply = apply::Apply::new(shared, Delete::During);
    let feeding = async move {
        for action in plan.actions {
            let item = Box::new(Item::new(action, Known::default()));
            if out.send(Msg::Act(item)).await.is_err() {
                return;
            }
        }
    };
    let mut summary = tokio::join!(feeding, Box::pin(apply.run(msgs))).1;
    if too_many {
        summary.skipped += count;
        summary.stopped.get_or_insert(Stop::MaxDelete);
    }
    summary
}
