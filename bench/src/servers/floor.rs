//! Floors: what the kernel and the cipher need for the same work without any server around it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustix::fs::sendfile;
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, pipe, splice};
use rustix::time::{ClockId, clock_gettime};

use super::cell::{Floor, Stage, Values};
use super::data::{PART, WAKE_AT, discard, repeat};
use super::place::Place;
use super::process::float;
use super::transfer::{CPU, RATE};
use crate::sys::wake_at;
use crate::{clock, memory};

/// What one system call is asked to send of a file.
const SENT_MAX: usize = 16 << 20;
/// What is in a full record of TLS.
const RECORD: usize = 16 * 1024;

pub(super) const SENDFILE: Floor = Floor::Other("bare sendfile", |stage| outward(stage, send_file));
pub(super) const WRITE: Floor = Floor::Other("bare write", |stage| outward(stage, send_parts));
pub(super) const SPLICE: Floor = Floor::Other("bare splice", |stage| inward(stage, splice_all));
pub(super) const READ_WRITE: Floor =
    Floor::Other("bare read and write", |stage| inward(stage, read_and_write));
pub(super) const SEAL: Floor = Floor::Other("bare seal", |stage| cipher(stage, false));
pub(super) const OPEN: Floor = Floor::Other("bare open", |stage| cipher(stage, true));

/// This thread's processor time, in seconds.
fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

pub(super) fn values(cpu: f64, seconds: f64, octets: u64) -> Values {
    let octets = float(octets);
    vec![(&CPU, cpu / (octets / float(1 << 30))), (&RATE, octets / seconds / 1e6)]
}

/// The large file from a server's end that does nothing but `send`.
fn outward(
    stage: &Stage<'_>,
    send: fn(&Place, &TcpStream) -> io::Result<()>,
) -> io::Result<Values> {
    let place = stage.place;
    let (mut cpu, mut seconds, mut octets) = (0.0, 0.0, 0);
    for _ in 0..place.sizes.rounds {
        let (client, server) = pair()?;
        let began = clock::now();
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let before = thread_cpu();
                send(place, &server)?;
                server.shutdown(Shutdown::Write)?;
                io::Result::Ok(thread_cpu() - before)
            });
            wake_at(&client, WAKE_AT)?;
            octets += discard(&client)?;
            cpu += sending.join().map_err(|_| io::Error::other("a thread broke"))??;
            io::Result::Ok(())
        })?;
        seconds += began.elapsed().as_secs_f64();
    }
    Ok(values(cpu, seconds, octets))
}

fn send_file(place: &Place, to: &TcpStream) -> io::Result<()> {
    let file = File::open(place.large())?;
    let mut at = 0;
    while sendfile(to, &file, Some(&mut at), SENT_MAX)? > 0 {}
    Ok(())
}

/// From memory, as sealed records go.
fn send_parts(place: &Place, mut to: &TcpStream) -> io::Result<()> {
    repeat(&place.part, place.sizes.large, |octets| to.write_all(octets))
}

/// The large file to a server's end that does nothing but `receive` it into a file.
fn inward(
    stage: &Stage<'_>,
    receive: fn(&TcpStream, &File) -> io::Result<()>,
) -> io::Result<Values> {
    let place = stage.place;
    memory::hold(place.base(), place.sizes.large)?;
    let (mut cpu, mut seconds) = (0.0, 0.0);
    for _ in 0..place.sizes.rounds {
        let (client, server) = pair()?;
        let file = tempfile::tempfile_in(place.base())?;
        let began = clock::now();
        thread::scope(|scope| {
            let receiving = scope.spawn(|| {
                let before = thread_cpu();
                receive(&server, &file)?;
                io::Result::Ok(thread_cpu() - before)
            });
            send_parts(place, &client)?;
            client.shutdown(Shutdown::Write)?;
            cpu += receiving.join().map_err(|_| io::Error::other("a thread broke"))??;
            io::Result::Ok(())
        })?;
        seconds += began.elapsed().as_secs_f64();
        if file.metadata()?.len() != place.sizes.large {
            return Err(io::Error::other("less came than was sent"));
        }
    }
    Ok(values(cpu, seconds, place.sizes.large * place.sizes.rounds))
}

fn splice_all(from: &TcpStream, to: &File) -> io::Result<()> {
    let (out, into) = pipe()?;
    let size = fcntl_setpipe_size(&into, PART * 4)?;
    let flags = SpliceFlags::MOVE | SpliceFlags::MORE;
    loop {
        let mut left = splice(from, None, &into, None, size, flags)?;
        if left == 0 {
            return Ok(());
        }
        while left > 0 {
            left -= splice(&out, None, to, None, left, flags)?;
        }
    }
}

fn read_and_write(mut from: &TcpStream, mut to: &File) -> io::Result<()> {
    let mut room = vec![0; PART];
    loop {
        let count = from.read(&mut room)?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(room.get(..count).unwrap_or_default())?;
    }
}

/// Full records of AES-128-GCM by the library that rustls has it from in `ferryd`.
fn cipher(stage: &Stage<'_>, open: bool) -> io::Result<Values> {
    let broken = |_| io::Error::other("the cipher refuses");
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(broken)?);
    let nonce = || Nonce::assume_unique_for_key([1; 12]);
    let octets = stage.place.sizes.large;
    let records = octets / u64::try_from(RECORD).unwrap_or(1);
    let mut record = stage.place.part.get(..RECORD).unwrap_or_default().to_vec();
    key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut record).map_err(broken)?;
    let sealed = record.clone();
    let (before, began) = (thread_cpu(), clock::now());
    for _ in 0..records {
        if open {
            // Opening destroys what is sealed; the copy is a few per cent of it.
            record.copy_from_slice(&sealed);
            key.open_in_place(nonce(), Aad::empty(), &mut record).map_err(broken)?;
        } else {
            let text = record.get_mut(..RECORD).unwrap_or_default();
            let tag = key.seal_in_place_separate_tag(nonce(), Aad::empty(), text);
            drop(std::hint::black_box(tag.map_err(broken)?));
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(values(thread_cpu() - before, seconds, octets))
}
