//! `fxp`: files from one server to another, directly where both servers let them go so, else
//! through here.

use std::slice;

use ferry_client::Error;

use crate::cli::Fxp;
use crate::cx::Cx;
use crate::engine::{BetweenServers, Engine};
use crate::exit::{Exit, Failure, Outcome};
use crate::url::Spec;
use crate::{records, say};

pub(crate) async fn run(cx: &Cx, args: &Fxp) -> Outcome<Exit> {
    for argument in [&args.from, &args.to] {
        if !matches!(cx.places.parse(argument)?, Spec::Remote(_)) {
            return Err(Failure::usage("fxp is for two servers; get and put are for this machine"));
        }
    }
    let mut engine = Engine::new(&cx.flags)?;
    // Servers know no limits of ours.
    if cx.flags.transfer.limit_rate.is_some() && !args.via_here {
        through_here(cx, "--limit-rate holds only for what goes through this machine");
    } else if !args.via_here {
        let told = cx.clone();
        engine = engine.between_servers(BetweenServers {
            only: args.direct,
            longest: args.direct_timeout,
            refused: Box::new(move |error: &Error| through_here(&told, &error.to_string())),
        });
    }
    let sources = slice::from_ref(&args.from);
    Box::pin(super::transfer::run_by(cx, &engine, sources, &args.to, args.recursive)).await
}

/// Tells why the octets come through here.
fn through_here(cx: &Cx, why: &str) {
    if cx.json() {
        // A reader that has gone away shows with the first file.
        drop(cx.put(|| records::ThroughHere { why }, String::new));
    } else if !cx.quiet() {
        say::err(&format!(
            "ferry: not directly from server to server, but through this machine ({why})"
        ));
    }
}
