//! Where TLS ends: close_notify is always sent, its absence can be told, and ABOR works under TLS.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use ferry_storage::memory::Memory;

use crate::support::{Blueprint, Client, Site, TlsPeer, over_tls};

const BIG: usize = 24 << 20;

fn site(strict: bool) -> (Site, Arc<Memory>) {
    let memory = Arc::new(Memory::new());
    memory.put("/old", b"old content").unwrap();
    memory.put("/big", &vec![b'b'; BIG]).unwrap();
    let storage = Arc::clone(&memory);
    let blueprint = Blueprint::of(storage).with_tls();
    let site = blueprint.with(|o| o.strict_close_notify = strict).build();
    (site, memory)
}

fn peers(site: &Site) -> [(&'static str, Arc<TlsPeer>); 2] {
    site.certified.as_ref().unwrap().peers()
}

/// Uploads `content`, ending TCP with or without TLS's own end; the reply.
fn upload(
    client: &mut Client,
    peer: &TlsPeer,
    command: &str,
    content: &[u8],
    says_end: bool,
) -> u16 {
    let data = client.data();
    client.ok(command, 150);
    let mut data = over_tls(peer, data).unwrap();
    data.write_all(content).unwrap();
    if says_end {
        data.conn.send_close_notify();
    }
    data.flush().unwrap();
    data.sock.shutdown(Shutdown::Write).unwrap();
    client.reply().code
}

#[test]
fn an_upload_cut_off_below_tls_is_not_taken_for_whole_under_strict_close_notify() {
    let (site, memory) = site(true);
    for (version, peer) in peers(&site) {
        let mut client = site.private_writer(&peer);
        assert_eq!(upload(&mut client, &peer, "STOR old", b"cut", false), 426, "{version}");
        assert_eq!(memory.get("/old").unwrap(), b"old content", "{version}");
        let name = format!("/new {version}");
        assert_eq!(upload(&mut client, &peer, &format!("STOR {name}"), b"cut", false), 426);
        assert_eq!(memory.get(&name).unwrap(), b"cut", "{version}: kept for resuming");
        assert_eq!(upload(&mut client, &peer, "STOR whole", b"whole", true), 226, "{version}");
        assert_eq!(memory.get("/whole").unwrap(), b"whole");
    }
}

#[test]
fn an_upload_cut_off_below_tls_is_accepted_and_noted_otherwise() {
    let (site, memory) = site(false);
    for (version, peer) in peers(&site) {
        let mut client = site.private_writer(&peer);
        assert_eq!(upload(&mut client, &peer, "STOR old", version.as_bytes(), false), 226);
        assert_eq!(memory.get("/old").unwrap(), version.as_bytes());
    }
    site.heard.wait_for("ended without close_notify");
}

#[test]
fn downloads_and_listings_end_with_close_notify() {
    let (site, _) = site(false);
    for (version, peer) in peers(&site) {
        let mut client = site.private_writer(&peer);
        for (command, len) in
            [("RETR big", Some(BIG)), ("LIST", None), ("MLSD", None), ("NLST nothing*", Some(0))]
        {
            let data = client.data();
            client.ok(command, 150);
            let mut data = over_tls(&peer, data).unwrap();
            let mut came = Vec::new();
            // Without close_notify this is an error.
            data.read_to_end(&mut came).unwrap();
            assert!(len.is_none_or(|len| len == came.len()), "{version}: {command}");
            drop(data);
            client.expect(226);
        }
    }
}

#[test]
fn an_upload_is_answered_with_close_notify_before_its_226() {
    let (site, _) = site(false);
    for (version, peer) in peers(&site) {
        let mut client = site.private_writer(&peer);
        let data = client.data();
        client.ok("STOR f", 150);
        let mut data = over_tls(&peer, data).unwrap();
        data.write_all(b"x").unwrap();
        // TLS ends, TCP does not: close_notify alone is the end of the file.
        data.conn.send_close_notify();
        data.flush().unwrap();
        assert_eq!(data.read(&mut [0; 1]).unwrap(), 0, "{version}");
        client.expect(226);
    }
}

#[test]
fn the_control_connection_ends_with_close_notify_whoever_ends_it() {
    let (site, _) = site(false);
    for (version, peer) in peers(&site) {
        let mut client = site.private_writer(&peer);
        client.ok("QUIT", 221);
        assert_eq!(client.rest().unwrap(), b"", "{version}: QUIT");

        let mut client = site.private_writer(&peer);
        client.finish();
        assert_eq!(client.rest().unwrap(), b"", "{version}: the client ends it");
    }
    let hasty =
        Blueprint::default().with_tls().with(|o| o.limits.idle = Duration::from_secs(1)).build();
    for (version, peer) in peers(&hasty) {
        let mut client = hasty.private_writer(&peer);
        let said = client.rest().unwrap();
        assert!(said.starts_with(b"421 "), "{version}: time-out");
    }
}

#[test]
fn abor_under_tls_stops_the_transfer_without_claiming_its_end() {
    let (site, _) = site(false);
    for (version, peer) in peers(&site) {
        let mut client = site.private_writer(&peer);
        let data = client.data();
        client.ok("RETR big", 150);
        let mut data = over_tls(&peer, data).unwrap();
        data.read_exact(&mut [0; 1000]).unwrap();
        client.ok("ABOR", 426);
        client.expect(226);
        // Cut off: no close_notify may say that this was all.
        let cut = data.read_to_end(&mut Vec::new());
        assert!(cut.is_err(), "{version}");
        assert_eq!(client.fetch("RETR old"), b"old content", "{version}");

        let data = client.data();
        client.ok("STOR new", 150);
        let mut data = over_tls(&peer, data).unwrap();
        data.write_all(b"some").unwrap();
        client.ok("ABOR", 426);
        client.expect(226);
        assert!(data.read_to_end(&mut Vec::new()).is_err(), "{version}");
    }
}

#[test]
fn abor_during_a_handshake_on_the_data_connection_ends_it() {
    let (site, _) = site(false);
    for (_, peer) in peers(&site) {
        let mut client = site.private_writer(&peer);
        let _silent = client.data();
        client.ok("LIST", 150);
        client.ok("ABOR", 426);
        client.expect(226);
        client.ok("NOOP", 200);
    }
}

#[test]
fn a_control_connection_cut_off_below_tls_takes_its_transfer_with_it() {
    let (site, memory) = site(false);
    for (version, peer) in peers(&site) {
        let mut client = site.private_writer(&peer);
        let data = client.data();
        client.ok("STOR old", 150);
        let mut data = over_tls(&peer, data).unwrap();
        data.write_all(b"half").unwrap();
        client.tcp().shutdown(Shutdown::Both).unwrap();
        drop(client);
        assert!(data.read_to_end(&mut Vec::new()).is_err(), "{version}");
        site.wait_until_empty();
        assert_eq!(memory.get("/old").unwrap(), b"old content", "{version}");
    }
}
