//! The results as a page of Markdown: where and with what, a summary, a table for each cell.

use std::fmt::Write as _;
use std::time::Duration;

use super::cell::Work;
use super::compare::{Comparison, Row};
use super::trial::per_second;

/// The client all others are compared with, if it ran.
const OURS: &str = "ferry";

/// The whole page.
pub(crate) fn page(about: &str, comparisons: &[Comparison], skipped: &[String]) -> String {
    let mut text = about.to_owned();
    text += "\n## Summary\n\nThe time of `ferry` and of the fastest other client, and how many \
             times as long that takes.\n\n\
             | cell | ferry | fastest other | its time | times as long |\n|---|--:|---|--:|--:|\n";
    for comparison in comparisons {
        let (ours, other) = (ours(comparison), fastest_other(comparison));
        let time = |time: Option<Duration>| time.map_or_else(|| "—".to_owned(), seconds);
        let ratio = match (ours, other) {
            (Some(ours), Some((_, other))) => times(other, ours),
            _ => "—".to_owned(),
        };
        let name = other.map_or("—", |(name, _)| name);
        let (ours, other) = (time(ours), time(other.map(|(_, time)| time)));
        let _ = writeln!(text, "| {} | {ours} | {name} | {other} | {ratio} |", comparison.cell);
    }
    for why in skipped {
        let _ = writeln!(text, "\nLeft out: {why}");
    }
    for comparison in comparisons {
        text += "\n";
        text += &table(comparison);
    }
    text
}

/// One cell.
pub(crate) fn table(comparison: &Comparison) -> String {
    let Comparison { cell, files, octets, rows } = comparison;
    let mut text = format!("## {cell}\n\n");
    let _ = match cell.work {
        Work::Small => writeln!(text, "{files} files, {octets} octets in all.\n"),
        Work::Large => writeln!(text, "One file of {} MiB.\n", octets >> 20),
    };
    let base = ours(comparison).map(|time| (OURS, time)).or_else(|| fastest_other(comparison));
    let to = base.map_or("ferry", |(name, _)| name);
    let _ = writeln!(
        text,
        "| client | at once | median | runs | rate | time / {to}'s | remarks |\n\
         |---|--:|--:|---|--:|--:|---|"
    );
    for row in rows {
        let median = row.median();
        let parallel = row.parallel.map_or_else(|| "—".to_owned(), |count| count.to_string());
        let ratio = match (median, base) {
            (Some(median), Some((_, base))) => times(median, base),
            _ => "—".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {parallel} | {} | {} | {} | {ratio} | {} |",
            row.tool,
            median.map_or_else(|| "—".to_owned(), seconds),
            runs(row),
            median.map_or_else(|| "—".to_owned(), |time| rate(comparison, time)),
            row.note
        );
    }
    text
}

fn ours(comparison: &Comparison) -> Option<Duration> {
    comparison.rows.iter().find(|row| row.tool == OURS)?.median()
}

fn fastest_other(comparison: &Comparison) -> Option<(&'static str, Duration)> {
    let others = comparison.rows.iter().filter(|row| row.tool != OURS);
    others.filter_map(|row| Some((row.tool, row.median()?))).min_by_key(|(_, time)| *time)
}

fn runs(row: &Row) -> String {
    let each: Vec<String> = row.runs.iter().map(ToString::to_string).collect();
    if each.is_empty() { "—".to_owned() } else { each.join(", ") }
}

fn rate(comparison: &Comparison, time: Duration) -> String {
    match comparison.cell.work {
        Work::Small => format!("{:.1} files/s", per_second(comparison.files, time)),
        Work::Large => {
            let octets = usize::try_from(comparison.octets).unwrap_or(usize::MAX);
            format!("{:.0} MB/s", per_second(octets, time) / 1e6)
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn times(longer: Duration, shorter: Duration) -> String {
    format!("{:.2}", longer.as_secs_f64() / shorter.as_secs_f64().max(1e-9))
}

#[cfg(test)]
mod tests {
    use super::super::cell::Cell;
    use super::super::trial::Outcome;
    use super::*;

    fn row(tool: &'static str, runs: Vec<Outcome>, note: &str) -> Row {
        Row { tool, parallel: Some(8), runs, note: note.to_owned() }
    }

    fn done(ms: u64) -> Outcome {
        Outcome::Done(Duration::from_millis(ms))
    }

    fn comparison(rows: Vec<Row>) -> Comparison {
        Comparison { cell: Cell::all(&[50])[0], files: 100, octets: 409_600, rows }
    }

    #[test]
    fn a_client_that_fails_is_named_with_its_reason_and_is_not_the_fastest() {
        let comparison = comparison(vec![
            row("ferry", vec![done(500), done(400), done(900)], ""),
            row("lftp", vec![done(1000), done(3000), done(2000)], ""),
            row("curl", vec![done(10), Outcome::Failed("exit status: 8".into())], ""),
            row("wget", vec![], "has no uploads"),
        ]);
        let page = page("# about\n", &[comparison], &["50 ms: no TUN".to_owned()]);
        for expected in [
            "| small down plain 50ms vsftpd | 0.50 s | lftp | 2.00 s | 4.00 |",
            "| ferry | 8 | 0.50 s | 0.50 s, 0.40 s, 0.90 s | 200.0 files/s | 1.00 |  |",
            "| lftp | 8 | 2.00 s | 1.00 s, 3.00 s, 2.00 s | 50.0 files/s | 4.00 |  |",
            "| curl | 8 | — | 0.01 s, failed: exit status: 8 | — | — |  |",
            "| wget | 8 | — | — | — | — | has no uploads |",
            "Left out: 50 ms: no TUN",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
    }

    #[test]
    fn without_ferry_the_fastest_is_the_measure() {
        let table = table(&comparison(vec![
            row("ferry", vec![], "not here: ferry"),
            row("lftp", vec![done(1000)], ""),
            row("rclone", vec![done(1500)], ""),
        ]));
        assert!(table.contains("time / lftp's"), "{table}");
        assert!(
            table.contains("| rclone | 8 | 1.50 s | 1.50 s | 66.7 files/s | 1.50 |  |"),
            "{table}"
        );
    }
}
