//! Running one thing: a heading before it, the time it took after it, its output untouched.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What went wrong, for a person.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Does `work` under the heading `name` and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T, Failed>) -> Result<T, Failed> {
    say(&format!("==> {name}"));
    let started = now();
    let result = work().map_err(|Failed(why)| Failed(format!("{name}: {why}")));
    let end = if result.is_ok() { "done" } else { "FAILED" };
    say(&format!("<== {name}: {end} in {:.1} s", started.elapsed().as_secs_f64()));
    result
}

/// How long `work` took.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = now();
    let done = work();
    (done, started.elapsed())
}

/// A line in order with what the children print.
fn say(line: &str) {
    println!("{line}");
    drop(std::io::stdout().flush());
}

#[allow(clippy::disallowed_methods, reason = "tells a person how long something took")]
fn now() -> Instant {
    Instant::now()
}

/// A program about to be run in the repository's root, without standard input.
pub(crate) struct Program {
    command: Command,
    line: String,
}

/// A cargo command.
pub(crate) fn cargo(arguments: &[&str]) -> Program {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    program(&cargo, arguments)
}

/// Any program.
pub(crate) fn program(name: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(crate::root()).stdin(Stdio::null());
    Program { command, line: format!("{name} {}", arguments.join(" ")) }
}

impl Program {
    /// Sets a variable of its environment.
    pub(crate) fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    /// Runs it; what it prints goes where ours goes.
    pub(crate) fn run(&mut self) -> Result<(), Failed> {
        let line = &self.line;
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failed(format!("`{line}`: {status}"))),
            Err(e) => Err(Failed(format!("`{line}` cannot be run: {e}"))),
        }
    }

    /// Runs it and prints the end of what it says only if it fails.
    pub(crate) fn run_quietly(&mut self) -> Result<(), Failed> {
        let line = &self.line;
        let done = self
            .command
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Failed(format!("`{line}` cannot be run: {e}")))?;
        if done.status.success() {
            return Ok(());
        }
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        for last in lines.iter().skip(lines.len().saturating_sub(60)) {
            println!("{last}");
        }
        Err(Failed(format!("`{line}`: {}", done.status)))
    }

    /// Runs it in silence; whether it succeeded.
    pub(crate) fn succeeds(&mut self) -> bool {
        let quiet = self.command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }
}
