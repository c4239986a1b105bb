//! In which charset this session's names are on the wire. Everything a client says passes
//! [`said`](Control::said) and every reply [`tell`](Control::tell); listings go through
//! [`crate::listing`].

use std::borrow::Cow;

use ferry_proto::charset::Names;
use ferry_proto::reply::Reply;
use ferry_proto::server::{Failure, Outcome};

use super::Control;

impl Control {
    /// What is configured for who is logged in, or for the host; `None` for names that go over the
    /// wire as they are.
    pub(super) fn names(&self) -> Option<Names> {
        let own = self.guard.as_ref().and_then(|guard| guard.account().charset);
        let charset = own.or_else(|| self.shared.hosts.get(self.host).charset)?;
        let utf8 = !self.machine.has_left_utf8();
        (!charset.is_utf8()).then_some(Names { charset, utf8 })
    }

    /// The command line that the client means.
    pub(super) fn said<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        self.names().map_or(Cow::Borrowed(line), |names| names.arriving(line))
    }

    /// Adds a reply to those that wait to be sent.
    pub(super) fn tell(&self, reply: &Reply, replies: &mut Vec<u8>) {
        reply.write_for(self.names(), self.shared.options.telnet, replies);
    }

    /// OPTS UTF8 OFF.
    pub(super) fn leave_utf8(&self) -> Outcome {
        match self.names() {
            Some(_) => Outcome::Done,
            None => Outcome::Failed(Failure::Unsupported),
        }
    }
}
