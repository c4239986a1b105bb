//! `fxp`: a file from one server to another. The octets go through here.

use std::slice;

use crate::cli::Fxp;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::url::Spec;

pub(crate) async fn run(cx: &Cx, args: &Fxp) -> Outcome<Exit> {
    for argument in [&args.from, &args.to] {
        if !matches!(cx.places.parse(argument)?, Spec::Remote(_)) {
            return Err(Failure::usage("fxp is for two servers; get and put are for this machine"));
        }
    }
    if !cx.quiet() && !cx.json() {
        say::err("ferry: the file goes from server to server through this machine");
    }
    super::transfer::run(cx, slice::from_ref(&args.from), &args.to, false).await
}
