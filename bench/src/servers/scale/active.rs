//! Sessions that work beside those that do not: how much they move, and how long a NOOP takes.

use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::hold::Holder;
use crate::clock;
use crate::servers::data;
use crate::servers::dialog::Control;
use crate::servers::process::float;
use crate::servers::server::Server;

/// The file that they fetch again and again, and its length.
pub(super) const FILE: &str = "active";
pub(super) const FILE_LEN: u64 = 1 << 20;

/// Idle sessions of one holder that are asked one after the other.
const ASKED: usize = 5;

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Worked {
    /// Octets a second, of all together; of several rounds, the middle one.
    pub(super) rate: f64,
    /// The rates of all rounds.
    pub(super) rates: Vec<f64>,
    /// NOOP on a session that works, between two of its transfers.
    pub(super) busy: Vec<Duration>,
    /// NOOP on one that is idle otherwise.
    pub(super) idle: Vec<Duration>,
}

impl Worked {
    /// Several rounds as one.
    pub(super) fn of(rounds: Vec<Self>) -> Self {
        let mut all = Self::default();
        for round in rounds {
            all.rates.push(round.rate);
            all.busy.extend(round.busy);
            all.idle.extend(round.idle);
        }
        let mut sorted = all.rates.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        all.rate = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        all.busy.sort_unstable();
        all.idle.sort_unstable();
        all
    }
}

/// Lets `count` sessions work for that long, spread over the servers.
///
/// # Errors
/// The first that any of them met with.
pub(super) fn work(
    servers: &[Server],
    tls: bool,
    count: usize,
    long: Duration,
    holders: &mut [Holder],
) -> io::Result<Worked> {
    let mut sessions = Vec::new();
    for server in servers.iter().cycle().take(count) {
        sessions.push(Control::ready(server, server.security(tls)?.as_ref())?);
    }
    let busy = Mutex::new(Vec::new());
    let mut idle = Vec::new();
    let (moved, took) = thread::scope(|scope| {
        let began = clock::now();
        let running: Vec<_> = sessions
            .iter_mut()
            .map(|control| {
                let busy = &busy;
                scope.spawn(move || {
                    let (mut moved, mut own) = (0_u64, Vec::new());
                    while began.elapsed() < long {
                        data::get(control, FILE, FILE_LEN)?;
                        moved += FILE_LEN;
                        let asked = clock::now();
                        control.command("NOOP")?;
                        own.push(asked.elapsed());
                    }
                    busy.lock().map_err(|_| io::Error::other("broken"))?.extend(own);
                    io::Result::Ok((moved, began.elapsed()))
                })
            })
            .collect();
        let mut asking = Ok(());
        let mut holding: Vec<_> = holders.iter_mut().filter(|holder| holder.held > 0).collect();
        while asking.is_ok() && !holding.is_empty() && began.elapsed() < long {
            for holder in &mut holding {
                match holder.ask(ASKED) {
                    Ok(times) => idle.extend(times),
                    Err(e) => asking = Err(e),
                }
            }
        }
        let (mut moved, mut took) = (0, Duration::ZERO);
        for thread in running {
            let (own, until) =
                thread.join().map_err(|_| io::Error::other("a session of ours broke"))??;
            (moved, took) = (moved + own, took.max(until));
        }
        asking.map(|()| (moved, took))
    })?;
    let busy = busy.into_inner().map_err(|_| io::Error::other("broken"))?;
    let rate = float(moved) / took.as_secs_f64();
    Ok(Worked { rate, rates: vec![rate], busy, idle })
}

/// The time that so many of a hundred need at most; the times are sorted.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_rounds_are_one_with_the_rate_in_the_middle() {
        let round = |rate, millis| {
            let busy = vec![Duration::from_millis(millis)];
            Worked { rate, busy, ..Worked::default() }
        };
        let all = Worked::of([(3.0, 9), (1.0, 7), (2.0, 8)].map(|(r, m)| round(r, m)).into());
        assert_eq!((all.rate.to_bits(), all.busy.len()), (2.0_f64.to_bits(), 3));
        assert_eq!(percentile(&all.busy, 1), Duration::from_millis(7));
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let cases = [(50, 100), (99, 198), (100, 200), (1, 2)];
        for (percent, want) in cases {
            assert_eq!(percentile(&times, percent), Duration::from_millis(want), "{percent}");
        }
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
