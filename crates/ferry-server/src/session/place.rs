//! Where a session stands, as far as the engine knows: which host it is with (HOST, SNI), which
//! volume is its root (SMNT), what the account has said of itself (ACCT), and the end of TLS under
//! a connection that goes on (REIN, CCC).

use std::sync::Arc;

use ferry_accounts::AcctFor;
use ferry_proto::host;
use ferry_proto::server::{Failure, Outcome, canonical};
use tokio::time::timeout;

use super::{BROKE, Control, Gone};
use crate::events::Event;
use crate::guard::Guarded;
use crate::hosts::HostId;
use crate::tls::SessionTls;

impl Control {
    /// HOST: the name must be one of ours, and the one TLS was started for (RFC 7151 §3.2.2).
    pub(super) fn choose_host(&mut self, name: &[u8]) -> Outcome {
        let sni = self.tls.as_deref().and_then(SessionTls::sni);
        if sni.is_some_and(|sni| !host::same(sni.as_bytes(), name)) {
            return Outcome::Failed(Failure::Denied);
        }
        let Ok(local) = self.wire.local_addr() else {
            return Outcome::Failed(Failure::NotFound);
        };
        match self.shared.hosts.find(name, canonical(local).ip()) {
            Some(host) if !self.meets_demands_of(host) => Outcome::Failed(Failure::Denied),
            Some(host) => {
                self.host = host;
                Outcome::Done
            }
            None => Outcome::Failed(Failure::NotFound),
        }
    }

    /// Whether TLS, where it was started for another host, asked of the client what this one asks:
    /// otherwise a client that names no host to TLS would get around the certificate it needs here.
    fn meets_demands_of(&self, host: HostId) -> bool {
        match (self.tls.as_deref(), self.shared.hosts.tls(host)) {
            (Some(tls), Some(setup)) => tls.meets_demands_of(setup),
            _ => true,
        }
    }

    /// Back to the host that a new connection has.
    pub(super) fn leave_host(&mut self) {
        let secured = self.tls.as_deref().filter(|_| self.machine.is_secured());
        let named = secured
            .and_then(SessionTls::sni)
            .and_then(|name| self.shared.hosts.named(name.as_bytes()));
        self.host = named.unwrap_or(0);
        if !self.machine.is_secured() {
            // After CCC it was kept for the data; neither its name nor its certificate counts now.
            self.tls = None;
        }
    }

    /// ACCT.
    pub(super) async fn account(&mut self, info: &[u8]) -> Outcome {
        let Some(guard) = self.guard.as_ref().map(Arc::clone) else {
            return Outcome::Failed(Failure::Denied);
        };
        let account = Arc::clone(guard.account());
        let limit = self.shared.options.limits.login;
        let auth = &self.shared.hosts.get(self.host).auth;
        if timeout(limit, auth.account(&account, info)).await != Ok(true) {
            self.report(&Event::LoginFailed { user: account.name.as_bytes() });
            return Outcome::Failed(Failure::Denied);
        }
        if account.acct == Some(AcctFor::Login) {
            self.report(&Event::LoggedIn {
                user: &account.name,
                anonymous_hint: None,
                tls: self.tls_version(),
            });
            self.place.slot().set_account(Some(account));
        }
        self.guard = Some(Arc::new(guard.with_acct()));
        Outcome::Done
    }

    /// The TLS version of the control connection, while it has one.
    pub(super) fn tls_version(&self) -> Option<&'static str> {
        self.tls.as_deref().and_then(SessionTls::version)
    }

    /// SMNT.
    pub(super) fn mount(&mut self, name: &[u8]) -> Outcome {
        let mounted = self.guard.as_deref().and_then(|guard: &Guarded| guard.mounted(name));
        match mounted {
            Some(mounted) => {
                self.guard = Some(Arc::new(mounted));
                Outcome::Done
            }
            None => Outcome::Failed(Failure::NotFound),
        }
    }

    /// TLS ends, the connection goes on. After CCC data connections still need its session, which
    /// they can no longer be made to resume: tickets come with the control connection.
    pub(super) async fn stop_tls(&mut self) -> Result<(), Gone> {
        let limit = self.shared.options.limits.stall;
        if !matches!(timeout(limit, self.wire.stop_tls()).await, Ok(Ok(()))) {
            return Err(Gone(BROKE));
        }
        self.place.slot().seen.set_secured(false);
        if self.machine.is_cleared() {
            if let Some(tls) = self.tls.as_deref_mut() {
                tls.leave_control();
            }
        } else {
            self.tls = None;
        }
        Ok(())
    }
}
