//! MODE B over sockets: thousands of files on one data connection, under TLS with one handshake,
//! and MODE Z with streams that expand without end.

use std::io::{Read, Write};
use std::sync::Arc;

use ferry_proto::repr::Transducer as _;
use ferry_proto::repr::deflate::{Encoder, Level};
use ferry_server::options::DataResumption;
use ferry_storage::memory::Memory;

use crate::support::{Blueprint, Client, over_tls, until_end};

/// Files moved over one connection.
const FILES: usize = 2_000;

/// One file of one block.
fn block(content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    [&[0x40, high, low], content].concat()
}

fn content(n: usize) -> Vec<u8> {
    format!("content of file {n}").into_bytes()
}

/// Reads one file of blocks.
fn read_file(data: &mut impl Read) -> Vec<u8> {
    let mut file = Vec::new();
    loop {
        let mut header = [0; 3];
        data.read_exact(&mut header).unwrap();
        let len = usize::from(u16::from_be_bytes([header[1], header[2]]));
        let at = file.len();
        file.resize(at + len, 0);
        data.read_exact(&mut file[at..]).unwrap();
        if header[0] & 0x40 != 0 {
            return file;
        }
    }
}

/// Everything is sent ahead, and one thread reads replies while another feeds the data connection.
fn store_all(client: &mut Client, mut data: impl Write + Send) {
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for n in 0..FILES {
                data.write_all(&block(&content(n))).unwrap();
            }
            data.flush().unwrap();
        });
        let mut said = 0;
        for n in 0..FILES {
            // Some of them ahead, as many as fit into what a server lets wait.
            while said < FILES && said < n + 500 {
                client.say(format!("STOR f{said}"));
                said += 1;
            }
            client.expect(if n == 0 { 150 } else { 125 });
            client.expect(250);
        }
    });
}

#[test]
fn thousands_of_files_go_up_and_down_one_connection() {
    let memory = Arc::new(Memory::new());
    let site = Blueprint::of(Arc::clone(&memory) as Arc<_>).build();
    let mut client = site.writer();
    client.ok("MODE B", 200);
    let data = client.data();
    store_all(&mut client, data.try_clone().unwrap());
    let mut data = data;
    for n in 0..FILES {
        client.say(format!("RETR f{n}"));
        client.expect(125);
        assert_eq!(read_file(&mut data), content(n));
        client.expect(250);
    }
    client.ok("QUIT", 221);
    assert_eq!(until_end(&mut data), b"");
}

#[test]
fn under_tls_one_handshake_serves_them_all() {
    let site = Blueprint::default()
        .with_tls()
        .with(|options| options.data_resumption = DataResumption::Strict)
        .build();
    for (version, peer) in site.certified.as_ref().unwrap().peers() {
        let mut client = site.private_writer(&peer);
        client.ok("MODE B", 200);
        let data = client.data();
        client.ok("STOR a", 150);
        let mut data = over_tls(&peer, data).unwrap();
        data.write_all(&block(b"first")).unwrap();
        client.expect(250);
        for n in 0..200 {
            client.ok(&format!("STOR b{n}"), 125);
            data.write_all(&block(&content(n))).unwrap();
            client.expect(250);
            client.ok(&format!("RETR b{n}"), 125);
            assert_eq!(read_file(&mut data), content(n), "{version}");
            client.expect(250);
        }
        client.ok("MODE S", 200);
        let mut rest = Vec::new();
        data.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"", "{version}");
    }
}

/// A zlib stream of that many megabytes of zeros.
fn bomb(megabytes: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(Level::default());
    let (mut out, zeros) = (Vec::new(), vec![0; 1 << 20]);
    for _ in 0..megabytes {
        encoder.step(&mut &zeros[..], &mut out, usize::MAX).unwrap();
    }
    encoder.close();
    encoder.step(&mut &[][..], &mut out, usize::MAX).unwrap();
    out
}

#[test]
fn a_stream_that_expands_without_end_is_stopped_with_552_and_the_session_goes_on() {
    let memory = Arc::new(Memory::new());
    let site = Blueprint::of(Arc::clone(&memory) as Arc<_>)
        .with(|options| options.coding.expansion.ratio_free = 4 << 20)
        .build();
    let mut client = site.writer();
    client.ok("TYPE I", 200);
    client.ok("MODE Z", 200);
    let mut data = client.data();
    client.ok("STOR bomb", 150);
    // The server may have given up before all of it is sent.
    let _ = data.write_all(&bomb(64));
    client.expect(552);
    let size = client.ok("SIZE bomb", 213).text();
    let kept: u64 = size.split_whitespace().last().unwrap().parse().unwrap();
    assert!(kept < 16 << 20, "{kept}");

    // What expands within reason is taken.
    let mut data = client.data();
    client.ok("STOR zeros", 150);
    data.write_all(&bomb(3)).unwrap();
    drop(data);
    client.expect(226);
    assert!(client.ok("SIZE zeros", 213).text().contains("3145728"));
}

/// Blocks of a download: each with its descriptor.
fn blocks(data: &mut impl Read) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        let mut header = [0; 3];
        data.read_exact(&mut header).unwrap();
        let mut payload = vec![0; usize::from(u16::from_be_bytes([header[1], header[2]]))];
        data.read_exact(&mut payload).unwrap();
        all.push((header[0], payload));
        if header[0] & 0x40 != 0 {
            return all;
        }
    }
}

#[test]
fn a_download_goes_on_from_any_marker_it_brought() {
    let memory = Arc::new(Memory::new());
    let file: Vec<u8> = (0..5_u32 << 20).map(|n| (n / 7).to_le_bytes()[0]).collect();
    memory.put("/big", &file).unwrap();
    let site = Blueprint::of(memory).with(|options| options.coding.markers = true).build();
    let mut client = site.writer();
    client.ok("TYPE I", 200);
    client.ok("MODE B", 200);
    let mut data = client.data();
    client.ok("RETR big", 150);
    let came = blocks(&mut data);
    client.expect(250);
    let mut at = 0;
    let mut markers = Vec::new();
    for (descriptor, payload) in &came {
        if descriptor & 0x10 == 0 {
            assert!(file[at..].starts_with(payload));
            at += payload.len();
        } else {
            let text = String::from_utf8(payload.clone()).unwrap();
            assert_eq!(text.parse::<usize>().unwrap(), at, "a marker names where it stands");
            markers.push(text);
        }
    }
    assert_eq!(at, file.len());
    assert!(markers.len() >= 3, "{markers:?}");
    for marker in markers {
        client.ok(&format!("REST {marker}"), 350);
        client.ok("RETR big", 125);
        let rest: Vec<u8> = blocks(&mut data)
            .into_iter()
            .filter(|(descriptor, _)| descriptor & 0x10 == 0)
            .flat_map(|(_, payload)| payload)
            .collect();
        client.expect(250);
        assert!(file.ends_with(&rest) && file.len() - rest.len() == marker.parse().unwrap());
    }
}
