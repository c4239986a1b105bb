//! The Telnet layer under the control connection (RFC 959 §2.2, RFC 854): which octets are data.
//!
//! Nothing is ever negotiated on: commands are dropped, and whoever offers or asks for an option
//! is refused. Lines do not exist here; [`crate::line`] and [`crate::reply_reader`] split what
//! comes out.

/// Interpret As Command.
pub(crate) const IAC: u8 = 0xff;
const DONT: u8 = 0xfe;
const DO: u8 = 0xfd;
const WONT: u8 = 0xfc;
const WILL: u8 = 0xfb;
const SB: u8 = 0xfa;
/// The lowest command; also the end of a subnegotiation.
const SE: u8 = 0xf0;

/// Where in a Telnet sequence the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Telnet {
    /// Between sequences.
    #[default]
    Data,
    /// After IAC.
    Command,
    /// After IAC WILL.
    Offered,
    /// After IAC DO.
    Asked,
    /// After IAC WONT or IAC DONT.
    Declined,
    /// After IAC SB.
    Subnegotiation,
    /// After IAC within a subnegotiation.
    SubnegotiationCommand,
}

/// What one octet turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Part of a Telnet sequence.
    Nothing,
    /// One octet of data.
    Octet(u8),
    /// The octet FF and this one, both data: no valid sequence starts so (Latin-1 ÿ from a sender
    /// that does not double it).
    Undoubled(u8),
    /// A sequence that wants this answer.
    Answer([u8; 3]),
}

impl Telnet {
    /// Takes the next octet of the stream.
    pub(crate) fn step(&mut self, octet: u8) -> Step {
        let (next, step) = match (*self, octet) {
            (Self::Data, IAC) => (Self::Command, Step::Nothing),
            (Self::Data, _) => (Self::Data, Step::Octet(octet)),
            (Self::Command, IAC) => (Self::Data, Step::Octet(IAC)),
            (Self::Command, WILL) => (Self::Offered, Step::Nothing),
            (Self::Command, DO) => (Self::Asked, Step::Nothing),
            (Self::Command, WONT | DONT) => (Self::Declined, Step::Nothing),
            (Self::Command, SB) => (Self::Subnegotiation, Step::Nothing),
            (Self::Command, SE..) => (Self::Data, Step::Nothing),
            (Self::Command, _) => (Self::Data, Step::Undoubled(octet)),
            (Self::Offered, _) => (Self::Data, Step::Answer([IAC, DONT, octet])),
            (Self::Asked, _) => (Self::Data, Step::Answer([IAC, WONT, octet])),
            (Self::Declined, _) | (Self::SubnegotiationCommand, SE) => (Self::Data, Step::Nothing),
            (Self::Subnegotiation, IAC) => (Self::SubnegotiationCommand, Step::Nothing),
            (Self::Subnegotiation | Self::SubnegotiationCommand, _) => {
                (Self::Subnegotiation, Step::Nothing)
            }
        };
        *self = next;
        step
    }

    /// Whether a subnegotiation is open, which only its end or the caller's limit closes.
    pub(crate) fn in_subnegotiation(self) -> bool {
        matches!(self, Self::Subnegotiation | Self::SubnegotiationCommand)
    }
}
