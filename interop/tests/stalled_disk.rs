//! A file system that stops answering, which a process in user space serves and is then stopped:
//! whoever reads from it waits, and nobody else does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use interop::dialog::Dialog;
use interop::link::Link;
use interop::peers::{have, say};
use interop::server::Server;

/// Far more than any server has threads for its sessions.
const DOWNLOADS: usize = 16;

/// More than the system's buffers of a connection take.
const LEN: u64 = 24 << 20;

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
    let mut sessions: Vec<_> =
        (0..DOWNLOADS).map(|_| Dialog::connect(at).unwrap().log_in().unwrap()).collect();
    let begun: Vec<_> = sessions
        .iter_mut()
        .enumerate()
        .map(|(i, s)| s.download(&format!("/slow/{i}")).unwrap())
        .collect();
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
        let mut other = Dialog::connect(at).unwrap().log_in().unwrap();
        assert!(other.ask("NOOP").unwrap().starts_with("200"), "{}", server.log_tail());
        assert!(other.ask("SIZE /nothing").unwrap().starts_with("550"));
        assert!(other.ask("QUIT").unwrap().starts_with("221"));
    }
    mount.signal("-CONT");
    for (reader, mut session) in readers.into_iter().zip(sessions) {
        assert_eq!(reader.join().unwrap(), b"!");
        assert!(session.reply().unwrap().starts_with("226"));
    }
}
