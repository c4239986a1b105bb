//! A file received from any representation is received as the same when it is sent again.
#![no_main]
use ferry_fuzz::repr::{drive, form, sent};
use ferry_proto::repr::pipeline::{Options, Receiver, Structure};

libfuzzer_sys::fuzz_target!(|input: (u16, u8, &[u8])| {
    let form = form(input.0);
    // In a text, CR CR LF becomes CR LF, and that LF.
    let file: Vec<u8> = input.2.iter().copied().filter(|octet| *octet != b'\r').collect();
    let mut options = Options::default();
    let Some(wire) = sent(form, &options, &file, input.1) else { return };
    let first = drive(&mut Receiver::new(form, &options).unwrap(), &wire, 99, 99);
    options.stored_records = form.structure == Structure::Record && !form.is_text();
    let wire = sent(form, &options, &first.octets, input.1).unwrap_or_default();
    let second = drive(&mut Receiver::new(form, &options).unwrap(), &wire, 99, 99);
    assert!(first.error.is_none() && (form.is_text() || first == second));
    assert_eq!(first.octets, second.octets);
});
