//! A password on its way from whoever gave it to the table of accounts or the eyes of the operator.
//!
//! It is wiped when dropped, and only [`Password::reveal`] shows it.

use std::fmt;

use zeroize::Zeroizing;

/// The longest password accepted, in octets.
pub(crate) const PASSWORD_LEN_MAX: usize = ferry_accounts::password::ONE_TIME_LEN_MAX;

/// A password in clear.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(Zeroizing<String>);

impl Password {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A random one that can be read out over a telephone: 16 of 31 characters, 79 bits.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut text = String::with_capacity(GROUPS * (GROUP_LEN + 1));
        for group in 0..GROUPS {
            if group > 0 {
                text.push('-');
            }
            for _ in 0..GROUP_LEN {
                text.push(random_char()?);
            }
        }
        Ok(Self::new(text))
    }

    /// The password itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

const GROUPS: usize = 4;
const GROUP_LEN: usize = 4;

/// No `0 o 1 l i`: nobody can tell them apart.
const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

fn random_char() -> Result<char, getrandom::Error> {
    // The last multiple of 31 in an octet; what lies above would favour the first characters.
    const FAIR: usize = 256 / ALPHABET.len() * ALPHABET.len();
    loop {
        let mut octet = [0_u8];
        getrandom::fill(&mut octet)?;
        let drawn = usize::from(octet[0]);
        if drawn < FAIR
            && let Some(&b) = ALPHABET.get(drawn % ALPHABET.len())
        {
            return Ok(char::from(b));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_made_password_is_four_groups_of_four_unambiguous_characters() {
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            let password = Password::random().unwrap();
            let groups: Vec<_> = password.reveal().split('-').collect();
            assert_eq!(groups.len(), 4);
            for group in groups {
                assert_eq!(group.len(), 4);
                assert!(group.bytes().all(|b| ALPHABET.contains(&b)), "{group}");
                seen.extend(group.bytes());
            }
        }
        // 3,200 draws leave out one of 31 characters with a probability below 10^-43.
        assert_eq!(seen.len(), ALPHABET.len());
    }

    #[test]
    fn two_made_passwords_differ() {
        assert_ne!(Password::random().unwrap(), Password::random().unwrap());
    }

    #[test]
    fn debug_output_shows_no_password() {
        assert_eq!(format!("{:?}", Password::new("hunter2".to_owned())), "Password(…)");
    }
}
