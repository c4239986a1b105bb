//! Strings and escapes, known ones and any.

use proptest::prelude::*;

use super::super::FormatError;
use super::super::marker::Marker;
use super::super::step::Mark;
use super::super::step::tests::{Case, Run, run};
use super::{Decoder, Encoder};

fn decoded(wire: &[u8], size: usize, room: usize) -> Run {
    run(&mut Decoder::new(b' '), wire, size, room)
}

fn encoded(file: &[u8], size: usize) -> Vec<u8> {
    let (mut encoder, mut wire) = (Encoder::new(b' '), Vec::new());
    file.chunks(size).for_each(|chunk| encoder.push(chunk, &mut wire));
    encoder.finish(&mut wire);
    wire
}

#[test]
fn strings_runs_and_fillers_are_read() {
    use Mark::{EndOfFile, EndOfRecord, Restart, Suspect};
    let restart = Restart(Marker::new(b"12").unwrap());
    let cases: &[Case<'_>] = &[
        (b"\0\x40", b"", &[(0, EndOfFile)]),
        (b"\0\xc0", b"", &[(0, EndOfRecord), (0, EndOfFile)]),
        (b"\x02ab\0\x40\x01c", b"abc", &[(3, EndOfFile)]),
        (b"\0\x40\x83x", b"xxx", &[(3, EndOfFile)]),
        (b"\x01a\0\xc0\xc2", b"a  ", &[(3, EndOfRecord), (3, EndOfFile)]),
        (b"\0\x80\x01a\0\x80\0\x40", b"a", &[(1, EndOfRecord), (1, EndOfRecord), (1, EndOfFile)]),
        (b"\0\x80\0\0\x01a\0\x40", b"a", &[(0, EndOfRecord), (1, EndOfFile)]),
        (b"\0\x40\0\x80\x01a", b"a", &[(1, EndOfRecord), (1, EndOfFile)]),
        (b"\0\x10\x0212\0\x40", b"", &[(0, restart), (0, EndOfFile)]),
        (b"\0\x60\x01a", b"a", &[(0, Suspect), (1, EndOfFile)]),
    ];
    for (wire, octets, marks) in cases {
        let want = Run { octets: octets.to_vec(), marks: marks.to_vec(), end: Ok(()) };
        assert_eq!(decoded(wire, 99, 99), want, "{}", wire.escape_ascii());
    }
}

#[test]
fn what_is_wrong_has_a_name() {
    let cases: &[(&[u8], FormatError)] = &[
        (b"", FormatError::Truncated),
        (b"\x01a", FormatError::Truncated),
        (b"\0", FormatError::Truncated),
        (b"\0\x80", FormatError::Truncated),
        (b"\0\x50", FormatError::Truncated),
        (b"\0\x40\x02a", FormatError::Truncated),
        (b"\0\x40\x82", FormatError::Truncated),
        (b"\x80a", FormatError::ZeroLength),
        (b"\xc0", FormatError::ZeroLength),
        (b"\0\x01", FormatError::UnknownDescriptor(1)),
        (b"\0\x10\0", FormatError::BadMarker),
        (b"\0\x10\xc1", FormatError::BadMarker),
        (b"\0\x40\x01ab", FormatError::TrailingData),
    ];
    for (wire, error) in cases {
        assert_eq!(decoded(wire, 99, 99).end, Err(*error), "{}", wire.escape_ascii());
    }
}

#[test]
fn the_last_string_stands_behind_the_end_of_file_escape() {
    let cases: &[(&[u8], &[u8])] = &[
        (b"", b"\0\x40"),
        (b"ab", b"\0\x40\x02ab"),
        (b"xxxxx", b"\0\x40\x85x"),
        (b"xxx", b"\0\x40\x03xxx"),
        (b"ab     ", b"\x02ab\0\x40\xc5"),
        (b"xxxxxab", b"\x85x\0\x40\x02ab"),
    ];
    for (file, wire) in cases {
        assert_eq!(&encoded(file, 1), wire, "{}", file.escape_ascii());
    }
    assert_eq!(encoded(&[0; 1 << 16], 99).len(), (1usize << 16).div_ceil(63) * 2 + 2);
}

/// Escapes more often than not.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let descriptor = prop_oneof![Just(0x80u8), Just(0x10), Just(0x40)];
    let octet = prop_oneof![1 => Just(0u8), 3 => descriptor, 2 => 0u8..5, 1 => any::<u8>()];
    proptest::collection::vec(octet, 0..60)
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![1 => Just(b' '), 1 => Just(0), 1 => any::<u8>()];
    let run = (octet, prop_oneof![4 => 1usize..6, 1 => 1usize..200]);
    let runs = proptest::collection::vec(run, 0..50);
    runs.prop_map(|runs| runs.into_iter().flat_map(|(b, n)| vec![b; n]).collect())
}

proptest! {
    #[test]
    fn any_file_comes_back(file in text(), size in 1usize..300, room in 1usize..99) {
        let wire = encoded(&file, size);
        prop_assert!(wire.len() <= file.len() + file.len() / 64 + 4, "grew");
        prop_assert_eq!(&encoded(&file, 7), &wire);
        let got = decoded(&wire, size, room);
        let marks = vec![(file.len(), Mark::EndOfFile)];
        prop_assert_eq!(got, Run { octets: file, marks, end: Ok(()) });
    }

    #[test]
    fn records_and_markers_come_back(
        parts in proptest::collection::vec((text(), 0u8..4), 0..9),
        size in 1usize..99,
    ) {
        let mut encoder = Encoder::new(b' ');
        let (mut wire, mut want) = (Vec::new(), Run::empty());
        let marker = Marker::new(b"mmmmmm").unwrap();
        for (octets, what) in &parts {
            let octets = if octets.len() > 99 { &[][..] } else { octets };
            encoder.push(octets, &mut wire);
            want.octets.extend_from_slice(octets);
            let mark = match what {
                0 => continue,
                1 | 2 => {
                    encoder.end_record(&mut wire);
                    Mark::EndOfRecord
                }
                _ => {
                    encoder.marker(&marker, &mut wire);
                    Mark::Restart(marker.clone())
                }
            };
            want.marks.push((want.octets.len(), mark));
        }
        encoder.finish(&mut wire);
        want.marks.push((want.octets.len(), Mark::EndOfFile));
        prop_assert_eq!(decoded(&wire, size, 100 - size), want);
    }

    #[test]
    fn a_cut_anywhere_is_noticed_unless_all_octets_are_there(file in text()) {
        let wire = encoded(&file, 99);
        for cut in 0..wire.len() {
            let got = decoded(&wire[..cut], 99, 99);
            // The one string behind the escape may be what is missing: then the escape stands
            // last, as it does in a file that ends without a string.
            let bare = wire[..cut].ends_with(b"\0\x40") && got.end.is_ok();
            prop_assert!(bare || got.end == Err(FormatError::Truncated));
        }
    }

    #[test]
    fn chunks_and_room_make_no_difference(
        wire in wire(),
        size in 1usize..9,
        room in 1usize..9,
    ) {
        prop_assert_eq!(decoded(&wire, size, room), decoded(&wire, 99, 999));
    }
}
