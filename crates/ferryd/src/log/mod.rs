//! The log: one line per event on standard error, and nothing a peer sent can make it two.

mod observer;
mod units;
mod writer;

pub(crate) use observer::Lines;
pub(crate) use writer::Drain;

use std::io::IsTerminal as _;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Only what goes wrong.
    Quiet,
    /// Log-ins, transfers, changes and what goes wrong.
    Normal,
    /// Connections, too.
    Verbose,
}

/// Starts logging to standard error. What is logged is written by a thread of its own; the drain
/// waits for it when dropped.
pub(crate) fn start(verbosity: Verbosity) -> Drain {
    let (lines, drain) = writer::start();
    let colours = std::io::stderr().is_terminal();
    // A second start in the same process would be a mistake of ours; the first one then stands.
    let _ = tracing::subscriber::set_global_default(subscriber(verbosity, colours, lines));
    drain
}

fn subscriber<W>(verbosity: Verbosity, colours: bool, lines: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match verbosity {
        Verbosity::Quiet => LevelFilter::WARN,
        Verbosity::Normal => LevelFilter::INFO,
        Verbosity::Verbose => LevelFilter::DEBUG,
    };
    // The default timer writes UTC as ISO 8601.
    tracing_subscriber::fmt()
        .compact()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(colours)
        .with_writer(lines)
        .finish()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// Keeps what is logged.
    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(buf);
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `act` logs, each as level and message; panics if a line lacks a time.
    pub(crate) fn logged(verbosity: Verbosity, act: impl FnOnce()) -> Vec<String> {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = subscriber(verbosity, false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, act);
        let bytes = std::mem::take(&mut *kept.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        let line = |line: &str| {
            let (time, rest) = line.split_once(' ').unwrap();
            assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
            rest.trim_start().to_owned()
        };
        // Not `lines()`: a carriage return of a peer's must count as one.
        text.split_terminator('\n').map(line).collect()
    }

    #[test]
    fn verbosity_decides_what_is_written() {
        let all = || {
            tracing::debug!("connected");
            tracing::info!("transferred");
            tracing::warn!("failed");
        };
        assert_eq!(logged(Verbosity::Quiet, all), ["WARN failed"]);
        assert_eq!(logged(Verbosity::Normal, all), ["INFO transferred", "WARN failed"]);
        assert_eq!(
            logged(Verbosity::Verbose, all),
            ["DEBUG connected", "INFO transferred", "WARN failed"]
        );
    }
}
