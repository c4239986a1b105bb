//! The client against every server there is, in the clear and under both versions of TLS: one table
//! of what was done and what came of it. A cell is fine, or left out for a reason that is a fact
//! about that server and is checked like one: the failure must be the one that is expected, and
//! must not go away unnoticed.
//!
//! What is done is in the modules, what servers cannot do in [`limits`].

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]
#![allow(clippy::large_futures, reason = "a handful of them, on stacks of tests")]

mod at;
mod basics;
mod bulk;
mod command;
mod copies;
mod deletes;
mod limits;
mod names;
mod ranges;
mod sample;
mod stops;
mod trees;

use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use interop::peers::say;
use interop::servers::{Kind, Peer, Tls, start};
use interop::table::{Cell, Table};

use at::At;
use limits::Limit;

/// What a scenario comes to; an error is its report.
type Outcome<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// One thing that is done.
struct Scenario {
    name: &'static str,
    run: for<'a> fn(&'a At<'a>) -> Outcome<'a>,
}

macro_rules! scenarios {
    ($($name:literal $run:path),* $(,)?) => {
        [$(Scenario { name: $name, run: |at| Box::pin($run(at)) }),*]
    };
}

/// What protects the connections.
const TLS: [Tls; 3] = [Tls::Plain, Tls::V12, Tls::V13];

const SCENARIOS: [Scenario; 27] = scenarios![
    "list" names::list,
    "fetch" names::fetch,
    "store" names::store,
    "stat" basics::stat,
    "get" basics::get,
    "put" basics::put,
    "empty" basics::empty,
    "append" basics::append,
    "resume-dn" basics::resume_down,
    "resume-up" basics::resume_up,
    "rename" basics::rename,
    "remove" basics::remove,
    "dirs" basics::directories,
    "times" basics::times,
    "64M" bulk::large,
    "120" bulk::many,
    "abort" stops::abort,
    "drop" stops::dropped,
    "timed" copies::timed,
    "copies" copies::copies,
    "segments" ranges::segments,
    "tree-up" trees::up,
    "tree-down" trees::down,
    "cut" trees::interrupted,
    "delete" deletes::delete,
    "unread" deletes::unread,
    "command" command::command,
];

/// A scenario that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn what_the_client_does_with_every_server() {
    // FERRY_ONLY=vsftpd: one server alone.
    let only = std::env::var_os("FERRY_ONLY");
    let content = bulk::Content::new();
    let mut rows: Vec<(String, Vec<Cell>)> = Vec::new();
    thread::scope(|scope| {
        let wanted = Kind::ALL.into_iter();
        let wanted = wanted.filter(|kind| only.as_ref().is_none_or(|only| only == kind.name()));
        let mut threads = Vec::new();
        for kind in wanted {
            let content = &content;
            threads.push(scope.spawn(move || {
                let rows = TLS.into_iter().filter_map(|tls| row(kind, tls, content));
                rows.collect::<Vec<_>>()
            }));
        }
        for thread in threads {
            rows.extend(thread.join().unwrap());
        }
    });
    let mut table = Table::default();
    for (name, cells) in rows {
        table.row(&name, cells);
    }
    say(&table.print("servers", &SCENARIOS.each_ref().map(|scenario| scenario.name)));
    assert_eq!(table.counts().2, 0, "\n{}", table.failures());
}

/// Everything with one server.
fn row(kind: Kind, tls: Tls, content: &bulk::Content) -> Option<(String, Vec<Cell>)> {
    let name = format!("{kind} {}", told(tls));
    // Some always offer everything; the client then asks for what the row says.
    let offered = if kind.tls_left_out(tls).is_some() { Tls::V13 } else { tls };
    let peer = match start(kind, offered) {
        Ok(Some(peer)) => peer,
        Ok(None) => return None,
        Err(e) => return Some((name, vec![Cell::Failed(e.to_string())])),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Some((name, runtime.block_on(cells(&peer, tls, content))))
}

fn told(tls: Tls) -> &'static str {
    match tls {
        Tls::Plain => "plain",
        Tls::V12 => "TLS 1.2",
        Tls::V13 => "TLS 1.3",
    }
}

async fn cells(peer: &Peer, tls: Tls, content: &bulk::Content) -> Vec<Cell> {
    let mut at: Option<At<'_>> = None;
    let mut cells = Vec::new();
    for scenario in &SCENARIOS {
        let limit = limits::of(peer.kind, tls, scenario.name);
        if let Some(Limit::Skipped(reason)) = limit {
            cells.push(Cell::Left(reason));
            continue;
        }
        let mut watch = None;
        let came = async {
            let here = match at.take() {
                Some(here) if !here.session.is_closed() => here,
                _ => At::connect(peer, tls, content).await?,
            };
            here.watch.clear();
            watch = Some(Arc::clone(&here.watch));
            (scenario.run)(&here).await?;
            at = Some(here);
            Ok(())
        };
        let came = tokio::time::timeout(LIMIT, came).await;
        let came = came.unwrap_or_else(|_| {
            let said = watch.map(|watch: Arc<at::Watch>| watch.tail()).unwrap_or_default();
            Err(format!("it hangs\n{said}"))
        });
        cells.push(match (came, limit) {
            (Ok(()), None | Some(Limit::MayFail(..))) => Cell::Ok,
            (Err(why), Some(Limit::Fails(signs, reason) | Limit::MayFail(signs, reason)))
                if signs.iter().any(|sign| why.contains(sign)) =>
            {
                Cell::Left(reason)
            }
            (Err(why), _) => Cell::Failed(report(peer, tls, scenario, &why)),
            (Ok(()), Some(limit)) => {
                let why = format!("it works, in spite of {limit:?}");
                Cell::Failed(report(peer, tls, scenario, &why))
            }
        });
    }
    cells
}

fn report(peer: &Peer, tls: Tls, scenario: &Scenario, why: &str) -> String {
    format!("{} {}, {}: {why}\n{}", peer.name(), told(tls), scenario.name, peer.log_tail())
}
