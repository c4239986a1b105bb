//! What happens while data moves: ABOR, STAT and QUIT, data connections that never come, peers
//! that stall, close early or close half.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ferry_storage::memory::Memory;
use socket2::SockRef;

use crate::support::{Blueprint, Client, Site, until_end};

/// More than any two sockets hold: a transfer of it cannot end before it is read.
const BIG: usize = 24 << 20;

/// A server with the file `big`.
fn with_big(change: impl FnOnce(&mut ferry_server::options::Options)) -> (Site, Arc<Memory>) {
    let memory = Arc::new(Memory::new());
    memory.put("/big", &vec![b'b'; BIG]).unwrap();
    let storage = Arc::clone(&memory);
    (Blueprint::of(storage).with(change).build(), memory)
}

#[test]
fn stat_in_a_transfer_tells_how_far_it_is_and_disturbs_nothing() {
    let (site, _) = with_big(|_| {});
    let mut client = site.writer();
    let mut data = client.data();
    client.ok("RETR big", 150);
    let mut first = vec![0; 1 << 20];
    data.read_exact(&mut first).unwrap();
    let status = client.ok("STAT", 211).text();
    let moved = status
        .split_whitespace()
        .filter_map(|word| word.parse::<usize>().ok())
        .find(|n| *n >= first.len());
    assert!(moved.is_some_and(|n| n < BIG), "{status}");
    assert!(status.contains("RETR"), "{status}");
    assert_eq!(first.len() + until_end(&mut data).len(), BIG);
    drop(data);
    client.expect(226);
}

#[test]
fn quit_in_a_transfer_waits_for_its_end() {
    let (site, memory) = with_big(|_| {});
    let mut client = site.writer();
    let mut data = client.data();
    client.ok("RETR big", 150);
    client.say("QUIT");
    client.ok("STAT", 211);
    assert_eq!(until_end(&mut data).len(), BIG);
    drop(data);
    client.expect(226);
    client.expect(221);
    assert_eq!(client.rest().unwrap(), b"");

    // Also where the client closes its side right behind QUIT.
    let mut client = site.writer();
    let mut data = client.data();
    client.ok("STOR new", 150);
    client.say("QUIT");
    client.finish();
    data.write_all(b"whole").unwrap();
    drop(data);
    client.expect(226);
    client.expect(221);
    assert_eq!(memory.get("/new").unwrap(), b"whole");
}

#[test]
fn abor_stops_a_download_and_the_session_goes_on() {
    let (site, _) = with_big(|_| {});
    let mut client = site.writer();
    for telnet in [false, true] {
        let mut data = client.data();
        client.ok("RETR big", 150);
        data.read_exact(&mut [0; 1000]).unwrap();
        if telnet {
            // As Telnet's Synch would have it, with the mark as urgent data (RFC 959 §4.1.3).
            SockRef::from(client.tcp()).send_out_of_band(b"\xff\xf4\xff").unwrap();
            client.send(b"\xf2ABOR\r\n");
        } else {
            client.say("ABOR");
        }
        client.expect(426);
        client.expect(226);
        assert!(until_end(&mut data).len() < BIG);
        client.ok("NOOP", 200);
    }
    client.store("STOR f", b"x");
    assert_eq!(client.fetch("RETR f"), b"x");
}

#[test]
fn abor_while_the_data_connection_is_awaited_cancels_the_wait() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    let at = client.passive();
    client.ok("LIST", 150);
    client.ok("ABOR", 426);
    client.expect(226);
    let gone = TcpStream::connect(at).map(drop).unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(client.fetch("NLST"), b"");
}

#[test]
fn a_data_connection_that_never_comes_ends_in_425() {
    let site =
        Blueprint::default().with(|o| o.limits.data_connect = Duration::from_secs(1)).build();
    let mut client = site.writer();
    client.passive();
    for transfer in ["LIST", "STOR new"] {
        client.passive();
        client.ok(transfer, 150);
        client.expect(425);
    }
    assert_eq!(client.ask("SIZE new").code, 550, "nothing came, nothing is there");
    // Active: nobody listens there any more.
    drop(client.active());
    client.ok("LIST", 150);
    client.expect(425);
    // Connected, but not by one whom the data belongs to.
    let at = client.passive();
    let stranger = crate::support::connect_from([127, 0, 0, 2].into(), at).unwrap();
    client.ok("LIST", 150);
    assert_eq!(until_end(&mut &stranger), b"");
    client.expect(425);
    client.store("STOR new", b"x");
}

#[test]
fn a_peer_that_stops_reading_or_writing_is_given_up_after_the_stall_limit() {
    let (site, memory) = with_big(|o| o.limits.stall = Duration::from_secs(1));
    let mut client = site.writer();
    let reader = client.data();
    client.ok("RETR big", 150);
    client.expect(426);
    drop(reader);
    let mut writer = client.data();
    client.ok("STOR new", 150);
    writer.write_all(b"some").unwrap();
    client.expect(426);
    assert_eq!(until_end(&mut writer), b"");
    assert_eq!(memory.get("/new").unwrap(), b"some", "what came is kept");
    client.ok("NOOP", 200);
}

#[test]
fn a_reader_that_has_closed_its_own_side_still_gets_the_whole_file() {
    let (site, _) = with_big(|_| {});
    let mut client = site.writer();
    let mut data = client.data();
    data.shutdown(Shutdown::Write).unwrap();
    client.ok("RETR big", 150);
    assert_eq!(until_end(&mut data).len(), BIG);
    drop(data);
    client.expect(226);
}

#[test]
fn a_download_closed_early_is_answered_426_and_one_read_to_the_end_226() {
    let (site, _) = with_big(|_| {});
    let mut client = site.writer();
    for read in [0, 1000] {
        let mut data = client.data();
        client.ok("RETR big", 150);
        data.read_exact(&mut vec![0; read]).unwrap();
        drop(data);
        client.expect(426);
    }
    assert_eq!(client.fetch("RETR big").len(), BIG);
}

/// A peer whose next close is a reset.
fn reset(data: TcpStream) {
    SockRef::from(&data).set_linger(Some(Duration::ZERO)).unwrap();
    drop(data);
}

#[test]
fn an_upload_that_ends_in_a_reset_is_not_taken_for_whole() {
    let (site, memory) = with_big(|_| {});
    memory.put("/old", b"old content").unwrap();
    let mut client = site.writer();
    for name in ["old", "new"] {
        let mut data = client.data();
        client.ok(&format!("STOR {name}"), 150);
        data.write_all(b"half").unwrap();
        wait_until_moved(&mut client, 4);
        reset(data);
        client.expect(426);
    }
    assert_eq!(memory.get("/old").unwrap(), b"old content");
    let kept = memory.get("/new").unwrap();
    assert!(b"half".starts_with(&kept[..]));
}

/// Asks until the running transfer has moved so many octets.
fn wait_until_moved(client: &mut Client, octets: usize) {
    for _ in 0..100_000 {
        let status = client.ok("STAT", 211).text();
        let moved = status.split_whitespace().filter_map(|w| w.parse::<usize>().ok());
        if moved.max().is_some_and(|n| n >= octets) {
            return;
        }
    }
    panic!("nothing moves");
}

#[test]
fn commands_sent_during_a_transfer_are_carried_out_after_it_in_order() {
    let (site, _) = with_big(|_| {});
    let mut client = site.writer();
    let mut data = client.data();
    client.ok("RETR big", 150);
    client.send(b"NOOP\r\nPWD\r\nMKD d\r\nSYST\r\n");
    client.ok("STAT", 211);
    assert_eq!(until_end(&mut data).len(), BIG);
    drop(data);
    for code in [226, 200, 257, 257, 215] {
        client.expect(code);
    }
}

#[test]
fn an_aborted_upload_keeps_every_octet_that_arrived() {
    let (site, memory) = with_big(|_| {});
    let mut client = site.writer();
    let mut data = client.data();
    client.ok("STOR new", 150);
    data.write_all(b"some that came").unwrap();
    wait_until_moved(&mut client, 14);
    client.ok("ABOR", 426);
    client.expect(226);
    assert_eq!(memory.get("/new").unwrap(), b"some that came");
    client.ok("TYPE I", 200);
    client.ok("SIZE new", 213);
}
