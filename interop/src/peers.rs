//! Which of the programs are installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Whether `program` can be run. Where it cannot, says so; see the crate's documentation.
///
/// # Panics
/// It is missing and `FERRY_REQUIRE_PEERS` is set: there a skip would pass for a success.
#[must_use]
#[allow(clippy::panic, reason = "called from tests, as an assertion")]
pub fn have(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        let required = std::env::var_os("FERRY_REQUIRE_PEERS").is_some_and(|v| !v.is_empty());
        assert!(!required, "{program} is not installed, and FERRY_REQUIRE_PEERS demands it");
        say(&format!("SKIPPED: {program} is not installed (`cargo xtask test` installs it)\n"));
    }
    found
}

/// Says something on the real standard output, past the test harness, which hides what passing
/// tests print.
pub fn say(text: &str) {
    drop(std::io::stdout().lock().write_all(text.as_bytes()));
}
