//! Whatever is received in EBCDIC is sent again as it was, from either kind of file.
#![no_main]
use ferry_proto::repr::ebcdic::*;

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let page = if input.0 & 1 == 0 { CodePage::Cp1047 } else { CodePage::Cp037 };
    for charset in [Charset::Utf8, Charset::Latin1] {
        let (mut file, mut wire) = (Vec::new(), Vec::new());
        ToLocal::new(page, charset).push(input.1, &mut file);
        let mut encoder = ToNetwork::new(page, charset);
        file.chunks(usize::from(input.0) + 1).for_each(|chunk| encoder.push(chunk, &mut wire));
        encoder.finish(&mut wire);
        assert_eq!(wire, input.1);
    }
});
