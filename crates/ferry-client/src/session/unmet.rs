//! A transfer command whose caller went away before there was a data connection.
//!
//! The server waits for one: vsftpd for a minute, with a lock on the file of an upload that no
//! other session gets past, and the end of the control connection does not wake it. So somebody
//! has to turn up and leave again.

use std::net::SocketAddr;
use std::time::Duration;

use ferry_proto::client::replies;

use super::Session;
use super::control::Ticket;
use crate::net;

/// Armed while a server waits for a data connection; dropped then, it makes one and ends it.
#[derive(Debug)]
pub(super) struct Unmet<'a> {
    session: &'a Session,
    /// An upload ends by a reset, so that nothing is not taken for a whole file.
    upload: bool,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Nobody waits.
    None,
    /// What this says.
    Told(Ticket),
    /// There.
    At(SocketAddr),
}

impl<'a> Unmet<'a> {
    /// Not armed.
    pub(super) fn new(session: &'a Session, upload: bool) -> Self {
        Self { session, upload, place: Place::None }
    }

    /// The command goes out before the server has said where.
    pub(super) fn told_by(&mut self, setup: Ticket) {
        self.place = Place::Told(setup);
    }

    /// The reply that says where, if it is awaited here.
    pub(super) fn setup(&mut self) -> Option<&mut Ticket> {
        match &mut self.place {
            Place::Told(ticket) => Some(ticket),
            Place::None | Place::At(_) => None,
        }
    }

    /// The command is out, and the server listens there.
    pub(super) fn at(&mut self, at: SocketAddr) {
        self.place = Place::At(at);
    }

    /// There is a data connection, or none will be.
    pub(super) fn met(&mut self) {
        self.place = Place::None;
    }
}

impl Drop for Unmet<'_> {
    fn drop(&mut self) {
        let place = std::mem::replace(&mut self.place, Place::None);
        if matches!(place, Place::None) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (session, upload) = (self.session.clone(), self.upload);
        drop(runtime.spawn(async move {
            let patience = session.timeout();
            _ = tokio::time::timeout(patience, turn_up(&session, place, upload)).await;
        }));
    }
}

async fn turn_up(session: &Session, place: Place, upload: bool) -> Option<()> {
    let at = match place {
        Place::None => return None,
        Place::At(at) => at,
        Place::Told(mut setup) => {
            let reply = setup.last().await.ok()?;
            let port = replies::extended_passive_port(&reply).map(|port| session.peer_at(port));
            let named = || replies::passive_address(&reply).map(|at| session.believe(at.into()));
            port.or_else(named)?
        }
    };
    let (host, settings) = (&session.0.site.host, &session.0.settings);
    let stream = net::connect_data(at, host, settings).await.ok()?;
    if upload {
        _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    Some(())
}
