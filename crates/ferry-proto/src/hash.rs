//! The algorithms of HASH and its kin by their names (the HASH draft, the IANA registry of hash
//! function text names). What computes them is not here.

/// A hash algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "whoever computes them must know each")]
pub enum Algorithm {
    /// What HASH uses until OPTS HASH says otherwise.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1: against accidents only.
    Sha1,
    /// MD5: against accidents only.
    Md5,
    /// The CRC-32 of IEEE 802.3, as zip and PNG have it.
    Crc32,
    /// BLAKE3 with 256 bits; the registry does not know it, hence the private name.
    Blake3,
}

impl Algorithm {
    /// Every algorithm, in the order of FEAT.
    pub const ALL: [Self; 6] =
        [Self::Sha256, Self::Sha512, Self::Sha1, Self::Md5, Self::Crc32, Self::Blake3];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
            Self::Sha1 => "SHA-1",
            Self::Md5 => "MD5",
            Self::Crc32 => "CRC32",
            Self::Blake3 => "X-BLAKE3",
        }
    }

    /// Octets of a digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha512 => 64,
            Self::Sha1 => 20,
            Self::Md5 => 16,
            Self::Crc32 => 4,
        }
    }

    /// Finds an algorithm by its name, in any case.
    #[must_use]
    pub fn find(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// What follows `HASH ` in FEAT: every algorithm, the one in use marked with `*`.
    #[must_use]
    pub fn feat_value(self) -> String {
        let mark = |a: Self| if a == self { "*" } else { "" };
        Self::ALL.map(|a| format!("{}{}", a.name(), mark(a))).join(";")
    }
}

/// Octets as hexadecimal digits, lower case.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    use core::fmt::Write as _;
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, b| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_found_by_their_names_in_any_case() {
        for algorithm in Algorithm::ALL {
            let name = algorithm.name();
            assert_eq!(Algorithm::find(name.as_bytes()), Some(algorithm));
            assert_eq!(Algorithm::find(name.to_lowercase().as_bytes()), Some(algorithm));
        }
        assert_eq!(Algorithm::find(b"SHA256"), None);
        assert_eq!(Algorithm::find(b""), None);
    }

    #[test]
    fn feat_marks_the_one_in_use() {
        let value = "SHA-256*;SHA-512;SHA-1;MD5;CRC32;X-BLAKE3";
        assert_eq!(Algorithm::default().feat_value(), value);
        assert!(Algorithm::Md5.feat_value().starts_with("SHA-256;SHA-512;SHA-1;MD5*;"));
    }

    #[test]
    fn hexadecimal_digits_are_two_an_octet() {
        assert_eq!(hex(&[0, 1, 0xab, 0xff]), "0001abff");
    }
}
