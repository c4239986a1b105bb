//! Sessions that do nothing: what memory each costs, in the server's processes and in the kernel.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use interop::servers::Kind;
use rustix::process::{Resource, getrlimit};

use super::cell::{Cell, Floor, Quantity, Stage, Values, Who, word};
use super::dialog::Control;
use super::place::Sizes;
use super::process::{available, float, kernel, proportional};
use super::server::Server;

pub(super) const MEMORY: Quantity = Quantity::less("of its processes", "B");
const KERNEL: Quantity = Quantity::less("of the kernel, both ends", "B");
const COUNT: Quantity = Quantity::more("sessions", "");

/// Until what is done after a log-in has been done.
const SETTLE: Duration = Duration::from_secs(1);
/// Descriptors that are needed for other things.
const SPARE: usize = 300;
/// Threads that log in at a time.
const AT_ONCE: usize = 4;
/// What must stay free.
const MEMORY_MIN: f64 = 2e9;
/// With a process for each session more would be a test of the process table.
const PROCESSES_MAX: usize = 10_000;

pub(super) fn cells(sizes: &Sizes) -> Vec<Cell> {
    let mut cells = Vec::new();
    for tls in [false, true] {
        for &count in sizes.idle {
            let name = if count == usize::MAX { "most".to_owned() } else { count.to_string() };
            let cell =
                Cell::new(format!("idle {} {name}", word(tls)), Who::Fresh, tls, move |stage| {
                    sessions(stage, tls, count)
                });
            cells.push(cell.over(&[Floor::Other("bare pairs", pairs)]));
        }
    }
    cells
}

/// As many connections as this process can have at one end.
fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(SPARE)
}

fn sessions(stage: &Stage<'_>, tls: bool, count: usize) -> io::Result<Values> {
    let kind = stage.kind.ok_or_else(|| io::Error::other("no server"))?;
    let forks = !matches!(kind, Kind::Ferryd | Kind::Pyftpdlib);
    if count == usize::MAX && forks {
        return Err(io::Error::other("not tried: a process for each session"));
    }
    let most = descriptors().min(if forks { PROCESSES_MAX } else { usize::MAX });
    let count = count.min(most);
    let limit = u32::try_from(count + SPARE).map_err(io::Error::other)?;
    let server = Server::start(kind, tls, limit, stage.place.base())?
        .ok_or_else(|| io::Error::other("is not here"))?;
    // The first session may cost what all share.
    drop(Control::log_in(&server, server.security(tls)?.as_ref())?);
    thread::sleep(SETTLE);
    let (own, of_kernel) = (proportional(&server.processes), kernel());
    let held = hold(&server, tls, count)?;
    thread::sleep(SETTLE);
    let (own, of_kernel) = (proportional(&server.processes) - own, kernel() - of_kernel);
    let count = float(u64::try_from(held.len()).unwrap_or(1)).max(1.0);
    // They must be sessions still.
    for mut control in held {
        control.command("NOOP")?;
    }
    Ok(vec![(&MEMORY, own / count), (&KERNEL, of_kernel / count), (&COUNT, count)])
}

/// Logs in until all are there, the server lets no more in, or memory is nearly gone.
fn hold(server: &Server, tls: bool, count: usize) -> io::Result<Vec<Control>> {
    let mut all = Vec::new();
    let security = server.security(tls)?;
    let security = security.as_ref();
    thread::scope(|scope| {
        let running: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let share = count / AT_ONCE + usize::from(number < count % AT_ONCE);
                scope.spawn(move || {
                    let mut own = Vec::new();
                    while own.len() < share && (own.len() % 100 != 0 || available() > MEMORY_MIN) {
                        let security = security.map(|security| security.anew());
                        match Control::log_in(server, security.as_ref()) {
                            Ok(mut control) => {
                                control.rest();
                                own.push(control);
                            }
                            Err(e) if own.is_empty() => return Err(e),
                            Err(_) => break,
                        }
                    }
                    io::Result::Ok(own)
                })
            })
            .collect();
        for thread in running {
            let own = thread.join().map_err(|_| io::Error::other("a session of ours broke"))?;
            all.extend(own?);
        }
        Ok(all)
    })
}

/// What the kernel needs for two ends of a connection and nothing else.
fn pairs(stage: &Stage<'_>) -> io::Result<Values> {
    let wanted = stage.place.sizes.idle.iter().copied().min().unwrap_or(0);
    let count = wanted.clamp(1, descriptors() / 2);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let at = listener.local_addr()?;
    thread::sleep(SETTLE);
    let before = kernel();
    let mut held = Vec::new();
    for _ in 0..count {
        held.push((TcpStream::connect(at)?, listener.accept()?.0));
    }
    thread::sleep(SETTLE);
    let count = float(u64::try_from(held.len()).unwrap_or(1));
    Ok(vec![(&KERNEL, (kernel() - before) / count), (&COUNT, count)])
}
