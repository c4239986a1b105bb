//! `get`: files to this machine, or to standard output.

use std::ffi::{OsStr, OsString};

use crate::cli::Get;
use crate::cx::Cx;
use crate::exit::{Exit, Outcome};
use crate::place::Role;
use crate::url::Spec;

pub(crate) async fn run(cx: &Cx, args: &Get) -> Outcome<Exit> {
    let (sources, target) = split(cx, &args.places)?;
    if target == "-" {
        return cx
            .each(sources, Role::Read, async |place| super::cat::write_out(place, 0, None).await)
            .await;
    }
    super::transfer::run(cx, sources, target, args.recursive).await
}

/// The last place is where the files go, unless there is just one, or it is on a server: those are
/// all to be fetched to here.
fn split<'a>(cx: &Cx, places: &'a [OsString]) -> Outcome<(&'a [OsString], &'a OsStr)> {
    let here = OsStr::new(".");
    match places.split_last() {
        None | Some((_, [])) => Ok((places, here)),
        Some((last, sources)) => match cx.places.parse(last)? {
            Spec::Remote(_) => Ok((places, here)),
            Spec::Local(_) | Spec::Standard => Ok((sources, last)),
        },
    }
}
