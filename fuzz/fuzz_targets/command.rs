//! A command that is understood prints and, through the line reader, is understood as itself.
#![no_main]
use ferry_proto::{command::Command, line::*};

libfuzzer_sys::fuzz_target!(|line: &[u8]| {
    if line.contains(&b'\n') || line.contains(&0) {
        return;
    }
    let Ok(command) = Command::parse(line) else { return };
    let mut out = Vec::new();
    command.write(&mut out);
    let event = LineReader::default().next(&mut &out[..], usize::MAX);
    let Some(LineEvent::Line(text)) = event else { panic!("no line: {event:?}") };
    assert!(Command::parse(&text) == Ok(command) || line.contains(&b'\r'));
});
