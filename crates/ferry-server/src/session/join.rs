//! XPSV and XDTP: a session that expects a data connection by its name, and a control connection
//! that becomes one.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use ferry_proto::server::{Failure, Outcome};
use tokio::time::{Instant, sleep_until};

use super::{BROKE, Control, Gone, NextData, Work};
use crate::data::{Door, Passive};
use crate::joining::Joined;

impl Control {
    /// XPSV.
    pub(super) fn expect(&mut self, name: Box<[u8]>) -> Outcome {
        // What came before is given up first, so that nobody waits for himself.
        self.close_data();
        let awaited = self.shared.joining.expect(name, self.machine.peer().ip());
        let Some(awaited) = awaited else { return Outcome::Failed(Failure::Exists) };
        let expires = Instant::now() + self.shared.options.limits.passive_unused;
        let passive = NextData::Passive(Passive { door: Door::Named(awaited), expires });
        self.next_data = Some(Box::new(passive));
        Outcome::Done
    }

    /// XDTP: waits for the session, as long as it would wait for the connection, unless the peer
    /// or the server ends before.
    pub(super) async fn join(&mut self, name: Box<[u8]>, work: &mut Work) -> Result<Outcome, Gone> {
        let shared = Arc::clone(&self.shared);
        let until = Instant::now() + shared.options.limits.data_connect;
        let mut expecting = pin!(shared.joining.come(name, self.machine.peer().ip()));
        work.expecting = loop {
            let listen = !work.eof && work.input.room() > 0;
            tokio::select! {
                biased;
                expecting = &mut expecting => break expecting,
                () = shared.ending.notified() => break None,
                () = sleep_until(until) => break None,
                ready = poll_fn(|cx| self.wire.poll_readable(cx)), if listen => {
                    ready.map_err(|_| Gone(BROKE))?;
                    self.read(work)?;
                    if work.eof {
                        break None;
                    }
                }
            }
        };
        Ok(match work.expecting {
            Some(_) => Outcome::Done,
            None => Outcome::Failed(Failure::NotFound),
        })
    }

    /// Gives the connection away, and says why it is none of ours any more.
    pub(super) fn hand_over(&mut self, work: &mut Work) -> Gone {
        // Whoever sends data before the reply may as well have sent it to a command.
        if work.input.waits() || self.lines.is_mid_line() {
            return Gone("octets came behind XDTP before its reply");
        }
        let client = self.tls.as_deref().and_then(|tls| tls.client().cloned());
        let joined = Joined { wire: self.wire.lend(), client };
        if let Some(expecting) = work.expecting.take()
            && let Err(joined) = expecting.send(joined)
        {
            joined.wire.abort();
        }
        Gone("it became a data connection")
    }
}
