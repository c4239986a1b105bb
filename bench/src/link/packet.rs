//! One IPv4 packet behind its `virtio_net_hdr`: other addresses, and checksums that still hold.

/// `struct virtio_net_hdr`: flags, kind of segmentation, and four numbers of 16 bits.
pub(super) const VNET_HEADER: usize = 10;

/// The checksum holds the sum of the pseudo-header only; whoever sends it on finishes it.
const NEEDS_CSUM: u8 = 1;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Turns a packet that left 10.x.0.1 for `.2` or `.3` into one that comes to 10.x.0.1 from `.3` or
/// `.2`. What is none of these is left alone: `false`.
pub(super) fn turn_round(frame: &mut [u8], net: [u8; 2]) -> bool {
    let Some((vnet, ip)) = frame.split_at_mut_checked(VNET_HEADER) else { return false };
    let Some(&[version, ..]) = ip.get(..20) else { return false };
    let header = usize::from(version & 0x0F) * 4;
    if version >> 4 != 4 || header < 20 || ip.len() < header {
        return false;
    }
    let [a, b] = net;
    let from: u8 = match (ip.get(12..16), ip.get(16..20)) {
        (Some(&[c, d, 0, 1]), Some(&[e, f, 0, to])) if [c, d, e, f] == [a, b, a, b] => match to {
            2 => 3,
            3 => 2,
            _ => return false,
        },
        _ => return false,
    };
    // Source 1 and destination 2 (sum 3) become 3 and 1 (sum 4); 1 and 3 become 2 and 1. The other
    // words of the addresses stay, so all sums change by one, whatever the packet (RFC 1624).
    let change = if from == 3 { 1 } else { !1 };
    if let Some(last) = ip.get_mut(15) {
        *last = from;
    }
    if let Some(last) = ip.get_mut(19) {
        *last = 1;
    }
    add_to_checksum(ip, 10, change);
    let unfinished = vnet.first().is_some_and(|flags| flags & NEEDS_CSUM != 0);
    // Fragments, of which only the first has the inner header, do not arise: all share an MTU.
    match ip.get(9) {
        Some(&TCP) if unfinished => add_to_sum(ip, header + 16, change),
        Some(&TCP) => add_to_checksum(ip, header + 16, change),
        Some(&UDP) if unfinished => add_to_sum(ip, header + 6, change),
        Some(&UDP) if !no_checksum(ip, header + 6) => add_to_checksum(ip, header + 6, change),
        _ => {}
    }
    true
}

/// In one's complement, where the carry comes round and `!1` is minus one.
fn sum(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u16::from(carry)
}

fn add_to_sum(octets: &mut [u8], at: usize, change: u16) {
    edit(octets, at, |old| sum(old, change));
}

/// A finished checksum is the complement of the sum.
fn add_to_checksum(octets: &mut [u8], at: usize, change: u16) {
    edit(octets, at, |old| !sum(!old, change));
}

/// UDP says by 0 that it has none (RFC 768).
fn no_checksum(octets: &[u8], at: usize) -> bool {
    octets.get(at..at + 2) == Some(&[0, 0])
}

fn edit(octets: &mut [u8], at: usize, change: impl FnOnce(u16) -> u16) {
    if let Some(Ok(word)) = octets.get_mut(at..at + 2).map(<&mut [u8; 2]>::try_from) {
        *word = change(u16::from_be_bytes(*word)).to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NET: [u8; 2] = [10, 100];

    /// Sum of all words, from the beginning: 0xFFFF where a checksum among them is right.
    fn whole_sum(octets: &[u8]) -> u16 {
        let words = octets.chunks(2).map(|pair| match *pair {
            [high, low] => u16::from_be_bytes([high, low]),
            [high] => u16::from_be_bytes([high, 0]),
            _ => 0,
        });
        words.fold(0, sum)
    }

    fn pseudo_header(ip: &[u8]) -> Vec<u8> {
        let inside = u16::try_from(ip.len() - 20).unwrap();
        [&ip[12..20], &[0, TCP], &inside.to_be_bytes()].concat()
    }

    /// A TCP segment with right checksums, or with the pseudo-header's sum only.
    fn frame(to: u8, unfinished: bool, payload: &[u8]) -> Vec<u8> {
        let mut ip = vec![0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, TCP, 0, 0];
        ip.extend([10, 100, 0, 1, 10, 100, 0, to]);
        let length = u16::try_from(40 + payload.len()).unwrap();
        ip[2..4].copy_from_slice(&length.to_be_bytes());
        let header = !whole_sum(&ip);
        ip[10..12].copy_from_slice(&header.to_be_bytes());
        ip.extend([0x9C, 0x40, 0, 21, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
        ip.extend(payload);
        let pseudo = whole_sum(&pseudo_header(&ip));
        let tcp = if unfinished { pseudo } else { !sum(pseudo, whole_sum(&ip[20..])) };
        ip[36..38].copy_from_slice(&tcp.to_be_bytes());
        let mut frame = vec![u8::from(unfinished), 0, 0, 0, 0, 0, 20, 0, 16, 0];
        frame.extend(ip);
        frame
    }

    #[test]
    fn a_packet_comes_back_from_a_stranger_with_checksums_that_hold() {
        for (to, from) in [(2, 3), (3, 2)] {
            for payload in [&b""[..], b"USER pat\r\n", b"odd", &[0xFF; 1400]] {
                let mut frame = frame(to, false, payload);
                assert!(turn_round(&mut frame, NET));
                let ip = &frame[VNET_HEADER..];
                assert_eq!(ip[12..20], [10, 100, 0, from, 10, 100, 0, 1]);
                assert_eq!(whole_sum(&ip[..20]), 0xFFFF);
                assert_eq!(sum(whole_sum(&pseudo_header(ip)), whole_sum(&ip[20..])), 0xFFFF);
            }
        }
    }

    #[test]
    fn an_unfinished_checksum_stays_the_sum_of_the_pseudo_header() {
        for to in [2, 3] {
            let mut frame = frame(to, true, b"150 ");
            assert!(turn_round(&mut frame, NET));
            let ip = &frame[VNET_HEADER..];
            assert_eq!(ip[36..38], whole_sum(&pseudo_header(ip)).to_be_bytes());
        }
    }

    #[test]
    fn other_packets_are_left_alone() {
        let good = frame(2, false, b"x");
        let mut elsewhere = good.clone();
        elsewhere[VNET_HEADER + 19] = 9;
        let mut version_6 = good.clone();
        version_6[VNET_HEADER] = 0x60;
        let mut long_header = good.clone();
        long_header[VNET_HEADER] = 0x4F;
        for other in [elsewhere, version_6, long_header, good[..29].to_vec(), Vec::new()] {
            let mut tried = other.clone();
            assert!(!turn_round(&mut tried, NET));
            assert_eq!(tried, other);
        }
    }
}
