//! A connection that a thread which may block has for the time of a burst.

use crate::wire::Wire;

/// The connection, away from its owner. If that one is gone when the burst is over, nobody will end
/// it properly: then it ends with a reset, so that the peer does not take what it has for the
/// whole.
#[derive(Debug)]
pub(super) struct Loan(Option<Wire>);

impl Loan {
    /// Takes the connection along.
    pub(super) fn of(wire: &mut Wire) -> Self {
        Self(Some(wire.lend()))
    }

    pub(super) fn wire_mut(&mut self) -> Option<&mut Wire> {
        self.0.as_mut()
    }

    /// Puts it back.
    pub(super) fn back_to(mut self, wire: &mut Wire) {
        if let Some(back) = self.0.take() {
            *wire = back;
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(wire) = self.0.take() {
            wire.abort();
        }
    }
}
