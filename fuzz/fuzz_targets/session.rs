//! Whatever is sent, the session machine gives each line exactly one final reply and stays usable.
#![no_main]

use ferry_fuzz::answer_all;
use ferry_proto::line::{LineEvent, LineReader};
use ferry_proto::server::ServerSession;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut session = ServerSession::new(([192, 0, 2, 9], 4000).into(), 0o022, false);
    let (mut lines, mut rest, mut ends) = (LineReader::default(), data, data.iter().rev());
    while let Some(event) = lines.next(&mut rest, 512) {
        let (LineEvent::Line(line), false) = (event, session.is_busy()) else { continue };
        let finals = answer_all(&mut session, &line, || ends.next().copied().unwrap_or(0));
        assert_eq!(finals, usize::from(!line.is_empty()));
    }
});
