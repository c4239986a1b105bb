//! Headers as balancers send them, headers nobody should send, and octets of any kind.

use proptest::prelude::*;

use super::*;

fn proxied(source: &str, destination: &str) -> Header {
    let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
    Header::Proxied { source, destination }
}

/// Reads as a connection would be read: as many octets at a time as are wanted, never more. The
/// header, and how many octets it took.
fn take(stream: &[u8]) -> Result<Option<(Header, usize)>, ProxyError> {
    let mut len = 0;
    loop {
        match read(&stream[..len])? {
            Progress::Whole(header) => return Ok(Some((header, len))),
            Progress::Wants(more) => {
                assert_ne!(more, 0);
                len += more;
                if len > stream.len() {
                    return Ok(None);
                }
            }
        }
    }
}

#[test]
fn version_1_is_read_up_to_its_line_end_and_no_further() {
    let cases = [
        (
            "PROXY TCP4 198.51.100.7 203.0.113.1 51234 21\r\n",
            proxied("198.51.100.7:51234", "203.0.113.1:21"),
        ),
        (
            "PROXY TCP6 2001:db8::7 2001:db8::1 65535 990\r\n",
            proxied("[2001:db8::7]:65535", "[2001:db8::1]:990"),
        ),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 0 1\r\n", proxied("1.1.1.1:0", "2.2.2.2:1")),
        ("PROXY UNKNOWN\r\n", Header::Own),
        ("PROXY UNKNOWN whatever it says 1 2\r\n", Header::Own),
    ];
    for (header, want) in cases {
        let stream = format!("{header}USER alice\r\n");
        assert_eq!(take(stream.as_bytes()), Ok(Some((want, header.len()))), "{header}");
    }
}

#[test]
fn version_1_is_strict() {
    let long = format!("PROXY UNKNOWN {}", "x".repeat(200));
    let cases = [
        "USER alice\r\nPASS x\r\n",
        "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2\n1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2\r1 2\r\n",
        "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 a b c d e f g\r\n",
        long.as_str(),
    ];
    for text in cases {
        assert!(take(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(read(b"\x16\x03\x01\x02\x00"), Err(ProxyError::NotProxy), "TLS");
    assert_eq!(read(b"\xff"), Err(ProxyError::NotProxy), "told at the first octet");
    assert_eq!(take(b"PROXY UNKNOWN"), Ok(None), "not yet whole");
}

#[test]
fn version_2_is_read_with_its_extensions_and_no_further() {
    let v4 = proxied("198.51.100.7:51234", "203.0.113.1:21");
    let v6 = proxied("[2001:db8::7]:51234", "[2001:db8::1]:21");
    let authority = b"\x02\x00\x0fftp.example.org\x04\x00\x02\x00\x00";
    for (header, extensions) in [(v4, &b""[..]), (v4, authority), (v6, b""), (v6, authority)] {
        let octets = header.to_binary(extensions);
        let stream = [&octets[..], b"\x16\x03\x01"].concat();
        assert_eq!(take(&stream), Ok(Some((header, octets.len()))), "{header:?}");
    }
}

/// Version 2 with everything free.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let len = u16::try_from(block.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &len, block].concat()
}

#[test]
fn version_2_is_strict_where_it_counts() {
    let inet = [198, 51, 100, 7, 203, 0, 113, 1, 1, 2, 0, 21];
    let with = |extensions: &[u8]| [&inet[..], extensions].concat();
    let own: [(&str, Vec<u8>); 4] = [
        ("the balancer itself", binary(0x20, 0x00, &[])),
        ("itself, with addresses", binary(0x20, 0x11, &inet)),
        ("itself, with nonsense", binary(0x20, 0xff, &[9; 40])),
        ("it does not know", binary(0x21, 0x00, &[1, 2, 3])),
    ];
    for (what, octets) in own {
        assert_eq!(take(&octets), Ok(Some((Header::Own, octets.len()))), "{what}");
    }
    let wrong = [
        ("version 1", binary(0x11, 0x11, &inet), ProxyError::Unsupported),
        ("version 3", binary(0x31, 0x11, &inet), ProxyError::Unsupported),
        ("an unknown command", binary(0x22, 0x11, &inet), ProxyError::Unsupported),
        ("datagrams", binary(0x21, 0x12, &inet), ProxyError::Unsupported),
        ("a Unix socket", binary(0x21, 0x31, &[0; 216]), ProxyError::Unsupported),
        ("too few addresses", binary(0x21, 0x11, &inet[..11]), ProxyError::Malformed),
        ("IPv4 as IPv6", binary(0x21, 0x21, &inet), ProxyError::Malformed),
        ("half an extension", binary(0x21, 0x11, &with(&[4, 0])), ProxyError::Malformed),
        ("one that overflows", binary(0x21, 0x11, &with(&[4, 0, 2, 0])), ProxyError::Malformed),
        ("too long", binary(0x21, 0x11, &[0; BINARY_MAX]), ProxyError::TooLong),
    ];
    for (what, octets, want) in wrong {
        assert_eq!(take(&octets), Err(want), "{what}");
    }
    let whole = binary(0x21, 0x11, &inet);
    assert_eq!(read(&[&whole[..], b"x"].concat()), Err(ProxyError::Malformed));
    // Told from the first sixteen octets, before anything is kept of the rest.
    assert_eq!(read(&binary(0x21, 0x11, &[0; 60_000])[..16]), Err(ProxyError::TooLong));
}

fn header() -> impl Strategy<Value = Header> {
    let v4 = any::<([u8; 4], [u8; 4])>().prop_map(|(a, b)| (a.into(), b.into()));
    let v6 = any::<([u8; 16], [u8; 16])>().prop_map(|(a, b)| (a.into(), b.into()));
    let ips = prop_oneof![v4, v6];
    let ends =
        (ips, any::<(u16, u16)>()).prop_map(|((from, to), (p, q)): ((IpAddr, IpAddr), _)| {
            let (source, destination) = (SocketAddr::new(from, p), SocketAddr::new(to, q));
            Header::Proxied { source, destination }
        });
    prop_oneof![9 => ends, 1 => Just(Header::Own)]
}

proptest! {
    #[test]
    fn what_is_written_reads_back(header in header(), kind: u8, value: Vec<u8>) {
        let len = u16::try_from(value.len()).unwrap().to_be_bytes();
        let extension = [&[kind][..], &len, &value].concat();
        for octets in [header.to_text(), header.to_binary(&[]), header.to_binary(&extension)] {
            prop_assert_eq!(take(&octets), Ok(Some((header, octets.len()))));
        }
    }

    #[test]
    fn any_octets_end_in_a_header_an_error_or_a_wish_for_a_bounded_rest(octets: Vec<u8>) {
        for start in [&b""[..], b"PROXY ", SIGNATURE, &binary(0x21, 0x11, &[])[..14]] {
            let stream = [start, &octets].concat();
            match read(&stream) {
                Ok(Progress::Wants(more)) => {
                    prop_assert!(more > 0 && stream.len() + more <= BINARY_MAX);
                }
                Ok(Progress::Whole(_)) | Err(_) => {}
            }
            // However it is cut, the verdict is the same.
            let _ = take(&stream);
        }
    }
}
