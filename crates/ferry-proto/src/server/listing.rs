//! What the argument of LIST, NLST and STAT can mean (docs/protocol.md): first of all a name; only
//! then options, a path and a pattern. Nothing is looked up here.

use crate::glob;
use crate::list::ListOptions;
use crate::path::{FtpPath, PathError};

/// One reading of a listing's argument.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a driver reads it")]
pub struct Target {
    /// What to list: a directory's entries, or one file.
    pub path: FtpPath,
    /// What to put before each name in NLST so that it can be used as an argument: the path as
    /// the client wrote it, with its slash; for a file all of it.
    pub prefix: Vec<u8>,
    /// How to list.
    pub options: ListOptions,
    /// List only the entries of `path` that match.
    pub pattern: Option<Vec<u8>>,
}

/// The readings of `argument` in the order in which they are to be tried; the first whose path
/// exists is meant.
///
/// # Errors
/// No reading of it is a path.
pub fn targets(cwd: &FtpPath, argument: Option<&[u8]>) -> Result<Vec<Target>, PathError> {
    let here = |options| Target { path: cwd.clone(), prefix: Vec::new(), options, pattern: None };
    let Some(argument) = argument else {
        return Ok(vec![here(ListOptions::default())]);
    };
    let mut out = Vec::new();
    let literal = literal(cwd, argument, ListOptions::default());
    let (options, rest) = ListOptions::parse(argument);
    let had_options = rest.len() != argument.len();
    let failed = literal.as_ref().err().copied();
    out.extend(literal);
    if had_options {
        if rest.is_empty() {
            out.push(here(options));
            return Ok(out);
        }
        out.extend(self::literal(cwd, rest, options));
    }
    out.extend(pattern(cwd, rest, options));
    match failed {
        Some(error) if out.is_empty() => Err(error),
        _ => Ok(out),
    }
}

fn literal(cwd: &FtpPath, name: &[u8], options: ListOptions) -> Result<Target, PathError> {
    Ok(Target { path: cwd.resolve(name)?, prefix: name.to_vec(), options, pattern: None })
}

/// `dir/pattern`: wildcards count in the last component only.
fn pattern(cwd: &FtpPath, name: &[u8], options: ListOptions) -> Option<Target> {
    let cut = name.iter().rposition(|&b| b == b'/').map_or(0, |i| i + 1);
    let (dir, last) = name.split_at_checked(cut)?;
    if !glob::has_wildcards(last) {
        return None;
    }
    let path = if dir.is_empty() { cwd.clone() } else { cwd.resolve(dir).ok()? };
    Some(Target { path, prefix: dir.to_vec(), options, pattern: Some(last.to_vec()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(argument: &str) -> Vec<String> {
        let cwd = FtpPath::new(b"/home").unwrap();
        let argument = (!argument.is_empty()).then_some(argument.as_bytes());
        let show = |t: Target| {
            let mut s = t.path.to_string();
            if let Some(p) = t.pattern {
                s += &format!(" match {}", String::from_utf8_lossy(&p));
            }
            if t.options.all {
                s += " all";
            }
            s
        };
        targets(&cwd, argument).unwrap().into_iter().map(show).collect()
    }

    #[test]
    fn a_name_comes_before_options_and_patterns() {
        let cases: &[(&str, &[&str])] = &[
            ("", &["/home"]),
            ("x", &["/home/x"]),
            ("-la", &["/home/-la", "/home all"]),
            ("-la x", &["/home/-la x", "/home/x all"]),
            ("-a -- -x", &["/home/-a -- -x", "/home/-x all"]),
            ("*.c", &["/home/*.c", "/home match *.c"]),
            ("/d/a?", &["/d/a?", "/d match a?"]),
            ("-a d/[ab]*", &["/home/-a d/[ab]*", "/home/d/[ab]* all", "/home/d match [ab]* all"]),
            ("../*", &["/*", "/ match *"]),
        ];
        for (argument, want) in cases {
            assert_eq!(readings(argument), *want, "{argument}");
        }
    }

    #[test]
    fn an_argument_that_is_no_path_is_refused() {
        assert_eq!(targets(&FtpPath::root(), Some(&[b'x'; 300])), Err(PathError::TooLong));
    }
}
