//! Listings of a large directory: how long, how soon the first octet, how much memory.

use std::io::{self, Read as _};

use super::cell::{Cell, Quantity, Stage, Values, Who};
use super::data::discard;
use super::dialog::Control;
use super::process::{Peak, cpu_seconds};
use crate::clock;

const TIME: Quantity = Quantity::less("time", "s");
const FIRST: Quantity = Quantity::less("first octet", "ms");
const MEMORY: Quantity = Quantity::less("memory grows by", "MB");
const CPU: Quantity = Quantity::less("CPU", "s");

pub(super) fn cells() -> Vec<Cell> {
    ["LIST", "MLSD"]
        .into_iter()
        .map(|verb| {
            Cell::new(verb.to_lowercase(), Who::Servers, false, move |stage| listed(stage, verb))
        })
        .collect()
}

fn listed(stage: &Stage<'_>, verb: &str) -> io::Result<Values> {
    let (server, entries) = (stage.server()?, stage.place.sizes.entries);
    let mut control = Control::ready(server, None)?;
    control.command("CWD many")?;
    let mut data = control.data()?;
    let peak = Peak::begin(&server.processes);
    let (cpu, began) = (cpu_seconds(&server.processes), clock::now());
    control.send(&format!("{verb}\r\n"))?;
    control.begun(verb)?;
    let mut first = [0];
    let first_came = data.read(&mut first)? == 1;
    let soon = began.elapsed();
    let octets = discard(&data)?;
    drop(data);
    control.done(verb)?;
    let time = began.elapsed();
    let least = u64::try_from(entries * "entry-0000000.dat".len()).map_err(io::Error::other)?;
    if !first_came || octets < least {
        return Err(io::Error::other(format!("{octets} octets are no list of {entries} entries")));
    }
    Ok(vec![
        (&TIME, time.as_secs_f64()),
        (&FIRST, soon.as_secs_f64() * 1e3),
        (&MEMORY, peak.growth() / 1e6),
        (&CPU, cpu_seconds(&server.processes) - cpu),
    ])
}
