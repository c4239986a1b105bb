//! The kernel's largest TCP buffers, raised for a run and put back after it: the usual 4 MiB allow
//! 80 MB/s at 50 ms, and then all clients are equally fast.

use std::fs;

/// 64 MiB on the way at 50 ms are more than 1 GB/s.
const BUFFER_MAX: u64 = 128 << 20;

const SETTINGS: [&str; 4] =
    ["net/core/rmem_max", "net/core/wmem_max", "net/ipv4/tcp_rmem", "net/ipv4/tcp_wmem"];

/// What was raised. Dropping it puts the old values back.
#[derive(Debug)]
pub(crate) struct Tuning {
    before: Vec<(&'static str, String)>,
    said: Vec<String>,
}

impl Tuning {
    /// Raises what is lower and may be raised.
    pub(crate) fn raise() -> Self {
        let mut tuning = Self { before: Vec::new(), said: Vec::new() };
        for name in SETTINGS {
            let Ok(old) = fs::read_to_string(path(name)) else { continue };
            let mut words: Vec<&str> = old.split_whitespace().collect();
            let wanted = BUFFER_MAX.to_string();
            let Some(last) = words.last_mut() else { continue };
            if last.parse::<u64>().is_ok_and(|now| now >= BUFFER_MAX) {
                tuning.said.push(format!("{} = {}", name.replace('/', "."), words.join(" ")));
                continue;
            }
            *last = &wanted;
            let (new, name_shown) = (words.join(" "), name.replace('/', "."));
            match fs::write(path(name), &new) {
                Ok(()) => {
                    let was = old.split_whitespace().last().unwrap_or_default();
                    tuning.said.push(format!("{name_shown} = {new} (was {was})"));
                    tuning.before.push((name, old));
                }
                Err(e) => tuning.said.push(format!("{name_shown} stays {}: {e}", old.trim())),
            }
        }
        let control = fs::read_to_string(path("net/ipv4/tcp_congestion_control"));
        tuning.said.push(format!("congestion control {}", control.unwrap_or_default().trim()));
        tuning
    }

    /// What holds during the run, a setting each.
    pub(crate) fn said(&self) -> &[String] {
        &self.said
    }
}

impl Drop for Tuning {
    fn drop(&mut self) {
        for (name, old) in &self.before {
            // What cannot be put back does no harm.
            let _ = fs::write(path(name), old);
        }
    }
}

fn path(name: &str) -> String {
    format!("/proc/sys/{name}")
}
