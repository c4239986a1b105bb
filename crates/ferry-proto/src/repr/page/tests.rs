//! Pages and their headers, known ones and any.

use proptest::prelude::*;

use super::super::FormatError;
use super::super::step::Mark;
use super::super::step::tests::{Run, run};
use super::{Decoder, Encoder, Geometry, max_field};

fn decoded(bits: u8, wire: &[u8], size: usize, room: usize) -> Run {
    run(&mut Decoder::new(Geometry::new(bits).unwrap()), wire, size, room)
}

fn encoded(bits: u8, file: &[u8], size: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(Geometry::new(bits).unwrap());
    let mut wire = Vec::new();
    file.chunks(size).for_each(|chunk| encoder.push(chunk, &mut wire).unwrap());
    encoder.finish(&mut wire).unwrap();
    wire
}

#[test]
fn pages_are_of_a_size_their_header_can_tell() {
    let cases =
        [(4, 4), (7, 105), (8, 248), (9, 567), (16, 4096), (32, 4096), (36, 2304), (255, 16320)];
    for (bits, octets) in cases {
        assert_eq!(Geometry::new(bits).unwrap().page_octets(), octets, "L {bits}");
    }
    assert!((0..4).all(|bits| Geometry::new(bits).is_none()));
    for bits in 4..=255 {
        let geometry = Geometry::new(bits).unwrap();
        assert!(geometry.len.is_multiple_of(8) && geometry.len <= max_field(bits), "L {bits}");
    }
    assert_eq!(Geometry::new(8).unwrap().file_max(), 256 * 248);
    assert_eq!(Geometry::new(32).unwrap().file_max(), 4096 << 32);
    assert_eq!(Geometry::new(64).unwrap().file_max(), u64::MAX);
}

#[test]
fn pages_carry_headers_of_logical_bytes() {
    assert_eq!(encoded(8, b"", 1), [4, 0, 0, 0]);
    assert_eq!(encoded(8, b"abc", 1), *b"\x04\0\x03\x01abc\x04\0\0\0");
    assert_eq!(encoded(16, b"abc", 9), *b"\0\x04\0\0\0\x02\0\x01abc\0\0\x04\0\0\0\0\0\0");
    // 4 0 1 1, ten bits of data (one of them missing), 4 0 0 0, and zeros up to the octet.
    let bits = "0000000100_0000000000_0000000010_0000000001_0110000101_1000000000\
                _0000000100_0000000000_0000000000_0000000000";
    let bits: Vec<u8> = bits.bytes().filter(|b| *b != b'_').map(|b| b - b'0').collect();
    let octet = |bits: &[u8]| bits.iter().enumerate().fold(0, |o, (i, bit)| o | bit << (7 - i));
    let want: Vec<u8> = bits.chunks(8).map(octet).collect();
    assert_eq!(encoded(10, b"\x61\x60", 9), want);
}

#[test]
fn pages_are_placed_by_their_index() {
    let page = |index: u8, octets: &[u8]| {
        [&[4, index, u8::try_from(octets.len()).unwrap(), 1], octets].concat()
    };
    let last = vec![4, 0, 0, 0];
    let wire = [page(2, b"cc"), page(0, &[b'a'; 248]), page(1, b"b"), page(9, b""), last];
    let marks = vec![
        (0, Mark::Place(496)),
        (2, Mark::Place(0)),
        (251, Mark::Place(2232)),
        (251, Mark::EndOfFile),
    ];
    let octets = [&b"cc"[..], &[b'a'; 248], b"b"].concat();
    assert_eq!(decoded(8, &wire.concat(), 5, 5), Run { octets, marks, end: Ok(()) });
}

#[test]
fn descriptors_are_skipped_and_access_controls_too() {
    let wire = b"\x06\xff\x03\x02xxyyy\x05\0\x01\x03!a\x04\x07\0\0";
    let marks = vec![(1, Mark::EndOfFile)];
    let want = Run { octets: b"a".to_vec(), marks, end: Ok(()) };
    assert_eq!(decoded(8, wire, 1, 1), want);
}

#[test]
fn what_is_wrong_has_a_name() {
    let cases: &[(u8, &[u8], FormatError)] = &[
        (8, b"", FormatError::Truncated),
        (8, b"\x04\0", FormatError::Truncated),
        (8, b"\x04\0\x01\x01", FormatError::Truncated),
        (8, b"\x04\0\x01\x01a", FormatError::Truncated),
        (8, b"\x03\0\0\0", FormatError::BadPageHeader),
        (8, b"\x05\0\0\0", FormatError::BadPageHeader),
        (8, b"\x04\0\x01\0", FormatError::BadPageHeader),
        (8, b"\x05\0\0\x01", FormatError::BadPageHeader),
        (8, b"\x04\0\xf9\x01", FormatError::BadPageHeader),
        (8, b"\x04\0\0\x03", FormatError::BadPageHeader),
        (8, b"\x03\0\0\x02", FormatError::BadPageHeader),
        (8, b"\x04\0\0\x04", FormatError::UnknownPageType(4)),
        (8, b"\x04\0\0\0\0", FormatError::TrailingData),
        (72, b"\x01\0\0\0\0\0\0\0\0", FormatError::BadPageHeader),
        (
            64,
            b"\0\0\0\0\0\0\0\x04\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01",
            FormatError::BadPageHeader,
        ),
    ];
    for (bits, wire, error) in cases {
        let got = decoded(*bits, wire, 99, 99).end;
        assert_eq!(got, Err(*error), "{bits}: {}", wire.escape_ascii());
    }
}

#[test]
fn text_is_refused_out_of_sequence_and_files_beyond_the_last_page() {
    let mut decoder = Decoder::sequential(Geometry::new(8).unwrap());
    let wire = b"\x04\0\x01\x01a\x04\x01\x01\x01b\x04\x01\0\x01";
    let got = run(&mut decoder, wire, 99, 99);
    assert_eq!((&got.octets[..], got.end), (&b"ab"[..], Err(FormatError::BadPageHeader)));
    let geometry = Geometry::new(8).unwrap();
    let max = usize::try_from(geometry.file_max()).unwrap();
    let (mut encoder, mut wire) = (Encoder::new(geometry), Vec::new());
    assert_eq!(encoder.push(&vec![0; max], &mut wire), Ok(()));
    assert_eq!(encoder.push(b"x", &mut wire), Ok(()));
    assert_eq!(encoder.finish(&mut wire), Err(FormatError::PageOverflow));
}

proptest! {
    #[test]
    fn any_file_comes_back(
        bits in prop_oneof![Just(8u8), Just(32), Just(36), 8u8..=255],
        len in 0usize..20_000,
        seed: u8,
        size in 1usize..5000,
    ) {
        let octet = |i: usize| u8::try_from(i * 31 % 251).unwrap() ^ seed;
        let file: Vec<u8> = (0..len).map(octet).collect();
        let wire = encoded(bits, &file, size);
        prop_assert_eq!(&encoded(bits, &file, 20_000), &wire);
        let got = decoded(bits, &wire, size, 5001 - size);
        prop_assert_eq!(&got.end, &Ok(()));
        prop_assert_eq!(got.marks, vec![(got.octets.len(), Mark::EndOfFile)]);
        // What completes the last logical byte is all that was added, and only once.
        prop_assert!(got.octets.starts_with(&file) && got.octets.len() <= len + 32);
        prop_assert!(got.octets[len..].iter().all(|b| *b == 0));
        prop_assert!(bits != 8 || got.octets.len() == len);
        prop_assert_eq!(&encoded(bits, &got.octets, size), &wire);
        for cut in (0..wire.len()).step_by(wire.len() / 20 + 1) {
            let end = decoded(bits, &wire[..cut], 999, 999).end;
            prop_assert_eq!(end, Err(FormatError::Truncated));
        }
    }

    #[test]
    fn chunks_and_room_make_no_difference(
        bits in 4u8..20,
        wire in proptest::collection::vec(prop_oneof![Just(0u8), Just(4), any::<u8>()], 0..60),
        size in 1usize..9,
        room in 1usize..9,
    ) {
        let wire = [encoded(bits, &[], 1), wire].concat();
        for wire in [&wire[..], &wire[1..], &wire[wire.len() / 2..]] {
            prop_assert_eq!(decoded(bits, wire, size, room), decoded(bits, wire, 99, 999));
        }
    }
}
