//! FTP clients beside each other: the same load over the same link from the same server, by turns.
//!
//! What may be moved and how is a [`cell`]; [`place`] has the files and checks what came;
//! [`servers`] starts vsftpd and ferryd; [`tools`] knows the clients; [`trial`] runs one once,
//! [`compare`] all of them; [`report`] and [`machine`] write the page.

mod cell;
mod climb;
mod compare;
mod machine;
mod place;
mod report;
mod servers;
mod tools;
mod trial;

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::link::{DelayLink, Tuning};
use cell::Cell;
use compare::Comparison;
use place::Place;
use servers::Addresses;
use tools::Ready;
use trial::Stage;

/// What `ferry-bench clients` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A few minutes instead of hours: 300 files, 64 MiB, one run, 60 s each at most
    #[arg(long)]
    quick: bool,
    /// Cells whose names have all these words: `--only "small 50ms ferryd"`; several add up
    #[arg(long, value_name = "WORDS")]
    only: Vec<String>,
    /// Clients, separated by commas; the others are left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    clients: Vec<String>,
    /// Small files in the tree
    #[arg(long)]
    files: Option<usize>,
    /// Size of the large file: octets, or with K, M or G behind (1024 and so on)
    #[arg(long, value_parser = parse_size)]
    large: Option<u64>,
    /// Files in the tree on which the best parallelism is found; a fifth of --files otherwise
    #[arg(long)]
    try_files: Option<usize>,
    /// How often each client runs in a cell
    #[arg(long)]
    runs: Option<usize>,
    /// Round trips, milliseconds; 0 is plain loopback
    #[arg(long, value_delimiter = ',', default_value = "0,50")]
    rtt: Vec<u64>,
    /// The longest a run may take, seconds
    #[arg(long)]
    timeout: Option<u64>,
    /// The `ferry` to measure instead of target/release/ferry
    #[arg(long, value_name = "PATH")]
    ferry: Option<PathBuf>,
    /// Where the page goes, besides standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Compares, and writes the page after every cell.
///
/// # Errors
/// There is not enough memory, or something of our own fails.
pub(crate) fn run(arguments: Arguments) -> io::Result<()> {
    let pick = |given: Option<u64>, quick, whole| {
        given.unwrap_or(if arguments.quick { quick } else { whole })
    };
    let files = arguments.files.unwrap_or(if arguments.quick { 300 } else { 5000 }).max(1);
    let large = pick(arguments.large, 64 << 20, 4 << 30);
    let try_files = arguments.try_files.unwrap_or_else(|| (files / 5).max(1));
    let runs = arguments.runs.unwrap_or(if arguments.quick { 1 } else { 3 });
    let limit = Duration::from_secs(pick(arguments.timeout, 60, 300));
    let ferry = arguments.ferry.as_deref().map(absolute);
    let wanted = |name: &str| {
        arguments.clients.is_empty() || arguments.clients.iter().any(|client| client == name)
    };
    let wanted = tools::ALL.iter().filter(|tool| wanted(tool.name));
    let tools: Vec<Ready> = wanted.map(|tool| Ready::look(tool, ferry.as_deref())).collect();

    let tuning = Tuning::raise();
    let about = machine::about(&tools, tuning.said());
    let mut place = Place::make(files, large, try_files)?;
    let say = |line: &str| eprintln!("{line}");
    let mut comparisons: Vec<Comparison> = Vec::new();
    let mut skipped = Vec::new();
    for &rtt_ms in &arguments.rtt {
        let cells: Vec<Cell> =
            Cell::all(&[rtt_ms]).into_iter().filter(|cell| cell.meant(&arguments.only)).collect();
        if cells.is_empty() {
            continue;
        }
        let link = match link(rtt_ms) {
            Ok(link) => link,
            Err(e) => {
                skipped.push(format!("all cells at {rtt_ms} ms: {e}"));
                say(&format!("SKIPPED: all cells at {rtt_ms} ms: {e}"));
                continue;
            }
        };
        let at = link.as_ref().map_or(
            Addresses { listen: Ipv4Addr::LOCALHOST, public: Ipv4Addr::LOCALHOST },
            |link| Addresses { listen: link.server(), public: link.public() },
        );
        for cell in cells {
            match compare_at(cell, at, &mut place, &tools, Plan { runs, limit }, &say) {
                Ok(comparison) => {
                    say(&report::table(&comparison));
                    comparisons.push(comparison);
                }
                Err(e) => {
                    skipped.push(format!("{cell}: {e}"));
                    say(&format!("SKIPPED: {cell}: {e}"));
                }
            }
            if let Some(out) = &arguments.out {
                fs::write(out, report::page(&about, &comparisons, &skipped))?;
            }
        }
        if let Some(link) = link {
            say(&format!("link of {rtt_ms} ms: {}", link.counts()));
        }
    }
    println!("{}", report::page(&about, &comparisons, &skipped));
    Ok(())
}

/// How often, and how long at most.
#[derive(Debug, Clone, Copy)]
struct Plan {
    runs: usize,
    limit: Duration,
}

/// One cell with a server of its own: none carries over what it has learned or not freed. A server
/// that ends in the middle is started once more.
fn compare_at(
    cell: Cell,
    at: Addresses,
    place: &mut Place,
    tools: &[Ready],
    plan: Plan,
    say: &dyn Fn(&str),
) -> io::Result<Comparison> {
    let mut once = || {
        let server = servers::start(cell.server, at, place.base())?;
        place.move_to(&server.root)?;
        let stage = Stage { cell, place, server: &server, limit: plan.limit };
        let compared = compare::compare(&stage, tools, plan.runs, say);
        place.move_back()?;
        compared
    };
    once().or_else(|e| {
        say(&format!("AGAIN: {cell}: {e}"));
        once()
    })
}

fn link(rtt_ms: u64) -> io::Result<Option<DelayLink>> {
    if rtt_ms == 0 { Ok(None) } else { DelayLink::start(Duration::from_millis(rtt_ms)).map(Some) }
}

/// Where cargo puts what it builds.
fn target_dir() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."));
    root.join(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.chars().last() {
        Some('K' | 'k') => (text.get(..text.len() - 1), 10),
        Some('M' | 'm') => (text.get(..text.len() - 1), 20),
        Some('G' | 'g') => (text.get(..text.len() - 1), 30),
        _ => (Some(text), 0),
    };
    let number = digits.and_then(|digits| digits.parse::<u64>().ok());
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .filter(|octets| *octets > 0)
        .ok_or_else(|| "a size is a number, with K, M or G behind it if you like".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_letters() {
        assert_eq!(parse_size("4G"), Ok(4 << 30));
        assert_eq!(parse_size("64m"), Ok(64 << 20));
        assert_eq!(parse_size("17"), Ok(17));
        for bad in ["", "G", "0", "-1", "1T", "99999999999999999999", "99999999999G"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
