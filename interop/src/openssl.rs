//! `openssl s_client` driven by hand: a control connection one talks to line by line, and data
//! connections that resume whichever session one likes. No FTP client would do either.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::link::Version;
use crate::process::{Finished, kill_group, run};
use crate::{PASSWORD, USER};

/// The longest wait for one line or one data connection.
const LIMIT: Duration = Duration::from_secs(20);

/// A control connection under explicit TLS, logged in, PROT P.
#[derive(Debug)]
pub struct Control {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    at: SocketAddr,
    version: Version,
}

impl Control {
    /// Connects and logs in; `session` is where openssl keeps the TLS session.
    ///
    /// # Errors
    /// openssl cannot be run, or the server says no.
    pub fn log_in(at: SocketAddr, version: Version, session: &Path) -> io::Result<Self> {
        // -quiet also keeps it from taking a line's first R or Q for a command of its own.
        let mut child = s_client(at, version)
            .args(["-starttls", "ftp", "-crlf", "-quiet", "-sess_out"])
            .arg(session)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let missing = || io::Error::other("no pipe");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let (send, lines) = channel();
        thread::spawn(move || {
            // Ends when the program does, or when nobody listens any more.
            BufReader::new(stdout).lines().map_while(Result::ok).all(|line| send.send(line).is_ok())
        });
        let mut control = Self { child, stdin, lines, at, version };
        control.expect(&format!("USER {USER}"), "331")?;
        control.expect(&format!("PASS {PASSWORD}"), "230")?;
        control.expect("PBSZ 0", "200")?;
        control.expect("PROT P", "200")?;
        control.expect("TYPE I", "200")?;
        Ok(control)
    }

    /// Sends a command and reads one reply's last line.
    ///
    /// # Errors
    /// Nothing comes.
    pub fn command(&mut self, line: &str) -> io::Result<String> {
        writeln!(self.stdin, "{line}")?;
        self.stdin.flush()?;
        self.reply()
    }

    /// Reads one reply's last line.
    ///
    /// # Errors
    /// Nothing comes.
    pub fn reply(&mut self) -> io::Result<String> {
        loop {
            let line = self
                .lines
                .recv_timeout(LIMIT)
                .map_err(|e| io::Error::other(format!("waiting for a reply: {e}")))?;
            if line.bytes().take(3).all(|octet| octet.is_ascii_digit())
                && line.as_bytes().get(3) == Some(&b' ')
            {
                return Ok(line);
            }
        }
    }

    /// A transfer over one data connection that resumes `session`: the data client's output and
    /// the final reply. `input` is what it sends.
    ///
    /// # Errors
    /// The server says no before 150, or something hangs.
    pub fn transfer(
        &mut self,
        line: &str,
        session: &Path,
        input: &[u8],
    ) -> io::Result<(Finished, String)> {
        let passive = self.expect("EPSV", "229")?;
        let port = passive.split('|').nth(3).and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| io::Error::other(passive.clone()))?;
        self.expect(line, "150")?;
        let mut data = s_client(SocketAddr::new(self.at.ip(), port), self.version);
        data.arg("-sess_in").arg(session);
        if input.is_empty() {
            // Reads until the server closes; with input it closes at the input's end instead.
            data.arg("-ign_eof");
        }
        let finished = run(data, input, LIMIT)?;
        Ok((finished, self.reply()?))
    }

    fn expect(&mut self, line: &str, code: &str) -> io::Result<String> {
        let reply = self.command(line)?;
        if reply.starts_with(code) {
            return Ok(reply);
        }
        Err(io::Error::other(format!("{line}: {reply}")))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        kill_group(self.child.id());
        drop(self.child.wait());
    }
}

/// A whole control connection under explicit TLS: asks for `name` by SNI if there is one, wants the
/// certificate in `trusted`, valid for `valid_for`, then says `lines` and hears what comes.
///
/// # Errors
/// openssl cannot be run.
pub fn converse(
    at: SocketAddr,
    name: Option<&str>,
    trusted: &Path,
    valid_for: &str,
    lines: &str,
) -> io::Result<Finished> {
    let mut openssl = s_client(at, Version::V13);
    openssl.args(["-starttls", "ftp", "-crlf", "-quiet", "-verify_return_error", "-CAfile"]);
    openssl.arg(trusted).args(["-verify_hostname", valid_for]);
    match name {
        Some(name) => openssl.args(["-servername", name]),
        None => openssl.arg("-noservername"),
    };
    run(openssl, lines.as_bytes(), LIMIT)
}

fn s_client(at: SocketAddr, version: Version) -> Command {
    let mut openssl = Command::new("openssl");
    openssl.arg("s_client").arg("-connect").arg(at.to_string());
    openssl.arg(if version == Version::V12 { "-tls1_2" } else { "-tls1_3" });
    openssl
}
