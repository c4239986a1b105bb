//! Addresses from which too many wrong passwords came: turned away for a while (RFC 2577 §5). An
//! address, never an account, so that nobody can lock another out; and never this machine itself.

use std::collections::HashMap;
use std::net::IpAddr;

/// Addresses remembered at most. When there are more, the one whose failures are oldest is
/// forgotten: whoever has that many addresses is not stopped by remembering them.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// The second in which the count began.
    since: u32,
}

/// Wrong passwords by address. Time is an argument, in whole seconds.
#[derive(Debug)]
pub(crate) struct Bans {
    failures_max: u32,
    window: u32,
    by_address: HashMap<IpAddr, Failures>,
}

impl Bans {
    /// Bans an address after `failures_max` wrong passwords within `window` seconds, for as many
    /// seconds again; never if `failures_max` is 0.
    pub(crate) fn new(failures_max: u32, window: u32) -> Self {
        Self { failures_max, window, by_address: HashMap::new() }
    }

    /// Notes a wrong password; whether the address is banned by it.
    pub(crate) fn failed(&mut self, from: IpAddr, now: u32) -> bool {
        if self.failures_max == 0 || from.is_loopback() {
            return false;
        }
        if !self.by_address.contains_key(&from) && self.by_address.len() >= REMEMBERED_MAX {
            self.forget_some(now);
        }
        let failures = self.by_address.entry(from).or_insert(Failures { count: 0, since: now });
        if now.saturating_sub(failures.since) > self.window {
            *failures = Failures { count: 0, since: now };
        }
        failures.count = failures.count.saturating_add(1);
        if failures.count == self.failures_max {
            // The ban lasts a whole window from here.
            failures.since = now;
            return true;
        }
        false
    }

    /// Whether connections from there are turned away.
    pub(crate) fn is_banned(&self, from: IpAddr, now: u32) -> bool {
        self.failures_max != 0
            && self.by_address.get(&from).is_some_and(|f| {
                f.count >= self.failures_max && now.saturating_sub(f.since) <= self.window
            })
    }

    fn forget_some(&mut self, now: u32) {
        let window = self.window;
        self.by_address.retain(|_, f| now.saturating_sub(f.since) <= window);
        if self.by_address.len() >= REMEMBERED_MAX {
            let oldest = self.by_address.iter().min_by_key(|(_, f)| f.since).map(|(ip, _)| *ip);
            if let Some(oldest) = oldest {
                self.by_address.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from(0xc633_6400 + n).into()
    }

    #[test]
    fn an_address_is_banned_for_a_while_after_too_many_wrong_passwords() {
        let mut bans = Bans::new(3, 600);
        assert!(!bans.failed(ip(1), 0) && !bans.failed(ip(1), 10));
        assert!(!bans.is_banned(ip(1), 10));
        assert!(bans.failed(ip(1), 20));
        assert!(bans.is_banned(ip(1), 20) && bans.is_banned(ip(1), 620));
        assert!(!bans.is_banned(ip(2), 20), "nobody else is");
        assert!(!bans.is_banned(ip(1), 621));
        assert!(!bans.failed(ip(1), 700), "counting starts anew");
    }

    #[test]
    fn failures_far_apart_ban_nobody() {
        let mut bans = Bans::new(3, 600);
        assert!((0..50).all(|n| !bans.failed(ip(1), n * 400)));
    }

    #[test]
    fn this_machine_is_never_banned_and_0_turns_bans_off() {
        let (mut bans, mut off) = (Bans::new(1, 600), Bans::new(0, 600));
        let home: IpAddr = [127, 0, 0, 1].into();
        assert!(!bans.failed(home, 0) && !bans.is_banned(home, 0));
        assert!(!off.failed(ip(1), 0) && !off.is_banned(ip(1), 0));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut bans = Bans::new(3, 600);
        for n in 0..30_000 {
            bans.failed(ip(n), n / 100);
        }
        assert!(bans.by_address.len() <= REMEMBERED_MAX);
    }
}
