//! One cell: each client's best parallelism is found on a smaller load, then all run by turns.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::cell::Cell;
use super::climb::climb;
use super::tools::Ready;
use super::trial::{Outcome, Stage, per_second};

/// What a client did in a cell.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) tool: &'static str,
    /// At once; `None` where there is no choice.
    pub(crate) parallel: Option<u32>,
    pub(crate) runs: Vec<Outcome>,
    /// Why there is no run, or why there are fewer.
    pub(crate) note: String,
}

/// What all clients did in a cell.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) cell: Cell,
    pub(crate) files: usize,
    pub(crate) octets: u64,
    pub(crate) rows: Vec<Row>,
}

impl Row {
    /// The time in the middle; the better one of two. `None` if a run failed: a client that loses
    /// files now and then has no time.
    pub(crate) fn median(&self) -> Option<Duration> {
        let mut times = self.runs.iter().map(Outcome::took).collect::<Option<Vec<Duration>>>()?;
        times.sort_unstable();
        times.get(times.len().saturating_sub(1) / 2).copied()
    }
}

/// Compares `tools` on `stage`, `runs` times each.
///
/// # Errors
/// Something of our own fails.
pub(crate) fn compare(
    stage: &Stage<'_>,
    tools: &[Ready],
    runs: usize,
    say: &dyn Fn(&str),
) -> io::Result<Comparison> {
    let load = stage.place.load(stage.cell.work, false);
    // What a client keeps of a server from one run to the next is its own merit.
    let homes = tools.iter().map(|_| tempfile::tempdir()).collect::<io::Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for (tool, home) in tools.iter().zip(&homes) {
        rows.push(prepare(stage, tool, home.path(), say)?);
    }
    for run in 1..=runs {
        // Each begins a round in its turn: whoever went before leaves caches as it used them.
        for at in (0..tools.len()).map(|at| (at + run - 1) % tools.len()) {
            let (Some(tool), Some(home), Some(row)) =
                (tools.get(at), homes.get(at), rows.get_mut(at))
            else {
                continue;
            };
            // What was told to stop, or could not do it at all, does not get better.
            let hopeless = row.runs.iter().any(|outcome| outcome.took().is_none());
            if !row.note.is_empty() || hopeless {
                continue;
            }
            let outcome = stage.run(tool, home.path(), row.parallel.unwrap_or(1), false)?;
            say(&format!("{} | {} | run {run}: {outcome}", stage.cell, tool.kind.name));
            row.runs.push(outcome);
        }
    }
    Ok(Comparison { cell: stage.cell, files: load.files.len(), octets: load.octets, rows })
}

/// Whether a client can do it at all, and how.
fn prepare(stage: &Stage<'_>, tool: &Ready, home: &Path, say: &dyn Fn(&str)) -> io::Result<Row> {
    let mut row =
        Row { tool: tool.kind.name, parallel: None, runs: Vec::new(), note: String::new() };
    if let Some(why) = (tool.kind.cannot)(&stage.cell) {
        row.note = why.to_owned();
        return Ok(row);
    }
    if tool.version.is_none() {
        row.note = "not here".to_owned();
        return Ok(row);
    }
    let ladder = (tool.kind.ladder)(&stage.cell);
    let tried = climb(ladder, |parallel| {
        let outcome = stage.run(tool, home, parallel, true)?;
        say(&format!("{} | {} | trying {parallel}: {outcome}", stage.cell, tool.kind.name));
        Ok::<_, io::Error>(outcome)
    })?;
    let Some((parallel, outcome)) = tried else { return Ok(row) };
    row.parallel = (ladder.len() > 1).then_some(parallel);
    match outcome {
        Outcome::Done(took) => row.note = too_long(stage, took).unwrap_or_default(),
        bad => row.note = format!("on the smaller load: {bad}"),
    }
    Ok(row)
}

/// What would certainly be stopped is not run, and said with the rate that shows it.
fn too_long(stage: &Stage<'_>, tried: Duration) -> Option<String> {
    let small = stage.place.load(stage.cell.work, true);
    let would_take = tried.div_f64(stage.share());
    if would_take < stage.longest() {
        return None;
    }
    let rate = if small.files.len() > 1 {
        format!("{:.1} files/s", per_second(small.files.len(), tried))
    } else {
        let octets = usize::try_from(small.octets).unwrap_or(usize::MAX);
        format!("{:.1} MB/s", per_second(octets, tried) / 1e6)
    };
    let limit = stage.limit.as_secs();
    Some(format!(
        "not run: {rate} on the smaller load, so it would take {:.0} s of {limit} allowed",
        would_take.as_secs_f64()
    ))
}
