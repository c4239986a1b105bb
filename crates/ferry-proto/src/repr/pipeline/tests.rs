//! Every combination of type, structure and mode, both ways.

use proptest::prelude::*;

use super::super::step::tests::{Run, run};
use super::super::{FormatError, Mark, Progress, RestartPoint, Transducer, local, record};
use super::*;

const TYPES: [TypeCode; 10] = [
    TypeCode::Ascii,
    TypeCode::Ebcdic,
    TypeCode::Image,
    TypeCode::Local(1),
    TypeCode::Local(5),
    TypeCode::Local(7),
    TypeCode::Local(8),
    TypeCode::Local(32),
    TypeCode::Local(36),
    TypeCode::Local(255),
];
const STRUCTURES: [Structure; 3] = [Structure::File, Structure::Record, Structure::Page];
const MODES: &[Mode] = &[
    Mode::Stream,
    Mode::Block,
    Mode::Compressed,
    #[cfg(feature = "deflate")]
    Mode::Deflate,
];

fn all() -> Vec<Form> {
    let mut forms = Vec::new();
    for type_code in TYPES {
        for structure in STRUCTURES {
            for mode in MODES {
                let form = Form { type_code, structure, mode: *mode, format: Format::NonPrint };
                forms.extend(form.is_possible().then_some(form));
            }
        }
    }
    forms
}

/// Those that have pages enough for any text that the file may become.
fn all_for(file: &[u8]) -> impl Iterator<Item = Form> {
    let needed = u64::try_from(2 * file.len() + 32).unwrap();
    let fits = move |form: &Form| form.pages().is_none_or(|pages| pages.file_max() >= needed);
    all().into_iter().filter(move |form| form.structure != Structure::Page || fits(form))
}

fn form(letters: &[u8; 3]) -> Form {
    let [kind, structure, mode] = *letters;
    Form {
        type_code: match kind {
            b'A' => TypeCode::Ascii,
            b'E' => TypeCode::Ebcdic,
            b'I' => TypeCode::Image,
            _ => TypeCode::Local(36),
        },
        structure: Structure::from_letter(structure).unwrap(),
        mode: Mode::from_letter(mode).unwrap(),
        format: Format::NonPrint,
    }
}

fn latin() -> Options {
    Options { charset: Charset::Latin1, ..Options::default() }
}

fn sent(form: Form, options: &Options, file: &[u8], size: usize, room: usize) -> Vec<u8> {
    let got = run(&mut Sender::new(form, options).unwrap(), file, size, room);
    assert_eq!(got.marks, [(got.octets.len(), Mark::EndOfFile)]);
    assert_eq!(got.end, Ok(()), "{form:?}");
    got.octets
}

fn received(form: Form, options: &Options, wire: &[u8], size: usize, room: usize) -> Run {
    run(&mut Receiver::new(form, options).unwrap(), wire, size, room)
}

fn escaped(file: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if !file.is_empty() {
        record::Encoder.push(file, &mut out);
        record::Encoder.end_record(&mut out);
    }
    record::Encoder.finish(&mut out);
    out
}

/// What a file is after a round trip: the same, but for what its representation cannot keep.
fn kept(form: Form, file: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    match (form.type_code, form.structure) {
        (TypeCode::Ascii, Structure::File | Structure::Page) => {
            let lf_next = |i: usize| file.get(i + 1) == Some(&b'\n');
            let octets = file.iter().enumerate().filter(|(i, b)| **b != b'\r' || !lf_next(*i));
            kept.extend(octets.map(|(_, b)| *b));
        }
        (TypeCode::Ascii | TypeCode::Ebcdic, Structure::Record) => {
            kept.extend_from_slice(file);
            if !matches!(file, [] | [.., b'\n']) {
                kept.push(b'\n');
            }
        }
        (TypeCode::Local(bits), _) => {
            let mut local = local::ToNetwork::new(bits);
            local.push(file, &mut kept);
            local.finish(&mut kept);
        }
        _ => kept.extend_from_slice(file),
    }
    if form.structure == Structure::Record && !form.is_text() {
        kept = escaped(&kept);
    }
    kept
}

#[test]
fn representations_look_on_the_connection_as_the_rfc_draws_them() {
    let cases: &[(&[u8; 3], &[u8], &[u8])] = &[
        (b"AFS", b"ab\nc\n", b"ab\r\nc\r\n"),
        (b"AFB", b"ab\nc\n", b"\0\0\x07ab\r\nc\r\n\x40\0\0"),
        (b"AFC", b"a    b", b"\x01a\xc4\0\x40\x01b"),
        (b"ARS", b"ab\nc\xff\n", b"ab\xff\x01c\xff\xff\xff\x01\xff\x02"),
        (b"ARB", b"ab\n\nc", b"\x80\0\x02ab\x80\0\0\0\0\x01c\x80\0\0\x40\0\0"),
        (b"ARC", b"ab\n\nc", b"\0\x80\x02ab\0\x80\0\xc0\x01c"),
        (b"EFS", b"ab\n", b"\x81\x82\x15"),
        (b"EFC", b"    \n", b"\xc4\0\x40\x01\x15"),
        (b"ERS", b"ab\n\n", b"\x81\x82\xff\x01\xff\x01\xff\x02"),
        (b"IRS", b"a\xff", b"a\xff\xff\xff\x01\xff\x02"),
        (b"IRB", b"a\xff", b"\0\0\x02a\xff\x80\0\0\x40\0\0"),
        (b"IRB", b"", b"\x40\0\0"),
        (b"IPS", b"ab", b"\x04\0\x02\x01ab\x04\0\0\0"),
        (b"IPB", b"", b"\0\0\x04\x04\0\0\0\x40\0\0"),
        (b"LFS", b"abcdef", b"abcdef\0\0\0"),
        (b"LRC", b"abcdef", b"\x06abcdef\0\xc0\xc3"),
    ];
    for (letters, file, wire) in cases {
        let form = form(letters);
        let got = sent(form, &latin(), file, 99, 99);
        let label = String::from_utf8_lossy(*letters);
        assert_eq!(&got, wire, "{label}: {}", got.escape_ascii());
        assert_eq!(received(form, &latin(), wire, 9, 99).octets, kept(form, file), "{label}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let mut form = form(b"LPS");
    for bits in 0..=255 {
        form.type_code = TypeCode::Local(bits);
        assert_eq!(form.is_possible(), bits >= 4);
        assert_eq!(Sender::new(form, &Options::default()).is_some(), bits >= 4);
        assert_eq!(Receiver::new(form, &Options::default()).is_some(), bits >= 4);
    }
    form.structure = Structure::File;
    assert!((1..=255).all(|n| Form { type_code: TypeCode::Local(n), ..form }.is_possible()));
    assert!(!Form { type_code: TypeCode::Local(0), ..form }.is_possible());
    assert!(Form { type_code: TypeCode::Image, ..form }.is_identity());
    assert!(!Form::default().is_identity() && Form::default().is_possible());
}

#[test]
fn every_letter_has_its_meaning_and_no_other() {
    let letters = |read: fn(u8) -> bool| (0..=255).filter(|l| read(*l)).collect::<Vec<u8>>();
    assert_eq!(letters(|l| Structure::from_letter(l).is_some_and(|s| s.letter() == l)), b"FPR");
    assert_eq!(letters(|l| Structure::from_letter(l).is_some()), b"FPR");
    let modes = if cfg!(feature = "deflate") { &b"BCSZ"[..] } else { b"BCS" };
    assert_eq!(letters(|l| Mode::from_letter(l).is_some_and(|m| m.letter() == l)), modes);
    assert_eq!(letters(|l| Mode::from_letter(l).is_some()), modes);
}

#[test]
fn pages_start_at_the_beginning() {
    let start = RestartPoint { offset: 248, after_cr: false };
    let options = Options { start, ..latin() };
    for (letters, fits) in [(b"IPB", false), (b"IRB", true), (b"AFS", true)] {
        assert_eq!(Sender::new(form(letters), &options).is_some(), fits);
        assert_eq!(Receiver::new(form(letters), &options).is_some(), fits);
    }
}

#[test]
fn all_three_formats_are_the_same_octets() {
    let file = b"1page\n+bold\x08\x0b\x0c\r\n0 \n";
    for format in [Format::NonPrint, Format::Telnet, Format::CarriageControl] {
        let form = Form { format, ..form(b"ARS") };
        let wire = sent(form, &latin(), file, 9, 99);
        assert_eq!(wire, sent(Form::default().with_records(), &latin(), file, 9, 99));
        assert_eq!(received(form, &latin(), &wire, 9, 99).octets, file);
    }
}

impl Form {
    fn with_records(self) -> Self {
        Self { structure: Structure::Record, ..self }
    }
}

#[test]
fn records_are_told_and_an_unfinished_one_is_kept_as_it_came() {
    let got = received(form(b"ARS"), &latin(), b"a\xff\x01b\xff\x02", 1, 16);
    let marks = vec![(2, Mark::EndOfRecord), (3, Mark::EndOfFile)];
    assert_eq!(got, Run { octets: b"a\nb".to_vec(), marks, end: Ok(()) });
    let got = received(form(b"IRC"), &latin(), b"\0\xc0\x82\xff", 1, 16);
    assert_eq!(got.octets, b"\xff\xff\xff\xff\xff\x01\xff\x02");
    let plain = Options { record_store: RecordStore::Plain, ..latin() };
    let got = received(form(b"IRB"), &plain, b"\x80\0\x01a\xc0\0\x01\xff", 1, 16);
    assert_eq!(got.octets, b"a\xff");
    // In structure file the ends of records mean nothing.
    let got = received(form(b"IFB"), &plain, b"\x80\0\x01a\xc0\0\x01b", 1, 16);
    assert_eq!((&got.octets[..], got.marks.len()), (&b"ab"[..], 1));
}

#[test]
fn structure_and_mode_must_end_together() {
    let cases: &[(&[u8; 3], &[u8], FormatError)] = &[
        (b"ARS", b"a\xff\x02b", FormatError::TrailingData),
        (b"IPB", b"\0\0\x04\x04\0\0\0", FormatError::Truncated),
        (b"IPB", b"\x40\0\x02\x04\0", FormatError::Truncated),
        (b"IPB", b"\x40\0\x05\x04\0\0\0x", FormatError::TrailingData),
        (b"IPC", b"\0\x40\x05\x04\0\0\0x", FormatError::TrailingData),
        (b"IPC", b"\0\x40\x04\x04\0\0\0x", FormatError::TrailingData),
        (b"APS", b"\x04\x01\0\x01\x04\0\0\0", FormatError::BadPageHeader),
        (b"IPS", b"\x04\x01\0\x09", FormatError::UnknownPageType(9)),
    ];
    for (letters, wire, error) in cases {
        for size in [1, 2, 99] {
            let got = received(form(letters), &latin(), wire, size, 16);
            assert_eq!(got.end, Err(*error), "{}", wire.escape_ascii());
        }
    }
}

#[test]
fn in_block_mode_the_next_file_follows_on_the_same_connection() {
    for letters in [b"AFB", b"ERB", b"IPB", b"IRB"] {
        let files: [&[u8]; 3] = [b"one\n", b"", b"three\n"];
        let form = form(letters);
        let wires = files.map(|file| sent(form, &latin(), file, 99, 99));
        let wire = wires.concat();
        let mut input = &wire[..];
        for file in files {
            let mut receiver = Receiver::new(form, &latin()).unwrap();
            let mut out = Vec::new();
            loop {
                match receiver.step(&mut input, &mut out, 99) {
                    Ok(Progress::Mark(Mark::EndOfFile)) => break,
                    Ok(Progress::Hungry) | Err(_) => panic!("no end"),
                    Ok(_) => {}
                }
            }
            assert_eq!(out, kept(form, file));
        }
        assert!(input.is_empty());
    }
}

#[cfg(feature = "deflate")]
#[test]
fn a_stream_that_expands_too_far_is_stopped_in_any_structure() {
    let limits = Limits { output_max: 1000, ratio_max: 9999, ratio_free: 0 };
    let strict = Options { limits, ..latin() };
    for structure in STRUCTURES {
        let form = Form { structure, mode: Mode::Deflate, ..form(b"AFS") };
        let wire = sent(form, &latin(), &[b'x'; 5000], 99, 999);
        let got = received(form, &strict, &wire, 99, 999);
        assert_eq!(got.end, Err(FormatError::BombSuspected));
        assert!(received(form, &latin(), &wire, 99, 999).end.is_ok());
    }
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![
        Just(b'\r'),
        Just(b'\n'),
        Just(b' '),
        Just(0),
        Just(0x01),
        Just(0xff),
        any::<u8>()
    ];
    let run = (octet, prop_oneof![8 => 1usize..3, 1 => 1usize..300]);
    let runs = proptest::collection::vec(run, 0..60);
    runs.prop_map(|runs| runs.into_iter().flat_map(|(b, n)| vec![b; n]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_file_comes_back_from_every_representation(
        file in content(),
        size in 1usize..300,
        room in 16usize..300,
    ) {
        for form in all_for(&file) {
            let wire = sent(form, &latin(), &file, size, room);
            let got = received(form, &latin(), &wire, size, room);
            prop_assert_eq!(&got.end, &Ok(()), "{:?}", form);
            prop_assert_eq!(&got.octets, &kept(form, &file), "{:?}", form);
            // What was stored as records is sent as these, and what was completed stays complete.
            let stored_records = form.structure == Structure::Record && !form.is_text();
            let again = Options { stored_records, ..latin() };
            let wire = sent(form, &again, &got.octets, 300, 999);
            let second = received(form, &latin(), &wire, 300, 999);
            let again = if stored_records { got.octets.clone() } else { kept(form, &got.octets) };
            prop_assert_eq!(second.octets, again, "{:?}", form);
        }
    }

    #[test]
    fn utf_8_text_of_latin_1_characters_comes_back_from_ebcdic(
        text in "[ -~¡-ÿ\n]{0,80}",
        size in 1usize..9,
    ) {
        for mut form in all().into_iter().filter(|form| form.type_code == TypeCode::Ebcdic) {
            form.format = Format::CarriageControl;
            for code_page in [CodePage::Cp1047, CodePage::Cp037] {
                let options = Options { code_page, ..Options::default() };
                let wire = sent(form, &options, text.as_bytes(), size, 99);
                let got = received(form, &options, &wire, size, 99).octets;
                prop_assert_eq!(got, kept(form, text.as_bytes()));
            }
        }
    }

    #[test]
    fn a_cut_anywhere_is_noticed(file in content(), size in 1usize..300) {
        for form in all_for(&file) {
            let wire = sent(form, &latin(), &file, 999, 999);
            let ends_with_close = form.mode == Mode::Stream && form.structure == Structure::File;
            let cuts = (0..wire.len()).step_by(wire.len() / 20 + 1);
            for cut in cuts.chain(wire.len().checked_sub(1)) {
                let got = received(form, &latin(), &wire[..cut], size, 999).end;
                // Right behind the escape that announces the end of the file, MODE C may end.
                let bare = form.mode == Mode::Compressed
                    && matches!(wire[..cut], [.., 0, 0x40 | 0xc0]);
                let noticed = got == Err(FormatError::Truncated);
                prop_assert!(noticed || ends_with_close || bare && got.is_ok(), "{:?}", form);
            }
        }
    }

    #[test]
    fn garbage_is_the_same_in_any_chunks(
        garbage in content(),
        at in any::<prop::sample::Index>(),
        size in 1usize..9,
        room in 16usize..40,
    ) {
        for form in all() {
            let mut wire = sent(form, &latin(), b"some\ntext\n", 999, 999);
            let at = at.index(wire.len() + 1);
            wire.splice(at..at, garbage.iter().copied());
            let whole = received(form, &latin(), &wire, 9999, 9999);
            let parts = received(form, &latin(), &wire, size, room);
            #[cfg(feature = "deflate")]
            if form.mode == Mode::Deflate {
                // How much is given before an error is up to the library.
                prop_assert_eq!(parts.end.is_ok(), whole.end.is_ok());
                continue;
            }
            prop_assert_eq!(parts, whole, "{:?}", form);
        }
    }

    #[test]
    fn a_transfer_goes_on_from_any_marker(
        file in content(),
        size in 1usize..60,
        every in 1usize..5,
        chosen in any::<prop::sample::Index>(),
    ) {
        let marked = |form: &Form| matches!(form.mode, Mode::Block | Mode::Compressed);
        let forms = all().into_iter().filter(marked);
        for form in forms.filter(|form| form.structure != Structure::Page) {
            let mut sender = Sender::new(form, &latin()).unwrap();
            let (mut wire, mut markers) = (Vec::new(), 0usize);
            for (i, mut chunk) in file.chunks(size).enumerate() {
                let progress = sender.step(&mut chunk, &mut wire, usize::MAX);
                prop_assert_eq!(progress, Ok(Progress::Hungry));
                if i % every == 0 {
                    prop_assert!(sender.mark_restart(&mut wire));
                    markers += 1;
                }
            }
            if markers == 0 {
                continue;
            }
            // The connection breaks somewhere behind the chosen marker.
            let mut receiver = Receiver::new(form, &latin()).unwrap();
            let (mut input, mut got, mut left) = (&wire[..], Vec::new(), chosen.index(markers) + 1);
            let theirs = loop {
                match receiver.step(&mut input, &mut got, 99) {
                    Ok(Progress::Mark(Mark::Restart(marker))) => {
                        left -= 1;
                        if left == 0 {
                            break RestartPoint::parse(marker.text()).unwrap();
                        }
                    }
                    Ok(Progress::Hungry) | Err(_) => panic!("no marker"),
                    Ok(_) => {}
                }
            };
            let ours = receiver.restart_point();
            prop_assert_eq!(usize::try_from(ours.offset), Ok(got.len()));
            let rest = &file[usize::try_from(theirs.offset).unwrap()..];
            let wire = sent(form, &Options { start: theirs, ..latin() }, rest, 99, 99);
            let last = received(form, &Options { start: ours, ..latin() }, &wire, 99, 99);
            prop_assert_eq!(last.end, Ok(()));
            got.extend(last.octets);
            let want = kept(form, &file);
            // A restart behind the last octet no longer knows that its record is open, nor whether
            // the last bits are padding.
            let odd = form.structure == Structure::Record || form.odd_bits().is_some();
            let at_end = rest.is_empty() && odd;
            prop_assert!(got == want || at_end, "{:?} {:?} {:?}", form, got, want);
        }
    }
}

#[test]
fn memory_is_bounded_whatever_comes() {
    fn crosses_threads<T: Send + 'static>(_: &T) {}
    let len = 1usize << 17;
    let contents: [(&str, Vec<u8>); 5] = [
        ("lines", vec![b'\n'; len]),
        ("escapes", vec![0xff; len]),
        ("records", [b'\n', b'a', b'\n'].repeat(len / 3)),
        ("runs", vec![b' '; len]),
        ("stored", [&[0xff, 1].repeat(len / 2)[..], &[0xff, 2]].concat()),
    ];
    for (name, file) in &contents {
        for form in all_for(file) {
            let stored_records = form.structure == Structure::Record && *name == "stored";
            let options = Options { stored_records, ..latin() };
            let mut sender = Sender::new(form, &options).unwrap();
            crosses_threads(&sender);
            let wire = run(&mut sender, file, len, 1 << 16).octets;
            assert!(sender.held() <= 256 << 10, "{name} {form:?}: {}", sender.held());
            let mut receiver = Receiver::new(form, &options).unwrap();
            crosses_threads(&receiver);
            let got = run(&mut receiver, &wire, wire.len().max(1), 1 << 16);
            assert_eq!(got.octets.len(), kept_len(form, file, stored_records), "{name} {form:?}");
            assert!(receiver.held() <= 64 << 10, "{name} {form:?}: {}", receiver.held());
        }
    }
}

fn kept_len(form: Form, file: &[u8], stored_records: bool) -> usize {
    if stored_records && !form.is_text() { file.len() } else { kept(form, file).len() }
}

#[test]
fn markers_stand_only_where_a_restart_can_begin() {
    let mut out = Vec::new();
    for letters in [b"IFS", b"IPB", b"IPC"] {
        let mut sender = Sender::new(form(letters), &latin()).unwrap();
        assert!(!sender.mark_restart(&mut out));
    }
    let utf8 = Options::default();
    let mut sender = Sender::new(form(b"EFB"), &utf8).unwrap();
    for (octets, fits) in [(&b"a\xc3"[..], false), (b"\xa9", true)] {
        let mut input = octets;
        assert_eq!(sender.step(&mut input, &mut out, 99), Ok(Progress::Hungry));
        assert_eq!(sender.mark_restart(&mut out), fits);
    }
    let stored = Options { stored_records: true, ..latin() };
    let mut sender = Sender::new(form(b"IRC"), &stored).unwrap();
    for (octets, fits) in [(&b"a\xff"[..], false), (b"\x01", true)] {
        let mut input = octets;
        assert_eq!(sender.step(&mut input, &mut out, 99), Ok(Progress::Hungry));
        assert_eq!(sender.mark_restart(&mut out), fits);
    }
    let mut sender = Sender::new(form(b"IFB"), &latin()).unwrap();
    let mut input = &[0; 99][..];
    assert_eq!(sender.step(&mut input, &mut out, 9), Ok(Progress::Full));
    assert!(!sender.mark_restart(&mut out), "in front of octets that wait");
}

#[test]
fn a_file_that_is_not_the_records_it_was_said_to_be_is_an_error() {
    let stored = Options { stored_records: true, ..latin() };
    for (file, error) in [
        (&b"a\xff\x01"[..], FormatError::Truncated),
        (b"\xff\x07", FormatError::BadEscape(7)),
        (b"\xff\x02x", FormatError::TrailingData),
    ] {
        let got = run(&mut Sender::new(form(b"IRB"), &stored).unwrap(), file, 1, 99);
        assert_eq!(got.end, Err(error));
    }
}
