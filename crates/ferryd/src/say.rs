//! The one place that writes to standard output and standard error outside the log. A reader that
//! has gone away is no reason to stop serving, so failures to write are ignored.

use std::io::Write as _;

/// Writes `text` to standard output: what was asked for.
pub(crate) fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Writes `text` and a line end to standard error: what went wrong, and prompts' line ends.
pub(crate) fn err(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes `text` to standard error and leaves the cursor behind it.
pub(crate) fn prompt(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
