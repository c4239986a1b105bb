//! `ferry`: files to and from FTP servers, from a command line.
//!
//! This crate decides nothing about FTP: what can be done is in `ferry-client`, for every
//! `Storage` alike. Here is what people and scripts see: words typed ([`cli`], [`url`]), places
//! found ([`place`], [`glob`]), things done ([`commands`], [`shell`]), and what is said about them
//! ([`say`], [`records`], [`exit`]).

#![forbid(unsafe_code)]

// Thousands of small files are under way at a time, each a few short-lived pieces of memory on
// several threads. Mirroring 5,000 of them from `ferryd` at 50 ms of round trip, over 16 sessions:
// 0.53 s of processor time with the system's allocator, 0.37 s with this one (medians of nine runs
// by turns).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod bookmarks;
mod cli;
mod commands;
mod cx;
mod engine;
mod exit;
mod glob;
mod json;
mod keyring;
mod link;
mod netrc;
mod pathspec;
mod place;
mod progress;
mod records;
mod say;
mod secrets;
mod setup;
mod shell;
mod show;
mod stop;
mod stream;
mod text;
mod trace;
mod tty;
mod url;
mod walk;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use crate::bookmarks::Bookmarks;
use crate::cli::Cli;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::Places;
use crate::setup::Setup;
use crate::stop::Stop;

/// Threads for what blocks, files of this machine above all. A tree of small files keeps hundreds
/// of such operations waiting; more threads than this only get into each other's way.
const BLOCKING_THREADS: usize = 8;

fn main() -> ExitCode {
    // Says what is wrong with the command line by itself, and ends with 2.
    let matches = Cli::command().after_long_help(cli::long_help(&exit::TABLE)).get_matches();
    let exit = match Cli::from_arg_matches(&matches) {
        Ok(cli) => run(cli::with_rules(cli, &matches), matches),
        Err(e) => e.exit(),
    };
    let flushed = say::flush();
    let exit = match (exit, flushed) {
        (Exit::Done, Err(failure)) => {
            if !failure.message.is_empty() {
                say::failed(&failure.message);
            }
            failure.exit
        }
        (exit, _) => exit,
    };
    ExitCode::from(exit.code())
}

/// One may wait for the disk while another goes on with the network.
const WORKERS_MIN: usize = 2;

fn run(cli: Cli, matches: ArgMatches) -> Exit {
    let workers = std::thread::available_parallelism().map_or(WORKERS_MIN, usize::from);
    let workers = workers.max(WORKERS_MIN);
    ferry_storage::blocking::trust_the_disk(workers - 1);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(workers)
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            say::failed(&format!("cannot start: {e}"));
            return Exit::Local;
        }
    };
    // Commands stay on this thread, the jobs of a shell beside each other; what moves octets does
    // not.
    let local = tokio::task::LocalSet::new();
    let exit = local.block_on(&runtime, async {
        let (flags, command) = (Arc::new(cli.flags), cli.command);
        let cx = match context(Arc::clone(&flags), matches) {
            Ok(cx) => cx,
            Err(failure) => {
                say::failed(&failure.message);
                return failure.exit;
            }
        };
        let outcome = tokio::select! {
            outcome = commands::run(&cx, command) => outcome,
            () = cx.stop.requested() => Err(Failure::new(Exit::Interrupted, "stopped")),
        };
        let exit = outcome.unwrap_or_else(|failure| {
            cx.report(&failure);
            failure.exit
        });
        cx.places.close().await;
        exit
    });
    // A thread that waits for a person or a pipe must not hold up the end.
    runtime.shutdown_background();
    exit
}

fn context(flags: Arc<cli::Flags>, matches: ArgMatches) -> Outcome<Cx> {
    let setup = Setup::new(&flags, true)?;
    let places = Places::new(setup, Bookmarks::load()?);
    if flags.output.json || std::io::stdout().is_terminal() {
        say::be_prompt();
    }
    let stop = Stop::listen().map_err(|e| Failure::local("signals", &e))?;
    Ok(Cx { flags, places: Arc::new(places), stop, session: Arc::new(matches) })
}
