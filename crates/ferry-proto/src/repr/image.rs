//! Type image, and local with octets of eight bits: every octet as it is (RFC 959 §3.1.1.3).

/// The transducer that changes nothing, for where one must be plugged in. Who can move octets
/// without copying them needs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Identity;

impl Identity {
    /// Appends `input`.
    pub fn push(self, input: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(input);
    }
}
