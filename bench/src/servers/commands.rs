//! Commands without data: NOOP by itself and in a row, its latency while others download, log-ins.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::cell::{Cell, Floor, Quantity, Stage, Values, Who, word};
use super::data::get;
use super::dialog::Control;
use super::many::{at_once, sessions};
use super::process::{cpu_seconds, float};
use crate::clock;

const RATE: Quantity = Quantity::more("rate", "/s");
const CPU: Quantity = Quantity::less("CPU each", "µs");
const RESUMED: Quantity = Quantity::more("resumed", "%");
const MIDDLE: Quantity = Quantity::less("median", "ms");
const TAIL: Quantity = Quantity::less("99 %", "ms");
const FAR_TAIL: Quantity = Quantity::less("99.9 %", "ms");
const WORST: Quantity = Quantity::less("longest", "ms");

/// Commands sent in one go.
const ROW: usize = 100;
/// Log-ins at a time.
const AT_ONCE: usize = 8;
/// Downloads beside which latency is measured.
const LOAD: usize = 4;
const PAUSE: Duration = Duration::from_millis(1);
/// Until a server has seen the end of its sessions.
const REAPED: Duration = Duration::from_millis(300);

pub(super) fn cells() -> Vec<Cell> {
    let cell = |name: &str, tls, measure: fn(&Stage<'_>) -> io::Result<Values>| {
        Cell::new(name, Who::Servers, tls, measure)
    };
    let mut cells = vec![
        cell("noop plain single", false, |stage| noop(stage, 1)).over(&[Floor::Replies]),
        cell("noop plain pipelined", false, |stage| noop(stage, ROW)).over(&[Floor::Replies]),
        cell("login plain", false, |stage| log_ins(stage, false, false)).over(&[Floor::Replies]),
        cell("login tls full", true, |stage| log_ins(stage, true, false)),
        cell("login tls resumed", true, |stage| log_ins(stage, true, true)),
    ];
    for tls in [false, true] {
        let name = format!("latency {}", word(tls));
        cells.push(Cell::new(name, Who::Servers, tls, move |stage| latency(stage, tls)));
    }
    cells
}

fn noop(stage: &Stage<'_>, row: usize) -> io::Result<Values> {
    let rows = stage.place.sizes.commands.div_ceil(if row == 1 { 1 } else { row / 5 }).max(1);
    let line = "NOOP\r\n".repeat(row);
    let took = sessions(stage.server()?, 1, false, |control, _| {
        for _ in 0..rows {
            control.send(&line)?;
            for _ in 0..row {
                control.done("NOOP")?;
            }
        }
        Ok(())
    })?;
    Ok(each(&took, rows * row))
}

fn each(took: &super::many::Took, count: usize) -> Values {
    let count = float(u64::try_from(count).unwrap_or(1));
    let mut values = vec![(&RATE, count / took.time.as_secs_f64())];
    if took.cpu > 0.0 {
        values.push((&CPU, took.cpu / count * 1e6));
    }
    values
}

fn log_ins(stage: &Stage<'_>, tls: bool, resume: bool) -> io::Result<Values> {
    let (server, count) = (stage.server()?, stage.place.sizes.log_ins);
    let mut all = Vec::new();
    for _ in 0..AT_ONCE {
        let security = server.security(tls)?;
        if resume {
            // Leaves a ticket to start with.
            Control::log_in(server, security.as_ref())?.command("NOOP")?;
        }
        all.push((security, 0_u32));
    }
    let cpu = cpu_seconds(&server.processes);
    let mut took = at_once(server, &mut all, |(security, resumed), _| {
        for _ in 0..count {
            let own = if resume { security.clone() } else { security.as_ref().map(|s| s.anew()) };
            *resumed += u32::from(Control::log_in(server, own.as_ref())?.resumed());
        }
        Ok(())
    })?;
    // Processes count once they have been reaped.
    thread::sleep(REAPED);
    took.cpu = cpu_seconds(&server.processes) - cpu;
    let resumed: u32 = all.iter().map(|(_, resumed)| resumed).sum();
    let count = count * AT_ONCE;
    let mut values = each(&took, count);
    if resume {
        let all = float(u64::try_from(count).unwrap_or(1));
        values.push((&RESUMED, f64::from(resumed) / all * 100.0));
    }
    Ok(values)
}

/// Of NOOP, one a millisecond, on one session while others download a large file over and over.
fn latency(stage: &Stage<'_>, tls: bool) -> io::Result<Values> {
    let (server, sizes) = (stage.server()?, stage.place.sizes);
    let ended = AtomicBool::new(false);
    let mut probe = Control::ready(server, server.security(tls)?.as_ref())?;
    let mut load = Vec::new();
    for _ in 0..LOAD {
        load.push(Control::ready(server, server.security(tls)?.as_ref())?);
    }
    let mut times = thread::scope(|scope| {
        let running: Vec<_> = load
            .iter_mut()
            .map(|control| {
                scope.spawn(|| {
                    while !ended.load(Ordering::Relaxed) {
                        get(control, "large", sizes.large)?;
                    }
                    io::Result::Ok(())
                })
            })
            .collect();
        let times = probed(&mut probe, Duration::from_millis(sizes.latency_ms));
        ended.store(true, Ordering::Relaxed);
        for thread in running {
            thread.join().map_err(|_| io::Error::other("a session of ours broke"))??;
        }
        times
    })?;
    times.sort_unstable();
    let at = |permille: usize| {
        let index = (times.len() * permille / 1000).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    Ok(vec![(&TAIL, at(990)), (&MIDDLE, at(500)), (&FAR_TAIL, at(999)), (&WORST, at(1000))])
}

fn probed(probe: &mut Control, how_long: Duration) -> io::Result<Vec<Duration>> {
    let began = clock::now();
    let mut times = Vec::new();
    while began.elapsed() < how_long {
        let asked = clock::now();
        probe.command("NOOP")?;
        times.push(asked.elapsed());
        thread::sleep(PAUSE);
    }
    Ok(times)
}
