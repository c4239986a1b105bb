//! A file system that stops answering, which a process in user space serves and is then stopped:
//! whoever reads from it waits, and nobody else does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use interop::link::Link;
use interop::peers::{have, say};
use interop::server::Server;
use interop::{PASSWORD, USER};

/// Far more than any server has threads for its sessions.
const DOWNLOADS: usize = 16;

/// More than the system's buffers of a connection take.
const LEN: u64 = 24 << 20;

/// Long for an answer, short for a test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory shown at another place by a process. Dropping it ends both.
struct Mount {
    at: PathBuf,
    process: String,
}

impl Mount {
    /// [`None`] where this machine lets nobody do that.
    fn of(dir: &Path, at: &Path) -> Option<Self> {
        let mounted = Command::new("bindfs").args([dir, at]).output().unwrap();
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr).into_owned();
            say(&format!("SKIPPED: this machine mounts nothing for us: {why}\n"));
            return None;
        }
        let found = Command::new("pgrep").args(["-f", &at.to_string_lossy()]).output().unwrap();
        let process = String::from_utf8(found.stdout).unwrap().trim().to_owned();
        Some(Self { at: at.to_owned(), process })
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process]).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("kill").args(["-CONT", &self.process]).status());
        drop(Command::new("umount").arg("--lazy").arg(&self.at).status());
    }
}

/// A control connection.
struct Session(BufReader<TcpStream>);

impl Session {
    fn log_in(at: SocketAddr) -> Self {
        let control = TcpStream::connect(at).unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut session = Self(BufReader::new(control));
        session.reply();
        session.ask(&format!("USER {USER}"));
        assert!(session.ask(&format!("PASS {PASSWORD}")).starts_with("230"));
        session.ask("TYPE I");
        session
    }

    fn ask(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    /// The last line of the next reply.
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    /// The data connection of a download that has begun.
    fn download(&mut self, path: &str) -> TcpStream {
        let offer = self.ask("EPSV");
        let port = offer.split('|').nth(3).unwrap().parse().unwrap();
        let at = self.0.get_ref().peer_addr().unwrap().ip();
        let data = TcpStream::connect((at, port)).unwrap();
        assert!(self.ask(&format!("RETR {path}")).starts_with("150"));
        data
    }
}

#[test]
fn downloads_from_a_disk_that_does_not_answer_hold_nobody_else_up() {
    if !have("bindfs") {
        return;
    }
    let server = Server::with("").unwrap();
    let behind = tempfile::tempdir().unwrap();
    let slow = server.files().join("slow");
    fs::create_dir(&slow).unwrap();
    for i in 0..DOWNLOADS {
        let mut file = File::create(behind.path().join(format!("{i}"))).unwrap();
        file.set_len(LEN - 1).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"!").unwrap();
    }
    let Some(mount) = Mount::of(behind.path(), &slow) else { return };
    let at = server.address(&Link::PLAIN).unwrap();

    // Nobody reads what the server sends, so each download waits with most of its file unread.
    let mut sessions: Vec<_> = (0..DOWNLOADS).map(|_| Session::log_in(at)).collect();
    let begun: Vec<_> =
        sessions.iter_mut().enumerate().map(|(i, s)| s.download(&format!("/slow/{i}"))).collect();
    mount.signal("-STOP");
    let mut readers = Vec::new();
    for mut data in begun {
        readers.push(thread::spawn(move || {
            let mut last = Vec::new();
            std::io::copy(&mut (&mut data).take(LEN - 1), &mut std::io::sink()).unwrap();
            data.read_to_end(&mut last).unwrap();
            last
        }));
    }

    // Each now waits for the disk, and all others go on as before.
    for _ in 0..DOWNLOADS {
        let mut other = Session::log_in(at);
        assert!(other.ask("NOOP").starts_with("200"), "{}", server.log_tail());
        assert!(other.ask("SIZE /nothing").starts_with("550"));
        assert!(other.ask("QUIT").starts_with("221"));
    }
    mount.signal("-CONT");
    for (reader, mut session) in readers.into_iter().zip(sessions) {
        assert_eq!(reader.join().unwrap(), b"!");
        assert!(session.reply().starts_with("226"));
    }
}
