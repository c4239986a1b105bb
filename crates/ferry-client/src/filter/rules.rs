//! Include and exclude rules with the meaning that gitignore(5) gives them; patterns themselves
//! are matched by `globset`.

use std::fmt;

use ferry_proto::path::FtpPath;
use globset::{GlobBuilder, GlobMatcher};

/// The most rules, and the most octets of one.
const RULES_MAX: usize = 10_000;
const LINE_MAX: usize = 4096;

/// Rules in order; the last one that matches decides.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    glob: GlobMatcher,
    include: bool,
    dirs_only: bool,
    /// Matched against the last component only.
    by_name: bool,
}

/// Why a rule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleError {
    /// The rule as it was given.
    pub rule: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the rule '{}' cannot be used: {}", self.rule.escape_debug(), self.why)
    }
}

impl std::error::Error for RuleError {}

impl Rules {
    /// Adds a rule that excludes; one that begins with `!` includes.
    ///
    /// # Errors
    /// [`RuleError`] when it is no pattern, or there are too many.
    pub fn exclude(&mut self, rule: &str) -> Result<(), RuleError> {
        match rule.strip_prefix('!') {
            Some(rest) => self.add(rest, true),
            None => self.add(rule, false),
        }
    }

    /// Adds a rule that includes what earlier ones exclude.
    ///
    /// # Errors
    /// As [`exclude`](Self::exclude).
    pub fn include(&mut self, rule: &str) -> Result<(), RuleError> {
        self.add(rule, true)
    }

    /// Adds the rules of a file, one a line; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// As [`exclude`](Self::exclude).
    pub fn add_file(&mut self, text: &str) -> Result<(), RuleError> {
        for line in text.lines() {
            let line = unpadded(line.strip_suffix('\r').unwrap_or(line));
            if !line.is_empty() && !line.starts_with('#') {
                self.exclude(line)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, rule: &str, include: bool) -> Result<(), RuleError> {
        let wrong = |why: &str| RuleError { rule: rule.to_owned(), why: why.to_owned() };
        if self.rules.len() >= RULES_MAX {
            return Err(wrong("there are too many rules"));
        }
        if rule.len() > LINE_MAX {
            return Err(wrong("it is too long"));
        }
        let dirs_only = rule.ends_with('/');
        let pattern = rule.strip_suffix('/').unwrap_or(rule);
        // A slash anywhere but at the end ties the pattern to the root.
        let by_name = !pattern.contains('/');
        let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
        if pattern.is_empty() {
            return Err(wrong("it is empty"));
        }
        let glob = GlobBuilder::new(&literal_braces(pattern))
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map_err(|e| wrong(&e.kind().to_string()))?;
        self.rules.push(Rule { glob: glob.compile_matcher(), include, dirs_only, by_name });
        Ok(())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether `path` (from the tree's root) counts, given that the directories above it do.
    #[must_use]
    pub fn admits(&self, path: &FtpPath, is_dir: bool) -> bool {
        let whole = path.as_bytes().get(1..).unwrap_or_default();
        let fits = |rule: &&Rule| {
            let subject = if rule.by_name { path.name() } else { whole };
            (is_dir || !rule.dirs_only) && rule.glob.is_match(as_path(subject).as_ref())
        };
        self.rules.iter().rev().find(fits).is_none_or(|rule| rule.include)
    }
}

#[cfg(unix)]
fn as_path(name: &[u8]) -> std::borrow::Cow<'_, std::path::Path> {
    use std::os::unix::ffi::OsStrExt as _;
    std::borrow::Cow::Borrowed(std::ffi::OsStr::from_bytes(name).as_ref())
}

#[cfg(not(unix))]
fn as_path(name: &[u8]) -> std::borrow::Cow<'_, std::path::Path> {
    std::borrow::Cow::Owned(String::from_utf8_lossy(name).into_owned().into())
}

/// The pattern with braces as themselves: for git they mean nothing, for `globset` alternatives.
fn literal_braces(pattern: &str) -> String {
    let (mut out, mut escaped, mut class) = (String::with_capacity(pattern.len()), false, false);
    for c in pattern.chars() {
        if matches!(c, '{' | '}') && !escaped && !class {
            out.push('\\');
        }
        class = !escaped && (c == '[' || (class && c != ']'));
        escaped = !escaped && c == '\\';
        out.push(c);
    }
    out
}

/// Without the spaces at its end, except those behind a backslash.
fn unpadded(line: &str) -> &str {
    let bare = line.trim_end_matches(' ');
    let slashes = bare.bytes().rev().take_while(|b| *b == b'\\').count();
    if slashes % 2 == 1 && bare.len() < line.len() {
        return line.get(..=bare.len()).unwrap_or(line);
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(rules: &[&str], path: &str, is_dir: bool) -> bool {
        let mut all = Rules::default();
        for rule in rules {
            all.exclude(rule).unwrap();
        }
        all.admits(&FtpPath::new(path.as_bytes()).unwrap(), is_dir)
    }

    #[test]
    fn rules_mean_what_gitignore_says() {
        // Rules, path, directory, counts.
        let cases: &[(&[&str], &str, bool, bool)] = &[
            (&[], "/a", false, true),
            (&["*.o"], "/a.o", false, false),
            (&["*.o"], "/x/y/a.o", false, false),
            (&["*.o"], "/a.c", false, true),
            (&["/a.o"], "/a.o", false, false),
            (&["/a.o"], "/x/a.o", false, true),
            (&["x/*.o"], "/x/a.o", false, false),
            (&["x/*.o"], "/x/y/a.o", false, true),
            (&["x/*.o"], "/z/x/a.o", false, true),
            (&["**/x/*.o"], "/z/x/a.o", false, false),
            (&["**/x/*.o"], "/x/a.o", false, false),
            (&["x/**"], "/x/y/z", false, false),
            (&["x/**"], "/x", true, true),
            (&["a/**/b"], "/a/b", false, false),
            (&["a/**/b"], "/a/x/y/b", false, false),
            (&["tmp/"], "/tmp", true, false),
            (&["tmp/"], "/tmp", false, true),
            (&["tmp/"], "/x/tmp", true, false),
            (&["*.o", "!keep.o"], "/keep.o", false, true),
            (&["!keep.o", "*.o"], "/keep.o", false, false),
            (&["a?c"], "/abc", false, false),
            (&["a?c"], "/a/c", false, true),
            (&["[a-c]x"], "/bx", false, false),
            (&["[!a-c]x"], "/bx", false, true),
            (&["\\*"], "/*", false, false),
            (&["\\*"], "/x", false, true),
            (&["a{b,c}"], "/a{b,c}", false, false),
            (&["a{b,c}"], "/ab", false, true),
            (&["\\#x"], "/#x", false, false),
        ];
        for (rules, path, is_dir, want) in cases {
            assert_eq!(admits(rules, path, *is_dir), *want, "{rules:?} on {path}");
        }
        assert!(!admits(&["*.\u{ff}"], "/a.\u{ff}", false));
    }

    #[test]
    fn a_file_of_rules_has_comments_and_spaces() {
        let mut rules = Rules::default();
        rules.add_file("# nothing\n\n*.o  \r\n!a.o\ntrail\\ \n").unwrap();
        let says = |path: &[u8]| rules.admits(&FtpPath::new(path).unwrap(), false);
        assert!(says(b"/a.o"));
        assert!(!says(b"/b.o"));
        assert!(!says(b"/trail "));
        assert!(says(b"/trail"));
        assert!(!says(b"/\xff.o"), "names need not be text");
    }

    #[test]
    fn what_is_no_rule_is_refused_with_its_reason() {
        let mut rules = Rules::default();
        for wrong in ["", "/", "[", "!", "a["] {
            assert!(rules.exclude(wrong).is_err(), "{wrong}");
        }
        assert!(rules.exclude("[").unwrap_err().to_string().contains("'['"));
    }
}
