//! `diff`: in what two trees differ.

use ferry_client::mirror::{self, Difference, MirrorOptions, Record, Why};
use ferry_proto::path::ForPeople;
use ferry_storage::Kind;

use crate::cli::Diff;
use crate::cx::Cx;
use crate::engine::Engine;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::Role;
use crate::records::Planned;

pub(crate) async fn run(cx: &Cx, args: &Diff) -> Outcome<Exit> {
    let engine = Engine::new(&cx.flags)?;
    let first = cx.places.open(&args.first, Role::Read).await?;
    let second = cx.places.open(&args.second, Role::Read).await?;
    let options = MirrorOptions {
        compare: super::mirror::compare(args.checksum, args.size_only),
        filter: engine.filter.clone(),
        links: super::mirror::links(args.links),
        ..MirrorOptions::default()
    };
    let (left, right) = (super::mirror::tree(&first), super::mirror::tree(&second));
    let (mut differs, mut told) = (false, Ok(()));
    let summary = Box::pin(mirror::diff(&left, &right, &options, |record| {
        if let Some((word, why)) = words(record.what) {
            differs = true;
            if told.is_ok() {
                told = tell(cx, record, word, why);
            }
        }
    }))
    .await;
    told?;
    for (path, error) in &summary.failures {
        cx.report(&Failure::client(path, error));
    }
    match super::mirror::exit(cx, &summary, false) {
        Exit::Done if differs => Ok(Exit::Partly),
        exit => Ok(exit),
    }
}

fn tell(cx: &Cx, record: &Record<'_>, word: &str, why: &str) -> Outcome<()> {
    let path = record.path.as_bytes().get(1..).unwrap_or_default();
    let meta = record.left.or(record.right);
    let is_dir = meta.is_some_and(|meta| meta.kind == Kind::Dir);
    let slash = if is_dir { "/" } else { "" };
    let size = meta.filter(|meta| meta.kind == Kind::File && meta.size_known).map(|m| m.size);
    cx.put(
        || Planned { action: word, path, size, why },
        || format!("{why}: {}{slash}", ForPeople(path)),
    )
}

/// A difference in a word and in a few; [`None`] for none.
fn words(difference: Difference) -> Option<(&'static str, &'static str)> {
    Some(match difference {
        Difference::Same => return None,
        Difference::OnlyLeft => ("first", "only in the first"),
        Difference::OnlyRight => ("second", "only in the second"),
        Difference::Differs(Why::Size) => ("differs", "the sizes differ"),
        Difference::Differs(Why::Time) => ("differs", "the times differ"),
        Difference::Differs(_) => ("differs", "the contents differ"),
        _ => ("differs", "of different kinds"),
    })
}
