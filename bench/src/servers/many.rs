//! Several sessions at once.

use std::io;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::dialog::Control;
use super::process::cpu_seconds;
use super::server::Server;
use crate::clock;

/// What work took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    pub(super) time: Duration,
    /// Processor time of the server's processes, in seconds.
    pub(super) cpu: f64,
}

/// Logs `count` sessions in, lets all do `work` at once, and waits for all. The work is told which
/// session it has. What came before and comes after is not counted.
///
/// # Errors
/// The first that any of them met with.
pub(super) fn sessions(
    server: &Server,
    count: usize,
    tls: bool,
    work: impl Fn(&mut Control, usize) -> io::Result<()> + Sync,
) -> io::Result<Took> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Control::ready(server, server.security(tls)?.as_ref())?);
    }
    at_once(server, &mut all, work)
}

/// The same with anything else that each has.
///
/// # Errors
/// The first that any of them met with.
pub(super) fn at_once<T: Send>(
    server: &Server,
    all: &mut [T],
    work: impl Fn(&mut T, usize) -> io::Result<()> + Sync,
) -> io::Result<Took> {
    let start = Barrier::new(all.len() + 1);
    thread::scope(|scope| {
        let running: Vec<_> = all
            .iter_mut()
            .enumerate()
            .map(|(number, own)| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    start.wait();
                    work(own, number)
                })
            })
            .collect();
        let (cpu, began) = (cpu_seconds(&server.processes), clock::now());
        start.wait();
        for thread in running {
            thread.join().map_err(|_| io::Error::other("a session of ours broke"))??;
        }
        let time = began.elapsed();
        Ok(Took { time, cpu: cpu_seconds(&server.processes) - cpu })
    })
}
