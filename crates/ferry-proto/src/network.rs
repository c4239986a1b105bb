//! Networks written as an address and the length of its prefix (RFC 4632, RFC 4291 §2.3): whom a
//! setting is about. Text in and out, and whether an address lies inside.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use crate::addr::canonical_ip;

/// A network: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkError {
    /// Not an address, or not a length behind it.
    Syntax,
    /// The prefix is longer than the address.
    TooLong,
    /// The address has bits set behind the prefix: one of the two is a mistake.
    HostBits,
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not a network",
            Self::TooLong => "a prefix longer than the address",
            Self::HostBits => "an address with bits behind the prefix",
        })
    }
}

impl core::error::Error for NetworkError {}

impl Network {
    /// The network of `first` and the `prefix` bits of it that all addresses share.
    ///
    /// # Errors
    /// See [`NetworkError`]; never [`NetworkError::Syntax`].
    pub fn new(first: IpAddr, prefix: u8) -> Result<Self, NetworkError> {
        let network = Self { first, prefix };
        if prefix > network.bits() {
            return Err(NetworkError::TooLong);
        }
        if network.masked(first) == Some(first) { Ok(network) } else { Err(NetworkError::HostBits) }
    }

    /// How many bits its addresses share: the more, the fewer addresses.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether it holds the address. An IPv4 address in IPv6 form counts as IPv4.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.masked(canonical_ip(ip)) == Some(self.first)
    }

    const fn bits(&self) -> u8 {
        if self.first.is_ipv4() { 32 } else { 128 }
    }

    /// The address without its bits behind the prefix; none of another family.
    fn masked(&self, ip: IpAddr) -> Option<IpAddr> {
        let behind = u32::from(self.bits().saturating_sub(self.prefix));
        match (self.first, ip) {
            (IpAddr::V4(_), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(behind).unwrap_or(0);
                Some(Ipv4Addr::from_bits(ip.to_bits() & mask).into())
            }
            (IpAddr::V6(_), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(behind).unwrap_or(0);
                Some(Ipv6Addr::from_bits(ip.to_bits() & mask).into())
            }
            _ => None,
        }
    }
}

impl From<IpAddr> for Network {
    fn from(ip: IpAddr) -> Self {
        let first = canonical_ip(ip);
        Self { first, prefix: if first.is_ipv4() { 32 } else { 128 } }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let Some((first, prefix)) = text.split_once('/') else {
            return text.parse::<IpAddr>().map(Self::from).map_err(|_| NetworkError::Syntax);
        };
        let first = first.parse().map_err(|_| NetworkError::Syntax)?;
        let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| digits).ok_or(NetworkError::Syntax)?;
        Self::new(first, prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks_are_read_and_mistakes_told_apart() {
        let cases = [
            ("192.0.2.0/24", Ok("192.0.2.0/24")),
            ("192.0.2.7", Ok("192.0.2.7/32")),
            ("0.0.0.0/0", Ok("0.0.0.0/0")),
            ("2001:db8::/32", Ok("2001:db8::/32")),
            ("::1", Ok("::1/128")),
            ("::/0", Ok("::/0")),
            ("::ffff:192.0.2.7", Ok("192.0.2.7/32")),
            ("192.0.2.7/24", Err(NetworkError::HostBits)),
            ("2001:db8::1/64", Err(NetworkError::HostBits)),
            ("192.0.2.0/33", Err(NetworkError::TooLong)),
            ("::/129", Err(NetworkError::TooLong)),
            ("192.0.2.0/", Err(NetworkError::Syntax)),
            ("192.0.2.0/+4", Err(NetworkError::Syntax)),
            ("192.0.2.0/256", Err(NetworkError::Syntax)),
            ("192.0.2/24", Err(NetworkError::Syntax)),
            ("example.org", Err(NetworkError::Syntax)),
            ("", Err(NetworkError::Syntax)),
        ];
        for (text, want) in cases {
            let got = text.parse::<Network>();
            assert_eq!(got.map(|n| n.to_string()), want.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let cases = [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("192.0.2.0/24", "2001:db8::1", false),
            ("0.0.0.0/0", "203.0.113.5", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.5", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
        ];
        for (network, ip, want) in cases {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(ip.parse().unwrap()), want, "{network} {ip}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bits: u128, prefix in 0_u8..=128, four: bool) {
            let (ip, prefix): (IpAddr, u8) = if four {
                let low = u32::try_from(bits & u128::from(u32::MAX)).unwrap();
                (Ipv4Addr::from_bits(low).into(), prefix.min(32))
            } else {
                (Ipv6Addr::from_bits(bits).into(), prefix)
            };
            let first = Network { first: ip, prefix }.masked(ip).unwrap();
            let network = Network::new(first, prefix).unwrap();
            prop_assert_eq!(network.to_string().parse(), Ok(network));
            prop_assert!(network.contains(first));
        }
    }
}
