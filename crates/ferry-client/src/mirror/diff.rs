//! Comparing two trees and changing neither.

use std::sync::Arc;

use ferry_proto::path::FtpPath;
use ferry_storage::{Kind, Meta};
use tokio::sync::mpsc;

use super::both::{Both, Told, walk};
use super::compare::{Rules, Verdict, compare};
use super::options::{MirrorOptions, Summary, Tree};
use super::plan::Why;
use crate::copy::{of_storage, same_content};

/// How two trees differ in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Nothing.
    Same,
    /// Only the left tree has it; of a directory, with all that is in it.
    OnlyLeft,
    /// Only the right tree has it.
    OnlyRight,
    /// Both have a file of the name, and it differs.
    Differs(Why),
    /// One has a file and the other a directory.
    OtherKind,
}

/// One place of two trees.
#[derive(Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// Where, from the roots.
    pub path: &'a FtpPath,
    /// How they differ there.
    pub what: Difference,
    /// What the left tree has.
    pub left: Option<&'a Meta>,
    /// What the right tree has.
    pub right: Option<&'a Meta>,
}

/// Compares two trees and tells `each` what is found, as it is found; files that are the same
/// among it. The summary counts files of both trees, those that are the same, and what could not be
/// looked at.
pub async fn diff(
    left: &Tree,
    right: &Tree,
    options: &MirrorOptions,
    mut each: impl FnMut(&Record<'_>) + Send,
) -> Summary {
    let options = Arc::new(options.clone());
    let (out, mut told) = mpsc::channel(16);
    let mut summary = Summary { complete: true, ..Summary::default() };
    let comparing = async {
        while let Some(told) = told.recv().await {
            match told {
                Told::Skipped(..) => summary.skipped += 1,
                Told::Failed(path, error) => {
                    summary.complete = false;
                    summary.fail(&path, error);
                }
                Told::Dir(both) => {
                    summary.dirs += 1;
                    summary.complete &= both.proven == [true; 2];
                    directory(&both, [left, right], &options, &mut summary, &mut each).await;
                }
            }
        }
    };
    tokio::join!(Box::pin(walk(left, right, &options, out)), Box::pin(comparing));
    summary
}

async fn directory(
    both: &Both,
    trees: [&Tree; 2],
    options: &MirrorOptions,
    summary: &mut Summary,
    each: &mut (impl FnMut(&Record<'_>) + Send),
) {
    // A directory that only one side has was told as a whole.
    let whole = both.there != [true; 2] && !both.path.is_root();
    for (path, [left, right]) in &both.entries {
        let (left, right) = (left.as_ref(), right.as_ref());
        let what = match (left, right) {
            (Some(_), None) => Difference::OnlyLeft,
            (None, Some(_)) => Difference::OnlyRight,
            (Some(l), Some(r)) if l.kind == Kind::File && r.kind == Kind::File => {
                match files(path, (l, r), trees, options).await {
                    Ok(what) => what,
                    Err(e) => {
                        summary.fail(path, of_storage(e, "comparing contents"));
                        continue;
                    }
                }
            }
            (Some(l), Some(r)) if l.kind == r.kind => Difference::Same,
            _ => Difference::OtherKind,
        };
        let is_file = |meta: Option<&Meta>| meta.is_some_and(|m| m.kind == Kind::File);
        summary.files += u64::from(is_file(left) || is_file(right));
        summary.same += u64::from(what == Difference::Same && is_file(left));
        if !whole {
            each(&Record { path, what, left, right });
        }
    }
}

async fn files(
    path: &FtpPath,
    (left, right): (&Meta, &Meta),
    [at_left, at_right]: [&Tree; 2],
    options: &MirrorOptions,
) -> Result<Difference, ferry_storage::FsError> {
    let rules = Rules { how: options.compare, update: false, times_kept: true };
    Ok(match compare(left, right, rules) {
        Verdict::Same | Verdict::Newer => Difference::Same,
        Verdict::Differs(why) => Difference::Differs(why),
        Verdict::Read { .. } => {
            let (a, b) = (at_left.at(path)?, at_right.at(path)?);
            match same_content((&*at_left.storage, &a), (&*at_right.storage, &b)).await? {
                true => Difference::Same,
                false => Difference::Differs(Why::Content),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::Compare;
    use crate::testing::{p, touch};
    use ferry_storage::memory::Memory;

    #[tokio::test]
    async fn every_kind_of_difference_is_told_once() {
        let files = Memory::new();
        for (path, content, secs) in [
            ("/l/same", "1", 10),
            ("/r/same", "1", 10),
            ("/l/size", "1", 10),
            ("/r/size", "22", 10),
            ("/l/d/time", "1", 10),
            ("/r/d/time", "1", 20),
            ("/l/d/content", "1", 10),
            ("/r/d/content", "2", 10),
            ("/l/left/deep/f", "1", 10),
            ("/r/right", "1", 10),
            ("/l/kind", "1", 10),
            ("/r/kind/f", "1", 10),
        ] {
            files.put(path, content.as_bytes()).unwrap();
            touch(&files, path, secs, 0).await;
        }
        let tree = |root| Tree::new(Arc::new(files.clone()), p(root));
        let run = async |compare| {
            let mut all = Vec::new();
            let options = MirrorOptions { compare, ..MirrorOptions::default() };
            let (left, right) = (tree("/l"), tree("/r"));
            let done = diff(&left, &right, &options, |record| {
                all.push((record.path.to_string(), record.what));
            });
            assert!(done.await.is_success());
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        use Difference::{Differs, OnlyLeft, OnlyRight, OtherKind, Same};
        let want = |content, time| {
            [
                ("/d", Same),
                ("/d/content", content),
                ("/d/time", time),
                ("/kind", OtherKind),
                ("/left", OnlyLeft),
                ("/right", OnlyRight),
                ("/same", Same),
                ("/size", Differs(Why::Size)),
            ]
            .map(|(path, what)| (path.to_owned(), what))
        };
        assert_eq!(run(Compare::SizeAndTime).await, want(Same, Differs(Why::Time)));
        assert_eq!(run(Compare::Content).await, want(Differs(Why::Content), Same));
        assert_eq!(run(Compare::Size).await, want(Same, Same));
    }
}
