//! `mv`: renames and moves within one storage.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ferry_proto::path::FtpPath;
use ferry_storage::Kind;
use ferry_storage::local::LocalDir;

use crate::cli::Mv;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome, Tally};
use crate::glob;
use crate::place::{Place, Role};
use crate::records::Done;
use crate::url::Spec;

pub(crate) async fn run(cx: &Cx, args: &Mv) -> Outcome<Exit> {
    let Some((target, sources)) = args.places.split_last() else {
        return Err(Failure::usage("mv wants something to move and where to"));
    };
    let target = open(cx, target).await?;
    let target_meta = target.storage.stat(&target.path, true).await;
    let into = target_meta.is_ok_and(|meta| meta.kind == Kind::Dir);
    let mut tally = Tally::default();
    let mut all = Vec::new();
    for argument in sources {
        let source = open(cx, argument).await?;
        if source.base != target.base {
            return Err(Failure::usage("mv works within one server; use get, put or fxp, then rm"));
        }
        all.extend(glob::expand(&source).await?);
    }
    if all.len() > 1 && !into {
        let what = format!("{}: not a directory, but several are to go there", target.shown());
        return Err(Failure::new(Exit::Exists, what));
    }
    for source in all {
        match one(cx, args, &source, &target, into).await {
            Ok(()) => tally.done(),
            Err(failure) => cx.fail(&mut tally, &failure),
        }
    }
    Ok(tally.exit())
}

/// Local paths are all seen from the root of the file system, since both ends must be in one
/// storage.
async fn open(cx: &Cx, argument: &OsStr) -> Outcome<Place> {
    let place = cx.places.open(argument, Role::Name).await?;
    let Spec::Local(path) = cx.places.parse(argument)? else { return Ok(place) };
    let parent = match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => parent,
        None => Path::new("."),
    };
    let fail = |e| Failure::local(path.display(), &e);
    let parent = std::fs::canonicalize(parent).map_err(fail)?;
    let below = parent.as_os_str().as_bytes();
    let whole = FtpPath::new(below)
        .and_then(|parent| match place.path.is_root() {
            true => Ok(parent),
            false => parent.child(place.path.name()),
        })
        .map_err(|e| Failure::path(path.display(), e))?;
    let root = LocalDir::open(Path::new("/")).map_err(fail)?;
    Ok(place.rooted(std::sync::Arc::new(root), whole))
}

async fn one(cx: &Cx, args: &Mv, from: &Place, target: &Place, into: bool) -> Outcome<()> {
    let to = match into {
        false => target.path.clone(),
        true => target.path.child(from.path.name()).map_err(|e| Failure::path(from.shown(), e))?,
    };
    if !cx.dry_run() {
        let moved = from.storage.rename(&from.path, &to, args.force).await;
        let what = || format!("{} -> {}", from.shown(), target.show(&to));
        moved.map_err(|e| Failure::storage(what(), &e))?;
    }
    let (path, new) = (from.plain(&from.path), target.plain(&to));
    let dry_run = cx.dry_run();
    cx.tell(
        || Done { action: "moved", base: &from.base, path: &path, to: Some(&new), dry_run },
        || format!("moved {} to {}", from.shown(), target.show(&to)),
    )
}
