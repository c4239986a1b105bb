//! Transfers over loopback sockets, and stalls on a clock that stands still.

mod bursts;
mod straight;

use std::fs::File;
use std::io::{Read as _, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferry_proto::command::TypeCode;
use ferry_proto::repr::pipeline::{Encoder, Form, Options, Receiver, Start};
use ferry_proto::repr::{RestartPoint, Transducer as _};
use ferry_storage::{BoxFut, ByteSource, FsError, Sink, Source};
use proptest::prelude::*;
use rustls::version::{TLS12, TLS13};

use super::buffers::CHUNK;
use tokio::sync::Notify;

use super::receive::Upload;
use super::*;
use crate::options::DataResumption;
use crate::pace::Pace;
use crate::testing::{
    Attempt, Client, Collected, Stubborn, beside, certified, client_config, pair, pattern,
    read_plain, sluggish,
};
use crate::tls::Channel;

const STALL: Duration = Duration::from_secs(120);
const CLOSE: Duration = Duration::from_secs(5);

/// No limits.
fn flow(progress: &AtomicU64) -> Flow<'_> {
    Flow::new(progress, STALL, Pace::default())
}

/// A file on disk with this content, open at `from`.
fn file(content: &[u8], from: u64) -> Source {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    Source::File { file, from, len: content.len() as u64 }
}

fn image() -> Form {
    Form { type_code: TypeCode::Image, ..Form::default() }
}

fn ascii() -> Form {
    Form::default()
}

/// What a file goes through on its way out.
fn encoding(form: Form) -> Option<Encoding> {
    let start = Start::File(RestartPoint::default());
    let encoder = Encoder::new(form, &Options::default(), start).unwrap();
    (!form.is_identity()).then(|| Encoding { encoder: Box::new(encoder), markers: false })
}

/// A file as it is on the connection.
fn on_wire(form: Form, file: &[u8]) -> Vec<u8> {
    let Some(Encoding { mut encoder, .. }) = encoding(form) else { return file.to_vec() };
    let mut out = Vec::new();
    encoder.step(&mut &file[..], &mut out, usize::MAX).unwrap();
    encoder.close();
    encoder.step(&mut &[][..], &mut out, usize::MAX).unwrap();
    out
}

/// The octets of a connection as they are in the file.
fn in_file(form: Form, wire: &[u8]) -> Vec<u8> {
    let mut receiver = Receiver::new(form, &Options::default()).unwrap();
    let mut out = Vec::new();
    receiver.step(&mut &wire[..], &mut out, usize::MAX).unwrap();
    receiver.close();
    receiver.step(&mut &[][..], &mut out, usize::MAX).unwrap();
    out
}

/// Receives a file of that form, and finishes it.
async fn receive(
    wire: &mut Wire,
    sink: &mut Collected,
    form: Form,
    progress: &AtomicU64,
    policy: CloseNotify,
    stop: &Notify,
) -> Result<Upload, PumpError> {
    let mut done = receive_all_but_the_rest(wire, sink, form, progress, policy, stop).await?;
    sink.octets.append(&mut done.rest);
    Ok(done)
}

async fn receive_all_but_the_rest(
    wire: &mut Wire,
    sink: &mut Collected,
    form: Form,
    progress: &AtomicU64,
    policy: CloseNotify,
    stop: &Notify,
) -> Result<Upload, PumpError> {
    let mut from = Receiving { wire, flow: flow(progress), policy, stop };
    if form.is_identity() {
        return receive_file(from, sink).await;
    }
    let mut receiver = Receiver::new(form, &Options::default()).unwrap();
    let decoded = decode_file(&mut from, sink, &mut receiver, &mut Ahead::default(), None).await?;
    from.close_write().await;
    let octets = progress.load(Ordering::Relaxed);
    Ok(Upload { octets, rest: decoded.rest, truncated: decoded.truncated })
}

/// The same octets from something that is not a file, in small portions.
struct Portions(Vec<u8>, usize);

impl ByteSource for Portions {
    fn read(&mut self, mut buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<usize, FsError>)> {
        let n = self.1.min(self.0.len()).min(buf.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0.drain(..n);
        Box::pin(async move { (buf, Ok(n)) })
    }
}

#[derive(Debug, Clone, Copy)]
enum Cover {
    Plain,
    Tls12,
    Tls13,
}

/// A data connection: the server's end, and the client's once `go` is called with its work.
async fn connected<T: Send + 'static>(
    cover: Cover,
    channel: Channel,
    plain: impl FnOnce(TcpStream) -> T + Send + 'static,
    secure: impl FnOnce(Client) -> T + Send + 'static,
) -> (Wire, tokio::task::JoinHandle<T>) {
    let (mut wire, tcp) = pair().await;
    let version = match cover {
        Cover::Plain => return (wire, beside(move || plain(tcp))),
        Cover::Tls12 => &TLS12,
        Cover::Tls13 => &TLS13,
    };
    let (setup, roots) = certified();
    let config = Arc::new(client_config(roots, version));
    let peer = beside(move || secure(Client::connect(&config, tcp).unwrap()));
    let session = setup.session(DataResumption::Prefer).unwrap();
    wire.accept_tls(session.offer(channel), b"").await.unwrap();
    (wire, peer)
}

async fn download(cover: Cover, source: Source, form: Form) -> Vec<u8> {
    let (mut wire, peer) = connected(
        cover,
        Channel::Download,
        |tcp| read_plain(tcp).unwrap(),
        |mut client| client.read_to_end().unwrap(),
    )
    .await;
    let progress = AtomicU64::new(0);
    let sent = send_file(&mut wire, source, encoding(form), &mut flow(&progress)).await.unwrap();
    assert_eq!(finish(&mut wire, STALL, CLOSE).await.unwrap(), PeerEnd::Closed);
    let got = peer.await.unwrap();
    assert_eq!(sent, got.len() as u64);
    assert_eq!(progress.load(Ordering::Relaxed), sent);
    got
}

async fn upload(cover: Cover, octets: Vec<u8>, form: Form) -> Vec<u8> {
    let octets = Arc::new(octets);
    let (a, b) = (Arc::clone(&octets), Arc::clone(&octets));
    let (mut wire, peer) = connected(
        cover,
        Channel::Upload,
        move |mut tcp| {
            tcp.write_all(&a).unwrap();
            tcp.shutdown(Shutdown::Write).unwrap();
            read_plain(tcp).unwrap()
        },
        move |mut client| {
            client.send(&b);
            // No FIN: only our answer to close_notify ends this.
            client.notify_close();
            client.read_to_end().unwrap()
        },
    )
    .await;
    let (mut sink, progress) = (Collected::default(), AtomicU64::new(0));
    let policy = CloseNotify::Strict;
    let done = receive(&mut wire, &mut sink, form, &progress, policy, &Notify::new()).await;
    assert_eq!(
        done.unwrap(),
        Upload { octets: octets.len() as u64, rest: Vec::new(), truncated: false }
    );
    assert_eq!(peer.await.unwrap(), b"");
    sink.octets
}

const COVERS: [Cover; 3] = [Cover::Plain, Cover::Tls12, Cover::Tls13];

#[tokio::test]
async fn sixty_four_mebibytes_go_both_ways_unchanged() {
    let content = pattern(64 << 20);
    for cover in COVERS {
        let got = download(cover, file(&content, 0), image()).await;
        assert!(got == content, "download, {cover:?}");
        let got = upload(cover, content.clone(), image()).await;
        assert!(got == content, "upload, {cover:?}");
    }
}

#[tokio::test]
async fn lengths_around_the_buffer_size_and_nothing_at_all_are_whole() {
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
        let content = pattern(len);
        for cover in COVERS {
            let stream = Box::new(Portions(content.clone(), 100_000));
            let stream = Source::Stream { stream, len: len as u64 };
            assert!(download(cover, stream, image()).await == content);
            assert!(download(cover, file(&content, 0), image()).await == content);
            assert!(upload(cover, content.clone(), image()).await == content);
        }
    }
}

#[tokio::test]
async fn a_download_starts_where_it_is_told() {
    let content = pattern(300_000);
    for from in [0usize, 1, 299_999, 300_000] {
        for form in [image(), ascii()] {
            let expected = on_wire(form, &content[from..]);
            let got = download(Cover::Plain, file(&content, from as u64), form).await;
            assert!(got == expected, "{from} {form:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn text_is_converted_the_same_way_however_it_is_moved(
        seed in proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()],
            0..50,
        ),
        times in 1usize..12_000,
        portion in 1usize..70_000,
    ) {
        let text = seed.repeat(times);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let wire = on_wire(ascii(), &text);
            assert!(download(Cover::Plain, file(&text, 0), ascii()).await == wire);
            let stream = Box::new(Portions(text.clone(), portion.max(text.len() / 20)));
            let stream = Source::Stream { stream, len: text.len() as u64 };
            assert!(download(Cover::Plain, stream, ascii()).await == wire);
            let back = in_file(ascii(), &text);
            assert!(upload(Cover::Plain, text, ascii()).await == back);
        });
    }
}

#[tokio::test]
async fn a_file_is_sent_as_long_as_it_was_when_opened() {
    let content = pattern(500_000);
    for form in [image(), ascii()] {
        // Grown since.
        let Source::File { file: grown, .. } = file(&content, 0) else { unreachable!() };
        let source = Source::File { file: grown, from: 0, len: 100_000 };
        let expected = on_wire(form, &content[..100_000]);
        assert!(download(Cover::Plain, source, form).await == expected);

        // Shrunk since.
        let Source::File { file: shrunk, .. } = file(&content, 0) else { unreachable!() };
        let source = Source::File { file: shrunk, from: 0, len: 600_000 };
        let (mut wire, tcp) = pair().await;
        let peer = beside(move || read_plain(tcp));
        let progress = AtomicU64::new(0);
        let broken = send_file(&mut wire, source, encoding(form), &mut flow(&progress)).await;
        assert!(matches!(broken, Err(PumpError::Storage(FsError::Io(_)))), "{broken:?}");
        wire.abort();
        assert!(peer.await.unwrap().is_err(), "the peer must not take it for the whole");
    }
}

#[tokio::test]
async fn what_sendfile_cannot_send_is_read() {
    let file = File::open("/proc/self/cmdline").unwrap();
    let expected = std::fs::read("/proc/self/cmdline").unwrap();
    let source = Source::File { file, from: 0, len: expected.len() as u64 };
    assert_eq!(download(Cover::Plain, source, image()).await, expected);
}

#[tokio::test]
async fn a_peer_that_stopped_sending_is_served_to_the_end() {
    let content = pattern(1 << 20);
    let (mut wire, tcp) = pair().await;
    tcp.shutdown(Shutdown::Write).unwrap();
    let peer = beside(move || read_plain(tcp).unwrap());
    let progress = AtomicU64::new(0);
    let source = file(&content, 0);
    send_file(&mut wire, source, None, &mut flow(&progress)).await.unwrap();
    finish(&mut wire, STALL, CLOSE).await.unwrap();
    assert!(peer.await.unwrap() == content);
}

#[tokio::test]
async fn a_peer_that_leaves_breaks_a_download() {
    for form in [image(), ascii()] {
        let (mut wire, tcp) = pair().await;
        socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
        drop(tcp);
        let progress = AtomicU64::new(0);
        let source = file(&pattern(8 << 20), 0);
        let broken = send_file(&mut wire, source, encoding(form), &mut flow(&progress)).await;
        assert!(matches!(broken, Err(PumpError::Peer(_))), "{broken:?}");
    }
}

/// A client that sees the end of a file in its form closes before it has our close_notify.
#[tokio::test]
async fn a_peer_that_leaves_with_the_last_octet_has_it_all() {
    for cover in COVERS {
        let leave = |tcp: &TcpStream| {
            socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO)).unwrap();
        };
        let (mut wire, peer) = connected(
            cover,
            Channel::Download,
            move |mut tcp| {
                tcp.read_exact(&mut [0; 5]).unwrap();
                leave(&tcp);
            },
            move |mut client| {
                let mut got = [0; 5];
                let mut stream = rustls::Stream::new(&mut client.tls, &mut client.tcp);
                stream.read_exact(&mut got).unwrap();
                leave(&client.tcp);
            },
        )
        .await;
        let progress = AtomicU64::new(0);
        send_file(&mut wire, file(b"whole", 0), None, &mut flow(&progress)).await.unwrap();
        peer.await.unwrap();
        assert_eq!(finish(&mut wire, STALL, CLOSE).await.unwrap(), PeerEnd::Reset, "{cover:?}");
    }
}

#[tokio::test]
async fn what_arrived_before_a_reset_is_written() {
    let (mut wire, mut tcp) = pair().await;
    let (mut sink, progress) = (Collected::default(), AtomicU64::new(0));
    tcp.write_all(b"the first part").unwrap();
    let stop = Notify::new();
    let receiving = receive(&mut wire, &mut sink, ascii(), &progress, CloseNotify::Lenient, &stop);
    let leaving = async {
        while progress.load(Ordering::Relaxed) < 14 {
            tokio::task::yield_now().await;
        }
        socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
        drop(tcp);
    };
    let (broken, ()) = tokio::join!(receiving, leaving);
    assert!(matches!(broken, Err(PumpError::Peer(_))), "{broken:?}");
    assert_eq!(sink.octets, b"the first part");
}

#[tokio::test]
async fn a_missing_close_notify_is_reported_or_refused() {
    for policy in [CloseNotify::Lenient, CloseNotify::Strict] {
        let (mut wire, peer) = connected(
            Cover::Tls13,
            Channel::Upload,
            |_| (),
            |mut client| {
                client.send(b"perhaps all");
                drop(client);
            },
        )
        .await;
        let (mut sink, progress) = (Collected::default(), AtomicU64::new(0));
        let stop = Notify::new();
        let end = receive(&mut wire, &mut sink, image(), &progress, policy, &stop).await;
        match policy {
            CloseNotify::Lenient => {
                assert_eq!(end.unwrap(), Upload { octets: 11, rest: Vec::new(), truncated: true });
            }
            CloseNotify::Strict => assert!(matches!(end, Err(PumpError::Truncated)), "{end:?}"),
        }
        assert_eq!(sink.octets, b"perhaps all");
        peer.await.unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_ends_an_upload() {
    let (mut wire, mut tcp) = pair().await;
    let peer = beside(move || {
        // Until the server gives up.
        while tcp.write_all(&[7; 4096]).is_ok() {}
    });
    let (mut sink, progress) = (Collected::default(), AtomicU64::new(0));
    sink.room = 1 << 20;
    let (form, policy) = (image(), CloseNotify::Lenient);
    let broken = receive(&mut wire, &mut sink, form, &progress, policy, &Notify::new()).await;
    assert!(matches!(broken, Err(PumpError::Storage(FsError::NoSpace))), "{broken:?}");
    wire.abort();
    peer.await.unwrap();
}

/// Lines by the hundred.
struct Numbers(std::ops::Range<u32>);

impl Lines for Numbers {
    fn next<'a>(&'a mut self, out: &'a mut Vec<u8>) -> BoxFut<'a, Result<bool, FsError>> {
        for n in self.0.by_ref().take(100) {
            write!(out, "{n}\r\n").unwrap();
        }
        let more = !self.0.is_empty();
        Box::pin(async move { Ok(more) })
    }
}

#[tokio::test]
async fn a_listing_is_sent_whole() {
    for count in [0, 1, 100, 200_000] {
        let (mut wire, tcp) = pair().await;
        let peer = beside(move || read_plain(tcp).unwrap());
        let progress = AtomicU64::new(0);
        let mut lines = Numbers(0..count);
        let sent = send_lines(&mut wire, &mut lines, None, &mut flow(&progress)).await.unwrap();
        finish(&mut wire, STALL, CLOSE).await.unwrap();
        let expected: String = (0..count).map(|n| format!("{n}\r\n")).collect();
        let got = peer.await.unwrap();
        assert!(got == expected.as_bytes());
        assert_eq!(sent, got.len() as u64);
    }
}

fn stubborn(script: &[Attempt]) -> (Wire, Stubborn) {
    let link = Stubborn::default();
    link.script.lock().unwrap().extend(script);
    (Wire::new(Box::new(link.clone())), link)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_stalls_a_download() {
    let (mut wire, link) = stubborn(&[Attempt::Takes(10)]);
    let progress = AtomicU64::new(0);
    let source = file(&[1; 100], 0);
    let before = tokio::time::Instant::now();
    let end = send_file(&mut wire, source, None, &mut flow(&progress)).await;
    assert!(matches!(end, Err(PumpError::Stalled)), "{end:?}");
    assert_eq!(before.elapsed(), STALL);
    assert_eq!(link.taken.lock().unwrap().len(), 10);
    assert_eq!(progress.load(Ordering::Relaxed), 10);
}

#[tokio::test(start_paused = true)]
async fn a_peer_so_slow_that_it_never_looks_ready_is_no_stall() {
    use Attempt::{Full, Takes};
    let (mut wire, link) = stubborn(&[Full, Takes(1), Full, Takes(1), Full, Takes(98)]);
    let progress = AtomicU64::new(0);
    let source = file(&[1; 100], 0);
    let end = send_file(&mut wire, source, None, &mut flow(&progress)).await;
    assert_eq!(end.unwrap(), 100);
    assert_eq!(*link.taken.lock().unwrap(), [1; 100]);
}

#[tokio::test(start_paused = true)]
async fn under_tls_too_slow_is_not_stalled() {
    let content = pattern(300_000);
    let (setup, roots) = certified();
    let config = Arc::new(client_config(roots, &TLS13));
    let (slow, tcp) = sluggish().await;
    // On a thread of its own: the clock would not move while the blocking pool has work.
    let peer = std::thread::spawn(move || {
        let mut client = Client::connect(&config, tcp).unwrap();
        client.read_to_end().unwrap()
    });
    let session = setup.session(DataResumption::Prefer).unwrap();
    let mut wire = Wire::new(Box::new(slow.clone()));
    wire.accept_tls(session.offer(Channel::Download), b"").await.unwrap();
    slow.begin();
    let progress = AtomicU64::new(0);
    send_file(&mut wire, file(&content, 0), None, &mut flow(&progress)).await.unwrap();
    finish(&mut wire, STALL, CLOSE).await.unwrap();
    drop((wire, slow));
    assert!(peer.join().unwrap() == content);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_nothing_stalls_an_upload() {
    let (mut wire, _link) = stubborn(&[]);
    let (mut sink, progress) = (Collected::default(), AtomicU64::new(0));
    let before = tokio::time::Instant::now();
    let (form, policy) = (image(), CloseNotify::Lenient);
    let end = receive(&mut wire, &mut sink, form, &progress, policy, &Notify::new()).await;
    assert!(matches!(end, Err(PumpError::Stalled)), "{end:?}");
    assert_eq!(before.elapsed(), STALL);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_close_is_waited_for_only_so_long() {
    let (mut wire, _link) = stubborn(&[]);
    let before = tokio::time::Instant::now();
    assert_eq!(finish(&mut wire, STALL, CLOSE).await.unwrap(), PeerEnd::Waited);
    assert_eq!(before.elapsed(), CLOSE);
}

#[tokio::test]
async fn transfers_fit_into_a_session_task_and_may_change_threads() {
    fn cost<T: Send>(future: T) -> usize {
        size_of_val(&future)
    }
    let (mut wire, _tcp) = pair().await;
    let (mut sink, progress) = (Collected::default(), AtomicU64::new(0));
    let (policy, stop) = (CloseNotify::Lenient, Notify::new());
    let mut decoder = Receiver::new(ascii(), &Options::default()).unwrap();
    let sizes = [
        cost(send_file(&mut wire, file(b"", 0), encoding(ascii()), &mut flow(&progress))),
        cost(send_lines(&mut wire, &mut Numbers(0..1), None, &mut flow(&progress))),
        cost({
            let wire = &mut wire;
            let from = Receiving { wire, flow: flow(&progress), policy, stop: &stop };
            receive_file(from, &mut sink)
        }),
        cost(finish(&mut wire, STALL, CLOSE)),
    ];
    let wire = &mut wire;
    let mut from = Receiving { wire, flow: flow(&progress), policy, stop: &stop };
    let mut ahead = Ahead::default();
    let decoding = cost(decode_file(&mut from, &mut sink, &mut decoder, &mut ahead, None));
    assert!(sizes.iter().chain([&decoding]).all(|size| *size <= 2048), "{sizes:?} {decoding}");
}
