//! Digests of octets, computed (the algorithms of HASH). What a server says of a file without
//! reading it is [`Storage::hash`](crate::Storage::hash)'s business.

use std::fmt;

use ferry_proto::hash::Algorithm;
use sha2::Digest as _;

/// A digest being computed.
///
/// ```
/// use ferry_proto::hash::{Algorithm, hex};
/// use ferry_storage::digest::Hasher;
/// let mut hasher = Hasher::new(Algorithm::Crc32);
/// hasher.update(b"1234");
/// hasher.update(b"56789");
/// assert_eq!(hex(&hasher.finish()), "cbf43926");
/// ```
pub struct Hasher(State);

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(…)")
    }
}

enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Sha1(sha1::Sha1),
    Md5(md5::Md5),
    Crc32(crc32fast::Hasher),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    /// Of no octets so far.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
            Algorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
            Algorithm::Md5 => State::Md5(md5::Md5::new()),
            Algorithm::Crc32 => State::Crc32(crc32fast::Hasher::new()),
            Algorithm::Blake3 => State::Blake3(Box::default()),
        })
    }

    /// Takes further octets.
    pub fn update(&mut self, octets: &[u8]) {
        match &mut self.0 {
            State::Sha256(h) => h.update(octets),
            State::Sha512(h) => h.update(octets),
            State::Sha1(h) => h.update(octets),
            State::Md5(h) => h.update(octets),
            State::Crc32(h) => h.update(octets),
            State::Blake3(h) => {
                h.update(octets);
            }
        }
    }

    /// The digest, in the octets and the order that the algorithm has them.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Sha256(h) => h.finalize().to_vec(),
            State::Sha512(h) => h.finalize().to_vec(),
            State::Sha1(h) => h.finalize().to_vec(),
            State::Md5(h) => h.finalize().to_vec(),
            State::Crc32(h) => h.finalize().to_be_bytes().to_vec(),
            State::Blake3(h) => h.finalize().as_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_proto::hash::hex;

    /// Digests of nothing and of `123456789`, as the standards and their test vectors have them.
    #[test]
    fn digests_are_those_of_the_standards_however_the_octets_come() {
        let cases = [
            (Algorithm::Crc32, "00000000", "cbf43926"),
            (
                Algorithm::Md5,
                "d41d8cd98f00b204e9800998ecf8427e",
                "25f9e794323b453885f5181f1b624d0b",
            ),
            (
                Algorithm::Sha1,
                "da39a3ee5e6b4b0d3255bfef95601890afd80709",
                "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
            ),
            (
                Algorithm::Sha256,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
            (
                Algorithm::Sha512,
                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                 47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
                "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a\
                 d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
            ),
            (
                Algorithm::Blake3,
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
                "b7d65b48420d1033cb2595293263b6f72eabee20d55e699d0df1973b3c9deed1",
            ),
        ];
        for (algorithm, empty, digits) in cases {
            assert_eq!(hex(&Hasher::new(algorithm).finish()), empty, "{algorithm:?}");
            let mut hasher = Hasher::new(algorithm);
            for part in [&b"1234"[..], b"", b"56789"] {
                hasher.update(part);
            }
            let digest = hasher.finish();
            assert_eq!(hex(&digest), digits, "{algorithm:?}");
            assert_eq!(digest.len(), algorithm.digest_len());
        }
    }
}
