//! `mirror`: a tree made like another, and what `get -r` and `put -r` do with directories.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use ferry_client::mirror::{
    self, Compare, Delete, Links, MirrorOptions, Plan, Stop, Summary, Tree,
};

use crate::cli::{Alike, DeleteWhen, LinksHow, Mirror};
use crate::cx::Cx;
use crate::engine::Engine;
use crate::exit::{Exit, Failure, Outcome, Tally};
use crate::place::{Place, Role};
use crate::say;
use crate::url::Spec;

use super::report::Report;
use super::transfer::Target;

pub(crate) async fn run(cx: &Cx, args: &Mirror) -> Outcome<Exit> {
    let engine = Engine::new(&cx.flags)?;
    let changes = !cx.dry_run() && args.alike.plan_out.is_none();
    let from = match changes {
        true => cx.places.open_for_many(&args.from, Role::Read).await?,
        false => cx.places.open(&args.from, Role::Read).await?,
    };
    let to = open_target(cx, &args.to, changes).await?;
    let options = options(cx, &engine, &args.alike, &from, &to);
    alike(cx, &args.alike, &from, &to, options).await
}

/// The root of the tree to change; made if it is not there and something is to be changed.
pub(crate) async fn open_target(cx: &Cx, argument: &OsStr, changes: bool) -> Outcome<Place> {
    if let (true, Spec::Local(path)) = (changes, cx.places.parse(argument)?) {
        std::fs::create_dir_all(&path).map_err(|e| Failure::local(path.display(), &e))?;
    }
    // On a server the copy itself makes it, when it has seen that it is not there.
    match changes {
        true => cx.places.open_for_many(argument, Role::Write).await,
        false => cx.places.open(argument, Role::Write).await,
    }
}

/// What flags say about making trees alike.
pub(crate) fn options(
    cx: &Cx,
    engine: &Engine,
    alike: &Alike,
    from: &Place,
    to: &Place,
) -> MirrorOptions {
    MirrorOptions {
        compare: compare(alike.checksum, alike.size_only),
        update: alike.update,
        delete: match alike.delete {
            None => Delete::Never,
            Some(DeleteWhen::Before) => Delete::Before,
            Some(DeleteWhen::During) => Delete::During,
            Some(DeleteWhen::After) => Delete::After,
        },
        max_delete: alike.max_delete,
        force_empty: alike.allow_empty,
        links: links(alike.links),
        ..basic(cx, engine, from, to)
    }
}

/// What holds for every tree.
fn basic(cx: &Cx, engine: &Engine, from: &Place, to: &Place) -> MirrorOptions {
    MirrorOptions {
        filter: engine.filter.clone(),
        copy: engine.copy_options(from, to),
        max_transfer: cx.flags.transfer.max_transfer,
        dir_perm: engine.dir_perm(),
        ..MirrorOptions::default()
    }
}

pub(crate) fn compare(checksum: bool, size_only: bool) -> Compare {
    match (checksum, size_only) {
        (true, _) => Compare::Content,
        (_, true) => Compare::Size,
        _ => Compare::SizeAndTime,
    }
}

pub(crate) fn links(how: LinksHow) -> Links {
    match how {
        LinksHow::Skip => Links::Skip,
        LinksHow::Follow => Links::Follow,
        LinksHow::Copy => Links::Copy,
    }
}

pub(crate) fn tree(place: &Place) -> Tree {
    Tree::new(Arc::clone(&place.storage), place.path.clone())
}

/// Plans, applies a plan, or does both at once.
async fn alike(
    cx: &Cx,
    alike: &Alike,
    from: &Place,
    to: &Place,
    options: MirrorOptions,
) -> Outcome<Exit> {
    let report = Report::new(cx, from, to);
    let (left, right) = (tree(from), tree(to));
    let observer = report.observer();
    let summary = if let Some(file) = &alike.plan_in {
        let plan = read_plan(file)?;
        if cx.dry_run() {
            report.plan(&plan)?;
            return Ok(Exit::Done);
        }
        mirror::apply(plan, &left, &right, &options, observer).await
    } else if cx.dry_run() || alike.plan_out.is_some() {
        let (plan, summary) = mirror::plan(&left, &right, &options, observer).await;
        match &alike.plan_out {
            Some(file) => write_plan(file, &plan)?,
            None => report.plan(&plan)?,
        }
        return Ok(exit(cx, &summary, report.is_unsettled()));
    } else {
        mirror::mirror(&left, &right, &options, observer).await
    };
    report.end(&summary)?;
    Ok(exit(cx, &summary, report.is_unsettled()))
}

/// A plan out of a file, `-` for standard input.
pub(crate) fn read_plan(file: &Path) -> Outcome<Plan> {
    let text = match file == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    let text = text.map_err(|e| Failure::local(file.display(), &e))?;
    Plan::parse(&text).map_err(|e| Failure::usage(format!("{}: {e}", file.display())))
}

/// A plan into a file, `-` for standard output.
pub(crate) fn write_plan(file: &Path, plan: &Plan) -> Outcome<()> {
    let text = plan.to_text();
    match file == Path::new("-") {
        true => say::raw(text.as_bytes()),
        false => std::fs::write(file, text).map_err(|e| Failure::local(file.display(), &e)),
    }
}

/// What a run ends with.
pub(crate) fn exit(cx: &Cx, summary: &Summary, unsettled: bool) -> Exit {
    if let Some(stop) = summary.stopped {
        let (exit, hint) = match stop {
            Stop::NoSpace => (Exit::NoSpace, ""),
            Stop::MaxDelete => (Exit::Limit, " (--max-delete)"),
            Stop::MaxTransfer => (Exit::Limit, " (--max-transfer)"),
            Stop::EmptySource => (Exit::Limit, "; --allow-empty deletes all the same"),
            _ => (Exit::Partly, ""),
        };
        cx.report(&Failure::new(exit, format!("{stop}{hint}")));
        return exit;
    }
    let mut tally = Tally::default();
    if summary.copied + summary.same + summary.deleted + summary.dirs_made > 0 {
        tally.done();
    }
    // Their sentences were told as they happened.
    for (path, error) in &summary.failures {
        tally.failed(Failure::client(path, error).exit);
    }
    if !summary.complete && summary.errors == 0 {
        let what = "a listing could not be read whole; nothing was deleted there";
        cx.report(&Failure::new(Exit::Protocol, what));
        tally.failed(Exit::Protocol);
    }
    match tally.exit() {
        // Each was told.
        Exit::Done if unsettled => Exit::Partly,
        exit => exit,
    }
}

/// A directory with all that is in it into the target, or as the target.
pub(crate) async fn into(cx: &Cx, engine: &Engine, from: &Place, target: &Target) -> Outcome<Exit> {
    let to = match (target.is_dir, from.name()) {
        (true, name @ [_, ..]) => {
            let path = target.place.path.child(name);
            target.place.at(path.map_err(|e| Failure::path(from.shown(), e))?)
        }
        // The root has no name; what is in it goes there.
        _ => target.place.clone(),
    };
    let options = MirrorOptions { links: Links::Follow, ..basic(cx, engine, from, &to) };
    let report = Report::new(cx, from, &to);
    let (left, right) = (tree(from), tree(&to));
    let observer = report.observer();
    if cx.dry_run() {
        let (plan, summary) = mirror::plan(&left, &right, &options, observer).await;
        report.plan(&plan)?;
        return Ok(exit(cx, &summary, report.is_unsettled()));
    }
    let summary = mirror::mirror(&left, &right, &options, observer).await;
    report.end(&summary)?;
    Ok(exit(cx, &summary, report.is_unsettled()))
}
