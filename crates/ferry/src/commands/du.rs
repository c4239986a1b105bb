//! `du`: sums of sizes.

use std::collections::BTreeMap;

use ferry_proto::path::FtpPath;
use ferry_storage::Kind;

use crate::cli::Du;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::records::Usage;
use crate::show::human;
use crate::walk::Walk;

/// What a directory holds.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    size: u64,
    files: u64,
    dirs: u64,
}

pub(crate) async fn run(cx: &Cx, args: &Du) -> Outcome<Exit> {
    cx.each(&args.places, Role::Read, async |place| one(cx, args, place).await).await
}

async fn one(cx: &Cx, args: &Du, place: &Place) -> Outcome<()> {
    let meta = place.storage.stat(&place.path, true).await;
    let meta = meta.map_err(|e| Failure::storage(place.shown(), &e))?;
    if meta.kind != Kind::Dir {
        return tell(cx, args, place, &place.path, Sum { size: meta.size, files: 1, dirs: 0 });
    }
    // Each directory that is shown gets what is in it and below.
    let shown = if args.summarize { 0 } else { args.depth.unwrap_or(usize::MAX) };
    let mut sums: BTreeMap<FtpPath, Sum> = BTreeMap::new();
    let start = place.path.components().count();
    let (mut walk, mut failed) = (Walk::new(&place.storage, place.path.clone(), None), None);
    while let Some(listed) = walk.next().await {
        let listed = match listed {
            Ok(listed) => listed,
            Err((path, e)) => {
                let failure = Failure::storage(place.show(&path), &e);
                cx.report(&failure);
                failed = Some(failure.exit);
                continue;
            }
        };
        super::ls::unread_warning(cx, &place.at(listed.path.clone()), listed.unread);
        let mut own = Sum::default();
        for entry in &listed.entries {
            match entry.meta.kind {
                Kind::Dir => own.dirs += 1,
                _ => {
                    own.files += 1;
                    own.size += if entry.meta.size_known { entry.meta.size } else { 0 };
                }
            }
        }
        let mut path = Some(listed.path);
        while let Some(dir) = path {
            let depth = dir.components().count() - start;
            if depth <= shown {
                let sum = sums.entry(dir.clone()).or_default();
                sum.size += own.size;
                sum.files += own.files;
                sum.dirs += own.dirs;
            }
            path = if depth == 0 { None } else { dir.parent() };
        }
    }
    for (path, sum) in sums.iter().rev() {
        tell(cx, args, place, path, *sum)?;
    }
    match failed {
        None => Ok(()),
        Some(exit) => {
            Err(Failure::new(exit, format!("{}: the sum is not complete", place.shown())))
        }
    }
}

fn tell(cx: &Cx, args: &Du, place: &Place, path: &FtpPath, sum: Sum) -> Outcome<()> {
    let Sum { size, files, dirs } = sum;
    let plain = place.plain(path);
    cx.put(
        || Usage { base: &place.base, path: &plain, size, files, dirs },
        || {
            let size = if args.human { human(size) } else { size.to_string() };
            format!("{size:>12}  {}", place.show(path))
        },
    )
}
