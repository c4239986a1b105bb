//! The transfer parameters in force (RFC 959 §3.1): which a transfer needs, and the commands that
//! bring them about.

use ferry_proto::reply_reader::IncomingReply;

use super::control::{Outgoing, Ticket};
use super::data::Main;
use super::{Session, refused};
use crate::error::Result;

/// TYPE and MODE as the server has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// The argument of TYPE; [`None`] when nobody knows.
    pub(super) code: Option<u8>,
    /// The argument of MODE.
    pub(super) mode: u8,
    /// REST was sent and no transfer has begun since: some servers keep it for the next one.
    pub(super) restarts: bool,
}

impl Session {
    pub(super) fn type_command(
        &self,
        before: Option<u8>,
        main: &Main<'_>,
        batch: &mut Vec<Outgoing>,
    ) -> Result<Option<Ticket>> {
        if before == Some(main.code) {
            return Ok(None);
        }
        let (outgoing, ticket) = self.outgoing("TYPE", &[main.code])?;
        batch.push(outgoing);
        Ok(Some(ticket))
    }

    /// TYPE that is refused does not matter for a listing.
    pub(super) fn check_type(&self, reply: IncomingReply, main: &Main<'_>) -> Result<()> {
        if reply.code < 400 {
            return Ok(());
        }
        self.form().code = None;
        if main.may_be_empty { Ok(()) } else { Err(refused("TYPE", &[main.code], reply)) }
    }
}
