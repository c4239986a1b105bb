//! The one place that writes to standard output and standard error.
//!
//! What was asked for goes to standard output and its failure is told, since a list that was cut
//! short must not look whole. What is said about it goes to standard error, where a reader that
//! has gone away is no reason to stop. Octets from a server get here only by
//! [`ForPeople`] or as content of a file.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use ferry_proto::path::ForPeople;

use crate::exit::{Exit, Failure, Outcome};

static OUT: Mutex<Option<BufWriter<Stdout>>> = Mutex::new(None);

/// Called before a line of standard error and behind it, so that lines of progress go out of the
/// way.
type Curtain = Box<dyn Fn(bool) + Send + Sync>;

static CURTAIN: Mutex<Option<Curtain>> = Mutex::new(None);

fn with_out(write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>) -> Outcome<()> {
    let mut out = OUT.lock().unwrap_or_else(PoisonError::into_inner);
    let writer = out.get_or_insert_with(|| BufWriter::with_capacity(64 << 10, io::stdout()));
    write(writer).map_err(|e| match e.kind() {
        // Whoever read has seen enough; there is nobody to tell.
        io::ErrorKind::BrokenPipe => Failure::new(Exit::Local, ""),
        _ => Failure::local("standard output", &e),
    })
}

/// Whether every line goes out at once: someone is watching.
static PROMPT: AtomicBool = AtomicBool::new(false);

/// From now on every line goes out at once.
pub(crate) fn be_prompt() {
    PROMPT.store(true, Ordering::Relaxed);
}

/// Writes a line to standard output.
pub(crate) fn out(line: &str) -> Outcome<()> {
    with_out(|out| {
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        if PROMPT.load(Ordering::Relaxed) { out.flush() } else { Ok(()) }
    })
}

/// Writes octets to standard output: content of files.
pub(crate) fn raw(octets: &[u8]) -> Outcome<()> {
    with_out(|out| out.write_all(octets))
}

/// Makes sure that everything is out.
pub(crate) fn flush() -> Outcome<()> {
    with_out(|out| out.flush())
}

/// Writes a line to standard error, behind everything that was said before.
pub(crate) fn err(line: &str) {
    // Whether that can still be written shows at the end.
    let _ = flush();
    let curtain = CURTAIN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(curtain) = &*curtain {
        curtain(true);
    }
    let _ = writeln!(io::stderr().lock(), "{line}");
    if let Some(curtain) = &*curtain {
        curtain(false);
    }
}

/// Something that did not stop us, but that one should know.
pub(crate) fn warn(line: &str) {
    err(&harmless(&format!("ferry: warning: {line}")));
}

/// Something that did not work.
pub(crate) fn failed(line: &str) {
    err(&harmless(&format!("ferry: {line}")));
}

/// Sentences of the engine and of the system may quote anything.
fn harmless(text: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| ForPeople(line.as_bytes()).to_string()).collect();
    lines.join("\n")
}

/// Writes to standard error as it is, without a line end and without the curtain.
pub(crate) fn paint(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// From now on `curtain` is called with true before each line on standard error, and with false
/// behind it.
pub(crate) fn set_curtain(curtain: Option<Curtain>) {
    *CURTAIN.lock().unwrap_or_else(PoisonError::into_inner) = curtain;
}
