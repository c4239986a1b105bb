//! `mirror`: a tree made like another.

use crate::cx::Cx;
use crate::engine::Engine;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::Place;

use super::transfer::Target;

/// A directory with all that is in it into the target, or as the target.
#[allow(clippy::unused_async, reason = "it waits as soon as trees can be copied")]
pub(crate) async fn into(cx: &Cx, engine: &Engine, from: &Place, target: &Target) -> Outcome<Exit> {
    let _ = (cx, engine, target);
    Err(Failure::new(Exit::Refused, format!("{}: trees cannot be copied yet", from.shown())))
}
