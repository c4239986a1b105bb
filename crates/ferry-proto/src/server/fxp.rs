//! Transfers between two servers (FXP): whose addresses PORT may name, SSCN, CPSV, and what the
//! driver is told of a data connection whose other end is a server (RFC 959 §5.2;
//! docs/protocol.md). Only for accounts that may, where the operator lets any.

use core::net::{IpAddr, Ipv4Addr};

use crate::reply::Reply;
use crate::server::{Action, Ask, Outcome, Prepared, Protection, Rules, ServerSession, Stage};

/// What the account may, and who is TLS client on its data connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Data goes to and comes from the client only.
    None,
    /// Data may go to and come from other servers.
    Partners,
    /// The same, and this end is the TLS client (SSCN ON).
    PartnersAsTlsClient,
}

/// What is different about a data connection whose other end may be a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "a driver reads it")]
pub struct Fxp {
    /// The other end need not be at the client's address.
    pub foreign: bool,
    /// Under TLS this end is the client of the handshake.
    pub tls_client: bool,
}

impl ServerSession {
    /// The account that is logging in may have data moved between servers. Counts until it leaves.
    pub fn may_use_partners(&mut self) {
        self.fxp = Right::Partners;
    }

    /// The account leaves, and with it what it alone may: another server's address must not become
    /// the next account's.
    pub(super) fn forget_partner(&mut self) {
        self.fxp = Right::None;
        if matches!(&self.prepared, Prepared::To(to) if to.ip() != self.peer.ip()) {
            self.prepared = Prepared::No;
        }
    }

    /// SSCN: tells or sets who is TLS client from now on.
    pub(super) fn sscn(&mut self, wanted: Option<bool>, out: &mut Vec<Action>) -> Reply {
        if let Some(refused) = self.without_partners() {
            return refused;
        }
        if self.protection != Protection::Tls {
            return self.not_secured();
        }
        let before = self.fxp;
        match wanted {
            Some(true) => self.fxp = Right::PartnersAsTlsClient,
            Some(false) => self.fxp = Right::Partners,
            None => {}
        }
        if self.fxp != before {
            // In a connection that was kept the roles are shared out already.
            self.close_kept(out);
        }
        // What clients of this extension know as its answers.
        Reply::new(
            200,
            match self.fxp {
                Right::PartnersAsTlsClient => "SSCN:CLIENT METHOD",
                _ => "SSCN:SERVER METHOD",
            },
        )
    }

    /// CPSV: PASV, and this end is TLS client on that one connection.
    pub(super) fn cpsv(&mut self, out: &mut Vec<Action>) {
        let refused = self.without_partners().or_else(|| self.pasv()).or_else(|| {
            if self.protection != Protection::Tls {
                Some(self.not_secured())
            } else if self.private_data {
                None
            } else {
                Some(Reply::new(503, "Send PROT P first."))
            }
        });
        match refused {
            Some(refused) => out.push(Action::Reply(refused)),
            None => {
                self.close_prepared(out);
                self.ask(Ask::Listen { announce: true }, Stage::ListenAsTlsClient, out);
            }
        }
    }

    pub(super) fn conclude_cpsv(&mut self, outcome: &Outcome, out: &mut Vec<Action>) {
        self.conclude_listen(false, outcome, out);
        if self.prepared == Prepared::Listening {
            self.prepared = Prepared::ListeningAsTlsClient;
        }
    }

    /// What the driver must know of the next data connection.
    pub(super) fn partner(&self, rules: &Rules) -> Fxp {
        Fxp {
            foreign: rules.fxp && self.fxp != Right::None,
            tls_client: self.private_data
                && (self.fxp == Right::PartnersAsTlsClient
                    || self.prepared == Prepared::ListeningAsTlsClient),
        }
    }

    /// Why data may not go to this address of someone else, if it may not. The bounce attack: a
    /// server that connects wherever it is told (RFC 2577 §3).
    pub(super) fn refused_partner(&self, to: IpAddr, rules: &Rules) -> Option<Reply> {
        if !rules.fxp || self.fxp == Right::None {
            return Some(Reply::new(504, "Data connections go only to your own address."));
        }
        (!is_partner(to, self.peer.ip(), rules))
            .then(|| Reply::new(504, "Data connections do not go to that address."))
    }

    fn without_partners(&self) -> Option<Reply> {
        let text = "Your account may not move data between servers.";
        (self.fxp == Right::None).then(|| Reply::new(504, text))
    }
}

/// Whether another server may be at `ip`, for a client at `client`.
#[must_use]
pub fn is_partner(ip: IpAddr, client: IpAddr, rules: &Rules) -> bool {
    let somebody = match ip {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            first != 0 && v4 != Ipv4Addr::BROADCAST && !v4.is_multicast()
        }
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    };
    let within = |partners: &[crate::network::Network]| {
        partners.is_empty() || partners.iter().any(|network| network.contains(ip))
    };
    somebody && (!ip.is_loopback() || client.is_loopback()) && within(&rules.partners)
}
