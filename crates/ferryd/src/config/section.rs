//! One table of the document: which keys it may have, and reading them one by one while every
//! mistake is noted and the rest read on.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnose::Problems;
use crate::values::Wrong;

/// A table and what it is called in the file, as `[limits]`.
#[derive(Debug)]
pub(super) struct Section<'a> {
    name: &'static str,
    table: &'a DeTable<'a>,
    at: Range<usize>,
    keys: &'static [&'static str],
}

/// A value and where it stands.
pub(super) type At<T> = (T, Range<usize>);

impl<'a> Section<'a> {
    /// Opens a table that may have `keys`; any other key is a mistake.
    pub(super) fn open(
        name: &'static str,
        table: &'a DeTable<'a>,
        at: Range<usize>,
        keys: &'static [&'static str],
        problems: &mut Problems,
    ) -> Self {
        for (key, value) in table {
            let written = key.get_ref().as_ref();
            if keys.contains(&written) {
                continue;
            }
            let meant = closest(written, keys);
            if meant == Some("password") || written.to_ascii_lowercase().contains("pass") {
                problems.mask(value.span());
            }
            let right = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("{name} may hold: {}", keys.join(", ")),
            };
            let what = format!("unknown key `{}` in {name}", written.escape_debug());
            problems.add(key.span(), Wrong::new(what, right));
        }
        Self { name, table, at, keys }
    }

    /// What it is called in the file.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Where the table stands.
    pub(super) fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// Reads `key` if it is there; a value that cannot be read is noted and counts as not there.
    pub(super) fn get<T>(
        &self,
        key: &'static str,
        problems: &mut Problems,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        debug_assert!(self.keys.contains(&key), "{key} is not a key of {}", self.name);
        let value = self.table.get(key)?;
        match read(value.get_ref()) {
            Ok(read) => Some((read, value.span())),
            Err(wrong) => {
                let what = format!("`{key}` in {}: {}", self.name, wrong.what);
                problems.add(value.span(), Wrong::new(what, wrong.right));
                None
            }
        }
    }

    /// Reads `key`, whose absence is a mistake, too; `example` shows how it would be written.
    pub(super) fn need<T>(
        &self,
        key: &'static str,
        example: &str,
        problems: &mut Problems,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        if !self.has(key) {
            let what = format!("{} has no `{key}`", self.name);
            problems.add(self.at(), Wrong::new(what, format!("add a line like {key} = {example}")));
        }
        self.get(key, problems, read)
    }

    /// Whether `key` is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key`, right or wrong, with its place.
    pub(super) fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// Where the value of `key` stands.
    pub(super) fn at_value(&self, key: &str) -> Option<Range<usize>> {
        self.table.get(key).map(|value| value.span())
    }
}

/// The key that was probably meant: at most a third of it different, and at most three letters.
pub(super) fn closest(written: &str, keys: &'static [&'static str]) -> Option<&'static str> {
    keys.iter()
        .map(|&key| (distance(&written.to_lowercase(), key), key))
        .filter(|&(distance, key)| distance <= (key.len() / 3).clamp(1, 3))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, key)| key)
}

/// How many letters have to be put in, left out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut least =
                (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&y) && b.get(j - 1) == Some(&x);
            if swapped {
                least = least.min(at(&before_last, j - 1) + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_meant_is_found_if_there_is_one() {
        const KEYS: &[&str] = &["idle", "login", "sessions", "per_address", "passive_ports"];
        let cases = [
            ("idel", Some("idle")),
            ("Idle", Some("idle")),
            ("idles", Some("idle")),
            ("session", Some("sessions")),
            ("per-address", Some("per_address")),
            ("passiv_port", Some("passive_ports")),
            ("ports", None),
            ("x", None),
            ("", None),
        ];
        for (written, want) in cases {
            assert_eq!(closest(written, KEYS), want, "{written}");
        }
    }
}
