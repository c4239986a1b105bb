//! The page: how to repeat it, and what came of it.

use std::fmt::Write as _;
use std::time::Duration;

use super::active::{Worked, percentile};
use super::{Run, Step, count};
use crate::machine;

/// The most memory of the server's processes for one idle session, in octets: plain, TLS.
const MEMORY_MAX: (f64, f64) = (1536.0, 9216.0);
/// The least of their throughput that sessions that work are to keep.
const KEPT_MIN: f64 = 0.9;
/// The longest that 99 of 100 NOOPs may take.
const NOOP_MAX: Duration = Duration::from_millis(50);

const HOW: &str = "\
How many sessions `ferryd` holds, what each costs, and whether sessions that work notice the others.
Both ends are on one machine. Every session is logged in; it then says nothing, except where it is
said that it is asked for a NOOP.

## To repeat it

`cargo xtask bench-scale` runs all of it and writes this page with `--out docs/scale.md`; `--plain`
and `--tls` say how many sessions, 0 for none.

- **Open files.** A session is one descriptor, and so is its other end. Where a process may have
  few, as many processes of `ferryd` are started as it takes, each filled before the next, and as
  many hold the other ends: with `ulimit -Hn` of 20,000 that is 19,600 sessions each, so 52
  processes for a million. The machine as a whole needs two for each session and a few thousand
  besides: see `sysctl fs.file-max`.
- **Addresses.** All is on 127.0.0.1. Every server has a port of its own, and the other ends have
  those that the system gives them, 28,232 for each server (`net.ipv4.ip_local_port_range`). With
  a million sessions each of these is in use, so `passive_ports` must be others.
- **Processes.** Four for each 19,600 sessions, with some ten threads: see `kernel.pid_max` and
  `kernel.threads-max`.
- **Memory.** About 11 GB for a million in the clear, most of it the kernel's, for both ends.
  Filling ends when less than 1 GB is free, and the page then says so.
- **Connection tracking**, where a firewall of the machine has it, ends at
  `net.netfilter.nf_conntrack_max`: leave it off, or raise that.
- `ferryd` is told `sessions` and `per_address`, and `idle = \"1h\"`: filling takes minutes.
";

/// The whole page.
pub(super) fn text(runs: &[Run], plot: Option<&str>) -> String {
    let mut text =
        format!("# A million sessions\n\n{HOW}\n## Where and when\n\n{}", machine::facts());
    let _ = writeln!(text, "- Server: {}", machine::ferryd());
    if let Some(plot) = plot {
        let _ = writeln!(text, "\n![How memory grows with the number of sessions]({plot})");
    }
    for run in runs {
        section(&mut text, run);
    }
    text
}

fn section(text: &mut String, run: &Run) {
    let (kind, most) = match run.tls {
        true => ("under TLS", MEMORY_MAX.1),
        false => ("in the clear", MEMORY_MAX.0),
    };
    let (wanted, each) = (grouped(run.wanted), grouped(run.each));
    let servers = run.wanted.div_ceil(run.each.max(1));
    let _ = writeln!(
        text,
        "\n## {wanted} sessions {kind}\n\n{servers} processes of `ferryd`, {each} sessions for \
         each; without any session they have {} together. Up to {each} the figures are those of \
         one process.\n",
        mib(run.empty)
    );
    if let Some(why) = &run.why {
        let held = run.steps.last().map_or(0, |step| step.sessions);
        let _ = writeln!(text, "**Not all of them: {} came about, then: {why}.**\n", grouped(held));
    }
    let _ = writeln!(
        text,
        "| sessions | processes | log-ins a second | memory of the server | for each session | of \
         the kernel, both ends, for each | processor at rest |\n|--:|--:|--:|--:|--:|--:|--:|"
    );
    for step in &run.steps {
        let _ = writeln!(text, "{}", line(step));
    }
    let _ = writeln!(
        text,
        "\n{} sessions fetch a file of 1 MiB again and again and say NOOP in between; meanwhile \
         idle ones, chosen at random, are asked for a NOOP, too. Beside none they do so before the \
         others come and after these have gone.\n\n\
         | sessions beside | rate, median | rounds, MB/s | of that without any | NOOP, working: \
         median | 99 % | NOOP, idle: median | 99 % |\n|--:|--:|---|--:|--:|--:|--:|--:|",
        run.active
    );
    worked(text, 0, &run.alone, run.alone.rate);
    for step in &run.steps {
        if let Some(at) = &step.worked {
            worked(text, step.sessions, at, run.alone.rate);
        }
    }
    let (alive, asked) = run.alive;
    let _ = writeln!(
        text,
        "\nAt the end {} of {} that could be asked answered.\n",
        grouped(alive),
        grouped(asked)
    );
    let Some(last) = run.steps.last() else { return };
    let memory = last.memory / count(last.sessions).max(1.0);
    judge(text, last.sessions >= run.wanted && alive == asked, &format!("{wanted} are held"));
    judge(text, memory <= most, &format!("at most {most:.0} octets of the server for each"));
    if let Some(at) = &last.worked {
        let kept = at.rate / run.alone.rate >= KEPT_MIN;
        judge(text, kept, "those that work keep at least 90 % of their rate");
        let slowest = percentile(&at.busy, 99).max(percentile(&at.idle, 99));
        judge(text, slowest <= NOOP_MAX, "99 of 100 NOOPs are answered within 50 ms");
    }
}

fn judge(text: &mut String, holds: bool, what: &str) {
    let _ = writeln!(text, "- {}: {what}", if holds { "holds" } else { "**does not hold**" });
}

/// The row of one step.
pub(super) fn line(step: &Step) -> String {
    let sessions = count(step.sessions).max(1.0);
    format!(
        "| {} | {} | {:.0} | {} | {:.0} B | {:.0} B | {:.1} % |",
        grouped(step.sessions),
        step.processes,
        step.log_ins,
        mib(step.memory),
        step.memory / sessions,
        step.kernel / sessions,
        step.at_rest * 100.0
    )
}

fn worked(text: &mut String, sessions: usize, at: &Worked, alone: f64) {
    let times = |sorted: &[Duration]| match sorted {
        [] => ("—".to_owned(), "—".to_owned()),
        sorted => (millis(percentile(sorted, 50)), millis(percentile(sorted, 99))),
    };
    let (busy, idle) = (times(&at.busy), times(&at.idle));
    let rounds: Vec<_> = at.rates.iter().map(|rate| format!("{:.0}", rate / 1e6)).collect();
    let _ = writeln!(
        text,
        "| {} | {:.0} MB/s | {} | {:.0} % | {} | {} | {} | {} |",
        grouped(sessions),
        at.rate / 1e6,
        rounds.join(", "),
        at.rate / alone * 100.0,
        busy.0,
        busy.1,
        idle.0,
        idle.1
    );
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn mib(octets: f64) -> String {
    format!("{:.1} MiB", octets / f64::from(1 << 20))
}

/// With commas between thousands.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, want) in cases {
            assert_eq!(grouped(number), want);
        }
    }

    #[test]
    fn what_does_not_hold_is_said() {
        let step = Step { sessions: 10, memory: 20_000.0, ..Step::default() };
        let run = Run { wanted: 20, each: 10, steps: vec![step], ..Run::default() };
        let page = text(&[run], None);
        assert!(page.contains("**does not hold**: 20 are held"), "{page}");
        assert!(page.contains("**does not hold**: at most 1536 octets"), "{page}");
    }
}
