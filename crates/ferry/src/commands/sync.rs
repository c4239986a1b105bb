//! `sync`: two trees made alike in both directions, by what the last sync has left.

use std::ffi::OsStr;
use std::path::PathBuf;

use ferry_client::mirror::{self, Conflict, MirrorOptions, SyncOptions, SyncState};

use crate::bookmarks::xdg;
use crate::cli::{self, Sync};
use crate::cx::Cx;
use crate::engine::Engine;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};

use super::mirror::{exit, open_target, read_plan, tree, write_plan};
use super::report::Report;

pub(crate) async fn run(cx: &Cx, args: &Sync) -> Outcome<Exit> {
    let engine = Engine::new(&cx.flags)?;
    let changes = !cx.dry_run() && args.plan_out.is_none();
    let file = match &args.state {
        Some(file) => file.clone(),
        None => Box::pin(state_file(cx, [&args.first, &args.second])).await?,
    };
    let unusable = |e| Failure::new(Exit::Local, format!("{}: {e}", file.display()));
    let state = SyncState::load(&file).map_err(unusable)?;
    let first = root(cx, &args.first, changes, &state).await?;
    let second = root(cx, &args.second, changes, &state).await?;
    let options = options(cx, &engine, args, &first, &second);
    let report = Report::new(cx, &first, &second);
    let (left, right) = (tree(&first), tree(&second));
    let observer = report.observer();
    if let Some(file) = &args.plan_in {
        let plan = read_plan(file)?;
        if cx.dry_run() {
            report.plan(&plan)?;
            return Ok(Exit::Done);
        }
        let summary = mirror::apply(plan, &left, &right, &options.mirror, observer).await;
        report.end(&summary)?;
        return Ok(exit(cx, &summary, report.is_unsettled()));
    }
    if !changes {
        let (plan, summary) = mirror::plan_sync(&left, &right, &options, &state, observer).await;
        match &args.plan_out {
            Some(file) => write_plan(file, &plan)?,
            None => report.plan(&plan)?,
        }
        return Ok(exit(cx, &summary, report.is_unsettled()));
    }
    let (summary, next) = mirror::sync(&left, &right, &options, &state, observer).await;
    report.end(&summary)?;
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir).map_err(|e| Failure::local(dir.display(), &e))?;
    }
    next.save(&file).map_err(unusable)?;
    Ok(exit(cx, &summary, report.is_unsettled()))
}

/// One of the trees. One that is not there is made only if it never was: a tree that has gone, as
/// a disk that is not mounted, is no tree whose files were all deleted.
async fn root(cx: &Cx, name: &OsStr, changes: bool, state: &SyncState) -> Outcome<Place> {
    let place = open_target(cx, name, changes && state.is_empty()).await?;
    if !state.is_empty() {
        let there = place.storage.stat(&place.path, true).await;
        there.map_err(|e| Failure::storage(place.shown(), &e))?;
    }
    Ok(place)
}

fn options(cx: &Cx, engine: &Engine, args: &Sync, first: &Place, second: &Place) -> SyncOptions {
    let conflict = match args.conflict {
        cli::Conflict::Skip => Conflict::Skip,
        cli::Conflict::Newer => Conflict::Newer,
        cli::Conflict::Larger => Conflict::Larger,
        cli::Conflict::First => Conflict::Left,
        cli::Conflict::Second => Conflict::Right,
        cli::Conflict::Both => Conflict::Both,
    };
    // Files go both ways, so that the limits of either hold for all.
    let mut copy = engine.copy_options(first, second);
    copy.limits = engine.all_limits();
    SyncOptions {
        mirror: MirrorOptions {
            compare: super::mirror::compare(args.checksum, args.size_only),
            max_delete: args.max_delete,
            force_empty: args.allow_empty,
            links: super::mirror::links(args.links),
            filter: engine.filter.clone(),
            copy,
            max_transfer: cx.flags.transfer.max_transfer,
            dir_perm: engine.dir_perm(),
            ..MirrorOptions::default()
        },
        conflict,
    }
}

/// Where what this pair of trees held is remembered: a file for each pair, in this order.
async fn state_file(cx: &Cx, names: [&OsStr; 2]) -> Outcome<PathBuf> {
    let dir = xdg("XDG_STATE_HOME", ".local/state").ok_or_else(|| {
        Failure::new(Exit::Local, "there is no home directory to remember syncs in; --state FILE")
    })?;
    let mut both = blake3::Hasher::new();
    for name in names {
        let identity = match cx.places.parse(name)? {
            // By its whole path, whether it is there or not.
            crate::url::Spec::Local(path) => {
                use std::os::unix::ffi::OsStrExt as _;
                let whole = std::fs::canonicalize(&path).or_else(|_| std::path::absolute(&path));
                let whole = whole.map_err(|e| Failure::local(path.display(), &e))?;
                whole.as_os_str().as_bytes().to_vec()
            }
            _ => {
                let place = cx.places.open(name, Role::Write).await?;
                place.argument(&place.path)
            }
        };
        both.update(&(identity.len() as u64).to_be_bytes());
        both.update(&identity);
    }
    let name: String = both.finalize().to_hex().chars().take(32).collect();
    Ok(dir.join("sync").join(name))
}
