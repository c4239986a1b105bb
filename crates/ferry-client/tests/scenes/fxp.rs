//! The step that has a file moved between two sessions, both of them with the scene's server. The
//! other steps are in `steps.rs`.

use ferry_client::fxp::{How, Unmoved, transfer};
use ferry_client::session::Session;
use ferry_client::{Settings, Site};

use super::line::{number, word};
use super::outcome::{Came, Outcome};
use super::usable;

/// Performs `fxp FROM TO [at N]`. Whatever comes of it, a session that is left must be usable.
pub(super) async fn perform(
    other: &mut Option<Session>,
    site: &Site,
    settings: &Settings,
    (session, from): (&Session, &[u8]),
    rest: &str,
) -> Result<Outcome, String> {
    if other.as_ref().is_none_or(Session::is_closed) {
        match Box::pin(Session::connect(site, settings)).await {
            Ok(session) => *other = Some(session),
            Err(error) => return Ok(Err(error)),
        }
    }
    let target = other.as_ref().ok_or("no second session")?;
    let (to, rest) = word(rest)?;
    let at = match rest.strip_prefix("at ") {
        Some(at) => number(at)?,
        None => 0,
    };
    let how = How { from: at, ..How::default() };
    let came = match Box::pin(transfer(session, from, target, &to, how)).await {
        Ok(_) => Ok(Came::Done),
        Err(Unmoved::NotDirect(error)) => {
            Ok(Came::Words(format!("not directly, {:?}", error.kind())))
        }
        Err(Unmoved::Failed(error)) => Err(error),
    };
    for (session, name) in [(session, "source"), (target, "target")] {
        if !session.is_closed() && usable(session).await != "yes" {
            return Err(format!("the session of the {name} is neither usable nor closed"));
        }
    }
    Ok(came)
}
