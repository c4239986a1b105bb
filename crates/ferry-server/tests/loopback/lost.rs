//! The control connection ends while data moves: the transfer ends with it, and what it leaves
//! behind is never half a file in place of a whole one.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use socket2::SockRef;

use crate::support::{Blueprint, Client, Site, until_end};

/// How a client goes away.
#[derive(Debug, Clone, Copy)]
enum Leaves {
    Closing,
    HalfClosing,
    Resetting,
}

const WAYS: [Leaves; 3] = [Leaves::Closing, Leaves::HalfClosing, Leaves::Resetting];

/// Larger than what a transfer has in hand before it writes any of it.
const SOME: usize = 4 << 20;

fn leave(mut client: Client, how: Leaves) {
    match how {
        Leaves::Closing => drop(client),
        Leaves::HalfClosing => {
            client.finish();
            // The reply, if there is one, says that the transfer did not end well.
            let said = client.rest_or_reset();
            assert!(!said.windows(3).any(|w| w == b"226"), "{}", said.escape_ascii());
        }
        Leaves::Resetting => {
            let tcp = SockRef::from(client.tcp());
            tcp.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}

/// An upload of which [`SOME`] octets were sent when its client left; the data connection.
fn upload(site: &Site, command: &str, how: Leaves) -> TcpStream {
    let mut client = site.writer();
    let mut data = client.data();
    client.ok(command, 150);
    data.write_all(&vec![b'n'; SOME]).unwrap();
    for _ in 0..100_000 {
        let status = client.ok("STAT", 211).text();
        let moved = status.split_whitespace().filter_map(|w| w.parse::<usize>().ok());
        if moved.max() == Some(SOME) {
            break;
        }
    }
    leave(client, how);
    data
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_upload_over_a_file_leaves_the_old_one_whole() {
    for how in WAYS {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "old content").unwrap();
        let site = Blueprint::of_dir(dir.path()).build();
        let mut data = upload(&site, "STOR f", how);
        assert_eq!(until_end(&mut data), b"");
        site.wait_until_empty();
        // By the loss itself, not by a time-out later.
        site.heard.wait_for(r#"failed Some("aborted")"#);
        let kept = fs::read(dir.path().join("f")).unwrap();
        assert_eq!(kept, b"old content", "{how:?}");
        assert_eq!(names(dir.path()), ["f"], "{how:?}");
    }
}

#[test]
fn an_upload_of_a_new_file_leaves_what_arrived() {
    for how in WAYS {
        let dir = tempfile::tempdir().unwrap();
        let site = Blueprint::of_dir(dir.path()).build();
        let mut data = upload(&site, "STOR f", how);
        assert_eq!(until_end(&mut data), b"");
        site.wait_until_empty();
        // By the loss itself, not by a time-out later.
        site.heard.wait_for(r#"failed Some("aborted")"#);
        assert_eq!(names(dir.path()), ["f"], "{how:?}");
        let kept = fs::read(dir.path().join("f")).unwrap();
        assert!(!kept.is_empty() && kept.len() <= SOME, "{how:?}: {}", kept.len());
        assert!(kept.iter().all(|b| *b == b'n'), "{how:?}");

        // So that it can be resumed.
        let mut client = site.writer();
        let size = client.ok("SIZE f", 213).text();
        assert_eq!(size, format!("213 {}\r\n", kept.len()));
        client.ok(&format!("REST {}", kept.len()), 350);
        client.store("STOR f", b"end");
        assert_eq!(client.fetch("RETR f"), [&kept[..], b"end"].concat());
    }
}

#[test]
fn a_download_ends_with_its_control_connection() {
    let dir = tempfile::tempdir().unwrap();
    fs::File::create(dir.path().join("big")).unwrap().set_len(1 << 32).unwrap();
    for how in WAYS {
        let site = Blueprint::of_dir(dir.path()).build();
        let mut client = site.writer();
        let mut data = client.data();
        client.ok("RETR big", 150);
        leave(client, how);
        assert!(until_end(&mut data).len() < 1 << 32, "{how:?}");
        site.wait_until_empty();
        site.heard.wait_for("RETR /big");
    }
}

#[test]
fn commands_whose_replies_nobody_awaits_are_carried_out_up_to_the_first_that_needs_data() {
    let dir = tempfile::tempdir().unwrap();
    let site = Blueprint::of_dir(dir.path()).build();
    let mut client = site.writer();
    let _data = client.data();
    client.send(b"MKD one\r\nMKD two\r\nSTOR three\r\nMKD four\r\n");
    client.finish();
    client.expect(257);
    client.expect(257);
    client.rest_or_reset();
    site.wait_until_empty();
    assert_eq!(names(dir.path()), ["one", "two"]);
}

#[test]
fn an_upload_of_which_nothing_arrived_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let site = Blueprint::of_dir(dir.path()).build();
    let mut client = site.writer();
    let data = client.data();
    client.ok("STOR f", 150);
    client.ok("ABOR", 426);
    client.expect(226);
    drop(data);
    assert_eq!(names(dir.path()), [""; 0]);
}
