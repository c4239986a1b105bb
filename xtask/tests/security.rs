//! SECURITY.md names the tests that hold the server to its answers; every one of them must exist,
//! or the page promises what nobody checks.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::fs;
use std::path::{Path, PathBuf};

/// Where tests, conversations and the storage contract live.
const PLACES: [&str; 4] = ["crates", "interop", "testkit", "xtask"];

/// Words of tests' names; settings and file names have fewer.
const WORDS_MIN: usize = 4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All text below `dir` that could define a test.
fn gather(dir: &Path, into: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.extension().and_then(|e| e.to_str());
        if path.is_dir() {
            gather(&path, into);
        } else if matches!(kind, Some("rs" | "txt")) {
            into.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

fn is_test_name(code: &str) -> bool {
    code.split('_').count() >= WORDS_MIN
        && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut tests = String::new();
    for place in PLACES {
        gather(&root().join(place), &mut tests);
    }
    // Between backquotes stands code; in what is left, between quotation marks, stand titles.
    let (mut prose, mut names) = (String::new(), Vec::new());
    for (i, part) in page.split('`').enumerate() {
        if i % 2 == 0 {
            prose.push_str(part);
        } else if is_test_name(part) {
            names.push(part);
        }
    }
    let titles: Vec<String> = prose
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert!(names.len() > 50 && titles.len() > 3, "the page is not read");
    let missing: Vec<&str> = names
        .into_iter()
        .filter(|name| !tests.contains(&format!("fn {name}(")))
        .chain(titles.iter().map(String::as_str).filter(|title| !tests.contains(title)))
        .collect();
    assert!(missing.is_empty(), "no such test: {missing:#?}");
}
