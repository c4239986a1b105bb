//! OpenSSL with large writes: a floor for what a server under TLS needs. The program that drives it
//! is Python, whose own part is a call for every record or buffer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};

use interop::server::make_certificate;

use super::cell::{Floor, Stage, Values};
use super::data::{open_and_discard, repeat};
use super::floor::values;
use super::security::Security;
use crate::{clock, memory};

pub(super) const RETR: Floor = Floor::Other(NAME, |stage| run(stage, false));
pub(super) const STOR: Floor = Floor::Other(NAME, |stage| run(stage, true));

/// What the floor is called.
pub(super) const NAME: &str = "bare OpenSSL";

/// Says its port; then moves the file once for each connection and tells the processor time that
/// took, the handshake left out.
const SCRIPT: &str = r#"
import os, socket, ssl, time
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.load_cert_chain(os.environ["PEM"], os.environ["KEY"])
door = socket.create_server(("127.0.0.1", 0))
print(door.getsockname()[1], flush=True)
room = memoryview(bytearray(256 * 1024))
while True:
    end = context.wrap_socket(door.accept()[0], server_side=True)
    before = time.thread_time()
    if os.environ["UP"] == "true":
        file, more = open(os.environ["FILE"], "wb", buffering=0), True
        while more:
            filled = 0
            while more and filled < len(room):
                count = end.recv_into(room[filled:])
                filled, more = filled + count, count > 0
            file.write(room[:filled])
    else:
        file = open(os.environ["FILE"], "rb", buffering=0)
        while count := file.readinto(room):
            end.sendall(room[:count])
    spent = time.thread_time() - before
    try:
        end.unwrap()
    except OSError:
        pass
    end.close()
    file.close()
    print(spent, flush=True)
"#;

/// The program, which ends with this.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn run(stage: &Stage<'_>, up: bool) -> io::Result<Values> {
    let place = stage.place;
    let (size, rounds) = (place.sizes.large, place.sizes.rounds);
    make_certificate(place.base(), "openssl", &["localhost"])?;
    let (pem, key) = (place.base().join("openssl.pem"), place.base().join("openssl.key"));
    let stored = place.base().join("openssl.stored");
    let file = if up { stored.clone() } else { place.large() };
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT]).env("PEM", &pem).env("KEY", key);
    command.env("FILE", file).env("UP", up.to_string());
    let mut program = Program(command.stdout(Stdio::piped()).spawn()?);
    let silent = || io::Error::other("python3 says nothing");
    let mut said = BufReader::new(program.0.stdout.take().ok_or_else(silent)?).lines();
    let mut number = || -> io::Result<f64> {
        said.next().ok_or_else(silent)??.parse().map_err(io::Error::other)
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a port")]
    let port = number()? as u16;
    let security = Security::trusting(&pem)?;
    if up {
        memory::hold(place.base(), size)?;
    }
    let (mut cpu, began) = (0.0, clock::now());
    for _ in 0..rounds {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        let mut secured = security.anew().secure(stream)?;
        if up {
            repeat(&place.part, size, |octets| secured.write_all(octets))?;
            secured.conn.send_close_notify();
            secured.flush()?;
            secured.sock.shutdown(Shutdown::Write)?;
            drop(secured.read_to_end(&mut Vec::new()));
        } else if open_and_discard(secured, size)? != size {
            return Err(io::Error::other("less came than there is"));
        }
        cpu += number()?;
    }
    let seconds = began.elapsed().as_secs_f64();
    if up {
        let whole = std::fs::metadata(&stored)?.len() == size;
        std::fs::remove_file(&stored)?;
        if !whole {
            return Err(io::Error::other("less came than was sent"));
        }
    }
    Ok(values(cpu, seconds, size * rounds))
}
