//! FTP servers beside each other: the same load on each, by turns, and what the kernel and the
//! cipher need for it without any server.
//!
//! A [`cell`] is one figure; `transfer`, `small`, `commands`, `listing` and `idle` make them, with
//! what is in `floor` beside them. [`server`] starts servers, [`place`] has what they serve,
//! [`dialog`], [`data`] and [`security`] are the load generator, [`process`] reads what a server
//! costs; [`scale`] is a run of its own. [`results`], [`targets`] and [`report`] make the page.

mod bare;
mod cell;
mod commands;
mod data;
mod dialog;
mod floor;
mod idle;
mod listing;
mod many;
mod openssl;
mod place;
mod process;
mod report;
mod results;
pub(crate) mod scale;
mod security;
mod server;
mod small;
mod targets;
mod transfer;

use std::fs;
use std::io;
use std::path::PathBuf;

use interop::servers::Kind;

use cell::{Cell, Floor, Stage, Values, Who};
use place::{Place, Sizes};
use results::{Figure, Row};
use server::{Fleet, Server};

/// The longest remark in a table.
const NOTE_MAX: usize = 140;

/// Who is compared, ours first. unFTP has no package to get it from.
const KINDS: [Kind; 5] =
    [Kind::Ferryd, Kind::Vsftpd, Kind::Proftpd, Kind::PureFtpd, Kind::Pyftpdlib];

/// What `ferry-bench servers` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A minute or two instead of much longer: small sizes, one run
    #[arg(long)]
    quick: bool,
    /// Figures whose names have all these words: `--only "retr tls"`; several add up
    #[arg(long, value_name = "WORDS")]
    only: Vec<String>,
    /// Servers, separated by commas; the others are left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    servers: Vec<String>,
    /// How often each server is measured
    #[arg(long)]
    runs: Option<usize>,
    /// Where the page goes, besides standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say the names of all figures and do nothing
    #[arg(long)]
    list: bool,
}

/// Measures, and writes the page after every figure.
///
/// # Errors
/// There is not enough memory, no figure is meant, or something of our own fails.
pub(crate) fn run(arguments: Arguments) -> io::Result<()> {
    let sizes = if arguments.quick { Sizes::QUICK } else { Sizes::WHOLE };
    let runs = arguments.runs.unwrap_or(if arguments.quick { 1 } else { 5 }).max(1);
    let mut cells = transfer::cells();
    cells.extend(small::cells());
    cells.extend(commands::cells());
    cells.extend(listing::cells());
    cells.extend(idle::cells(&sizes));
    cells.retain(|cell| cell.meant(&arguments.only));
    if arguments.list {
        cells.iter().for_each(|cell| println!("{}", cell.name));
        return Ok(());
    }
    if cells.is_empty() {
        return Err(io::Error::other("no figure has such a name: see --list"));
    }
    let wanted = |kind: &Kind| {
        arguments.servers.is_empty() || arguments.servers.iter().any(|name| name == kind.name())
    };
    let kinds: Vec<Kind> = KINDS.into_iter().filter(wanted).collect();
    let about = report::about(arguments.quick);
    println!("SKIPPED: unFTP, which no package brings and this cannot start");
    let listed = cells.iter().any(|cell| cell.name == "list" || cell.name == "mlsd");
    let place = Place::make(sizes, listed)?;
    let bare = Server::bare(bare::start()?);
    let run = Run { place, fleet: Fleet::default(), bare, kinds, runs };
    let mut figures = Vec::new();
    for cell in &cells {
        let figure = run.figure(cell);
        println!("{}", report::table(&figure));
        figures.push(figure);
        if let Some(out) = &arguments.out {
            fs::write(out, report::page(&about, &figures))?;
        }
    }
    println!("{}", report::page(&about, &figures));
    Ok(())
}

/// What all figures have in common.
#[derive(Debug)]
struct Run {
    place: Place,
    fleet: Fleet,
    bare: Server,
    kinds: Vec<Kind>,
    runs: usize,
}

impl Run {
    /// Measures all by turns: A B A B.
    fn figure(&self, cell: &Cell) -> Figure {
        let kinds = if cell.who == Who::Ferryd { &[Kind::Ferryd] } else { &*self.kinds };
        let kinds = kinds.iter().map(|kind| (kind.name(), Subject::Server(*kind)));
        let floors = cell.floors.iter().map(|floor| (floor.name(), Subject::Floor(*floor)));
        let (mut rows, mut subjects) = (Vec::new(), Vec::new());
        for (name, subject) in kinds.chain(floors) {
            rows.push(Row { who: name.to_owned(), runs: Vec::new(), note: String::new() });
            subjects.push(subject);
        }
        // Thousands of sessions leave little to chance, and take long.
        let runs = if cell.who == Who::Fresh { 1 } else { self.runs };
        for _ in 0..runs {
            for (subject, row) in subjects.iter().zip(&mut rows) {
                // What failed once fails again, after as long a wait.
                if !row.note.is_empty() {
                    continue;
                }
                eprintln!("{}: {}", cell.name, row.who);
                match self.measure(cell, *subject) {
                    Ok(Some(values)) => row.runs.push(values),
                    Ok(None) => row.note = "not here".to_owned(),
                    Err(e) => row.note = remark(&e.to_string()),
                }
            }
        }
        Figure { name: cell.name.clone(), rows }
    }

    fn measure(&self, cell: &Cell, subject: Subject) -> io::Result<Option<Values>> {
        let mut stage = Stage { place: &self.place, server: None, kind: None };
        match subject {
            Subject::Floor(Floor::Other(_, measure)) => measure(&stage).map(Some),
            Subject::Floor(Floor::Replies) => {
                stage.server = Some(&self.bare);
                (cell.measure)(&stage).map(Some)
            }
            Subject::Server(kind) if cell.who == Who::Fresh => {
                stage.kind = Some(kind);
                (cell.measure)(&stage).map(Some)
            }
            Subject::Server(kind) => {
                let Some(server) = self.fleet.server(kind, cell.tls, &self.place)? else {
                    return Ok(None);
                };
                stage.kind = Some(kind);
                stage.server = Some(&server);
                (cell.measure)(&stage).map(Some)
            }
        }
    }
}

/// Who has a row in a figure.
#[derive(Debug, Clone, Copy)]
enum Subject {
    Server(Kind),
    Floor(Floor),
}

/// An error as something that fits into a table.
fn remark(error: &str) -> String {
    let line = error.lines().next().unwrap_or("failed");
    // Libraries link to their manuals.
    let line = line.split(": https:").next().unwrap_or(line);
    line.chars().map(|c| if c.is_control() || c == '|' { ' ' } else { c }).take(NOTE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_figures_are_picked_by_their_words() {
        let cells = transfer::cells();
        let count = |only: &str| cells.iter().filter(|c| c.meant(&[only.to_owned()])).count();
        assert_eq!((count("retr"), count("retr tls"), count("stor-plain-4")), (4, 2, 1));
        assert_eq!(count("ret"), 0);
    }
}
