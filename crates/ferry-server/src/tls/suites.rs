//! Whose AES-GCM seals and opens records. There are two implementations at hand, and which is
//! faster is a matter of the processor: with AVX-512 it is aws-lc-rs by far, with VAES in AVX2
//! alone it is ring, by as much. So both are timed once, when the first certificate is set up.
//!
//! Everything else, key exchange, signatures and tickets, is aws-lc-rs in any case.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustls::crypto::cipher::{AeadKey, Iv, OutboundChunks, OutboundPlainMessage};
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use rustls::{CipherSuite, ContentType, ProtocolVersion, SupportedCipherSuite, Tls13CipherSuite};

/// What is sealed to find out: records as transfers have them, and as many as take long enough for
/// the clock: 2.5 MiB in all rounds of both.
const RECORD: usize = 16 * 1024;
const RECORDS: u64 = 16;

/// How often; the fastest time counts, for whatever disturbs makes it longer.
const ROUNDS: usize = 5;

/// How much faster the other one must be, in percent, so that chance does not decide.
const MARGIN: u32 = 15;

/// Cryptography as it is fastest here.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static FASTEST: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(FASTEST.get_or_init(|| Arc::new(with_aes(ring_is_faster()))))
}

/// aws-lc-rs, with the AES-GCM of ring if that is wanted.
pub(super) fn with_aes(of_ring: bool) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if of_ring {
        for suite in &mut provider.cipher_suites {
            if is_aes(suite.suite())
                && let Some(other) = ring_suite(suite.suite())
            {
                *suite = other;
            }
        }
    }
    provider
}

fn is_aes(suite: CipherSuite) -> bool {
    !matches!(
        suite,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    )
}

fn ring_suite(wanted: CipherSuite) -> Option<SupportedCipherSuite> {
    ring::ALL_CIPHER_SUITES.iter().find(|suite| suite.suite() == wanted).copied()
}

/// Times both by turns. The key is one of 256 bits, the only length that can be had without a
/// handshake; what makes the difference is the same for both lengths.
fn ring_is_faster() -> bool {
    let ours = aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384.tls13();
    let other = ring::cipher_suite::TLS13_AES_256_GCM_SHA384.tls13();
    let (Some(ours), Some(other)) = (ours, other) else { return false };
    let (mut least, mut least_other) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        least = least.min(sealing(ours));
        least_other = least_other.min(sealing(other));
    }
    least_other.saturating_mul(100 + MARGIN) < least.saturating_mul(100)
}

#[allow(clippy::disallowed_methods, reason = "timing is what it is for, and decides nothing else")]
fn sealing(suite: &Tls13CipherSuite) -> Duration {
    let mut sealer = suite.aead_alg.encrypter(AeadKey::from([7; 32]), Iv::from([9; 12]));
    let record = vec![0x5a; RECORD];
    let began = Instant::now();
    for number in 0..RECORDS {
        let plain = OutboundPlainMessage {
            typ: ContentType::ApplicationData,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(&record),
        };
        let sealed = sealer.encrypt(plain, number);
        drop(black_box(sealed));
    }
    began.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_have_the_same_suites_in_the_same_order() {
        let names = |of_ring| -> Vec<CipherSuite> {
            with_aes(of_ring).cipher_suites.iter().map(SupportedCipherSuite::suite).collect()
        };
        assert_eq!(names(true), names(false));
        let taken = names(true).into_iter().filter(|suite| is_aes(*suite)).filter_map(ring_suite);
        assert_eq!(taken.count(), 6, "AES of both lengths in TLS 1.3, and with both keys in 1.2");
    }

    #[test]
    fn both_seal() {
        let both = [
            aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
            ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
        ];
        for suite in both {
            assert!(sealing(suite.tls13().unwrap()) > Duration::ZERO);
        }
    }
}
