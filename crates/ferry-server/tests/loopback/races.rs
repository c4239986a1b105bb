//! Someone on the machine swaps a served directory with a link that leads out, as fast as it can,
//! while clients use every command on it: nothing outside is read, listed, made or changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{Blueprint, Client, Outside, Site};

/// Rounds of commands per client; each meets several swaps.
const ROUNDS: usize = 60;

/// `d` and `e` change places: one is a directory of ours, the other a link to the canaries.
fn prepare(outside: &Outside) {
    let root = outside.root();
    fs::create_dir_all(root.join("d/nest")).unwrap();
    for name in ["d/yellow-bird", "d/nest/canary"] {
        fs::write(root.join(name), "ours").unwrap();
    }
    symlink("../aviary", root.join("e")).unwrap();
    // And a file that becomes a link to a canary.
    fs::write(root.join("f"), "ours").unwrap();
    symlink("../canary", root.join("g")).unwrap();
}

fn swap(root: &Path, one: &str, other: &str) {
    let (one, other) = (root.join(one), root.join(other));
    // Fails where a client has just removed or renamed one of the two.
    let _ = renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE);
}

fn must_be_ours(came: &[u8], command: &str) {
    for mark in [&Outside::MARKS[0], &Outside::MARKS[2], &Outside::MARKS[3]] {
        let told = came.windows(mark.len()).any(|w| w == mark.as_bytes());
        assert!(!told, "{command} tells {mark}: {}", came.escape_ascii());
    }
}

fn look(client: &mut Client, inside: &AtomicU32) {
    for command in [
        "RETR d/yellow-bird",
        "RETR d/nest/canary",
        "RETR f",
        "LIST d",
        "LIST -d f",
        "MLSD d",
        "NLST d/nest",
        "LIST d/../d/nest",
    ] {
        let (reply, came) = client.transfer(command, None);
        must_be_ours(&[reply.raw, came].concat(), command);
    }
    for command in ["SIZE d/yellow-bird", "SIZE f", "MDTM d/nest/canary", "MLST f", "STAT d"] {
        must_be_ours(&client.ask(command).raw, command);
    }
    if client.ask("CWD d").code == 250 {
        inside.fetch_add(1, Ordering::Relaxed);
        for command in ["SIZE yellow-bird", "STAT .", "MLST nest/canary"] {
            must_be_ours(&client.ask(command).raw, command);
        }
        client.ok("CWD /", 250);
    }
}

fn change(client: &mut Client, mine: usize) {
    for command in [
        format!("STOR d/new{mine}"),
        String::from("STOR d/yellow-bird"),
        String::from("APPE d/nest/canary"),
        String::from("STOR f"),
        String::from("APPE f"),
    ] {
        client.transfer(&command, Some(b"EVIL"));
        // In place, too.
        client.ask("REST 2");
        client.transfer(&command, Some(b"EVIL"));
    }
    for command in [
        format!("MKD d/dir{mine}"),
        format!("MKD d/nest/dir{mine}"),
        format!("RNFR d/new{mine}"),
        format!("RNTO d/nest/moved{mine}"),
        format!("RNFR d/nest/moved{mine}"),
        format!("RNTO taken{mine}"),
        format!("DELE taken{mine}"),
        format!("RMD d/dir{mine}"),
        format!("RMD d/nest/dir{mine}"),
        String::from("MFMT 20200101000000 d/yellow-bird"),
        String::from("SITE CHMOD 600 f"),
        String::from("SITE CHMOD 644 d/nest/canary"),
        String::from("DELE d/nest/none"),
    ] {
        client.ask(&command);
    }
}

/// What one client does in a round.
type Round = Box<dyn Fn(&mut Client) + Send + Sync>;

fn with_swaps(outside: &Outside, site: &Site, clients: Vec<Round>) {
    let root = outside.root();
    let busy = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let running: Vec<_> = clients
            .iter()
            .map(|work| {
                scope.spawn(|| {
                    let mut client = site.writer();
                    (0..ROUNDS).for_each(|_| work(&mut client));
                })
            })
            .collect();
        let swapping = scope.spawn(|| {
            while busy.load(Ordering::Relaxed) {
                swap(&root, "d", "e");
                swap(&root, "f", "g");
                std::thread::yield_now();
            }
        });
        let ends: Vec<_> = running.into_iter().map(|r| r.join()).collect();
        busy.store(false, Ordering::Relaxed);
        swapping.join().unwrap();
        ends.into_iter().for_each(|end| end.unwrap());
    });
}

#[test]
fn links_swapped_in_while_commands_run_lead_nowhere() {
    let outside = Outside::new();
    prepare(&outside);
    let site = Blueprint::of_dir(&outside.root()).build();
    let inside = std::sync::Arc::new(AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&inside);
    with_swaps(
        &outside,
        &site,
        vec![Box::new(move |client| look(client, &counted)), Box::new(|client| change(client, 1))],
    );
    assert!(inside.load(Ordering::Relaxed) > 0, "some rounds met the directory");
    outside.assert_untouched("the race");
}
