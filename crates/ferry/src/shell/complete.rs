//! Completion: of commands, of paths on the server by listings that are kept for a moment, of
//! local paths. Names that a terminal could obey are not offered.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ferry_proto::path::FtpPath;
use ferry_storage::Kind;

use super::parse::{Tail, quoted, tail};
use super::table::{self, Side, TABLE};
use crate::place::{Place, Role};
use crate::walk;

/// A listing must come within this time, or there is nothing to offer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most listings that are kept.
const KEPT_MAX: usize = 64;

/// The most names that are offered.
const OFFERED_MAX: usize = 1000;

/// Names in a directory, and whether each is one.
type Names = Vec<(String, bool)>;

/// What is known of the place where we are.
#[derive(Debug, Default)]
pub(super) struct Known {
    at: Mutex<Option<Place>>,
    listings: Mutex<HashMap<FtpPath, Names>>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// We are somewhere else.
    pub(super) fn enter(&self, place: Option<&Place>) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = place.cloned();
        self.forget();
    }

    /// Something may have changed.
    pub(super) fn forget(&self) {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Where the word begins that is being typed, and what it may become.
    pub(super) async fn complete(&self, typed: &str) -> Option<(usize, Vec<String>)> {
        let tail = tail(typed)?;
        let Some(command) = tail.before.first() else {
            return Some((tail.start, commands(&tail.word.text())));
        };
        let name = command.text();
        if matches!(name.as_str(), "help" | "?") {
            return Some((tail.start, commands(&tail.word.text())));
        }
        let entry = table::find(&name)?;
        let flags = |word: &&super::parse::Word| word.plain().starts_with(b"-");
        let behind = tail.before.get(1..).unwrap_or_default();
        let place = behind.len() - behind.iter().filter(flags).count();
        match entry.side.of_word(place) {
            Side::Remote => self.remote(&tail).await,
            Side::Local => local(&tail).await,
            _ => None,
        }
    }

    async fn remote(&self, tail: &Tail) -> Option<(usize, Vec<String>)> {
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let text = tail.word.text();
        let (dir, start) = split(&text);
        let path = match dir {
            "" => at.path.clone(),
            dir => at.path.resolve(dir.as_bytes()).ok()?,
        };
        let names = self.names(&at, &path).await?;
        Some((tail.start, offers(dir, start, &names)))
    }

    async fn names(&self, at: &Place, path: &FtpPath) -> Option<Names> {
        let kept = {
            let listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
            listings.get(path).cloned()
        };
        if kept.is_some() {
            return kept;
        }
        let names = listed(at, path).await?;
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        if listings.len() >= KEPT_MAX {
            listings.clear();
        }
        listings.insert(path.clone(), names.clone());
        Some(names)
    }
}

async fn local(tail: &Tail) -> Option<(usize, Vec<String>)> {
    let text = tail.word.text();
    let (dir, start) = split(&text);
    let path = super::words::absolute(dir.as_bytes(), &tail.word).ok()?;
    let place = Place::local(if dir.is_empty() { Path::new(".") } else { &path }, Role::Read);
    let place = place.ok()?;
    let names = listed(&place, &place.path).await?;
    Some((tail.start, offers(dir, start, &names)))
}

async fn listed(place: &Place, path: &FtpPath) -> Option<Names> {
    let listing = tokio::time::timeout(PATIENCE, walk::list(&*place.storage, path));
    let (entries, _) = listing.await.ok()?.ok()?;
    let mut names: Names = entries
        .into_iter()
        .filter_map(|entry| {
            let target = entry.target.as_ref().map(|target| target.kind);
            let is_dir = entry.meta.kind == Kind::Dir || target == Some(Kind::Dir);
            Some((String::from_utf8(entry.name).ok()?, is_dir))
        })
        .filter(|(name, _)| harmless(name))
        .collect();
    names.sort();
    Some(names)
}

/// Whether a name can be shown as it is.
fn harmless(name: &str) -> bool {
    ferry_proto::path::ForPeople(name.as_bytes()).to_string() == name
}

/// A path that is being typed: up to its last slash, and the rest.
fn split(text: &str) -> (&str, &str) {
    match text.rfind('/') {
        Some(at) => text.split_at(at + 1),
        None => ("", text),
    }
}

fn offers(dir: &str, start: &str, names: &[(String, bool)]) -> Vec<String> {
    let fits =
        |name: &str| name.starts_with(start) && (!name.starts_with('.') || start.starts_with('.'));
    let fitting = names.iter().filter(|(name, _)| fits(name)).take(OFFERED_MAX);
    fitting
        .map(|(name, is_dir)| {
            format!("{}{}", quoted(&format!("{dir}{name}")), if *is_dir { "/" } else { " " })
        })
        .collect()
}

fn commands(start: &str) -> Vec<String> {
    let all = TABLE.iter().flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases));
    all.filter(|name| name.starts_with(start)).map(|name| format!("{name} ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    async fn offered(known: &Known, typed: &str) -> String {
        let (start, offers) = known.complete(typed).await.unwrap_or((0, Vec::new()));
        format!("{start}:{}", offers.join("|"))
    }

    #[tokio::test]
    async fn commands_and_paths_are_completed_where_they_stand() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["alpha", "al pine", "beta", ".hidden", "esc\u{1b}ape"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        fs::create_dir(dir.path().join("album")).unwrap();
        fs::write(dir.path().join("album/song"), "").unwrap();
        let known = Known::new();
        let place = Place::local(dir.path(), Role::Read).unwrap();
        known.enter(Some(&place));
        let cases = [
            ("mirr", "0:mirror "),
            ("get al", "4:al\\ pine |album/|alpha "),
            ("get -r al", "7:al\\ pine |album/|alpha "),
            ("cd album/", "3:album/song "),
            ("rm a b", "5:beta "),
            ("get 'al p", "4:al\\ pine "),
            ("ls .h", "3:.hidden "),
            ("ls e", "3:"),
            ("cd x; ls be", "9:beta "),
            ("help mirr", "5:mirror "),
            ("nonsense a", "0:"),
            ("echo a", "0:"),
        ];
        for (typed, want) in cases {
            assert_eq!(offered(&known, typed).await, want, "{typed}");
        }
    }

    #[tokio::test]
    async fn listings_are_kept_until_something_may_have_changed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a1"), "").unwrap();
        let known = Known::new();
        known.enter(Some(&Place::local(dir.path(), Role::Read).unwrap()));
        assert_eq!(offered(&known, "rm a").await, "3:a1 ");
        fs::write(dir.path().join("a2"), "").unwrap();
        assert_eq!(offered(&known, "rm a").await, "3:a1 ");
        known.forget();
        assert_eq!(offered(&known, "rm a").await, "3:a1 |a2 ");
    }
}
