//! Transfers between two servers (RFC 959 §5.2): which of them listens, which is TLS client, what
//! to try after a refusal, and whether a whole file came. Whoever calls this sends the commands.
//!
//! RFC 4217 makes every server the TLS server of its data connections, so that between two of them
//! one must change roles: by SSCN ON, which holds until SSCN OFF, or by CPSV in place of PASV.

use core::net::IpAddr;

use crate::reply_reader::IncomingReply;

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a transfer has two ends")]
pub enum Side {
    /// Obeys RETR.
    Source,
    /// Obeys STOR.
    Target,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }
}

/// Who is the client of the TLS handshake, and by which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there are no other commands for it")]
pub enum Roles {
    /// Nobody: data goes in the clear.
    Clear,
    /// The one that listens: it is asked to by CPSV.
    Cpsv,
    /// That one: it is sent SSCN ON.
    Sscn(Side),
}

/// One way to make the data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Way {
    /// Which server is asked by PASV, EPSV or CPSV; the other one is told by PORT or EPRT.
    pub listener: Side,
    /// Who is TLS client.
    pub roles: Roles,
}

/// What is known of one of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Abilities {
    /// Its control connection goes over IPv4; PASV and CPSV know nothing else.
    pub v4: bool,
    /// PROT P is in force.
    pub protected: bool,
    /// FEAT lists SSCN.
    pub sscn: bool,
    /// FEAT lists CPSV.
    pub cpsv: bool,
}

/// Why there is no way at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unable {
    /// Only one of the two protects its data connections.
    HalfProtected,
    /// Both protect them, and neither can be the TLS client.
    NoTlsClient,
}

impl core::fmt::Display for Unable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::HalfProtected => "only one of the two servers protects its data connections",
            Self::NoTlsClient => {
                "both servers protect their data connections, and neither has SSCN or CPSV, \
                 which make one of them the TLS client"
            }
        })
    }
}

/// The ways worth trying, in this order. Whoever listens has to be told of the file first: some
/// servers take a connection as soon as it is made, and throw away what comes over it before the
/// command (pyftpdlib). Where that is the source, its refusal is heard before a file of the target
/// is touched.
///
/// # Errors
/// [`Unable`]. That data could go in the clear instead is no way.
pub fn ways(source: Abilities, target: Abilities) -> Result<Vec<Way>, Unable> {
    if source.protected != target.protected {
        return Err(Unable::HalfProtected);
    }
    let of = |side| match side {
        Side::Source => source,
        Side::Target => target,
    };
    let mut ways = Vec::new();
    for listener in [Side::Source, Side::Target] {
        if !source.protected {
            ways.push(Way { listener, roles: Roles::Clear });
            continue;
        }
        if of(listener).cpsv && of(listener).v4 {
            ways.push(Way { listener, roles: Roles::Cpsv });
        }
        for client in [listener, listener.other()] {
            if of(client).sscn {
                ways.push(Way { listener, roles: Roles::Sscn(client) });
            }
        }
    }
    if ways.is_empty() { Err(Unable::NoTlsClient) } else { Ok(ways) }
}

/// Which command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there are no other steps")]
pub enum Step {
    /// SSCN or CPSV.
    Roles,
    /// PASV or EPSV.
    Listen,
    /// PORT or EPRT.
    Address,
    /// RETR or STOR, before or behind its 1yz reply.
    Move,
}

/// What is worth trying after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between them")]
pub enum Next {
    /// Any other way.
    Other,
    /// A way in which the other server listens.
    OtherListener,
    /// None: it is the file that is refused, or the transfer that broke.
    Nothing,
}

/// What a reply of 4yz or 5yz at that step leaves to try.
///
/// Servers refuse addresses that are not the client's with 500, 501, 504 or 530 to PORT, and with
/// 425 when it is a stranger who connects; roles they do not have with 425, 435, 521, 522, 534 or
/// 535 once the handshake fails (RFC 4217 §10).
#[must_use]
pub fn after(step: Step, code: u16) -> Next {
    match (step, code) {
        // The session ends.
        (_, 421) => Next::Nothing,
        (Step::Roles, _) => Next::Other,
        (Step::Listen | Step::Address, _) => Next::OtherListener,
        (Step::Move, 425 | 431 | 435 | 500..=504 | 520..=522 | 533..=537) => Next::Other,
        (Step::Move, _) => Next::Nothing,
    }
}

/// What is left of `ways` after one of them failed so.
#[must_use]
pub fn left(ways: Vec<Way>, failed: Way, next: Next) -> Vec<Way> {
    let keep = |way: &Way| match next {
        Next::Other => *way != failed,
        Next::OtherListener => way.listener != failed.listener,
        Next::Nothing => false,
    };
    ways.into_iter().filter(keep).collect()
}

/// Whether a refusal may be no more than what the other server's failure has led to: its own
/// reply is worth a moment's wait then.
#[must_use]
pub fn is_consequence(code: u16) -> bool {
    matches!(code, 425 | 426 | 451)
}

/// Whether the one server may be told to connect to `address`, where the other is said to listen,
/// if it is itself at `own` for us. Sent to a loopback address it would connect to itself.
#[must_use]
pub fn may_name(address: IpAddr, own: IpAddr) -> bool {
    let (address, own) = (address.to_canonical(), own.to_canonical());
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !address.is_unspecified()
        && !address.is_multicast()
        && !link_local
        && (!address.is_loopback() || own.is_loopback())
}

/// Who is told of the file first: the one that listens, unless the target says that it has called
/// it already. What comes before STOR is lost there.
#[must_use]
pub fn told_first(listener: Side, address_reply: &IncomingReply) -> Side {
    let has = |line: &Vec<u8>| {
        let line = line.to_ascii_lowercase();
        line.windows(22).any(|words| words == b"connection established")
    };
    if address_reply.lines.iter().any(has) { Side::Target } else { listener }
}

/// What became of a file that both servers say has been moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between them")]
pub enum Arrived {
    /// It has the length of the source.
    Whole,
    /// It is shorter: a source that is cut off ends its data connection as if all were sent.
    Short,
    /// It is longer: the source has grown, or was not sent from where it was to.
    Long,
    /// One of the lengths is unknown.
    Unknown,
}

/// Compares the lengths.
#[must_use]
pub fn arrived(source: Option<u64>, target: Option<u64>) -> Arrived {
    match (source, target) {
        (Some(source), Some(target)) if source == target => Arrived::Whole,
        (Some(source), Some(target)) if target < source => Arrived::Short,
        (Some(_), Some(_)) => Arrived::Long,
        _ => Arrived::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Roles::{Clear, Cpsv, Sscn};
    use Side::{Source, Target};

    /// `4` for IPv4, `P` protected, `S` SSCN, `C` CPSV.
    fn able(text: &str) -> Abilities {
        let has = |c| text.contains(c);
        Abilities { v4: has('4'), protected: has('P'), sscn: has('S'), cpsv: has('C') }
    }

    #[test]
    fn what_two_servers_can_do_says_which_ways_there_are() {
        let clear = [(Source, Clear), (Target, Clear)];
        let cases = [
            ("4", "4", Ok(&clear[..])),
            // In the clear nobody cares for roles.
            ("4SC", "SC", Ok(&clear)),
            ("4P", "4P", Err(Unable::NoTlsClient)),
            ("4P", "4", Err(Unable::HalfProtected)),
            ("4SC", "4PSC", Err(Unable::HalfProtected)),
            ("4PS", "4P", Ok(&[(Source, Sscn(Source)), (Target, Sscn(Source))])),
            ("4P", "4PS", Ok(&[(Source, Sscn(Target)), (Target, Sscn(Target))])),
            // CPSV is of the one that listens.
            ("4P", "4PC", Ok(&[(Target, Cpsv)])),
            ("4PC", "4P", Ok(&[(Source, Cpsv)])),
            // And of IPv4.
            ("4P", "PC", Err(Unable::NoTlsClient)),
            ("PSC", "P", Ok(&[(Source, Sscn(Source)), (Target, Sscn(Source))])),
            (
                "4PSC",
                "4PSC",
                Ok(&[
                    (Source, Cpsv),
                    (Source, Sscn(Source)),
                    (Source, Sscn(Target)),
                    (Target, Cpsv),
                    (Target, Sscn(Target)),
                    (Target, Sscn(Source)),
                ]),
            ),
        ];
        for (source, target, want) in cases {
            let got = ways(able(source), able(target));
            let got = got.map(|ways| ways.iter().map(|w| (w.listener, w.roles)).collect());
            assert_eq!(got, want.map(<[_]>::to_vec), "{source} {target}");
        }
    }

    #[test]
    fn whoever_protects_is_never_led_into_the_clear() {
        for bits in 0..256_u32 {
            let of = |bits: u32| Abilities {
                v4: bits & 1 > 0,
                protected: bits & 2 > 0,
                sscn: bits & 4 > 0,
                cpsv: bits & 8 > 0,
            };
            let (source, target) = (of(bits), of(bits >> 4));
            for way in ways(source, target).unwrap_or_default() {
                let clear = way.roles == Clear;
                assert_eq!(clear, !source.protected && !target.protected, "{source:?} {target:?}");
            }
        }
    }

    #[test]
    fn a_refusal_says_what_is_left_to_try() {
        let cases = [
            // vsftpd and ProFTPD: Illegal PORT command.
            (Step::Address, 500, Next::OtherListener),
            (Step::Address, 501, Next::OtherListener),
            (Step::Address, 504, Next::OtherListener),
            (Step::Address, 530, Next::OtherListener),
            (Step::Address, 522, Next::OtherListener),
            (Step::Listen, 425, Next::OtherListener),
            (Step::Listen, 502, Next::OtherListener),
            (Step::Roles, 500, Next::Other),
            (Step::Roles, 504, Next::Other),
            // vsftpd: Security: Bad IP connecting.
            (Step::Move, 425, Next::Other),
            (Step::Move, 522, Next::Other),
            (Step::Move, 535, Next::Other),
            (Step::Move, 504, Next::Other),
            (Step::Move, 426, Next::Nothing),
            (Step::Move, 451, Next::Nothing),
            (Step::Move, 452, Next::Nothing),
            (Step::Move, 550, Next::Nothing),
            (Step::Move, 553, Next::Nothing),
            (Step::Listen, 421, Next::Nothing),
        ];
        for (step, code, want) in cases {
            assert_eq!(after(step, code), want, "{step:?} {code}");
        }
    }

    #[test]
    fn every_way_that_fails_is_one_less() {
        let all = ways(able("4PSC"), able("4PSC")).unwrap();
        let first = all[0];
        assert_eq!(left(all.clone(), first, Next::Other).len(), 5);
        let other = left(all.clone(), first, Next::OtherListener);
        assert!(other.len() == 3 && other.iter().all(|way| way.listener == Target));
        assert!(left(all, first, Next::Nothing).is_empty());
    }

    #[test]
    fn nobody_is_sent_to_an_address_that_leads_elsewhere_for_him() {
        let cases = [
            ("192.0.2.1", "198.51.100.1", true),
            ("10.0.0.1", "10.0.0.2", true),
            ("127.0.0.1", "127.0.0.2", true),
            ("::1", "::1", true),
            ("127.0.0.1", "192.0.2.1", false),
            ("::ffff:127.0.0.1", "192.0.2.1", false),
            ("::1", "192.0.2.1", false),
            ("0.0.0.0", "127.0.0.1", false),
            ("224.0.0.1", "127.0.0.1", false),
            ("169.254.1.1", "192.0.2.1", false),
            ("fe80::1", "2001:db8::1", false),
        ];
        for (address, own, want) in cases {
            let got = may_name(address.parse().unwrap(), own.parse().unwrap());
            assert_eq!(got, want, "{address} for {own}");
        }
    }

    #[test]
    fn a_target_that_has_connected_already_is_told_to_store_first() {
        let cases = [
            (Source, "PORT command successful. Consider using PASV.", Source),
            (Target, "The next transfer connects there.", Target),
            // pyftpdlib.
            (Source, "Active data connection established.", Target),
            (Target, "Active data connection established.", Target),
        ];
        for (listener, text, want) in cases {
            let reply = IncomingReply { code: 200, lines: vec![text.as_bytes().to_vec()] };
            assert_eq!(told_first(listener, &reply), want, "{text}");
        }
    }

    #[test]
    fn only_equal_lengths_are_a_whole_file() {
        let cases = [
            (Some(5), Some(5), Arrived::Whole),
            (Some(5), Some(4), Arrived::Short),
            (Some(5), Some(6), Arrived::Long),
            (None, Some(5), Arrived::Unknown),
            (Some(5), None, Arrived::Unknown),
        ];
        for (source, target, want) in cases {
            assert_eq!(arrived(source, target), want);
        }
    }
}
