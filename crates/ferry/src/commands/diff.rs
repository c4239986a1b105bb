//! `diff`: in what two trees differ. It is what a mirror with deletion would do, told in other
//! words, and nothing is done.

use std::sync::Arc;

use ferry_client::mirror::{self, Action, Delete, MirrorOptions, What, Why};
use ferry_proto::path::ForPeople;
use ferry_storage::Kind;

use crate::cli::Diff;
use crate::cx::Cx;
use crate::engine::Engine;
use crate::exit::{Exit, Outcome};
use crate::place::Role;
use crate::records::Planned;

pub(crate) async fn run(cx: &Cx, args: &Diff) -> Outcome<Exit> {
    let engine = Engine::new(&cx.flags)?;
    let first = cx.places.open(&args.first, Role::Read).await?;
    let second = cx.places.open(&args.second, Role::Read).await?;
    let options = MirrorOptions {
        compare: super::mirror::compare(args.checksum, args.size_only),
        delete: Delete::After,
        force_empty: true,
        filter: engine.filter.clone(),
        links: super::mirror::links(args.links),
        copy: engine.copy_options(&first, &second),
        ..MirrorOptions::default()
    };
    let (left, right) = (super::mirror::tree(&first), super::mirror::tree(&second));
    let (plan, summary) = mirror::plan(&left, &right, &options, Arc::new(())).await;
    let mut differs = false;
    for action in &plan.actions {
        let Some((word, why)) = difference(action) else { continue };
        differs = true;
        let path = action.path.as_bytes().get(1..).unwrap_or_default();
        let slash = if is_dir(action) { "/" } else { "" };
        cx.put(
            || Planned { action: word, path, size: None, why },
            || format!("{why}: {}{slash}", ForPeople(path)),
        )?;
    }
    for (path, error) in &summary.failures {
        cx.report(&crate::exit::Failure::client(path, error));
    }
    match super::mirror::exit(cx, &summary) {
        Exit::Done if differs => Ok(Exit::Partly),
        exit => Ok(exit),
    }
}

fn is_dir(action: &Action) -> bool {
    matches!(action.what, What::MakeDir { .. } | What::Delete { kind: Kind::Dir, .. })
}

/// What an action says about the trees; [`None`] for what is no difference.
fn difference(action: &Action) -> Option<(&'static str, &'static str)> {
    match &action.what {
        What::MakeDir { .. } | What::Link { .. } => Some(("first", "only in the first")),
        What::Copy { why, .. } => Some(match why {
            Why::New => ("first", "only in the first"),
            Why::Size => ("differs", "the sizes differ"),
            Why::Time => ("differs", "the times differ"),
            _ => ("differs", "the contents differ"),
        }),
        What::Delete { in_the_way: true, .. } => Some(("differs", "of different kinds")),
        What::Delete { .. } => Some(("second", "only in the second")),
        _ => None,
    }
}
