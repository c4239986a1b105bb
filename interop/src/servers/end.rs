//! Ending a server for good. Sessions of vsftpd and ProFTPD are processes that leave their
//! parent's group, so the process table tells whose children they are.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// How often the end of what was killed is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(2);
const LOOKS_MAX: u32 = 1000;

/// Kills `child` with everything it started, and waits for it.
pub(super) fn family(child: &mut Child) {
    // Stopped, it starts no more while we look for what it has started.
    signal("STOP", &[child.id()]);
    let mut all = vec![child.id()];
    loop {
        let found = descendants(&all);
        if found.is_empty() {
            break;
        }
        signal("STOP", &found);
        all.extend(found);
    }
    signal("KILL", &all);
    drop(child.kill());
    drop(child.wait());
    // The others end in their own time, and hold ports until then.
    for _ in 0..LOOKS_MAX {
        if !all.iter().any(|pid| runs(*pid)) {
            break;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Removes files; that one is gone already does not matter.
pub(super) fn remove(files: &[PathBuf]) {
    for file in files {
        drop(fs::remove_file(file));
    }
}

/// The children of `known` that are not of it.
fn descendants(known: &[u32]) -> Vec<u32> {
    let Ok(table) = fs::read_dir("/proc") else { return Vec::new() };
    table
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| !known.contains(pid))
        .filter(|pid| parent(*pid).is_some_and(|parent| known.contains(&parent)))
        .collect()
}

fn parent(pid: u32) -> Option<u32> {
    state(pid)?.1.parse().ok()
}

/// Whether it is there, and not just waiting for somebody to hear of its end.
fn runs(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// State and parent, out of `pid (name) state parent …`; names hold anything.
fn state(pid: u32) -> Option<(String, String)> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let mut words = stat.rsplit(')').next()?.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

fn signal(name: &str, pids: &[u32]) {
    let sent = Command::new("kill")
        .arg("-s")
        .arg(name)
        .args(pids.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
    drop(sent);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grandchildren_in_sessions_of_their_own_end_too() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let script = "setsid sh -c 'echo $$ > \"$1\".new; mv \"$1\".new \"$1\"; sleep 1000; :' \
                      sh \"$0\" & wait";
        let mut child = Command::new("sh").args(["-c", script]).arg(&pid_file).spawn().unwrap();
        let grandchild = loop {
            if let Ok(text) = fs::read_to_string(&pid_file) {
                break text.trim().parse::<u32>().unwrap();
            }
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            thread::yield_now();
        };
        assert!(runs(grandchild));
        family(&mut child);
        assert!(!runs(grandchild));
    }
}
