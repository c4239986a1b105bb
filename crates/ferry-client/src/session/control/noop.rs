//! NOOP while a transfer keeps the control connection quiet, so that routers and balancers on the
//! way do not forget it. When it is said and whose a reply is, is decided here; nothing is sent.
//!
//! ```text
//!            said                  last reply of the transfer,
//!   Ready ────────▶ Asked ─────────── then too long nothing ─────────▶ Fenced (PWD is said)
//!     ▲               │ 200                                              │
//!     └───────────────┴──────────────── 200, and the answer to PWD ──────┤
//!   Off ◀──────────── 50x ───────────── the answer to PWD alone ─────────┘
//! ```
//!
//! Servers answer at once, behind the transfer's last reply, with 500, or never. A reply that is
//! taken for another's would shift all that follow; so there is one NOOP at a time, nothing else is
//! said until it is answered, and one that is never answered is found out by a PWD, whose 257
//! answers nothing else.

use std::time::Duration;

/// How long a NOOP may stay unanswered behind the transfer, unless half the time-out is shorter.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What became of the last NOOP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// None is to be said any more.
    Off,
    Ready,
    /// Not answered yet.
    Asked,
    /// PWD was said behind it.
    Fenced {
        answered: bool,
    },
}

/// Follows the NOOPs of one session.
#[derive(Debug)]
pub(super) struct Noop(State);

/// Whose a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The answer to a NOOP, or to the fence behind it.
    Ours,
    /// A command's.
    Theirs,
}

impl Noop {
    /// Before the first; `wanted` unless none is to be said.
    pub(super) fn new(wanted: bool) -> Self {
        Self(if wanted { State::Ready } else { State::Off })
    }

    /// One may be said.
    pub(super) fn is_ready(&self) -> bool {
        self.0 == State::Ready
    }

    /// One was said and not answered, and no fence is there.
    pub(super) fn is_asked(&self) -> bool {
        self.0 == State::Asked
    }

    pub(super) fn is_fenced(&self) -> bool {
        matches!(self.0, State::Fenced { .. })
    }

    /// Nothing else may be said: its reply could not be told from the NOOP's.
    pub(super) fn holds(&self) -> bool {
        matches!(self.0, State::Asked | State::Fenced { .. })
    }

    /// NOOP was said.
    pub(super) fn said(&mut self) {
        self.0 = State::Asked;
    }

    /// PWD was said behind it.
    pub(super) fn fenced(&mut self) {
        self.0 = State::Fenced { answered: false };
    }

    /// ABOR was said; what follows it puts the replies in order.
    pub(super) fn aborted(&mut self) {
        self.0 = State::Ready;
    }

    /// Takes a last reply. No transfer that has begun ends with such codes as NOOP is answered
    /// with, but for 200; then there are two of them, whichever is whose.
    pub(super) fn on_reply(&mut self, code: u16) -> Whose {
        let (next, whose) = match (self.0, code) {
            (State::Asked, 200) => (State::Ready, Whose::Ours),
            (State::Asked, 500..=504) => (State::Off, Whose::Ours),
            (State::Fenced { answered: true }, 257) => (State::Ready, Whose::Ours),
            (State::Fenced { answered: false }, 200 | 500..=504) => {
                (State::Fenced { answered: true }, Whose::Ours)
            }
            // To the fence, whatever it is; the NOOP itself was swallowed.
            (State::Fenced { .. }, _) => (State::Off, Whose::Ours),
            (state, _) => (state, Whose::Theirs),
        };
        self.0 = next;
        whose
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replies from the NOOP on, a fence where the list has 0; how many are ours, and what is left.
    fn after(codes: &[u16]) -> (usize, State) {
        let mut noop = Noop::new(true);
        noop.said();
        let mut ours = 0;
        for code in codes {
            match code {
                0 => noop.fenced(),
                code => ours += usize::from(noop.on_reply(*code) == Whose::Ours),
            }
        }
        (ours, noop.0)
    }

    #[test]
    fn each_reply_goes_to_whom_it_belongs() {
        let cases: [(&[u16], usize, State); 10] = [
            (&[200], 1, State::Ready),
            (&[200, 226], 1, State::Ready),
            (&[226, 200], 1, State::Ready),
            (&[200, 200], 1, State::Ready),
            (&[426, 500], 1, State::Off),
            (&[500, 226], 1, State::Off),
            (&[226], 0, State::Asked),
            (&[226, 0, 257], 1, State::Off),
            (&[226, 0, 200, 257], 2, State::Ready),
            (&[226, 0, 200, 550], 2, State::Off),
        ];
        for (codes, ours, state) in cases {
            assert_eq!(after(codes), (ours, state), "{codes:?}");
        }
    }

    #[test]
    fn without_one_under_way_no_reply_is_ours() {
        for wanted in [true, false] {
            for code in [200, 226, 257, 500, 550] {
                assert_eq!(Noop::new(wanted).on_reply(code), Whose::Theirs);
            }
        }
    }
}
