//! Uploads that go straight into a file.

use std::io::{Seek as _, SeekFrom};

use super::*;

/// A sink that lends its file, and counts what is written the other way.
struct Lending {
    file: File,
    around: usize,
}

impl Lending {
    fn new(file: File) -> Self {
        Self { file, around: 0 }
    }

    /// What is in the file, and what the end of the transfer left to be written.
    fn content(mut self, rest: &[u8]) -> Vec<u8> {
        self.file.write_all(rest).unwrap();
        self.file.seek(SeekFrom::Start(0)).unwrap();
        let mut content = Vec::new();
        self.file.read_to_end(&mut content).unwrap();
        content
    }
}

impl Sink for Lending {
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        let written = self.file.write_all(&buf).map_err(FsError::Io);
        self.around += buf.len();
        Box::pin(async move { (buf, written) })
    }

    fn lend_file(&mut self) -> BoxFut<'_, Result<Option<File>, FsError>> {
        Box::pin(async { Ok(Some(self.file.try_clone().unwrap())) })
    }

    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(async { Ok(()) })
    }

    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        Box::pin(async { Ok(true) })
    }
}

/// How a peer leaves once it has sent everything.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Leaving {
    Properly,
    /// FIN without close_notify.
    Silently,
    /// RST.
    Abruptly,
}

/// The server's end of a connection whose peer sends this.
async fn sent(cover: Cover, content: &Arc<Vec<u8>>, leaving: Leaving) -> Wire {
    let (a, b) = (Arc::clone(content), Arc::clone(content));
    let reset = move |tcp: &TcpStream| {
        if leaving == Leaving::Abruptly {
            socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO)).unwrap();
        }
    };
    let (wire, _sending) = connected(
        cover,
        Channel::Upload,
        move |mut tcp| {
            tcp.write_all(&a).unwrap();
            reset(&tcp);
        },
        move |mut client| {
            client.send(&b);
            if leaving == Leaving::Properly {
                client.notify_close();
            }
            reset(&client.tcp);
        },
    )
    .await;
    wire
}

async fn received(
    wire: &mut Wire,
    sink: &mut Lending,
    policy: CloseNotify,
    stop: &Notify,
) -> (Result<Upload, PumpError>, u64) {
    let progress = AtomicU64::new(0);
    let from = Receiving { wire, flow: flow(&progress), policy, stop };
    let done = receive_file(from, sink).await;
    (done, progress.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_large_upload_passes_through_fewer_hands() {
    for len in [CHUNK + 1, 20 << 20, (20 << 20) + 77] {
        let content = Arc::new(pattern(len));
        for cover in COVERS {
            let mut wire = sent(cover, &content, Leaving::Properly).await;
            let mut sink = Lending::new(tempfile::tempfile().unwrap());
            let strict = CloseNotify::Strict;
            let (done, counted) = received(&mut wire, &mut sink, strict, &Notify::new()).await;
            let done = done.unwrap();
            assert_eq!((done.octets, counted), (len as u64, len as u64), "{cover:?}");
            let around = sink.around + done.rest.len();
            assert!(around < len || len < 2 * CHUNK, "{cover:?}: {around} went around");
            assert!(sink.content(&done.rest) == *content, "{cover:?}");
        }
    }
}

#[tokio::test]
async fn a_large_upload_goes_behind_what_a_file_that_only_grows_holds() {
    // The kernel moves nothing from a pipe into such a file.
    let at = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(at.path(), "before").unwrap();
    let content = Arc::new(pattern(5 << 20));
    for cover in COVERS {
        let mut wire = sent(cover, &content, Leaving::Properly).await;
        let file = File::options().append(true).read(true).open(at.path()).unwrap();
        let mut sink = Lending::new(file);
        let strict = CloseNotify::Strict;
        let (done, _) = received(&mut wire, &mut sink, strict, &Notify::new()).await;
        let whole = sink.content(&done.unwrap().rest);
        assert!(whole.starts_with(b"before") && whole.ends_with(&content), "{cover:?}");
    }
}

#[tokio::test]
async fn a_large_upload_may_come_in_small_pieces_with_pauses() {
    let content = Arc::new(pattern(2 << 20));
    let to_send = Arc::clone(&content);
    let (mut wire, _sending) = connected(
        Cover::Plain,
        Channel::Upload,
        move |mut tcp| {
            tcp.set_nodelay(true).unwrap();
            let (fast, slow) = to_send.split_at(1 << 20);
            tcp.write_all(fast).unwrap();
            for piece in slow.chunks(1000) {
                tcp.write_all(piece).unwrap();
                std::thread::yield_now();
            }
        },
        |_| (),
    )
    .await;
    let mut sink = Lending::new(tempfile::tempfile().unwrap());
    let strict = CloseNotify::Strict;
    let (done, _) = received(&mut wire, &mut sink, strict, &Notify::new()).await;
    assert!(sink.content(&done.unwrap().rest) == *content);
}

#[tokio::test]
async fn a_large_upload_that_ends_without_close_notify_is_told_apart() {
    let content = Arc::new(pattern(3 << 20));
    for (policy, allowed) in [(CloseNotify::Lenient, true), (CloseNotify::Strict, false)] {
        let mut wire = sent(Cover::Tls13, &content, Leaving::Silently).await;
        let mut sink = Lending::new(tempfile::tempfile().unwrap());
        let (done, _) = received(&mut wire, &mut sink, policy, &Notify::new()).await;
        match done {
            Ok(done) => {
                assert!(allowed && done.truncated);
                assert!(sink.content(&done.rest) == *content);
            }
            Err(PumpError::Truncated) => {
                assert!(!allowed && sink.content(b"") == *content);
            }
            Err(e) => panic!("{e:?}"),
        }
    }
}

#[tokio::test]
async fn of_a_large_upload_that_breaks_what_came_before_is_kept() {
    let content = Arc::new(pattern(6 << 20));
    for cover in COVERS {
        let mut wire = sent(cover, &content, Leaving::Abruptly).await;
        let mut sink = Lending::new(tempfile::tempfile().unwrap());
        let (broken, counted) =
            received(&mut wire, &mut sink, CloseNotify::Lenient, &Notify::new()).await;
        assert!(matches!(broken, Err(PumpError::Peer(_))), "{cover:?}: {broken:?}");
        let kept = sink.content(b"");
        assert_eq!(kept.len() as u64, counted, "{cover:?}");
        assert!(content.starts_with(&kept), "{cover:?}");
    }
}

#[tokio::test]
async fn a_disk_that_is_full_behind_a_large_upload_is_said_to_be() {
    let mut wire = sent(Cover::Plain, &Arc::new(pattern(1 << 20)), Leaving::Properly).await;
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut sink = Full(full());
    let progress = AtomicU64::new(0);
    let policy = CloseNotify::Lenient;
    let stop = &Notify::new();
    let from = Receiving { wire: &mut wire, flow: flow(&progress), policy, stop };
    let broken = receive_file(from, &mut sink).await;
    assert!(matches!(broken, Err(PumpError::Storage(FsError::NoSpace))), "{broken:?}");
}

/// A sink that has room for the first buffer only.
struct Full(File);

impl Sink for Full {
    fn write(&mut self, buf: Vec<u8>) -> BoxFut<'_, (Vec<u8>, Result<(), FsError>)> {
        Box::pin(async { (buf, Ok(())) })
    }

    fn lend_file(&mut self) -> BoxFut<'_, Result<Option<File>, FsError>> {
        Box::pin(async { Ok(Some(self.0.try_clone().unwrap())) })
    }

    fn commit(self: Box<Self>) -> BoxFut<'static, Result<(), FsError>> {
        Box::pin(async { Ok(()) })
    }

    fn abandon(self: Box<Self>) -> BoxFut<'static, Result<bool, FsError>> {
        Box::pin(async { Ok(true) })
    }
}

#[tokio::test]
async fn a_large_upload_stops_when_it_is_told_to() {
    for cover in COVERS {
        let endless = |mut to: Box<dyn Write>| while to.write_all(&[7; 65_536]).is_ok() {};
        let (mut wire, peer) = connected(
            cover,
            Channel::Upload,
            move |tcp| endless(Box::new(tcp)),
            move |client| endless(Box::new(rustls::StreamOwned::new(client.tls, client.tcp))),
        )
        .await;
        let mut sink = Lending::new(tempfile::tempfile().unwrap());
        let (stop, progress) = (Notify::new(), AtomicU64::new(0));
        let policy = CloseNotify::Lenient;
        let from = Receiving { wire: &mut wire, flow: flow(&progress), policy, stop: &stop };
        let stopping = async {
            while progress.load(Ordering::Relaxed) < 4 << 20 {
                tokio::task::yield_now().await;
            }
            stop.notify_one();
        };
        let (broken, ()) = tokio::join!(receive_file(from, &mut sink), stopping);
        assert!(matches!(broken, Err(PumpError::Stopped)), "{cover:?}: {broken:?}");
        assert_eq!(sink.content(b"").len() as u64, progress.load(Ordering::Relaxed));
        wire.abort();
        peer.await.unwrap();
    }
}
