//! What is told while trees are made alike: lines for people, records, progress.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferry_client::copy::{Copied, Progress as _};
use ferry_client::mirror::{Action, Event, Observer, Plan, Reason, Side, Summary, What, Why};
use ferry_proto::path::FtpPath;
use ferry_storage::Kind;

use crate::cx::Cx;
use crate::exit::{Failure, Outcome};
use crate::place::Place;
use crate::progress::{Board, File, rate};
use crate::records::{self, Planned};
use crate::say;
use crate::show::human;

/// Tells it. The engine holds one end, the command the other.
pub(crate) struct Report(Arc<Inner>);

struct Inner {
    cx: Cx,
    left: Place,
    right: Place,
    board: Board,
    active: Mutex<HashMap<(Side, FtpPath), File>>,
    /// What was left out though it was wanted.
    unsettled: AtomicU64,
}

impl Report {
    /// For the trees at these places.
    pub(crate) fn new(cx: &Cx, left: &Place, right: &Place) -> Self {
        Self(Arc::new(Inner {
            cx: cx.clone(),
            left: left.clone(),
            right: right.clone(),
            board: Board::new(cx),
            active: Mutex::default(),
            unsettled: AtomicU64::new(0),
        }))
    }

    /// Whether something was left out though it was wanted: the trees are not alike.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.0.unsettled.load(Ordering::Relaxed) > 0
    }

    /// For the engine.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.0) as Arc<dyn Observer>
    }

    /// What would be done.
    pub(crate) fn plan(&self, plan: &Plan) -> Outcome<()> {
        let (cx, mut octets, mut count) = (&self.0.cx, 0, 0_u64);
        for action in &plan.actions {
            // That a directory's time follows is not worth a line.
            if matches!(action.what, What::Time { dir: true, .. }) {
                continue;
            }
            let (word, why, size) = words(action);
            octets += size.unwrap_or(0);
            count += 1;
            cx.put(
                || Planned { action: word, path: below(&action.path), size, why: &why },
                || format!("{word:<7} {}{}", self.0.shown(action), suffix(size, &why)),
            )?;
        }
        if !cx.json() && !cx.quiet() {
            say::err(&format!("{count} to do, {} to move", human(octets)));
        }
        Ok(())
    }

    /// The end: the summary.
    pub(crate) fn end(&self, summary: &Summary) -> Outcome<()> {
        let Inner { cx, board, .. } = &*self.0;
        board.end();
        let time = board.elapsed();
        if cx.json() {
            let record = records::Summary {
                copied: summary.copied,
                moved: summary.moved,
                same: summary.same,
                removed: summary.deleted,
                made: summary.dirs_made + summary.links_made,
                failed: summary.errors,
                skipped: summary.skipped,
                milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            };
            return cx.put(|| record, String::new);
        }
        if !cx.quiet() && !cx.dry_run() {
            let mut line = format!(
                "{} copied ({}), {} the same",
                summary.copied,
                human(summary.moved),
                summary.same
            );
            for (count, word) in [
                (summary.deleted, "deleted"),
                (summary.skipped, "left out"),
                (summary.errors, "failed"),
            ] {
                if count > 0 {
                    line.push_str(&format!(", {count} {word}"));
                }
            }
            say::err(&format!("{line}, in {}", rate::clock(time)));
        }
        Ok(())
    }
}

/// Whether something was left out that nobody asked to leave out.
fn unsettled(reason: Reason) -> bool {
    !matches!(reason, Reason::Link | Reason::Newer | Reason::Special | Reason::NotEmpty)
}

/// A path from the root of a tree, without its slash.
fn below(path: &FtpPath) -> &[u8] {
    match path.as_bytes() {
        b"/" => b".",
        path => path.get(1..).unwrap_or_default(),
    }
}

fn suffix(size: Option<u64>, why: &str) -> String {
    match (size, why) {
        (None, "") => String::new(),
        (None, why) => format!(" ({why})"),
        (Some(size), why) => format!(" ({}, {why})", human(size)),
    }
}

/// What an action does in a word, why in a few, and how many octets it moves.
pub(crate) fn words(action: &Action) -> (&'static str, String, Option<u64>) {
    match &action.what {
        What::MakeDir { .. } => ("mkdir", String::new(), None),
        What::Copy { why, from, .. } => ("copy", reason(*why).to_owned(), from.size),
        What::Link { .. } => ("link", String::new(), None),
        What::Time { .. } => ("time", "only the times differ".to_owned(), None),
        What::Rename { to } => ("rename", format!("to {to}"), None),
        What::Delete { .. } => ("delete", "not in the source".to_owned(), None),
        What::Skip(reason) => ("skip", reason.to_string(), None),
        _ => ("other", String::new(), None),
    }
}

fn reason(why: Why) -> &'static str {
    match why {
        Why::New => "new",
        Why::Size => "the sizes differ",
        Why::Time => "the times differ",
        Why::Content => "the contents differ",
        _ => "asked for",
    }
}

impl Inner {
    /// The place that an action changes, for people.
    fn shown(&self, action: &Action) -> String {
        let place = match action.to {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        at(place, &action.path)
    }

    fn done(&self, action: &Action, copied: Option<&Copied>, took: Duration) -> Outcome<()> {
        let cx = &self.cx;
        let to = self.shown(action);
        let Some(copied) = copied else {
            let (word, why, size) = words(action);
            if matches!(action.what, What::Time { .. } | What::Delete { .. }) {
                return Ok(());
            }
            return cx.tell(
                || Planned { action: word, path: below(&action.path), size, why: &why },
                || format!("{word:<7} {to}"),
            );
        };
        let source = match action.to {
            Side::Left => &self.right,
            Side::Right => &self.left,
        };
        let target = match action.to {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        let (from, copy) = (argument(source, &action.path), argument(target, &action.path));
        cx.tell(
            || records::Copied {
                from: &from,
                to: &copy,
                size: copied.size,
                resumed: copied.resumed,
                moved: copied.moved,
                retried: copied.retried,
                verified: copied.verified,
                direct: copied.direct,
                milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                dry_run: false,
            },
            || format!("copy    {to} ({})", human(copied.size)),
        )
    }
}

/// A path of a tree at that place, as an argument that leads there.
fn argument(place: &Place, path: &FtpPath) -> Vec<u8> {
    match place.path.resolve(below(path)) {
        Ok(path) => place.argument(&path),
        Err(_) => path.as_bytes().to_vec(),
    }
}

/// A path of a tree at that place.
fn at(place: &Place, path: &FtpPath) -> String {
    match path.is_root() {
        true => place.shown(),
        false => match place.path.resolve(below(path)) {
            Ok(path) => place.show(&path),
            Err(_) => path.to_string(),
        },
    }
}

impl Observer for Inner {
    fn on(&self, event: &Event<'_>) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Planned(action) if !self.cx.dry_run() => {
                if let What::Copy { from, .. } = &action.what {
                    self.board.expect(1, from.size.unwrap_or(0));
                }
            }
            Event::Started(action) => {
                if matches!(action.what, What::Copy { .. }) {
                    let file = self.board.file(action.path.to_string());
                    active.insert((action.to, action.path.clone()), file);
                }
            }
            Event::Progress(path, step) => {
                for side in [Side::Right, Side::Left] {
                    if let Some(file) = active.get(&(side, (*path).clone())) {
                        file.on(step);
                        break;
                    }
                }
            }
            Event::Done(action, copied) => {
                let mut took = Duration::ZERO;
                if let Some(file) = active.remove(&(action.to, action.path.clone())) {
                    took = file.elapsed();
                    file.done();
                }
                drop(active);
                // A reader that has gone away shows when the summary is written.
                let _ = self.done(action, *copied, took);
            }
            Event::Failed(path, error) => {
                for side in [Side::Right, Side::Left] {
                    active.remove(&(side, (*path).clone()));
                }
                drop(active);
                self.cx.report(&Failure::client(path, error));
            }
            Event::Deleted(path, kind) => {
                drop(active);
                let slash = if *kind == Kind::Dir { "/" } else { "" };
                let _ = self.cx.tell(
                    || Planned { action: "delete", path: below(path), size: None, why: "" },
                    || format!("delete  {}{slash}", at(&self.right, path)),
                );
            }
            Event::Skipped(path, reason) => {
                drop(active);
                let why = reason.to_string();
                if unsettled(*reason) {
                    self.unsettled.fetch_add(1, Ordering::Relaxed);
                    if !self.cx.json() && !self.cx.quiet() && !self.cx.verbose() {
                        say::warn(&format!("{}: left out: {why}", at(&self.right, path)));
                        return;
                    }
                }
                let _ = self.cx.tell(
                    || Planned { action: "skip", path: below(path), size: None, why: &why },
                    || format!("skip    {} ({why})", at(&self.right, path)),
                );
            }
            _ => {}
        }
    }
}
