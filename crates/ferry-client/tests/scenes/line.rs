//! How the line of a step is taken apart.

use testkit::scene::{Line, quoted};

/// How often a step is done, and the step.
pub(super) fn repeated(line: &Line) -> (usize, Line) {
    let split = line.text.split_once(" times ");
    match split.and_then(|(n, step)| Some((n.parse().ok()?, step))) {
        Some((times, step)) => (times, line.saying(step)),
        None => (1, line.clone()),
    }
}

/// A word, quoted or up to the next space, and what follows it; empty at the end.
pub(super) fn word(text: &str) -> Result<(Vec<u8>, &str), String> {
    if text.starts_with('"') {
        return quoted(text).map(|(word, rest)| (word, rest.trim()));
    }
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok((word.as_bytes().to_vec(), rest.trim()))
}

pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

/// A step and its outcome: what stands on either side of the first arrow outside quotes.
pub(super) fn halves(line: &str) -> Option<(&str, &str)> {
    let mut inside = false;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        let arrow = !inside && line.get(at..).is_some_and(|rest| rest.starts_with(" -> "));
        match c {
            _ if arrow => return Some((line.get(..at)?, line.get(at + 4..)?)),
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            _ => {}
        }
    }
    None
}
