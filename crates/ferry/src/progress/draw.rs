//! The lines of progress as text. Only what every terminal knows is used: up, and erase below.

use std::time::Duration;

use super::rate::clock;
use super::{Active, State};
use crate::show::human;

/// The most lines for files; more would scroll away.
const FILES_MAX: usize = 8;

/// Columns of a terminal that does not tell.
const COLUMNS: usize = 80;

fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr());
    size.map_or(COLUMNS, |size| usize::from(size.ws_col)).max(20)
}

/// Takes the lines away.
pub(super) fn wipe(state: &mut State) -> String {
    match std::mem::take(&mut state.drawn) {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\x1b[J"),
    }
}

/// The lines anew.
pub(super) fn frame(state: &mut State, elapsed: Duration) -> String {
    let mut text = wipe(state);
    if state.active.is_empty() && state.files_done == 0 {
        return text;
    }
    let width = columns() - 1;
    let mut lines: Vec<String> =
        state.active.values().take(FILES_MAX).map(|active| file(active, width)).collect();
    let hidden = state.active.len().saturating_sub(FILES_MAX);
    if hidden > 0 {
        lines.push(format!("  and {hidden} more"));
    }
    // One file alone says it all.
    if state.files.unwrap_or(1) > 1 || state.active.is_empty() {
        lines.push(total(state, elapsed));
    }
    for line in &lines {
        text.push_str(&cut(line, width));
        text.push('\n');
    }
    state.drawn = lines.len();
    text
}

fn file(active: &Active, width: usize) -> String {
    let rate = human(active.rate.per_second());
    let right = match active.size {
        Some(size) => {
            let percent = (active.there.min(size) * 100).checked_div(size).unwrap_or(100);
            let left = size.saturating_sub(active.there);
            let eta = active.rate.eta(left).map_or_else(|| "-:--".to_owned(), clock);
            let (there, size) = (human(active.there), human(size));
            format!("{percent:>3}%  {there:>5}/{size:<5} {rate:>5}/s  {eta}")
        }
        None => format!("      {:>5}       {rate:>5}/s", human(active.there)),
    };
    let room = width.saturating_sub(right.chars().count() + 2).max(8);
    format!("{:<room$}  {right}", tail(&active.name, room))
}

/// The line for all files.
pub(super) fn total(state: &State, elapsed: Duration) -> String {
    let files = match state.files {
        Some(files) => format!("{} of {files} files", state.files_done),
        None => format!("{} files", state.files_done),
    };
    let there = human(state.octets);
    let octets = match state.total {
        Some(total) => format!("{there} of {}", human(total)),
        None => there,
    };
    let left = state.total.map(|total| total.saturating_sub(state.octets));
    let eta = left.and_then(|left| state.rate.eta(left));
    let eta = eta.map(|eta| format!(", {} to go", clock(eta))).unwrap_or_default();
    let (rate, elapsed) = (human(state.rate.per_second()), clock(elapsed));
    format!("{files}, {octets}, {rate}/s, {elapsed} gone{eta}")
}

/// The end of a name that is too long: what tells files of one directory from each other.
fn tail(name: &str, room: usize) -> String {
    let length = name.chars().count();
    if length <= room {
        return name.to_owned();
    }
    let skipped = name.chars().skip(length - room + 1);
    std::iter::once('…').chain(skipped).collect()
}

fn cut(line: &str, width: usize) -> String {
    line.chars().take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::rate::Rate;
    use std::collections::BTreeMap;

    fn state() -> State {
        let mut rate = Rate::default();
        rate.note(Duration::from_secs(1), 1 << 20);
        let active =
            Active { name: "/a/file".to_owned(), size: Some(4 << 20), there: 1 << 20, rate };
        State {
            active: BTreeMap::from([(0, active)]),
            next: 1,
            files_done: 2,
            files: Some(5),
            octets: 3 << 20,
            total: Some(10 << 20),
            moved: 1 << 20,
            rate,
            drawn: 0,
            hidden: false,
        }
    }

    #[test]
    fn a_line_says_how_far_a_file_is_and_how_long_it_will_take() {
        let state = state();
        let line = file(state.active.get(&0).unwrap(), 60);
        assert_eq!(line, "/a/file                       25%   1.0M/4.0M   1.0M/s  0:03");
        let line = total(&state, Duration::from_secs(1));
        assert_eq!(line, "2 of 5 files, 3.0M of 10M, 1.0M/s, 0:01 gone, 0:07 to go");
    }

    #[test]
    fn what_is_drawn_is_wiped_before_it_is_drawn_again() {
        let mut state = state();
        assert_eq!(frame(&mut state, Duration::ZERO).matches('\n').count(), 2);
        assert!(frame(&mut state, Duration::ZERO).starts_with("\x1b[2A\x1b[J"));
        assert_eq!(wipe(&mut state), "\x1b[2A\x1b[J");
        assert_eq!(wipe(&mut state), "");
    }

    #[test]
    fn of_a_long_name_the_end_is_shown() {
        assert_eq!(tail("abcdef", 4), "…def");
        assert_eq!(tail("abc", 4), "abc");
    }
}
