//! `--trace`: the conversation with the server on standard error, as FileZilla shows it: Status,
//! Command, Response, each with its session, and how long a reply took.

use std::time::Duration;

use ferry_client::settings::{Watcher, WireEvent};
use ferry_proto::path::ForPeople;

use crate::say;

/// Writes every event.
#[derive(Debug)]
pub(crate) struct Trace;

impl Watcher for Trace {
    fn on(&self, session: u64, event: &WireEvent<'_>) {
        say::err(&line(session, event));
    }
}

fn line(session: u64, event: &WireEvent<'_>) -> String {
    let head = |word: &str| format!("[{session}] {word:<10}");
    match event {
        WireEvent::Status(text) => {
            format!("{}{}", head("Status:"), ForPeople(text.as_bytes()))
        }
        WireEvent::Command(line) => format!("{}{}", head("Command:"), ForPeople(line)),
        WireEvent::Response(line, after) => {
            format!("{}{}  ({})", head("Response:"), ForPeople(line), took(*after))
        }
        WireEvent::Data { peer, resumed } => {
            let tls = match resumed {
                None => "",
                Some(true) => ", TLS resumed",
                Some(false) => ", TLS not resumed",
            };
            format!("{}data connection with {peer}{tls}", head("Status:"))
        }
        _ => format!("{}something else happened", head("Status:")),
    }
}

/// A time that a reply took.
fn took(time: Duration) -> String {
    match time.as_millis() {
        0 => format!("{} µs", time.as_micros()),
        millis @ 1..10_000 => format!("{millis} ms"),
        _ => format!("{} s", time.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_reads_as_people_know_it() {
        let cases = [
            (WireEvent::Status("connecting"), "[1] Status:   connecting"),
            (WireEvent::Command(b"PASS ****"), "[1] Command:  PASS ****"),
            (
                WireEvent::Response(b"230 in\x1b[2J", Duration::from_millis(12)),
                "[1] Response: 230 in?[2J  (12 ms)",
            ),
            (
                WireEvent::Data { peer: ([127, 0, 0, 1], 99).into(), resumed: Some(true) },
                "[1] Status:   data connection with 127.0.0.1:99, TLS resumed",
            ),
        ];
        for (event, want) in cases {
            assert_eq!(line(1, &event), want);
        }
    }

    #[test]
    fn times_are_told_in_units_of_their_size() {
        let cases = [(5, "5 µs"), (12_000, "12 ms"), (12_000_000, "12 s")];
        for (micros, want) in cases {
            assert_eq!(took(Duration::from_micros(micros)), want);
        }
    }
}
