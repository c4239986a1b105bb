//! Comparing one directory of both trees.

use std::collections::{HashMap, HashSet};

use ferry_proto::path::FtpPath;
use ferry_storage::{Entry, FsError, Kind, Meta};
use tokio::task::JoinSet;

use super::compare::{Rules, Verdict, compare};
use super::listing::{Listed, list};
use super::names::{below, safe_name};
use super::options::{Links, Reason, Stop};
use super::plan::{Action, Side, State, What, Why};
use super::walk::{
    DEPTH_MAX, Folded, Halt, Item, LINKS_MAX, Msg, Out, Pair, Walker, clear, delete, make_dir,
    may_clear, time_dir,
};
use crate::copy::{Known, Placing, partial_of, same_content, stem};

/// How many files are compared by content at a time.
const CONTENTS_MAX: usize = 8;

/// What one comparison gathers.
#[derive(Default)]
struct Found {
    files: u64,
    octets: u64,
    same: u64,
    below: Vec<Pair>,
    /// Names at the destination that are accounted for.
    taken: HashSet<Vec<u8>>,
    /// The beginnings of names whose partial files are of use in this run.
    growing: HashSet<Vec<u8>>,
    /// The beginnings of names that have partial files.
    partial: HashSet<Vec<u8>>,
    /// Files whose content has to be compared.
    unread: Vec<(FtpPath, FtpPath, Meta, Meta, bool)>,
}

/// What both directories hold; nothing where there is none.
async fn listings(
    walker: &Walker,
    pair: &mut Pair,
) -> (Result<Listed, FsError>, Result<Listed, FsError>) {
    let retry = &walker.options.copy.retry;
    let (from_listed, to_listed) = std::mem::take(&mut *pair.listed);
    let from = async {
        match (&pair.from, from_listed) {
            (Some(_), Some(listed)) => Ok(listed),
            (Some(_), None) => list(&walker.from, &pair.from_path, retry).await,
            (None, _) => Ok(Listed { complete: pair.proven, ..Listed::default() }),
        }
    };
    let to = async {
        match (&pair.to, to_listed) {
            (Some(_), Some(listed)) => Ok(listed),
            (Some(_), None) => list(&walker.to, &pair.to_path, retry).await,
            (None, _) => Ok(Listed::default()),
        }
    };
    tokio::join!(from, to)
}

/// Compares a directory and says which are to be compared next.
pub(crate) async fn compare_pair(
    walker: &Walker,
    mut pair: Pair,
    out: &Out,
) -> Result<Vec<Pair>, Halt> {
    let (from, to) = listings(walker, &mut pair).await;
    let (from, to) = match (from, to) {
        (Ok(from), Ok(to)) => (from, to),
        (from, to) => {
            // What is not known of one side cannot be compared, let alone deleted.
            if let Err(e) = from {
                out.fail(&pair.from_path, e, "listing the source").await?;
            }
            if let Err(e) = to {
                out.fail(&pair.to_path, e, "listing the destination").await?;
            }
            return Ok(Vec::new());
        }
    };
    let empty = from.entries.is_empty() && !to.entries.is_empty();
    if pair.depth == 0 && walker.delete && empty && !walker.options.force_empty {
        return Err(Halt::Stop(Stop::EmptySource));
    }
    time_dir(walker, &pair, out).await?;
    let complete = from.complete && pair.proven;
    let of = |entry: &Entry| partial_of(&entry.name).map(<[u8]>::to_vec);
    let partial = to.entries.iter().filter_map(of).collect();
    let mut found = Found { partial, ..Found::default() };
    let (mut there, mut folded) = (to.by_name(), Folded::default());
    for double in &from.doubles {
        if let Ok(path) = below(&pair.to_path, double) {
            out.skip(path, Reason::SameName).await?;
        }
    }
    for entry in from.entries {
        let name = match safe_name(&entry.name, walker.options.controls) {
            Ok(name) => name,
            Err(reason) => {
                out.skip(shown(&pair.to_path, &entry.name), reason).await?;
                continue;
            }
        };
        // Whatever becomes of the entry, its name at the destination is not superfluous.
        let double = !found.taken.insert(name.clone());
        let (Ok(from_path), Ok(to_path)) =
            (below(&pair.from_path, &entry.name), below(&pair.to_path, &name))
        else {
            out.skip(shown(&pair.to_path, &entry.name), Reason::BadName).await?;
            continue;
        };
        if partial_of(&entry.name).is_some() {
            continue;
        }
        if double || (walker.options.ignore_case && folded.clashes(&name)) {
            out.skip(to_path, Reason::SameName).await?;
            continue;
        }
        let had = there.remove(&name);
        let one = One { from_path, to_path, entry, had };
        Box::pin(one_entry(walker, &pair, one, complete, &mut found, out)).await?;
    }
    read_contents(walker, &mut found, out).await?;
    if walker.delete {
        extras(walker, &pair, there, complete, &mut found, out).await?;
    }
    let Found { files, octets, same, below, .. } = found;
    let path = pair.from_path;
    let complete = from.complete;
    if pair.from.is_some() {
        out.send(Msg::Found { path, files, octets, same, complete }).await?;
    }
    Ok(below)
}

/// A path to show for a name that cannot be one.
pub(crate) fn shown(dir: &FtpPath, name: &[u8]) -> FtpPath {
    let tame: Vec<u8> =
        name.iter().map(|b| if matches!(b, b'/' | 0) { b'?' } else { *b }).take(255).collect();
    dir.child(&tame).unwrap_or_else(|_| dir.clone())
}

/// One entry of the source, and what has its name at the destination.
struct One {
    from_path: FtpPath,
    to_path: FtpPath,
    entry: Entry,
    had: Option<Entry>,
}

impl One {
    /// The source's path, where it is not the same.
    fn name(&self) -> Option<FtpPath> {
        (self.from_path != self.to_path).then(|| self.from_path.clone())
    }
}

async fn one_entry(
    walker: &Walker,
    pair: &Pair,
    one: One,
    complete: bool,
    found: &mut Found,
    out: &Out,
) -> Result<(), Halt> {
    let options = &walker.options;
    let meta = match (one.entry.meta.kind, options.links) {
        (Kind::Symlink, Links::Follow) => match &one.entry.target {
            Some(target) if target.kind == Kind::Dir && pair.closes_circle(target) => {
                return out.skip(one.to_path, Reason::BadLink).await;
            }
            Some(target) => target.clone(),
            None => return out.skip(one.to_path, Reason::BadLink).await,
        },
        _ => one.entry.meta.clone(),
    };
    if !options.filter.admits(&one.from_path, &meta) {
        return Ok(());
    }
    let links = pair.links + u32::from(one.entry.meta.kind == Kind::Symlink);
    match meta.kind {
        Kind::File => Box::pin(file(walker, one, meta, found, out)).await,
        Kind::Dir if links > LINKS_MAX => out.skip(one.to_path, Reason::BadLink).await,
        Kind::Dir if pair.depth >= DEPTH_MAX => out.skip(one.to_path, Reason::TooDeep).await,
        Kind::Dir => {
            let to = match settle_dir(walker, &one, &meta, out).await? {
                Settled::There(to) => Some(to),
                Settled::Made => None,
                Settled::No => return Ok(()),
            };
            found.below.push(Pair {
                from_path: one.from_path,
                to_path: one.to_path,
                from: Some(meta),
                to,
                proven: complete,
                depth: pair.depth + 1,
                links,
                above: pair.chain(),
                listed: Box::default(),
            });
            Ok(())
        }
        Kind::Symlink if options.links == Links::Skip => out.skip(one.to_path, Reason::Link).await,
        Kind::Symlink => link(walker, one, out).await,
        _ => out.skip(one.to_path, Reason::Special).await,
    }
}

/// What a directory of the source finds at the destination.
enum Settled {
    There(Meta),
    Made,
    No,
}

async fn settle_dir(walker: &Walker, one: &One, meta: &Meta, out: &Out) -> Result<Settled, Halt> {
    match &one.had {
        Some(had) if had.meta.kind == Kind::Dir => return Ok(Settled::There(had.meta.clone())),
        Some(Entry { target: Some(target), .. })
            if walker.options.through_links && target.kind == Kind::Dir =>
        {
            return Ok(Settled::There(target.clone()));
        }
        // In that pass nothing is made, so there is nothing below to compare with.
        _ if walker.only_delete => return Ok(Settled::No),
        None => {}
        Some(had) if may_clear(walker) => delete(&one.to_path, &had.meta, true, out).await?,
        Some(had) => {
            out.skip(one.to_path.clone(), in_the_way(had)).await?;
            return Ok(Settled::No);
        }
    }
    make_dir(walker, &one.to_path, meta, out).await?;
    Ok(Settled::Made)
}

fn in_the_way(had: &Entry) -> Reason {
    match had.meta.kind {
        Kind::Symlink => Reason::LinkInTheWay,
        _ => Reason::OtherKind,
    }
}

async fn file(
    walker: &Walker,
    one: One,
    meta: Meta,
    found: &mut Found,
    out: &Out,
) -> Result<(), Halt> {
    found.files += 1;
    found.octets += if meta.size_known { meta.size } else { 0 };
    if walker.only_delete {
        return Ok(());
    }
    let through = |had: &Entry| {
        let target = had.target.clone().filter(|_| walker.options.through_links);
        target.filter(|target| target.kind == Kind::File)
    };
    let there = match &one.had {
        None => None,
        Some(had) if had.meta.kind == Kind::File => Some(had.meta.clone()),
        Some(had) => match through(had) {
            Some(target) => Some(target),
            None if may_clear(walker) => {
                clear(walker, &one.to_path, &had.meta, out).await?;
                None
            }
            None => return out.skip(one.to_path, in_the_way(had)).await,
        },
    };
    let Some(there) = there else {
        let leftovers = grows(walker, found, &one.to_path, &meta);
        return copy(one, Why::New, meta, (None, leftovers), out).await;
    };
    let kept = walker.options.copy.times && walker.to.storage.caps().set_times;
    let (how, update) = (walker.options.compare, walker.options.update);
    match compare(&meta, &there, Rules { how, update, times_kept: kept }) {
        Verdict::Same => {
            found.same += 1;
            Ok(())
        }
        Verdict::Newer => out.skip(one.to_path, Reason::Newer).await,
        Verdict::Differs(why) => {
            let leftovers = grows(walker, found, &one.to_path, &meta);
            copy(one, why, meta, (Some(there), leftovers), out).await
        }
        Verdict::Read { set_time } => {
            found.unread.push((one.from_path, one.to_path, meta, there, set_time));
            Ok(())
        }
    }
}

/// Notes that a partial file of that name may be continued in this run,
/// and tells whether there is one.
fn grows(walker: &Walker, found: &mut Found, to_path: &FtpPath, meta: &Meta) -> bool {
    let large = match walker.options.copy.placing {
        Placing::Partial { above } => !meta.size_known || meta.size > above,
        Placing::Final => false,
    };
    if large {
        found.growing.insert(stem(to_path.name()).to_vec());
    }
    found.partial.contains(stem(to_path.name()))
}

async fn copy(
    one: One,
    why: Why,
    meta: Meta,
    (there, leftovers): (Option<Meta>, bool),
    out: &Out,
) -> Result<(), Halt> {
    let (from, to) = (State::of(&meta), there.as_ref().map(State::of));
    let what = What::Copy { why, name: one.name(), from, to };
    let action = Action { to: Side::Right, path: one.to_path, what };
    let known = Known { from: Some(meta), to: Some(there), ..Known::default() };
    out.send(Msg::Act(Box::new(Item { action, known, leftovers }))).await
}

async fn link(walker: &Walker, one: One, out: &Out) -> Result<(), Halt> {
    if walker.only_delete {
        return Ok(());
    }
    if !walker.to.storage.caps().links {
        return out.skip(one.to_path, Reason::NoLinks).await;
    }
    let Some(target) = leads_to(&one.from_path, one.entry.link.as_deref()) else {
        return out.skip(one.to_path, Reason::BadLink).await;
    };
    match &one.had {
        None => {}
        Some(had) if leads_to(&one.to_path, had.link.as_deref()).as_ref() == Some(&target) => {
            return Ok(());
        }
        Some(had) if had.meta.kind == Kind::Symlink || may_clear(walker) => {
            clear(walker, &one.to_path, &had.meta, out).await?;
        }
        Some(had) => return out.skip(one.to_path, in_the_way(had)).await,
    }
    out.act(one.to_path, What::Link { target }, Known::default()).await
}

/// Where a link at `path` with that text leads, from the tree's root; [`None`] when that is out of
/// the tree or unknown.
fn leads_to(path: &FtpPath, text: Option<&[u8]>) -> Option<FtpPath> {
    let text = text.filter(|text| !text.is_empty() && text.first() != Some(&b'/'))?;
    let parent = path.parent()?;
    let mut depth = parent.components().count();
    for part in text.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => depth = depth.checked_sub(1)?,
            _ => depth += 1,
        }
    }
    parent.resolve(text).ok()
}

/// Compares contents, some files at a time.
async fn read_contents(walker: &Walker, found: &mut Found, out: &Out) -> Result<(), Halt> {
    let mut running = JoinSet::new();
    let mut waiting = std::mem::take(&mut found.unread).into_iter();
    loop {
        while running.len() < CONTENTS_MAX
            && let Some((from_path, to_path, meta, there, set_time)) = waiting.next()
        {
            let (from, to) = (walker.from.clone(), walker.to.clone());
            running.spawn(async move {
                let same = async {
                    let (a, b) = (from.at(&from_path)?, to.at(&to_path)?);
                    same_content((&*from.storage, &a), (&*to.storage, &b)).await
                };
                let same: Result<bool, FsError> = same.await;
                (from_path, to_path, meta, there, set_time, same)
            });
        }
        let Some(done) = running.join_next().await else { return Ok(()) };
        let Ok((from_path, to_path, meta, there, set_time, same)) = done else { continue };
        let to = Some(Some(there.clone()));
        let known = Known { from: Some(meta.clone()), to, ..Known::default() };
        match same {
            Ok(true) if set_time => {
                let what = What::Time { modified: meta.modified, dir: false };
                out.act(to_path, what, known).await?;
            }
            Ok(true) => found.same += 1,
            Ok(false) => {
                let leftovers = grows(walker, found, &to_path, &meta);
                let name = (from_path != to_path).then_some(from_path);
                let (from, to) = (State::of(&meta), Some(State::of(&there)));
                let what = What::Copy { why: Why::Content, name, from, to };
                let action = Action { to: Side::Right, path: to_path, what };
                out.send(Msg::Act(Box::new(Item { action, known, leftovers }))).await?;
            }
            Err(e) => out.fail(&to_path, e, "comparing contents").await?,
        }
    }
}

/// What only the destination has.
async fn extras(
    walker: &Walker,
    pair: &Pair,
    there: HashMap<Vec<u8>, Entry>,
    complete: bool,
    found: &mut Found,
    out: &Out,
) -> Result<(), Halt> {
    let mut extras: Vec<Entry> = there.into_values().collect();
    extras.sort_by(|a, b| a.name.cmp(&b.name));
    let folded: Option<HashSet<String>> = walker.options.ignore_case.then(|| {
        found.taken.iter().map(|name| String::from_utf8_lossy(name).to_lowercase()).collect()
    });
    for extra in extras {
        let name = &extra.name;
        let ours = partial_of(name).is_some_and(|of| found.growing.contains(of));
        let same = folded
            .as_ref()
            .is_some_and(|folded| folded.contains(&String::from_utf8_lossy(name).to_lowercase()));
        let path = below(&pair.to_path, name);
        // What is left of an earlier copy is continued or swept by the next one.
        if ours || same || found.taken.contains(name) {
            continue;
        }
        let Ok(path) = path else { continue };
        let is_dir = extra.meta.kind == Kind::Dir;
        if !walker.options.filter.rules.admits(&path, is_dir) {
            continue;
        }
        if !complete {
            out.skip(path, Reason::Unproven).await?;
        } else if is_dir && pair.depth < DEPTH_MAX {
            delete(&path, &extra.meta, false, out).await?;
            let from_path = path.clone();
            let to = Some(extra.meta);
            let (proven, depth) = (true, pair.depth + 1);
            let (from, above, links) = (None, None, 0);
            let to_path = path;
            found.below.push(Pair {
                from_path,
                to_path,
                from,
                to,
                proven,
                depth,
                links,
                above,
                listed: Box::default(),
            });
        } else {
            delete(&path, &extra.meta, false, out).await?;
        }
    }
    Ok(())
}
