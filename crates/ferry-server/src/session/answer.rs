//! Finding out what the machine asks: log-ins, passive ports, files, and opening transfers.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ferry_accounts::AcctFor;
use ferry_proto::path::FtpPath;
use ferry_proto::server::{
    AccountFor, Ask, DataVia, Failure, LoginRefusal, Outcome, Plan, Transfer,
};
use tokio::time::{sleep, timeout};

use super::moving::Way;
use super::{Control, Gone, Opening, Work};
use crate::auth::Login;
use crate::events::Event;
use crate::guard::Guarded;
use crate::opened;
use crate::ops::{Refused, Session};
use crate::tls::SessionTls;
use crate::who;

impl Control {
    pub(super) async fn answer(&mut self, ask: Ask, work: &mut Work) -> Result<Outcome, Gone> {
        Ok(match ask {
            Ask::Login { user, password } => {
                self.flush(work).await?;
                self.login(&user, &password).await
            }
            Ask::Recognise(user) => {
                self.flush(work).await?;
                self.recognise(&user).await
            }
            Ask::Account(info) => {
                self.flush(work).await?;
                self.account(&info).await
            }
            Ask::Host(name) => self.choose_host(&name),
            Ask::Mount(name) => self.mount(&name),
            Ask::LeaveUtf8 => self.leave_utf8(),
            Ask::Pause(secs) => {
                self.flush(work).await?;
                sleep(Duration::from_secs(secs)).await;
                Outcome::Done
            }
            Ask::Listen { announce } => {
                // On a shared port it may have to wait its turn.
                self.flush(work).await?;
                self.listen(announce).await
            }
            Ask::Expect(name) => self.expect(name),
            Ask::Join(name) => {
                self.flush(work).await?;
                self.join(name, work).await?
            }
            Ask::Open(plan) => self.open_transfer(*plan, work).await,
            Ask::Move { via, protect, keep, fxp } => {
                // Small files that follow each other have their replies sent together; `watch`
                // sends them when one is not so small.
                if via != DataVia::Kept || !work.may_hold() {
                    self.flush(work).await?;
                }
                Box::pin(self.run_transfer(Way { via, protect, fxp }, keep, work)).await?
            }
            Ask::Work { verb, work: task } => {
                self.flush(work).await?;
                Box::pin(self.run_work(verb, *task, work)).await?
            }
            Ask::Who => self.who(),
            other => match self.session() {
                Some(session) => {
                    let told = told(&other);
                    let outcome = session.perform(other).await;
                    if let (Outcome::Done, Some((verb, path, to))) = (&outcome, &told) {
                        self.report(&Event::Changed { verb, path, to: to.as_ref() });
                    }
                    outcome
                }
                None => Outcome::Failed(Failure::Denied),
            },
        })
    }

    pub(super) async fn login(&mut self, user: &[u8], password: &[u8]) -> Outcome {
        let ip = self.machine.peer().ip();
        let limit = self.shared.options.limits.login;
        let auth = &self.shared.hosts.get(self.host).auth;
        let deciding = match self.client_certificate() {
            Some(shown) => auth.login_certified(user, password, shown, ip),
            None => auth.login(user, password, ip),
        };
        let Ok(Some(login)) = timeout(limit, deciding).await else {
            self.report(&Event::LoginFailed { user });
            if self.shared.registry.failed(ip, self.shared.second()) {
                let what = "too many wrong passwords: its address is turned away for a while";
                self.report(&Event::Noticed { what });
            }
            return Outcome::LoginRefused(LoginRefusal::Wrong);
        };
        self.enter(user, login, password)
    }

    /// The certificate that the client showed on the control connection.
    fn client_certificate(&self) -> Option<&[u8]> {
        self.tls.as_deref().and_then(SessionTls::client).map(|shown| shown.as_ref().as_ref())
    }

    /// A log-in by certificate alone; whoever it says nothing of is asked for a password.
    pub(super) async fn recognise(&mut self, user: &[u8]) -> Outcome {
        let ip = self.machine.peer().ip();
        let limit = self.shared.options.limits.login;
        let auth = &self.shared.hosts.get(self.host).auth;
        let Some(shown) = self.client_certificate() else {
            return Outcome::Failed(Failure::NotFound);
        };
        match timeout(limit, auth.recognise(user, shown, ip)).await {
            Ok(Some(login)) => self.enter(user, login, b""),
            _ => Outcome::Failed(Failure::NotFound),
        }
    }

    /// Someone has proved who they are.
    fn enter(&mut self, user: &[u8], login: Login, password: &[u8]) -> Outcome {
        let account = Arc::clone(&login.account);
        let counted =
            self.shared.registry.log_in(&self.counted_as(&account.name), account.sessions_max);
        if account.sessions_max.is_some() && counted.is_none() {
            self.report(&Event::LoginFailed { user });
            return Outcome::LoginRefused(LoginRefusal::TooManySessions);
        }
        // With ACCT still to come nobody is logged in yet.
        if account.acct != Some(AcctFor::Login) {
            self.report(&Event::LoggedIn {
                user: &account.name,
                anonymous_hint: account.anonymous.then_some(password),
                tls: self.tls_version(),
            });
            self.place.slot().set_account(Some(Arc::clone(&account)));
        }
        let home = account.home.clone();
        if account.fxp {
            self.machine.may_use_partners();
        }
        self.guard = Some(Arc::new(Guarded::new(login)));
        self.counted = counted.map(Box::new);
        match account.acct {
            None => Outcome::LoggedIn(home),
            Some(AcctFor::Login) => Outcome::AccountWanted { home, until: AccountFor::Login },
            Some(_) => Outcome::AccountWanted { home, until: AccountFor::Writing },
        }
    }

    /// SITE WHO.
    fn who(&self) -> Outcome {
        if !self.guard.as_ref().is_some_and(|guard| guard.account().admin) {
            return Outcome::Failed(Failure::Denied);
        }
        let now = self.shared.clock.now();
        Outcome::Present(who::present(&self.shared.registry, self.shared.second(), now))
    }

    /// An account's name among those of all hosts.
    pub(super) fn counted_as<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.host {
            0 => Cow::Borrowed(name),
            host => Cow::Owned(format!("{name}\0{host}")),
        }
    }

    pub(super) fn session(&self) -> Option<Session> {
        let options = &self.shared.options;
        Some(Session {
            guard: Arc::clone(self.guard.as_ref()?),
            entropy: Arc::clone(&self.shared.entropy),
            now: self.shared.clock.now(),
            names: self.names(),
            uploads: options.uploads,
            show_hidden: options.show_hidden,
            recursive_listings: options.recursive_listings,
            coding: options.coding,
            size_scan: options.limits.ascii_size_scan,
            restart_scan: options.limits.ascii_restart_scan,
            stat_entries: options.limits.stat_entries,
            work_octets: options.limits.work_octets,
            work_entries: options.limits.work_entries,
            work_time: options.limits.work_time,
        })
    }

    pub(super) async fn open_transfer(&self, plan: Plan, work: &mut Work) -> Outcome {
        let Some(session) = self.session() else {
            return Outcome::Failed(Failure::Denied);
        };
        let verb = plan.verb;
        let path = about(&plan);
        let lists = matches!(plan.what, Transfer::List { .. } | Transfer::Facts { .. });
        match opened::open(&session, plan).await {
            Ok(ready) => {
                let (wire_len, stored_as) = (ready.wire_len, ready.stored_as.clone());
                work.ready = Some(Opening { ready, verb });
                Outcome::Opened { wire_len, stored_as }
            }
            Err(refused) => {
                let why = match &refused {
                    Refused::Storage(error) => error.to_string(),
                    Refused::TooCostly => String::from("too costly"),
                    Refused::NotOfForm => String::from("not possible in that representation"),
                    Refused::SameFile | Refused::Stopped => String::from("refused"),
                };
                if let Some(path) = path {
                    self.report(&Event::Transferred {
                        verb: verb.name(),
                        path: &path,
                        bytes: 0,
                        took: Duration::ZERO,
                        tls: None,
                        failed: Some(&why),
                    });
                }
                Outcome::Failed(match refused.failure() {
                    // curl takes 450 in reply to LIST for a directory with nothing in it, as some
                    // servers mean it; who mirrors one would then delete all there is.
                    Failure::Busy if lists => Failure::Io,
                    failure => failure,
                })
            }
        }
    }
}

/// What a transfer is about, for logs.
fn about(plan: &Plan) -> Option<FtpPath> {
    Some(match &plan.what {
        Transfer::Retrieve { path, .. }
        | Transfer::Store { path, .. }
        | Transfer::Append { path, .. }
        | Transfer::Facts { path, .. } => path.clone(),
        Transfer::StoreUnique { dir, .. } => dir.clone(),
        Transfer::List { targets, .. } => targets.first()?.path.clone(),
    })
}

/// What to report of a change that succeeds.
fn told(ask: &Ask) -> Option<(&'static str, FtpPath, Option<FtpPath>)> {
    Some(match ask {
        Ask::MakeDir(path, _) => ("MKD", path.clone(), None),
        Ask::RemoveDir(path) => ("RMD", path.clone(), None),
        Ask::Delete(path) => ("DELE", path.clone(), None),
        Ask::Rename(from, to) => ("RNTO", from.clone(), Some(to.clone())),
        Ask::ChangeMode(path, _) => ("SITE CHMOD", path.clone(), None),
        Ask::SetTimes { path, .. } => ("MFMT", path.clone(), None),
        Ask::ChangeFacts { verb, path, .. } => (verb, path.clone(), None),
        Ask::MakeDirs(path, _) => ("SITE MKDIR", path.clone(), None),
        Ask::MakeLink { path, target } => ("SITE SYMLINK", path.clone(), Some(target.clone())),
        _ => return None,
    })
}
