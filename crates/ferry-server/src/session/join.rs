//! XPSV and XDTP: a session that expects a data connection by its name, and a control connection
//! that becomes one.

use ferry_proto::server::{Failure, Outcome};
use tokio::time::{Instant, timeout};

use super::{Control, Gone, NextData, Work};
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

    /// XDTP: waits for the session, as long as it would wait for the connection.
    pub(super) async fn join(&self, name: Box<[u8]>, work: &mut Work) -> Outcome {
        let limit = self.shared.options.limits.data_connect;
        let expecting = self.shared.joining.come(name, self.machine.peer().ip());
        work.expecting = timeout(limit, expecting).await.ok().flatten();
        match work.expecting {
            Some(_) => Outcome::Done,
            None => Outcome::Failed(Failure::NotFound),
        }
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
