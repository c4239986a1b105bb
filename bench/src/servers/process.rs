//! What a server costs: processor time and memory of all its processes, read from /proc.
//!
//! Processes that have ended count as well: the kernel adds their time to the parent's when it
//! reaps them.

use std::fs;

/// The processes `roots` and all below them.
fn tree(roots: &[u32]) -> Vec<u32> {
    let mut all = roots.to_vec();
    let mut at = 0;
    while let Some(&process) = all.get(at) {
        at += 1;
        for task in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
    }
    all
}

/// Processor time in seconds, user and system, of the trees below `roots`.
pub(super) fn cpu_seconds(roots: &[u32]) -> f64 {
    tree(roots).into_iter().filter_map(process_seconds).sum()
}

/// Of one process and those it has reaped. Its own time is counted twice, in ticks of a hundredth
/// of a second and in nanoseconds; the latter forget threads that have ended, the former all that
/// a short process did.
fn process_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before may hold anything. Fields 14 to 17 (proc(5)).
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(11).filter_map(|field| field.parse::<u64>().ok());
    let times: Vec<u64> = times.take(4).collect();
    let [user, system, reaped_user, reaped_system] = *times.as_slice() else { return None };
    let second = float(rustix::param::clock_ticks_per_second());
    let own = (float(user + system) / second).max(tasks_seconds(process));
    Some(own + float(reaped_user + reaped_system) / second)
}

fn tasks_seconds(process: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let nanoseconds = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    float(nanoseconds.sum()) / 1e9
}

/// Memory in octets, each shared page divided among those who share it.
pub(super) fn proportional(roots: &[u32]) -> f64 {
    let of = |process| kib(&format!("/proc/{process}/smaps_rollup"), "Pss:");
    float(tree(roots).into_iter().filter_map(of).sum::<u64>() * 1024)
}

/// Resident memory from now on is compared with what it is now.
#[derive(Debug)]
pub(super) struct Peak(Vec<(u32, u64)>);

impl Peak {
    pub(super) fn begin(roots: &[u32]) -> Self {
        let begin = |process| {
            // 5: forget the peak so far.
            fs::write(format!("/proc/{process}/clear_refs"), "5").ok()?;
            Some((process, kib(&format!("/proc/{process}/status"), "VmRSS:")?))
        };
        Self(tree(roots).into_iter().filter_map(begin).collect())
    }

    /// By how many octets it has grown at most.
    pub(super) fn growth(&self) -> f64 {
        let grown = self.0.iter().filter_map(|(process, before)| {
            let peak = kib(&format!("/proc/{process}/status"), "VmHWM:")?;
            Some(peak.saturating_sub(*before))
        });
        float(grown.sum::<u64>() * 1024)
    }
}

/// What the kernel itself holds, in octets: nothing of any one process, so only differences on a
/// machine that does nothing else mean something.
pub(super) fn kernel() -> f64 {
    let parts = ["Slab:", "KernelStack:", "PageTables:", "Percpu:"];
    float(parts.iter().filter_map(|part| kib("/proc/meminfo", part)).sum::<u64>() * 1024)
}

/// Memory that can be had, in octets.
pub(super) fn available() -> f64 {
    float(kib("/proc/meminfo", "MemAvailable:").unwrap_or(0) * 1024)
}

fn kib(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    value.split_whitespace().next()?.parse().ok()
}

/// A count as what one can divide.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_counts_while_it_lives_and_after_it_was_reaped() {
        let us = [std::process::id()];
        let spin = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; read -r line";
        let mut child = std::process::Command::new("sh")
            .args(["-c", spin])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert!(tree(&us).contains(&child.id()));
        assert!(proportional(&us) > proportional(&[child.id()]));
        let before = cpu_seconds(&us);
        drop(child.stdin.take());
        child.wait().unwrap();
        // Not all of it: what is less than a tick is lost.
        assert!(cpu_seconds(&us) > before - 0.03, "its time is ours now");
        assert!(!tree(&us).contains(&child.id()));
    }
}
