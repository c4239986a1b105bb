//! A server as a storage keeps the contract that every storage keeps, as far as FTP can say it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use ferry_client::remote::Remote;
use ferry_storage::contract::{Fixture, cases};
use ferry_storage::memory::Memory;

use support::{Host, settings};

/// An upload begins with its octets, so that many can be under way without waiting for each
/// other's first reply; what is wrong with it then shows at the commit.
const LATE: &str = "an upload is refused at its end, not at its beginning";
/// STOR says nothing of permission bits, and a server applies its own.
const BITS: &str = "no command that makes something carries permission bits";
/// A server alone decides what a broken upload leaves behind.
const BROKEN: &str = "what a broken upload leaves behind is the server's choice";
/// RFC 3659 has times of a second, and fractions that few give.
const TIMES: &str = "times are told to the second";
/// MLSD and MLST of this server show what a link leads to, as FTP clients expect.
const LINKS: &str = "the server shows what a link leads to, not the link";

/// Promises that FTP has no words for, and why.
const BEYOND_FTP: [(&str, &str); 26] = [
    ("below a missing directory nothing is found and nothing can be made", LATE),
    ("a file in the middle of a path makes the rest not found", LATE),
    ("two create-new at once never get the same name", LATE),
    ("a create-new whose name went to someone else meanwhile does not replace it", LATE),
    ("a directory, or the root, cannot be written as a file", LATE),
    ("two who append at once lose nothing of each other", LATE),
    ("direct uploads are seen as they arrive", LATE),
    ("writing through a link that leads out is refused in every mode", LATE),
    ("writing through a link to a directory or a loop is refused", LATE),
    ("what was written in place stays when it is abandoned", BROKEN),
    ("in-place writing keeps the file's identity", BROKEN),
    ("a broken atomic upload of a new name leaves what arrived", BROKEN),
    ("what a broken upload left can be continued", BROKEN),
    ("a broken direct upload leaves what arrived", BROKEN),
    ("a write in place of a new name that never begins leaves nothing", BROKEN),
    ("a new file has exactly the permission bits asked for", BITS),
    ("a replaced file keeps its permission bits", BITS),
    ("a directory is made with exactly the permission bits asked for", BITS),
    ("a time of modification is set exactly, also long ago, on files and directories", TIMES),
    ("a link that is made leads to its target by a relative text", LINKS),
    ("stat without following sees the link itself", LINKS),
    ("a link that leads nowhere is not found when followed", LINKS),
    ("a link that leads out is not found, however it leads out", LINKS),
    ("a listing shows a link, where it points, and what is there if that is inside", LINKS),
    ("writing through a link writes what it leads to and keeps the link", LINKS),
    ("removing and renaming act on the link, not on what it leads to", LINKS),
];

async fn fixture() -> Fixture {
    let memory = Memory::new();
    let links = memory.clone();
    let host = Host::serve(Arc::new(memory));
    let remote = Remote::connect(host.site(), settings()).await.unwrap();
    Fixture::new(remote)
        .with_links(move |path, target| links.add_symlink(path.as_bytes(), target).unwrap())
        .with_guard(host)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_the_contract() {
    let mut broken = Vec::new();
    for case in cases() {
        let checked = tokio::spawn(async move {
            let fixture = fixture().await;
            (case.run)(&fixture).await;
        });
        let known = BEYOND_FTP.iter().any(|(name, _)| *name == case.name);
        match (checked.await, known) {
            (Ok(()), false) | (Err(_), true) => {}
            (Ok(()), true) => broken.push(format!("kept after all: {}", case.name)),
            (Err(_), false) => broken.push(format!("broken: {}", case.name)),
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
