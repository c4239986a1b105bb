//! `ferry-bench`: measures Ferry beside other programs, in one run on one machine.
//!
//! `clients` compares FTP clients, `servers` servers; `scale` holds a million sessions; `flame`
//! draws where time goes; `link` shows what the network with delay that `clients` uses is like.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod clients;
mod clock;
mod flame;
mod link;
mod machine;
mod memory;
mod servers;
mod sys;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "ferry-bench", about = "Measures Ferry beside other programs")]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compare FTP clients
    Clients(clients::Arguments),
    /// Compare FTP servers
    Servers(servers::Arguments),
    /// Hold as many sessions of `ferryd` as the machine can
    Scale(servers::scale::Arguments),
    /// Hold sessions for `scale`, as it says
    #[command(hide = true)]
    Hold(servers::scale::HoldArguments),
    /// Draw where time goes, from what `perf script` prints
    Flame(flame::Arguments),
    /// Make a link with delay and measure it
    Link(LinkArguments),
}

#[derive(Debug, clap::Args)]
struct LinkArguments {
    /// Round trip, milliseconds
    #[arg(long, default_value_t = 50)]
    rtt: u64,
    /// Octets to and fro
    #[arg(long, default_value_t = 20)]
    count: usize,
    /// What one connection sends to measure the rate, MiB
    #[arg(long, default_value_t = 2048)]
    mib: u64,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Action::Clients(arguments) => clients::run(arguments),
        Action::Servers(arguments) => servers::run(arguments),
        Action::Scale(arguments) => servers::scale::run(&arguments),
        Action::Hold(arguments) => servers::scale::hold(arguments),
        Action::Flame(arguments) => flame::run(&arguments),
        Action::Link(arguments) => show_link(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("ferry-bench: {e}");
            ExitCode::FAILURE
        }
    }
}

fn show_link(arguments: &LinkArguments) -> io::Result<()> {
    let tuning = link::Tuning::raise();
    for setting in tuning.said() {
        println!("{setting}");
    }
    let link = match link::DelayLink::start(Duration::from_millis(arguments.rtt)) {
        Ok(link) => link,
        Err(e) => {
            println!("SKIPPED: {e}");
            return Ok(());
        }
    };
    println!("server {}, reached at {}, sees {}", link.server(), link.public(), link.client());
    let times = link::measure_round_trips(&link, arguments.count)?;
    let (connecting, echoes) = times.split_first().ok_or_else(|| io::Error::other("no times"))?;
    println!("connecting took {:.2} ms", connecting.as_secs_f64() * 1e3);
    let mut sorted = echoes.to_vec();
    sorted.sort_unstable();
    for (name, at) in
        [("least", 0), ("median", sorted.len() / 2), ("most", sorted.len().saturating_sub(1))]
    {
        let took = sorted.get(at).copied().unwrap_or_default();
        println!("round trip, {name}: {:.2} ms", took.as_secs_f64() * 1e3);
    }
    let rate = link::measure_rate(&link, arguments.mib << 20)?;
    println!("one connection, {} MiB: {:.0} MB/s", arguments.mib, rate / 1e6);
    println!("{}", link.counts());
    Ok(())
}
