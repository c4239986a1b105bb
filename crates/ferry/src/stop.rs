//! Ctrl-C and SIGTERM: the first stops what runs in a clean way, the second ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::say;

/// Added to the number of a signal, as shells do, when the process ends at once.
const SIGNAL_BASE: i32 = 128;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// Whether to stop. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    times: AtomicU32,
    first: Notify,
}

impl Stop {
    /// Listens to the signals from now on.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let stop = Self::default();
        let (mut int, mut term) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let asked = stop.clone();
        tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    _ = int.recv() => SIGINT,
                    _ = term.recv() => SIGTERM,
                };
                if asked.0.times.fetch_add(1, Ordering::SeqCst) > 0 {
                    std::process::exit(SIGNAL_BASE + number);
                }
                asked.0.first.notify_waiters();
                say::failed("stopping; once more to stop at once");
            }
        });
        Ok(stop)
    }

    /// Returns when someone wants us to stop.
    pub(crate) async fn requested(&self) {
        loop {
            let notified = self.0.first.notified();
            if self.is_requested() {
                return;
            }
            notified.await;
        }
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.times.load(Ordering::SeqCst) > 0
    }

    /// What was to be stopped has stopped; the next one starts afresh.
    pub(crate) fn reset(&self) {
        self.0.times.store(0, Ordering::SeqCst);
    }
}
