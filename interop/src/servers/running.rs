//! A server's processes: its port, its start, the wait for it, its end.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::process::{kill_group, last_lines};

/// How often a starting server is tried, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LOOKS_MAX: u32 = 4000;

/// How much of each log a report holds.
const LOG_LINES: usize = 20;

/// A port that no one else gets: bound but not listened at. A server that sets `SO_REUSEADDR`, as
/// all do, may bind and listen there, while whoever asks for any free port does not get this one.
#[derive(Debug)]
pub(super) struct Reserved {
    _held: Socket,
    pub(super) addr: SocketAddr,
}

/// Reserves a port.
pub(super) fn reserve(ip: Ipv4Addr) -> io::Result<Reserved> {
    let held = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    held.set_reuse_address(true)?;
    held.bind(&SocketAddr::from((ip, 0)).into())?;
    let addr = held.local_addr()?.as_socket();
    let addr = addr.ok_or_else(|| io::Error::other("a socket without an address"))?;
    Ok(Reserved { _held: held, addr })
}

/// A process and whatever it starts. Dropping it ends them all.
///
/// So does the end of this process, however it comes: a keeper waits for the end of a pipe that
/// only we hold. Servers have a process group of their own, and would outlive an interrupted test.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    keeper: Child,
    _ports: Vec<Reserved>,
}

/// Reads until nothing can come any more, then kills the process it is named with all below it.
/// The group is not enough: vsftpd makes one for every session. It is stopped first, so that
/// nothing is born while they are counted.
const KEEPER: &str = "\
    tree() {
        echo \"$1\"
        kids=
        read -r kids < \"/proc/$1/task/$1/children\"
        for kid in $kids; do tree \"$kid\"; done
    }
    cat
    kill -s STOP \"$0\"
    kill -s KILL $(tree \"$0\") -\"$0\"";

impl Running {
    /// Starts `command` and waits until it listens at all of `ports`.
    pub(super) fn start(
        mut command: Command,
        ports: Vec<Reserved>,
        log: &Path,
    ) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let keeper = keep(child.id()).inspect_err(|_| {
            kill_group(child.id());
            drop(child.wait());
        })?;
        let addresses: Vec<SocketAddr> = ports.iter().map(|port| port.addr).collect();
        let mut running = Self { child, keeper, _ports: ports };
        for addr in addresses {
            running.wait_for(addr)?;
        }
        Ok(running)
    }

    /// The process that was started.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    fn wait_for(&mut self, addr: SocketAddr) -> io::Result<()> {
        for _ in 0..LOOKS_MAX {
            if TcpStream::connect(addr).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("{status}")));
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(io::Error::other("does not get ready"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            // It would kill whoever has the number by now.
            drop(self.keeper.kill());
        }
        // Closes the pipe before it waits.
        drop(self.keeper.wait());
        drop(self.child.wait());
    }
}

fn keep(group: u32) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", KEEPER, &group.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// The ends of all logs in a server's directory, marked as such.
pub(super) fn log_tail(name: &str, dir: &Path) -> String {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut logs: Vec<_> = entries.map(|entry| entry.path()).collect();
    logs.retain(|path| path.file_name().is_some_and(|n| n.to_string_lossy().ends_with("log")));
    logs.sort();
    let mut text = String::new();
    for path in logs {
        let log = fs::read(&path).unwrap_or_default();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        for line in last_lines(&String::from_utf8_lossy(&log), LOG_LINES) {
            text += &format!("{name} {file}| {line}\n");
        }
    }
    text
}
