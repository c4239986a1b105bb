//! How many sessions can be held, what each costs, and whether those that work notice the others.
//!
//! Every process may have so many files open and no more, so servers are started until there is
//! room for all sessions, and each is filled to the brim before the next; as many processes hold
//! the other ends. [`mod@hold`] is one of these, [`active`] the load beside them, [`page`] and
//! [`plot`] what is written.

mod active;
mod hold;
mod page;
mod plot;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use interop::servers::Kind;
use rustix::process::{Resource, getrlimit};

use self::active::Worked;
use self::hold::Holder;
pub(crate) use self::hold::{HoldArguments, hold};
use super::process::{available, cpu_seconds, float, kernel, proportional};
use super::server::Server;
use crate::clock;

/// Descriptors of a process that are not for idle sessions: of the server, and for transfers.
const SPARE: u64 = 400;

/// The most sessions for each server where open files are not limited: every session has a port of
/// its own at the client's end, and there are some 28,000 for one server's.
const EACH_MAX: u64 = 25_000;

/// Until what is done after a log-in has been done, and freed memory is free.
const SETTLE: Duration = Duration::from_secs(3);

/// How often sessions work each time. Beside none they do so before the others come, and again
/// after these have gone.
const ROUNDS: usize = 3;

/// The kernel gives memory back in its own time; when it does so no faster than this any more, in
/// octets within [`SETTLE`], it is left at that, and at the latest after so many looks.
const KERNEL_STILL: f64 = 2e6;
const LOOKS_MAX: usize = 40;

/// What `ferry-bench scale` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Sessions in the clear; 0 leaves them out
    #[arg(long, default_value_t = 1_000_000)]
    plain: usize,
    /// Sessions under TLS; 0 leaves them out
    #[arg(long, default_value_t = 200_000)]
    tls: usize,
    /// Sessions that work beside them
    #[arg(long, default_value_t = 100)]
    active: usize,
    /// How long they work each time, seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Where the page goes, besides standard output; its plot goes beside it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The state of things with so many sessions.
#[derive(Debug, Clone, Default)]
struct Step {
    sessions: usize,
    /// Processes of the server that have any.
    processes: usize,
    /// Log-ins a second on the way from the step before.
    log_ins: f64,
    /// Memory of the server's processes, and of the kernel for both ends, beyond that without any
    /// session, in octets.
    memory: f64,
    kernel: f64,
    /// Processor time of the server's processes in a second in which nobody says anything.
    at_rest: f64,
    worked: Option<Worked>,
}

/// All steps of one kind.
#[derive(Debug, Clone, Default)]
struct Run {
    tls: bool,
    wanted: usize,
    /// Sessions for each process.
    each: usize,
    active: usize,
    /// Memory of all processes of the server without any session.
    empty: f64,
    /// What worked sessions did beside none.
    alone: Worked,
    steps: Vec<Step>,
    /// Sessions that answered at the end, and how many were asked.
    alive: (usize, usize),
    /// Why there are fewer than were wanted.
    why: Option<String>,
}

/// Measures, and writes the page after each kind.
///
/// # Errors
/// Something of our own fails.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut runs = Vec::new();
    for (tls, wanted) in [(false, arguments.plain), (true, arguments.tls)] {
        if wanted == 0 {
            continue;
        }
        runs.push(scale(arguments, tls, wanted)?);
        let plot = arguments.out.as_ref().map(|page| page.with_extension("svg"));
        let name = plot.as_ref().and_then(|plot| plot.file_name()?.to_str().map(str::to_owned));
        let text = page::text(&runs, name.as_deref());
        if let (Some(page), Some(plot)) = (&arguments.out, &plot) {
            fs::write(page, &text)?;
            fs::write(plot, plot::svg(&runs))?;
        }
        println!("{text}");
    }
    Ok(())
}

/// Sessions that one process can have at one end.
fn each() -> usize {
    // The server raises its own limit that far.
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(SPARE).clamp(1, EACH_MAX)).unwrap_or(usize::MAX)
}

/// The numbers of sessions at which is measured: by the decimal, and where one process is full.
fn steps(wanted: usize, each: usize) -> Vec<usize> {
    let mut steps: Vec<usize> = [1_000, 10_000, 100_000, 1_000_000]
        .into_iter()
        .flat_map(|decade| [decade, decade * 2, decade * 5])
        .chain([each, wanted])
        .filter(|step| *step <= wanted)
        .collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

fn scale(arguments: &Arguments, tls: bool, wanted: usize) -> io::Result<Run> {
    let each = each();
    let mut servers = Vec::new();
    let base = std::env::temp_dir();
    let limit = u32::try_from(each + 100).map_err(io::Error::other)?;
    let file = vec![b'x'; usize::try_from(active::FILE_LEN).unwrap_or(0)];
    for _ in 0..wanted.div_ceil(each) {
        let server = Server::start(Kind::Ferryd, tls, limit, &base)?
            .ok_or_else(|| io::Error::other("there is no ferryd"))?;
        fs::write(server.root.join(active::FILE), &file)?;
        servers.push(server);
    }
    let processes: Vec<u32> =
        servers.iter().flat_map(|server| server.processes.iter().copied()).collect();
    let mut holders = Vec::new();
    for server in &servers {
        holders.push(Holder::start(server, tls)?);
    }
    let long = Duration::from_secs(arguments.seconds.max(1));
    let work = |holders: &mut [Holder]| {
        let once = |_| active::work(&servers, tls, arguments.active, long, holders);
        (0..ROUNDS).map(once).collect::<io::Result<Vec<_>>>()
    };
    // The first warms what all share.
    active::work(&servers, tls, arguments.active, long, &mut [])?;
    let mut alone = work(&mut [])?;
    settle();
    let (empty, of_kernel) = (proportional(&processes), kernel());
    let mut run = Run { tls, wanted, each, active: arguments.active, empty, ..Run::default() };
    let mut before = 0;
    for sessions in steps(wanted, each) {
        let began = clock::now();
        run.why = fill(&mut holders, sessions, each)?;
        let took = began.elapsed();
        let held = holders.iter().map(|holder| holder.held).sum::<usize>();
        thread::sleep(SETTLE);
        let mut step = Step {
            sessions: held,
            processes: holders.iter().filter(|holder| holder.held > 0).count(),
            log_ins: count(held.saturating_sub(before)) / took.as_secs_f64(),
            memory: proportional(&processes) - empty,
            kernel: kernel() - of_kernel,
            ..Step::default()
        };
        let busy = cpu_seconds(&processes);
        thread::sleep(SETTLE);
        // Of threads that end meanwhile only what a coarser clock says of them is left.
        step.at_rest = (cpu_seconds(&processes) - busy).max(0.0) / SETTLE.as_secs_f64();
        if sessions == each || sessions == wanted || is_decade(sessions) {
            step.worked = Some(Worked::of(work(&mut holders)?));
        }
        before = held;
        eprintln!("{}", page::line(&step));
        run.steps.push(step);
        if run.why.is_some() {
            break;
        }
    }
    for holder in &mut holders {
        let (alive, asked) = holder.check()?;
        run.alive = (run.alive.0 + alive, run.alive.1 + asked);
    }
    eprintln!("{:.1} GB are free", available() / 1e9);
    drop(holders);
    settle();
    alone.extend(work(&mut [])?);
    run.alone = Worked::of(alone);
    Ok(run)
}

/// Waits until what is going has gone.
fn settle() {
    let mut before = kernel();
    for _ in 0..LOOKS_MAX {
        thread::sleep(SETTLE);
        let now = kernel();
        if (before - now).abs() < KERNEL_STILL {
            return;
        }
        before = now;
    }
}

/// Fills one server after the other until all have `wanted` sessions together; why that cannot be.
fn fill(holders: &mut [Holder], wanted: usize, each: usize) -> io::Result<Option<String>> {
    let mut left = wanted;
    for holder in holders {
        let share = left.min(each);
        left -= share;
        if share > holder.held
            && let Some(why) = holder.more(share - holder.held)?
        {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// A count as what one can divide.
fn count(number: usize) -> f64 {
    float(u64::try_from(number).unwrap_or(u64::MAX))
}

/// Whether a number is 1 with nothing but zeros behind it.
fn is_decade(number: usize) -> bool {
    number > 0 && 10_usize.pow(number.ilog10()) == number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measuring_goes_by_the_decimal_and_where_a_process_is_full() {
        assert_eq!(
            steps(100_000, 19_600),
            [1_000, 2_000, 5_000, 10_000, 19_600, 20_000, 50_000, 100_000]
        );
        assert_eq!(steps(1_500, 19_600), [1_000, 1_500]);
        assert_eq!(steps(10, 5), [5, 10]);
    }
}
