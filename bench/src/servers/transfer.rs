//! Large files: what a server needs of the processor for a GiB.

use std::fs;

use super::cell::{Cell, Floor, Quantity, Stage, Values, Who, word};
use super::data::{get, put};
use super::many::sessions;
use super::process::float;
use super::{floor, openssl};
use crate::memory;

/// By which servers and floors are compared.
pub(super) const CPU: Quantity = Quantity::less("CPU per GiB", "s");
pub(super) const RATE: Quantity = Quantity::more("rate", "MB/s");

/// Uploads that every server lets resume the session.
const TICKETS: u64 = 2;

pub(super) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for tls in [false, true] {
        for up in [false, true] {
            for count in [1, 4] {
                let name = format!("{} {} {count}", if up { "stor" } else { "retr" }, word(tls));
                let floors: &[Floor] = match (up, tls) {
                    (false, false) => &[floor::SENDFILE],
                    (true, false) => &[floor::SPLICE, floor::READ_WRITE],
                    (false, true) => &[openssl::RETR, floor::SEAL, floor::WRITE],
                    (true, true) => &[openssl::STOR, floor::OPEN, floor::READ_WRITE],
                };
                let cell =
                    Cell::new(name, Who::Servers, tls, move |stage| moved(stage, up, tls, count));
                cells.push(cell.over(floors));
            }
        }
    }
    cells
}

fn moved(stage: &Stage<'_>, up: bool, tls: bool, count: usize) -> std::io::Result<Values> {
    let (server, place) = (stage.server()?, stage.place);
    // Four sessions move as much as one does.
    let size = place.sizes.large;
    let mut rounds = (place.sizes.rounds / u64::try_from(count).unwrap_or(1)).max(1);
    if up && tls {
        rounds = rounds.min(TICKETS);
    }
    if up {
        memory::hold(place.base(), size * u64::try_from(count).unwrap_or(1))?;
    }
    let took = sessions(server, count, tls, |control, number| {
        for round in 0..rounds {
            if up {
                // Removed by us: that is no work of the server's.
                let name = format!("up/large-{number}");
                put(control, &name, &place.part, size)?;
                if round + 1 < rounds {
                    fs::remove_file(server.root.join(&name))?;
                }
            } else {
                get(control, "large", size)?;
            }
        }
        Ok(())
    })?;
    if up {
        for number in 0..count {
            fs::remove_file(server.root.join(format!("up/large-{number}")))?;
        }
    }
    let octets = float(size * rounds * u64::try_from(count).unwrap_or(1));
    Ok(vec![
        (&CPU, took.cpu / (octets / float(1 << 30))),
        (&RATE, octets / took.time.as_secs_f64() / 1e6),
    ])
}
