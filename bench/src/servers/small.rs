//! Small files: one data connection for each, and, where the server can, one for all (MODE B).

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read, Write};

use interop::servers::Kind;

use super::cell::{Cell, Quantity, Stage, Values, Who, word};
use super::data::{get, put};
use super::dialog::{Control, Stream};
use super::many::{Took, at_once, sessions};
use super::place::{SMALL, small_name};
use super::process::float;

const CPU: Quantity = Quantity::less("CPU per file", "µs");
const RATE: Quantity = Quantity::more("rate", "files/s");
const RESUMED: Quantity = Quantity::more("resumed", "%");

/// Files that are asked for ahead in MODE B.
const AHEAD: usize = 32;
/// Tickets that a control connection gets where data connections must resume it.
const FERRYD_TICKETS: usize = 8;
const PROFTPD_TICKETS: usize = 2;
/// Sessions that take turns.
const TURNS_MAX: usize = 100;
/// The bit of a block's descriptor that says end of file (RFC 959 §3.4.2).
const END_OF_FILE: u8 = 64;

pub(super) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for tls in [false, true] {
        for up in [false, true] {
            let direction = if up { "put" } else { "get" };
            for count in [1, 8] {
                let name = format!("small {direction} {} {count}", word(tls));
                cells.push(Cell::new(name, Who::Servers, tls, move |stage| {
                    one_by_one(stage, up, tls, count)
                }));
            }
            let name = format!("small {direction} {} 1 pipelined", word(tls));
            cells.push(Cell::new(name, Who::Ferryd, tls, move |stage| blocks(stage, up, tls)));
        }
    }
    cells
}

fn one_by_one(stage: &Stage<'_>, up: bool, tls: bool, count: usize) -> io::Result<Values> {
    let (server, place) = (stage.server()?, stage.place);
    let mut files = (place.sizes.small / count / if tls { 2 } else { 1 }).max(1);
    // Some give no ticket with an upload, and tickets are used once each: sessions take turns.
    let tickets = match stage.kind {
        Some(Kind::Ferryd) if up && tls => FERRYD_TICKETS,
        Some(Kind::Proftpd) if up && tls => PROFTPD_TICKETS,
        _ => files,
    };
    let turns = files.div_ceil(tickets).min((TURNS_MAX / count).max(1));
    files = files.min(turns * tickets);
    let mut all = Vec::new();
    for _ in 0..count {
        let mut own = VecDeque::new();
        for _ in 0..turns {
            own.push_back(Control::ready(server, server.security(tls)?.as_ref())?);
        }
        all.push(own);
    }
    let took = at_once(server, &mut all, |own, session| {
        for number in 0..files {
            if own.len() > 1 && own.front().is_some_and(|control| !control.can_secure()) {
                own.rotate_left(1);
            }
            let control = own.front_mut().ok_or_else(|| io::Error::other("no session"))?;
            if up {
                put(control, &uploaded(session, number), &place.part, SMALL)?;
            } else {
                get(control, &format!("small/{}", small_name(number)), SMALL)?;
            }
        }
        Ok(())
    })?;
    let full: u32 = all.iter().flatten().map(|control| control.full).sum();
    let mut values = values(stage, up, took, files * count)?;
    if tls {
        let all = float(u64::try_from(files * count).unwrap_or(1));
        values.push((&RESUMED, (1.0 - f64::from(full) / all) * 100.0));
    }
    Ok(values)
}

fn blocks(stage: &Stage<'_>, up: bool, tls: bool) -> io::Result<Values> {
    let (server, place) = (stage.server()?, stage.place);
    // Much faster than one by one, and to be seen on a clock that ticks a hundred times a second.
    let files = (place.sizes.small * 10 / AHEAD).max(1) * AHEAD;
    let took = sessions(server, 1, tls, |control, session| {
        control.command("MODE B")?;
        let mut data = Some(control.data()?);
        let mut stream = None;
        let mut file = vec![END_OF_FILE];
        file.extend(u16::try_from(SMALL).map_err(io::Error::other)?.to_be_bytes());
        file.extend(place.part.iter().take(usize::try_from(SMALL).unwrap_or(0)));
        let file = file.repeat(AHEAD);
        for window in 0..files / AHEAD {
            let names = (window * AHEAD..(window + 1) * AHEAD).map(|number| {
                if up {
                    format!("STOR {}\r\n", uploaded(session, number))
                } else {
                    format!("RETR small/{}\r\n", small_name(number))
                }
            });
            control.send(&names.collect::<String>())?;
            if let Some(data) = data.take() {
                control.begun("the first file")?;
                stream = Some(control.secure(data)?);
            }
            let stream = stream.as_mut().ok_or_else(|| io::Error::other("no connection"))?;
            if up {
                send(stream, &file)?;
            } else {
                receive(stream)?;
            }
            for _ in 0..AHEAD {
                control.done("a file in MODE B")?;
            }
        }
        Ok(())
    })?;
    values(stage, up, took, files)
}

fn send(stream: &mut Stream, octets: &[u8]) -> io::Result<()> {
    match stream {
        Stream::Plain(stream) => stream.write_all(octets),
        Stream::Tls(stream) => {
            stream.write_all(octets)?;
            stream.flush()
        }
    }
}

/// Reads the blocks of as many files as were asked for.
fn receive(stream: &mut Stream) -> io::Result<()> {
    let from: &mut dyn Read = match stream {
        Stream::Plain(stream) => stream,
        Stream::Tls(stream) => stream.as_mut(),
    };
    let mut from = io::BufReader::with_capacity(128 * 1024, from);
    let mut block = Vec::new();
    let (mut ended, mut octets) = (0, 0);
    while ended < AHEAD {
        let mut head = [0; 3];
        from.read_exact(&mut head)?;
        let [descriptor, high, low] = head;
        block.resize(usize::from(u16::from_be_bytes([high, low])), 0);
        from.read_exact(&mut block)?;
        octets += block.len();
        ended += usize::from(descriptor & END_OF_FILE != 0);
    }
    // Nothing is asked for before this window's replies, so nothing more can be in the reader.
    if octets == AHEAD * usize::try_from(SMALL).unwrap_or(0) {
        return Ok(());
    }
    Err(io::Error::other(format!("{octets} octets came in {AHEAD} files")))
}

fn uploaded(session: usize, number: usize) -> String {
    format!("up/{session}-{number:05}.dat")
}

fn values(stage: &Stage<'_>, up: bool, took: Took, files: usize) -> io::Result<Values> {
    if up {
        let folder = stage.server()?.root.join("up");
        let mut there = 0;
        for entry in fs::read_dir(folder)? {
            fs::remove_file(entry?.path())?;
            there += 1;
        }
        if there != files {
            return Err(io::Error::other(format!("{there} of {files} files are there")));
        }
    }
    let files = float(u64::try_from(files).unwrap_or(1));
    Ok(vec![(&CPU, took.cpu / files * 1e6), (&RATE, files / took.time.as_secs_f64())])
}
