//! Passwords at rest: argon2id hashes in PHC string form, and one-time passwords held in memory.
//!
//! Nothing here knows names or accounts. Nothing here prints a password: `Debug` is redacted and
//! what is held is wiped when dropped.

use core::fmt;

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Memory of a hash made here, in KiB: 19 MiB with two passes and one lane is what OWASP's
/// password storage advice names as the least for argon2id (about 20 ms on one core).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Bounds on hashes made elsewhere: what one log-in may cost is decided here, not by a string.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 16;

/// The longest one-time password, in octets.
pub const ONE_TIME_LEN_MAX: usize = 255;

/// Why a string is not a password hash, or none could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// Not a PHC string at all; perhaps a plain password.
    NotPhc,
    /// A PHC string of another algorithm than argon2id version 19.
    OtherAlgorithm,
    /// Salt or hash value is missing, or a parameter is unknown or out of range.
    Incomplete,
    /// Verifying it would take more memory or passes than one log-in may cost.
    TooCostly,
    /// The system gave no random salt, or not enough memory.
    System,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPhc => "not a password hash",
            Self::OtherAlgorithm => "a hash of another kind than argon2id",
            Self::Incomplete => "an argon2id hash that is damaged or incomplete",
            Self::TooCostly => "an argon2id hash that costs too much to verify",
            Self::System => "no password hash could be made: no randomness or no memory",
        })
    }
}

impl core::error::Error for HashError {}

/// Hashes `password` with a random salt; the result is a PHC string (`$argon2id$v=19$…`).
///
/// # Errors
/// [`HashError::System`] when there is no randomness or no memory.
pub fn hash(password: &[u8]) -> Result<String, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashError::Incomplete)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password)
        .map(|hash: phc::PasswordHash| hash.to_string())
        .map_err(|_| HashError::System)
}

/// What verifying a hash costs. Equal costs take equal time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    output: usize,
}

/// A parsed argon2id hash.
#[derive(Clone)]
pub struct PasswordHash {
    params: Params,
    salt: Box<[u8]>,
    output: Box<[u8]>,
}

impl PasswordHash {
    /// Reads a PHC string.
    ///
    /// # Errors
    /// [`HashError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let parsed = phc::PasswordHash::new(text).map_err(|_| {
            // `$argon2id$…` that does not parse was meant as one and got damaged.
            if text.starts_with("$argon2id$") { HashError::Incomplete } else { HashError::NotPhc }
        })?;
        if parsed.algorithm.as_str() != Algorithm::Argon2id.as_str() {
            return Err(HashError::OtherAlgorithm);
        }
        // A string without a version means 16, the flawed first one.
        if parsed.version != Some(u32::from(Version::V0x13)) {
            return Err(HashError::OtherAlgorithm);
        }
        let params = Params::try_from(&parsed).map_err(|_| HashError::Incomplete)?;
        if params.m_cost() > MEMORY_KIB_MAX
            || params.t_cost() > PASSES_MAX
            || params.p_cost() > LANES_MAX
        {
            return Err(HashError::TooCostly);
        }
        let (Some(salt), Some(output)) = (parsed.salt, parsed.hash) else {
            return Err(HashError::Incomplete);
        };
        Ok(Self { params, salt: Box::from(salt.as_ref()), output: Box::from(output.as_bytes()) })
    }

    /// Whether `password` is the one that was hashed. Takes as long for a wrong one.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        #[cfg(test)]
        VERIFIED.with_borrow_mut(|costs| costs.push(self.cost()));
        let mut computed = Zeroizing::new(vec![0; self.output.len()]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
            .hash_password_into(password, &self.salt, &mut computed)
            .is_ok_and(|()| bool::from(computed.ct_eq(&self.output)))
    }

    /// A hash that costs `cost` to verify and stands for no password.
    pub(crate) fn dummy(cost: Cost) -> Option<Self> {
        let params =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(cost.output)).ok()?;
        // An output of zeros is as hard to hit as any other, and a hit would not be believed.
        Some(Self {
            params,
            salt: Box::from(&b"nobody's account"[..]),
            output: vec![0; cost.output].into_boxed_slice(),
        })
    }

    pub(crate) fn cost(&self) -> Cost {
        Cost {
            memory_kib: self.params.m_cost(),
            passes: self.params.t_cost(),
            lanes: self.params.p_cost(),
            output: self.output.len(),
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A password as it is, for accounts that live only as long as the process; wiped when dropped.
///
/// It is long and random as a rule, so hashing it slowly would only cost every log-in time.
pub struct OneTimePassword {
    padded: Zeroizing<[u8; ONE_TIME_LEN_MAX + 1]>,
}

impl OneTimePassword {
    /// Takes a password of 1 to [`ONE_TIME_LEN_MAX`] octets; `None` when it is empty or longer.
    #[must_use]
    pub fn new(password: &[u8]) -> Option<Self> {
        if password.is_empty() {
            return None;
        }
        pad(password).map(|padded| Self { padded })
    }

    /// Whether `password` is this one, in a time that tells neither where they differ nor how
    /// long this one is.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        pad(password).is_some_and(|given| bool::from(given.ct_eq(&*self.padded)))
    }
}

impl fmt::Debug for OneTimePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimePassword(…)")
    }
}

/// The password at a fixed length, its own length in the last octet.
fn pad(password: &[u8]) -> Option<Zeroizing<[u8; ONE_TIME_LEN_MAX + 1]>> {
    let mut padded = Zeroizing::new([0; ONE_TIME_LEN_MAX + 1]);
    let len = u8::try_from(password.len()).ok()?;
    padded.get_mut(..password.len())?.copy_from_slice(password);
    *padded.last_mut()? = len;
    Some(padded)
}

#[cfg(test)]
thread_local! {
    /// What this thread's verifications cost, in order: how tests see that none is left out.
    pub(crate) static VERIFIED: std::cell::RefCell<Vec<Cost>> =
        const { std::cell::RefCell::new(Vec::new()) };
}

/// A hash of `password` that costs next to nothing to verify, so that tests do not wait.
#[cfg(test)]
pub(crate) fn cheap(memory_kib: u32, password: &[u8]) -> PasswordHash {
    let params = Params::new(memory_kib, 1, 1, None).unwrap();
    let hash: phc::PasswordHash =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(password).unwrap();
    PasswordHash::parse(&hash.to_string()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_hash_names_its_cost_and_verifies_only_its_password() {
        let text = hash(b"open sesame").unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        let parsed = PasswordHash::parse(&text).unwrap();
        assert!(parsed.verify(b"open sesame"));
        assert!(!parsed.verify(b"open sesam"));
        assert!(!parsed.verify(b""));
    }

    #[test]
    fn the_same_password_never_hashes_to_the_same_string() {
        assert_ne!(hash(b"x").unwrap(), hash(b"x").unwrap());
    }

    #[test]
    fn a_hash_of_the_reference_implementation_verifies() {
        // The known answer for "password" and "somesalt" with 64 MiB, two passes and one lane.
        let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                    CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let parsed = PasswordHash::parse(text).unwrap();
        assert!(parsed.verify(b"password"));
        assert!(!parsed.verify(b"Password"));
    }

    #[test]
    fn strings_that_are_no_usable_hash_are_refused_for_what_they_are() {
        let salted = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let cases = [
            ("hunter2".to_owned(), HashError::NotPhc),
            (String::new(), HashError::NotPhc),
            ("$argon2id$".to_owned(), HashError::Incomplete),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), HashError::Incomplete),
            ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".to_owned(), HashError::Incomplete),
            (format!("$argon2id$v=19$m=19456,t=2,q=1${salted}"), HashError::Incomplete),
            (format!("$argon2id$v=19$m=2,t=2,p=1${salted}"), HashError::Incomplete),
            (format!("$argon2i$v=19$m=19456,t=2,p=1${salted}"), HashError::OtherAlgorithm),
            (format!("$argon2id$v=16$m=19456,t=2,p=1${salted}"), HashError::OtherAlgorithm),
            (format!("$argon2id$m=19456,t=2,p=1${salted}"), HashError::OtherAlgorithm),
            (format!("$argon2id$v=19$m=4194304,t=2,p=1${salted}"), HashError::TooCostly),
            (format!("$argon2id$v=19$m=19456,t=4000,p=1${salted}"), HashError::TooCostly),
            (format!("$argon2id$v=19$m=19456,t=2,p=200${salted}"), HashError::TooCostly),
        ];
        for (text, want) in cases {
            assert_eq!(PasswordHash::parse(&text).err(), Some(want), "{text}");
        }
    }

    #[test]
    fn a_dummy_costs_what_it_was_made_after() {
        let real = cheap(64, b"open sesame");
        let dummy = PasswordHash::dummy(real.cost()).unwrap();
        assert_eq!(dummy.cost(), real.cost());
        assert!(!dummy.verify(b"open sesame"));
    }

    #[test]
    fn one_time_passwords_match_only_themselves() {
        let kept = OneTimePassword::new(b"abcd-efgh").unwrap();
        assert!(kept.verify(b"abcd-efgh"));
        for wrong in [&b"abcd-efg"[..], b"abcd-efgh\0", b"", b"ABCD-EFGH", &[b'a'; 300]] {
            assert!(!kept.verify(wrong), "{wrong:?}");
        }
        assert!(OneTimePassword::new(b"").is_none());
        assert!(OneTimePassword::new(&[b'x'; 255]).is_some_and(|p| p.verify(&[b'x'; 255])));
        assert!(OneTimePassword::new(&[b'x'; 256]).is_none());
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let kept = OneTimePassword::new(b"abcd-efgh").unwrap();
        assert_eq!(format!("{kept:?} {:?}", cheap(64, b"x")), "OneTimePassword(…) PasswordHash(…)");
    }
}
