//! Mistakes in a configuration file, shown where they are: file, line, column, what is wrong and
//! what would be right. All of them, in the order of the file.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use ferry_client::url::password_in;

use crate::values::Wrong;

/// The mistakes found so far, and the text they are in.
#[derive(Debug)]
pub(crate) struct Problems {
    path: String,
    /// The file's text with secrets masked: mistakes are copied into logs and bug reports.
    source: Vec<u8>,
    found: Vec<Problem>,
}

#[derive(Debug)]
struct Problem {
    at: Range<usize>,
    what: String,
    right: Option<String>,
}

impl Problems {
    pub(super) fn new(path: &str, source: &str) -> Self {
        let source = source.as_bytes().to_vec();
        let mut problems = Self { path: path.to_owned(), source, found: Vec::new() };
        problems.mask_passwords_in_urls();
        problems
    }

    /// Masks them wherever they are, for they are looked at only in places meant for URLs.
    fn mask_passwords_in_urls(&mut self) {
        let mut start = 0;
        let mut masked = Vec::new();
        for line in self.source.split_inclusive(|&b| b == b'\n') {
            let mut from = 0;
            while let Some(rest) = line.get(from..)
                && let Some(url) = rest.windows(3).position(|w| w == b"://")
            {
                if let Some(at) = password_in(rest) {
                    masked.push(start + from + at.start..start + from + at.end);
                }
                from += url + 3;
            }
            start += line.len();
        }
        masked.into_iter().for_each(|at| self.mask(at));
    }

    /// Notes a mistake at `at`: what is wrong, and what would be right.
    pub(super) fn add(&mut self, at: Range<usize>, wrong: Wrong) {
        self.found.push(Problem { at, what: wrong.what, right: Some(wrong.right) });
    }

    /// Notes a mistake in the syntax, in the parser's words.
    pub(super) fn add_syntax(&mut self, at: Option<Range<usize>>, what: &str) {
        let end = self.source.len();
        let at = at.unwrap_or(end..end);
        self.found.push(Problem { at, what: format!("not TOML: {what}"), right: None });
    }

    /// Keeps what stands at `at` from ever being shown.
    pub(super) fn mask(&mut self, at: Range<usize>) {
        for octet in self.source.get_mut(at).unwrap_or_default() {
            if !octet.is_ascii_control() && !b" \"'".contains(octet) {
                *octet = b'*';
            }
        }
    }

    /// Masks what follows `password =` on any line: for text that is not even TOML.
    pub(super) fn mask_password_lines(&mut self) {
        let mut start = 0;
        let mut masked = Vec::new();
        for line in self.source.split_inclusive(|&b| b == b'\n') {
            let secret = [b"pass", b"acct"];
            let mentions =
                line.windows(4).any(|w| secret.iter().any(|s| w.eq_ignore_ascii_case(*s)));
            let equals = line.iter().position(|&b| b == b'=');
            if let (true, Some(equals)) = (mentions, equals) {
                masked.push(start + equals + 1..start + line.len());
            }
            start += line.len();
        }
        masked.into_iter().for_each(|at| self.mask(at));
    }

    /// The number of the line where `at` begins, from 1.
    pub(super) fn line_of(&self, at: &Range<usize>) -> usize {
        let before = self.source.get(..at.start).unwrap_or(&self.source);
        before.iter().filter(|&&b| b == b'\n').count() + 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are so far.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// All of it as text, without the last line end.
    pub(crate) fn render(&self, colours: bool) -> String {
        // Masking whole octets may cut a character only if a span did, which TOML's do not.
        let source = String::from_utf8_lossy(&self.source);
        let mut sorted: Vec<&Problem> = self.found.iter().collect();
        sorted.sort_by_key(|problem| (problem.at.start, problem.at.end));
        let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
        let mut parts: Vec<String> = sorted
            .iter()
            .map(|problem| {
                let snippet = Snippet::source(source.as_ref())
                    .path(self.path.as_str())
                    .annotation(AnnotationKind::Primary.span(within(&problem.at, source.len())));
                let mut group = Level::ERROR.primary_title(problem.what.as_str()).element(snippet);
                if let Some(right) = &problem.right {
                    group = group.element(Level::HELP.message(right.as_str()));
                }
                renderer.render(&[group])
            })
            .collect();
        let (path, count) = (&self.path, self.found.len());
        let mistakes = if count == 1 { "1 mistake" } else { &format!("{count} mistakes") };
        parts.push(format!("{path}: {mistakes}; nothing was started"));
        parts.join("\n\n")
    }
}

/// The span as far as it lies in the text: the parser may point just behind the end.
fn within(at: &Range<usize>, len: usize) -> Range<usize> {
    at.start.min(len)..at.end.min(len)
}
