//! Idle sessions held by a process of their own: the limit on open files holds for both ends.
//!
//! The process is told what to do line by line on its standard input and answers each line with
//! one on its standard output: `more N`, `ask N`, `check`; the end of the input is its end.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::clock;
use crate::servers::dialog::Control;
use crate::servers::process::available;
use crate::servers::security::Security;
use crate::servers::server::Server;

/// Threads that log in at a time.
const AT_ONCE: usize = 4;

/// Under TLS one session of so many can still be asked something: the client's end of the others
/// is given up, so that the machine's memory goes to the server's.
const ASKED: usize = 20;

/// What must stay free, in octets.
const MEMORY_MIN: f64 = 1e9;

/// What the process that holds is told at its start.
#[derive(Debug, clap::Args)]
pub(crate) struct HoldArguments {
    /// The server
    #[arg(long)]
    at: SocketAddr,
    /// Its certificate, for sessions under TLS
    #[arg(long)]
    certificate: Option<PathBuf>,
}

/// Sessions that are open.
#[derive(Debug, Default)]
struct Held {
    /// In the clear, or with no TLS left at this end.
    bare: Vec<TcpStream>,
    secured: Vec<Control>,
    tls: bool,
}

impl Held {
    fn len(&self) -> usize {
        self.bare.len() + self.secured.len()
    }

    /// Logs in until there are so many more, or no more can be had; why not.
    fn more(&mut self, server: &Server, count: usize) -> Option<String> {
        let tls = self.tls;
        let mut why = None;
        thread::scope(|scope| {
            let share = |i: usize| count / AT_ONCE + usize::from(i < count % AT_ONCE);
            let threads: Vec<_> =
                (0..AT_ONCE).map(|i| scope.spawn(move || log_in(server, tls, share(i)))).collect();
            for thread in threads {
                let broken = || (Self::default(), Some("a thread of ours broke".to_owned()));
                let (held, failed) = thread.join().unwrap_or_else(|_| broken());
                self.bare.extend(held.bare);
                self.secured.extend(held.secured);
                why = why.take().or(failed);
            }
        });
        why
    }

    /// NOOP on one of those that can be asked.
    fn ask(&mut self, number: usize) -> io::Result<()> {
        if self.tls {
            let index = number % self.secured.len().max(1);
            let control = self.secured.get_mut(index).ok_or(io::ErrorKind::NotFound)?;
            return control.command("NOOP").map(drop);
        }
        let index = number % self.bare.len().max(1);
        noop(self.bare.get(index).ok_or(io::ErrorKind::NotFound)?)
    }

    /// How many can be asked.
    fn asked(&self) -> usize {
        if self.tls { self.secured.len() } else { self.bare.len() }
    }
}

fn log_in(server: &Server, tls: bool, count: usize) -> (Held, Option<String>) {
    let mut held = Held { tls, ..Held::default() };
    let security = match server.security(tls) {
        Ok(security) => security,
        Err(e) => return (held, Some(e.to_string())),
    };
    while held.len() < count {
        if held.len().is_multiple_of(100) && available() < MEMORY_MIN {
            return (held, Some("memory is nearly gone".to_owned()));
        }
        let security = security.as_ref().map(Security::anew);
        match Control::log_in(server, security.as_ref()) {
            Ok(mut control) if tls && held.len().is_multiple_of(ASKED) => {
                control.rest();
                held.secured.push(control);
            }
            Ok(control) => held.bare.push(control.into_tcp()),
            Err(e) => return (held, Some(e.to_string())),
        }
    }
    (held, None)
}

fn noop(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"NOOP\r\n")?;
    let mut reply = [0; 128];
    let n = stream.read(&mut reply)?;
    match reply.get(..n) {
        Some(line) if line.starts_with(b"200") => Ok(()),
        _ => Err(io::Error::other("NOOP is not answered with 200")),
    }
}

/// Runs as the process that holds.
///
/// # Errors
/// Nobody listens to it any more.
pub(crate) fn hold(arguments: HoldArguments) -> io::Result<()> {
    let server = Server::known(arguments.at, arguments.certificate);
    let mut held = Held { tls: server.has_tls(), ..Held::default() };
    // Spread over all of them, and the same every time.
    let mut number = 1_usize;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (word, count) = line.split_once(' ').unwrap_or((&line, "0"));
        let count: usize = count.parse().map_err(io::Error::other)?;
        let answer = match word {
            "more" => {
                let why = held.more(&server, count).unwrap_or_default();
                format!("{} {why}", held.len())
            }
            "ask" => {
                let mut micros = Vec::new();
                for _ in 0..count {
                    number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let began = clock::now();
                    held.ask(number >> 16)?;
                    micros.push(began.elapsed().as_micros().to_string());
                }
                micros.join(" ")
            }
            "check" => {
                let all = held.asked();
                let alive = (0..all).filter(|number| held.ask(*number).is_ok()).count();
                format!("{alive} {all}")
            }
            other => return Err(io::Error::other(format!("what is {other}?"))),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// The process, from outside.
#[derive(Debug)]
pub(super) struct Holder {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Sessions it has.
    pub(super) held: usize,
}

impl Holder {
    /// Starts one that has no session yet.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(server: &Server, tls: bool) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hold", "--at", &server.at.to_string()]);
        if let (true, Some(certificate)) = (tls, server.certificate()) {
            command.arg("--certificate").arg(certificate);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let missing = || io::Error::other("no pipe");
        let to = child.stdin.take().ok_or_else(missing)?;
        let from = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        Ok(Self { child, to, from, held: 0 })
    }

    fn tell(&mut self, line: &str) -> io::Result<String> {
        writeln!(self.to, "{line}")?;
        self.to.flush()?;
        let mut answer = String::new();
        if self.from.read_line(&mut answer)? == 0 {
            return Err(io::Error::other(format!("a holder of sessions ended at `{line}`")));
        }
        Ok(answer.trim_end().to_owned())
    }

    /// Makes it log in so many times more. Fewer than that is no error: why comes back.
    ///
    /// # Errors
    /// It is gone.
    pub(super) fn more(&mut self, count: usize) -> io::Result<Option<String>> {
        let answer = self.tell(&format!("more {count}"))?;
        let (held, why) = answer.split_once(' ').unwrap_or((&answer, ""));
        self.held = held.parse().map_err(io::Error::other)?;
        Ok((!why.is_empty()).then(|| why.to_owned()))
    }

    /// How long NOOP took on so many of its sessions, chosen at random.
    ///
    /// # Errors
    /// It is gone, or one of them is.
    pub(super) fn ask(&mut self, count: usize) -> io::Result<Vec<Duration>> {
        let answer = self.tell(&format!("ask {count}"))?;
        let micros = answer.split_whitespace().map(|word| word.parse().map(Duration::from_micros));
        micros.collect::<Result<_, _>>().map_err(io::Error::other)
    }

    /// How many of those that can be asked answer, and how many they are.
    ///
    /// # Errors
    /// It is gone.
    pub(super) fn check(&mut self) -> io::Result<(usize, usize)> {
        let answer = self.tell("check")?;
        let (alive, all) = answer.split_once(' ').unwrap_or((&answer, "0"));
        let number = |word: &str| word.parse().map_err(io::Error::other);
        Ok((number(alive)?, number(all)?))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It has nothing to lose.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
