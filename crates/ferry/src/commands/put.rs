//! `put`: files, or standard input, to a server.

use std::ffi::{OsStr, OsString};

use ferry_storage::{Upload, WriteMode};

use crate::cli::Put;
use crate::cx::Cx;
use crate::engine::Engine;
use crate::exit::{Exit, Failure, Outcome, Tally};
use crate::place::{Place, Role};
use crate::progress::Board;
use crate::stream;

pub(crate) async fn run(cx: &Cx, args: &Put) -> Outcome<Exit> {
    let Some((target, sources)) = args.places.split_last() else {
        return Err(Failure::usage("put wants files and where to put them"));
    };
    if sources.iter().any(|source| source == "-") {
        if sources.len() > 1 {
            return Err(Failure::usage("standard input goes alone"));
        }
        return super::transfer::from_standard_input(cx, target, args.append).await;
    }
    if args.append {
        return append(cx, sources, target).await;
    }
    super::transfer::run(cx, sources, target, args.recursive).await
}

/// How a stream whose length nobody knows is written.
pub(crate) fn write_mode(append: bool) -> WriteMode {
    match append {
        true => WriteMode::Append,
        // What broke off is no file of that name.
        false => WriteMode::Create(Upload::Discard),
    }
}

/// Appends files to one file, one after the other.
async fn append(cx: &Cx, sources: &[OsString], target: &OsStr) -> Outcome<Exit> {
    let engine = Engine::new(&cx.flags)?;
    let place = cx.places.open(target, Role::Write).await?;
    let mut tally = Tally::default();
    for source in sources {
        let from = cx.places.open(source, Role::Read).await?;
        match append_one(cx, &engine, &from, &place).await {
            Ok(()) => tally.done(),
            Err(failure) => cx.fail(&mut tally, &failure),
        }
    }
    Ok(tally.exit())
}

async fn append_one(cx: &Cx, engine: &Engine, from: &Place, to: &Place) -> Outcome<()> {
    let fail = |e| Failure::storage(format!("{} >> {}", from.shown(), to.shown()), &e);
    if cx.dry_run() {
        return Ok(());
    }
    let source = from.storage.read(&from.path, 0).await.map_err(fail)?;
    let mut reader = stream::Reader::new(source).map_err(fail)?;
    let sink = to.storage.write(&to.path, WriteMode::Append, engine.file_perm()).await;
    let mut sink = sink.map_err(fail)?;
    let (board, limits) = (Board::new(cx), engine.copy_options(from, to).limits);
    let file = board.file(from.shown());
    let mut buf = Vec::new();
    loop {
        buf = reader.next(buf).await.map_err(fail)?;
        if buf.is_empty() {
            break;
        }
        let len = buf.len();
        stream::pass(&limits, len).await;
        let (back, written) = sink.write(buf).await;
        written.map_err(fail)?;
        buf = back;
        stream::moved(&file, len);
    }
    sink.commit().await.map_err(fail)?;
    file.done();
    board.end();
    Ok(())
}
