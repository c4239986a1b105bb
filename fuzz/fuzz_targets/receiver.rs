//! Whatever comes in whatever representation, chunks make no difference, and each end is one.
#![no_main]
use ferry_fuzz::repr::{drive, drive_both, form};
use ferry_proto::repr::pipeline::{Mode, Options, Receiver};

libfuzzer_sys::fuzz_target!(|input: (u16, u8, &[u8])| {
    let (form, options) = (form(input.0), Options::default());
    let Some(_) = Receiver::new(form, &options) else { return };
    let start = || Receiver::new(form, &options).unwrap();
    if form.mode == Mode::Deflate {
        // How much comes out of a stream before an error in it is up to the library.
        drive(&mut start(), input.2, usize::from(input.1) + 1, 99);
    } else {
        drive_both(start, input.2, input.1);
    }
});
