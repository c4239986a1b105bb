//! Running a program to its end, or to a deadline: nothing a peer does may hang the suite.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The most of one output stream that is kept.
const OUTPUT_MAX: u64 = 4 << 20;

/// How a program ended and what it said.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The command line, for the report.
    pub command: String,
    /// Its exit status.
    pub status: ExitStatus,
    /// Whether the deadline ended it.
    pub timed_out: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Whether it ended by itself and called that a success.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.status.success() && !self.timed_out
    }

    /// Itself if [`ok`](Self::ok), else what it said.
    ///
    /// # Errors
    /// The report of the run.
    pub fn success(self) -> Result<Self, String> {
        if self.ok() { Ok(self) } else { Err(self.to_string()) }
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.timed_out { " (killed at its time limit)" } else { "" };
        writeln!(f, "$ {}\n{}{end}", self.command, self.status)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            for line in last_lines(text, 60) {
                writeln!(f, "{name}| {line}")?;
            }
        }
        Ok(())
    }
}

/// The last `count` lines of `text`.
#[must_use]
pub fn last_lines(text: &str, count: usize) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().to_vec()
}

/// Runs `command`, gives it `input` and waits at most `limit`; then it and its children are killed.
///
/// # Errors
/// It cannot be started, or its output cannot be kept.
pub fn run(mut command: Command, input: &[u8], limit: Duration) -> io::Result<Finished> {
    let mut stdout = unnamed_file()?;
    let mut stderr = unnamed_file()?;
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    command.stdin(stdin).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let line = describe(&command);
    let mut child = command
        .process_group(0)
        .spawn()
        .map_err(|e| io::Error::new(e.kind(), format!("{line}: {e}")))?;
    let stdin = child.stdin.take();
    let input = input.to_vec();
    // A program that never reads its input must not block the watchdog.
    let feeder = thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&input)));
    let (status, timed_out) = wait(&mut child, limit)?;
    drop(feeder.join());
    Ok(Finished {
        command: line,
        status,
        timed_out,
        stdout: text_of(&mut stdout)?,
        stderr: text_of(&mut stderr)?,
    })
}

/// Waits for `child`, killing its process group after `limit`.
///
/// # Errors
/// The system refuses to wait.
pub fn wait(child: &mut Child, limit: Duration) -> io::Result<(ExitStatus, bool)> {
    let group = child.id();
    let (ended, watched) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let late = watched.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if late {
            kill_group(group);
        }
        late
    });
    let status = child.wait()?;
    // The watchdog may have gone off and be gone.
    let _ = ended.send(());
    Ok((status, watchdog.join().unwrap_or(true)))
}

/// Kills a process group that [`CommandExt::process_group`] made.
pub fn kill_group(leader: u32) {
    let killed = Command::new("kill")
        .args(["-KILL", "--", &format!("-{leader}")])
        .stderr(Stdio::null())
        .status();
    drop(killed);
}

/// The command as it could be typed, near enough.
#[must_use]
pub fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| match word.to_string_lossy() {
            plain if !plain.contains([' ', '"', '\'', ';']) => plain.into_owned(),
            odd => format!("'{odd}'"),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn unnamed_file() -> io::Result<File> {
    tempfile::tempfile()
}

fn text_of(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(OUTPUT_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_status_are_kept_apart() {
        let done = run(shell("cat; echo no >&2; exit 3"), b"yes", Duration::from_secs(60)).unwrap();
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("yes", "no\n"));
        assert_eq!(done.status.code(), Some(3));
        assert!(!done.ok() && !done.timed_out);
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        let done = run(shell("sleep 1000 & wait"), b"", Duration::from_millis(50)).unwrap();
        assert!(done.timed_out && !done.ok());
    }
}
