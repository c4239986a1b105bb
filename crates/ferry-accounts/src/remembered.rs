//! Right passwords, remembered for some minutes, so that a client with many sessions costs one slow
//! hash and not one for each.
//!
//! What is kept is a keyed hash over name and password; the key is made up when the process starts
//! and never leaves it. A wrong password is no faster than before, and neither is a name that does
//! not exist. Time is an argument: how long ago some fixed moment was.

use core::fmt;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

/// The most accounts that are remembered; further ones pay for each log-in.
const KEPT_MAX: usize = 65_536;

/// Passwords of accounts that were right a short while ago.
///
/// ```
/// use std::time::Duration;
/// use ferry_accounts::Remembered;
///
/// let remembered = Remembered::new(Duration::from_secs(300))?;
/// let now = Duration::from_secs(1);
/// assert!(!remembered.knows(b"pat", b"secret", now));
/// // Verified the slow way, then:
/// remembered.add(b"pat", b"secret", now);
/// assert!(remembered.knows(b"pat", b"secret", now));
/// assert!(!remembered.knows(b"pat", b"wrong", now));
/// assert!(!remembered.knows(b"pat", b"secret", now + Duration::from_secs(300)));
/// # Ok::<(), getrandom::Error>(())
/// ```
pub struct Remembered {
    key: Zeroizing<[u8; 32]>,
    lasts: Duration,
    kept: Mutex<HashMap<Box<[u8]>, Kept>>,
}

struct Kept {
    sealed: blake3::Hash,
    until: Duration,
}

impl Remembered {
    /// Remembers each password for `lasts` after it was verified, and not longer however often it
    /// is used; not at all if that is zero.
    ///
    /// # Errors
    /// The system has no randomness for the key.
    pub fn new(lasts: Duration) -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)?;
        Ok(Self { key, lasts, kept: Mutex::default() })
    }

    /// How long each is remembered.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        self.lasts
    }

    /// Whether this password was right for this name not long ago. That it was not means nothing.
    #[must_use]
    pub fn knows(&self, user: &[u8], password: &[u8], now: Duration) -> bool {
        let sealed = self.seal(user, password);
        // Comparing these takes the same time wherever they differ.
        self.kept().get(user).is_some_and(|kept| now < kept.until && kept.sealed == sealed)
    }

    /// Remembers a password that was verified the slow way at `now`.
    pub fn add(&self, user: &[u8], password: &[u8], now: Duration) {
        if self.lasts.is_zero() {
            return;
        }
        let sealed = self.seal(user, password);
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX && !kept.contains_key(user) {
            kept.retain(|_, kept| now < kept.until);
            if kept.len() >= KEPT_MAX {
                return;
            }
        }
        kept.insert(user.into(), Kept { sealed, until: now.saturating_add(self.lasts) });
    }

    /// Forgets an account: it has changed.
    pub fn forget(&self, user: &[u8]) {
        self.kept().remove(user);
    }

    fn seal(&self, user: &[u8], password: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // So that no other name and password have the same octets one behind the other.
        hasher.update(&(user.len() as u64).to_le_bytes());
        hasher.update(user).update(password);
        hasher.finalize()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Box<[u8]>, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);
    const LASTS: Duration = Duration::from_secs(300);

    #[test]
    fn a_right_password_is_known_until_its_time_is_over_however_often_it_is_used() {
        let remembered = Remembered::new(LASTS).unwrap();
        remembered.add(b"pat", b"secret", NOW);
        for later in 0..300 {
            assert!(remembered.knows(b"pat", b"secret", NOW + Duration::from_secs(later)));
        }
        assert!(!remembered.knows(b"pat", b"secret", NOW + LASTS));
    }

    #[test]
    fn nothing_else_is_known() {
        let remembered = Remembered::new(LASTS).unwrap();
        remembered.add(b"pat", b"secret", NOW);
        for (user, password) in [
            (&b"pat"[..], &b"Secret"[..]),
            (b"pat", b""),
            (b"pa", b"tsecret"),
            (b"patsecret", b""),
            (b"bob", b"secret"),
        ] {
            assert!(!remembered.knows(user, password, NOW), "{user:?} {password:?}");
        }
        remembered.forget(b"pat");
        assert!(!remembered.knows(b"pat", b"secret", NOW));
    }

    #[test]
    fn a_new_password_takes_the_place_of_the_old_one() {
        let remembered = Remembered::new(LASTS).unwrap();
        remembered.add(b"pat", b"old", NOW);
        remembered.add(b"pat", b"new", NOW);
        assert!(!remembered.knows(b"pat", b"old", NOW));
        assert!(remembered.knows(b"pat", b"new", NOW));
    }

    #[test]
    fn with_no_time_nothing_is_remembered() {
        let remembered = Remembered::new(Duration::ZERO).unwrap();
        remembered.add(b"pat", b"secret", NOW);
        assert!(!remembered.knows(b"pat", b"secret", NOW));
        assert!(remembered.kept().is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded_and_makes_room_when_its_time_is_over() {
        let remembered = Remembered::new(LASTS).unwrap();
        for i in 0..=KEPT_MAX {
            remembered.add(format!("user{i}").as_bytes(), b"secret", NOW);
        }
        let last = format!("user{KEPT_MAX}");
        assert!(!remembered.knows(last.as_bytes(), b"secret", NOW));
        assert_eq!(remembered.kept().len(), KEPT_MAX);
        remembered.add(last.as_bytes(), b"secret", NOW + LASTS);
        assert!(remembered.knows(last.as_bytes(), b"secret", NOW + LASTS));
        assert_eq!(remembered.kept().len(), 1);
    }
}
