//! What each command does. Each works on places, whatever they are.

mod bookmark;
mod cat;
mod diff;
mod du;
mod find;
mod fxp;
mod get;
mod hash;
mod ls;
mod mirror;
mod mkdir;
mod mv;
mod put;
mod report;
mod rm;
mod stat;
mod sync;
mod transfer;
mod tree;

pub(crate) use bookmark::run as bookmark;

use crate::cli::Command;
use crate::cx::Cx;
use crate::exit::{Exit, Outcome};

/// Does it.
pub(crate) async fn run(cx: &Cx, command: Command) -> Outcome<Exit> {
    // Boxed, so that the future of one is not as large as that of all.
    match command {
        Command::Ls(args) => Box::pin(ls::run(cx, &args)).await,
        Command::Tree(args) => Box::pin(tree::run(cx, &args)).await,
        Command::Stat(args) => Box::pin(stat::run(cx, &args)).await,
        Command::Cat(args) => Box::pin(cat::run(cx, &args)).await,
        Command::Get(args) => Box::pin(get::run(cx, &args)).await,
        Command::Put(args) => Box::pin(put::run(cx, &args)).await,
        Command::Fxp(args) => Box::pin(fxp::run(cx, &args)).await,
        Command::Mirror(args) => Box::pin(mirror::run(cx, &args)).await,
        Command::Diff(args) => Box::pin(diff::run(cx, &args)).await,
        Command::Rm(args) => Box::pin(rm::run(cx, &args)).await,
        Command::Mv(args) => Box::pin(mv::run(cx, &args)).await,
        Command::Mkdir(args) => Box::pin(mkdir::run(cx, &args)).await,
        Command::Du(args) => Box::pin(du::run(cx, &args)).await,
        Command::Find(args) => Box::pin(find::run(cx, &args)).await,
        Command::Hash(args) => Box::pin(hash::run(cx, &args)).await,
        Command::Bookmark { action } => bookmark::run(cx, action),
        Command::Shell(args) => Box::pin(crate::shell::run(cx, &args)).await,
        Command::Open(args) => Box::pin(crate::shell::open(cx, &args)).await,
        Command::Sync(args) => Box::pin(sync::run(cx, &args)).await,
    }
}
